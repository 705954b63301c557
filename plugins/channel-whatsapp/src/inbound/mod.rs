//! A notification as events of the common model. Pure: what has to be remembered about it is done by `receive`.

mod choice_reply;
mod media;
mod message;
mod person;
mod status;

pub use media::{Link, is_media_id};
pub use status::Step;

use greentic_sdk::model::{Event, EventBody};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::limits::EVENTS;
use crate::notification::{Change, Message, Messages, Notification, PlatformError, Status};
use crate::settings::{Extra, Settings};

/// One thing that was read, with what is to be remembered about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Read {
    /// What the bus gets.
    pub event: Event,
    /// What stands behind it.
    pub origin: Origin,
}

/// What stands behind an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Origin {
    /// A person did something, which opens the window in which they can be answered.
    Person(Peer),
    /// The platform tells something about a person who did nothing.
    System,
    /// One of our messages went a step further.
    Status(Step),
}

/// How the person behind a conversation can be reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// The phone number, where the platform tells it.
    pub wa_id: Option<String>,
    /// The message a read receipt and a typing indicator name.
    pub message_id: String,
    /// Name to show, for templates.
    pub name: Option<String>,
    /// Whether it was written by hand, so that it can answer a form.
    pub typed: bool,
}

/// What came of one request.
#[derive(Debug, Default, PartialEq)]
pub struct Batch {
    /// In the order of the request.
    pub items: Vec<Read>,
    /// How many things were understood and are of no interest.
    pub ignored: u32,
    /// Why parts of it could not be read, a line each.
    pub malformed: Vec<String>,
    /// What the platform says went wrong on its side.
    pub platform_errors: Vec<String>,
}

/// What a message was read as.
pub enum Meaning {
    /// Something the bus gets.
    Event(EventBody),
    /// Understood, of no interest.
    Ignored,
}

/// Reads the body of a request.
///
/// # Errors
/// When it is no notification at all.
pub fn read(
    body: &[u8],
    settings: &Settings,
    link: &Link<'_>,
    now_ms: u64,
) -> Result<Batch, String> {
    let notification: Notification<'_> =
        serde_json::from_slice(body).map_err(|fault| format!("no notification: {fault}"))?;
    let mut batch = Batch::default();
    if notification.object != "whatsapp_business_account" {
        batch.ignored = 1;
        return Ok(batch);
    }
    for change in notification.entry.iter().flat_map(|entry| &entry.changes) {
        read_change(&mut batch, change, settings, link, now_ms);
    }
    batch.keep_within(EVENTS);
    Ok(batch)
}

fn read_change(
    batch: &mut Batch,
    change: &Change<'_>,
    settings: &Settings,
    link: &Link<'_>,
    now_ms: u64,
) {
    // Other fields tell about accounts, templates, calls, and what the business wrote from its own telephone.
    let Some(raw) = change.value.filter(|_| change.field == "messages") else {
        batch.ignored += 1;
        return;
    };
    let value: Messages<'_> = match serde_json::from_str(raw.get()) {
        Ok(value) => value,
        Err(fault) => {
            batch.malformed.push(format!("a change: {fault}"));
            return;
        }
    };
    if value.metadata.phone_number_id != settings.phone_number_id {
        let things = value.messages.len() + value.statuses.len() + value.errors.len();
        batch.ignored += u32::try_from(things.max(1)).unwrap_or(u32::MAX);
        return;
    }
    for raw in &value.messages {
        match parse::<Message<'_>>(raw) {
            Ok(message) => read_message(batch, &message, &value, settings, link, now_ms),
            Err(fault) => batch.malformed.push(format!("a message: {fault}")),
        }
    }
    for raw in &value.statuses {
        let read =
            parse::<Status>(raw).and_then(|status| status::read(&status, &value.contacts, now_ms));
        match read {
            Ok(Some(item)) => batch.items.push(item),
            Ok(None) => batch.ignored += 1,
            Err(fault) => batch.malformed.push(format!("a status: {fault}")),
        }
    }
    batch.ignored += u32::try_from(value.errors.len()).unwrap_or(u32::MAX);
    batch
        .platform_errors
        .extend(value.errors.iter().map(PlatformError::line));
}

fn parse<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Result<T, String> {
    serde_json::from_str(raw.get()).map_err(|fault| fault.to_string())
}

fn read_message(
    batch: &mut Batch,
    message: &Message<'_>,
    value: &Messages<'_>,
    settings: &Settings,
    link: &Link<'_>,
    now_ms: u64,
) {
    let read = message::read(message, &value.contacts, settings, link, now_ms);
    let (head, meaning) = match read {
        Ok(read) => read,
        Err(fault) => {
            batch
                .malformed
                .push(format!("message {:.80}: {fault}", message.id));
            return;
        }
    };
    if let Some(referral) = message.referral {
        if settings.extras.contains(&Extra::Referral) {
            match message::referral(&head, referral.get()) {
                Ok(item) => batch.items.push(item),
                Err(fault) => batch.malformed.push(format!("a referral: {fault}")),
            }
        } else {
            batch.ignored += 1;
        }
    }
    match meaning {
        Meaning::Event(body) => batch.items.push(head.with(body)),
        Meaning::Ignored => batch.ignored += 1,
    }
}

impl Batch {
    /// The host takes so many events of a request. What people wrote goes first; how far our messages came can be missed.
    fn keep_within(&mut self, most: usize) {
        let over = self.items.len().saturating_sub(most);
        if over == 0 {
            return;
        }
        let mut to_drop = over;
        self.items.retain(|item| {
            let droppable = to_drop > 0 && matches!(item.origin, Origin::Status(_));
            to_drop -= usize::from(droppable);
            !droppable
        });
        let lost = self.items.len().saturating_sub(most);
        self.items.truncate(most);
        self.ignored += u32::try_from(over - lost).unwrap_or(u32::MAX);
        if lost > 0 {
            self.malformed.push(format!(
                "{lost} messages more than the {most} a request may bring"
            ));
        }
    }
}

#[cfg(test)]
mod tests;
