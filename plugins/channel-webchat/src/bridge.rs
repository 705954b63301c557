//! The host behind the contract's imports.

use std::time::{SystemTime, UNIX_EPOCH};

use greentic_sdk::channel::log;
use greentic_sdk::config;
use greentic_sdk::model::Error;
use greentic_sdk::secret::{Secret, SecretError};

use crate::host::{Host, HostError, Page};
use crate::settings::{Settings, SettingsError};

/// The real host, with the name of the signing key.
pub struct Imports<'a> {
    /// Name of the secret that signs tokens.
    pub signing_key: &'a str,
}

/// Reads the configuration from `wasi:config/store`.
///
/// # Errors
/// When a value cannot be used.
pub fn settings() -> Result<Settings, SettingsError> {
    Settings::read(|key| config::get(key).map_err(|error| format!("{error:?}")))
}

fn failed(error: Error) -> HostError {
    let later = |reason: String, after_ms| HostError::Unavailable { reason, after_ms };
    match error {
        Error::Invalid(text) | Error::Denied(text) => HostError::Refused(text),
        Error::NotFound => HostError::Refused("no such conversation".into()),
        Error::RateLimited(ms) => later("rate limited".into(), Some(ms)),
        Error::Conflict => later("conflict".into(), None),
        Error::Timeout => later("timeout".into(), None),
        Error::Unavailable(text) | Error::UnknownOutcome(text) | Error::Internal(text) => {
            later(text, None)
        }
    }
}

/// Opens a secret. What is wrong is for the operator; the client only hears that it does not work now.
fn open(name: &str) -> Result<Secret, HostError> {
    Secret::open(name).map_err(|error| {
        let reason = match error {
            SecretError::Denied(text) => format!("secret `{name}` is not granted: {text}"),
            SecretError::NotFound => format!("there is no secret `{name}`"),
            SecretError::Unavailable(text) => format!("secret `{name}` cannot be read now: {text}"),
        };
        greentic_sdk::log::error!("secrets", "{reason}");
        HostError::Unavailable {
            reason,
            after_ms: None,
        }
    })
}

impl Host for Imports<'_> {
    fn append(&self, conversation: &str, id: &str, data: &[u8]) -> Result<u64, HostError> {
        log::append(conversation, id, data).map_err(failed)
    }

    fn read(&self, conversation: &str, after: u64, limit: u32) -> Result<Page, HostError> {
        log::read(conversation, after, limit).map_err(failed)
    }

    fn publish(&self, conversation: &str, data: &[u8]) -> Result<(), HostError> {
        log::publish(conversation, data).map_err(failed)
    }

    fn sign(&self, data: &[u8]) -> Result<Vec<u8>, HostError> {
        Ok(open(self.signing_key)?.hmac_sha256(data))
    }

    fn verify(&self, data: &[u8], tag: &[u8]) -> Result<bool, HostError> {
        Ok(open(self.signing_key)?.verify_hmac(data, tag))
    }

    fn is_secret(&self, name: &str, candidate: &[u8]) -> Result<bool, HostError> {
        Ok(open(name)?.equals(candidate))
    }

    fn now_ms(&self) -> u64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .ok()
            .and_then(|since| u64::try_from(since.as_millis()).ok())
            .unwrap_or(0)
    }

    fn random(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        // Without randomness an identifier could be guessed: the call traps and the host answers for it.
        if getrandom::fill(&mut bytes).is_err() {
            std::process::abort();
        }
        bytes
    }
}
