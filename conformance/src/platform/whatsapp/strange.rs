//! What else comes to a webhook: handshakes, kinds of next year, what is for somebody else, and what cannot be read.

use serde_json::{Value, json};

use super::notify::{envelope, webhook};
use super::{ACCOUNT, NUMBER, NUMBER_ID, VERIFY_TOKEN};
use crate::platform::{Handshake, Signing, Webhook};

/// The webhook's handshake, right and wrong.
pub fn handshakes() -> Vec<Handshake> {
    let ask = |name: &'static str, mode: &str, token: &str, answer: Option<&str>| {
        let token = token.replace(' ', "%20");
        let query = format!("?hub.mode={mode}&hub.challenge=1158201444&hub.verify_token={token}");
        Handshake {
            name,
            webhook: Webhook::get(name, query),
            signing: Signing::Missing,
            answer: answer.map(|answer| answer.as_bytes().to_vec()),
        }
    };
    vec![
        ask("challenge", "subscribe", VERIFY_TOKEN, Some("1158201444")),
        ask("wrong-token", "subscribe", "another", None),
        ask("empty-token", "subscribe", "", None),
        ask(
            "token-and-more",
            "subscribe",
            &format!("{VERIFY_TOKEN}s"),
            None,
        ),
        ask("wrong-mode", "unsubscribe", VERIFY_TOKEN, None),
    ]
}

fn of_number(number: &str, fields: &Value) -> Value {
    let mut value = json!({
        "messaging_product": "whatsapp",
        "metadata": { "display_phone_number": NUMBER, "phone_number_id": number },
        "contacts": [{ "profile": { "name": "Ada" }, "wa_id": "41790009999", "user_id": "CH.999" }],
    });
    if let (Some(value), Some(fields)) = (value.as_object_mut(), fields.as_object()) {
        value.extend(fields.clone());
    }
    value
}

fn message(kind: &str, body: &Value) -> Value {
    let mut message = json!({ "from": "41790009999", "id": format!("wamid.strange-{kind}"), "timestamp": "1772998024", "type": kind });
    super::put(&mut message, kind, body.clone());
    message
}

fn messages(number: &str, message: &Value) -> Value {
    json!({ "field": "messages", "value": of_number(number, &json!({ "messages": [message] })) })
}

/// Kinds a bot cannot know.
pub fn unknown() -> Vec<Webhook> {
    let field = json!({ "field": "holograms", "value": { "event": "BEAMED" } });
    let kind = messages(NUMBER_ID, &message("hologram", &json!({ "id": "7" })));
    let status = json!({ "id": "wamid.x", "status": "dreamt-of", "timestamp": "1772998024", "recipient_id": "41790009999" });
    let status = json!({ "field": "messages", "value": of_number(NUMBER_ID, &json!({ "statuses": [status] })) });
    vec![
        webhook("unknown-field", &envelope(&[field])),
        webhook("unknown-kind", &envelope(&[kind])),
        webhook("unknown-status", &envelope(&[status])),
        webhook(
            "unknown-object",
            &json!({ "object": "whatsapp_next", "entry": [{ "id": ACCOUNT, "changes": [] }] }),
        ),
    ]
}

/// What a bot has no use for.
pub fn uninteresting() -> Vec<Webhook> {
    let text = message("text", &json!({ "body": "for somebody else" }));
    let echo = json!({ "from": NUMBER, "to": "41790009999", "id": "wamid.echo", "timestamp": "1772998024", "type": "text", "text": { "body": "from the telephone" } });
    let echo = json!({ "field": "smb_message_echoes", "value": of_number(NUMBER_ID, &json!({ "message_echoes": [echo] })) });
    let update = json!({ "field": "account_update", "value": { "event": "VERIFIED_ACCOUNT" } });
    let call = json!({ "field": "calls", "value": of_number(NUMBER_ID, &json!({ "calls": [{ "id": "wacid.1", "event": "connect" }] })) });
    let error = json!({ "code": 131_000, "title": "Something went wrong", "message": "Something went wrong" });
    let error = json!({ "field": "messages", "value": of_number(NUMBER_ID, &json!({ "errors": [error] })) });
    vec![
        webhook(
            "other-number",
            &envelope(&[messages("999999999999999", &text)]),
        ),
        webhook("echo", &envelope(&[echo])),
        webhook("account-update", &envelope(&[update])),
        webhook("call", &envelope(&[call])),
        webhook("error", &envelope(&[error])),
    ]
}

/// What cannot be read.
pub fn malformed() -> Vec<Webhook> {
    let text = messages(NUMBER_ID, &message("text", &json!({ "body": 7 })));
    let bare = messages(NUMBER_ID, &json!({ "id": "wamid.bare", "type": "text" }));
    vec![
        Webhook::post(
            "cut-off",
            "application/json",
            br#"{"object":"whatsapp_business_account","entry":[{"id""#.to_vec(),
        ),
        Webhook::post("not-json", "application/json", b"hello".to_vec()),
        webhook("wrong-type", &envelope(&[text])),
        webhook("nobody", &envelope(&[bare])),
    ]
}
