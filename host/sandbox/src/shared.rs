//! One supervised instance for the whole host: stores and buses.
//!
//! A plugin that cannot wait (memory backends) is called on the caller's thread behind a lock that spins before it parks. A
//! plugin that waits (network backends) is driven by a task of its own that keeps many calls in flight.
//!
//! After a fault the instance is replaced, at once the first time and then with growing pauses. Whoever makes it fail again and
//! again is found by attribution: a tenant whose calls ended it too often within a window is refused for a while, so that the
//! others keep their plugin. The numbers are the bundle's `limits.supervision`.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use greentic_types::Id;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use wasmtime::component::{Accessor, ComponentNamedList, Lift, Lower, TypedFunc};

use crate::cell::{Cell, Exports};
use crate::ctx::Ctx;
use crate::fault::{Fault, FaultKind};
use crate::plugin::Plugin;
use crate::scope::{Binding, CallScope};

type Job<E> = Box<
    dyn for<'a> FnOnce(&'a Accessor<Ctx>, &'a E) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>
        + Send,
>;

/// The one instance of a shared plugin.
pub struct Shared<E> {
    plugin: Arc<Plugin>,
    binding: Arc<Binding>,
    drive: Drive<E>,
    health: Mutex<Health>,
}

enum Drive<E> {
    Inline(Box<Mutex<Option<Cell<E>>>>),
    Task(Mutex<Option<mpsc::Sender<Job<E>>>>),
}

#[derive(Default)]
struct Health {
    recent: Vec<Instant>,
    not_before: Option<Instant>,
    last: String,
    blame: HashMap<Id, (u32, Instant)>,
    restarts: u64,
}

impl<E: Exports> Shared<E> {
    /// Starts the instance.
    ///
    /// # Errors
    /// [`Fault`] when it cannot be instantiated.
    pub async fn start(plugin: Arc<Plugin>, binding: Arc<Binding>) -> Result<Self, Fault> {
        let drive = if plugin.waits() {
            Drive::Task(Mutex::new(None))
        } else {
            Drive::Inline(Box::new(Mutex::new(None)))
        };
        let shared = Self {
            plugin,
            binding,
            drive,
            health: Mutex::new(Health::default()),
        };
        shared
            .ready()
            .await
            .map_err(|kind| shared.fault("instantiate", kind))?;
        Ok(shared)
    }

    /// The plugin.
    #[must_use]
    pub fn plugin(&self) -> &Arc<Plugin> {
        &self.plugin
    }

    /// Restarts since the start.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.health.lock().restarts
    }

    /// Whether an instance is running now.
    #[must_use]
    pub fn is_up(&self) -> bool {
        match &self.drive {
            Drive::Inline(cell) => cell.lock().is_some(),
            Drive::Task(sender) => sender
                .lock()
                .as_ref()
                .is_some_and(|sender| !sender.is_closed()),
        }
    }

    fn fault(&self, function: &'static str, kind: FaultKind) -> Fault {
        Fault {
            plugin: Arc::clone(self.plugin.name()),
            function,
            kind,
        }
    }

    /// Calls a function.
    ///
    /// # Errors
    /// [`Fault`]; the instance is replaced then.
    pub async fn call<P, R>(
        &self,
        scope: CallScope,
        function: &'static str,
        select: impl FnOnce(&E) -> Option<TypedFunc<P, R>> + Send + 'static,
        params: P,
    ) -> Result<R, Fault>
    where
        P: ComponentNamedList + Lower + Send + Sync + 'static,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        let tenant = scope.tenant.clone();
        if let Some(tenant) = &tenant
            && let Some(kind) = self.refused(tenant)
        {
            return Err(self.fault(function, kind));
        }
        if !self.is_running() {
            self.ready()
                .await
                .map_err(|kind| self.fault(function, kind))?;
        }
        let outcome = match &self.drive {
            Drive::Inline(slot) => {
                let mut slot = slot.lock();
                match slot.as_mut() {
                    Some(cell) => {
                        let outcome = cell.call_now(scope, select, params);
                        if outcome.is_err() {
                            *slot = None;
                        }
                        outcome
                    }
                    None => Err(FaultKind::Collateral),
                }
            }
            Drive::Task(slot) => {
                let sender = slot.lock().clone();
                self.call_task(sender, select, params).await
            }
        };
        outcome.map_err(|kind| {
            self.note(tenant.as_ref(), &kind);
            self.fault(function, kind)
        })
    }

    async fn call_task<P, R>(
        &self,
        sender: Option<mpsc::Sender<Job<E>>>,
        select: impl FnOnce(&E) -> Option<TypedFunc<P, R>> + Send + 'static,
        params: P,
    ) -> Result<R, FaultKind>
    where
        P: ComponentNamedList + Lower + Send + Sync + 'static,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        let Some(sender) = sender else {
            return Err(FaultKind::Collateral);
        };
        let (answer, answered) = oneshot::channel();
        let job: Job<E> = Box::new(move |accessor, exports| {
            let func = select(exports);
            Box::pin(async move {
                let Some(func) = func else { return };
                let outcome = func.call_concurrent(accessor, params).await;
                // Nobody waits any more when the caller's deadline has passed.
                let _ = answer.send(outcome.map_err(|error| format!("{error:#}")));
            })
        });
        let timeout = self.plugin.limits().call_timeout;
        let waiting = self.plugin.limits().calls_waiting;
        let sent = tokio::time::timeout(timeout, async {
            sender.send(job).await.map_err(|_| FaultKind::Collateral)?;
            match answered.await {
                Ok(Ok(value)) => Ok(value),
                Ok(Err(text)) => Err(FaultKind::Trap(
                    text.lines()
                        .next()
                        .unwrap_or_default()
                        .chars()
                        .take(300)
                        .collect(),
                )),
                Err(_) => Err(FaultKind::Collateral),
            }
        });
        match sent.await {
            Ok(outcome) => outcome,
            Err(_) if sender.capacity() == 0 => Err(FaultKind::Overloaded(waiting)),
            Err(_) => Err(FaultKind::Timeout(timeout)),
        }
    }

    fn is_running(&self) -> bool {
        match &self.drive {
            // A lock that is held is held by a call, so there is an instance.
            Drive::Inline(cell) => cell.try_lock().is_none_or(|cell| cell.is_some()),
            Drive::Task(_) => self.is_up(),
        }
    }

    /// Makes sure there is an instance, unless the last fault was too recent.
    async fn ready(&self) -> Result<(), FaultKind> {
        {
            let health = self.health.lock();
            if health.not_before.is_some_and(|at| Instant::now() < at) {
                return Err(FaultKind::Restarting(health.last.clone()));
            }
        }
        let started = Cell::start(&self.plugin, &self.binding).await;
        let cell = match started {
            Ok(cell) => cell,
            Err(kind) => {
                self.note(None, &kind);
                return Err(kind);
            }
        };
        match &self.drive {
            Drive::Inline(slot) => {
                let mut slot = slot.lock();
                if slot.is_none() {
                    *slot = Some(cell);
                }
            }
            Drive::Task(slot) => {
                let mut slot = slot.lock();
                if slot.as_ref().is_none_or(mpsc::Sender::is_closed) {
                    let (sender, jobs) = mpsc::channel(self.plugin.limits().calls_waiting.max(1));
                    tokio::spawn(drive(cell, jobs, Arc::clone(&self.plugin)));
                    *slot = Some(sender);
                }
            }
        }
        Ok(())
    }

    /// Keeps account of a fault: when to start again, and who is to blame.
    fn note(&self, tenant: Option<&Id>, kind: &FaultKind) {
        if matches!(
            kind,
            FaultKind::Timeout(_)
                | FaultKind::Overloaded(_)
                | FaultKind::Collateral
                | FaultKind::Restarting(_)
        ) {
            return;
        }
        let rules = &self.plugin.limits().supervision;
        let mut health = self.health.lock();
        let now = Instant::now();
        health
            .recent
            .retain(|at| now.duration_since(*at) < rules.window);
        health.recent.push(now);
        let failures = u32::try_from(health.recent.len()).unwrap_or(u32::MAX);
        let pause = if failures > rules.restarts {
            rules.window
        } else if failures <= 1 {
            Duration::ZERO
        } else {
            rules
                .backoff_base
                .saturating_mul(1 << (failures - 2).min(16))
                .min(rules.backoff_cap)
        };
        health.not_before = Some(now + pause);
        health.last = kind.to_string();
        health.restarts += 1;
        if let Some(tenant) = tenant {
            let entry = health.blame.entry(tenant.clone()).or_insert((0, now));
            *entry = if now.duration_since(entry.1) > rules.window {
                (1, now)
            } else {
                (entry.0.saturating_add(1), now)
            };
        }
        tracing::error!(
            plugin = &**self.plugin.name(),
            tenant = tenant.map(Id::as_str),
            "the shared plugin failed and is replaced: {kind}"
        );
    }

    fn refused(&self, tenant: &Id) -> Option<FaultKind> {
        let health = self.health.try_lock()?;
        if health.blame.is_empty() {
            return None;
        }
        let (count, last) = health.blame.get(tenant)?;
        let rules = &self.plugin.limits().supervision;
        (*count >= rules.strikes && last.elapsed() < rules.cut_off).then(|| {
            FaultKind::Restarting(format!(
                "calls of tenant `{tenant}` ended it {count} times; they are refused for {:?}",
                rules.cut_off
            ))
        })
    }
}

/// Runs an instance that waits: takes jobs as they come and keeps all of them going. Ends with the first trap, or when nobody
/// holds the sender any more.
async fn drive<E: Exports>(cell: Cell<E>, mut jobs: mpsc::Receiver<Job<E>>, plugin: Arc<Plugin>) {
    let Cell {
        mut store, exports, ..
    } = cell;
    let meter = Arc::clone(&store.data().meter);
    store
        .data_mut()
        .begin(plugin.limits(), CallScope::default());
    let limit = plugin.limits().cpu_per_call;
    let at_once = plugin.limits().calls_in_flight.max(1);
    let run = store.run_concurrent(async |accessor| {
        let mut running = FuturesUnordered::new();
        loop {
            tokio::select! {
                job = jobs.recv(), if running.len() < at_once => match job {
                    Some(job) => running.push(job(accessor, &exports)),
                    None if running.is_empty() => break,
                    None => { running.next().await; }
                },
                Some(()) = running.next(), if !running.is_empty() => {}
            }
        }
    });
    let mut run = std::pin::pin!(run);
    // Each poll is a call's worth of processor time at most: a poll that is longer is a guest that spins.
    let ended = std::future::poll_fn(|context| {
        meter.reset(limit);
        let poll = run.as_mut().poll(context);
        meter.pause();
        poll
    })
    .await;
    if let Err(error) = ended {
        tracing::error!(
            plugin = &**plugin.name(),
            "the shared instance ended: {}",
            format!("{error:#}").lines().next().unwrap_or_default()
        );
    }
}
