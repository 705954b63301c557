//! The real binary as a test uses it: started with a bundle on a port of its own, its output and its metrics read, stopped by a
//! signal to its process id.
//!
//! What goes wrong here ends the test: every function panics when the host does not do what the test goes on from.
// The lints know a test by its attribute; here what tests are made of is meant too.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc
)]

pub mod built;
pub mod direct_line;
pub mod folder;
pub mod metrics;
pub mod simulated;
pub mod web;
pub mod webhook;

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use serde_json::Value;

use self::folder::Folder;
use self::metrics::Metrics;
use self::web::{Answer, Web};

/// Longest wait for anything. Nothing is measured by it: it only ends a test that would hang.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Asks again and again until there is an answer.
///
/// # Panics
/// When there is none within [`PATIENCE`].
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A host that runs. It is killed when it goes out of scope.
pub struct Host {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    readers: Vec<std::thread::JoinHandle<()>>,
    web: Web,
    /// Where it is reached, such as `http://127.0.0.1:40123`.
    pub origin: String,
    /// Where its admin API is, if it has one.
    pub admin: Option<String>,
    /// What it printed of itself when it was ready.
    pub shown: Value,
}

/// How a host ended.
pub struct Ended {
    /// Its exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// Everything it logged.
    pub log: Vec<String>,
}

/// What `--check` said.
pub struct Checked {
    /// The exit code.
    pub code: Option<i32>,
    /// The tables.
    pub stdout: String,
    /// The faults.
    pub stderr: String,
}

/// The binary with a bundle and the variables that bundles of tests use.
fn command(bundle: &str, folder: &Folder) -> Command {
    let mut command = Command::new(built::host());
    command
        .args(["--bundle", bundle])
        .current_dir(folder.path())
        .env("REPOSITORY", built::repository())
        .env("PLUGINS", built::plugins())
        .env("ADMIN_TOKEN", ADMIN_TOKEN)
        .env("XDG_CACHE_HOME", built::cache())
        .env("NO_COLOR", "1")
        .env_remove("OTEL_EXPORTER_OTLP_ENDPOINT")
        .stdin(Stdio::null());
    command
}

/// The admin token that bundles of tests name as `${ADMIN_TOKEN}`.
pub const ADMIN_TOKEN: &str = "a-token-of-the-tests";

/// Runs `--check` with the bundle `bundle.yaml` of a folder.
///
/// # Panics
/// When the binary cannot be run.
#[must_use]
pub fn check(folder: &Folder) -> Checked {
    run(folder, &["--check"])
}

/// Runs the binary to its end with the bundle `bundle.yaml` of a folder and more arguments.
///
/// # Panics
/// When the binary cannot be run.
#[must_use]
pub fn run(folder: &Folder, arguments: &[&str]) -> Checked {
    run_with(folder, arguments, |_| {})
}

/// The same with something changed about the command.
///
/// # Panics
/// When the binary cannot be run.
#[must_use]
pub fn run_with(folder: &Folder, arguments: &[&str], change: impl FnOnce(&mut Command)) -> Checked {
    let bundle = folder.file("bundle.yaml");
    let mut command = command(&bundle, folder);
    change(command.args(arguments));
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Checked {
        code: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// What `--explain` draws of the bundle `bundle.yaml` of a folder.
///
/// # Panics
/// When it draws nothing.
#[must_use]
pub fn explain(folder: &Folder, format: &str) -> String {
    let ran = run(folder, &[&format!("--explain={format}")]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran.stdout
}

impl Host {
    /// Starts with the bundle `bundle.yaml` of a folder and waits until it is ready.
    #[must_use]
    pub fn start(folder: &Folder) -> Self {
        Self::start_with(folder, |_| {})
    }

    /// The same with something changed about the command.
    ///
    /// # Panics
    /// When it does not become ready; its output is in the message.
    #[must_use]
    pub fn start_with(folder: &Folder, change: impl FnOnce(&mut Command)) -> Self {
        Self::try_start_with(folder, change).unwrap_or_else(|reason| panic!("{reason}"))
    }

    /// The same where a host that ends before it is ready is an answer too.
    ///
    /// # Errors
    /// Why it is not ready, with its output.
    ///
    /// # Panics
    /// When the binary cannot be run.
    pub fn try_start_with(
        folder: &Folder,
        change: impl FnOnce(&mut Command),
    ) -> Result<Self, String> {
        let mut command = command(&folder.file("bundle.yaml"), folder);
        command
            .arg("--json")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        change(&mut command);
        let mut child = command.spawn().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&log);
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let logging = std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                kept.lock().unwrap().push(line);
            }
        });
        let (tell, told) = mpsc::channel();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let telling = std::thread::spawn(move || {
            let mut first = String::new();
            // A host that ends before it is ready leaves the line empty.
            let _ = stdout.read_line(&mut first);
            let _ = tell.send(first);
            let _ = stdout.read_to_string(&mut String::new());
        });
        let first = told.recv_timeout(PATIENCE).unwrap_or_default();
        let shown: Value = match serde_json::from_str(&first) {
            Ok(shown) => shown,
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!(
                    "the host is not ready ({error}): {first}\n{}",
                    log.lock().unwrap().join("\n")
                ));
            }
        };
        Ok(Self {
            child,
            log,
            readers: vec![logging, telling],
            web: Web::new(),
            origin: shown["origin"].as_str().unwrap().to_owned(),
            admin: shown["admin"].as_str().map(str::to_owned),
            shown,
        })
    }

    /// `GET` of a path of the public endpoint.
    #[must_use]
    pub fn get(&self, path: &str) -> Answer {
        self.web
            .call("GET", &format!("{}{path}", self.origin), &[], &[])
    }

    /// A call of the admin API with its token.
    #[must_use]
    pub fn administer(&self, method: &str, path: &str) -> Answer {
        self.web.call(
            method,
            &self.admin_url(path),
            &[("authorization", &format!("Bearer {ADMIN_TOKEN}"))],
            &[],
        )
    }

    /// The address of a call of the admin API.
    ///
    /// # Panics
    /// When the bundle has no admin endpoint.
    #[must_use]
    pub fn admin_url(&self, path: &str) -> String {
        format!("{}/admin/v1{path}", self.admin.as_ref().unwrap())
    }

    /// All metrics as they are now.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        let answer = self.get("/metrics");
        assert_eq!(answer.status, 200, "{}", answer.text());
        Metrics::read(&answer.text())
    }

    /// Waits until a metric has reached a value.
    pub fn reaches(&self, name: &str, labels: &[(&str, &str)], least: f64) {
        eventually(&format!("{name}{labels:?} reaches {least}"), || {
            (self.metrics().sum(name, labels) >= least).then_some(())
        });
    }

    /// How many messages were sent to platforms.
    #[must_use]
    pub fn sent(&self) -> f64 {
        let labels = [("direction", "out")];
        self.metrics().sum("greentic_messages_total", &labels)
    }

    /// What was logged until now, one line each.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// Waits until a generation serves.
    pub fn serves(&self, generation: u64) {
        eventually(&format!("generation {generation} serves"), || {
            (self.generation() >= generation).then_some(())
        });
        assert_eq!(self.generation(), generation);
    }

    /// The number of the generation that serves.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn generation(&self) -> u64 {
        let listed = self.administer("GET", "/generations");
        assert_eq!(listed.status, 200, "{listed:?}");
        let listed = listed.json();
        let rows = listed["generations"].as_array().unwrap();
        let running = rows.iter().find(|row| row["state"] == "running");
        running.unwrap_or_else(|| panic!("{listed}"))["number"]
            .as_u64()
            .unwrap()
    }

    /// Waits until a line with this text is logged.
    pub fn logs(&self, text: &str) -> String {
        eventually(&format!("`{text}` is logged"), || {
            self.log().into_iter().find(|line| line.contains(text))
        })
    }

    /// Sends `SIGTERM`, as an operator's service manager does.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends `SIGHUP`, by which a service manager asks to read the configuration again.
    pub fn hang_up(&self) {
        self.signal("HUP");
    }

    /// Sends any signal, by its name without `SIG`.
    ///
    /// # Panics
    /// When it cannot be sent.
    pub fn signal(&self, name: &str) {
        let id = self.child.id();
        // The shell's own `kill`: it is there everywhere, and takes this one process id.
        let sent = Command::new("sh")
            .args(["-c", &format!("kill -{name} {id}")])
            .status()
            .unwrap();
        assert!(sent.success(), "SIG{name} to {id}: {sent}");
    }

    /// Waits for its end.
    #[must_use]
    pub fn ended(mut self) -> Ended {
        let child = &mut self.child;
        let status = eventually("the host ends", || child.try_wait().unwrap());
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        Ended {
            code: status.code(),
            log: self.log(),
        }
    }

    /// Stops it and waits for its end.
    #[must_use]
    pub fn stop(self) -> Ended {
        self.terminate();
        self.ended()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let told = self.log().into_iter();
            for line in told.filter(|line| !line.contains("\"INFO\"")) {
                eprintln!("host: {line}");
            }
        }
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
