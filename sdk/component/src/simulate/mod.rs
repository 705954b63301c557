//! `greentic-component simulate`: a terminal chat with a running host, in the place of a platform and of a person on it.
//!
//! Lines come from the terminal or from a pipe. What the person would see is printed as it comes; from a pipe, the next line is
//! read when nothing new has been seen for a while.

mod chat;
mod draw;
mod input;
mod setup;

use std::io::IsTerminal as _;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use greentic_conformance::platform::{self, Settings, Simulation};

/// Chat with a running host through a simulated platform.
#[derive(Debug, Args)]
pub struct Simulate {
    /// The platform: `slack`, `teams`, `telegram`, `whatsapp`.
    platform: String,
    /// The address of the channel's webhook: `http://127.0.0.1:8080/v1/messaging/ingress/PROVIDER/TENANT/TEAM/CHANNEL`.
    /// Without it, print what a bundle must have to use the simulation, and end.
    #[arg(long)]
    url: Option<String>,
    /// The port the platform's API listens on; by default one that is fixed for each platform, so that a bundle can name it.
    #[arg(long)]
    port: Option<u16>,
    /// The person who writes.
    #[arg(long, default_value = "ada")]
    user: String,
    /// Hold the bot to the platform's rates.
    #[arg(long)]
    rates: bool,
    /// From a pipe: milliseconds without anything new after which the next line is read.
    #[arg(long, value_name = "MS", default_value_t = 1_500)]
    quiet: u64,
    /// Write the simulation's secrets, a file each, into this folder (the one that `secrets-file` reads).
    #[arg(long, value_name = "FOLDER")]
    write_secrets: Option<std::path::PathBuf>,
}

/// The first of the ports that simulations listen on, in the order of the platforms' names.
const FIRST_PORT: u16 = 9101;

impl Simulate {
    /// Chats until the input ends.
    pub fn run(self) -> anyhow::Result<()> {
        let names: Vec<_> = platform::names().collect();
        let make = platform::named(&self.platform).with_context(|| {
            format!(
                "there is no platform `{}`; there are {}",
                self.platform,
                names.join(", ")
            )
        })?;
        let port = self.port.unwrap_or_else(|| default_port(&self.platform));
        let settings = Settings {
            target: self.url.clone(),
            scale: 1.0,
            port,
        };
        let simulation = Simulation::start(make, &settings).with_context(|| {
            format!("port {port} of this machine cannot be used (--port takes another)")
        })?;
        simulation.desk().enforce_rates(self.rates);
        let profile = simulation.profile();
        eprintln!(
            "{}",
            setup::lines(&self.platform, &profile, simulation.platform().reveal())
        );
        if let Some(folder) = &self.write_secrets {
            setup::write_secrets(folder, &profile)?;
        }
        if self.url.is_none() {
            return Ok(());
        }
        let chat = chat::Chat {
            simulation,
            user: self.user,
            waits: !std::io::stdin().is_terminal(),
            quiet: Duration::from_millis(self.quiet),
        };
        chat.run()
    }
}

fn default_port(name: &str) -> u16 {
    let at = ["slack", "teams", "telegram", "whatsapp"]
        .iter()
        .position(|other| *other == name)
        .and_then(|at| u16::try_from(at).ok());
    at.map_or(0, |at| FIRST_PORT + at)
}
