//! Secrets by handle. None, or an empty one, closes the channel: nothing is verified against it and nothing sent with it.

use greentic_sdk::channel::{DeliveryError, IngressError, Retry};
use greentic_sdk::secret::{Secret, SecretError};

/// Why a secret cannot be used.
pub enum Closed {
    /// It is not there, or not granted, or empty: an operator has to act.
    Missing(String),
    /// It cannot be asked for now.
    Unavailable(String),
}

/// Opens a secret by its name.
///
/// # Errors
/// [`Closed`].
pub fn open(name: &str) -> Result<Secret, Closed> {
    let secret = Secret::open(name).map_err(|error| match error {
        SecretError::Denied(text) => {
            Closed::Missing(format!("secret `{name}` is not granted: {text}"))
        }
        SecretError::NotFound => Closed::Missing(format!("there is no secret `{name}`")),
        SecretError::Unavailable(text) => {
            Closed::Unavailable(format!("secret `{name}` cannot be read now: {text}"))
        }
    })?;
    if secret.equals(b"") {
        return Err(Closed::Missing(format!("secret `{name}` is empty")));
    }
    Ok(secret)
}

impl From<Closed> for IngressError {
    fn from(closed: Closed) -> Self {
        match closed {
            Closed::Missing(reason) => Self::Unverified(reason),
            Closed::Unavailable(reason) => Self::Unavailable(reason),
        }
    }
}

impl From<Closed> for DeliveryError {
    fn from(closed: Closed) -> Self {
        match closed {
            Closed::Missing(reason) => Self::Rejected(reason),
            Closed::Unavailable(reason) => Self::Retry(Retry {
                reason,
                after_ms: None,
            }),
        }
    }
}
