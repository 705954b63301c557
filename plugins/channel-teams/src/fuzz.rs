//! Mutated activities of every shape through the whole of `ingress`.
//!
//! `GREENTIC_FUZZ_CASES` sets the number of cases. They follow from a fixed seed, so that a failure comes again.

use greentic_sdk::channel::IngressError;
use serde_json::{Value, json};

use crate::testing::{
    APP, NOW, Platform, SERVICE, activity, authorization, claims, in_channel, install, request,
    settings,
};

/// A small generator (xorshift64*): reproducible, and nothing depends on its quality.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % sides.max(1)
    }
}

impl Dice {
    fn byte(&mut self) -> u8 {
        u8::try_from(self.roll(256)).unwrap()
    }
}

/// One of every kind, with most fields there are.
fn shapes() -> Vec<Value> {
    let mention = json!({"type": "mention", "mentioned": {"id": format!("28:{APP}"), "name": "Help Desk"}, "text": "<at>Help Desk</at>"});
    let invoke = |name: &str, value: Value| {
        activity(json!({"type": "invoke", "name": name, "value": value, "text": null}))
    };
    vec![
        activity(json!({})),
        activity(
            json!({"conversation": in_channel(), "text": "<at>Help Desk</at> hi", "entities": [mention, {"type": "clientInfo", "locale": "en"}]}),
        ),
        activity(json!({"text": null, "value": {"a": [1, {"b": null}]}, "replyToId": "16"})),
        activity(json!({"attachments": [
            {"contentType": "application/vnd.microsoft.teams.file.download.info", "name": "a.pdf", "content": {"downloadUrl": "https://c.sharepoint.com/d", "fileType": "pdf"}},
            {"contentType": "image/*", "contentUrl": format!("{SERVICE}v3/attachments/1/views/original")},
            {"contentType": "text/html", "content": "<p>x</p>"}
        ]})),
        activity(json!({"type": "messageUpdate", "channelData": {"eventType": "editMessage"}})),
        activity(json!({"type": "messageDelete"})),
        activity(
            json!({"type": "messageReaction", "replyToId": "16", "reactionsAdded": [{"type": "like"}], "reactionsRemoved": [{"type": "x"}]}),
        ),
        activity(
            json!({"type": "conversationUpdate", "membersAdded": [{"id": "29:a", "name": "A"}], "membersRemoved": [{"id": "29:b"}], "channelData": {"eventType": "teamMemberAdded"}}),
        ),
        activity(
            json!({"type": "conversationUpdate", "channelData": {"eventType": "teamRenamed", "team": {"id": "t"}}}),
        ),
        activity(json!({"type": "installationUpdate", "action": "add"})),
        activity(json!({"type": "typing", "id": null})),
        activity(
            json!({"type": "event", "name": "application/vnd.microsoft.readReceipt", "value": {"lastReadMessageId": "1"}}),
        ),
        activity(json!({"type": "endOfConversation"})),
        invoke(
            "adaptiveCard/action",
            json!({"action": {"type": "Action.Execute", "verb": "v", "data": {"a": 1}}, "trigger": "manual"}),
        ),
        invoke(
            "task/fetch",
            json!({"data": {"dialog": {"title": "t", "card": {"type": "AdaptiveCard"}}}}),
        ),
        invoke("task/submit", json!({"data": {"x": "y"}})),
        invoke(
            "fileConsent/invoke",
            json!({"action": "accept", "context": {"file": "d"}, "uploadInfo": {"uploadUrl": "https://c.sharepoint.com/u"}}),
        ),
        invoke("composeExtension/submitAction", json!({"data": {}})),
        invoke("signin/tokenExchange", json!({"id": "1", "token": "t"})),
    ]
}

fn leaf(dice: &mut Dice) -> Value {
    match dice.roll(14) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(1e300),
        4 => json!(u64::MAX),
        5 => json!(""),
        6 => json!("\u{0}\u{feff}é👩‍👩‍👧"),
        7 => json!("x".repeat(dice.roll(70_000))),
        8 => json!(";messageid="),
        9 => json!("<at></at>&nbsp;"),
        10 => json!([]),
        11 => json!({}),
        12 => json!(["a", 1, null, {"id": {}}]),
        _ => json!("9999-99-99T99:99:99+99:99"),
    }
}

/// Changes something somewhere.
fn change(value: &mut Value, dice: &mut Dice) {
    match value {
        Value::Object(fields) if !fields.is_empty() && dice.roll(8) > 0 => {
            let at = dice.roll(fields.len());
            let name = fields.keys().nth(at).cloned().unwrap();
            match dice.roll(8) {
                0 => {
                    fields.remove(&name);
                }
                1 => {
                    let moved = fields.remove(&name).unwrap();
                    fields.insert(format!("{name}{name}"), moved);
                }
                _ => change(&mut fields[&name], dice),
            }
        }
        Value::Array(items) if !items.is_empty() && dice.roll(6) > 0 => {
            let at = dice.roll(items.len());
            match dice.roll(5) {
                0 => {
                    let copies = vec![items[at].clone(); dice.roll(400)];
                    items.extend(copies);
                }
                _ => change(&mut items[at], dice),
            }
        }
        Value::String(text) if dice.roll(3) > 0 => {
            let cut = text
                .char_indices()
                .nth(dice.roll(20))
                .map_or(0, |(at, _)| at);
            match dice.roll(3) {
                0 => text.truncate(cut),
                1 => text.insert_str(cut, ["<at>", "\u{0}", "é", "..", "%", "|"][dice.roll(6)]),
                _ => *text = text.repeat(1 + dice.roll(40)),
            }
        }
        other => *other = leaf(dice),
    }
}

/// A body: mostly a changed activity, sometimes bytes that are hardly one.
fn body(shapes: &[Value], dice: &mut Dice) -> Vec<u8> {
    let mut value = shapes[dice.roll(shapes.len())].clone();
    for _ in 0..dice.roll(5) {
        change(&mut value, dice);
    }
    // Most keep the address the token names, or nothing behind the check would ever be reached.
    if dice.roll(10) > 0 && value.is_object() {
        value["serviceUrl"] = json!(SERVICE);
        value["channelId"] = json!("msteams");
    }
    let mut bytes = value.to_string().into_bytes();
    if dice.roll(12) == 0 {
        for _ in 0..=dice.roll(4) {
            let at = dice.roll(bytes.len());
            match dice.roll(3) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, dice.byte()),
                _ => bytes.resize(bytes.len() + 1, dice.byte()),
            }
        }
    }
    bytes
}

/// An authorization; whether it is the good one.
fn authorizations(good: &str, dice: &mut Dice) -> (String, bool) {
    if dice.roll(8) > 0 {
        return (good.to_owned(), true);
    }
    let at = dice.roll(good.len());
    let mut other = good.to_owned();
    match dice.roll(3) {
        0 => other.truncate(at),
        1 => other.insert(at, 'A'),
        _ => {
            other.remove(at);
        }
    }
    (other, false)
}

#[test]
fn fuzz_ingress() {
    let cases: u64 = std::env::var("GREENTIC_FUZZ_CASES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(20_000);
    let (settings, shapes) = (settings(), shapes());
    let mut dice = Dice(0x7ea5_5eed);
    let good = authorization(&claims());
    let (mut taken, mut events, mut malformed, mut unverified) = (0_u64, 0_u64, 0_u64, 0_u64);
    for case in 0..cases {
        if case % 5_000 == 0 {
            // The stand-in's memory and its list of requests would grow for ever.
            install(Platform::default());
        }
        let (authorization, is_good) = authorizations(&good, &mut dice);
        let bytes = body(&shapes, &mut dice);
        let request = request(&[&authorization], bytes);
        match crate::ingress::ingress(&settings, &request, NOW) {
            Ok(outcome) => {
                assert!(is_good, "case {case}: a token that was changed was taken");
                assert!((200..500).contains(&outcome.response.status), "case {case}");
                assert!(outcome.events.len() <= 1_000, "case {case}");
                for event in &outcome.events {
                    assert!(!event.id.is_empty() && event.id.len() <= 512, "case {case}");
                    assert!(event.dedupe_key.len() <= 512, "case {case}");
                    assert!(!event.conversation.id.is_empty(), "case {case}");
                }
                let said = outcome.malformed.is_some();
                assert!(
                    said || !outcome.events.is_empty() || outcome.ignored > 0,
                    "case {case}: neither an event nor ignored nor malformed"
                );
                taken += 1;
                events += outcome.events.len() as u64;
                malformed += u64::from(said);
            }
            Err(IngressError::Unverified(_)) => unverified += 1,
            // A consent whose file is not there to upload.
            Err(IngressError::Unavailable(_)) => {}
            Err(error) => panic!("case {case}: {error:?}"),
        }
    }
    // The cases reach what they are for.
    let share = |count: u64| count * 100 / cases.max(1);
    assert!(cases > 0);
    assert!(
        share(taken) > 50 && share(events) > 20,
        "{taken} taken, {events} events"
    );
    assert!(
        share(malformed) > 3 && share(unverified) > 5,
        "{malformed} malformed, {unverified} unverified"
    );
}
