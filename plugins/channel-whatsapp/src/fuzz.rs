//! Notifications that were real once, mutated: whatever comes in signed is acknowledged, and what comes out is within the host's bounds.
//!
//! `GREENTIC_FUZZ_CASES` sets how many cases `fuzz_ingress` runs; the seed is fixed, so a case that failed fails again.

use greentic_sdk::model::{Event, EventBody};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::limits::{EVENTS, ID_BYTES, JSON_BYTES, TEXT_BYTES};
use crate::settings::Settings;
use crate::testing::{message, notification, serve, signed, table, value, with};

/// A generator of numbers that is the same everywhere (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.roll() % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }
}

/// One notification of each kind.
fn shapes() -> Vec<Value> {
    let context = json!({"from": "15550001", "id": "wamid.ours", "forwarded": true, "referred_product": {"catalog_id": "1"}});
    let messages = [
        json!({"type": "text", "text": {"body": "hi"}, "context": context}),
        json!({"type": "text", "text": {"body": "/help me"}, "group_id": "G.1", "from_user_id": "CH.1001"}),
        json!({"type": "image", "image": {"id": "11", "mime_type": "image/jpeg", "sha256": "x", "caption": "sea"}}),
        json!({"type": "audio", "audio": {"id": "12", "mime_type": "audio/ogg; codecs=opus", "voice": true}}),
        json!({"type": "document", "document": {"id": "13", "mime_type": "application/pdf", "filename": "a.pdf"}}),
        json!({"type": "sticker", "sticker": {"id": "14", "mime_type": "image/webp", "animated": false}}),
        json!({"type": "location", "location": {"latitude": 1.5, "longitude": -2, "name": "Bar"}}),
        json!({"type": "contacts", "contacts": [{"name": {"formatted_name": "Bob"}, "phones": [{"phone": "+41"}]}]}),
        json!({"type": "reaction", "reaction": {"message_id": "wamid.r", "emoji": "👍"}}),
        json!({"type": "button", "button": {"payload": "stop", "text": "Stop"}, "context": context}),
        json!({"type": "interactive", "interactive": {"type": "button_reply", "button_reply": {"id": "0d:{}", "title": "A"}}}),
        json!({"type": "interactive", "interactive": {"type": "list_reply", "list_reply": {"id": "1k:0123456789abcdef0123456789abcdef", "title": "B"}}}),
        json!({"type": "interactive", "interactive": {"type": "nfm_reply", "nfm_reply": {"response_json": "{\"a\":\"1\"}", "body": "Sent"}}}),
        json!({"type": "order", "order": {"catalog_id": "1", "product_items": [{"quantity": 1}]}}),
        json!({"type": "system", "system": {"type": "user_changed_number", "wa_id": "2", "body": "x"}}),
        json!({"type": "edit", "edit": {"original_message_id": "wamid.o", "message": {"text": {"body": "b"}}}}),
        json!({"type": "revoke", "revoke": {"original_message_id": "wamid.o"}}),
        json!({"type": "request_welcome"}),
        json!({"type": "unsupported", "errors": [{"code": 131_051}], "unsupported": {"type": "poll"}}),
    ];
    let mut shapes: Vec<Value> = messages
        .into_iter()
        .map(|fields| {
            let mut message = message("wamid.1", fields);
            message["referral"] = json!({"source_id": "7"});
            notification(value(json!({ "messages": [message] })))
        })
        .collect();
    shapes.push(notification(value(json!({
        "statuses": [
            {"id": "wamid.s", "status": "delivered", "timestamp": "1790000000", "recipient_id": "41790001", "recipient_user_id": "CH.1001", "biz_opaque_callback_data": "d-1"},
            {"id": "wamid.s", "status": "failed", "timestamp": 1, "recipient_id": "G.1", "recipient_type": "group", "recipient_participant_id": "1", "errors": [{"code": 131_047, "title": "t", "error_data": {"details": "d"}}]},
        ],
        "errors": [{"code": 1, "title": "t"}],
    }))));
    shapes
}

/// A few changes to the tree, then perhaps a few to the bytes.
fn mutated(shape: &Value, dice: &mut Dice) -> Vec<u8> {
    let mut tree = shape.clone();
    for _ in 0..=dice.below(3) {
        change(&mut tree, dice);
    }
    let mut bytes = tree.to_string().into_bytes();
    if dice.below(3) == 0 {
        for _ in 0..=dice.below(4) {
            let at = dice.below(bytes.len());
            match dice.below(4) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at.min(bytes.len()), u8::try_from(dice.below(256)).unwrap()),
                2 if !bytes.is_empty() => bytes[at] ^= 1 << dice.below(8),
                _ => {
                    let piece = bytes[at..(at + dice.below(40)).min(bytes.len())].to_vec();
                    bytes.splice(at..at, piece);
                }
            }
        }
    }
    bytes
}

/// Walks down to some place and changes what is there.
fn change(tree: &mut Value, dice: &mut Dice) {
    let deeper = dice.below(8) != 0;
    match tree {
        Value::Object(fields) if deeper && !fields.is_empty() => {
            let key = fields.keys().nth(dice.below(fields.len())).unwrap().clone();
            if dice.below(12) == 0 {
                fields.remove(&key);
            } else {
                change(&mut fields[&key], dice);
            }
        }
        Value::Array(items) if deeper && !items.is_empty() => {
            let at = dice.below(items.len());
            match dice.below(12) {
                0 => {
                    items.remove(at);
                }
                1 => {
                    let copy = items[at].clone();
                    let most = if dice.below(20) == 0 { 300 } else { 4 };
                    items.extend(std::iter::repeat_n(copy, dice.below(most)));
                }
                _ => change(&mut items[at], dice),
            }
        }
        place => *place = odd(dice),
    }
}

/// A value somebody did not think of.
fn odd(dice: &mut Dice) -> Value {
    match dice.below(14) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(u64::MAX),
        4 => json!(1e300),
        5 => json!([]),
        6 => json!({}),
        7 => json!([[{}]]),
        8 => json!(""),
        9 => json!("x".repeat(dice.below(700))),
        10 => json!("\u{0}\u{feff}\u{202e}é😀"),
        11 => json!("../../etc?x#y%00"),
        12 if dice.below(30) == 0 => json!("ä".repeat(dice.below(70_000))),
        _ => json!(
            [
                "text",
                "sent",
                "group",
                "interactive",
                "button_reply",
                "messages"
            ][dice.below(6)]
        ),
    }
}

/// What the host demands of an event.
fn is_within_bounds(event: &Event) -> bool {
    let ids = [
        &event.id,
        &event.dedupe_key,
        &event.conversation.id,
        &event.sender.id,
    ];
    let body = match &event.body {
        EventBody::Message(message) => {
            message.text.len() <= TEXT_BYTES
                && message
                    .attachments
                    .iter()
                    .all(|file| file.url.is_some() && !file.name.is_empty())
        }
        EventBody::Postback(postback) => {
            postback.data.len() <= JSON_BYTES
                && serde_json::from_str::<Value>(&postback.data).is_ok()
        }
        EventBody::Custom(custom) => {
            custom.data.len() <= JSON_BYTES && serde_json::from_str::<Value>(&custom.data).is_ok()
        }
        EventBody::Edited(edit) => edit.text.len() <= TEXT_BYTES && !edit.message_id.is_empty(),
        EventBody::Reaction(reaction) => !(reaction.added && reaction.emoji.is_empty()),
        _ => true,
    };
    body && ids.iter().all(|id| !id.is_empty())
        && [&event.id, &event.conversation.id, &event.sender.id]
            .iter()
            .all(|id| id.len() <= ID_BYTES)
}

fn try_one(settings: &Settings, body: &[u8]) {
    let outcome = serve(settings, &signed(body));
    let shown = String::from_utf8_lossy(body);
    let Ok(outcome) = outcome else {
        panic!("{outcome:?} for {shown:.2000}")
    };
    assert_eq!(outcome.response.status, 200, "{shown:.2000}");
    assert!(outcome.events.len() <= EVENTS, "{shown:.2000}");
    for event in &outcome.events {
        assert!(is_within_bounds(event), "{event:?} of {shown:.2000}");
    }
}

fn all_events() -> greentic_sdk::native::Table {
    table().config("extra-events", r#"["referral","system"]"#)
}

#[test]
fn fuzz_ingress() {
    let cases: usize = std::env::var("GREENTIC_FUZZ_CASES")
        .ok()
        .map_or(20_000, |cases| cases.parse().unwrap());
    let shapes = shapes();
    let mut dice = Dice(0x5eed);
    let mut settings = with(all_events());
    for case in 0..cases {
        // A memory that grows for ever would be measured here and nothing else.
        if case % 5_000 == 4_999 {
            settings = with(all_events());
        }
        let shape = &shapes[dice.below(shapes.len())];
        try_one(&settings, &mutated(shape, &mut dice));
    }
}

#[test]
fn the_shapes_themselves_are_all_understood() {
    let settings = with(all_events());
    for shape in shapes() {
        let outcome = serve(&settings, &signed(shape.to_string().as_bytes())).unwrap();
        assert_eq!(outcome.malformed, None, "{shape}");
        assert!(!outcome.events.is_empty(), "{shape}");
    }
}

proptest! {
    #[test]
    fn no_signed_bytes_are_refused_or_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        try_one(&with(table()), &bytes);
    }

    #[test]
    fn any_value_in_place_of_a_message_is_acknowledged(text in ".{0,50}", number: i64, kind in "text|image|interactive|system|[a-z]{1,12}") {
        let settings = with(table());
        for odd in [json!(text), json!(number), json!([text]), json!({"body": number}), json!({"id": text, "type": kind})] {
            let fields = json!({"type": kind, kind.as_str(): odd, "context": odd, "errors": odd, "timestamp": odd});
            try_one(&settings, notification(value(json!({"messages": [message("w", fields), odd.clone()], "statuses": [odd]}))).to_string().as_bytes());
        }
    }
}
