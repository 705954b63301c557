//! What a message costs: the floor, the native pipeline and the host, one after the other, again and again. The last two also on
//! backends that keep what they are given.

use std::fmt::Write as _;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde::Serialize;

use crate::backing::{Backing, Running};
use crate::child::Server;
use crate::events::Events;
use crate::host::{Setup, WEBHOOK};
use crate::load::{self, Load, Pace};
use crate::scrape;
use crate::statistics::{Spread, part};

/// Load before anything is counted.
const WARM_UP: Duration = Duration::from_secs(1);
/// How long replies may take after the last event was accepted.
const DRAIN: Duration = Duration::from_secs(60);

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
    let sign = |run: &str, time: Duration, most: usize| {
        let count = usize::try_from(time.as_millis())?.saturating_mul(most) / 1000;
        anyhow::Ok(Arc::new(Events::sign(|_| WEBHOOK.to_owned(), run, count)?))
    };

    let events = sign("warm", WARM_UP, most)?;
    let warm = load::run(server.address, &events, WARM_UP, Pace::Closed)?;
    let expected = checked(&warm)?;
    drained(&server, system, expected, setup)?;

    let events = sign("full", time, most)?;
    let (before, cpu, begun) = (page(&server, system)?, server.cpu()?, Instant::now());
    let full = load::run(server.address, &events, time, Pace::Closed)?;
    let accepted = checked(&full)?;
    let expected = expected + accepted;
    drained(&server, system, expected, setup)?;
    let took = begun.elapsed();
    let cpu = (server.cpu()? - cpu) * 1e6 / accepted as f64;
    let after = page(&server, system)?;
    let rate = accepted as f64 / took.as_secs_f64();

    let events = sign("half", time, most)?;
    let cpu_before = server.cpu()?;
    let half = load::run(server.address, &events, time, Pace::PerSecond(rate / 2.0))?;
    let accepted_at_half = checked(&half)?;
    drained(&server, system, expected + accepted_at_half, setup)?;
    let cpu_at_half = (server.cpu()? - cpu_before) * 1e6 / accepted_at_half as f64;
    let wait = |numerator| {
        part(&half.waits, numerator, 100).map_or(0.0, |wait: Duration| wait.as_secs_f64() * 1e6)
    };
    Ok(Round {
        cpu,
        rate,
        cpu_at_half,
        p50: wait(50),
        p99: wait(99),
        stages: match system {
            System::Host => stages(&before, &after, accepted as f64),
            _ => Vec::new(),
        },
    })
}

/// Events accepted; a server that refuses some is not measured.
///
/// # Errors
/// When it refused some, or took none.
pub fn checked(load: &Load) -> anyhow::Result<u64> {
    if load.refused > 0 || load.accepted == 0 {
        bail!(
            "{} events were accepted and {} refused within {:?}",
            load.accepted,
            load.refused,
            load.took
        );
    }
    Ok(load.accepted)
}

/// What the server says of itself.
fn page(server: &Server, system: System) -> anyhow::Result<String> {
    match system {
        System::Host => load::get(server.address, "/metrics"),
        System::Floor | System::Native => load::get(server.address, "/delivered"),
    }
}

/// Waits until so many replies were handed out.
///
/// # Errors
/// When they are not after a minute.
pub fn drained(
    server: &Server,
    system: System,
    expected: u64,
    setup: &Setup,
) -> anyhow::Result<()> {
    let begun = Instant::now();
    loop {
        let text = page(server, system)?;
        let delivered = match system {
            System::Host => scrape::sum(&text, "greentic_messages_total", "direction=\"out\""),
            System::Floor | System::Native => text.trim().parse()?,
        };
        if delivered >= expected as f64 {
            return Ok(());
        }
        if begun.elapsed() > DRAIN {
            let log = std::fs::read_to_string(setup.log()).unwrap_or_default();
            let mut said = String::new();
            for line in log.lines().rev().take(20) {
                let _ = writeln!(said, "  {line}");
            }
            bail!(
                "{delivered} of {expected} replies were delivered after {DRAIN:?}; the server's last lines:\n{said}"
            );
        }
        std::thread::sleep(Duration::from_millis(20));
    }
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
