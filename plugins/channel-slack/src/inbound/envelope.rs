//! The Events API: one envelope a request, with one event inside (docs.slack.dev/apis/events-api).
//!
//! A request that carries `X-Slack-Retry-Num` is read like any other: its first delivery may never have arrived. What repeats is
//! recognised by the host, by the event's dedupe key.

use greentic_sdk::channel::{IngressError, IngressOutcome, Response};
use greentic_sdk::log;
use greentic_sdk::model::{EventBody, Participant, Reaction};
use serde_json::{Value, json};

use super::{Parts, Reader, Reading, message, object, outcome};
use crate::identity::Identity;
use crate::remembered::{self, DAY_MS};
use crate::{emoji, fields};

/// Reads an envelope.
///
/// # Errors
/// `unavailable` when it cannot be told now whether an event is our own.
pub fn read(reader: &Reader<'_>) -> Result<IngressOutcome, IngressError> {
    let ack = || Response::empty(200);
    let envelope = match object(&reader.request.body) {
        Ok(envelope) => envelope,
        Err(fault) => return Ok(outcome(ack(), vec![Reading::Malformed(fault)])),
    };
    if let Some(attempt) = reader.request.header("x-slack-retry-num") {
        let reason = reader
            .request
            .header("x-slack-retry-reason")
            .unwrap_or("none");
        log::info!(
            "ingress",
            "Slack sends an event again, attempt {attempt}: {reason}"
        );
    }
    let reading = match fields::text(&envelope, "/type") {
        Some("url_verification") => match fields::text(&envelope, "/challenge") {
            Some(text) => return Ok(IngressOutcome::answer(challenge(text))),
            None => Reading::Malformed("the verification has no challenge".to_owned()),
        },
        Some("app_rate_limited") => limited(&envelope),
        Some("event_callback") => match envelope.get("event").filter(|event| event.is_object()) {
            Some(event) => Callback {
                reader,
                envelope: &envelope,
                event,
            }
            .read()?,
            None => Reading::Malformed("the envelope has no event".to_owned()),
        },
        Some(_) => Reading::Ignored,
        None => Reading::Malformed("the envelope has no type".to_owned()),
    };
    Ok(outcome(ack(), vec![reading]))
}

/// The answer that proves the address is ours.
pub fn challenge(text: &str) -> Response {
    Response::body(200, "text/plain; charset=utf-8", text)
}

/// More than 30,000 events an hour: Slack stops sending for the rest of it.
fn limited(envelope: &Value) -> Reading {
    let team = fields::text(envelope, "/team_id").unwrap_or("?");
    log::warn!(
        "ingress",
        "Slack limits the events of workspace {team}: some were not sent"
    );
    Reading::Ignored
}

/// An event in its envelope.
pub struct Callback<'a> {
    /// What is needed to read.
    pub reader: &'a Reader<'a>,
    /// The outer object.
    pub envelope: &'a Value,
    /// The inner one.
    pub event: &'a Value,
}

impl Callback<'_> {
    fn read(&self) -> Result<Reading, IngressError> {
        let kind = fields::text(self.event, "/type").unwrap_or_default();
        match kind {
            "message" | "app_mention" => {
                if !message::is_heard(self.event) {
                    return Ok(Reading::Ignored);
                }
                let Some(own) = self.not_our_own()? else {
                    return Ok(Reading::Ignored);
                };
                Ok(message::read(self, &own))
            }
            "reaction_added" | "reaction_removed" => {
                if fields::text(self.event, "/item/type") != Some("message") {
                    return Ok(Reading::Ignored);
                }
                Ok(match self.not_our_own()? {
                    Some(_) => self.reaction(kind == "reaction_added"),
                    None => Reading::Ignored,
                })
            }
            "member_joined_channel" | "member_left_channel" => Ok(match self.not_our_own()? {
                Some(own) => self.membership(&own, kind == "member_joined_channel"),
                None => Reading::Ignored,
            }),
            "assistant_thread_started" => Ok(self.assistant()),
            // The Java SDK's samples nest it.
            "app_rate_limited" => Ok(limited(self.envelope)),
            "" => Ok(Reading::Malformed("the event has no type".to_owned())),
            // Everything else an app may subscribe to concerns the workspace and not the conversation.
            _ => Ok(Reading::Ignored),
        }
    }

    /// The bot's identity when the event was caused by somebody else.
    fn not_our_own(&self) -> Result<Option<Identity>, IngressError> {
        let asked = self.reader.api().and_then(|api| Identity::of(&api));
        let own = match asked {
            Ok(own) => own,
            // Without the bot's id this may be our own message, and answering it would never end: Slack sends it again.
            Err(failure) if Identity::is_of_a_bot(self.event) => {
                return Err(IngressError::Unavailable(format!(
                    "it cannot be told whether a bot's event is our own: {}",
                    failure.reason()
                )));
            }
            Err(failure) => {
                log::warn!("ingress", "auth.test: {}", failure.reason());
                Identity::authorized(self.envelope)
            }
        };
        Ok((!own.caused(self.event)).then_some(own))
    }

    /// The workspace.
    pub fn team(&self) -> &str {
        fields::text(self.envelope, "/team_id")
            .or_else(|| fields::text(self.event, "/team"))
            .unwrap_or_default()
    }

    /// Milliseconds: the event's own time, or the envelope's.
    pub fn time_ms(&self) -> u64 {
        fields::first(self.event, &["/event_ts", "/ts"])
            .and_then(fields::millis)
            .or_else(|| {
                let seconds = self.envelope.get("event_time").and_then(Value::as_u64);
                seconds.map(|seconds| seconds.saturating_mul(1000))
            })
            .unwrap_or_else(greentic_sdk::time::now_ms)
    }

    /// The identifier that stays the same when Slack sends the event again.
    pub fn event_id(&self) -> Option<&str> {
        fields::text(self.envelope, "/event_id")
    }

    fn reaction(&self, added: bool) -> Reading {
        let (Some(channel), Some(ts), Some(name), Some(user), Some(id)) = (
            fields::text(self.event, "/item/channel"),
            fields::text(self.event, "/item/ts"),
            fields::text(self.event, "/reaction"),
            fields::text(self.event, "/user"),
            self.event_id(),
        ) else {
            return Reading::Malformed("the reaction lacks message, name, user or id".to_owned());
        };
        Parts {
            id: id.to_owned(),
            dedupe_key: format!("event/{id}"),
            time_ms: self.time_ms(),
            conversation: self.reader.conversation(channel, None, None, None),
            sender: Participant::person(user),
            reply_to: Some(ts.to_owned()),
            body: EventBody::Reaction(Reaction {
                message_id: ts.to_owned(),
                emoji: emoji::of_name(name).into_owned(),
                added,
            }),
        }
        .event()
    }

    fn membership(&self, own: &Identity, joined: bool) -> Reading {
        let (Some(channel), Some(user), Some(id)) = (
            fields::text(self.event, "/channel"),
            fields::text(self.event, "/user"),
            self.event_id(),
        ) else {
            return Reading::Malformed("the membership lacks channel, user or id".to_owned());
        };
        let mut person = Participant::person(user);
        person.is_bot = own.user.as_deref() == Some(user);
        self.reader.complete(&mut person);
        let channel_type = fields::text(self.event, "/channel_type");
        let people = vec![person.clone()];
        Parts {
            id: id.to_owned(),
            dedupe_key: format!("event/{id}"),
            time_ms: self.time_ms(),
            conversation: self.reader.conversation(channel, channel_type, None, None),
            sender: person,
            reply_to: None,
            body: if joined {
                EventBody::Joined(people)
            } else {
                EventBody::Left(people)
            },
        }
        .event()
    }

    /// Somebody opened the app's assistant: a thread in a direct conversation, where the bot may show that it is writing.
    fn assistant(&self) -> Reading {
        let (Some(channel), Some(thread), Some(user), Some(id)) = (
            fields::text(self.event, "/assistant_thread/channel_id"),
            fields::text(self.event, "/assistant_thread/thread_ts"),
            fields::text(self.event, "/assistant_thread/user_id"),
            self.event_id(),
        ) else {
            return Reading::Malformed("the assistant's thread lacks its place or user".to_owned());
        };
        remembered::put(&["assistant", channel, thread], &json!(true), 30 * DAY_MS);
        let mut person = Participant::person(user);
        self.reader.complete(&mut person);
        Parts {
            id: id.to_owned(),
            dedupe_key: format!("event/{id}"),
            time_ms: self.time_ms(),
            conversation: self
                .reader
                .conversation(channel, Some("im"), Some(thread), None),
            sender: person.clone(),
            reply_to: None,
            body: EventBody::Joined(vec![person]),
        }
        .event()
    }
}
