//! `greentic-conformance`: runs a component through the cases of its world.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Parser, Subcommand, ValueEnum};
use greentic_conformance::case::{self, Case, Outcome};
use greentic_conformance::cases::{bus, channel, store};
use greentic_conformance::platform;
use greentic_conformance::report;
use greentic_conformance::sandbox::{Given, Loaded, Stage};
use greentic_sandbox::inspect::World as Contract;

/// Runs components through what their world demands of them, in the product's own sandbox.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a component through its cases. Exits with 1 when one fails and with 2 when it cannot be run.
    Run(Box<Run>),
    /// List the cases and the simulated platforms.
    List {
        /// Only this world's.
        #[arg(long)]
        world: Option<World>,
    },
}

#[derive(Debug, clap::Args)]
struct Run {
    /// The component.
    plugin: PathBuf,
    /// Which world's cases.
    #[arg(long)]
    world: World,
    /// The simulated platform a channel is run against; by default the one whose channel it is by its name.
    #[arg(long)]
    platform: Option<String>,
    /// Only the case of this identifier, or those below it: `channel.ingress`.
    #[arg(long, value_name = "ID")]
    only: Option<String>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
    /// A value of the component's configuration; a key with a dot for each level. May be given again.
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    config: Vec<(String, String)>,
    /// A secret, for backends. May be given again.
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    secret: Vec<(String, String)>,
    /// A socket the component may open. May be given again.
    #[arg(long, value_name = "HOST:PORT")]
    grant_tcp: Vec<String>,
    /// A folder the component may write. May be given again.
    #[arg(long, value_name = "FOLDER")]
    grant_write: Vec<PathBuf>,
    /// Where compiled code is kept.
    #[arg(long, value_name = "FOLDER")]
    cache: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum World {
    ChannelProvider,
    SessionStore,
    MessageBus,
}

impl World {
    fn contract(self) -> Contract {
        match self {
            Self::ChannelProvider => Contract::ChannelProvider,
            Self::SessionStore => Contract::SessionStore,
            Self::MessageBus => Contract::MessageBus,
        }
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    Ok((key.into(), value.into()))
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::List { world } => {
            list(world);
            Ok(true)
        }
        Command::Run(run) => run.run(),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

impl Run {
    /// Whether every case passed.
    fn run(self) -> anyhow::Result<bool> {
        let cache = match &self.cache {
            Some(cache) => cache.clone(),
            None => std::env::temp_dir().join("greentic-conformance-code"),
        };
        let stage = Stage::new(&cache)?;
        let loaded = stage.load(&self.plugin)?;
        let world = self.world.contract();
        if !loaded.implements(world) {
            bail!(
                "{} exports no interface of world `{world}`",
                self.plugin.display()
            );
        }
        let outcomes = match self.world {
            World::ChannelProvider => self.channel(&stage, &loaded)?,
            World::SessionStore => {
                let bench = store::Bench::new(&stage, &loaded, &self.given())?;
                self.through(&store::cases(), &bench)?
            }
            World::MessageBus => {
                let bench = bus::Bench::new(&stage, &loaded, &self.given())?;
                self.through(&bus::cases(), &bench)?
            }
        };
        if self.json {
            let component = self.plugin.display().to_string();
            println!("{:#}", report::json(world.name(), &component, &outcomes));
        } else {
            println!("{}", report::summary(&outcomes));
        }
        Ok(!outcomes.iter().any(Outcome::is_failure))
    }

    fn given(&self) -> Given {
        let secrets = self.secret.iter();
        Given {
            config: self.config.clone(),
            secrets: secrets
                .map(|(name, value)| (name.clone(), Some(value.clone().into_bytes())))
                .collect(),
            tcp: self.grant_tcp.clone(),
            write: self.grant_write.clone(),
            reveal: self.secret.iter().map(|(name, _)| name.clone()).collect(),
            ..Given::default()
        }
    }

    fn channel(&self, stage: &Stage, loaded: &Loaded) -> anyhow::Result<Vec<Outcome>> {
        let stem = self
            .plugin
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy();
        let by_name = || {
            let name = stem.rsplit(['_', '-']).next().unwrap_or_default();
            name.to_owned()
        };
        let name = self.platform.clone().unwrap_or_else(by_name);
        let platform = platform::named(&name).with_context(|| {
            let names: Vec<_> = platform::names().collect();
            format!(
                "there is no simulated platform `{name}`; say --platform with one of {}",
                names.join(", ")
            )
        })?;
        let bench = channel::Bench {
            stage,
            loaded,
            platform,
            config: self.config.clone(),
        };
        self.through(&channel::cases(), &bench)
    }

    fn through<B>(&self, cases: &[Case<B>], bench: &B) -> anyhow::Result<Vec<Outcome>> {
        let print = !self.json;
        let outcomes = case::run(cases, bench, self.only.as_deref(), |outcome| {
            if print {
                println!("{}", report::line(outcome));
            }
        });
        if outcomes.is_empty() {
            bail!(
                "there is no case `{}`; `greentic-conformance list` shows all",
                self.only.as_deref().unwrap_or_default()
            );
        }
        Ok(outcomes)
    }
}

fn list(world: Option<World>) {
    fn print<B>(name: World, wanted: Option<World>, cases: &[Case<B>]) {
        if wanted.is_some_and(|wanted| wanted.contract() != name.contract()) {
            return;
        }
        println!("world {}", name.contract());
        for case in cases {
            println!("  {:<40} {}", case.id, case.demand);
        }
        println!();
    }
    print(World::ChannelProvider, world, &channel::cases());
    print(World::SessionStore, world, &store::cases());
    print(World::MessageBus, world, &bus::cases());
    let names: Vec<_> = platform::names().collect();
    println!("simulated platforms: {}", names.join(", "));
}
