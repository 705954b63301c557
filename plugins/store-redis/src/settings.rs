//! What the bundle says about the server.

use std::time::Duration;

use greentic_sdk::config;
use greentic_sdk::model::{Durability, Error};
use greentic_sdk::secret::{Secret, SecretError};

use crate::address::Address;

/// The configuration's JSON Schema.
pub const SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "required": ["url"],
  "properties": {
    "url": {
      "type": "string", "minLength": 1,
      "description": "redis://[user@]host[:port][,host[:port]...][/database]. Several hosts are tried in their order; with `sentinel` they are the sentinels. Each needs a `tcp` grant."
    },
    "password": {
      "type": "string", "minLength": 1,
      "description": "The name of the secret with the password. It needs a grant with `reveal`."
    },
    "sentinel": {
      "type": "string", "minLength": 1,
      "description": "The name under which the sentinels know the primary. The primary's address needs a `tcp` grant too."
    },
    "prefix": {
      "type": "string", "pattern": "^[a-z0-9_:-]{1,64}$", "default": "greentic",
      "description": "What every key begins with. Hosts that share it share their sessions."
    },
    "durability": {
      "enum": ["process", "disk"], "default": "process",
      "description": "What the operator takes for granted. `disk` is checked when connecting: appendonly yes and appendfsync always."
    },
    "timeout-ms": {
      "type": "integer", "minimum": 50, "maximum": 60000, "default": 5000,
      "description": "A server that does not answer for so long is taken for gone: the connection is given up and made anew."
    },
    "connect-ms": {
      "type": "integer", "minimum": 50, "maximum": 60000, "default": 2000,
      "description": "How long connecting may take, and how long a call waits for a connection that is being made."
    }
  }
}"#;

/// The settings.
#[derive(Clone)]
pub struct Settings {
    /// Servers, user and database.
    pub address: Address,
    /// The name of the secret with the password.
    pub password: Option<String>,
    /// The name of the primary among the sentinels.
    pub sentinel: Option<String>,
    /// What every key begins with.
    pub prefix: String,
    /// What the operator takes for granted.
    pub durability: Durability,
    /// Silence after which the server is taken for gone.
    pub timeout: Duration,
    /// How long connecting may take.
    pub connect: Duration,
}

impl Settings {
    /// Reads the configuration.
    ///
    /// # Errors
    /// `invalid` with the key.
    pub fn read() -> Result<Self, Error> {
        let Some(url) = config::get("url")? else {
            return Err(Error::Invalid(
                "config `url` is missing: say where the server is, such as redis://127.0.0.1:6379"
                    .into(),
            ));
        };
        let prefix = config::get("prefix")?.unwrap_or_else(|| "greentic".into());
        let allowed = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b':' | b'-')
        };
        if prefix.is_empty() || prefix.len() > 64 || !prefix.bytes().all(allowed) {
            return Err(Error::Invalid(
                "config `prefix`: 1 to 64 of a-z 0-9 _ : -".into(),
            ));
        }
        Ok(Self {
            address: Address::parse(&url)?,
            password: config::get("password")?,
            sentinel: config::get("sentinel")?,
            prefix,
            durability: declared()?,
            timeout: Duration::from_millis(config::get_or("timeout-ms", 5_000)?),
            connect: Duration::from_millis(config::get_or("connect-ms", 2_000)?),
        })
    }

    /// The password, where one is named.
    ///
    /// # Errors
    /// `denied` or `unavailable` with the secret's name and what to do.
    pub fn password(&self) -> Result<Option<Vec<u8>>, Error> {
        let Some(name) = &self.password else {
            return Ok(None);
        };
        let bytes = Secret::open(name).and_then(|secret| secret.reveal());
        match bytes {
            Ok(bytes) => Ok(Some(bytes)),
            Err(SecretError::Unavailable(text)) => {
                Err(Error::Unavailable(format!("secret `{name}`: {text}")))
            }
            Err(other) => Err(Error::Denied(format!(
                "secret `{name}`: {other:?}; the password is sent to the server, so the bundle must grant it under `secrets` and under `reveal`"
            ))),
        }
    }
}

/// What the operator takes for granted.
///
/// # Errors
/// `invalid` for anything but `process` and `disk`.
pub fn declared() -> Result<Durability, Error> {
    match config::get("durability")?.as_deref() {
        None | Some("process") => Ok(Durability::Process),
        Some("disk") => Ok(Durability::Disk),
        Some(other) => Err(Error::Invalid(format!(
            "config `durability`: `{other}` is neither `process` nor `disk`"
        ))),
    }
}
