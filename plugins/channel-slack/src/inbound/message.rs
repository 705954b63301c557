//! Messages, their changes and deletions.
//!
//! One message may be reported several times under different event ids: as `app_mention` and as `message`, and now and then twice as
//! the same. Its dedupe key is therefore made of workspace, channel and timestamp, which name a message for good.

use greentic_sdk::channel::files;
use greentic_sdk::model::{Attachment, Edit, EventBody, Message, Participant, TextFormat};
use greentic_sdk::time;
use serde_json::Value;

use super::envelope::Callback;
use super::{Parts, Reader, Reading, text};
use crate::fields;
use crate::identity::Identity;
use crate::remembered::DAY_MS;

/// How long links to incoming files work.
const LINK_MS: u64 = 7 * DAY_MS;

/// Slack's own bot, which answers for the workspace.
const SLACKBOT: &str = "USLACKBOT";

/// Whether a message event is about something somebody said. The other subtypes are notices about the channel; who joins and leaves
/// comes as events of its own.
pub fn is_heard(event: &Value) -> bool {
    matches!(
        fields::text(event, "/subtype"),
        None | Some(
            "file_share"
                | "thread_broadcast"
                | "me_message"
                | "bot_message"
                | "message_changed"
                | "message_deleted"
        )
    )
}

/// Reads a message that is not our own.
pub fn read(callback: &Callback<'_>, own: &Identity) -> Reading {
    match fields::text(callback.event, "/subtype") {
        Some("message_changed") => changed(callback, own),
        Some("message_deleted") => deleted(
            callback,
            fields::first(callback.event, &["/deleted_ts", "/previous_message/ts"]),
        ),
        _ => said(callback, own),
    }
}

fn said(callback: &Callback<'_>, own: &Identity) -> Reading {
    let event = callback.event;
    let (Some(channel), Some(ts)) = (fields::text(event, "/channel"), fields::text(event, "/ts"))
    else {
        return Reading::Malformed("the message lacks channel or timestamp".to_owned());
    };
    let Some(mut sender) = sender(event) else {
        return Reading::Malformed("the message lacks its sender".to_owned());
    };
    if sender.is_bot && callback.reader.settings.ignore_bots {
        return Reading::Ignored;
    }
    let written = fields::text(event, "/text").unwrap_or_else(|| shared(event));
    let message = Message {
        text: text::plain(written, own.user.as_deref()),
        format: TextFormat::Plain,
        attachments: attachments(callback.reader, event),
    };
    // An addressing alone ("@bot") is something said; a message of blocks alone is not for a reader of text.
    if written.is_empty() && message.attachments.is_empty() {
        return Reading::Ignored;
    }
    callback.reader.complete(&mut sender);
    let thread = fields::text(event, "/thread_ts").filter(|thread| *thread != ts);
    Parts {
        id: ts.to_owned(),
        dedupe_key: format!("message/{}/{channel}/{ts}", callback.team()),
        time_ms: fields::millis(ts).unwrap_or_else(|| callback.time_ms()),
        conversation: callback.reader.conversation(
            channel,
            fields::text(event, "/channel_type"),
            thread,
            Some(ts),
        ),
        sender,
        reply_to: thread.map(str::to_owned),
        body: EventBody::Message(message),
    }
    .event()
}

/// The text of a forwarded message, where nothing was written beside it.
fn shared(event: &Value) -> &str {
    fields::first(event, &["/attachments/0/text", "/attachments/0/fallback"]).unwrap_or_default()
}

fn changed(callback: &Callback<'_>, own: &Identity) -> Reading {
    let event = callback.event;
    let id = fields::first(event, &["/message/ts", "/previous_message/ts"]);
    // A deleted message that has answers stays in its thread as a tombstone.
    if fields::text(event, "/message/subtype") == Some("tombstone") {
        return deleted(callback, id);
    }
    let (Some(channel), Some(id), Some(event_id)) =
        (fields::text(event, "/channel"), id, callback.event_id())
    else {
        return Reading::Malformed("the change lacks channel, message or id".to_owned());
    };
    let now = event.pointer("/message/text").and_then(Value::as_str);
    let before = event
        .pointer("/previous_message/text")
        .and_then(Value::as_str);
    // Slack also reports that it unfurled a link or counted an answer.
    let Some(now) = now.filter(|_| now != before) else {
        return Reading::Ignored;
    };
    let Some(message) = event.get("message") else {
        return Reading::Ignored;
    };
    let Some(sender) = sender(message) else {
        return Reading::Malformed("the change lacks its sender".to_owned());
    };
    if sender.is_bot && callback.reader.settings.ignore_bots {
        return Reading::Ignored;
    }
    let thread = fields::text(message, "/thread_ts").filter(|thread| *thread != id);
    Parts {
        id: event_id.to_owned(),
        dedupe_key: format!("event/{event_id}"),
        time_ms: callback.time_ms(),
        conversation: callback.reader.conversation(
            channel,
            fields::text(event, "/channel_type"),
            thread,
            Some(id),
        ),
        sender,
        reply_to: None,
        body: EventBody::Edited(Edit {
            message_id: id.to_owned(),
            text: text::plain(now, own.user.as_deref()),
        }),
    }
    .event()
}

fn deleted(callback: &Callback<'_>, id: Option<&str>) -> Reading {
    let event = callback.event;
    let (Some(channel), Some(id), Some(event_id)) =
        (fields::text(event, "/channel"), id, callback.event_id())
    else {
        return Reading::Malformed("the deletion lacks channel, message or id".to_owned());
    };
    let before = event.get("previous_message").unwrap_or(event);
    // Slack does not say who deleted it; it was the author's message.
    let Some(sender) = sender(before) else {
        return Reading::Ignored;
    };
    if sender.is_bot && callback.reader.settings.ignore_bots {
        return Reading::Ignored;
    }
    let thread = fields::text(before, "/thread_ts").filter(|thread| *thread != id);
    Parts {
        id: event_id.to_owned(),
        dedupe_key: format!("event/{event_id}"),
        time_ms: callback.time_ms(),
        conversation: callback.reader.conversation(
            channel,
            fields::text(event, "/channel_type"),
            thread,
            Some(id),
        ),
        sender,
        reply_to: None,
        body: EventBody::Deleted(id.to_owned()),
    }
    .event()
}

/// Who a message is from: a user, or a bot that posts under its own id.
fn sender(message: &Value) -> Option<Participant> {
    let bot = fields::text(message, "/bot_id");
    let id = fields::first(message, &["/user", "/user/id"]).or(bot)?;
    let name = fields::first(
        message,
        &[
            "/username",
            "/bot_profile/name",
            "/user_profile/display_name",
            "/user_profile/real_name",
        ],
    );
    Some(Participant {
        name: name.map(str::to_owned),
        is_bot: bot.is_some()
            || id == SLACKBOT
            || fields::text(message, "/subtype") == Some("bot_message"),
        ..Participant::person(id)
    })
}

/// The files of a message, each under a signed address of this host. Those Slack only refers to keep their own.
fn attachments(reader: &Reader<'_>, event: &Value) -> Vec<Attachment> {
    fields::list(event, "/files")
        .iter()
        .filter_map(|file| {
            let id = fields::text(file, "/id")?;
            // Deleted, or hidden in a free workspace: there is nothing to fetch.
            if matches!(
                fields::text(file, "/mode"),
                Some("tombstone" | "hidden_by_limit")
            ) {
                return None;
            }
            let elsewhere = fields::flag(file, "/is_external")
                .then(|| fields::text(file, "/url_private"))
                .flatten();
            let url = elsewhere.map_or_else(
                || {
                    files::link(
                        reader.signing,
                        &reader.request.origin,
                        &reader.request.base,
                        id,
                        time::now_ms().saturating_add(LINK_MS),
                    )
                },
                str::to_owned,
            );
            Some(Attachment {
                name: fields::first(file, &["/name", "/title"])
                    .unwrap_or("file")
                    .to_owned(),
                content_type: fields::text(file, "/mimetype")
                    .unwrap_or("application/octet-stream")
                    .to_owned(),
                url: Some(url),
                content: None,
                size: file.get("size").and_then(Value::as_u64),
            })
        })
        .collect()
}
