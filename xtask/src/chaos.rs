//! `cargo xtask chaos`: the ledger of the tests for minutes instead of seconds, with another seed each time.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use clap::Args;

use crate::host::{self, Profile};
use crate::project::Project;
use crate::run::{cargo, run, step};
use crate::{plugins, tools};

/// Kill, pause and cut off hosts and servers under load, and see that every acknowledged message has exactly one reply, in order.
#[derive(Debug, Args)]
pub struct Chaos {
    /// How long faults are made.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=24 * 60))]
    minutes: u64,
    /// What faults and messages follow from; another one each time unless given.
    #[arg(long)]
    seed: Option<u64>,
}

impl Chaos {
    /// Fails when a promise was broken; the seed was printed before.
    pub fn run(self, project: &Project) -> anyhow::Result<()> {
        tools::ensure_servers()?;
        plugins::build(project, &plugins::Which::WithTests)?;
        host::build(project, &["greentic-host"], Profile::Dev)?;
        let seed = self.seed.unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            now.map_or(1, |now| now.as_secs())
        });
        step(&format!("{} minutes of faults, seed {seed}", self.minutes));
        let mut command = cargo();
        command
            .current_dir(&project.root)
            .args(["test", "--workspace"])
            .args(["--test", "host_ledger", "--", "--nocapture"])
            .env("GREENTIC_CHAOS_SECONDS", (self.minutes * 60).to_string())
            .env("GREENTIC_CHAOS_SEED", seed.to_string());
        run(&mut command).with_context(|| format!("the same again: --seed {seed}"))
    }
}
