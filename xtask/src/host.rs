//! Building the native side, and starting it.

use std::path::PathBuf;
use std::process::Command;

use crate::project::Project;
use crate::run::{cargo, run, step};

/// How the native side is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Our own code as in development, everything it depends on optimised: minutes less to build, fast enough to try.
    Dev,
    /// Everything optimised.
    Release,
}

impl Profile {
    fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }
}

/// Named beside what is built, though nothing of it is: cargo unites features over the packages named, and with this one they are
/// what the tests' build has. So wasmtime is compiled once for the demo and the tests, not once for each.
const SAME_FEATURES: &str = "greentic-sdk";

/// Builds packages with their binaries, in one invocation.
pub fn build(project: &Project, packages: &[&str], profile: Profile) -> anyhow::Result<()> {
    let note = match profile {
        Profile::Dev => "development profile, dependencies optimised",
        Profile::Release => "release profile",
    };
    step(&format!("building {} ({note})", packages.join(" and ")));
    let mut command = cargo();
    command.current_dir(&project.root).args(["build", "--bins"]);
    if profile == Profile::Release {
        command.arg("--release");
    }
    for package in packages {
        command.args(["--package", package]);
    }
    command.args(["--package", SAME_FEATURES]);
    run(&mut command)
}

/// A binary that was built.
pub fn binary(project: &Project, name: &str, profile: Profile) -> PathBuf {
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    project.target.join(profile.folder()).join(file)
}

/// The host with the demo's bundle.
pub fn with_demo_bundle(project: &Project, profile: Profile) -> Command {
    let mut command = Command::new(binary(project, "greentic-host", profile));
    command
        .current_dir(&project.root)
        .args(["--bundle", "greentic.demo.yaml"]);
    command
}
