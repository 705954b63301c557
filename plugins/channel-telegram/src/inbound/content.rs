//! What people say: texts, commands, files, places, contacts; and what becomes of it later.

use greentic_sdk::model::{Edit, EventBody, Message as Said};

use super::command::{self, Beginning};
use super::{Context, Reading, media, ms, participant, plain, rich, sender};
use crate::bounds;
use crate::form;
use crate::place;
use crate::update::{Chat, Checklist, DeletedMessages, Message};

/// A message or a command; the answer to a question of a form goes to the form.
pub fn said(context: &Context<'_>, reading: &mut Reading, message: &Message) -> Result<(), String> {
    let conversation = place::of_message(message);
    let attachments = media::attachments(context, message);
    let text = text(message);
    if let Some(replied) = &message.reply_to_message
        && replied
            .from
            .as_ref()
            .is_some_and(|user| user.id == context.bot.id)
        && let Some(from) = &message.from
        && !text.is_empty()
    {
        let answer = form::Answer {
            conversation: &conversation,
            question: replied.message_id,
            message: message.message_id,
            from,
            text: &text,
        };
        if form::answered(context, reading, &answer, ms(message.date))? {
            return Ok(());
        }
    }
    let body = match beginning(context, message, attachments.is_empty()) {
        Beginning::Foreign => {
            reading.ignore();
            return Ok(());
        }
        Beginning::Command(command) => EventBody::Command(command),
        Beginning::Text => {
            let text = if message.chat.kind.ends_with("group") {
                command::without_mention(&text, &context.bot.username).to_owned()
            } else {
                text
            };
            if text.is_empty() && attachments.is_empty() && message.text.is_none() {
                // A story, a game, an invoice, what happened to the chat, or a kind that is newer than this.
                reading.ignore();
                return Ok(());
            }
            EventBody::Message(Said {
                attachments,
                ..plain(text)
            })
        }
    };
    reading.event(
        message.message_id.to_string(),
        ms(message.date),
        conversation,
        sender(message),
        body,
    );
    if let Some(event) = reading.events.last_mut() {
        // The first message of a topic stands as the answered one where nothing is answered.
        event.reply_to = message
            .reply_to_message
            .as_ref()
            .map(|replied| replied.message_id)
            .filter(|id| !(message.is_topic_message && message.message_thread_id == Some(*id)))
            .map(|id| id.to_string());
    }
    Ok(())
}

fn beginning(context: &Context<'_>, message: &Message, bare: bool) -> Beginning {
    match &message.text {
        Some(text) if bare => {
            let text = bounds::cut(text.clone(), bounds::TEXT_BYTES);
            command::read(&text, &message.entities, &context.bot.username)
        }
        _ => Beginning::Text,
    }
}

/// The text of a message, or what says the same in words where it has none.
fn text(message: &Message) -> String {
    let text = if let Some(text) = message.text.as_ref().or(message.caption.as_ref()) {
        text.clone()
    } else if let Some(rich_message) = &message.rich_message {
        rich::text(rich_message)
    } else if let Some(checklist) = &message.checklist {
        list(checklist)
    } else if let Some(venue) = &message.venue {
        [venue.title.as_str(), venue.address.as_str()]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(", ")
    } else if let Some(location) = &message.location {
        // RFC 5870.
        format!("geo:{},{}", location.latitude, location.longitude)
    } else if let Some(contact) = &message.contact {
        contact.phone_number.clone()
    } else if let Some(dice) = &message.dice {
        format!("{} {}", dice.emoji, dice.value)
    } else if let Some(emoji) = message
        .sticker
        .as_ref()
        .and_then(|file| file.emoji.as_ref())
    {
        emoji.clone()
    } else {
        String::new()
    };
    bounds::cut(text, bounds::TEXT_BYTES)
}

fn list(checklist: &Checklist) -> String {
    let mut text = checklist.title.clone();
    for task in &checklist.tasks {
        let mark = if task.completion_date.is_some() {
            "[x]"
        } else {
            "[ ]"
        };
        text.push_str(&format!("\n{mark} {}", task.text));
    }
    text
}

/// A message whose text or caption is another now. What moved without a word, such as a live location, is ignored.
pub fn edited(context: &Context<'_>, reading: &mut Reading, message: Message) {
    let text = text(&message);
    let is_own = message
        .from
        .as_ref()
        .is_some_and(|user| user.id == context.bot.id)
        || message
            .sender_business_bot
            .as_ref()
            .is_some_and(|user| user.id == context.bot.id);
    if is_own || text.is_empty() || message.location.is_some() {
        return reading.ignore();
    }
    let id = message.message_id.to_string();
    reading.event(
        id.clone(),
        ms(message.edit_date.unwrap_or(message.date)),
        place::of_message(&message),
        sender(&message),
        EventBody::Edited(Edit {
            message_id: id,
            text,
        }),
    );
}

/// Messages of a business account that are gone: one event each.
pub fn deleted(context: &Context<'_>, reading: &mut Reading, deleted: &DeletedMessages) {
    let conversation = place::business(&deleted.chat, &deleted.business_connection_id);
    for id in deleted.message_ids.iter().take(bounds::ITEMS) {
        reading.event(
            id.to_string(),
            context.now_ms,
            conversation.clone(),
            other(&deleted.chat),
            EventBody::Deleted(id.to_string()),
        );
    }
}

/// The person of a private chat, whose id is the chat's.
fn other(chat: &Chat) -> greentic_sdk::model::Participant {
    participant(&crate::update::User {
        id: chat.id,
        is_bot: false,
        first_name: String::new(),
        last_name: None,
        language_code: None,
    })
}
