//! The browser tests: the real host with the demo's bundle on a free port, and Node scripts that drive Chromium against it.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::host::{self, Profile};
use crate::project::Project;
use crate::run::{capture, run, step};

/// From the start of the host to its readiness, components compiled included, on a machine that is busy with other things.
const READY: Duration = Duration::from_secs(180);
/// From Ctrl-C to the end.
const DRAINED: Duration = Duration::from_secs(60);

/// Runs them all. Everything else is built.
pub fn test(project: &Project) -> anyhow::Result<()> {
    let folder = project.root.join("tests/browser");
    packages(&folder)?;
    let client = client(project, &folder)?;
    step("starting the host for the browser tests");
    let address = free_address()?;
    let log = project.target.join("browser-test.log");
    let mut host = Host::start(project, address, &log)?;
    let outcome = host.ready(address).and_then(|()| {
        step("running the browser tests");
        let mut node = Command::new("node");
        node.current_dir(&folder)
            .env("GREENTIC_BASE_URL", format!("http://{address}"))
            .env("GREENTIC_WEBCHAT_CLIENT", &client)
            .args(["--test", "--test-concurrency=1"])
            .args(scripts(&folder)?);
        run(&mut node).context("browser tests failed")
    });
    let end = host.interrupt();
    if outcome.is_err() || end.is_err() {
        eprintln!("\n── the end of the host's log ({})", project.shown(&log));
        let text = fs::read_to_string(&log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        for line in lines.iter().skip(lines.len().saturating_sub(60)) {
            eprintln!("   {line}");
        }
    }
    outcome.and(end)
}

/// Installs what package-lock.json names, unless that was done.
fn packages(folder: &Path) -> anyhow::Result<()> {
    let lock = folder.join("package-lock.json");
    let done = folder.join("node_modules/.installed-lock.json");
    let wanted = fs::read(&lock).with_context(|| lock.display().to_string())?;
    if fs::read(&done).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    step("fetching the browser tests' packages");
    run(npm(folder).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]))
        .context("the packages of tests/browser could not be fetched")?;
    fs::write(&done, wanted).with_context(|| done.display().to_string())
}

/// The public chat client, one file out of its package. Installing that package would bring 400 others of 500 MB along, all of
/// which that file has in it already. The package is held to the checksum in `webchat-client.json`.
fn client(project: &Project, folder: &Path) -> anyhow::Result<PathBuf> {
    let path = folder.join("webchat-client.json");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let client: Value = serde_json::from_str(&text).context("webchat-client.json")?;
    let said = |of: &Value, key: &str| {
        let found = of.get(key).and_then(Value::as_str).map(str::to_owned);
        found.with_context(|| format!("there is no `{key}`"))
    };
    let (name, version) = (said(&client, "name")?, said(&client, "version")?);
    let into = project.target.join(format!("browser/{name}-{version}"));
    let file = into.join("package").join(said(&client, "file")?);
    if file.is_file() {
        return Ok(file);
    }
    step(&format!("fetching {name} {version}"));
    fs::create_dir_all(&into).with_context(|| into.display().to_string())?;
    let packed = capture(
        npm(&into)
            .args(["pack", "--json", "--silent"])
            .arg(format!("{name}@{version}")),
    )?;
    let packed: Value = serde_json::from_str(&packed).context("npm pack")?;
    let packed = packed.get(0).context("npm pack says nothing")?;
    let (found, expected) = (said(packed, "integrity")?, said(&client, "integrity")?);
    if found != expected {
        bail!("{name} {version} has the checksum {found}, expected is {expected}");
    }
    run(Command::new("tar")
        .current_dir(&into)
        .args(["--extract", "--gzip", "--file", &said(packed, "filename")?])
        .arg(format!("package/{}", said(&client, "file")?)))?;
    Ok(file)
}

fn npm(folder: &Path) -> Command {
    let mut npm = Command::new("npm");
    npm.current_dir(folder);
    npm
}

fn scripts(folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        if name.ends_with(".test.mjs") {
            names.push(name.into_owned());
        }
    }
    names.sort();
    if names.is_empty() {
        bail!("there is no browser test in {}", folder.display());
    }
    Ok(names)
}

fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    listener.local_addr().context("no free port")
}

/// A host that is ended whatever happens.
struct Host {
    child: Child,
}

impl Host {
    fn start(project: &Project, address: SocketAddr, log: &Path) -> anyhow::Result<Self> {
        let out = File::create(log).with_context(|| log.display().to_string())?;
        let errors = out.try_clone()?;
        let child = host::with_demo_bundle(project, Profile::Dev)
            .env("GREENTIC_LISTEN", address.to_string())
            .stdin(std::process::Stdio::null())
            .stdout(out)
            .stderr(errors)
            .spawn()
            .context("greentic-host cannot be started")?;
        Ok(Self { child })
    }

    /// Waits until `/readyz` says yes.
    fn ready(&mut self, address: SocketAddr) -> anyhow::Result<()> {
        let until = Instant::now() + READY;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait()? {
                bail!("the host ended before it was ready ({status})");
            }
            if is_ready(address).unwrap_or(false) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        bail!("the host was not ready after {} s", READY.as_secs())
    }

    /// Sends what Ctrl-C sends, and expects the host to drain and end with 0.
    fn interrupt(&mut self) -> anyhow::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("the host ended by itself during the tests ({status})");
        }
        run(Command::new("kill").args(["-INT", &self.child.id().to_string()]))?;
        let until = Instant::now() + DRAINED;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait()? {
                if status.success() {
                    return Ok(());
                }
                bail!("the host ended with {status} after Ctrl-C instead of 0");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!(
            "the host did not end within {} s after Ctrl-C",
            DRAINED.as_secs()
        )
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn is_ready(address: SocketAddr) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(
        stream,
        "GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.starts_with("HTTP/1.1 200"))
}
