//! What the tests share: a stand-in for the host, and notifications written by hand.

use greentic_sdk::channel::{IngressError, IngressOutcome, Request, Surface};
use greentic_sdk::hex;
use greentic_sdk::model::{Event, EventBody, Header};
use greentic_sdk::native::{Table, install, set_clock};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::settings::Settings;

/// The app secret of the tests.
pub const APP_SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
/// The number of the tests.
pub const NUMBER: &str = "100200300";
/// When the tests happen.
pub const NOW_MS: u64 = 1_790_000_000_000;
/// The same as the platform writes it.
pub const NOW: &str = "1790000000";

/// The tables of a channel that is set up.
pub fn table() -> Table {
    Table::new()
        .config("phone-number-id", NUMBER)
        .config("api-url", "https://graph.example")
        .secret("whatsapp/app-secret", APP_SECRET)
        .secret("whatsapp/verify-token", b"verify me")
        .secret("whatsapp/access-token", b"EAAG")
}

/// Installs a stand-in and stops its clock.
pub fn with(table: Table) -> Settings {
    install(table);
    set_clock(NOW_MS);
    Settings::read().unwrap()
}

/// A POST on the webhook's address with the platform's signature.
pub fn signed(body: &[u8]) -> Request {
    post(body, Some(&signature(APP_SECRET, body)))
}

/// The signature's header.
pub fn signature(key: &[u8], body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(body);
    format!("sha256={}", hex::encode(&mac.finalize().into_bytes()))
}

/// A POST on the webhook's address.
pub fn post(body: &[u8], signature: Option<&str>) -> Request {
    Request {
        surface: Surface::Webhook,
        method: "POST".into(),
        origin: "https://h.example".into(),
        base: "/v1/messaging/ingress/whatsapp/demo/default/wa".into(),
        path: String::new(),
        query: None,
        headers: signature
            .map(|value| Header::new(crate::receive::SIGNATURE, value))
            .into_iter()
            .collect(),
        body: body.to_vec(),
    }
}

/// Serves a request.
pub fn serve(settings: &Settings, request: &Request) -> Result<IngressOutcome, IngressError> {
    crate::serve(settings, request)
}

/// Takes a notification and returns what came of it; it was acknowledged.
pub fn take(settings: &Settings, body: &Value) -> IngressOutcome {
    let outcome = serve(settings, &signed(body.to_string().as_bytes())).unwrap();
    assert_eq!(outcome.response.status, 200);
    outcome
}

/// A notification with one change.
pub fn notification(value: Value) -> Value {
    json!({"object": "whatsapp_business_account", "entry": [{"id": "55", "changes": [{"field": "messages", "value": value}]}]})
}

/// The value of a change of our number.
pub fn value(fields: Value) -> Value {
    let mut value = json!({
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550001", "phone_number_id": NUMBER},
        "contacts": [{"profile": {"name": "Ada"}, "wa_id": "41790001", "user_id": "CH.1001"}],
    });
    value
        .as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    value
}

/// A message of Ada's with these fields more.
pub fn message(id: &str, fields: Value) -> Value {
    let mut message = json!({"from": "41790001", "id": id, "timestamp": NOW});
    message
        .as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    message
}

/// A notification with one message of Ada's.
pub fn one(id: &str, fields: Value) -> Value {
    notification(value(json!({"messages": [message(id, fields)]})))
}

/// The only event that came of a message.
pub fn event(settings: &Settings, id: &str, fields: Value) -> Event {
    let outcome = take(settings, &one(id, fields.clone()));
    assert_eq!(
        (outcome.ignored, &outcome.malformed),
        (0, &None),
        "{fields}"
    );
    let [event] = <[Event; 1]>::try_from(outcome.events).unwrap();
    event
}

/// The body of the only event that came of a message.
pub fn body(settings: &Settings, id: &str, fields: Value) -> EventBody {
    event(settings, id, fields).body
}
