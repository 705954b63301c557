//! Reactions of the bot.

use greentic_sdk::channel::Receipt;
use greentic_sdk::model::Reaction;
use serde_json::json;

use super::{Target, is_message, post};
use crate::api::Failure;
use crate::compose::Post;
use crate::emoji;

/// Sets a reaction or takes it away. An emoji Slack has no name for that we know is sent as a message.
///
/// # Errors
/// By what became of it.
pub fn send(target: &Target<'_>, reaction: &Reaction) -> Result<Receipt, Failure> {
    if !is_message(&reaction.message_id) {
        return Err(Failure::Refused(
            String::new(),
            format!(
                "`{}` is not the timestamp of a message",
                reaction.message_id
            ),
        ));
    }
    let done = Receipt {
        message_ids: Vec::new(),
        downgrades: Vec::new(),
    };
    let Some(name) = emoji::name_of(&reaction.emoji) else {
        return instead(target, reaction, done);
    };
    let method = if reaction.added {
        "reactions.add"
    } else {
        "reactions.remove"
    };
    let arguments =
        json!({"channel": target.channel, "timestamp": reaction.message_id, "name": name});
    match target
        .api
        .call(method, &arguments)
        .map_err(Failure::repeatable)
    {
        Err(failure) if failure.code() == "invalid_name" => instead(target, reaction, done),
        // It is as it should be.
        Err(failure) if !matches!(failure.code(), "already_reacted" | "no_reaction") => {
            Err(failure)
        }
        _ => Ok(done),
    }
}

fn instead(
    target: &Target<'_>,
    reaction: &Reaction,
    mut done: Receipt,
) -> Result<Receipt, Failure> {
    if !reaction.added {
        return Ok(done.downgraded("reactions-out", "Slack has no such reaction"));
    }
    let answer = Target {
        api: target.api,
        channel: target.channel.clone(),
        thread: target
            .thread
            .clone()
            .or_else(|| Some(reaction.message_id.clone())),
        only_for: target.only_for,
    };
    let text = Post {
        text: reaction.emoji.clone(),
        blocks: Vec::new(),
    };
    done.message_ids = post::send(&answer, &text, &mut done.downgrades)?;
    Ok(done.downgraded(
        "reactions-out",
        "sent as a message: Slack has no such reaction",
    ))
}
