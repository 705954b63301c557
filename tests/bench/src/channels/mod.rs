//! What each channel costs: reading a webhook natively and in the sandbox, and the whole host from webhook to committed turn.
//!
//! Webhooks come from the channels' simulated platforms, signed as those sign, from two hundred people in direct conversations.
//! The flow behind them listens and says nothing: a platform's own rates would measure the platform.

mod reading;
mod whole;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use greentic_conformance::platform::Webhook;
use greentic_conformance::platform::{
    self, Act, Action, Place, Profile, Settings, Signing, Simulation,
};
use serde::Serialize;

use crate::host::Setup;
use crate::statistics::Spread;

/// The platforms, by the names of their simulations.
pub const PLATFORMS: [&str; 4] = ["slack", "teams", "telegram", "whatsapp"];
/// People who write.
const PEOPLE: usize = 200;
/// What they write; the flow hears it and does not answer.
const TEXT: &str = "(aside) What is the state of my ticket, please?";

/// What was measured of one channel; times in microseconds.
#[derive(Debug, Serialize)]
pub struct Measured {
    /// The platform.
    pub channel: &'static str,
    /// Processor time of one `ingress`, verification included, in native code.
    pub native: Spread,
    /// The same in the sandbox.
    pub sandbox: Spread,
    /// Processor time of the whole host for a message, webhook to committed turn, at full load.
    pub host: Spread,
    /// Half the webhooks were answered within, at half load.
    pub p50: Spread,
    /// 99 of 100 were.
    pub p99: Spread,
}

/// Measures every channel, `repeats` times.
///
/// # Errors
/// When a component is missing, a webhook is refused, or the host does not start.
pub fn measure(
    setup: &Setup,
    plugins: &Path,
    time: Duration,
    repeats: usize,
) -> anyhow::Result<Vec<Measured>> {
    let mut all = Vec::new();
    for channel in PLATFORMS {
        eprintln!("   channel {channel}");
        let stage = Stage::begin(channel)?;
        let reading = reading::measure(&stage, plugins, repeats).context(channel)?;
        let whole = whole::measure(&stage, setup, plugins, time, repeats).context(channel)?;
        all.push(Measured {
            channel,
            native: reading.native,
            sandbox: reading.sandbox,
            host: whole.cpu,
            p50: whole.p50,
            p99: whole.p99,
        });
    }
    Ok(all)
}

/// A platform, and what a channel needs for it.
struct Stage {
    channel: &'static str,
    simulation: Simulation,
    profile: Profile,
    reveal: &'static [&'static str],
}

impl Stage {
    fn begin(channel: &'static str) -> anyhow::Result<Self> {
        let make = platform::named(channel).ok_or_else(|| anyhow!("no platform `{channel}`"))?;
        let simulation = Simulation::start(make, &Settings::default())?;
        Ok(Self {
            channel,
            profile: simulation.profile(),
            reveal: simulation.platform().reveal(),
            simulation,
        })
    }

    /// The component's file.
    fn file(&self) -> String {
        format!("{}.wasm", self.profile.component.replace('-', "_"))
    }

    /// So many signed webhooks, each a message of its own.
    fn webhooks(&self, count: usize) -> anyhow::Result<Vec<Webhook>> {
        let platform = self.simulation.platform();
        // A signature that says nothing of the body is the same for all, and would take longer to make than all else.
        let covers_body = platform.forgeries().contains(&Signing::Altered);
        let mut credential: Option<(String, String)> = None;
        let mut webhooks = Vec::with_capacity(count);
        for number in 0..count {
            let act = Act {
                user: format!("person{}", number % PEOPLE),
                place: Place::Direct,
                action: Action::Say(TEXT.into()),
            };
            let done = self
                .simulation
                .compose(&act)
                .map_err(|error| anyhow!("{error:?}"))?;
            let mut webhook = done.webhooks.into_iter().next().context("no webhook")?;
            match &credential {
                Some((name, value)) => webhook.set(name, value.clone()),
                None => {
                    let now = self.simulation.desk().now_ms();
                    platform.sign(&mut webhook, Signing::Honest, now);
                    if !covers_body {
                        let known = webhook.headers.iter();
                        credential = known
                            .filter(|(name, _)| name != "content-type")
                            .map(|(name, value)| (name.clone(), value.clone()))
                            .next_back();
                    }
                }
            }
            webhooks.push(webhook);
        }
        Ok(webhooks)
    }
}
