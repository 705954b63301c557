//! A server under one load after the other: each is over when everything that was accepted is done.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;

use crate::child::Server;
use crate::events::Events;
use crate::load::{self, Pace};
use crate::statistics::part;

/// How long the rest may take after the last event was accepted.
const DRAIN: Duration = Duration::from_secs(60);

/// A server, and how far it is.
pub struct UnderLoad<'a, F> {
    server: &'a Server,
    log: PathBuf,
    done: F,
    expected: u64,
}

/// What a load came to.
pub struct Taken {
    /// Events accepted, and done.
    pub accepted: f64,
    /// Processor time of the server for each of them, in microseconds.
    pub cpu: f64,
    /// How many were done in a second, the time until the last one included.
    pub rate: f64,
    /// Time from each request to its answer, sorted.
    waits: Vec<Duration>,
}

impl Taken {
    /// So many of a hundred requests were answered within so many microseconds.
    pub fn wait(&self, percent: usize) -> f64 {
        part(&self.waits, percent, 100).map_or(0.0, |wait| wait.as_secs_f64() * 1e6)
    }
}

impl<'a, F: Fn(&Server) -> anyhow::Result<f64>> UnderLoad<'a, F> {
    /// A server that is new; `done` asks it how many events it has done with, and `log` is where its standard error goes.
    pub fn new(server: &'a Server, log: PathBuf, done: F) -> Self {
        Self {
            server,
            log,
            done,
            expected: 0,
        }
    }

    /// Sends events until they or the time are used up, and waits for the last to be done.
    ///
    /// # Errors
    /// When the server refuses some, takes none, or is not done with all of them after a minute.
    pub fn take(&mut self, events: Events, time: Duration, pace: Pace) -> anyhow::Result<Taken> {
        let (used, begun) = (self.server.cpu()?, Instant::now());
        let load = load::run(self.server.address, &Arc::new(events), time, pace)?;
        if load.refused > 0 || load.accepted == 0 {
            bail!(
                "{} events were accepted and {} refused within {:?}",
                load.accepted,
                load.refused,
                load.took
            );
        }
        self.expected += load.accepted;
        self.drained()?;
        let accepted = load.accepted as f64;
        let rate = accepted / begun.elapsed().as_secs_f64();
        Ok(Taken {
            accepted,
            cpu: (self.server.cpu()? - used) * 1e6 / accepted,
            rate,
            waits: load.waits,
        })
    }

    fn drained(&self) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            let (done, expected) = ((self.done)(self.server)?, self.expected);
            if done >= expected as f64 {
                return Ok(());
            }
            if begun.elapsed() > DRAIN {
                let log = std::fs::read_to_string(&self.log).unwrap_or_default();
                let mut said = String::new();
                for line in log.lines().rev().take(20) {
                    let _ = writeln!(said, "  {line}");
                }
                bail!(
                    "{done} of {expected} events were done after {DRAIN:?}; the server's last lines:\n{said}"
                );
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
