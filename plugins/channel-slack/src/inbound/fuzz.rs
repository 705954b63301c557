//! Real shapes, mutated: whatever comes with a valid signature, `ingress` answers and what it gives keeps to the contract.

use greentic_conformance::fuzz::{self, Dice};
use greentic_sdk::channel::IngressError;
use greentic_sdk::form;
use serde_json::{Value, json};

use crate::testing::{self, envelope, install_usual, message};

fn shapes() -> Vec<Value> {
    let who = json!({"id": "U1", "name": "ada"});
    let inner = json!({"type": "message", "user": "U1", "text": "old", "ts": "1763000000.000100", "thread_ts": "1762000000.000100"});
    let view = json!({"id": "V1", "callback_id": "gt-form", "hash": "h", "submit": {"text": "Send"}, "private_metadata": "{\"c\":\"C1\",\"t\":\"1.1\",\"m\":\"2.2\",\"f\":\"d.0\",\"v\":{\"a\":\"b\"}}",
        "blocks": [{"type": "input", "block_id": "b", "element": {"action_id": "a"}}], "state": {"values": {"b": {"a": {"type": "plain_text_input", "value": "x"}}, "gt-toggle-0:no": {"t": {"selected_options": []}}}}});
    let press = |id: &str, value: &str| {
        json!({
            "type": "block_actions", "user": who, "trigger_id": "9.9", "container": {"message_ts": "5.000100", "channel_id": "C1", "thread_ts": "4.000100"},
            "channel": {"id": "C1", "name": "general"}, "message": {"ts": "5.000100", "blocks": [{"type": "input", "block_id": "b", "label": {"text": "L"}, "element": {"action_id": "a"}}]},
            "state": {"values": {"b": {"a": {"value": "x"}}}}, "response_url": "https://hooks.slack.com/actions/1",
            "actions": [{"type": "button", "action_id": id, "block_id": "c", "value": value, "text": {"text": "Go"}, "action_ts": "1764000003.500000"}],
        })
    };
    let mut shapes: Vec<Value> = [
        message(&json!({"text": "<@UBOT> a &amp; b <https://x.example|docs> <!date^1^x|y> *z*"})),
        message(&json!({"type": "app_mention", "thread_ts": "1.000100"})),
        message(&json!({"subtype": "file_share", "files": [{"id": "F1", "name": "a", "mimetype": "image/png", "size": 12, "mode": "hosted"}]})),
        message(&json!({"subtype": "message_changed", "message": inner, "previous_message": {"text": "older"}})),
        message(&json!({"subtype": "message_deleted", "deleted_ts": "1.1", "previous_message": inner})),
        message(&json!({"subtype": "bot_message", "bot_id": "B2", "username": "u", "attachments": [{"fallback": "f"}]})),
        json!({"type": "reaction_added", "user": "U1", "reaction": "+1::skin-tone-2", "item": {"type": "message", "channel": "C1", "ts": "1.1"}, "event_ts": "2.5"}),
        json!({"type": "member_joined_channel", "user": "U1", "channel": "C1", "channel_type": "C", "event_ts": "2.5"}),
        json!({"type": "assistant_thread_started", "event_ts": "3.5", "assistant_thread": {"user_id": "U1", "channel_id": "D1", "thread_ts": "3.000100"}}),
    ]
    .iter()
    .map(envelope)
    .collect();
    shapes.push(json!({"type": "url_verification", "challenge": "abc"}));
    shapes.push(json!({"type": "app_rate_limited", "team_id": "T1", "minute_rate_limited": 1}));
    for (id, value) in [
        ("gt-send-0", "={\"a\":1}"),
        ("gt-reply-1", "=yes"),
        ("gt-open-2", "=d.0"),
        ("gt-plain-3", "#gone"),
        ("gt-link-4", ""),
        ("theirs", "v"),
    ] {
        shapes.push(json!({ "payload": press(id, value) }));
    }
    shapes.push(json!({"payload": {"type": "view_submission", "user": who, "trigger_id": "8.8", "view": view}}));
    shapes.push(json!({"payload": {"type": "shortcut", "callback_id": "s", "trigger_id": "1.1", "action_ts": "7.5", "user": who}}));
    shapes.push(json!({"payload": {"type": "message_action", "callback_id": "s", "trigger_id": "1.1", "user": who, "channel": {"id": "C1"}, "message": inner}}));
    shapes.push(json!({"command": "/ticket", "text": "T-1", "team_id": "T1", "channel_id": "C1", "channel_name": "directmessage", "user_id": "U1", "user_name": "ada", "response_url": "https://hooks.slack.com/commands/1", "trigger_id": "1.2"}));
    shapes
}

/// Texts that mean something to the channel.
const WORDS: [&str; 6] = [
    "UBOT",
    "1764000000.1e5",
    "message",
    "payload",
    "gt-send-0",
    "=yes",
];

/// The request's bytes and media type; forms are those shapes that have a payload or a command.
fn wire(shape: &Value, dice: &mut Dice) -> (Vec<u8>, &'static str) {
    let is_form = shape.get("payload").is_some() || shape.get("command").is_some();
    let mut bytes = if is_form {
        let pairs: Vec<(String, String)> = shape
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| {
                let text = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                (name.clone(), text)
            })
            .collect();
        let pairs: Vec<(&str, &str)> = pairs
            .iter()
            .map(|(a, b)| (a.as_str(), b.as_str()))
            .collect();
        form::encode(&pairs).into_bytes()
    } else {
        shape.to_string().into_bytes()
    };
    if dice.once_in(10) {
        fuzz::disturb_bytes(&mut bytes, dice);
    }
    let media = if is_form != dice.once_in(40) {
        form::CONTENT_TYPE
    } else {
        "application/json"
    };
    (bytes, media)
}

#[test]
fn fuzz_ingress() {
    let cases = fuzz::cases();
    let shapes = shapes();
    install_usual();
    let (mut events, mut ignored, mut malformed) = (0_usize, 0_u32, 0_usize);
    for case in 0..cases {
        // The stand-in remembers every request it was sent.
        if case % 1_000 == 0 {
            install_usual();
        }
        let mut dice = Dice::of_case(case);
        let mut shape = shapes[dice.below(shapes.len())].clone();
        for _ in 0..dice.below(4) {
            fuzz::disturb(&mut shape, &mut dice, &WORDS);
        }
        let (bytes, media) = wire(&shape, &mut dice);
        match testing::ingress(&bytes, media) {
            Ok(outcome) => {
                assert_eq!(outcome.response.status, 200, "case {case}");
                assert!(outcome.events.len() <= 256, "case {case}");
                for event in &outcome.events {
                    assert!(
                        event.id.len() <= 512 && event.dedupe_key.len() <= 512,
                        "case {case}"
                    );
                    assert!(
                        event.sender.id.len() <= 512 && event.conversation.id.len() <= 512,
                        "case {case}"
                    );
                    assert!(
                        event.said().is_none_or(|text| text.len() <= 64 * 1024),
                        "case {case}"
                    );
                }
                events += outcome.events.len();
                ignored += outcome.ignored;
                malformed += usize::from(outcome.malformed.is_some());
            }
            Err(IngressError::Unavailable(_)) => {}
            Err(other) => panic!("case {case}: {other:?}"),
        }
    }
    // The cases reach every kind of outcome, and are not all refused at the door.
    assert!(
        events > 0 && ignored > 0 && malformed > 0,
        "{events} events, {ignored} ignored, {malformed} malformed"
    );
}
