//! The line to an instance that waits: a task of its own drives it and keeps many calls in flight.
//!
//! The engine says that an instance trapped, not always which call it was. One that ran alone did it. When several ran nobody is
//! blamed, and for a while the next instance takes one call at a time, so that the next fault has a name.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use greentic_types::Id;
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use wasmtime::component::{Accessor, ComponentNamedList, Lift, Lower, TypedFunc};

use super::record::{Blame, Record};
use crate::cell::{Cell, Exports, not_exported};
use crate::ctx::Ctx;
use crate::fault::FaultKind;
use crate::scope::CallScope;

type Done = Result<(), (u64, wasmtime::Error)>;

type Job<E> = Box<
    dyn for<'a> FnOnce(&'a Accessor<Ctx>, &'a E) -> Pin<Box<dyn Future<Output = Done> + Send + 'a>>
        + Send,
>;

/// The calls an instance has begun and not finished, and how many it has finished.
#[derive(Default)]
struct Running {
    calls: Vec<(u64, Option<Id>)>,
    given_up: usize,
    finished: u64,
}

/// How an instance ended, and the call that ended it, where that is known.
#[derive(Clone)]
struct Ending {
    kind: FaultKind,
    guilty: Option<u64>,
}

/// Calls to one running instance.
pub(super) struct Line<E> {
    jobs: mpsc::Sender<Job<E>>,
    running: Arc<Mutex<Running>>,
    ended: watch::Receiver<Option<Ending>>,
    stuck: Arc<Notify>,
}

impl<E> Clone for Line<E> {
    fn clone(&self) -> Self {
        Self {
            jobs: self.jobs.clone(),
            running: Arc::clone(&self.running),
            ended: self.ended.clone(),
            stuck: Arc::clone(&self.stuck),
        }
    }
}

impl<E: Exports> Line<E> {
    /// Starts the task of an instance. It ends with the first trap, when the instance is stuck, or with the last line to it.
    pub(super) fn start(cell: Cell<E>, record: &Arc<Record>) -> Self {
        let (jobs, queue) = mpsc::channel(record.plugin.limits().calls_waiting.max(1));
        let (ending, ended) = watch::channel(None);
        let running = Arc::default();
        let stuck = Arc::new(Notify::new());
        let line = Self {
            jobs,
            running: Arc::clone(&running),
            ended,
            stuck: Arc::clone(&stuck),
        };
        let record = Arc::clone(record);
        tokio::spawn(async move {
            let ended = drive(cell, queue, &running, &stuck, &record).await;
            ending.send_replace(ended);
        });
        line
    }

    pub(super) fn is_open(&self) -> bool {
        !self.jobs.is_closed()
    }

    /// Makes a call.
    pub(super) async fn call<P, R>(
        &self,
        record: &Record,
        tenant: Option<Id>,
        select: impl FnOnce(&E) -> Option<TypedFunc<P, R>> + Send + 'static,
        params: P,
    ) -> Result<R, FaultKind>
    where
        P: ComponentNamedList + Lower + Send + Sync + 'static,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let limits = record.plugin.limits();
        let (host_calls, cpu) = (limits.host_calls, limits.cpu_per_call);
        let (answer, answered) = oneshot::channel();
        let running = Arc::clone(&self.running);
        let job: Job<E> = Box::new(move |accessor, exports| {
            let func = select(exports);
            Box::pin(async move {
                let Some(func) = func else {
                    drop(answer.send(Err(not_exported())));
                    return Ok(());
                };
                if answer.is_closed() {
                    return Ok(());
                }
                running.lock().calls.push((id, tenant));
                accessor.with(|mut access| access.get().host_calls_left = host_calls);
                let value = func
                    .call_concurrent(accessor, params)
                    .await
                    .map_err(|error| (id, error))?;
                accessor.with(|mut access| access.get().meter.reset(cpu));
                let waited_for = answer.send(Ok(value)).is_ok();
                let mut running = running.lock();
                running.finished += 1;
                running.given_up -= usize::from(!waited_for).min(running.given_up);
                running.calls.retain(|(other, _)| *other != id);
                Ok(())
            })
        });
        let before = self.running.lock().finished;
        let call = async {
            self.jobs.send(job).await.ok()?;
            answered.await.ok()
        };
        match tokio::time::timeout(limits.call_timeout, call).await {
            Ok(Some(outcome)) => outcome,
            Ok(None) => Err(self.fate(id).await),
            Err(_) => {
                let full = self.jobs.capacity() == 0;
                self.give_up(id, before, limits.calls_in_flight.max(1));
                Err(if full {
                    FaultKind::Overloaded(limits.calls_waiting)
                } else {
                    FaultKind::Timeout(limits.call_timeout)
                })
            }
        }
    }

    /// What a call that got no answer failed of: of its own doing, or because another ended the instance.
    async fn fate(&self, id: u64) -> FaultKind {
        let mut ended = self.ended.clone();
        match ended.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(ending)) if ending.guilty == Some(id) => ending.kind.clone(),
            _ => FaultKind::Collateral,
        }
    }

    /// Ends the instance when it finished nothing in a whole call's time, or works only for callers that are gone: a call
    /// cannot be taken back from it.
    fn give_up(&self, id: u64, finished_before: u64, at_once: usize) {
        let mut running = self.running.lock();
        running.given_up += usize::from(running.calls.iter().any(|(other, _)| *other == id));
        if running.finished == finished_before || running.given_up >= at_once {
            self.stuck.notify_one();
        }
    }
}

/// Takes calls as they come and keeps all of them going, until the end of the instance.
async fn drive<E: Exports>(
    cell: Cell<E>,
    mut queue: mpsc::Receiver<Job<E>>,
    running: &Mutex<Running>,
    stuck: &Notify,
    record: &Record,
) -> Option<Ending> {
    let Cell {
        mut store, exports, ..
    } = cell;
    let limits = record.plugin.limits();
    let meter = Arc::clone(&store.data().meter);
    store.data_mut().begin(limits, CallScope::default());
    meter.pause();
    let suspicious = record.suspicious_until();
    let places = || match suspicious {
        Some(until) if Instant::now() < until => 1,
        _ => limits.calls_in_flight.max(1),
    };
    let ended = {
        let run = store.run_concurrent(async |accessor| -> Done {
            let mut calls = FuturesUnordered::new();
            loop {
                tokio::select! {
                    job = queue.recv(), if calls.len() < places() => match job {
                        Some(job) => calls.push(job(accessor, &exports)),
                        None if calls.is_empty() => return Ok(()),
                        None => if let Some(done) = calls.next().await { done? },
                    },
                    Some(done) = calls.next(), if !calls.is_empty() => done?,
                }
            }
        });
        let mut run = std::pin::pin!(run);
        // The time of all polls since a call was last finished: an instance that spins finishes none.
        let polled = std::future::poll_fn(|context| {
            meter.resume();
            let poll = run.as_mut().poll(context);
            meter.pause();
            poll
        });
        tokio::select! {
            ended = polled => Some(ended),
            () = stuck.notified() => None,
        }
    };
    let running = std::mem::take(&mut *running.lock());
    let (error, named) = match ended {
        Some(Ok(Ok(()))) => return None,
        None => {
            let kind = FaultKind::Timeout(limits.call_timeout);
            record.note(&Blame::Nobody, &kind);
            return Some(Ending { kind, guilty: None });
        }
        Some(Ok(Err((id, error)))) => (error, Some(id)),
        Some(Err(error)) => (error, None),
    };
    let kind = store.data().explain(&error, limits);
    let alone = match running.calls.as_slice() {
        [(id, _)] => Some(*id),
        _ => None,
    };
    let guilty = named.or(alone);
    let blame = match running.calls.iter().find(|(id, _)| Some(*id) == guilty) {
        Some((_, tenant)) => Blame::Call(tenant.as_ref()),
        None if running.calls.is_empty() => Blame::Nobody,
        None => Blame::Unknown,
    };
    record.note(&blame, &kind);
    Some(Ending { kind, guilty })
}
