//! Reading and committing records.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{anyhow, ensure};
use greentic_conformance::sandbox::{MemoryServices, Stage};
use greentic_sandbox::client::{Client, Policy};
use greentic_sandbox::scope::CallScope;
use greentic_sandbox::worlds::StoreWorld;
use greentic_sandbox::worlds::store_types::{Expect, PutOp, Write, WriteOp};
use greentic_test_servers::Server;
use redis::aio::MultiplexedConnection;
use store_redis::keys::{Keys, escaped};
use store_redis::script::Script;
use tokio::task::JoinSet;

use super::{IN_FLIGHT, Measured, VALUE, given, per_second};

/// A record's life: longer than the measurement.
const TTL_MS: u64 = 600_000;
/// Sessions that are read and written.
const SESSIONS: usize = 1_000;
/// The record's name in its partition.
const NAME: &str = "record";
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
    let address = format!("redis://{}", server.address());
    let native = stage.wait(async {
        let client = redis::Client::open(address)?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        let name: String = redis::cmd("SCRIPT")
            .arg("LOAD")
            .arg(Script::Commit.source())
            .query_async(&mut connection)
            .await?;
        anyhow::Ok(Native {
            connection,
            script: Arc::from(name),
        })
    })?;
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

#[derive(Clone)]
struct Native {
    connection: MultiplexedConnection,
    script: Arc<str>,
}

/// The partition of a worker's nth operation.
fn partition(worker: usize, turn: usize) -> String {
    format!("bench/{}", (worker * 131 + turn) % SESSIONS)
}

async fn native_round(native: &Native, work: Work, time: Duration) -> anyhow::Result<f64> {
    let end = Instant::now() + time;
    let mut workers = JoinSet::new();
    for worker in 0..IN_FLIGHT {
        let mut native = native.clone();
        workers.spawn(async move {
            let keys = Keys::new(PREFIX);
            let value = vec![b'x'; VALUE];
            let mut done = 0;
            while Instant::now() < end {
                let partition = partition(worker, done);
                let key = keys.value(&partition, NAME);
                match work {
                    Work::Get => {
                        let found: Vec<Option<Vec<u8>>> = redis::cmd("MGET")
                            .arg(key)
                            .query_async(&mut native.connection)
                            .await?;
                        ensure!(found.len() == 1, "MGET answered {}", found.len());
                    }
                    Work::Commit => {
                        let revisions: Vec<u64> = redis::cmd("EVALSHA")
                            .arg(&*native.script)
                            .arg(3)
                            .arg(keys.holder(&partition))
                            .arg(keys.index())
                            .arg(key)
                            .arg("")
                            .arg("0")
                            .arg(escaped(&partition))
                            .arg(NAME)
                            .arg("")
                            .arg(TTL_MS)
                            .arg(&value)
                            .query_async(&mut native.connection)
                            .await?;
                        ensure!(revisions.len() == 1, "committed {}", revisions.len());
                    }
                }
                done += 1;
            }
            anyhow::Ok(done)
        });
    }
    total(workers, time).await
}

async fn component_round(
    store: &Arc<Client<StoreWorld>>,
    work: Work,
    time: Duration,
) -> anyhow::Result<f64> {
    let end = Instant::now() + time;
    let mut workers = JoinSet::new();
    for worker in 0..IN_FLIGHT {
        let store = Arc::clone(store);
        workers.spawn(async move {
            let mut done = 0;
            while Instant::now() < end {
                let partition = partition(worker, done);
                let failed = |error| anyhow!("{error:?}");
                match work {
                    Work::Get => {
                        let names = vec![NAME.to_owned()];
                        let call = store.get(CallScope::default(), partition, names);
                        let found = call.await?.map_err(failed)?;
                        ensure!(found.len() == 1, "get answered {}", found.len());
                    }
                    Work::Commit => {
                        let op = WriteOp::Put(PutOp {
                            value: vec![b'x'; VALUE],
                            ttl_ms: Some(TTL_MS),
                        });
                        let write = Write {
                            name: NAME.into(),
                            expect: Expect::Any,
                            op,
                        };
                        let scope = CallScope::default();
                        let call = store.commit(scope, partition, None, vec![write], false);
                        let revisions = call.await?.map_err(failed)?;
                        ensure!(revisions.len() == 1, "committed {}", revisions.len());
                    }
                }
                done += 1;
            }
            anyhow::Ok(done)
        });
    }
    total(workers, time).await
}

async fn total(mut workers: JoinSet<anyhow::Result<usize>>, time: Duration) -> anyhow::Result<f64> {
    let mut all = 0;
    while let Some(done) = workers.join_next().await {
        all += done??;
    }
    Ok(per_second(all, time))
}
