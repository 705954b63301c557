//! The demands on components of world `session-store`. All cases share one instance; each works in partitions of its own, also
//! beside what earlier runs left on a server.

mod history;
mod lease;
mod linear;
mod logs;
mod names;
mod values;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use greentic_interfaces::model::Error;
use greentic_sandbox::client::{Client, Policy};
use greentic_sandbox::fault::Fault;
use greentic_sandbox::scope::CallScope;
use greentic_sandbox::worlds::StoreWorld;
use greentic_sandbox::worlds::store_types::{Entry, Expect, PutOp, Write, WriteOp};

use crate::case::{Case, Stop};
use crate::sandbox::{Given, Loaded, MemoryServices, Stage};

/// A store and where it runs.
pub struct Bench<'a> {
    stage: &'a Stage,
    store: Arc<Client<StoreWorld>>,
    run: String,
    next: AtomicU32,
}

impl<'a> Bench<'a> {
    /// Starts the store.
    ///
    /// # Errors
    /// When it does not start.
    pub fn new(stage: &'a Stage, loaded: &Loaded, given: &Given) -> anyhow::Result<Self> {
        let services = MemoryServices::default();
        let store = stage.bind::<StoreWorld>(loaded, given, Policy::Shared, &services)?;
        Ok(Self {
            stage,
            store: Arc::new(store),
            run: crate::cases::run_name(),
            next: AtomicU32::new(1),
        })
    }

    /// A partition that nobody used before.
    fn partition(&self) -> String {
        let number = self.next.fetch_add(1, Ordering::SeqCst);
        format!("conformance/{}/{number}", self.run)
    }

    fn answer<T>(
        &self,
        call: impl Future<Output = Result<Result<T, Error>, Fault>>,
    ) -> Result<Result<T, Error>, Stop> {
        self.stage
            .wait(call)
            .map_err(|fault| Stop::Failed(fault.to_string()))
    }

    /// A call that must succeed.
    fn done<T>(
        &self,
        what: &str,
        call: impl Future<Output = Result<Result<T, Error>, Fault>>,
    ) -> Result<T, Stop> {
        self.answer(call)?
            .map_err(|error| Stop::Failed(format!("{what} came to {error:?}")))
    }

    fn get(&self, partition: &str, name: &str) -> Result<Option<Entry>, Stop> {
        let call = self.store.get(scope(), partition.into(), vec![name.into()]);
        let mut entries = self.done("get", call)?;
        match (entries.pop(), entries.len()) {
            (Some(entry), 0) => Ok(entry),
            _ => Err(Stop::failed(
                "one name was asked for, and not one entry came",
            )),
        }
    }

    /// The value, or nothing.
    fn value(&self, partition: &str, name: &str) -> Result<Option<Vec<u8>>, Stop> {
        Ok(self.get(partition, name)?.map(|entry| entry.value))
    }

    fn put(&self, partition: &str, name: &str, value: &[u8]) -> Result<u64, Stop> {
        self.done(
            "put",
            self.try_put(partition, name, value, Expect::Any, None),
        )
    }

    fn try_put(
        &self,
        partition: &str,
        name: &str,
        value: &[u8],
        expect: Expect,
        ttl_ms: Option<u64>,
    ) -> impl Future<Output = Result<Result<u64, Error>, Fault>> {
        self.store.put(
            scope(),
            partition.into(),
            name.into(),
            value.into(),
            expect,
            ttl_ms,
        )
    }

    fn sleep(&self, ms: u64) {
        std::thread::sleep(Duration::from_millis(ms));
    }

    /// Runs work of several clients at the same time, on the stage's threads.
    fn together<F>(&self, works: Vec<F>) -> Result<Vec<F::Output>, Stop>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        crate::cases::together(self.stage, works)
    }
}

fn scope() -> CallScope {
    CallScope::default()
}

/// A write of a value.
fn write(name: &str, value: &[u8], expect: Expect) -> Write {
    Write {
        name: name.into(),
        expect,
        op: WriteOp::Put(PutOp {
            value: value.into(),
            ttl_ms: None,
        }),
    }
}

/// All cases, in the order in which they are reported.
#[must_use]
pub fn cases<'a>() -> Vec<Case<Bench<'a>>> {
    [
        values::cases(),
        names::cases(),
        logs::cases(),
        lease::cases(),
        history::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
