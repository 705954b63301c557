//! The webhook's handshake: the platform asks with the verify token and wants its challenge back.

use greentic_sdk::channel::{IngressError, IngressOutcome, Request, Response};
use greentic_sdk::form;

use crate::limits::CHALLENGE_BYTES;
use crate::secrets;
use crate::settings::Settings;

/// Answers a GET on the webhook's address: 200 with the challenge, or 403.
///
/// # Errors
/// `unavailable` when the token cannot be compared now.
pub fn answer(settings: &Settings, request: &Request) -> Result<IngressOutcome, IngressError> {
    let pairs = form::parse(request.query.as_deref().unwrap_or_default().as_bytes());
    let value = |name: &str| form::value(&pairs, name).unwrap_or_default();
    let challenge = value("hub.challenge");
    let token = value("hub.verify_token");
    let asked = value("hub.mode") == "subscribe"
        && (1..=CHALLENGE_BYTES).contains(&challenge.len())
        && !token.is_empty();
    // The token is compared whatever else is wrong, so that the time tells nothing.
    let secret = secrets::open(&settings.verify_token)?;
    if !secret.equals(token.as_bytes()) || !asked {
        greentic_sdk::log::warn!("handshake", "a handshake with another token was refused");
        return Ok(IngressOutcome::answer(Response::empty(403)));
    }
    Ok(IngressOutcome::answer(
        Response::body(200, "text/plain", challenge)
            .with_header("x-content-type-options", "nosniff"),
    ))
}

#[cfg(test)]
mod tests;
