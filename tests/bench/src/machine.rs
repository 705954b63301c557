//! Where the figures come from: without that they mean nothing.

use std::process::Command;

use serde::Serialize;

/// The machine of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// What was typed.
    pub command: String,
    /// The processor's name.
    pub cpu: String,
    /// Processors this process may use.
    pub cores: usize,
    /// The system's kernel.
    pub kernel: String,
    /// The compiler in use.
    pub rustc: String,
    /// When the run began, in UTC.
    pub date: String,
    /// Load averages over 1, 5 and 15 minutes when the run began: what others did on the machine.
    pub load_before: String,
    /// The same when it ended; the run itself is in it.
    pub load_after: String,
}

impl Machine {
    /// Looks at the machine.
    pub fn look() -> Self {
        let cpu = read("/proc/cpuinfo")
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
            .map_or_else(|| "unknown".to_owned(), |(_, name)| name.trim().to_owned());
        Self {
            command: std::env::var("GREENTIC_BENCH_COMMAND")
                .unwrap_or_else(|_| "greentic-bench run".to_owned()),
            cpu,
            cores: std::thread::available_parallelism().map_or(1, Into::into),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            rustc: said("rustc", &["--version"]),
            date: said("date", &["-u", "+%Y-%m-%d %H:%M"]),
            load_before: load(),
            load_after: String::new(),
        }
    }

    /// With the load at the end.
    pub fn finished(self) -> Self {
        Self {
            load_after: load(),
            ..self
        }
    }
}

fn load() -> String {
    let text = read("/proc/loadavg");
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn said(program: &str, arguments: &[&str]) -> String {
    Command::new(program).args(arguments).output().map_or_else(
        |_| "unknown".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}
