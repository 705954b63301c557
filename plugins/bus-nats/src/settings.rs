//! What the bundle says about the servers.

use greentic_sdk::config;
use greentic_sdk::model::{Durability, Error};
use greentic_sdk_network::access::{Access, reveal};
use greentic_sdk_network::access_schema;
use greentic_sdk_network::address::Scheme;

use crate::credentials::Credentials;

/// How NATS servers are written.
const SCHEME: Scheme = Scheme {
    plain: "nats",
    tls: "tls",
    port: 4222,
    secret: "credentials",
};

/// How long a message id is remembered when the bundle does not say.
pub const DEDUPE_WINDOW_MS: u64 = 120_000;

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
      "description": "nats://host[:port][,host[:port]...], or tls:// for TLS: the servers of one cluster, tried in turn. Each needs a `tcp` grant."
    },
    "credentials": {
      "type": "string", "minLength": 1,
      "description": "The name of the secret that says who we are: a credentials file, an NKey seed, user:password or a token. It needs a grant with `reveal`."
    },
    "prefix": {
      "type": "string", "pattern": "^[a-z0-9_-]{1,32}$", "default": "greentic",
      "description": "The name of the stream, and the first token of its subjects. Hosts that share it share their messages."
    },
    "partitions": {
      "type": "integer", "minimum": 1, "maximum": 256, "default": 16,
      "description": "Into how many parts keys are spread; each is worked on by one host at a time. It cannot be changed once the stream is there."
    },
    "jetstream": {
      "type": "boolean", "default": true,
      "description": "false: core NATS, without a stream. A message is in the memory of the host that works on it, and lost with it (`durability: none`); `storage`, `replicas`, `max-bytes` and `durability` then mean nothing and are refused."
    },
    "storage": {
      "enum": ["file", "memory"], "default": "file",
      "description": "Where a stream that is not there yet is created."
    },
    "replicas": {
      "type": "integer", "minimum": 1, "maximum": 5, "default": 1,
      "description": "How many servers keep a stream that is not there yet."
    },
    "max-bytes": {
      "type": "integer", "minimum": -1, "default": -1,
      "description": "Most bytes a stream that is not there yet keeps; publishing is answered with `unavailable` beyond it. -1: as much as the server has."
    },
    "dedupe-window-ms": {
      "type": "integer", "minimum": 1000, "default": 120000,
      "description": "How long a message id is remembered by a stream that is not there yet."
    },
    "durability": {
      "enum": ["process", "disk", "replicated"], "default": "process",
      "description": "What the operator takes for granted. `replicated` is checked when connecting (3 replicas or more); `disk` needs `sync_interval: always` on the server, which a client cannot read."
    },
    "tls-first": {
      "type": "boolean", "default": false,
      "description": "Whether TLS begins before the server says anything (`handshake_first` on the server)."
    },
"#,
    access_schema!(),
    r#"
  }
}"#
);

/// The settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The servers, and how they are reached.
    pub access: Access,
    /// Whether TLS begins before the server says anything.
    pub tls_first: bool,
    /// The name of the secret that says who we are.
    pub credentials: Option<String>,
    /// The stream's name.
    pub prefix: String,
    /// Into how many parts keys are spread.
    pub partitions: u32,
    /// Whether messages are kept in a stream.
    pub jetstream: bool,
    /// `file` or `memory`.
    pub storage: String,
    /// Servers that keep the stream.
    pub replicas: u32,
    /// Most bytes of the stream, or -1.
    pub max_bytes: i64,
    /// How long an id is remembered.
    pub dedupe_window_ms: u64,
    /// What the operator takes for granted.
    pub durability: Durability,
}

impl Settings {
    /// Reads the configuration.
    ///
    /// # Errors
    /// `invalid` with the key.
    pub fn read() -> Result<Self, Error> {
        let invalid = |text: &str| Error::Invalid(text.to_owned());
        let access = Access::read(&SCHEME)?;
        if access.address.user.is_some() || !access.address.path.is_empty() {
            return Err(invalid(
                "config `url`: servers only, such as nats://127.0.0.1:4222; who we are stands in the secret named in `credentials`",
            ));
        }
        let tls_first = config::get_or("tls-first", false)?;
        if tls_first && !access.address.tls {
            return Err(invalid(
                "config `tls-first` is for TLS, and `url` says `nats://`: write `tls://`",
            ));
        }
        let prefix = config::get("prefix")?.unwrap_or_else(|| "greentic".into());
        let allowed = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-')
        };
        if prefix.is_empty() || prefix.len() > 32 || !prefix.bytes().all(allowed) {
            return Err(invalid("config `prefix`: 1 to 32 of a-z 0-9 _ -"));
        }
        let partitions = config::get_or("partitions", 16)?;
        if !(1..=256).contains(&partitions) {
            return Err(invalid("config `partitions`: 1 to 256"));
        }
        let jetstream = is_jetstream()?;
        for key in ["storage", "replicas", "max-bytes", "durability"] {
            if !jetstream && config::get(key)?.is_some() {
                return Err(Error::Invalid(format!(
                    "config `{key}` is for a stream, and `jetstream: false` has none: take one of them out"
                )));
            }
        }
        Ok(Self {
            access,
            jetstream,
            tls_first,
            credentials: config::get("credentials")?,
            prefix,
            partitions,
            storage: config::get("storage")?.unwrap_or_else(|| "file".into()),
            replicas: config::get_or("replicas", 1)?,
            max_bytes: config::get_or("max-bytes", -1)?,
            dedupe_window_ms: config::get_or("dedupe-window-ms", DEDUPE_WINDOW_MS)?,
            durability: declared()?,
        })
    }

    /// The credentials, where a secret is named.
    ///
    /// # Errors
    /// `denied` or `unavailable` with the secret's name and what to do.
    pub fn credentials(&self) -> Result<Credentials, Error> {
        let Some(name) = &self.credentials else {
            return Ok(Credentials::None);
        };
        Credentials::read(&String::from_utf8_lossy(&reveal(name)?))
            .map_err(|why| Error::Denied(format!("secret `{name}`: {why}")))
    }
}

/// Whether messages are kept in a stream.
///
/// # Errors
/// `invalid` for what is neither true nor false.
pub fn is_jetstream() -> Result<bool, Error> {
    config::get_or("jetstream", true)
}

/// What the operator takes for granted.
///
/// # Errors
/// `invalid` for what is none of the three.
pub fn declared() -> Result<Durability, Error> {
    match config::get("durability")?.as_deref() {
        None if !is_jetstream()? => Ok(Durability::None),
        None | Some("process") => Ok(Durability::Process),
        Some("disk") => Ok(Durability::Disk),
        Some("replicated") => Ok(Durability::Replicated),
        Some(other) => Err(Error::Invalid(format!(
            "config `durability`: `{other}` is none of `process`, `disk`, `replicated`"
        ))),
    }
}
