//! Activities that are no invokes, as events.

use greentic_sdk::channel::Request;
use greentic_sdk::model::{
    Command, Custom, DeliveryState, DeliveryStatus, Edit, Event, EventBody, Message, Postback,
    Reaction, TextFormat,
};
use serde_json::{Value, json};

use crate::activity::{Account, Activity};
use crate::settings::Settings;
use crate::{files, reactions, timestamp};

/// Longest text of an event, in bytes.
const TEXT_BYTES: usize = 64 * 1024;
/// Longest JSON of an event, in bytes.
const JSON_BYTES: usize = 256 * 1024;
/// Longest identifier of an event, in bytes.
const ID_BYTES: usize = 512;
/// Most people of one event.
const PEOPLE: usize = 256;
/// Most files of one event.
const FILES: usize = 256;

/// What became of an activity.
#[derive(Debug, Default, PartialEq)]
pub struct Read {
    /// In the order in which they happened.
    pub events: Vec<Event>,
    /// What was understood and is of no interest.
    pub ignored: u32,
}

impl Read {
    /// Understood, and nothing for the bus.
    #[must_use]
    pub fn ignored() -> Self {
        Self {
            events: Vec::new(),
            ignored: 1,
        }
    }

    fn one(event: Event) -> Self {
        Self {
            events: vec![event],
            ignored: 0,
        }
    }
}

/// Why an activity made no event.
#[derive(Debug, PartialEq, Eq)]
pub enum Fault {
    /// It cannot be understood.
    Malformed(String),
    /// It can, and something that is needed for it cannot be reached now.
    Unavailable(String),
}

/// Reads one activity.
///
/// # Errors
/// [`Fault`].
pub fn read(
    settings: &Settings,
    activity: &Activity,
    request: &Request,
    now_ms: u64,
) -> Result<Read, Fault> {
    // The Connector tells a bot of what it did itself too, in channels it reads wholly.
    let mine = activity.from.id == activity.recipient.id && !activity.from.id.is_empty();
    let one = |body| event(activity, "", body, now_ms).map(Read::one);
    match activity.kind.as_str() {
        "message" | "messageUpdate" | "messageDelete" | "messageReaction" | "typing" if mine => {
            Ok(Read::ignored())
        }
        "message" => {
            let files =
                files::read(settings, activity, request, now_ms).map_err(Fault::Unavailable)?;
            one(message(activity, files)?)
        }
        "messageUpdate" => {
            let Some(message_id) = activity.id.clone() else {
                return Err(Fault::Malformed("an edit has the message's id".into()));
            };
            one(EventBody::Edited(Edit {
                message_id,
                text: text(activity.said())?,
            }))
        }
        "messageDelete" => match activity.id.clone() {
            Some(id) => one(EventBody::Deleted(id)),
            None => Err(Fault::Malformed("a deletion has the message's id".into())),
        },
        "messageReaction" => reacted(activity, now_ms),
        "conversationUpdate" => updated(activity, now_ms),
        "installationUpdate" => {
            let name = match activity.action.as_deref() {
                Some("add" | "add-upgrade") => "installed",
                Some("remove" | "remove-upgrade") => "uninstalled",
                _ => return Ok(Read::ignored()),
            };
            one(custom(
                name,
                &activity.channel_data.clone().unwrap_or_default(),
            )?)
        }
        "typing" => one(EventBody::Typing),
        "event" => named(activity).and_then(|body| body.map_or(Ok(Read::ignored()), one)),
        "endOfConversation" => one(custom(
            "end-of-conversation",
            &json!({"value": activity.value}),
        )?),
        "handoff" => one(custom(
            "handoff",
            &json!({"name": activity.name, "value": activity.value}),
        )?),
        // Contacts are of a product that is gone, suggestions and traces are for other readers, and what is new is nobody's yet.
        _ => Ok(Read::ignored()),
    }
}

/// An event of this activity. `part` tells several of one activity apart.
///
/// # Errors
/// When the activity has nothing it could be named by.
pub fn event(
    activity: &Activity,
    part: &str,
    body: EventBody,
    now_ms: u64,
) -> Result<Event, Fault> {
    let stamp = activity.timestamp.as_deref().unwrap_or_default();
    let kind = activity.kind.as_str();
    let id = match activity.id.as_deref().filter(|id| !id.is_empty()) {
        Some(id) => id.to_owned(),
        // A few kinds come without one; the platform's time names them.
        None if !stamp.is_empty() && kind != "message" => format!("{kind}@{stamp}"),
        None => return Err(Fault::Malformed(format!("the {kind} has no id"))),
    };
    let place = &activity.conversation.id;
    // An edit has the message's id, and so has the next edit: the time tells them apart and stays the same when one comes again.
    let dedupe_key = match kind {
        "message" | "invoke" => format!("{place}|{id}{part}"),
        _ => format!("{place}|{id}|{kind}|{stamp}{part}"),
    };
    if ids(&body)
        .chain([id.as_str()])
        .any(|id| id.len() > ID_BYTES)
    {
        return Err(Fault::Malformed(format!(
            "an identifier is longer than {ID_BYTES} bytes"
        )));
    }
    let dedupe_key = if dedupe_key.len() > ID_BYTES {
        crate::reference::digest(&dedupe_key)
    } else {
        dedupe_key
    };
    Ok(Event {
        id,
        dedupe_key,
        time_ms: timestamp::read(stamp).unwrap_or(now_ms),
        conversation: activity.conversation.conversation(),
        sender: activity
            .from
            .participant(&activity.recipient.id, activity.language()),
        reply_to: activity.reply_to_id.clone().filter(|id| !id.is_empty()),
        body,
    })
}

/// The identifiers in an event's body.
fn ids(body: &EventBody) -> impl Iterator<Item = &str> {
    let (one, people) = match body {
        EventBody::Edited(edit) => (Some(edit.message_id.as_str()), &[][..]),
        EventBody::Deleted(id) => (Some(id.as_str()), &[][..]),
        EventBody::Reaction(reaction) => (Some(reaction.emoji.as_str()), &[][..]),
        EventBody::DeliveryStatus(status) => (Some(status.message_id.as_str()), &[][..]),
        EventBody::Joined(people) | EventBody::Left(people) => (None, people.as_slice()),
        _ => (None, &[][..]),
    };
    one.into_iter()
        .chain(people.iter().map(|person| person.id.as_str()))
}

/// An event of the channel's own kind.
///
/// # Errors
/// When it is larger than an event may be.
pub fn custom(name: &str, data: &Value) -> Result<EventBody, Fault> {
    Ok(EventBody::Custom(Custom {
        name: name.to_owned(),
        data: bounded(data)?,
    }))
}

/// What a button or form carries.
///
/// # Errors
/// As [`custom`].
pub fn postback(
    activity: &Activity,
    data: &Value,
    text: Option<String>,
) -> Result<EventBody, Fault> {
    let mut data = data.clone();
    if let Some(fields) = data.as_object_mut() {
        // What the client itself reads of a button.
        fields.remove("msteams");
    }
    Ok(EventBody::Postback(Postback {
        data: bounded(&data)?,
        text,
        message_id: activity.reply_to_id.clone(),
    }))
}

fn bounded(data: &Value) -> Result<String, Fault> {
    let data = data.to_string();
    if data.len() > JSON_BYTES {
        return Err(Fault::Malformed(format!(
            "the data has {} bytes; an event takes {JSON_BYTES}",
            data.len()
        )));
    }
    Ok(data)
}

fn text(text: String) -> Result<String, Fault> {
    if text.len() > TEXT_BYTES {
        return Err(Fault::Malformed(format!(
            "the text has {} bytes; an event takes {TEXT_BYTES}",
            text.len()
        )));
    }
    Ok(text)
}

fn message(
    activity: &Activity,
    attachments: Vec<greentic_sdk::model::Attachment>,
) -> Result<EventBody, Fault> {
    let said = text(activity.said())?;
    let carries = |value: &&Value| !value.is_null() && (said.is_empty() || !is_empty(value));
    if let Some(value) = activity.value.as_ref().filter(carries) {
        // Action.Submit has a value and no text, messageBack has both; a button that only says something (imBack) has none.
        let shown = (!said.is_empty()).then_some(said);
        return postback(activity, value, shown);
    }
    if attachments.len() > FILES {
        return Err(Fault::Malformed(format!("more than {FILES} files")));
    }
    if let Some(command) = command(&said).filter(|_| attachments.is_empty()) {
        return Ok(EventBody::Command(command));
    }
    let format = if activity.text_format.as_deref() == Some("markdown") {
        TextFormat::Markdown
    } else {
        TextFormat::Plain
    };
    Ok(EventBody::Message(Message {
        text: said,
        format,
        attachments,
    }))
}

/// Whether nothing of a button's value is the flow's.
fn is_empty(value: &Value) -> bool {
    value
        .as_object()
        .is_some_and(|fields| fields.keys().all(|name| name == "msteams"))
}

/// `/name arguments`. Teams' own command lists send the plain title; people type commands as they do elsewhere.
fn command(text: &str) -> Option<Command> {
    let rest = text.strip_prefix('/')?;
    let (name, arguments) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let named = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    named.then(|| Command {
        name: name.to_owned(),
        arguments: arguments.trim().to_owned(),
    })
}

fn reacted(activity: &Activity, now_ms: u64) -> Result<Read, Fault> {
    let Some(message_id) = activity.reply_to_id.as_ref().filter(|id| !id.is_empty()) else {
        return Err(Fault::Malformed("a reaction has the message's id".into()));
    };
    let lists = [
        (&activity.reactions_added, true),
        (&activity.reactions_removed, false),
    ];
    let mut read = Read::default();
    for (list, added) in lists {
        for reaction in list.iter().flatten() {
            let sign = if added { '+' } else { '-' };
            let body = EventBody::Reaction(Reaction {
                message_id: message_id.clone(),
                emoji: reactions::emoji(&reaction.kind).to_owned(),
                added,
            });
            let part = format!("|{sign}{}", reaction.kind);
            read.events.push(event(activity, &part, body, now_ms)?);
        }
    }
    if read.events.is_empty() {
        return Ok(Read::ignored());
    }
    Ok(read)
}

fn updated(activity: &Activity, now_ms: u64) -> Result<Read, Fault> {
    let me = activity.recipient.id.as_str();
    let mut read = Read::default();
    let mut people = |list: &Option<Vec<Account>>, came: bool| -> Result<(), Fault> {
        let list = list.as_deref().unwrap_or_default();
        for (at, some) in list.chunks(PEOPLE).enumerate() {
            let some = some.iter().map(|one| one.participant(me, None)).collect();
            let (sign, body) = if came {
                ('+', EventBody::Joined(some))
            } else {
                ('-', EventBody::Left(some))
            };
            let part = format!("|{sign}{at}");
            read.events.push(event(activity, &part, body, now_ms)?);
        }
        Ok(())
    };
    people(&activity.members_added, true)?;
    people(&activity.members_removed, false)?;
    if !read.events.is_empty() {
        return Ok(read);
    }
    let name = match activity.event_type() {
        Some("channelCreated") => "channel-created",
        Some("channelRenamed") => "channel-renamed",
        Some("channelDeleted") => "channel-deleted",
        Some("channelRestored") => "channel-restored",
        Some("teamRenamed") => "team-renamed",
        Some("teamDeleted" | "teamHardDeleted") => "team-deleted",
        Some("teamRestored") => "team-restored",
        Some("teamArchived") => "team-archived",
        Some("teamUnarchived") => "team-unarchived",
        _ => return Ok(Read::ignored()),
    };
    let data = activity.channel_data.clone().unwrap_or_default();
    let body = custom(name, &data)?;
    Ok(Read::one(event(activity, "", body, now_ms)?))
}

/// Events by name. Those that carry a person's token are for nobody: an event is kept and logged in more places than a token may be.
fn named(activity: &Activity) -> Result<Option<EventBody>, Fault> {
    let value = activity.value.clone().unwrap_or_default();
    let name = match activity.name.as_deref() {
        Some("application/vnd.microsoft.readReceipt") => {
            let read = value.get("lastReadMessageId").and_then(Value::as_str);
            let Some(message_id) = read else {
                return Err(Fault::Malformed(
                    "a read receipt has a lastReadMessageId".into(),
                ));
            };
            return Ok(Some(EventBody::DeliveryStatus(DeliveryStatus {
                message_id: message_id.to_owned(),
                state: DeliveryState::Read,
                error: None,
            })));
        }
        Some("application/vnd.microsoft.meetingStart") => "meeting-start",
        Some("application/vnd.microsoft.meetingEnd") => "meeting-end",
        Some("application/vnd.microsoft.meetingParticipantJoin") => "meeting-participant-join",
        Some("application/vnd.microsoft.meetingParticipantLeave") => "meeting-participant-leave",
        _ => return Ok(None),
    };
    custom(name, &value).map(Some)
}

#[cfg(test)]
mod tests;
