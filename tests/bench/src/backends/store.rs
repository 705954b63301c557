//! Reading and committing records.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, ensure};
use greentic_conformance::sandbox::{MemoryServices, Stage};
use greentic_sandbox::client::{Client, Policy};
use greentic_sandbox::scope::CallScope;
use greentic_sandbox::worlds::StoreWorld;
use greentic_sandbox::worlds::store_types::Expect;
use greentic_sdk::session;
use greentic_test_servers::Server;

use super::{Measured, RECORD, TTL_MS, VALUE, given, in_flight, per_second, record};
use crate::redis_client::Redis;

/// Sessions that are read and written.
const SESSIONS: usize = 1_000;
/// What the component's keys begin with when the bundle says nothing.
const PREFIX: &str = "greentic";

#[derive(Clone, Copy)]
enum Work {
    Get,
    Commit,
}

pub fn measure(
    stage: &Stage,
    component: &Path,
    time: Duration,
    repeats: usize,
) -> anyhow::Result<Vec<Measured>> {
    let server = Server::redis(&[]);
    let loaded = stage.load(component)?;
    let services = MemoryServices::default();
    let given = given("redis", server.port());
    let store = stage.bind::<StoreWorld>(&loaded, &given, Policy::Shared, &services)?;
    let store = Arc::new(store);
    let native = stage.wait(Redis::connect(&server.address(), PREFIX))?;
    // Everything is there, and everything is warm.
    stage.wait(component_round(&store, Work::Commit, time / 4))?;
    stage.wait(native_round(&native, Work::Commit, time / 4))?;
    let mut all = Vec::new();
    for (work, name) in [
        (Work::Get, "store: read a record"),
        (Work::Commit, "store: commit a record"),
    ] {
        let mut rounds = Vec::new();
        for _ in 0..repeats {
            rounds.push((
                stage.wait(native_round(&native, work, time))?,
                stage.wait(component_round(&store, work, time))?,
            ));
        }
        all.push(Measured::of(name, &rounds));
    }
    Ok(all)
}

/// The partition of a worker's nth operation.
fn partition(worker: usize, turn: usize) -> String {
    format!("bench/{}", (worker * 131 + turn) % SESSIONS)
}

async fn native_round(redis: &Redis, work: Work, time: Duration) -> anyhow::Result<f64> {
    let end = Instant::now() + time;
    let done = in_flight(|worker| {
        let redis = redis.clone();
        async move {
            let mut done = 0;
            while Instant::now() < end {
                let partition = partition(worker, done);
                match work {
                    Work::Get => drop(redis.get(&partition, RECORD).await?),
                    Work::Commit => {
                        let op = session::WriteOp::Put(session::PutOp {
                            value: vec![b'x'; VALUE],
                            ttl_ms: Some(TTL_MS),
                        });
                        let (name, expect) = (RECORD.into(), session::Expect::Any);
                        let write = session::Write { name, expect, op };
                        let committed = redis.commit(&partition, None, vec![write]);
                        committed.await.context("the script `commit`")?;
                    }
                }
                done += 1;
            }
            Ok(done)
        }
    });
    Ok(per_second(done.await?, time))
}

async fn component_round(
    store: &Arc<Client<StoreWorld>>,
    work: Work,
    time: Duration,
) -> anyhow::Result<f64> {
    let end = Instant::now() + time;
    let done = in_flight(|worker| {
        let store = Arc::clone(store);
        async move {
            let mut done = 0;
            while Instant::now() < end {
                let partition = partition(worker, done);
                let failed = |error| anyhow!("{error:?}");
                match work {
                    Work::Get => {
                        let names = vec![RECORD.to_owned()];
                        let call = store.get(CallScope::default(), partition, names);
                        let found = call.await?.map_err(failed)?;
                        ensure!(found.len() == 1, "get answered {}", found.len());
                    }
                    Work::Commit => {
                        let scope = CallScope::default();
                        let writes = record(VALUE, Expect::Any);
                        let call = store.commit(scope, partition, None, writes, false);
                        let revisions = call.await?.map_err(failed)?;
                        ensure!(revisions.len() == 1, "committed {}", revisions.len());
                    }
                }
                done += 1;
            }
            Ok(done)
        }
    });
    Ok(per_second(done.await?, time))
}
