//! One message: to everybody in the channel, or to one person.

use greentic_sdk::channel::Downgrade;
use serde_json::{Value, json};

use super::Target;
use crate::api::Failure;
use crate::compose::{Post, downgrade};
use crate::{fields, response_url};

/// Posts it and gives its timestamp, where Slack tells one.
///
/// # Errors
/// [`Failure`].
pub fn send(
    target: &Target<'_>,
    post: &Post,
    downgrades: &mut Vec<Downgrade>,
) -> Result<Vec<String>, Failure> {
    let sent = once(target, post);
    let Err(failure) = &sent else {
        return sent;
    };
    // Too much of it together, or a picture Slack cannot fetch. The text alone says the same.
    let refused = matches!(
        failure.code(),
        "msg_blocks_too_long" | "invalid_blocks" | "invalid_blocks_format"
    );
    if !refused || post.blocks.is_empty() || post.text.trim().is_empty() {
        return sent;
    }
    greentic_sdk::log::warn!(
        "deliver",
        "blocks are not taken, the text is sent alone: {}",
        failure.reason()
    );
    let ids = once(target, &post.text_alone())?;
    downgrades.push(downgrade(
        "cards",
        format!(
            "sent as text, because Slack refused the blocks: {}",
            failure.code()
        ),
    ));
    Ok(ids)
}

fn once(target: &Target<'_>, post: &Post) -> Result<Vec<String>, Failure> {
    match target.only_for {
        Some(user) => to_one(target, user, post),
        None => to_all(target, post),
    }
}

fn to_all(target: &Target<'_>, post: &Post) -> Result<Vec<String>, Failure> {
    let mut message = addressed(target, post);
    // The text is no markup, and says nothing but itself.
    set(&mut message, "mrkdwn", json!(false));
    let answer = match target.api.call("chat.postMessage", &message) {
        Err(failure) if is_outside(&failure) => {
            return answer_interaction(target, None, post, "in_channel").unwrap_or(Err(failure));
        }
        answer => answer?,
    };
    Ok(fields::text(&answer, "/ts")
        .map(str::to_owned)
        .into_iter()
        .collect())
}

/// What the person did last is answered where Slack still takes it; otherwise the bot writes to them by itself.
fn to_one(target: &Target<'_>, user: &str, post: &Post) -> Result<Vec<String>, Failure> {
    if let Some(answered) = answer_interaction(target, Some(user), post, "ephemeral") {
        return answered;
    }
    let mut message = addressed(target, post);
    set(&mut message, "user", json!(user));
    let answer = target.api.call("chat.postEphemeral", &message)?;
    Ok(fields::text(&answer, "/message_ts")
        .map(str::to_owned)
        .into_iter()
        .collect())
}

/// Posts to a remembered `response_url`. `None` when there is none or Slack takes it no more.
fn answer_interaction(
    target: &Target<'_>,
    user: Option<&str>,
    post: &Post,
    response_type: &str,
) -> Option<Result<Vec<String>, Failure>> {
    let url = response_url::find(&target.channel, user)?;
    let mut message = post.fields();
    set(&mut message, "response_type", json!(response_type));
    set(&mut message, "replace_original", json!(false));
    if let Some(thread) = &target.thread {
        set(&mut message, "thread_ts", json!(thread));
    }
    match target.api.respond(&url, &message) {
        Ok(()) => Some(Ok(Vec::new())),
        Err(Failure::Refused(code, reason))
            if matches!(code.as_str(), "invalid_blocks" | "msg_blocks_too_long") =>
        {
            Some(Err(Failure::Refused(code, reason)))
        }
        // Used five times, older than half an hour, or not granted: it is of no use any more.
        Err(Failure::Refused(_, reason)) => {
            greentic_sdk::log::debug!("deliver", "a response_url is not taken any more: {reason}");
            response_url::forget(&target.channel, user);
            None
        }
        Err(failure) => Some(Err(failure)),
    }
}

/// The bot is no member: only an interaction can be answered there.
fn is_outside(failure: &Failure) -> bool {
    matches!(failure.code(), "not_in_channel" | "channel_not_found")
}

fn addressed(target: &Target<'_>, post: &Post) -> Value {
    let mut message = post.fields();
    set(&mut message, "channel", json!(target.channel));
    if let Some(thread) = &target.thread {
        set(&mut message, "thread_ts", json!(thread));
    }
    message
}

fn set(message: &mut Value, name: &str, value: Value) {
    if let Some(fields) = message.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
}
