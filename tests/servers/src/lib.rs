//! Real servers for tests: started on free ports, killed, started again, and cut off by a proxy.

#![allow(clippy::expect_used, clippy::panic)] // Only tests use this; where it fails the test has failed.

mod authority;
mod front;
mod proxy;

pub use authority::{Authority, Signed};
pub use front::TlsFront;
pub use proxy::{Proxy, Weather};

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a server may take to listen.
const START: Duration = Duration::from_secs(20);

/// A server that ends with the test, by its process.
pub struct Server {
    program: &'static str,
    arguments: Vec<String>,
    port: u16,
    folder: TempDir,
    child: Option<Child>,
}

/// A port nobody listens on now.
///
/// # Panics
/// When the machine has none.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}

impl Server {
    /// A Redis server with more arguments, such as `--appendonly yes`; its files survive [`Server::kill`].
    #[must_use]
    pub fn redis(more: &[&str]) -> Self {
        let folder = folder();
        let port = free_port();
        let mut arguments: Vec<String> = [
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
        ]
        .map(str::to_owned)
        .to_vec();
        arguments.push(path(folder.path()));
        arguments.extend(more.iter().map(|text| (*text).to_owned()));
        Self::start(REDIS, arguments, port, folder)
    }

    /// A Redis server that speaks TLS and nothing else. Certificates of clients are asked for with `--tls-auth-clients yes`.
    #[must_use]
    pub fn redis_tls(authority: &Authority, signed: &Signed, more: &[&str]) -> Self {
        let folder = folder();
        let port = free_port();
        let (dir, port_text) = (path(folder.path()), port.to_string());
        let ours = [
            ["--port", "0"],
            ["--tls-port", &port_text],
            ["--tls-cert-file", &signed.certificate],
            ["--tls-key-file", &signed.key],
            ["--tls-ca-cert-file", &authority.path()],
            ["--tls-auth-clients", "no"],
            ["--bind", "127.0.0.1"],
            ["--save", ""],
            ["--dir", &dir],
        ];
        let arguments = ours.iter().flatten().chain(more);
        let arguments = arguments.map(|text| (*text).to_owned()).collect();
        Self::start(REDIS, arguments, port, folder)
    }

    /// A sentinel that watches the Redis server on this port under a name.
    ///
    /// # Panics
    /// When its configuration cannot be written.
    #[must_use]
    pub fn sentinel(name: &str, primary: u16) -> Self {
        let folder = folder();
        let port = free_port();
        let file = folder.path().join("sentinel.conf");
        let text =
            format!("port {port}\nbind 127.0.0.1\nsentinel monitor {name} 127.0.0.1 {primary} 1\n");
        std::fs::write(&file, text).expect("a configuration file");
        let arguments = vec![path(&file), "--sentinel".into()];
        Self::start(REDIS, arguments, port, folder)
    }

    /// A NATS server with JetStream; `more` are lines of its configuration file.
    ///
    /// # Panics
    /// When its configuration cannot be written.
    #[must_use]
    pub fn nats(more: &str) -> Self {
        let folder = folder();
        let port = free_port();
        let file = folder.path().join("nats.conf");
        let store = path(&folder.path().join("jetstream"));
        let text = format!(
            "listen: \"127.0.0.1:{port}\"\njetstream {{ store_dir: \"{store}\" }}\n{more}\n"
        );
        std::fs::write(&file, text).expect("a configuration file");
        Self::start(NATS, vec!["-c".into(), path(&file)], port, folder)
    }

    /// A registry; with `htpasswd`, the lines of who may use it, it lets nobody else in. What it keeps lies in [`Server::files`].
    ///
    /// # Panics
    /// When its configuration cannot be written.
    #[must_use]
    pub fn registry(htpasswd: Option<&str>) -> Self {
        let folder = folder();
        let port = free_port();
        let file = folder.path().join("registry.yml");
        let auth = htpasswd.map_or_else(String::new, |lines| {
            let htpasswd = folder.path().join("htpasswd");
            std::fs::write(&htpasswd, lines).expect("a file of passwords");
            format!(
                "auth: {{ htpasswd: {{ realm: tests, path: \"{}\" }} }}\n",
                path(&htpasswd)
            )
        });
        let text = format!(
            "version: 0.1\nstorage: {{ filesystem: {{ rootdirectory: \"{}\" }}, delete: {{ enabled: true }} }}\nhttp: {{ addr: \"127.0.0.1:{port}\", relativeurls: true }}\n{auth}",
            path(folder.path())
        );
        std::fs::write(&file, text).expect("a configuration file");
        Self::start(REGISTRY, vec!["serve".into(), path(&file)], port, folder)
    }

    /// Where its files are.
    #[must_use]
    pub fn files(&self) -> &Path {
        self.folder.path()
    }

    /// Where a registry keeps a blob, by its digest (`sha256:…`).
    #[must_use]
    pub fn blob(&self, digest: &str) -> std::path::PathBuf {
        let digits = digest.trim_start_matches("sha256:");
        let (first, _) = digits.split_at(2);
        let blobs = self.files().join("docker/registry/v2/blobs/sha256");
        blobs.join(first).join(digits).join("data")
    }

    fn start(program: &'static str, arguments: Vec<String>, port: u16, folder: TempDir) -> Self {
        let mut server = Self {
            program,
            arguments,
            port,
            folder,
            child: None,
        };
        server.restart();
        server
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `127.0.0.1:port`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Its process, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Ends its process at once, as a crash does.
    ///
    /// # Panics
    /// When the process cannot be ended.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("a process of ours");
            child.wait().expect("its end");
        }
    }

    /// Starts it again on the same port with the same files.
    ///
    /// # Panics
    /// When it does not listen in time; the program is not installed, most likely.
    pub fn restart(&mut self) {
        self.kill();
        let log = std::fs::File::create(self.folder.path().join("log")).expect("a log file");
        let child = Command::new(self.program)
            .args(&self.arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the log file"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}; is it installed?", self.program));
        self.child = Some(child);
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(
                begun.elapsed() < START,
                "{} does not listen: {}",
                self.program,
                std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Stops or continues its process without ending it.
    ///
    /// # Panics
    /// When there is no `kill` program.
    pub fn pause(&self, paused: bool) {
        if let Some(pid) = self.pid() {
            let signal = if paused { "-STOP" } else { "-CONT" };
            let done = Command::new("kill")
                .args([signal, &pid.to_string()])
                .status();
            assert!(done.expect("the program kill").success());
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // The test is over either way.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The programs' names, as their packages install them.
const REDIS: &str = "redis-server";
const NATS: &str = "nats-server";
const REGISTRY: &str = "docker-registry";

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn path(path: &Path) -> String {
    path.to_str().expect("a path that is text").to_owned()
}
