//! Webhooks: what happened, in the platform's envelope and with its way of writing JSON.

use serde_json::{Value, json};

use super::{ACCOUNT, NUMBER, NUMBER_ID};
use crate::platform::Webhook;

/// One thing to tell: the fields beside `metadata`, such as `contacts` and `messages`.
#[derive(Debug, Clone)]
pub struct Told {
    /// By which it is recognised.
    pub key: String,
    /// The message it is about.
    pub message: Option<String>,
    /// The value's own fields.
    pub fields: Value,
}

fn change(told: &Told) -> Value {
    let mut value = json!({
        "messaging_product": "whatsapp",
        "metadata": { "display_phone_number": NUMBER, "phone_number_id": NUMBER_ID },
    });
    if let (Some(value), Some(fields)) = (value.as_object_mut(), told.fields.as_object()) {
        value.extend(fields.clone());
    }
    json!({ "value": value, "field": "messages" })
}

/// An envelope around changes.
pub fn envelope(changes: &[Value]) -> Value {
    json!({
        "object": "whatsapp_business_account",
        "entry": [{ "id": ACCOUNT, "changes": changes }],
    })
}

/// One thing in an envelope of its own.
pub fn one(told: &Told) -> Value {
    envelope(&[change(told)])
}

/// Several in one, over more than one entry and change as the platform batches them.
pub fn batch(all: &[Told]) -> Value {
    let entries: Vec<Value> = all
        .chunks(2)
        .map(|pair| {
            let changes: Vec<Value> = pair.iter().map(change).collect();
            json!({ "id": ACCOUNT, "changes": changes })
        })
        .collect();
    json!({ "object": "whatsapp_business_account", "entry": entries })
}

/// A webhook with this body.
pub fn webhook(key: &str, body: &Value) -> Webhook {
    Webhook::post(key, "application/json", written(body))
}

/// JSON as the platform writes it: slashes and everything that is not ASCII are escaped.
fn written(body: &Value) -> Vec<u8> {
    let mut text = String::new();
    for letter in body.to_string().chars() {
        match letter {
            '/' => text.push_str("\\/"),
            letter if letter.is_ascii() => text.push(letter),
            letter => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    text.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    text.into_bytes()
}
