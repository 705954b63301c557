//! Notifications that were real once, mutated: whatever comes in signed is acknowledged, and what comes out is within the host's bounds.
//!
//! `GREENTIC_FUZZ_CASES` sets how many cases `fuzz_ingress` runs; the seed is fixed, so a case that failed fails again.

use greentic_conformance::fuzz::{self, Dice};
use greentic_sdk::model::{Event, EventBody};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::limits::{EVENTS, ID_BYTES, JSON_BYTES, TEXT_BYTES};
use crate::settings::Settings;
use crate::testing::{message, notification, serve, signed, table, value, with};

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

/// Texts that mean something to the channel.
const WORDS: [&str; 7] = [
    "text",
    "sent",
    "group",
    "interactive",
    "button_reply",
    "messages",
    "0d:{}",
];

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
    let shapes = shapes();
    let mut settings = with(all_events());
    for case in 0..fuzz::cases() {
        let mut dice = Dice::of_case(case);
        // A memory that grows for ever would be measured here and nothing else.
        if case % 5_000 == 4_999 {
            settings = with(all_events());
        }
        let shape = &shapes[dice.below(shapes.len())];
        try_one(&settings, &fuzz::body(shape, &mut dice, &WORDS, 3));
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
