//! From the common model to calls of the Web API.

pub mod change;
pub mod file;
pub mod post;
pub mod reaction;

use greentic_sdk::channel::{Delivery, DeliveryError, Downgrade, Receipt};
use greentic_sdk::delivery::Steps;
use greentic_sdk::model::{Outbound, OutboundBody};
use serde_json::json;

use crate::api::{Api, Failure};
use crate::compose::{self, Composed, downgrade};
use crate::remembered;
use crate::settings::Settings;
use crate::{direct, fields, people};

/// Where a delivery goes.
pub struct Target<'a> {
    /// The Web API.
    pub api: &'a Api,
    /// The channel's id; that of the direct conversation where the message was for a person.
    pub channel: String,
    /// The thread's parent.
    pub thread: Option<String>,
    /// The one person who may see it.
    pub only_for: Option<&'a str>,
}

/// Sends one message.
///
/// # Errors
/// By what became of it: never taken, not taken now, perhaps taken.
pub fn deliver(settings: &Settings, delivery: &Delivery) -> Result<Receipt, DeliveryError> {
    let api = Api::open(&settings.api_url, &settings.bot_token)?;
    let outbound = &delivery.message;
    let mut downgrades = Vec::new();
    let target = target(&api, outbound, &mut downgrades)?;
    let mut receipt = match &outbound.body {
        OutboundBody::Text(text) => messages(
            &target,
            delivery,
            compose::text::compose(&text.text, text.format),
        )?,
        OutboundBody::QuickReplies(replies) => messages(
            &target,
            delivery,
            compose::replies::compose(replies, &delivery.id)?,
        )?,
        OutboundBody::Card(card) => messages(
            &target,
            delivery,
            compose::card::compose(card, &delivery.id)?,
        )?,
        OutboundBody::Attachment(attachment) => file::send(&target, attachment)?,
        OutboundBody::Typing => typing(&target)?,
        OutboundBody::Edit(edit) => change::edit(&target, delivery, edit)?,
        OutboundBody::Delete(id) => change::delete(&target, id)?,
        OutboundBody::Reaction(reaction) => reaction::send(&target, reaction)?,
    };
    receipt.downgrades.extend(downgrades);
    Ok(receipt)
}

/// Finds out where it goes. A message to a person's id opens the direct conversation with them.
fn target<'a>(
    api: &'a Api,
    outbound: &'a Outbound,
    downgrades: &mut Vec<Downgrade>,
) -> Result<Target<'a>, Failure> {
    let id = outbound.conversation.id.as_str();
    let channel = if people::is_user(id) {
        direct::conversation(api, id)?
    } else {
        id.to_owned()
    };
    let answered = outbound.reply_to.as_deref().filter(|id| {
        let is_message = is_message(id);
        if !is_message && outbound.conversation.thread.is_none() {
            downgrades.push(downgrade(
                "threads",
                "sent without a thread: what it answers is no message",
            ));
        }
        is_message
    });
    Ok(Target {
        api,
        channel,
        // `thread_ts` must be the parent's: in a thread that is the conversation's, and outside one any message is a parent.
        thread: outbound
            .conversation
            .thread
            .as_deref()
            .or(answered)
            .map(str::to_owned),
        only_for: outbound.only_for.as_deref(),
    })
}

/// Whether an identifier is a message's timestamp.
pub fn is_message(id: &str) -> bool {
    id.contains('.') && fields::millis(id).is_some()
}

/// Posts messages one after another, each once however often the delivery is tried.
fn messages(
    target: &Target<'_>,
    delivery: &Delivery,
    composed: Composed,
) -> Result<Receipt, DeliveryError> {
    let mut receipt = Receipt {
        message_ids: Vec::new(),
        downgrades: composed.downgrades,
    };
    let mut steps = Steps::of(delivery, composed.posts.len())?;
    for post in &composed.posts {
        let ids = steps.step(|| {
            post::send(target, post, &mut receipt.downgrades).map_err(DeliveryError::from)
        })?;
        receipt.message_ids.extend(ids);
    }
    Ok(receipt)
}

/// Slack shows that a bot is writing only in threads of its assistant.
fn typing(target: &Target<'_>) -> Result<Receipt, Failure> {
    let nothing = Receipt {
        message_ids: Vec::new(),
        downgrades: Vec::new(),
    };
    let assistant = target
        .thread
        .as_deref()
        .filter(|thread| remembered::get(&["assistant", &target.channel, thread]).is_some());
    let Some(thread) = assistant else {
        return Ok(nothing.downgraded(
            "typing",
            "not shown: Slack shows it only in threads of the app's assistant",
        ));
    };
    let status = json!({"channel_id": target.channel, "thread_ts": thread, "status": "is typing…"});
    target
        .api
        .call("assistant.threads.setStatus", &status)
        .map_err(Failure::repeatable)?;
    Ok(nothing)
}

#[cfg(test)]
mod tests;
