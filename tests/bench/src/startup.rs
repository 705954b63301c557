//! From start to ready: with everything to compile, and with everything compiled before.

use std::process::Stdio;
use std::time::Instant;

use anyhow::bail;
use serde::Serialize;

use crate::host::Setup;
use crate::statistics::Spread;

const REPEATS: usize = 5;

/// Milliseconds.
#[derive(Debug, Serialize)]
pub struct Startup {
    /// Start to the line that says ready, with an empty cache.
    pub cold: Spread,
    /// The same with a full one.
    pub warm: Spread,
    /// `--check` with a full cache, to its end.
    pub check: Spread,
}

/// Starts the host again and again, in alternation.
///
/// # Errors
/// When it does not start.
pub fn measure(setup: &Setup) -> anyhow::Result<Startup> {
    let bundle = setup.bundle(1)?;
    let (mut cold, mut warm, mut check) = (Vec::new(), Vec::new(), Vec::new());
    for repeat in 1..=REPEATS {
        eprintln!("   start {repeat} of {REPEATS}");
        setup.forget_compiled()?;
        cold.push(setup.start(&bundle)?.took.as_secs_f64() * 1e3);
        warm.push(setup.start(&bundle)?.took.as_secs_f64() * 1e3);
        let begun = Instant::now();
        let mut command = setup.command(&bundle);
        command.arg("--check").stdout(Stdio::null());
        let status = command.stderr(Stdio::null()).status()?;
        if !status.success() {
            bail!("`greentic-host --check` ended with {status}");
        }
        check.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    Ok(Startup {
        cold: Spread::of(cold),
        warm: Spread::of(warm),
        check: Spread::of(check),
    })
}
