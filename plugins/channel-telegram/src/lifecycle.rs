//! Registering the webhook and the menu when the channel is bound, and taking the webhook away again.

use greentic_sdk::model::Error;
use greentic_sdk::secret::{Secret, SecretError};
use serde_json::{Map, Value, json};

use crate::api::{Api, ApiError};
use crate::bot;
use crate::settings::Settings;

/// Registers the webhook under `url` and sets the menu as configured. Returns what was done, a line each.
///
/// # Errors
/// What Telegram refused, or that it cannot be asked.
pub fn setup(settings: &Settings, url: &str) -> Result<Vec<String>, Error> {
    let api = Api::open(settings).map_err(failed)?;
    let bot = bot::ask(&api).map_err(failed)?;
    let mut done = vec![format!("the bot is @{} ({})", bot.username, bot.id)];
    if settings.register_webhook {
        if !url.starts_with("https://") && settings.api_url.starts_with("https://api.telegram.org")
        {
            return Err(Error::Invalid(format!(
                "Telegram calls webhooks by https only and the channel's address is {url}: set public-url to an https address"
            )));
        }
        let secret = Secret::open(&settings.webhook_secret)
            .map_err(|error| secret_error(&settings.webhook_secret, error))?;
        call(
            &api,
            "setWebhook",
            json!({
                "url": url,
                // The host writes the secret in its place when the request leaves.
                "secret_token": secret.placeholder(),
                "max_connections": settings.max_connections,
                "allowed_updates": settings.allowed_updates,
                "drop_pending_updates": settings.drop_pending_updates,
            }),
        )?;
        done.push(format!(
            "webhook set to {url} for {}",
            settings.allowed_updates.join(", ")
        ));
    }
    if !settings.commands.is_empty() {
        call(
            &api,
            "setMyCommands",
            json!({"commands": settings.commands}),
        )?;
        done.push(format!("menu of {} commands set", settings.commands.len()));
    }
    let button = match &settings.menu_button {
        Some(button) => {
            Some(json!({"type": "web_app", "text": button.text, "web_app": {"url": button.url}}))
        }
        None if !settings.commands.is_empty() => Some(json!({"type": "commands"})),
        None => None,
    };
    if let Some(button) = button {
        call(&api, "setChatMenuButton", json!({"menu_button": button}))?;
        done.push("menu button set".into());
    }
    Ok(done)
}

/// Takes the webhook away; what people write meanwhile waits with Telegram for a day.
///
/// # Errors
/// As [`setup`].
pub fn teardown(settings: &Settings) -> Result<(), Error> {
    if !settings.register_webhook {
        return Ok(());
    }
    let api = Api::open(settings).map_err(failed)?;
    call(
        &api,
        "deleteWebhook",
        json!({"drop_pending_updates": false}),
    )
}

fn call(api: &Api<'_>, method: &str, parameters: Value) -> Result<(), Error> {
    let parameters: Map<String, Value> = match parameters {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    match api.call(method, parameters) {
        Ok(_) => Ok(()),
        Err(ApiError::Refused {
            code: 400,
            description,
            ..
        }) => Err(Error::Invalid(format!("{method}: {description}"))),
        Err(error) => Err(failed(error)),
    }
}

fn failed(error: ApiError) -> Error {
    match error {
        ApiError::Refused {
            code: 429,
            retry_after_ms,
            ..
        } => Error::RateLimited(retry_after_ms.unwrap_or(1000)),
        ApiError::Refused {
            code: 401 | 404,
            description,
            ..
        } => Error::Denied(format!(
            "Telegram does not know this token ({description}): check the bot's token"
        )),
        ApiError::Refused {
            code, description, ..
        } => Error::Invalid(format!("{code}: {description}")),
        ApiError::NotGranted(text) => Error::Denied(text),
        ApiError::NotSent(text) => Error::Unavailable(text),
        ApiError::Unknown(text) => Error::UnknownOutcome(text),
    }
}

fn secret_error(name: &str, error: SecretError) -> Error {
    match error {
        SecretError::Denied(text) => Error::Denied(format!("secret `{name}`: {text}")),
        SecretError::NotFound => Error::Invalid(format!("there is no secret `{name}`")),
        SecretError::Unavailable(text) => Error::Unavailable(format!("secret `{name}`: {text}")),
    }
}

#[cfg(test)]
mod tests;
