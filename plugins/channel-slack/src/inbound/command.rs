//! Slash commands (docs.slack.dev/interactivity/implementing-slash-commands).
//!
//! Slack shows the answer of the request to whoever typed the command; it is empty, and what the flow says comes later. Its
//! `response_url` is remembered: by it the answer can be shown to that person alone, and at all where the bot is no member.

use greentic_sdk::channel::{IngressOutcome, Response};
use greentic_sdk::form;
use greentic_sdk::model::{Command, EventBody, Participant};
use greentic_sdk::time;

use super::{Parts, Reader, Reading, outcome, text};
use crate::response_url;

/// Reads a command.
pub fn read(reader: &Reader<'_>, pairs: &[(String, String)]) -> IngressOutcome {
    let field = |name: &str| form::value(pairs, name).filter(|value| !value.is_empty());
    outcome(Response::empty(200), vec![command(reader, &field)])
}

fn command<'a>(reader: &Reader<'_>, field: &impl Fn(&str) -> Option<&'a str>) -> Reading {
    let (Some(name), Some(channel), Some(user), Some(trigger)) = (
        field("command").map(|name| name.trim_start_matches('/')),
        field("channel_id"),
        field("user_id"),
        field("trigger_id"),
    ) else {
        return Reading::Malformed("the command lacks name, channel, user or trigger".to_owned());
    };
    if let Some(url) = field("response_url") {
        response_url::remember(channel, user, url);
    }
    let mut sender = Participant {
        name: field("user_name").map(str::to_owned),
        ..Participant::person(user)
    };
    reader.complete(&mut sender);
    let kind = match field("channel_name") {
        Some("directmessage") => Some("im"),
        Some("privategroup") => Some("group"),
        _ => None,
    };
    Parts {
        id: trigger.to_owned(),
        dedupe_key: format!("trigger/{trigger}"),
        time_ms: time::now_ms(),
        conversation: reader.conversation(channel, kind, field("thread_ts"), None),
        sender,
        reply_to: None,
        body: EventBody::Command(Command {
            name: name.to_owned(),
            arguments: text::plain(field("text").unwrap_or_default(), None)
                .trim()
                .to_owned(),
        }),
    }
    .event()
}
