//! What a person chose: buttons of templates, reply buttons, rows of lists, flows that were filled in.

use greentic_sdk::model::{Custom, EventBody, Message, Postback};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::choice::{self, Meant};
use crate::notification::{Button, FlowReply, Interactive};

/// The quick reply of a template.
pub fn button(button: &Button, message_id: Option<String>) -> EventBody {
    let text = button.text.clone().unwrap_or_default();
    let payload = button.payload.clone().unwrap_or_else(|| text.clone());
    chosen(&payload, text, message_id)
}

/// The reply to an interactive message.
///
/// # Errors
/// When the reply its kind names is missing.
pub fn interactive(raw: &RawValue, message_id: Option<String>) -> Result<EventBody, String> {
    let reply: Interactive<'_> =
        serde_json::from_str(raw.get()).map_err(|fault| fault.to_string())?;
    let missing = || format!("interactive without `{:.80}`", reply.kind);
    match reply.kind.as_str() {
        "button_reply" | "list_reply" => {
            let choice = match reply.kind.as_str() {
                "button_reply" => reply.button_reply.as_ref(),
                _ => reply.list_reply.as_ref(),
            }
            .ok_or_else(missing)?;
            Ok(chosen(&choice.id, choice.title.clone(), message_id))
        }
        "nfm_reply" => {
            let form = reply.nfm_reply.as_ref().ok_or_else(missing)?;
            Ok(filled_in(form, message_id))
        }
        // Answers to questions of the platform's own, such as whether the business may call.
        name => {
            let name = name.to_owned();
            let fields: Value =
                serde_json::from_str(raw.get()).map_err(|fault| fault.to_string())?;
            let data = fields.get(&name).cloned().unwrap_or(Value::Null);
            super::message::custom(&name, &data.to_string())
        }
    }
}

/// What one of our own buttons carries, or the identifier of one that is not ours.
fn chosen(id: &str, title: String, message_id: Option<String>) -> EventBody {
    let postback = |data: String| {
        EventBody::Postback(Postback {
            data,
            text: Some(title.clone()).filter(|title| !title.is_empty()),
            message_id: message_id.clone(),
        })
    };
    match choice::decode(id) {
        Meant::Text(text) => EventBody::Message(Message::plain(text)),
        Meant::Data(data) => postback(data),
        // Looked up where the memory is at hand.
        Meant::Remembered(key) => EventBody::Custom(Custom {
            name: choice::REMEMBERED.to_owned(),
            data: serde_json::json!({ "key": key, "title": title, "message-id": message_id })
                .to_string(),
        }),
        Meant::Foreign => postback(Value::from(id).to_string()),
    }
}

/// The fields of a flow. They come as JSON inside a text.
fn filled_in(form: &FlowReply<'_>, message_id: Option<String>) -> EventBody {
    let raw = form.response_json.map_or("null", RawValue::get);
    let data = match serde_json::from_str::<Value>(raw) {
        Ok(Value::String(text)) => match serde_json::from_str::<Value>(&text) {
            Ok(fields) => fields.to_string(),
            Err(_) => Value::from(text).to_string(),
        },
        Ok(fields) => fields.to_string(),
        Err(_) => "null".to_owned(),
    };
    EventBody::Postback(Postback {
        data,
        text: form.body.clone(),
        message_id,
    })
}
