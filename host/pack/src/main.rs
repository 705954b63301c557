//! `greentic-pack`: makes, signs, checks and shows packs.
//!
//! Thin: arguments are typed here and each command is a file of `cli/`. Exit codes: 0 done, 1 refused or different,
//! 2 wrong use (clap's own).

mod cli;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match cli::run(cli::Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            cli::print::error(&format!("{error:#}"));
            ExitCode::from(1)
        }
    }
}
