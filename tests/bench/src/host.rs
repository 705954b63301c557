//! The host under measurement: the release binary, the components as files, a bundle made for the purpose.
//!
//! Limits, epochs, validation and telemetry are on as they are by default; without an endpoint nothing is exported. Raised are
//! only the quota of the one tenant, which gets the load of thousands, and the memory of bus and store, for the backlog and the
//! ids of a run at full speed; the other backends have the limits that their pages advise.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use tempfile::TempDir;

use crate::backing::Running;
use crate::child::Server;
use crate::events::{KEY, SECRET};

/// The components a bundle of ours names.
const COMPONENTS: [&str; 9] = [
    "echo_channel",
    "flow_echo",
    "store_memory",
    "bus_memory",
    "store_file",
    "bus_file",
    "store_redis",
    "bus_nats",
    "secrets_env",
];

/// The path of the first tenant's webhook.
pub const WEBHOOK: &str = "/v1/messaging/ingress/echo/t0/default/web";

/// A folder with components and bundles, and the binary.
pub struct Setup {
    binary: PathBuf,
    folder: TempDir,
}

impl Setup {
    /// Copies the components into a folder of its own.
    ///
    /// # Errors
    /// When a file is not there.
    pub fn new(binary: &Path, plugins: &Path) -> anyhow::Result<Self> {
        let folder = TempDir::new().context("no temporary folder")?;
        let binary = std::path::absolute(binary)?;
        std::fs::metadata(&binary).with_context(|| binary.display().to_string())?;
        let setup = Self { binary, folder };
        for component in COMPONENTS {
            setup.copy(plugins, &format!("{component}.wasm"))?;
        }
        Ok(setup)
    }

    /// Copies one more component into the folder.
    ///
    /// # Errors
    /// When it is not built.
    pub fn copy(&self, plugins: &Path, file: &str) -> anyhow::Result<()> {
        let from = plugins.join(file);
        std::fs::copy(&from, self.folder.path().join(file))
            .with_context(|| format!("{} (run `cargo xtask bench`)", from.display()))?;
        Ok(())
    }

    /// Writes a bundle; gives its file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, name: &str, bundle: &str) -> anyhow::Result<PathBuf> {
        let file = self.folder.path().join(name);
        std::fs::write(&file, bundle)?;
        Ok(file)
    }

    /// Writes a bundle with so many tenants, each with one channel; gives its file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn bundle(&self, tenants: usize) -> anyhow::Result<PathBuf> {
        let name = format!("tenants-{tenants}.yaml");
        self.write(&name, &bundle(tenants, &Running::Memory))
    }

    /// Writes a bundle with one tenant on these backends; gives its file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn bundle_on(&self, running: &Running) -> anyhow::Result<PathBuf> {
        self.write("message.yaml", &bundle(1, running))
    }

    /// Forgets what was compiled.
    ///
    /// # Errors
    /// When the folder is there and cannot be taken away.
    pub fn forget_compiled(&self) -> anyhow::Result<()> {
        let cache = self.folder.path().join("cache");
        if cache.exists() {
            std::fs::remove_dir_all(cache)?;
        }
        Ok(())
    }

    /// Where a server's standard error goes.
    pub fn log(&self) -> PathBuf {
        self.folder.path().join("stderr.log")
    }

    /// The host's command line.
    pub fn command(&self, bundle: &Path) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .arg("--bundle")
            .arg(bundle)
            .env(variable(SECRET), KEY)
            .env_remove("OTEL_EXPORTER_OTLP_ENDPOINT");
        command
    }

    /// Starts the host and waits until it says it is ready.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(&self, bundle: &Path) -> anyhow::Result<Server> {
        Server::start(&mut self.command(bundle), "ready after", &self.log())
    }
}

/// The environment variable that `secrets-env` takes a secret from.
pub fn variable(secret: &str) -> String {
    let name = secret.to_uppercase().replace(['-', '/'], "_");
    format!("GREENTIC_SECRET_{name}")
}

fn bundle(tenants: usize, running: &Running) -> String {
    let mut text = format!(
        "version: 1
env: bench
listen: 127.0.0.1:0
cache: cache
trust: {{ allow-unsigned: true }}
limits: {{ quota: {{ events-per-second: 1000000, burst: 10000000 }} }}
plugins:
  echo: {{ from: echo_channel.wasm, grants: {{ secrets: [{SECRET}] }} }}
  flow: {{ from: flow_echo.wasm }}
{}  secrets: {{ from: secrets_env.wasm, grants: {{ env: [{}] }} }}
use: {{ sessions: sessions, state: sessions, bus: bus, secrets: secrets }}
tenants:
",
        running.plugins(),
        variable(SECRET)
    );
    for tenant in 0..tenants {
        let _ = writeln!(
            text,
            "  t{tenant}: {{ teams: {{ default: {{ channels: {{ web: {{ provider: echo, flow: flow }} }} }} }} }}"
        );
    }
    text
}
