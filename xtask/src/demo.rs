//! `cargo xtask demo`: from a clone to a conversation.

use std::fs;
use std::io::{Read as _, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

use crate::host::{self, Profile};
use crate::project::Project;
use crate::run::step;
use crate::{packs, plugins};

/// Build host, plugins and packs, and start the demo; Ctrl-C ends it.
#[derive(Debug, Args)]
pub struct Demo {
    /// Optimise our own code too: as fast as it gets, and minutes more to build.
    #[arg(long)]
    release: bool,
    /// Check everything and end instead of listening.
    #[arg(long)]
    check: bool,
}

impl Demo {
    /// Ends with the host's own code.
    pub fn run(self, project: &Project) -> anyhow::Result<ExitCode> {
        let profile = if self.release {
            Profile::Release
        } else {
            Profile::Dev
        };
        build(project, profile)?;
        let mut command = host::with_demo_bundle(project, profile);
        step("starting greentic-host --bundle greentic.demo.yaml");
        if self.check {
            command.arg("--check");
        }
        start(command)
    }
}

/// Builds everything the demo needs.
pub fn build(project: &Project, profile: Profile) -> anyhow::Result<()> {
    plugins::build(project, &plugins::Which::Plugins)?;
    host::build(project, &["greentic-host", "greentic-pack"], profile)?;
    prepare(project, profile)
}

/// Packs and secrets: what the demo's bundle names and a clone does not have.
pub fn prepare(project: &Project, profile: Profile) -> anyhow::Result<()> {
    packs::build(project, profile)?;
    secret(project)
}

/// A terminal sends Ctrl-C to us and to the host alike. We become the host, so that signals, the exit code and the process id
/// are its own.
#[cfg(unix)]
fn start(mut command: std::process::Command) -> anyhow::Result<ExitCode> {
    use std::os::unix::process::CommandExt as _;
    let error = command.exec();
    Err(error).context("greentic-host cannot be started")
}

#[cfg(not(unix))]
fn start(mut command: std::process::Command) -> anyhow::Result<ExitCode> {
    let status = command
        .status()
        .context("greentic-host cannot be started")?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// The key that signs chat tokens: 32 random bytes as text, readable by its owner only, made once.
fn secret(project: &Project) -> anyhow::Result<()> {
    let path = project.root.join("secrets/webchat/signing-key");
    if path.exists() {
        return Ok(());
    }
    step("making a secret for the demo: secrets/webchat/signing-key");
    let folder = path.parent().context("the secret has no folder")?;
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let mut bytes = [0_u8; 32];
    fs::File::open("/dev/urandom")
        .and_then(|mut random| random.read_exact(&mut bytes))
        .context("no randomness from /dev/urandom")?;
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(&path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| path.display().to_string())
}
