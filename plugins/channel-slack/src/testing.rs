//! Requests as Slack sends them, for the tests.

use greentic_sdk::channel::{Channel, IngressError, IngressOutcome, Request, Surface};
use greentic_sdk::http::{Fault, Request as HttpRequest, Response as HttpResponse};
use greentic_sdk::model::Header;
use greentic_sdk::native::{Table, install, requests, set_clock};
use greentic_sdk::{form, hex};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

/// The signing secret of the tests.
pub const SECRET: &[u8] = b"8f742231b10e8888abcd99yyyzzz85a5";

/// A request with this signature header.
pub fn request(body: &[u8], content_type: &str, at_s: u64, tag: &str) -> Request {
    Request {
        surface: Surface::Webhook,
        method: "POST".into(),
        origin: "https://bot.example.com".into(),
        base: "/v1/messaging/ingress/slack/demo/default/slack".into(),
        path: String::new(),
        query: None,
        headers: vec![
            Header::new("content-type", content_type),
            Header::new("x-slack-signature", tag),
            Header::new("x-slack-request-timestamp", &at_s.to_string()),
        ],
        body: body.to_vec(),
    }
}

/// A request signed with `secret`.
pub fn signed(secret: &[u8], body: &[u8], content_type: &str, at_s: u64) -> Request {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(format!("v0:{at_s}:").as_bytes());
    mac.update(body);
    let tag = format!("v0={}", hex::encode(&mac.finalize().into_bytes()));
    request(body, content_type, at_s, &tag)
}

/// The time of the tests, in seconds.
pub const NOW_S: u64 = 1_764_000_000;

/// A stand-in with the channel's secrets and a Slack that answers `script` first and the usual calls by itself.
pub fn stand_in(
    mut script: impl FnMut(&HttpRequest) -> Option<Result<HttpResponse, Fault>> + 'static,
) -> Table {
    Table::new()
        .secret("slack/signing-secret", SECRET)
        .secret("slack/bot-token", b"xoxb-test")
        .http(move |request| {
            if let Some(answer) = script(request) {
                return answer;
            }
            Ok(HttpResponse::of_json(200, &usual(request)))
        })
}

/// What Slack answers when nothing is wrong.
fn usual(request: &HttpRequest) -> Value {
    match method(request) {
        "auth.test" => {
            json!({"ok": true, "user_id": "UBOT", "bot_id": "BBOT", "team_id": "T1"})
        }
        "users.info" => {
            json!({"ok": true, "user": {"id": "U1", "real_name": "Ada", "locale": "de-CH"}})
        }
        "conversations.open" => json!({"ok": true, "channel": {"id": "D9"}}),
        "chat.postMessage" => json!({"ok": true, "ts": "1764000001.000100"}),
        "chat.postEphemeral" => json!({"ok": true, "message_ts": "1764000002.000100"}),
        _ => json!({"ok": true}),
    }
}

/// Installs the usual stand-in at the tests' time, as a new instance.
pub fn install_usual() {
    install_with(|_| None);
}

/// Installs a stand-in with a script at the tests' time, as a new instance.
pub fn install_with(
    script: impl FnMut(&HttpRequest) -> Option<Result<HttpResponse, Fault>> + 'static,
) {
    install(stand_in(script));
    set_clock(NOW_S * 1000);
    crate::identity::Identity::forget();
}

/// The method of the Web API a request calls.
pub fn method(request: &HttpRequest) -> &str {
    request.url.rsplit('/').next().unwrap_or_default()
}

/// What was sent to a method since the stand-in was installed, as JSON.
pub fn sent(name: &str) -> Vec<Value> {
    requests()
        .iter()
        .filter(|request| method(request) == name)
        .map(|request| serde_json::from_slice(&request.body).unwrap_or_default())
        .collect()
}

/// The names of the methods that were called.
pub fn called() -> Vec<String> {
    requests()
        .iter()
        .map(|request| method(request).to_owned())
        .collect()
}

/// `ok: false` with this code.
pub fn refusal(code: &str) -> Option<Result<HttpResponse, Fault>> {
    Some(Ok(HttpResponse::of_json(
        200,
        &json!({"ok": false, "error": code}),
    )))
}

/// Runs `ingress` with an event or another JSON body, signed.
pub fn ingress_json(body: &Value) -> Result<IngressOutcome, IngressError> {
    ingress(body.to_string().as_bytes(), "application/json")
}

/// Runs `ingress` with an interaction, signed.
pub fn ingress_payload(payload: &Value) -> IngressOutcome {
    ingress_form(&[("payload", &payload.to_string())])
}

/// Runs `ingress` with a form, signed.
pub fn ingress_form(pairs: &[(&str, &str)]) -> IngressOutcome {
    ingress(form::encode(pairs).as_bytes(), form::CONTENT_TYPE).unwrap()
}

/// Runs `ingress` with signed bytes.
pub fn ingress(body: &[u8], content_type: &str) -> Result<IngressOutcome, IngressError> {
    crate::Slack::ingress(signed(SECRET, body, content_type, NOW_S))
}

/// An event in its envelope.
pub fn envelope(event: &Value) -> Value {
    json!({
        "token": "t", "team_id": "T1", "api_app_id": "A1", "type": "event_callback", "event_id": "Ev1",
        "event_time": NOW_S, "event": event, "authorizations": [{"team_id": "T1", "user_id": "UBOT", "is_bot": true}],
    })
}

/// A message in a channel, with these fields beside.
pub fn message(more: &Value) -> Value {
    let mut event = json!({
        "type": "message", "channel": "C1", "channel_type": "channel", "user": "U1", "text": "hello", "ts": "1764000000.000100",
        "event_ts": "1764000000.000100",
    });
    if let (Some(event), Some(more)) = (event.as_object_mut(), more.as_object()) {
        event.extend(more.clone());
    }
    event
}
