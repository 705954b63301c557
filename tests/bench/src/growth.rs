//! What sessions and tenants cost as there are more of them: a turn's calls of each store with up to a million sessions in it, and a
//! message of the host with up to ten thousand tenants that talk.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, ensure};
use greentic_conformance::sandbox::{Given, MemoryServices, Stage};
use greentic_sandbox::client::{Client, Policy};
use greentic_sandbox::scope::CallScope;
use greentic_sandbox::worlds::StoreWorld;
use greentic_sandbox::worlds::store_types::Expect;
use greentic_test_servers::Server;
use serde::Serialize;
use tempfile::TempDir;

use crate::backends::{IN_FLIGHT, RECORD, in_flight, per_second, record};
use crate::child::resident;
use crate::events::Events;
use crate::host::Setup;
use crate::load::Pace;
use crate::message::{System, delivered};
use crate::statistics::Spread;
use crate::under_load::UnderLoad;

/// Sessions in a store.
const SESSIONS: [usize; 3] = [1_000, 100_000, 1_000_000];
/// Tenants of a host, each with a channel.
const TENANTS: [usize; 3] = [1, 1_000, 10_000];
/// Bytes of a record.
const VALUE: usize = 256;
/// A lease's.
const LEASE_MS: u64 = 15_000;
/// Events of a second of load over many tenants.
const MOST_PER_SECOND: usize = 60_000;

/// A store with so many sessions.
#[derive(Debug, Serialize)]
pub struct Sessions {
    /// The component.
    pub store: &'static str,
    /// How many.
    pub sessions: usize,
    /// Claims with a commit, of sessions by chance, in a second.
    pub turns: Spread,
    /// Resident memory of the process that holds them (this one, or Redis) beyond that without any, for each session, in bytes.
    pub bytes_per_session: f64,
    /// From the start of the component to its first answer, in milliseconds: reading what is there. Of files only.
    pub reopened: Option<f64>,
}

/// A host with so many tenants that talk.
#[derive(Debug, Serialize)]
pub struct Tenants {
    /// How many.
    pub tenants: usize,
    /// Processor time of a message at full load, in microseconds.
    pub cpu: Spread,
    /// Messages a second.
    pub rate: Spread,
}

/// Both.
#[derive(Debug, Serialize)]
pub struct Growth {
    /// Stores.
    pub sessions: Vec<Sessions>,
    /// Hosts.
    pub tenants: Vec<Tenants>,
}

/// Measures stores, then hosts.
///
/// # Errors
/// When a component or a server is missing, or a call fails.
pub fn measure(
    setup: &Setup,
    plugins: &Path,
    time: Duration,
    repeats: usize,
) -> anyhow::Result<Growth> {
    let code = TempDir::new()?;
    let stage = Stage::new(code.path())?;
    let mut sessions = Vec::new();
    for store in ["store-memory", "store-file", "store-redis"] {
        let rows = of_store(&stage, plugins, store, time, repeats);
        sessions.extend(rows.with_context(|| store)?);
    }
    let tenants = TENANTS.map(|tenants| of_tenants(setup, tenants, time, repeats));
    let tenants = tenants.into_iter().collect::<anyhow::Result<_>>()?;
    Ok(Growth { sessions, tenants })
}

fn of_store(
    stage: &Stage,
    plugins: &Path,
    name: &'static str,
    time: Duration,
    repeats: usize,
) -> anyhow::Result<Vec<Sessions>> {
    let file = format!("{}.wasm", name.replace('-', "_"));
    let loaded = stage.load(&plugins.join(file))?;
    let folder = TempDir::new()?;
    let mut given = Given {
        large: true,
        ..Given::default()
    };
    let mut holder = std::process::id();
    let redis = (name == "store-redis").then(|| Server::redis(&[]));
    if let Some(redis) = &redis {
        given.config = vec![("url".into(), format!("redis://{}", redis.address()))];
        given.tcp = vec![redis.address()];
        holder = redis.pid().context("no process of Redis")?;
    } else {
        given.config = vec![("max-bytes".into(), "1500000000".into())];
    }
    let in_files = name == "store-file";
    if in_files {
        let sessions = folder.path().join("sessions");
        std::fs::create_dir(&sessions)?;
        given.write = vec![sessions];
    }
    let services = MemoryServices::default();
    let start = || stage.bind::<StoreWorld>(&loaded, &given, Policy::Shared, &services);
    let mut store = Arc::new(start()?);
    let without = resident(holder)?;
    let (mut rows, mut there) = (Vec::new(), 0);
    for sessions in SESSIONS {
        eprintln!("   {name} with {sessions} sessions");
        stage.wait(fill(&store, there, sessions))?;
        there = sessions;
        let bytes = (resident(holder)? as f64 - without as f64) * 1024.0;
        let mut rounds = Vec::new();
        for _ in 0..repeats {
            rounds.push(stage.wait(turns(&store, sessions, time))?);
        }
        let mut reopened = None;
        if in_files {
            drop(store);
            let begun = Instant::now();
            store = Arc::new(start()?);
            let call = store.get(CallScope::default(), partition(0), vec![RECORD.into()]);
            let found = stage.wait(call)?.map_err(|error| anyhow!("{error:?}"))?;
            ensure!(found.iter().all(Option::is_some), "a session is gone");
            reopened = Some(begun.elapsed().as_secs_f64() * 1e3);
        }
        rows.push(Sessions {
            store: name,
            sessions,
            turns: Spread::of(rounds),
            bytes_per_session: bytes / sessions as f64,
            reopened,
        });
    }
    Ok(rows)
}

fn partition(number: usize) -> String {
    format!("bench/t0/default/web/session/conversation-{number}//")
}

/// Makes the sessions with the numbers `from..to`.
async fn fill(store: &Arc<Client<StoreWorld>>, from: usize, to: usize) -> anyhow::Result<()> {
    let next = Arc::new(AtomicUsize::new(from));
    in_flight(|_| {
        let (store, next) = (Arc::clone(store), Arc::clone(&next));
        async move {
            let mut done = 0;
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= to {
                    return Ok(done);
                }
                let writes = record(VALUE, Expect::Absent);
                let scope = CallScope::default();
                let call = store.commit(scope, partition(number), None, writes, false);
                call.await?.map_err(|error| anyhow!("{error:?}"))?;
                done += 1;
            }
        }
    })
    .await?;
    Ok(())
}

/// Turns a second: each claims a session that nobody else has and commits its record.
async fn turns(
    store: &Arc<Client<StoreWorld>>,
    sessions: usize,
    time: Duration,
) -> anyhow::Result<f64> {
    let end = Instant::now() + time;
    let done = in_flight(|worker| {
        let store = Arc::clone(store);
        async move {
            let own = sessions / IN_FLIGHT;
            let mut done = 0_usize;
            while Instant::now() < end {
                // Over all of the worker's own, far from the one before (Knuth's multiplicative hash).
                let place = done.wrapping_mul(2_654_435_761) % own;
                let partition = partition(place * IN_FLIGHT + worker);
                let owner = format!("bench#{worker}");
                let read = vec![RECORD.into()];
                let scope = CallScope::default();
                let call = store.claim(scope, partition.clone(), owner, LEASE_MS, read);
                let lease = call.await?.map_err(|error| anyhow!("{error:?}"))?;
                let entry = lease.entries.into_iter().next().flatten();
                let revision = entry.context("a session is gone")?.revision;
                let writes = record(VALUE, Expect::Revision(revision));
                let scope = CallScope::default();
                let call = store.commit(scope, partition, Some(lease.fence), writes, true);
                call.await?.map_err(|error| anyhow!("{error:?}"))?;
                done += 1;
            }
            Ok(done)
        }
    });
    Ok(per_second(done.await?, time))
}

fn of_tenants(
    setup: &Setup,
    tenants: usize,
    time: Duration,
    repeats: usize,
) -> anyhow::Result<Tenants> {
    eprintln!("   messages of {tenants} tenants");
    let bundle = setup.bundle(tenants)?;
    let path = |number: usize| {
        format!(
            "/v1/messaging/ingress/echo/t{}/default/web",
            number % tenants
        )
    };
    let (mut cpu, mut rate) = (Vec::new(), Vec::new());
    for _ in 0..repeats {
        let server = setup.start(&bundle)?;
        let mut load = UnderLoad::new(&server, setup.log(), |server| {
            delivered(server, System::Host)
        });
        let mut take = |run: &str, time: Duration| {
            let events = Events::lasting(path, run, time, MOST_PER_SECOND)?;
            load.take(events, time, Pace::Closed)
        };
        take("warm", Duration::from_secs(1))?;
        let full = take("full", time)?;
        cpu.push(full.cpu);
        rate.push(full.rate);
    }
    Ok(Tenants {
        tenants,
        cpu: Spread::of(cpu),
        rate: Spread::of(rate),
    })
}
