//! How far a message of ours has come. Statuses are not ordered and come again; what is reported only moves forward, which is
//! judged where it is remembered.

use greentic_sdk::model::{
    Conversation, ConversationKind, DeliveryState, DeliveryStatus, Event, EventBody,
};

use super::person::{self, Named, identifier};
use super::{Origin, Read};
use crate::limits::TEXT_BYTES;
use crate::notification::{Contact, PlatformError, Status, milliseconds};

/// What is remembered about a message of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Names the message, and the member of a group it is about.
    pub about: String,
    /// The platform's identifier.
    pub message_id: String,
    /// How far: greater is further.
    pub rank: u8,
    /// What we gave the message along.
    pub callback_data: Option<String>,
    /// Codes of the errors of one that failed.
    pub codes: Vec<i64>,
    /// The phone number it went to, where only that is known: the conversation may have another name.
    pub by_number: Option<String>,
}

/// Reads one status; `None` for a kind that is of no interest.
///
/// # Errors
/// When it names no message or nobody it was for.
pub fn read(status: &Status, contacts: &[Contact], now_ms: u64) -> Result<Option<Read>, String> {
    // What was delivered is delivered, also when an error comes afterwards. The model has no `played`: it is more than `read`.
    let (state, rank) = match status.status.as_str() {
        "sent" => (DeliveryState::Sent, 1),
        "failed" => (DeliveryState::Failed, 2),
        "delivered" => (DeliveryState::Delivered, 3),
        "read" => (DeliveryState::Read, 4),
        "played" => (DeliveryState::Read, 5),
        _ => return Ok(None),
    };
    let message_id = identifier(&status.id)?;
    let group = (status.recipient_type.as_deref() == Some("group"))
        .then_some(status.recipient_id.as_deref())
        .flatten();
    let named = match group {
        Some(_) => Named {
            wa_id: status.recipient_participant_id.as_deref(),
            user_id: status.recipient_participant_user_id.as_deref(),
        },
        None => Named {
            wa_id: status.recipient_id.as_deref(),
            user_id: status.recipient_user_id.as_deref(),
        },
    };
    let (conversation, sender, by_number) = match (person::find(named, contacts), group) {
        (Ok(person), group) => {
            let by_number = person
                .wa_id
                .clone()
                .filter(|number| group.is_none() && *number == person.participant.id);
            (
                person::conversation(&person, group)?,
                person.participant,
                by_number,
            )
        }
        // A group's status may be about all of it.
        (Err(_), Some(group)) => {
            let group = identifier(group)?;
            let conversation = Conversation {
                id: group.clone(),
                thread: None,
                kind: ConversationKind::Group,
            };
            (
                conversation,
                greentic_sdk::model::Participant::person(group),
                None,
            )
        }
        (Err(fault), None) => return Err(fault),
    };
    let about = match group {
        Some(_) => format!("{message_id}@{}", sender.id),
        None => message_id.clone(),
    };
    let error = (state == DeliveryState::Failed).then(|| {
        let mut text = status
            .errors
            .iter()
            .map(PlatformError::line)
            .collect::<Vec<_>>()
            .join("; ");
        if text.is_empty() {
            text.push_str("the platform gives no reason");
        }
        person::shortened(&text, TEXT_BYTES)
    });
    let event = Event {
        id: message_id.clone(),
        dedupe_key: format!("{about}:{}", status.status),
        time_ms: milliseconds(&status.timestamp).unwrap_or(now_ms),
        conversation,
        sender,
        reply_to: None,
        body: EventBody::DeliveryStatus(DeliveryStatus {
            message_id: message_id.clone(),
            state,
            error,
        }),
    };
    Ok(Some(Read {
        event,
        origin: Origin::Status(Step {
            about,
            message_id,
            rank,
            callback_data: status
                .biz_opaque_callback_data
                .clone()
                .filter(|data| !data.is_empty()),
            codes: status.errors.iter().map(|error| error.code).collect(),
            by_number,
        }),
    }))
}
