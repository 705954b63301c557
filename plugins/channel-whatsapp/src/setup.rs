//! What is set up at the platform when the channel is bound: the webhook's address, and the chat's menu.

use greentic_sdk::model::Error;
use greentic_sdk::secret::Secret;
use serde_json::{Map, Value, json};

use crate::graph::{Failure, Graph};
use crate::secrets::{self, Closed};
use crate::settings::{Command, Settings};

/// Registers the webhook's address for this number where `register-webhook` says so, and sets commands and prompts where they are
/// configured. Doing it twice is harmless.
///
/// # Errors
/// By what the platform says.
pub fn setup(settings: &Settings, url: &str) -> Result<Vec<String>, Error> {
    let mut done = Vec::new();
    if settings.register_webhook {
        if !url.starts_with("https://") {
            return Err(Error::Invalid(format!(
                "the webhook's address has to begin with https://, and is {url}: set `public-url` in the bundle"
            )));
        }
        let token: Secret = secrets::open(&settings.verify_token).map_err(closed)?;
        // The platform asks the address with the token before it answers.
        let address = json!({
            "override_callback_uri": url,
            "verify_token": token.placeholder(),
        });
        number(settings, "", &json!({ "webhook_configuration": address }))?;
        done.push(format!("webhooks of this number go to {url}"));
    }
    let mut menu = Map::new();
    if !settings.commands.is_empty() {
        let command = |command: &Command| json!({ "command_name": command.name, "command_description": command.description });
        menu.insert(
            "commands".to_owned(),
            settings.commands.iter().map(command).collect(),
        );
        done.push(format!(
            "the chat offers {} commands",
            settings.commands.len()
        ));
    }
    if !settings.prompts.is_empty() {
        menu.insert("prompts".to_owned(), settings.prompts.clone().into());
        done.push(format!(
            "the chat offers {} prompts",
            settings.prompts.len()
        ));
    }
    if !menu.is_empty() {
        number(settings, "/conversational_automation", &Value::Object(menu))?;
    }
    Ok(done)
}

/// Takes the webhook's address away where the channel registered it: webhooks go to the app's address again.
///
/// # Errors
/// By what the platform says.
pub fn teardown(settings: &Settings) -> Result<(), Error> {
    if !settings.register_webhook {
        return Ok(());
    }
    let nowhere = json!({ "webhook_configuration": { "override_callback_uri": "" } });
    number(settings, "", &nowhere)
}

/// Posts to the number.
fn number(settings: &Settings, path: &str, body: &Value) -> Result<(), Error> {
    Graph::open(settings)
        .map_err(closed)?
        .post(&format!("{}{path}", settings.phone_number_id), body)
        .map(drop)
        .map_err(failed)
}

fn closed(closed: Closed) -> Error {
    match closed {
        Closed::Missing(reason) => Error::Denied(reason),
        Closed::Unavailable(reason) => Error::Unavailable(reason),
    }
}

fn failed(failure: Failure) -> Error {
    match failure {
        Failure::Rejected(reason)
        | Failure::WindowClosed(reason)
        | Failure::NumberNeeded(reason) => Error::Invalid(reason),
        Failure::Retry(retry) => match retry.after_ms {
            Some(wait) => Error::RateLimited(wait),
            None => Error::Unavailable(retry.reason),
        },
        Failure::Unknown(reason) => Error::UnknownOutcome(reason),
    }
}

#[cfg(test)]
mod tests;
