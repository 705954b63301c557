//! From a verified request to the common model.

pub mod bounds;
pub mod command;
pub mod envelope;
pub mod interactive;
pub mod message;
pub mod state;
pub mod text;

use greentic_sdk::channel::{IngressError, IngressOutcome, Request, Response};
use greentic_sdk::form;
use greentic_sdk::log;
use greentic_sdk::model::{Conversation, ConversationKind, Event, EventBody, Participant};
use greentic_sdk::secret::Secret;
use serde_json::Value;

use crate::api::{Api, Failure};
use crate::settings::Settings;

/// Most events of one request; the contract's bound.
const EVENTS: usize = 256;

/// A verified request and what is needed to read it.
pub struct Reader<'a> {
    /// The channel's configuration.
    pub settings: &'a Settings,
    /// The request.
    pub request: &'a Request,
    /// The signing secret; it also signs links to files.
    pub signing: &'a Secret,
}

/// What came of one thing Slack reported.
#[derive(Debug, PartialEq)]
pub enum Reading {
    /// It is an event.
    Event(Box<Event>),
    /// It was understood and is of no interest, or it was dealt with here.
    Ignored,
    /// It cannot be understood.
    Malformed(String),
}

/// The parts of an event that differ.
pub struct Parts {
    /// Slack's identifier of the message or event.
    pub id: String,
    /// What Slack repeats when it sends the event again.
    pub dedupe_key: String,
    /// Milliseconds.
    pub time_ms: u64,
    /// Where it happened.
    pub conversation: Conversation,
    /// Who did it.
    pub sender: Participant,
    /// The message it answers.
    pub reply_to: Option<String>,
    /// What happened.
    pub body: EventBody,
}

impl Parts {
    /// The event, unless something in it is larger than the contract takes.
    pub fn event(self) -> Reading {
        let event = Event {
            id: self.id,
            dedupe_key: self.dedupe_key,
            time_ms: self.time_ms,
            conversation: self.conversation,
            sender: self.sender,
            reply_to: self.reply_to,
            body: self.body,
        };
        match bounds::fit(event) {
            Ok(event) => Reading::Event(Box::new(event)),
            Err(fault) => Reading::Malformed(fault),
        }
    }
}

impl Reader<'_> {
    /// Reads the request by its media type: forms are slash commands and interactivity, everything else is the Events API.
    ///
    /// # Errors
    /// `unavailable` when it cannot be told now whether an event is our own.
    pub fn read(&self) -> Result<IngressOutcome, IngressError> {
        let content_type = self.request.header("content-type").unwrap_or_default();
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case(form::CONTENT_TYPE) {
            return envelope::read(self);
        }
        let pairs = form::parse(&self.request.body);
        if let Some(payload) = form::value(&pairs, "payload") {
            return Ok(interactive::read(self, payload));
        }
        if form::value(&pairs, "command").is_some() {
            return Ok(command::read(self, &pairs));
        }
        // An app may have its request URL verified by a form (Slack's documentation shows it).
        if let Some(challenge) = form::value(&pairs, "challenge") {
            return Ok(IngressOutcome::answer(envelope::challenge(challenge)));
        }
        // Slack probes a command's address with a GET of `ssl_check=1`, and once did so by POST.
        if form::value(&pairs, "ssl_check").is_some() {
            return Ok(outcome(Response::empty(200), vec![Reading::Ignored]));
        }
        Ok(IngressOutcome::malformed(
            Response::empty(200),
            "the form is neither a command nor interactivity",
        ))
    }

    /// The Web API for use while Slack waits for an answer.
    ///
    /// # Errors
    /// When the token cannot be used.
    pub fn api(&self) -> Result<Api, Failure> {
        Ok(Api::open(&self.settings.api_url, &self.settings.bot_token)?.hurried())
    }

    /// Fills in a person's name and language where that is wanted.
    pub fn complete(&self, person: &mut Participant) {
        if !self.settings.look_up_users {
            return;
        }
        if let Ok(api) = self.api() {
            crate::people::complete(&api, person);
        }
    }

    /// The line of talk a message belongs to. `thread` is the parent's timestamp where Slack gives one, `opens` the message's own where
    /// it may open a thread.
    pub fn conversation(
        &self,
        channel: &str,
        channel_type: Option<&str>,
        thread: Option<&str>,
        opens: Option<&str>,
    ) -> Conversation {
        let kind = kind(channel, channel_type);
        let own = opens
            .filter(|_| self.settings.reply_in_thread && !matches!(kind, ConversationKind::Direct));
        Conversation {
            id: channel.to_owned(),
            thread: thread.or(own).map(str::to_owned),
            kind,
        }
    }
}

/// What kind of place a channel is, by its type where Slack tells it and else by its identifier's first letter.
pub fn kind(channel: &str, channel_type: Option<&str>) -> ConversationKind {
    match channel_type {
        Some("im" | "D") => ConversationKind::Direct,
        Some("mpim" | "group" | "G") => ConversationKind::Group,
        Some("channel" | "C") => ConversationKind::Channel,
        _ => match channel.as_bytes().first() {
            Some(b'D') => ConversationKind::Direct,
            Some(b'G') => ConversationKind::Group,
            _ => ConversationKind::Channel,
        },
    }
}

/// The answer with everything that was read.
pub fn outcome(response: Response, readings: Vec<Reading>) -> IngressOutcome {
    let mut outcome = IngressOutcome::answer(response);
    for mut reading in readings {
        if outcome.events.len() >= EVENTS && matches!(reading, Reading::Event(_)) {
            reading = Reading::Malformed(format!("the request has more than {EVENTS} events"));
        }
        match reading {
            Reading::Event(event) => outcome.events.push(*event),
            Reading::Ignored => outcome.ignored += 1,
            Reading::Malformed(reason) => {
                log::warn!(
                    "ingress",
                    "a request of Slack could not be understood: {reason}"
                );
                outcome.malformed = Some(reason);
            }
        }
    }
    outcome
}

/// JSON that is an object.
///
/// # Errors
/// In words.
pub fn object(bytes: &[u8]) -> Result<Value, String> {
    match serde_json::from_slice::<Value>(bytes) {
        Ok(value) if value.is_object() => Ok(value),
        Ok(_) => Err("the JSON is no object".to_owned()),
        Err(error) => Err(format!("the body is no JSON: {error}")),
    }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
