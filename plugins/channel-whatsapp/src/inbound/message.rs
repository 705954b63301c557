//! One message of a person, whatever its kind.

use greentic_sdk::model::{
    Command, Conversation, Custom, Edit, Event, EventBody, Message as Said, Reaction, TextFormat,
};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::media::{Link, attachment};
use super::person::{self, Named, Person, identifier};
use super::{Meaning, Origin, Peer, Read, choice_reply};
use crate::limits::{JSON_BYTES, TEXT_BYTES};
use crate::notification::{Caption, Contact, Edited, Media, Message, milliseconds};
use crate::settings::{Extra, Settings};

/// What every event of one message has in common.
pub struct Head {
    id: String,
    time_ms: u64,
    conversation: Conversation,
    person: Person,
    reply_to: Option<String>,
    opens_window: bool,
    typed: bool,
}

impl Head {
    /// The event with this body.
    pub fn with(&self, body: EventBody) -> Read {
        let origin = if self.opens_window {
            Origin::Person(Peer {
                wa_id: self.person.wa_id.clone(),
                message_id: self.id.clone(),
                name: self.person.participant.name.clone(),
                typed: self.typed,
            })
        } else {
            Origin::System
        };
        Read {
            event: Event {
                id: self.id.clone(),
                dedupe_key: self.id.clone(),
                time_ms: self.time_ms,
                conversation: self.conversation.clone(),
                sender: self.person.participant.clone(),
                reply_to: self.reply_to.clone(),
                body,
            },
            origin,
        }
    }
}

/// Reads one message.
///
/// # Errors
/// When a field its kind needs is missing or cannot be used.
pub fn read(
    message: &Message<'_>,
    contacts: &[Contact],
    settings: &Settings,
    link: &Link<'_>,
    now_ms: u64,
) -> Result<(Head, Meaning), String> {
    let person = person::find(
        Named {
            wa_id: message.from.as_deref(),
            user_id: message.from_user_id.as_deref(),
        },
        contacts,
    )?;
    let reply_to = message
        .context
        .as_ref()
        .and_then(|context| context.id.as_deref())
        .filter(|id| !id.is_empty())
        .map(identifier)
        .transpose()?;
    let head = Head {
        id: identifier(&message.id)?,
        time_ms: milliseconds(&message.timestamp).unwrap_or(now_ms),
        conversation: person::conversation(&person, message.group_id.as_deref())?,
        person,
        reply_to,
        opens_window: !matches!(message.kind.as_str(), "system" | "edit" | "revoke"),
        typed: message.kind == "text",
    };
    let meaning = meaning(message, &head, settings, link)?;
    Ok((head, meaning))
}

fn meaning(
    message: &Message<'_>,
    head: &Head,
    settings: &Settings,
    link: &Link<'_>,
) -> Result<Meaning, String> {
    let kind = message.kind.as_str();
    let body = match kind {
        "text" => said(needed(kind, message.text.as_ref())?.body.clone())?,
        "image" => file(kind, message.image.as_ref(), link)?,
        "video" => file(kind, message.video.as_ref(), link)?,
        "audio" | "voice" => file(
            "audio",
            message.audio.as_ref().or(message.voice.as_ref()),
            link,
        )?,
        "document" => file(kind, message.document.as_ref(), link)?,
        "sticker" => file(kind, message.sticker.as_ref(), link)?,
        "location" => custom(kind, needed(kind, message.location)?.get())?,
        "contacts" => custom(kind, needed(kind, message.contacts)?.get())?,
        "order" => custom(kind, needed(kind, message.order)?.get())?,
        "reaction" => {
            let reaction = needed(kind, message.reaction.as_ref())?;
            let emoji = bounded(reaction.emoji.clone().unwrap_or_default())?;
            EventBody::Reaction(Reaction {
                message_id: identifier(&reaction.message_id)?,
                added: !emoji.is_empty(),
                emoji,
            })
        }
        "button" => choice_reply::button(
            needed(kind, message.button.as_ref())?,
            head.reply_to.clone(),
        ),
        "interactive" => match message.interactive {
            Some(raw) => choice_reply::interactive(raw, head.reply_to.clone())?,
            // The platform sends the kind alone for answers it cannot put into a notification.
            None => unsupported(message)?,
        },
        "edit" => {
            let edit = needed(kind, message.edit.as_ref())?;
            EventBody::Edited(Edit {
                message_id: identifier(&edit.original_message_id)?,
                text: bounded(edited_text(&edit.message))?,
            })
        }
        "revoke" => {
            let revoke = needed(kind, message.revoke.as_ref())?;
            EventBody::Deleted(identifier(&revoke.original_message_id)?)
        }
        // The person opened the chat for the first time and has written nothing yet.
        "request_welcome" => EventBody::Joined(vec![head.person.participant.clone()]),
        "system" => {
            let system = needed(kind, message.system)?;
            if !settings.extras.contains(&Extra::System) {
                return Ok(Meaning::Ignored);
            }
            custom(kind, system.get())?
        }
        "unsupported" | "unknown" => unsupported(message)?,
        _ => return Ok(Meaning::Ignored),
    };
    Ok(Meaning::Event(body))
}

fn needed<T>(kind: &str, part: Option<T>) -> Result<T, String> {
    part.ok_or_else(|| format!("kind {kind} without `{kind}`"))
}

/// A text: a command when it begins like one. The platform's own menu of commands sends them as texts.
pub fn said(text: String) -> Result<EventBody, String> {
    let text = bounded(text)?;
    Ok(match command(&text) {
        Some(command) => EventBody::Command(command),
        None => EventBody::Message(Said::plain(text)),
    })
}

fn command(text: &str) -> Option<Command> {
    let line = text.trim().strip_prefix('/')?;
    let (name, arguments) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let named = (1..=32).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    named.then(|| Command {
        name: name.to_ascii_lowercase(),
        arguments: arguments.trim().to_owned(),
    })
}

fn file(kind: &str, media: Option<&Media>, link: &Link<'_>) -> Result<EventBody, String> {
    let media = needed(kind, media)?;
    Ok(EventBody::Message(Said {
        text: bounded(media.caption.clone().unwrap_or_default())?,
        format: TextFormat::Plain,
        attachments: vec![attachment(kind, media, link)?],
    }))
}

fn edited_text(message: &Edited) -> String {
    let caption = |file: &Option<Caption>| file.as_ref().and_then(|file| file.caption.clone());
    message
        .text
        .as_ref()
        .map(|text| text.body.clone())
        .or_else(|| caption(&message.image))
        .or_else(|| caption(&message.video))
        .or_else(|| caption(&message.document))
        .unwrap_or_default()
}

fn unsupported(message: &Message<'_>) -> Result<EventBody, String> {
    let value = |raw: Option<&RawValue>| -> Value {
        raw.and_then(|raw| serde_json::from_str(raw.get()).ok())
            .unwrap_or(Value::Null)
    };
    let kind = value(message.unsupported)
        .get("type")
        .cloned()
        .unwrap_or(Value::Null);
    let data = json!({ "kind": message.kind, "type": kind, "errors": value(message.errors) });
    custom("unsupported", &data.to_string())
}

/// An event the model has no case for, with the platform's own fields.
///
/// # Errors
/// When it is larger than the host takes.
pub fn custom(name: &str, data: &str) -> Result<EventBody, String> {
    if data.len() > JSON_BYTES || name.len() > 64 {
        return Err(format!("{name:.64} of {} bytes", data.len()));
    }
    Ok(EventBody::Custom(Custom {
        name: name.to_owned(),
        data: data.to_owned(),
    }))
}

/// The advertisement a person came from, as an event before what they wrote.
///
/// # Errors
/// When it is larger than the host takes.
pub fn referral(head: &Head, data: &str) -> Result<Read, String> {
    let mut read = head.with(custom("referral", data)?);
    read.event.dedupe_key = format!("{}:referral", head.id);
    Ok(read)
}

fn bounded(text: String) -> Result<String, String> {
    if text.len() > TEXT_BYTES {
        return Err(format!("a text of {} bytes", text.len()));
    }
    Ok(text)
}
