//! What the bundle says about the servers.

use std::time::Duration;

use greentic_sdk::config;
use greentic_sdk::model::{Durability, Error};
use greentic_sdk::secret::{Secret, SecretError};
use greentic_sdk_network::tcp::host_and_port;

use crate::credentials::Credentials;

/// The port a server listens on when none is said.
const PORT: u16 = 4222;

/// How long a message id is remembered when the bundle does not say.
pub const DEDUPE_WINDOW_MS: u64 = 120_000;

/// The configuration's JSON Schema.
pub const SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "required": ["url"],
  "properties": {
    "url": {
      "type": "string", "minLength": 1,
      "description": "nats://host[:port][,host[:port]...]: the servers of one cluster, tried in turn. Each needs a `tcp` grant."
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
#[derive(Debug, Clone)]
pub struct Settings {
    /// Host and port of each server.
    pub servers: Vec<(String, u16)>,
    /// The name of the secret that says who we are.
    pub credentials: Option<String>,
    /// The stream's name.
    pub prefix: String,
    /// Into how many parts keys are spread.
    pub partitions: u32,
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
        let invalid = |text: &str| Error::Invalid(text.to_owned());
        let url = config::get("url")?.ok_or_else(|| {
            invalid(
                "config `url` is missing: say where the servers are, such as nats://127.0.0.1:4222",
            )
        })?;
        let hosts = match url.split_once("://") {
            Some(("nats", hosts)) => hosts.trim_end_matches('/'),
            Some(("tls", _)) => {
                return Err(invalid(
                    "config `url`: `tls` is not supported yet: connect through a leaf node or a TLS proxy on this machine",
                ));
            }
            _ => {
                return Err(invalid(
                    "config `url`: it begins with `nats://`, such as nats://127.0.0.1:4222",
                ));
            }
        };
        if hosts.contains('@') {
            return Err(invalid(
                "config `url`: user and password do not stand in the bundle: grant a secret and name it in `credentials`",
            ));
        }
        let servers = hosts.split(',').map(|server| {
            host_and_port(server.trim(), PORT).ok_or_else(|| {
                Error::Invalid(format!(
                    "config `url`: `{server}` is not `host` or `host:port`"
                ))
            })
        });
        let servers = servers.collect::<Result<_, _>>()?;
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
        Ok(Self {
            servers,
            credentials: config::get("credentials")?,
            prefix,
            partitions,
            storage: config::get("storage")?.unwrap_or_else(|| "file".into()),
            replicas: config::get_or("replicas", 1)?,
            max_bytes: config::get_or("max-bytes", -1)?,
            dedupe_window_ms: config::get_or("dedupe-window-ms", DEDUPE_WINDOW_MS)?,
            durability: declared()?,
            timeout: Duration::from_millis(config::get_or("timeout-ms", 5_000)?),
            connect: Duration::from_millis(config::get_or("connect-ms", 2_000)?),
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
        match Secret::open(name).and_then(|secret| secret.reveal()) {
            Ok(bytes) => Credentials::read(&String::from_utf8_lossy(&bytes))
                .map_err(|why| Error::Denied(format!("secret `{name}`: {why}"))),
            Err(SecretError::Unavailable(text)) => {
                Err(Error::Unavailable(format!("secret `{name}`: {text}")))
            }
            Err(other) => Err(Error::Denied(format!(
                "secret `{name}`: {other:?}; the server is told who we are by it, so the bundle must grant it under `secrets` and under `reveal`"
            ))),
        }
    }
}

/// What the operator takes for granted.
///
/// # Errors
/// `invalid` for what is none of the three.
pub fn declared() -> Result<Durability, Error> {
    match config::get("durability")?.as_deref() {
        None | Some("process") => Ok(Durability::Process),
        Some("disk") => Ok(Durability::Disk),
        Some("replicated") => Ok(Durability::Replicated),
        Some(other) => Err(Error::Invalid(format!(
            "config `durability`: `{other}` is none of `process`, `disk`, `replicated`"
        ))),
    }
}
