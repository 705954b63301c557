//! A server in a process of its own: started, looked at from outside, ended by its process id.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// The kernel's unit of a process's times for user space, the same on every architecture.
const TICKS_PER_SECOND: f64 = 100.0;

/// A server that is ready. Dropping it ends the process.
pub struct Server {
    child: Child,
    /// Kept open, so that the server can go on printing.
    _stdout: BufReader<ChildStdout>,
    /// Where it listens.
    pub address: SocketAddr,
    /// From the start of the process to its line that says it is ready.
    pub took: Duration,
}

impl Server {
    /// Starts a server and waits for the line that holds `ready`. Its address is the first `http://` it prints; what it says
    /// on its standard error goes to `log`.
    ///
    /// # Errors
    /// When it cannot be started or ends before it is ready; the last lines of its log are in the text.
    pub fn start(command: &mut Command, ready: &str, log: &Path) -> anyhow::Result<Self> {
        let begun = Instant::now();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(log)?)
            .spawn()
            .context("the server cannot be started")?;
        let stdout = child.stdout.take().context("the server has no output")?;
        let mut stdout = BufReader::new(stdout);
        let mut address = None;
        let mut line = String::new();
        loop {
            line.clear();
            if stdout.read_line(&mut line)? == 0 {
                let status = child.wait()?;
                let said = std::fs::read_to_string(log).unwrap_or_default();
                bail!("the server ended before it was ready ({status}):\n{said}");
            }
            address = address.or_else(|| address_in(&line));
            if line.contains(ready) {
                break;
            }
        }
        let took = begun.elapsed();
        let server = Self {
            child,
            _stdout: stdout,
            address: address.context("the server did not say where it listens")?,
            took,
        };
        Ok(server)
    }

    /// Seconds of processor time it has used, its threads' and the kernel's for it.
    ///
    /// # Errors
    /// When it is gone.
    pub fn cpu(&self) -> anyhow::Result<f64> {
        let path = format!("/proc/{}/stat", self.child.id());
        let text = std::fs::read_to_string(&path).with_context(|| path.clone())?;
        // proc(5): the name, in parentheses, may hold spaces; after it `utime` and `stime` are the 12th and 13th field.
        let (_, fields) = text.rsplit_once(')').context("no process name")?;
        let ticks: u64 = fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<u64>().ok())
            .sum();
        Ok(ticks as f64 / TICKS_PER_SECOND)
    }

    /// Its resident memory in KiB.
    ///
    /// # Errors
    /// When it is gone.
    pub fn memory(&self) -> anyhow::Result<u64> {
        resident(self.child.id())
    }
}

/// The resident memory of a process in KiB.
///
/// # Errors
/// When there is none.
pub fn resident(process: u32) -> anyhow::Result<u64> {
    let path = format!("/proc/{process}/status");
    let text = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    text.lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .context("no VmRSS")
}

impl Drop for Server {
    fn drop(&mut self) {
        // Ended already is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address in a line such as `  chat: http://127.0.0.1:8080/v1/…`.
fn address_in(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("http://")?;
    let end = rest
        .find(|letter: char| letter == '/' || letter.is_whitespace())
        .unwrap_or(rest.len());
    rest.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::address_in;

    #[test]
    fn an_address_is_found_with_and_without_a_path() {
        let expected = Some("127.0.0.1:81".parse().unwrap());
        assert_eq!(address_in("listening on http://127.0.0.1:81\n"), expected);
        assert_eq!(address_in("  a b  http://127.0.0.1:81/v1/x"), expected);
        assert_eq!(address_in("https://127.0.0.1:81"), None);
        assert_eq!(address_in("nothing"), None);
    }
}
