//! Files: bytes go up in three steps (docs.slack.dev/messaging/working-with-files), addresses are shown.
//!
//! Nobody sees a file before the third step, so the first two may be made again without harm.

use greentic_sdk::channel::{DeliveryError, Receipt};
use greentic_sdk::model::Attachment;
use serde_json::{Value, json};

use super::{Target, post};
use crate::api::Failure;
use crate::compose::{Post, blocks};
use crate::{direct, fields};

/// Sends a file.
///
/// # Errors
/// By what became of it.
pub fn send(target: &Target<'_>, attachment: &Attachment) -> Result<Receipt, DeliveryError> {
    match (&attachment.content, &attachment.url) {
        (Some(bytes), _) => Ok(upload(target, attachment, bytes)?),
        (None, Some(url)) => Ok(show(target, attachment, url)?),
        (None, None) => Err(DeliveryError::Rejected(
            "the attachment has neither an address nor content".to_owned(),
        )),
    }
}

fn name(attachment: &Attachment) -> &str {
    if attachment.name.trim().is_empty() {
        "file"
    } else {
        &attachment.name
    }
}

fn upload(target: &Target<'_>, attachment: &Attachment, bytes: &[u8]) -> Result<Receipt, Failure> {
    let refused = |reason: &str| Failure::Refused(String::new(), reason.to_owned());
    if bytes.is_empty() {
        return Err(refused("Slack takes no empty file"));
    }
    let name = name(attachment);
    let length = bytes.len().to_string();
    let place = target
        .api
        .call_form(
            "files.getUploadURLExternal",
            &[("filename", name), ("length", &length)],
        )
        .map_err(Failure::repeatable)?;
    let (Some(url), Some(id)) = (
        fields::text(&place, "/upload_url"),
        fields::text(&place, "/file_id"),
    ) else {
        return Err(Failure::Later(
            "Slack gave no place for the file".to_owned(),
            None,
        ));
    };
    target
        .api
        .upload(url, &attachment.content_type, bytes.to_vec())
        .map_err(Failure::repeatable)?;
    let mut receipt = Receipt::one(id);
    let mut complete = json!({"files": [{"id": id, "title": name}]});
    let fields = complete
        .as_object_mut()
        .ok_or_else(|| refused("no object"))?;
    match target.only_for {
        // A file cannot be shared with one person in a channel.
        Some(user) => {
            fields.insert(
                "channel_id".to_owned(),
                json!(direct::conversation(target.api, user)?),
            );
            receipt =
                receipt.downgraded("ephemeral", "the file was sent in the direct conversation");
        }
        None => {
            fields.insert("channel_id".to_owned(), json!(target.channel));
            if let Some(thread) = &target.thread {
                fields.insert("thread_ts".to_owned(), json!(thread));
            }
        }
    }
    let answer = target.api.call("files.completeUploadExternal", &complete)?;
    if let Some(ts) = shared_as(&answer) {
        receipt.message_ids = vec![ts.to_owned()];
    }
    Ok(receipt)
}

/// The timestamp of the message a file was shared with, where Slack tells it at once.
fn shared_as(answer: &Value) -> Option<&str> {
    let shares = answer.pointer("/files/0/shares")?;
    ["/public", "/private"]
        .iter()
        .filter_map(|kind| shares.pointer(kind)?.as_object())
        .flat_map(|channels| channels.values())
        .find_map(|places| fields::text(places, "/0/ts"))
}

/// A picture is shown, another file is a link.
fn show(target: &Target<'_>, attachment: &Attachment, url: &str) -> Result<Receipt, Failure> {
    if !blocks::is_address(url) {
        return Err(Failure::Refused(
            String::new(),
            format!("Slack cannot show a file whose address is `{url}`"),
        ));
    }
    let name = name(attachment);
    let text = format!("{name}: {url}");
    let mut receipt = Receipt {
        message_ids: Vec::new(),
        downgrades: Vec::new(),
    };
    let picture = attachment.content_type.starts_with("image/");
    let blocks = if picture {
        blocks::image(url, name, Some(name)).into_iter().collect()
    } else {
        Vec::new()
    };
    let post = Post { text, blocks };
    receipt.message_ids = post::send(target, &post, &mut receipt.downgrades)?;
    if !picture {
        receipt = receipt.downgraded("attachments-out", "a link to the file was sent");
    }
    Ok(receipt)
}
