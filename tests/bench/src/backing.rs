//! What keeps sessions and messages: in memory, in files, or on servers that are started for each round.

use greentic_test_servers::Server;
use serde::Serialize;
use tempfile::TempDir;

/// A kind of backends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Backing {
    /// `store-memory` and `bus-memory`.
    Memory,
    /// `store-file` and `bus-file`.
    File,
    /// `store-redis` and `bus-nats`.
    Servers,
}

impl Backing {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::File => "files",
            Self::Servers => "NATS and Redis",
        }
    }

    /// More events a second than are taken on it; each run ends by time, and by this if a machine is faster.
    pub fn most_per_second(self) -> usize {
        match self {
            Self::Memory => 150_000,
            Self::File | Self::Servers => 60_000,
        }
    }

    /// Empty folders, or servers of its own.
    ///
    /// # Errors
    /// When a folder cannot be made.
    ///
    /// # Panics
    /// When a server does not start.
    pub fn start(self) -> anyhow::Result<Running> {
        Ok(match self {
            Self::Memory => Running::Memory,
            Self::File => {
                let folder = TempDir::new()?;
                for part in ["sessions", "messages"] {
                    std::fs::create_dir(folder.path().join(part))?;
                }
                Running::File(folder)
            }
            Self::Servers => Running::Servers {
                redis: Server::redis(&["--appendonly", "yes"]),
                nats: Server::nats(""),
            },
        })
    }
}

/// Backends that are there. Dropping it ends the servers and takes the files away.
pub enum Running {
    /// Nothing is needed.
    Memory,
    /// A folder with the folders `sessions` and `messages`.
    File(TempDir),
    /// Redis with an append-only file that is synced each second, and NATS with JetStream in files: what both have by default.
    Servers {
        /// Sessions.
        redis: Server,
        /// Messages.
        nats: Server,
    },
}

impl Running {
    /// What the native pipeline is called with.
    pub fn native(&self) -> Vec<String> {
        match self {
            Self::Memory => vec!["memory".into()],
            Self::File(folder) => vec!["file".into(), folder.path().display().to_string()],
            Self::Servers { redis, nats } => {
                vec!["servers".into(), redis.address(), nats.address()]
            }
        }
    }

    /// The lines of a bundle for its plugins `sessions` and `bus`.
    pub fn plugins(&self) -> String {
        match self {
            Self::Memory => "  sessions: { from: store_memory.wasm, limits: { memory: 1GiB } }
  bus: { from: bus_memory.wasm, limits: { memory: 1GiB } }
"
            .into(),
            Self::File(folder) => {
                let line = |name: &str, component: &str, part: &str| {
                    let folder = folder.path().join(part);
                    format!(
                        "  {name}: {{ from: {component}.wasm, grants: {{ write: [{folder:?}] }}, limits: {{ memory: 1GiB, cpu-per-call: 30s, calls-in-flight: 256 }} }}\n"
                    )
                };
                line("sessions", "store_file", "sessions") + &line("bus", "bus_file", "messages")
            }
            Self::Servers { redis, nats } => {
                let line = |name: &str, component: &str, scheme: &str, address: &str| {
                    format!(
                        "  {name}: {{ from: {component}.wasm, config: {{ url: \"{scheme}://{address}\" }}, grants: {{ tcp: [\"{address}\"] }} }}\n"
                    )
                };
                line("sessions", "store_redis", "redis", &redis.address())
                    + &line("bus", "bus_nats", "nats", &nats.address())
            }
        }
    }
}
