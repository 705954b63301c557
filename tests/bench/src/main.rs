//! `cargo xtask bench`: what a message, a start and an idle tenant cost, as a table and as JSON.
//!
//! Nothing here passes or fails by a time. What is compared runs alternating in one run on one machine, three times, and the
//! medians stand beside their spread. The floor and the native pipeline are this same program in a process of their own, so
//! that the system's accounts of processor time tell their work from the load generator's.

mod backends;
mod backing;
mod channels;
mod child;
mod events;
mod floor;
mod growth;
mod host;
mod idle;
mod load;
mod machine;
mod message;
mod native;
mod redis_client;
mod report;
mod scrape;
mod server;
mod startup;
mod statistics;
mod under_load;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

use backing::Backing;
use native::Native;

/// The same allocator as the host, so that it is no part of what is compared.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Parser)]
#[command(
    name = "greentic-bench",
    about = "What a message, a start and an idle tenant cost"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure and print.
    Run(Run),
    /// Answer requests until the process is ended: what the host is compared with.
    #[command(hide = true)]
    Serve {
        /// Which.
        #[command(subcommand)]
        which: Served,
    },
}

#[derive(Debug, Subcommand)]
enum Served {
    /// A bare handler.
    Floor,
    /// The native pipeline in memory.
    Memory,
    /// The native pipeline in files.
    File {
        /// Where they are.
        folder: PathBuf,
    },
    /// The native pipeline on servers.
    Servers {
        /// `host:port` of Redis.
        redis: String,
        /// `host:port` of NATS.
        nats: String,
    },
}

/// What is measured, and with which files.
#[derive(Debug, clap::Args)]
pub struct Run {
    /// The host's binary.
    #[arg(long, value_name = "FILE")]
    host: PathBuf,
    /// The folder of the built components.
    #[arg(long, value_name = "FOLDER")]
    plugins: PathBuf,
    /// Seconds of load of each measurement.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// How often each is measured; medians are shown.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=20))]
    repeats: u64,
    /// Measure only these parts.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// A message from webhook to reply.
    Message,
    /// The same on backends that keep it: in files, and on NATS and Redis.
    Durable,
    /// From start to ready.
    Start,
    /// Memory of tenants that do not talk.
    Idle,
    /// A webhook of each channel.
    Channels,
    /// Stores with a million sessions, hosts with ten thousand tenants that talk.
    Growth,
    /// Stores and buses beside native clients of the same servers.
    Backends,
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Serve { which } => which.run(),
        Command::Run(run) => run.run(),
    }
}

impl Served {
    fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Floor => server::run(async || floor::Floor::new()),
            Self::Memory => server::run(async || Native::on(native::Memory::open()?)),
            Self::File { folder } => server::run(async move || {
                let files = native::Files::open(&folder).await?;
                Native::on(files)
            }),
            Self::Servers { redis, nats } => server::run(async move || {
                let servers = native::Servers::connect(&redis, &nats).await?;
                Native::on(servers)
            }),
        }
    }
}

impl Run {
    fn run(&self) -> anyhow::Result<()> {
        let machine = machine::Machine::look();
        let wants = |part: Part| self.only.is_empty() || self.only.contains(&part);
        let repeats = usize::try_from(self.repeats).context("repeats")?;
        let setup = host::Setup::new(&self.host, &self.plugins)?;
        let message = wants(Part::Message)
            .then(|| {
                let time = Duration::from_secs(self.seconds);
                message::measure(&setup, Backing::Memory, &message::SYSTEMS, time, repeats)
            })
            .transpose()?;
        let durable = wants(Part::Durable)
            .then(|| {
                let time = Duration::from_secs(self.seconds);
                message::durable(&setup, time, repeats)
            })
            .transpose()?;
        let start = wants(Part::Start)
            .then(|| startup::measure(&setup))
            .transpose()?;
        let idle = wants(Part::Idle)
            .then(|| idle::measure(&setup))
            .transpose()?;
        let channels = wants(Part::Channels)
            .then(|| {
                let time = Duration::from_secs(self.seconds);
                channels::measure(&setup, &self.plugins, time, repeats)
            })
            .transpose()?;
        let backends = wants(Part::Backends)
            .then(|| {
                let time = Duration::from_secs(self.seconds);
                backends::measure(&self.plugins, time, repeats)
            })
            .transpose()?;
        let growth = wants(Part::Growth)
            .then(|| {
                let time = Duration::from_secs(self.seconds);
                growth::measure(&setup, &self.plugins, time, repeats)
            })
            .transpose()?;
        let report = report::Report {
            machine: machine.finished(),
            seconds: self.seconds,
            repeats: self.repeats,
            message,
            durable,
            start,
            idle,
            channels,
            backends,
            growth,
        };
        if self.json {
            println!("{:#}", report.json());
        } else {
            print!("{}", report.table());
        }
        Ok(())
    }
}
