//! The webhook: is it Telegram, what does it say, what is answered.
//!
//! Telegram sends the next update of a chat only when the one before was answered with 2xx, and tries for a day. So only what
//! may succeed later is refused: everything else is acknowledged, also what cannot be read.

use greentic_sdk::channel::{IngressError, IngressOutcome, Request, Response, Surface, files};
use greentic_sdk::log;
use greentic_sdk::secret::{Secret, SecretError};
use greentic_sdk::time;

use crate::bot;
use crate::inbound::{self, Context};
use crate::settings::Settings;
use crate::update::Update;

/// The header that carries the secret given to `setWebhook`.
pub const SECRET_HEADER: &str = "x-telegram-bot-api-secret-token";

/// Answers a request on any surface.
///
/// # Errors
/// `unverified` for a request that does not carry the secret, `unavailable` where something needed cannot be asked now.
pub fn serve(settings: &Settings, request: &Request) -> Result<IngressOutcome, IngressError> {
    match request.surface {
        Surface::Webhook => update(settings, request),
        Surface::Api if files::is_file(request) => {
            let signing = open(&settings.webhook_secret)?;
            let response = crate::files::serve(settings, &signing, request, time::now_ms());
            Ok(IngressOutcome::answer(response))
        }
        Surface::Api | Surface::Page => Ok(IngressOutcome::answer(Response::empty(404))),
    }
}

fn update(settings: &Settings, request: &Request) -> Result<IngressOutcome, IngressError> {
    let secret = open(&settings.webhook_secret)?;
    verify(&secret, request).map_err(|reason| IngressError::Unverified(reason.to_owned()))?;
    if request.method != "POST" {
        return Ok(IngressOutcome::answer(
            Response::empty(405).with_header("allow", "POST"),
        ));
    }
    let update: Update = match serde_json::from_slice(&request.body) {
        Ok(update) => update,
        Err(fault) => {
            return Ok(IngressOutcome::malformed(
                Response::empty(200),
                format!("the update cannot be read: {fault}"),
            ));
        }
    };
    let bot = bot::known(settings).map_err(|error| {
        log::error!(
            "webhook",
            "updates wait: it is not known which bot this is, getMe: {error}"
        );
        IngressError::Unavailable(format!("getMe: {error}"))
    })?;
    let context = Context {
        settings,
        bot: &bot,
        request,
        signing: &secret,
        now_ms: time::now_ms(),
    };
    let reading = inbound::read(&context, update).map_err(IngressError::Unavailable)?;
    let response = match reading.answer {
        Some(method) => Response::json(200, method.to_string()),
        None => Response::empty(200),
    };
    Ok(IngressOutcome {
        response,
        events: reading.events,
        ignored: reading.ignored,
        malformed: None,
    })
}

/// Compares the secret, which stays with the host, in constant time. Nothing is open without one.
fn verify(secret: &Secret, request: &Request) -> Result<(), &'static str> {
    let mut given = request
        .headers
        .iter()
        .filter(|header| header.name == SECRET_HEADER);
    let Some(first) = given.next() else {
        return Err("the header X-Telegram-Bot-Api-Secret-Token is missing");
    };
    if given.next().is_some() {
        return Err("the header X-Telegram-Bot-Api-Secret-Token stands there twice");
    }
    if first.value.is_empty() || !secret.equals(first.value.as_bytes()) {
        return Err("the header X-Telegram-Bot-Api-Secret-Token is not the webhook's secret");
    }
    Ok(())
}

fn open(name: &str) -> Result<Secret, IngressError> {
    Secret::open(name).map_err(|error| {
        let reason = match error {
            SecretError::Denied(text) => format!("secret `{name}` is not granted: {text}"),
            SecretError::NotFound => format!("there is no secret `{name}`"),
            SecretError::Unavailable(text) => format!("secret `{name}` cannot be read now: {text}"),
        };
        log::error!("secrets", "{reason}");
        IngressError::Unavailable(reason)
    })
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
