//! Changing and deleting what the bot posted.

use greentic_sdk::channel::{Delivery, DeliveryError, Receipt};
use greentic_sdk::delivery::Steps;
use greentic_sdk::model::{Edit, TextFormat};
use serde_json::{Value, json};

use super::{Target, is_message, post};
use crate::api::Failure;
use crate::compose;

/// Replaces a message. What does not fit into it follows as further messages.
///
/// # Errors
/// By what became of it.
pub fn edit(
    target: &Target<'_>,
    delivery: &Delivery,
    edit: &Edit,
) -> Result<Receipt, DeliveryError> {
    if !is_message(&edit.message_id) {
        return Err(no_message(&edit.message_id).into());
    }
    let composed = compose::text::compose(&edit.text, TextFormat::Markdown);
    let mut receipt = Receipt {
        message_ids: Vec::new(),
        downgrades: composed.downgrades,
    };
    let Some((first, rest)) = composed.posts.split_first() else {
        return Err(DeliveryError::Rejected("the new text is empty".to_owned()));
    };
    let mut steps = Steps::of(delivery, composed.posts.len())?;
    receipt.message_ids = steps.step(|| {
        let mut message = first.fields();
        if let Some(fields) = message.as_object_mut() {
            fields.insert("channel".to_owned(), json!(target.channel));
            fields.insert("ts".to_owned(), json!(edit.message_id));
            // Without the field Slack keeps the blocks the message had.
            fields
                .entry("blocks")
                .or_insert_with(|| Value::Array(Vec::new()));
        }
        let changed = target.api.call("chat.update", &message);
        changed.map_err(Failure::repeatable)?;
        Ok(vec![edit.message_id.clone()])
    })?;
    for more in rest {
        let ids = steps.step(|| {
            post::send(target, more, &mut receipt.downgrades).map_err(DeliveryError::from)
        })?;
        receipt.message_ids.extend(ids);
    }
    if !rest.is_empty() {
        return Ok(receipt.downgraded("edit", "the end of the text follows as a further message"));
    }
    Ok(receipt)
}

/// Deletes a message, or a file by its id. What is gone already is deleted.
///
/// # Errors
/// By what became of it.
pub fn delete(target: &Target<'_>, id: &str) -> Result<Receipt, Failure> {
    let called = if is_message(id) {
        target
            .api
            .call("chat.delete", &json!({"channel": target.channel, "ts": id}))
    } else if is_file(id) {
        target.api.call("files.delete", &json!({"file": id}))
    } else {
        return Err(no_message(id));
    };
    match called.map_err(Failure::repeatable) {
        Err(failure)
            if !matches!(
                failure.code(),
                "message_not_found" | "file_not_found" | "file_deleted"
            ) =>
        {
            Err(failure)
        }
        _ => Ok(Receipt::one(id)),
    }
}

/// Whether an identifier is that of a file, `F…`.
fn is_file(id: &str) -> bool {
    id.len() > 1 && id.starts_with('F') && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn no_message(id: &str) -> Failure {
    Failure::Refused(
        String::new(),
        format!("`{id}` is not the timestamp of a message"),
    )
}
