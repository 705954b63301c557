//! The compilation target of plugins. `rust-toolchain.toml` names it, but where `RUSTUP_AUTO_INSTALL=0` is set rustup does not
//! install what that file names, and the build would end with E0463; so we look, and add it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::run::{capture, run, step};

/// What plugins are compiled for.
pub const TARGET: &str = "wasm32-wasip2";

/// Sees to it that the target is there.
pub fn ensure() -> anyhow::Result<()> {
    if installed()? {
        return Ok(());
    }
    step(&format!("adding the target {TARGET}"));
    run(Command::new("rustup").args(["target", "add", TARGET]))
        .with_context(|| format!("the Rust target {TARGET} is missing: install rustup, or add the target to your toolchain by other means"))?;
    if !installed()? {
        bail!(
            "{TARGET} was added, but not to the toolchain that cargo uses: run `rustup show` in this folder"
        );
    }
    Ok(())
}

/// The compiler knows best: the target is there when its standard library is.
fn installed() -> anyhow::Result<bool> {
    let sysroot =
        capture(Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]))?;
    Ok(Path::new(sysroot.trim()).is_dir())
}
