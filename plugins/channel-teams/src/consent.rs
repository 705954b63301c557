//! Files to a person: offered first, uploaded to the person's own OneDrive when they accept ("Send and receive files").
//!
//! The bytes wait in the channel's memory. What comes back of the offer is an identifier, and it opens only what was offered in the
//! same conversation.

use std::time::Duration;

use greentic_sdk::channel::{Response, memory};
use greentic_sdk::http::Request;
use greentic_sdk::log;
use serde_json::{Value, json};

use crate::activity::Activity;
use crate::connector::{self, Connector};
use crate::inbound::{Fault, Read, custom, event};
use crate::invoke::Answered;
use crate::kept::{self, Head};
use crate::reference::name;
use crate::settings::Settings;
use crate::trust;

/// How long an upload may take: the platform waits 15 seconds for the whole answer.
const UPLOAD: Duration = Duration::from_secs(8);
/// How long nobody else uploads what one has begun to.
const CLAIM_MS: u64 = 60 * 1000;

/// The card that offers a kept file.
#[must_use]
pub fn offer(id: &str, head: &Head) -> Value {
    json!({
        "contentType": "application/vnd.microsoft.teams.card.file.consent",
        "name": head.name,
        "content": {
            "description": head.name,
            "sizeInBytes": head.size,
            "acceptContext": {"file": id},
            "declineContext": {"file": id}
        }
    })
}

/// Answers `fileConsent/invoke`: uploads what was accepted and shows where it is, forgets what was declined.
///
/// # Errors
/// [`Fault`]; a person can press the button again after one.
pub fn answered(settings: &Settings, activity: &Activity, now_ms: u64) -> Result<Answered, Fault> {
    let unreachable = |error| Fault::Unavailable(format!("the channel's memory: {error:?}"));
    let value = activity.value.clone().unwrap_or_default();
    let text = |field: &str| value.get(field).and_then(Value::as_str);
    let id = value
        .get("context")
        .and_then(|context| context.get("file"))
        .and_then(Value::as_str)
        .ok_or_else(|| Fault::Malformed("the consent names no file".into()))?;
    let accepted = match text("action") {
        Some("accept") => true,
        Some("decline") => false,
        _ => {
            return Err(Fault::Malformed(
                "the consent is neither accept nor decline".into(),
            ));
        }
    };
    let conversation = activity.conversation.conversation().id;
    let known = kept::head(id)
        .map_err(unreachable)?
        .filter(|head| head.conversation == conversation);
    let outcome = match (&known, accepted) {
        (None, _) => "expired",
        (Some(_), false) => {
            kept::forget(id).map_err(unreachable)?;
            "declined"
        }
        (Some(head), true) => {
            let claim = name("upload", id);
            if !memory::add(&claim, b"1", Some(CLAIM_MS)).map_err(unreachable)? {
                // The same press once more while the first is at work.
                return Ok(Answered {
                    response: Response::empty(200),
                    read: Read::ignored(),
                });
            }
            if let Err(reason) = upload(settings, activity, &value, id, head) {
                // The claim goes, so that the button works again.
                let _ = memory::delete(&claim);
                return Err(Fault::Unavailable(reason));
            }
            "accepted"
        }
    };
    let file = known.map(|head| head.name);
    let body = custom("file-consent", &json!({"outcome": outcome, "file": file}))?;
    Ok(Answered {
        response: Response::empty(200),
        read: Read {
            events: vec![event(activity, "", body, now_ms)?],
            ignored: 0,
        },
    })
}

fn upload(
    settings: &Settings,
    activity: &Activity,
    value: &Value,
    id: &str,
    head: &Head,
) -> Result<(), String> {
    let info = value.get("uploadInfo").cloned().unwrap_or_default();
    let text = |field: &str| info.get(field).and_then(Value::as_str);
    let url = text("uploadUrl").unwrap_or_default();
    if !settings.file_hosts.trusts(url) {
        return Err("the upload's address is not on a host of `file-hosts`".into());
    }
    let (_, bytes) = kept::get(id)
        .map_err(|error| format!("the channel's memory: {error:?}"))?
        .ok_or("the file is gone")?;
    let last = bytes.len().saturating_sub(1);
    let range = format!("bytes 0-{last}/{}", bytes.len());
    let response = Request::put(url)
        .header("content-range", &range)
        .body("application/octet-stream", bytes)
        .timeout(UPLOAD)
        .send()
        .map_err(|fault| format!("the upload failed: {fault}"))?;
    if !response.is_success() {
        return Err(format!("the upload failed: HTTP {}", response.status));
    }
    let service = activity
        .service_url
        .as_deref()
        .and_then(trust::base)
        .unwrap_or_default();
    let connector = Connector::new(settings, service);
    let place = &activity.conversation.id;
    let shown = json!({
        "type": "message",
        "from": {"id": activity.recipient.id},
        "conversation": {"id": place},
        "recipient": {"id": activity.from.id},
        "attachments": [{
            "contentType": "application/vnd.microsoft.teams.card.file.info",
            "contentUrl": text("contentUrl"),
            "name": text("name").unwrap_or(&head.name),
            "content": {"uniqueId": text("uniqueId"), "fileType": text("fileType")}
        }]
    });
    let path = format!("{}/activities", connector::conversation(place));
    // The file is there: what fails from here on takes nothing back.
    if let Err(error) = connector.call("POST", &path, Some(&shown)) {
        log::warn!("consent", "an uploaded file could not be shown: {error:?}");
    }
    if let Some(offer) = activity.reply_to_id.as_deref()
        && let Err(error) = connector.call("DELETE", &connector::activity(place, offer), None)
    {
        log::debug!("consent", "an accepted offer stays: {error:?}");
    }
    if let Err(error) = kept::forget(id) {
        log::debug!(
            "consent",
            "an uploaded file is kept until its time is over: {error:?}"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests;
