//! `cargo xtask …`: everything this repository does for itself, so that a fresh machine needs rustup and nothing else to know.
//!
//! Each command says what it does before it does it, installs what it may and names what it may not.

mod bench;
mod browser;
mod chaos;
mod demo;
mod docs;
mod fuzz;
mod host;
mod licences;
mod packs;
mod plugins;
mod project;
mod run;
mod target;
mod test;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::project::Project;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build host, plugins and packs, and start the demo; Ctrl-C ends it.
    Demo(demo::Demo),
    /// Run every test: unit, property, plugin, whole-system and browser.
    Test(test::Test),
    /// Build the plugins as WebAssembly components.
    BuildPlugins(plugins::BuildPlugins),
    /// Measure what a message, a webhook of each channel, a start and an idle tenant cost.
    Bench(bench::Bench),
    /// Disturb real inputs by the million: what channels get from platforms, what is read of packs.
    Fuzz(fuzz::Fuzz),
    /// Kill, pause and cut off hosts and servers under load, and see that every acknowledged message has exactly one reply, in order.
    Chaos(chaos::Chaos),
    /// Build and sign the demo's packs with a development key.
    Packs,
    /// Check the licences of everything we depend on.
    Licences,
    /// Write docs/limits.md and docs/bundle.md from the host's own tables, and the table of docs/channels/README.md from what the cases find.
    #[command(alias = "limits-doc")]
    Docs,
}

fn main() -> ExitCode {
    // The chain of reasons is for people; where in our code it arose is not.
    run(Arguments::parse()).unwrap_or_else(|error| {
        eprintln!("\nerror: {error:#}");
        ExitCode::FAILURE
    })
}

fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let project = Project::find()?;
    match arguments.command {
        Command::Demo(demo) => return demo.run(&project),
        Command::Test(test) => test.run(&project)?,
        Command::BuildPlugins(build) => build.run(&project)?,
        Command::Bench(bench) => bench.run(&project)?,
        Command::Fuzz(fuzz) => fuzz.run(&project)?,
        Command::Chaos(chaos) => chaos.run(&project)?,
        Command::Packs => {
            plugins::build(&project, &plugins::Which::Plugins)?;
            host::build(&project, &["greentic-pack"], host::Profile::Dev)?;
            packs::build(&project, host::Profile::Dev)?;
        }
        Command::Licences => licences::check(&project)?,
        Command::Docs => docs::write(&project)?,
    }
    Ok(ExitCode::SUCCESS)
}
