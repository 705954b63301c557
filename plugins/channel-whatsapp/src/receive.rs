//! A POST on the webhook's address: verified on the bytes as they came, read, and what later calls need is remembered.

use greentic_sdk::channel::{IngressError, IngressOutcome, Request, Response};
use greentic_sdk::model::{Error, EventBody, Reaction};
use greentic_sdk::{log, signature, time};

use crate::inbound::{self, Batch, Origin, Read};
use crate::limits::REMEMBERED_MS;
use crate::settings::Settings;
use crate::{choice, files, form, peer, progress, remember, secrets, step};

/// The header with the signature, lower-case.
pub const SIGNATURE: &str = "x-hub-signature-256";

/// Takes one notification.
///
/// # Errors
/// `unverified` for one the app secret did not sign, `unavailable` when a secret or the memory cannot be asked: the platform sends
/// it again.
pub fn receive(settings: &Settings, request: &Request) -> Result<IngressOutcome, IngressError> {
    let secret = secrets::open(&settings.app_secret)?;
    let mut signatures = request
        .headers
        .iter()
        .filter(|header| header.name == SIGNATURE);
    let signature = signatures.next().map(|header| header.value.as_str());
    if signatures.next().is_some() {
        return Err(IngressError::Unverified(
            "there are two signatures".to_owned(),
        ));
    }
    signature::verify_hex(&secret, &request.body, signature, "sha256=")
        .map_err(|fault| IngressError::Unverified(fault.to_string()))?;
    let now = time::now_ms();
    let link = |id: &str, name: &str| files::link(&secret, request, id, name, now);
    let batch = match inbound::read(&request.body, settings, &link, now) {
        Ok(batch) => batch,
        // It would be sent again for seven days and never be understood.
        Err(fault) => return Ok(IngressOutcome::malformed(Response::empty(200), fault)),
    };
    outcome(batch).map_err(|error| IngressError::Unavailable(format!("the memory: {error:?}")))
}

fn outcome(batch: Batch) -> Result<IngressOutcome, Error> {
    for error in &batch.platform_errors {
        log::warn!("webhook", "the platform reports {error}");
    }
    let mut outcome = IngressOutcome::events(Response::empty(200), Vec::new());
    outcome.ignored = batch.ignored;
    outcome.malformed = Some(batch.malformed.join("; ")).filter(|text| !text.is_empty());
    for mut item in batch.items {
        if complete(&mut item)? {
            outcome.events.push(item.event);
        } else {
            outcome.ignored += 1;
        }
    }
    Ok(outcome)
}

/// Remembers what belongs to an event and completes it from what is remembered; false when it brings nothing new. Doing it twice
/// changes nothing: the platform sends again what could not be published.
fn complete(item: &mut Read) -> Result<bool, Error> {
    let event = &mut item.event;
    match &item.origin {
        Origin::System => Ok(true),
        Origin::Person(person) => {
            peer::heard(
                &event.conversation.id,
                &event.sender.id,
                person,
                event.time_ms,
            )?;
            match &event.body {
                EventBody::Custom(custom) if custom.name == choice::REMEMBERED => {
                    event.body = form::recall(&custom.data)?;
                }
                EventBody::Reaction(reaction) => {
                    event.body = EventBody::Reaction(reacted(&event.sender.id, reaction)?);
                }
                EventBody::Message(message) if person.typed => {
                    let answer = form::answered(&event.conversation.id, &event.id, &message.text)?;
                    if let Some(postback) = answer {
                        event.body = postback;
                    }
                }
                _ => {}
            }
            Ok(true)
        }
        Origin::Status(status) => {
            if let Some(number) = &status.by_number
                && let Some(id) = peer::known_by(number)?
            {
                event.conversation.id.clone_from(&id);
                event.sender.id = id;
            }
            if let Some(data) = &status.callback_data {
                progress::confirm(data, &status.message_id)?;
            }
            if status.codes.contains(&crate::graph::WINDOW_CLOSED) {
                peer::window_closed(&event.conversation.id, event.time_ms)?;
            }
            step::forward(&status.about, status.rank)
        }
    }
}

/// The platform does not say which emoji was taken away: it is the one that was set last.
fn reacted(sender: &str, reaction: &Reaction) -> Result<Reaction, Error> {
    let place = format!("{}@{sender}", reaction.message_id);
    let mut reaction = reaction.clone();
    if reaction.added {
        remember::put("reaction", &place, &reaction.emoji, REMEMBERED_MS)?;
    } else if let Some(emoji) = remember::get("reaction", &place)? {
        reaction.emoji = emoji;
    }
    Ok(reaction)
}

#[cfg(test)]
mod tests;
