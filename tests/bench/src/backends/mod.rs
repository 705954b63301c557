//! What the sandbox costs a store and a bus: the same work on the same servers by the component and by the clients that native
//! programs use, in turns.
//!
//! The store's work is one command each: reading a session's record and committing one, by the component's own script. The bus's
//! is publishing under an identifier, pulling, and acknowledging with the server's answer awaited.

mod bus;
mod store;

use std::path::Path;
use std::time::Duration;

use greentic_conformance::sandbox::{Given, Stage};
use greentic_sandbox::worlds::store_types::{Expect, PutOp, Write, WriteOp};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::statistics::Spread;

/// Calls in flight.
pub const IN_FLIGHT: usize = 64;
/// The name of a session's record in its partition.
pub const RECORD: &str = "record";
/// A record's life: longer than any measurement.
pub const TTL_MS: u64 = 3_600_000;
/// Bytes of a record and of a message.
const VALUE: usize = 512;

/// What was measured of one kind of work; operations per second.
#[derive(Debug, Serialize)]
pub struct Measured {
    /// The work.
    pub work: &'static str,
    /// By a native client.
    pub native: Spread,
    /// Through the component.
    pub component: Spread,
    /// The component's median as a part of the native one's.
    pub ratio: f64,
}

impl Measured {
    /// From pairs of a native round and one through the component.
    fn of(work: &'static str, rounds: &[(f64, f64)]) -> Self {
        let native = Spread::of(rounds.iter().map(|(native, _)| *native));
        let component = Spread::of(rounds.iter().map(|(_, component)| *component));
        Self {
            work,
            native,
            component,
            ratio: component.median / native.median.max(1.0),
        }
    }
}

/// Measures both backends, `repeats` times.
///
/// # Errors
/// When a component is missing, a server does not answer, or a call fails.
pub fn measure(plugins: &Path, time: Duration, repeats: usize) -> anyhow::Result<Vec<Measured>> {
    let code = tempfile::tempdir()?;
    let stage = Stage::new(code.path())?;
    eprintln!("   backend store-redis");
    let mut all = store::measure(&stage, &plugins.join("store_redis.wasm"), time, repeats)?;
    eprintln!("   backend bus-nats");
    all.push(bus::measure(
        &stage,
        &plugins.join("bus_nats.wasm"),
        time,
        repeats,
    )?);
    Ok(all)
}

/// A component that reaches a server on this machine.
fn given(scheme: &str, port: u16) -> Given {
    Given {
        config: vec![("url".into(), format!("{scheme}://127.0.0.1:{port}"))],
        tcp: vec![format!("127.0.0.1:{port}")],
        ..Given::default()
    }
}

/// [`IN_FLIGHT`] workers, each with its number; gives how much all of them did.
///
/// # Errors
/// The first of a worker.
pub async fn in_flight<W>(work: impl FnMut(usize) -> W) -> anyhow::Result<usize>
where
    W: Future<Output = anyhow::Result<usize>> + Send + 'static,
{
    let mut workers: JoinSet<_> = (0..IN_FLIGHT).map(work).collect();
    let mut all = 0;
    while let Some(done) = workers.join_next().await {
        all += done??;
    }
    Ok(all)
}

/// The write of a record of so many bytes.
pub fn record(bytes: usize, expect: Expect) -> Vec<Write> {
    let op = WriteOp::Put(PutOp {
        value: vec![b'x'; bytes],
        ttl_ms: Some(TTL_MS),
    });
    let name = RECORD.into();
    vec![Write { name, expect, op }]
}

/// How many there were in a second.
pub fn per_second(count: usize, time: Duration) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / time.as_secs_f64()
}
