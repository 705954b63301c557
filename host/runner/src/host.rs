//! A running host: the generation that runs, those that finish, the loops over the buses, and what an operator can ask.

mod carrier;
mod changes;
mod letters;
mod swap;

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use greentic_sandbox::scope::CallScope;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::watch;

use self::carrier::{Carrier, Handler};
pub use self::letters::Replayed;
use self::swap::Past;
pub use self::swap::{GenerationRow, GenerationState, Retiring};
use crate::backends::Backends;
use crate::channel::ChannelRuntime;
use crate::generation::Generation;
use crate::health::{EVERY, Health};
use crate::lifecycle::{LifecycleError, Setup};
use crate::role::{NotShared, Role};

/// The consumer that runs turns.
const RUNNER: &str = "runner";
/// The consumer that delivers.
pub(crate) const EGRESS: &str = "egress";
/// Between two rounds of small things done again and again: dropping idle instances, asking for secrets again.
const CHORES: Duration = Duration::from_secs(5);

/// Why a generation could not be started.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The bus does not give a consumer.
    #[error("the consumer `{consumer}` cannot be opened on bus `{bus}`: {reason}")]
    Consumer {
        /// Which.
        consumer: &'static str,
        /// The bus plugin.
        bus: String,
        /// What it said.
        reason: String,
    },
    /// Buses were exchanged just now, and are exchanged again.
    #[error(
        "the bus `{0}` of an earlier generation still has messages; try again when they are handled (`GET /admin/v1/generations` shows it)"
    )]
    Draining(String),
    /// This process does a part of the work, over a backend it shares with nobody.
    #[error(transparent)]
    NotShared(#[from] NotShared),
}

/// Whether a host can do its work.
#[derive(Debug, Clone, Serialize)]
pub struct Readiness {
    /// Every needed plugin is up, and what it speaks to answers.
    pub ready: bool,
    /// Each of them.
    pub rows: Vec<ReadinessRow>,
}

/// One needed plugin, with what it speaks to.
#[derive(Debug, Clone, Serialize)]
pub struct ReadinessRow {
    /// The plugin.
    pub name: String,
    /// What it is needed for.
    pub role: &'static str,
    /// Whether it can be used.
    pub up: bool,
    /// Why not.
    pub detail: String,
}

/// Generations at work.
pub struct Host {
    current: Arc<ArcSwap<Generation>>,
    carriers: Mutex<Vec<Arc<Carrier>>>,
    /// Generations that were current and still have something to finish, oldest first.
    retiring: Arc<Mutex<Vec<Arc<Generation>>>>,
    past: Mutex<Vec<Past>>,
    health: Arc<Health>,
    workers: Vec<Handle>,
    role: Role,
    stop: watch::Sender<bool>,
    started: Instant,
    /// By which address the platforms reach the channels.
    origin: Mutex<Option<String>>,
}

impl Host {
    /// Starts the loops of a role on each worker. From here messages are carried.
    ///
    /// # Errors
    /// [`HostError`] when a bus does not give the consumers, or the role's backends are shared with nobody.
    pub async fn start(
        generation: Arc<Generation>,
        workers: &[Handle],
        role: Role,
    ) -> Result<Arc<Self>, HostError> {
        role.check(&generation)?;
        let host = Arc::new(Self {
            current: Arc::new(ArcSwap::new(Arc::clone(&generation))),
            carriers: Mutex::default(),
            retiring: Arc::default(),
            past: Mutex::default(),
            health: Arc::default(),
            workers: workers.to_vec(),
            role,
            stop: watch::channel(false).0,
            started: Instant::now(),
            origin: Mutex::default(),
        });
        for backends in distinct_buses(&generation) {
            carrier::open(&generation, (&backends.bus, &backends.bus_name)).await?;
        }
        for backends in distinct_buses(&generation) {
            host.carry(backends, &generation, &[]);
        }
        host.note_started(&generation);
        if let Some(worker) = workers.first() {
            let (current, mut stop) = (Arc::clone(&host.current), host.stop.subscribe());
            let health = Arc::clone(&host.health);
            worker.spawn(async move {
                while !*stop.borrow() {
                    let generation = current.load_full();
                    health.ask(&generation).await;
                    drop(generation);
                    tokio::select! {
                        () = tokio::time::sleep(EVERY) => {}
                        _ = stop.changed() => {}
                    }
                }
            });
        }
        if role.runs_turns()
            && let Some(worker) = workers.first()
        {
            let (current, mut stop) = (Arc::clone(&host.current), host.stop.subscribe());
            worker.spawn(async move {
                while !*stop.borrow() {
                    let generation = current.load_full();
                    let every = generation.limits.session.alarms;
                    ring(&generation).await;
                    drop(generation);
                    tokio::select! {
                        () = tokio::time::sleep(every) => {}
                        _ = stop.changed() => {}
                    }
                }
            });
        }
        if let Some(worker) = workers.first() {
            let (weak, mut stop) = (Arc::downgrade(&host), host.stop.subscribe());
            worker.spawn(async move {
                while !*stop.borrow() {
                    let Some(host) = weak.upgrade() else { return };
                    for generation in host.earlier() {
                        generation.shrink();
                    }
                    host.generation().refresh().await;
                    drop(host);
                    tokio::select! {
                        () = tokio::time::sleep(CHORES) => {}
                        _ = stop.changed() => {}
                    }
                }
            });
        }
        Ok(host)
    }

    /// Starts the loops over a bus; what is on it waits for those `after` which it comes.
    fn carry(&self, backends: &Backends, generation: &Generation, after: &[Arc<Carrier>]) {
        let handler = Handler {
            current: Arc::clone(&self.current),
            left_to: None.into(),
            retiring: Arc::clone(&self.retiring),
        };
        let carrier = Carrier::start(
            (&backends.bus, &backends.bus_name),
            handler,
            generation,
            (&self.workers, self.role),
            (after, generation.limits.generation.drain),
        );
        self.carriers.lock().push(carrier);
    }

    /// Sets the channels of the running generation up with their platforms on a worker, which reach the host as `origin`; none when the
    /// bundle does not say. Those that are set up already are left alone. To be called once the channels are served: a platform may
    /// call back before it answers.
    pub fn set_up_channels(&self, origin: Option<String>, worker: &Handle) {
        (*self.origin.lock()).clone_from(&origin);
        if !self.role.serves() {
            return;
        }
        let channels = self.generation().channels().values().cloned().collect();
        worker.spawn(crate::lifecycle::set_up_all(
            channels,
            origin,
            self.stop.subscribe(),
        ));
    }

    /// Takes those channels of an earlier generation down that the running one does not have any more. One that was changed is
    /// set up by its successor and not tried again.
    pub fn tear_down_gone(&self, before: Arc<Generation>, worker: &Handle) {
        if !self.role.serves() {
            return;
        }
        let now = self.generation();
        let mut gone = Vec::new();
        for (place, channel) in before.channels() {
            let stays = now.channels().get(place);
            if stays.is_some_and(|stays| Arc::ptr_eq(stays, channel)) {
                continue;
            }
            if let Some(lifecycle) = &channel.lifecycle {
                lifecycle.end();
                if stays.is_none() {
                    gone.push(Arc::clone(channel));
                }
            }
        }
        worker.spawn(async move {
            for channel in gone {
                // The log has the reason of a failure; the channel is gone all the same.
                let _ = channel.tear_down().await;
            }
            drop(before);
        });
    }

    /// Sets one channel up with its platform, `provider/tenant/team/channel`, also where it was before.
    ///
    /// # Errors
    /// [`LifecycleError`]
    pub async fn set_up(&self, place: &str) -> Result<Vec<String>, LifecycleError> {
        let origin = self.origin.lock().clone();
        self.channel(place)?.set_up(origin.as_deref()).await
    }

    /// Takes one channel down from its platform.
    ///
    /// # Errors
    /// [`LifecycleError`]
    pub async fn tear_down(&self, place: &str) -> Result<(), LifecycleError> {
        self.channel(place)?.tear_down().await
    }

    fn channel(&self, place: &str) -> Result<Arc<ChannelRuntime>, LifecycleError> {
        let found = self.generation().channels().get(place).cloned();
        found.ok_or_else(|| LifecycleError::Unknown(place.to_owned()))
    }

    /// Which part of the work this process does.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// The generation that runs.
    #[must_use]
    pub fn generation(&self) -> Arc<Generation> {
        self.current.load_full()
    }

    /// How long the host has been running.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// Ends the work: what was accepted is carried to its end where it would be lost with the process, then the loops stop.
    /// Returns whether all of it was done within `deadline`.
    pub async fn drain(&self, deadline: Duration) -> bool {
        let carriers = self.carriers.lock().clone();
        let drained = tokio::time::timeout(deadline, async {
            for carrier in &carriers {
                let lasting = carrier.bus.outlives_process();
                while !lasting && !carrier.is_empty().await {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
            let _ = self.stop.send_replace(true);
            for carrier in &carriers {
                carrier.stop();
            }
            for carrier in &carriers {
                carrier.end().await;
            }
        });
        let done = drained.await.is_ok();
        let _ = self.stop.send_replace(true);
        for carrier in &carriers {
            carrier.stop();
        }
        done
    }

    /// Whether every plugin that is needed is up and its server answered when it was asked last.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        let generation = self.generation();
        let mut rows: Vec<_> = self
            .health
            .seen(&generation)
            .into_iter()
            .map(|seen| ReadinessRow {
                name: seen.name,
                role: seen.role,
                up: seen.fault.is_none(),
                detail: seen.fault.unwrap_or_default(),
            })
            .collect();
        let ready = rows.iter().all(|row| row.up) && !*self.stop.borrow();
        generation.metrics.ready.set(i64::from(ready));
        // A platform that does not take its setup keeps nobody else from working.
        rows.extend(generation.channels().values().filter_map(|channel| {
            let Setup::Failed(detail) = channel.lifecycle.as_ref()?.state() else {
                return None;
            };
            Some(ReadinessRow {
                name: channel.reference.to_string(),
                role: "setup",
                up: false,
                detail,
            })
        }));
        Readiness { ready, rows }
    }

    /// Brings the gauges up to date that nobody keeps current: queue depths, refusals, memory of the process.
    pub async fn measure(&self) {
        let generation = self.generation();
        let buses: Vec<_> = {
            let carriers = self.carriers.lock();
            carriers.iter().map(|one| Arc::clone(&one.bus)).collect()
        };
        for (consumer, stage) in [(RUNNER, "turn"), (EGRESS, "egress")] {
            let (mut pending, mut in_flight) = (0_u64, 0_u64);
            for bus in &buses {
                let depth = bus
                    .client()
                    .depth(CallScope::default(), consumer.to_owned());
                if let Ok(Ok(depth)) = depth.await {
                    pending = pending.saturating_add(depth.pending);
                    in_flight = in_flight.saturating_add(depth.in_flight);
                }
            }
            let metrics = &generation.metrics;
            let gauge = |value| i64::try_from(value).unwrap_or(i64::MAX);
            metrics.queue_depth.with([stage]).set(gauge(pending));
            metrics.in_flight.with([stage]).set(gauge(in_flight));
        }
        generation
            .metrics
            .uptime
            .set(i64::try_from(self.uptime().as_secs()).unwrap_or(i64::MAX));
        if let Some(bytes) = resident_memory() {
            generation.metrics.process_memory.set(bytes);
        }
        let _ = self.readiness();
    }
}

fn distinct_buses(generation: &Generation) -> Vec<&Arc<Backends>> {
    distinct(generation, |one, other| Arc::ptr_eq(&one.bus, &other.bus))
}

/// One of the backends for each that `same` tells apart.
fn distinct(
    generation: &Generation,
    same: impl Fn(&Backends, &Backends) -> bool,
) -> Vec<&Arc<Backends>> {
    let mut distinct: Vec<&Arc<Backends>> = Vec::new();
    for backends in &generation.backends {
        if !distinct.iter().any(|earlier| same(earlier, backends)) {
            distinct.push(backends);
        }
    }
    distinct
}

/// Looks once for conversations whose wait is over, in every store that is bound.
async fn ring(generation: &Generation) {
    for backends in distinct(generation, |one, other| {
        Arc::ptr_eq(&one.store, &other.store)
    }) {
        // Tenants that share a store may have buses of their own. An alarm of a channel that is gone waits for it on any.
        let bus = |subject: &str| {
            let channel = generation.channel_of(subject);
            let backends = channel
                .as_ref()
                .map_or(backends, |channel| &channel.backends);
            Arc::clone(&backends.bus)
        };
        if let Err(error) = backends.alarms.ring(bus).await {
            tracing::warn!(
                store = backends.store_name,
                "conversations whose wait is over are not told yet: {error}"
            );
        }
    }
}

/// Resident memory of this process in bytes, where the system tells it as Linux does.
fn resident_memory() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kib: i64 = line.split_whitespace().nth(1)?.parse().ok()?;
    kib.checked_mul(1_024)
}
