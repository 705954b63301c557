//! `cargo xtask test`: everything that can fail, in the order in which it fails fastest.

use anyhow::Context as _;
use clap::Args;

use crate::host::Profile;
use crate::project::Project;
use crate::run::{cargo, run, step};
use crate::{browser, demo, plugins, tools};

/// Run every test: unit, property, plugin, whole-system and browser.
#[derive(Debug, Args)]
pub struct Test {
    /// Only tests whose name has this in it; leaves out documentation and browser tests.
    filter: Option<String>,
    /// Leave the browser tests out.
    #[arg(long)]
    no_browser: bool,
    /// Only the browser tests.
    #[arg(long, conflicts_with_all = ["filter", "no_browser"])]
    browser: bool,
}

impl Test {
    /// Fails with the first thing that fails.
    pub fn run(self, project: &Project) -> anyhow::Result<()> {
        let browser = self.filter.is_none() && !self.no_browser;
        if browser {
            tools::ensure_browser()?;
        }
        if self.browser {
            demo::build(project, Profile::Dev)?;
            return browser::test(project);
        }
        tools::ensure_servers()?;
        plugins::build(project, &plugins::Which::WithTests)?;
        step("building the host and its tests");
        // Binaries and tests in one invocation and with one set of features: wasmtime is compiled once.
        run(cargo().current_dir(&project.root).args([
            "build",
            "--workspace",
            "--bins",
            "--tests",
        ]))?;
        demo::prepare(project, Profile::Dev)?;
        self.rust(project)?;
        if browser {
            browser::test(project)?;
        }
        if self.no_browser {
            eprintln!("\nThe browser tests were left out, as asked.");
        }
        Ok(())
    }

    fn rust(&self, project: &Project) -> anyhow::Result<()> {
        step("running the tests");
        let mut command = cargo();
        command.current_dir(&project.root);
        if has_nextest() {
            command.args(["nextest", "run", "--workspace", "--no-fail-fast"]);
        } else {
            command.args([
                "test",
                "--workspace",
                "--bins",
                "--lib",
                "--tests",
                "--no-fail-fast",
            ]);
        }
        command.args(&self.filter);
        run(&mut command).context("tests failed")?;
        if self.filter.is_none() {
            step("running the examples in the documentation");
            run(cargo().current_dir(&project.root).args([
                "test",
                "--workspace",
                "--doc",
                "--quiet",
            ]))
            .context("examples in the documentation failed")?;
        }
        Ok(())
    }
}

/// A faster runner, used where it is installed; nothing is lost without it.
fn has_nextest() -> bool {
    tools::find("cargo-nextest").is_some()
}
