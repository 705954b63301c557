//! `cargo xtask fuzz`: a great many disturbed inputs for what reads what strangers send, in the development build: what it is made
//! of is optimised, and a number that runs over is loud.

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use crate::project::Project;
use crate::run::{cargo, run, step};

/// Disturb real inputs by the million and see that nothing traps; `cargo xtask test` runs twenty thousand of each.
#[derive(Debug, Args)]
pub struct Fuzz {
    /// Only these; all of them unless named.
    what: Vec<Target>,
    /// Cases of each. They follow from their number, so that a failure comes again.
    #[arg(long, default_value_t = 1_000_000)]
    cases: u64,
}

/// What is fuzzed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Target {
    /// `ingress` of all channels, one after the other.
    Channels,
    /// The reader of packs.
    Packs,
}

/// The channels' packages; each has a test of this name.
const CHANNELS: [&str; 5] = [
    "channel-slack",
    "channel-teams",
    "channel-telegram",
    "channel-webchat",
    "channel-whatsapp",
];

impl Fuzz {
    /// Ends with the first input that makes something fail.
    pub fn run(self, project: &Project) -> anyhow::Result<()> {
        let all = [Target::Channels, Target::Packs];
        let chosen = |target: &Target| self.what.is_empty() || self.what.contains(target);
        for target in all.iter().filter(|target| chosen(target)) {
            match target {
                Target::Channels => {
                    for package in CHANNELS {
                        self.one(project, package, "fuzz_ingress", "GREENTIC_FUZZ_CASES")?;
                    }
                }
                Target::Packs => {
                    let test = "no_random_change_of_a_signed_pack_is_accepted_and_none_panics";
                    self.one(project, "greentic-pack", test, "GREENTIC_PACK_MUTATIONS")?;
                }
            }
        }
        Ok(())
    }

    fn one(
        &self,
        project: &Project,
        package: &str,
        test: &str,
        variable: &str,
    ) -> anyhow::Result<()> {
        let cases = self.cases;
        step(&format!("{package}: {cases} cases"));
        let begun = std::time::Instant::now();
        let mut command = cargo();
        command
            .current_dir(&project.root)
            .args(["test", "--lib", "--package", package])
            .args(["--", test])
            .env(variable, cases.to_string());
        run(&mut command).with_context(|| format!("a case made {package} fail"))?;
        eprintln!(
            "   {package}: {cases} cases in {} s, none failed",
            begun.elapsed().as_secs()
        );
        Ok(())
    }
}
