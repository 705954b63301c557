//! Requests of every call and every shape of activity, disturbed: whatever comes is answered, and what comes out of it keeps to the
//! contract's bounds.

use std::collections::BTreeMap;

use greentic_conformance::fuzz::{self, Dice};

use super::*;
use crate::limits::TEXT_BYTES;

/// Texts that mean something to the channel.
const WORDS: [&str; 8] = [
    "message",
    "postBack",
    "clientActivityID",
    "messageReaction",
    "endOfConversation",
    "bot",
    "data:text/plain;base64,aGk=",
    "dl_x",
];

/// An activity of each kind a client sends.
fn shapes() -> Vec<Value> {
    let file = json!({"contentType": "image/png", "contentUrl": "data:image/png;base64,iVBORw0=", "name": "a.png"});
    let from = json!({"id": "dl_1", "name": "Ada", "role": "user"});
    vec![
        json!({"type": "message", "text": "hello", "textFormat": "plain", "from": from, "locale": "en-GB", "localTimestamp": "2026-01-02T03:04:05.006+01:00",
            "entities": [{"type": "ClientCapabilities", "requiresBotState": true}], "channelData": {"clientActivityID": "c1", "attachmentSizes": []}}),
        json!({"type": "message", "text": "**bold**", "textFormat": "markdown", "replyToId": "x|1", "from": from}),
        json!({"type": "message", "text": "/help me now", "from": from}),
        json!({"type": "message", "attachments": [file, file], "from": from, "channelData": {"clientActivityID": "c2", "attachmentSizes": [3, 4]}}),
        json!({"type": "message", "value": {"a": [1, {"b": null}]}, "from": from, "channelData": {"postBack": true, "clientActivityID": "c3"}}),
        json!({"type": "message", "text": "Yes", "value": "yes", "from": from, "channelData": {"messageBack": {"text": "Yes"}}}),
        json!({"type": "typing", "from": from}),
        json!({"type": "event", "name": "webchat/join", "value": {"language": "en"}, "from": from}),
        json!({"type": "event", "name": "messageReaction", "value": {"activityId": "x|1", "reaction": "like", "added": true}, "from": from}),
        json!({"type": "messageReaction", "replyToId": "x|1", "reactionsAdded": [{"type": "like"}], "reactionsRemoved": [{"type": "sad"}], "from": from}),
        json!({"type": "invoke", "name": "adaptiveCard/action", "value": {"action": {"verb": "v"}}, "from": from}),
        json!({"type": "endOfConversation", "code": "completedSuccessfully", "from": from}),
        json!({"user": {"id": "dl_1", "name": "Ada"}, "trustedOrigins": ["https://a.example"]}),
    ]
}

/// A call with a body near one of the shapes, sent as one of the calls there are.
fn disturbed(shapes: &[Value], conversation: &str, token: &str, dice: &mut Dice) -> Request {
    let shape = &shapes[dice.below(shapes.len())];
    let mut body = fuzz::body(shape, dice, &WORDS, 6);
    let own = format!("/conversations/{conversation}");
    let (method, path) = match dice.below(16) {
        0 => ("POST", "/tokens/generate".to_owned()),
        1 => ("POST", "/tokens/refresh".to_owned()),
        2 => ("POST", "/conversations".to_owned()),
        3 => (
            "GET",
            format!("{own}/activities?watermark={}", dice.below(3)),
        ),
        4 => ("GET", own),
        5 => ("POST", format!("{own}/upload?userId=dl_1")),
        _ => ("POST", format!("{own}/activities")),
    };
    let mut path = path.into_bytes();
    if dice.once_in(16) {
        fuzz::disturb_bytes(&mut path, dice);
    }
    let path = format!(
        "/{}",
        String::from_utf8_lossy(&path).trim_start_matches('/')
    );
    let mut token = token.to_owned().into_bytes();
    if dice.once_in(12) {
        fuzz::disturb_bytes(&mut token, dice);
    }
    let mut made = request(
        method,
        &path,
        Some(&String::from_utf8_lossy(&token)),
        Value::Null,
    );
    if made.path.ends_with("/upload") {
        let mut parts = b"--b\r\ncontent-disposition: form-data; name=\"activity\"; filename=\"blob\"\r\ncontent-type: application/vnd.microsoft.activity\r\n\r\n".to_vec();
        parts.append(&mut body);
        parts.extend_from_slice(b"\r\n--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.png\"\r\ncontent-type: image/png\r\n\r\n\x89PNG\r\n--b--\r\n");
        if dice.once_in(2) {
            fuzz::disturb_bytes(&mut parts, dice);
        }
        made = with(made, "content-type", "multipart/form-data; boundary=b");
        body = parts;
    }
    if dice.once_in(16) {
        made = with(made, "origin", "https://elsewhere.example");
    }
    made.body = body;
    made
}

fn is_within_bounds(event: &Event) -> bool {
    let ids = [
        &event.id,
        &event.dedupe_key,
        &event.conversation.id,
        &event.sender.id,
    ];
    ids.iter().all(|id| !id.is_empty() && id.len() <= 512)
        && event.said().is_none_or(|text| text.len() <= TEXT_BYTES)
}

#[test]
fn fuzz_ingress() {
    let shapes = shapes();
    let settings = anonymous();
    let mut host = MemoryHost::at(1_000);
    let (mut conversation, mut token) = begin(&host, &settings);
    let mut answers: BTreeMap<u16, u64> = BTreeMap::new();
    let mut events = 0_usize;
    let cases = fuzz::cases();
    for case in 0..cases {
        if case % 200 == 199 {
            // Its log would grow for ever.
            host = MemoryHost::at(1_000);
            (conversation, token) = begin(&host, &settings);
        }
        let mut dice = Dice::of_case(case);
        let request = disturbed(&shapes, &conversation, &token, &mut dice);
        let outcome = serve(&host, &settings, &request);
        let status = outcome.response.status;
        assert!(
            (200..500).contains(&status),
            "case {case}: {status} for {request:?}"
        );
        assert!(
            status < 300 || outcome.events.is_empty(),
            "case {case}: refused with {status}, and an event all the same"
        );
        for event in &outcome.events {
            assert!(is_within_bounds(event), "case {case}: {event:?}");
        }
        *answers.entry(status).or_default() += 1;
        events += outcome.events.len();
    }
    // The cases reach what they are for.
    let taken: u64 = answers.range(200..300).map(|(_, count)| *count).sum();
    assert!(
        taken * 100 / cases.max(1) > 30 && events > 0,
        "{answers:?}, {events} events"
    );
    for status in [400, 403, 404] {
        assert!(answers.contains_key(&status), "{answers:?}");
    }
}
