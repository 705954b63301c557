//! `greentic-component`: the tool of those who write components.

mod simulate;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Tools for those who write components.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Chat with a running host through a simulated platform: type, and see what a person on that platform would see.
    Simulate(simulate::Simulate),
}

fn main() -> ExitCode {
    let Command::Simulate(simulate) = Arguments::parse().command;
    match simulate.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
