//! Programs the tests need beside Rust. Debian and Ubuntu have them as packages; where we may install, we do, and elsewhere the
//! error says what to run. Nothing is skipped silently.

use std::path::PathBuf;
use std::process::Command;

use anyhow::bail;

use crate::run::{capture, run, step};

/// A program and the package it comes in.
struct Tool {
    program: &'static str,
    package: &'static str,
    why: &'static str,
}

/// What the browser tests need.
const BROWSER: [Tool; 3] = [
    Tool {
        program: "chromium",
        package: "chromium",
        why: "the browser that the chat page is tested in",
    },
    Tool {
        program: "node",
        package: "nodejs",
        why: "runs the browser tests",
    },
    Tool {
        program: "npm",
        package: "npm",
        why: "fetches the public chat client that is tested against our server",
    },
];

/// What the tests of stores, buses and registries need: they start servers of their own, on free ports.
const SERVERS: [Tool; 3] = [
    Tool {
        program: "redis-server",
        package: "redis-server",
        why: "the server that store-redis is tested on",
    },
    Tool {
        program: "nats-server",
        package: "nats-server",
        why: "the server that bus-nats is tested on",
    },
    Tool {
        program: "docker-registry",
        package: "docker-registry",
        why: "the registry that packs are pushed to and pulled from",
    },
];

/// Sees to it that the browser tests can run.
pub fn ensure_browser() -> anyhow::Result<()> {
    ensure(
        &BROWSER,
        "\nor leave these tests out: cargo xtask test --no-browser",
    )
}

/// Sees to it that the tests of stores, buses and registries can run.
pub fn ensure_servers() -> anyhow::Result<()> {
    ensure(&SERVERS, "")
}

/// Installs what is missing where that is allowed; `otherwise` ends the fault where it is not.
fn ensure(tools: &[Tool], otherwise: &str) -> anyhow::Result<()> {
    let missing: Vec<&Tool> = tools
        .iter()
        .filter(|tool| find(tool.program).is_none())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().map(|tool| tool.package).collect();
    if find("apt-get").is_some() && is_root() {
        step(&format!("installing {}", packages.join(", ")));
        run(Command::new("apt-get").args(["update", "--quiet"]))?;
        run(Command::new("apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["install", "--yes", "--quiet", "--no-install-recommends"])
            .args(&packages))?;
    }
    let still: Vec<String> = missing
        .iter()
        .filter(|tool| find(tool.program).is_none())
        .map(|tool| format!("  {} ({})", tool.program, tool.why))
        .collect();
    if !still.is_empty() {
        bail!(
            "these programs are missing:\n{}\non Debian or Ubuntu: sudo apt-get install --yes {}{otherwise}",
            still.join("\n"),
            packages.join(" ")
        );
    }
    Ok(())
}

/// Where a program is, as the shell would find it.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

fn is_root() -> bool {
    capture(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}
