//! `cargo xtask bench`: builds what is measured the way it ships, and hands over to `greentic-bench`.

use std::process::Command;

use clap::Args;

use crate::host::{self, Profile};
use crate::plugins;
use crate::project::Project;
use crate::run::{run, step};
use crate::tools;

/// Measure what a message, a webhook of each channel, a start and an idle tenant cost.
#[derive(Debug, Args)]
pub struct Bench {
    /// Seconds of load of each measurement.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// How often each is measured; medians are shown.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=20))]
    repeats: u64,
    /// Measure only these parts: message, durable, start, idle, channels, backends, growth.
    #[arg(long, value_delimiter = ',', value_parser = ["message", "durable", "start", "idle", "channels", "backends", "growth"])]
    only: Vec<String>,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

impl Bench {
    /// Builds and measures.
    pub fn run(self, project: &Project) -> anyhow::Result<()> {
        let with_servers =
            |part: &String| ["backends", "durable", "growth"].contains(&part.as_str());
        if self.only.is_empty() || self.only.iter().any(with_servers) {
            tools::ensure_servers()?;
        }
        plugins::build(project, &plugins::Which::WithTests)?;
        step("the release build takes about seven minutes of two cores from nothing");
        // Together: both have the sandbox, and with features of their own each would have wasmtime compiled for itself.
        host::build(
            project,
            &["greentic-host", "greentic-bench"],
            Profile::Release,
        )?;
        step("measuring; leave the machine alone until it is done");
        let component = project.component_file("flow-echo");
        let mut command = Command::new(host::binary(project, "greentic-bench", Profile::Release));
        command
            .current_dir(&project.root)
            .arg("run")
            .arg("--host")
            .arg(host::binary(project, "greentic-host", Profile::Release))
            .arg("--plugins")
            .arg(component.parent().unwrap_or(&component))
            .args(["--seconds", &self.seconds.to_string()])
            .args(["--repeats", &self.repeats.to_string()])
            .env("GREENTIC_BENCH_COMMAND", self.line());
        for part in &self.only {
            command.args(["--only", part]);
        }
        if self.json {
            command.arg("--json");
        }
        run(&mut command)
    }

    /// What was typed, in full.
    fn line(&self) -> String {
        let mut line = format!(
            "cargo xtask bench --seconds {} --repeats {}",
            self.seconds, self.repeats
        );
        if !self.only.is_empty() {
            line.push_str(" --only ");
            line.push_str(&self.only.join(","));
        }
        line
    }
}
