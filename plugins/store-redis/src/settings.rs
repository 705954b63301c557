//! What the bundle says about the server.

use greentic_sdk::config;
use greentic_sdk::model::{Durability, Error};
use greentic_sdk_network::access::{Access, reveal};
use greentic_sdk_network::access_schema;

use crate::address::{SCHEME, database};

/// The configuration's JSON Schema.
pub const SCHEMA: &str = concat!(
    r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "required": ["url"],
  "properties": {
    "url": {
      "type": "string", "minLength": 1,
      "description": "redis://[user@]host[:port][,host[:port]...][/database], or rediss:// for TLS. Several hosts are tried in their order; with `sentinel` they are the sentinels. Each needs a `tcp` grant."
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
"#,
    access_schema!(),
    r#"
  }
}"#
);

/// The settings.
#[derive(Clone)]
pub struct Settings {
    /// The servers, and how they are reached.
    pub access: Access,
    /// The number of the database.
    pub database: u32,
    /// The name of the secret with the password.
    pub password: Option<String>,
    /// The name of the primary among the sentinels.
    pub sentinel: Option<String>,
    /// What every key begins with.
    pub prefix: String,
    /// What the operator takes for granted.
    pub durability: Durability,
}

impl Settings {
    /// Reads the configuration.
    ///
    /// # Errors
    /// `invalid` with the key.
    pub fn read() -> Result<Self, Error> {
        let access = Access::read(&SCHEME)?;
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
            database: database(&access.address)?,
            access,
            password: config::get("password")?,
            sentinel: config::get("sentinel")?,
            prefix,
            durability: declared()?,
        })
    }

    /// The password, where one is named.
    ///
    /// # Errors
    /// `denied` or `unavailable` with the secret's name and what to do.
    pub fn password(&self) -> Result<Option<Vec<u8>>, Error> {
        self.password.as_deref().map(reveal).transpose()
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
