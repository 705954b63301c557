//! What a message costs: the floor, the native pipeline and the host, one after the other, again and again. The last two also on
//! backends that keep what they are given.

use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;

use crate::backing::{Backing, Running};
use crate::child::Server;
use crate::events::Events;
use crate::host::{Setup, WEBHOOK};
use crate::load::{self, Pace};
use crate::scrape;
use crate::statistics::Spread;
use crate::under_load::UnderLoad;

/// Load before anything is counted.
const WARM_UP: Duration = Duration::from_secs(1);

/// The three that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum System {
    /// A bare handler that checks, reads and answers.
    Floor,
    /// The pipeline in native code.
    Native,
    /// The host.
    Host,
}

/// The order of each round in memory.
pub const SYSTEMS: [System; 3] = [System::Floor, System::Native, System::Host];

/// One round of one system.
#[derive(Debug, Clone, Serialize)]
struct Round {
    /// Processor time of the server for each delivered message, in microseconds, at full load.
    cpu: f64,
    /// Messages delivered in a second at full load, the time until the last reply included.
    rate: f64,
    /// Processor time at half load.
    cpu_at_half: f64,
    /// Half and 99 of 100 requests were answered within so many microseconds, at half load.
    p50: f64,
    p99: f64,
    /// Where the host's time went at full load.
    stages: Vec<Stage>,
}

/// A step of a message as the host's own histograms have it.
#[derive(Debug, Clone, Serialize)]
pub struct Stage {
    /// What it is.
    pub name: &'static str,
    /// How often it happened for each message.
    pub per_message: f64,
    /// Mean wall time of one, waiting included, in microseconds.
    pub mean: f64,
}

/// A system's rounds together.
#[derive(Debug, Serialize)]
pub struct Measured {
    /// Which.
    pub system: System,
    /// See [`Round`]; µs, messages a second, µs, µs, µs.
    pub cpu: Spread,
    /// Messages a second.
    pub rate: Spread,
    /// Processor time at half load.
    pub cpu_at_half: Spread,
    /// Half the acknowledgements within.
    pub p50: Spread,
    /// 99 of 100 acknowledgements within.
    pub p99: Spread,
}

/// All of it.
#[derive(Debug, Serialize)]
pub struct Messages {
    /// In the order they were measured.
    pub systems: Vec<Measured>,
    /// Of the host's last round.
    pub stages: Vec<Stage>,
}

impl Messages {
    /// The measurements of one system.
    pub fn of(&self, system: System) -> Option<&Measured> {
        self.systems
            .iter()
            .find(|measured| measured.system == system)
    }
}

/// A message on one kind of backends that keep it.
#[derive(Debug, Serialize)]
pub struct Durable {
    /// Which.
    pub backing: Backing,
    /// The native pipeline and the host.
    pub messages: Messages,
}

/// Measures the native pipeline and the host on each kind of backends that keep what they are given.
///
/// # Errors
/// As [`measure`].
pub fn durable(setup: &Setup, time: Duration, repeats: usize) -> anyhow::Result<Vec<Durable>> {
    let on = |backing| {
        let messages = measure(
            setup,
            backing,
            &[System::Native, System::Host],
            time,
            repeats,
        )?;
        Ok(Durable { backing, messages })
    };
    [Backing::File, Backing::Servers]
        .into_iter()
        .map(on)
        .collect()
}

/// Measures the systems in turn, `repeats` times. The backends of each round are new.
///
/// # Errors
/// When a server does not start, refuses events or loses replies.
pub fn measure(
    setup: &Setup,
    backing: Backing,
    systems: &[System],
    time: Duration,
    repeats: usize,
) -> anyhow::Result<Messages> {
    let mut rounds: Vec<(System, Round)> = Vec::new();
    for repeat in 1..=repeats {
        for &system in systems {
            eprintln!(
                "   message {repeat} of {repeats}: {system:?}, {}",
                backing.name()
            );
            let round = one(setup, backing, system, time);
            let round = round.with_context(|| format!("{system:?}, {}", backing.name()))?;
            eprintln!(
                "     {:.1} µs, {:.0} messages/s; at half load {:.1} µs, p50 {:.0} µs, p99 {:.0} µs",
                round.cpu, round.rate, round.cpu_at_half, round.p50, round.p99
            );
            rounds.push((system, round));
        }
    }
    let stages = rounds
        .last()
        .map(|(_, round)| round.stages.clone())
        .unwrap_or_default();
    let measured = systems.iter().map(|&system| {
        let spread = |value: fn(&Round) -> f64| {
            let own = rounds.iter().filter(|(of, _)| *of == system);
            Spread::of(own.map(|(_, round)| value(round)))
        };
        Measured {
            system,
            cpu: spread(|round| round.cpu),
            rate: spread(|round| round.rate),
            cpu_at_half: spread(|round| round.cpu_at_half),
            p50: spread(|round| round.p50),
            p99: spread(|round| round.p99),
        }
    });
    Ok(Messages {
        systems: measured.collect(),
        stages,
    })
}

fn start(setup: &Setup, system: System, running: &Running) -> anyhow::Result<Server> {
    let own = |which: &[String]| {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("serve").args(which);
        Server::start(&mut command, "listening", &setup.log())
    };
    match system {
        System::Floor => own(&["floor".into()]),
        System::Native => own(&running.native()),
        System::Host => setup.start(&setup.bundle_on(running)?),
    }
}

fn one(setup: &Setup, backing: Backing, system: System, time: Duration) -> anyhow::Result<Round> {
    // Dropped after the server that uses them.
    let running = backing.start()?;
    let server = start(setup, system, &running)?;
    let most = backing.most_per_second();
    let mut load = UnderLoad::new(&server, setup.log(), |server| delivered(server, system));
    let mut take = |run: &str, time: Duration, pace: Pace| {
        let path = |_| WEBHOOK.to_owned();
        load.take(Events::lasting(path, run, time, most)?, time, pace)
    };
    take("warm", WARM_UP, Pace::Closed)?;
    let before = page(&server, system)?;
    let full = take("full", time, Pace::Closed)?;
    let after = page(&server, system)?;
    let half = take("half", time, Pace::PerSecond(full.rate / 2.0))?;
    Ok(Round {
        cpu: full.cpu,
        rate: full.rate,
        cpu_at_half: half.cpu,
        p50: half.wait(50),
        p99: half.wait(99),
        stages: match system {
            System::Host => stages(&before, &after, full.accepted),
            _ => Vec::new(),
        },
    })
}

/// What the server says of itself.
fn page(server: &Server, system: System) -> anyhow::Result<String> {
    match system {
        System::Host => load::get(server.address, "/metrics"),
        System::Floor | System::Native => load::get(server.address, "/delivered"),
    }
}

/// How many replies were handed out.
///
/// # Errors
/// When the server does not say.
pub fn delivered(server: &Server, system: System) -> anyhow::Result<f64> {
    let text = page(server, system)?;
    Ok(match system {
        System::Host => scrape::sum(&text, "greentic_messages_total", "direction=\"out\""),
        System::Floor | System::Native => text.trim().parse()?,
    })
}

/// Steps with a histogram of their own.
const STAGES: [(&str, &str); 5] = [
    ("webhook to answer", "greentic_ingress_seconds"),
    ("publish, one batch", "greentic_bus_publish_seconds"),
    ("flow, one turn", "greentic_turn_seconds"),
    ("deliver, one attempt", "greentic_egress_seconds"),
    ("arrival to delivery", "greentic_message_seconds"),
];

fn stages(before: &str, after: &str, messages: f64) -> Vec<Stage> {
    let stage = |(name, metric): (&'static str, &str)| {
        let grown = |suffix: &str| {
            let metric = format!("{metric}{suffix}");
            scrape::sum(after, &metric, "") - scrape::sum(before, &metric, "")
        };
        let count = grown("_count");
        (count > 0.0).then(|| Stage {
            name,
            per_message: count / messages,
            mean: grown("_sum") * 1e6 / count,
        })
    };
    STAGES.into_iter().filter_map(stage).collect()
}
