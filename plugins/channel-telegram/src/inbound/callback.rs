//! A button was pressed.
//!
//! Until the query is answered the person's client shows that it waits. The answer goes out as the webhook's own answer:
//! Telegram carries out a method that stands there, so it costs no call, and comes exactly when the event is on the bus.

use greentic_sdk::model::{Conversation, EventBody, Postback};
use serde_json::{Value, json};

use super::{Context, Reading, chat::json_of, participant, plain};
use crate::bounds;
use crate::form;
use crate::keyboard::{self, Pressed};
use crate::place;
use crate::update::CallbackQuery;

/// Turns a press into what the button stands for.
///
/// # Errors
/// When what the button stands for is kept by the host and cannot be read now.
pub fn pressed(
    context: &Context<'_>,
    reading: &mut Reading,
    query: CallbackQuery,
) -> Result<(), String> {
    let conversation = match &query.message {
        Some(message) => place::of_message(message),
        None => Conversation::direct(query.from.id.to_string()),
    };
    let message_id = match (&query.message, &query.inline_message_id) {
        (Some(message), _) => Some(message.message_id.to_string()),
        (None, Some(id)) => Some(bounds::cut(format!("inline:{id}"), bounds::ID_BYTES)),
        (None, None) => None,
    };
    let mut answer = json!({"method": "answerCallbackQuery", "callback_query_id": query.id});
    let data = query.data.as_deref().unwrap_or_default();
    match keyboard::pressed(data)? {
        Pressed::Reply(text) => reading.event(
            query.id.clone(),
            context.now_ms,
            conversation,
            participant(&query.from),
            EventBody::Message(plain(text)),
        ),
        Pressed::Data(data) => reading.event(
            query.id.clone(),
            context.now_ms,
            conversation,
            participant(&query.from),
            EventBody::Postback(Postback {
                data,
                text: title(&query),
                message_id,
            }),
        ),
        Pressed::Form(step) => {
            let press = form::Press {
                conversation: &conversation,
                from: &query.from,
                id: &query.id,
                step,
            };
            if let Some(text) = form::pressed(context, reading, &press)? {
                set_text(&mut answer, &text);
            }
        }
        Pressed::Gone => {
            set_text(&mut answer, &context.settings.words.expired);
            reading.ignore();
        }
        // A game's button has no data; a button of another program has data of its own.
        Pressed::Foreign if data.is_empty() => reading.ignore(),
        Pressed::Foreign => reading.event(
            query.id.clone(),
            context.now_ms,
            conversation,
            participant(&query.from),
            EventBody::Postback(Postback {
                data: bounds::cut(json_of(data), bounds::JSON_BYTES),
                text: title(&query),
                message_id,
            }),
        ),
    }
    reading.answer = Some(answer);
    Ok(())
}

/// At most 200 characters are shown.
fn set_text(answer: &mut Value, text: &str) {
    if let Some(fields) = answer.as_object_mut() {
        let shown: String = text.chars().take(200).collect();
        fields.insert("text".into(), shown.into());
    }
}

/// What stands on the button that was pressed.
fn title(query: &CallbackQuery) -> Option<String> {
    let rows = &query
        .message
        .as_ref()?
        .reply_markup
        .as_ref()?
        .inline_keyboard;
    rows.iter()
        .flatten()
        .find(|button| button.callback_data.is_some() && button.callback_data == query.data)
        .map(|button| bounds::cut(button.text.clone(), bounds::TEXT_BYTES))
        .filter(|text| !text.is_empty())
}
