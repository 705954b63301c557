//! A running host: one generation, its consumer loops on every worker, and what an operator can ask of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use greentic_interfaces::model::Durability;
use greentic_sandbox::scope::CallScope;
use greentic_sandbox::worlds::bus_types::{Consumer, Message};
use greentic_types::{Direction, Id, Subject};
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::backends::Backends;
use crate::bus::Bus;
use crate::consumer::{ConsumerSettings, consume};
use crate::dead_letter::{DeadLetter, DeadLetterError, Stage};
use crate::generation::Generation;
use crate::turn::millis;

/// The consumer that runs turns.
const RUNNER: &str = "runner";
/// The consumer that delivers.
const EGRESS: &str = "egress";

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
}

/// Whether a host can do its work.
#[derive(Debug, Clone, Serialize)]
pub struct Readiness {
    /// Every needed plugin is up.
    pub ready: bool,
    /// Each of them.
    pub rows: Vec<ReadinessRow>,
}

/// One needed plugin.
#[derive(Debug, Clone, Serialize)]
pub struct ReadinessRow {
    /// The plugin.
    pub name: String,
    /// What it is needed for.
    pub role: &'static str,
    /// Whether it is up.
    pub up: bool,
    /// Why not.
    pub detail: String,
}

/// What a replay did.
#[derive(Debug, Clone, Serialize)]
pub struct Replayed {
    /// The letter.
    pub id: String,
    /// The subject it was published on again.
    pub subject: String,
}

/// A generation at work.
pub struct Host {
    generation: Arc<Generation>,
    stop: watch::Sender<bool>,
    work: parking_lot::Mutex<Vec<JoinHandle<()>>>,
    started: Instant,
}

impl Host {
    /// Starts a generation's loops on each worker. From here messages are carried.
    ///
    /// # Errors
    /// [`HostError`] when a bus does not give the consumers.
    pub async fn start(
        generation: Arc<Generation>,
        workers: &[Handle],
    ) -> Result<Arc<Self>, HostError> {
        for backends in distinct_buses(&generation) {
            open(&generation, backends, RUNNER, Direction::Ingress).await?;
            open(&generation, backends, EGRESS, Direction::Egress).await?;
        }
        let (stop, stopped) = watch::channel(false);
        let mut work = Vec::new();
        for (index, worker) in workers.iter().enumerate() {
            for backends in distinct_buses(&generation) {
                let bus = &backends.bus;
                let number = u64::try_from(index).unwrap_or_default();
                work.push(turns(
                    &generation,
                    bus,
                    number,
                    workers.len(),
                    worker,
                    stopped.clone(),
                ));
                work.push(deliveries(
                    &generation,
                    bus,
                    workers.len(),
                    worker,
                    stopped.clone(),
                ));
            }
        }
        if let Some(worker) = workers.first() {
            for backends in distinct(&generation, |backends| &backends.store_name) {
                work.push(alarms(&generation, backends, worker, stopped.clone()));
            }
            let generation = Arc::clone(&generation);
            work.push(worker.spawn(async move { generation.chores.run(stopped).await }));
        }
        generation
            .metrics
            .generation
            .set(i64::try_from(generation.number).unwrap_or(i64::MAX));
        Ok(Arc::new(Self {
            generation,
            stop,
            work: parking_lot::Mutex::new(work),
            started: Instant::now(),
        }))
    }

    /// The generation.
    #[must_use]
    pub fn generation(&self) -> &Arc<Generation> {
        &self.generation
    }

    /// How long it has been running.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// Ends the work: what was accepted is carried to its end where it would be lost with the process, then the loops stop.
    /// Returns whether all of it was done within `deadline`.
    pub async fn drain(&self, deadline: Duration) -> bool {
        let drained = tokio::time::timeout(deadline, async {
            for backends in distinct_buses(&self.generation) {
                let lasting = matches!(
                    backends.bus.descriptor().durability,
                    Durability::Disk | Durability::Replicated
                );
                while !lasting && !is_empty(&backends.bus).await {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
            let _ = self.stop.send(true);
            for backends in distinct_buses(&self.generation) {
                backends.bus.wake();
            }
            let work = std::mem::take(&mut *self.work.lock());
            for handle in work {
                let _ = handle.await;
            }
        });
        let done = drained.await.is_ok();
        let _ = self.stop.send(true);
        done
    }

    /// Whether every plugin that is needed is up.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        let mut rows = Vec::new();
        for backends in &self.generation.backends {
            let mut row = |name: &str, role, up: bool| {
                let detail = if up {
                    String::new()
                } else {
                    "its instance ended and is being replaced".to_owned()
                };
                rows.push(ReadinessRow {
                    name: name.to_owned(),
                    role,
                    up,
                    detail,
                });
            };
            row(&backends.store_name, "sessions", backends.store.is_up());
            row(&backends.bus_name, "bus", backends.bus.client().is_up());
        }
        let ready = rows.iter().all(|row| row.up) && !*self.stop.borrow();
        self.generation.metrics.ready.set(i64::from(ready));
        Readiness { ready, rows }
    }

    /// Brings the gauges up to date that nobody keeps current: queue depths, refusals, memory of the process.
    pub async fn measure(&self) {
        for backends in distinct_buses(&self.generation) {
            for (consumer, stage) in [(RUNNER, "turn"), (EGRESS, "egress")] {
                if let Ok(Ok(depth)) = backends
                    .bus
                    .client()
                    .depth(CallScope::default(), consumer.to_owned())
                    .await
                {
                    self.generation
                        .metrics
                        .queue_depth
                        .with([stage])
                        .set(i64::try_from(depth.pending).unwrap_or(i64::MAX));
                    self.generation
                        .metrics
                        .in_flight
                        .with([stage])
                        .set(i64::try_from(depth.in_flight).unwrap_or(i64::MAX));
                }
            }
        }
        self.generation
            .metrics
            .uptime
            .set(i64::try_from(self.uptime().as_secs()).unwrap_or(i64::MAX));
        if let Some(bytes) = resident_memory() {
            self.generation.metrics.process_memory.set(bytes);
        }
        let _ = self.readiness();
    }

    /// Dead letters of a tenant, or of all, oldest first; at most as many of a tenant as are kept.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn dead_letters(
        &self,
        tenant: Option<&Id>,
    ) -> Result<Vec<DeadLetter>, DeadLetterError> {
        let mut letters = Vec::new();
        let mut seen: Vec<&Id> = Vec::new();
        for (place, team) in &self.generation.teams {
            if tenant.is_some_and(|tenant| *tenant != place.tenant_id)
                || seen.contains(&&place.tenant_id)
            {
                continue;
            }
            seen.push(&place.tenant_id);
            letters.extend(
                team.backends
                    .letters
                    .all(&place.tenant_id, self.generation.limits.dead_letters.kept)
                    .await?,
            );
        }
        letters.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(letters)
    }

    /// One dead letter.
    ///
    /// # Errors
    /// [`DeadLetterError`]
    pub async fn dead_letter(&self, id: &str) -> Result<DeadLetter, DeadLetterError> {
        Ok(self.find(id).await?.2)
    }

    /// Forgets a dead letter.
    ///
    /// # Errors
    /// [`DeadLetterError`]
    pub async fn drop_letter(&self, id: &str) -> Result<(), DeadLetterError> {
        let (backends, tenant, _) = self.find(id).await?;
        backends.letters.drop_letter(&tenant, id).await
    }

    /// Publishes a dead letter again as if for the first time, and forgets it when that is confirmed.
    ///
    /// # Errors
    /// [`DeadLetterError`]; a letter of stage `ingress` holds a raw body and cannot be replayed.
    pub async fn replay(&self, id: &str) -> Result<Replayed, DeadLetterError> {
        let (backends, tenant, letter) = self.find(id).await?;
        if letter.stage == Stage::Ingress {
            return Err(DeadLetterError::NotReplayable(id.to_owned()));
        }
        // A new id: the old one was published already and would be taken for a duplicate.
        let message = Message {
            subject: letter.subject.clone(),
            id: format!("{}-replay-{}", letter.message_id, crate::clock::now_ms()),
            key: letter.key,
            trace: letter.trace,
            payload: letter.payload,
        };
        // A turn that failed left its event marked as handled; a replay is the operator's word that it is not.
        if letter.stage == Stage::Turn {
            self.generation.unmark(&backends, &message).await;
        }
        backends
            .bus
            .publish(vec![message])
            .await
            .map_err(|error| DeadLetterError::Bus(error.to_string()))?;
        backends.letters.drop_letter(&tenant, id).await?;
        Ok(Replayed {
            id: id.to_owned(),
            subject: letter.subject,
        })
    }

    async fn find(&self, id: &str) -> Result<(Arc<Backends>, Id, DeadLetter), DeadLetterError> {
        for (place, team) in &self.generation.teams {
            match team.backends.letters.get(&place.tenant_id, id).await {
                Ok(letter) => {
                    return Ok((Arc::clone(&team.backends), place.tenant_id.clone(), letter));
                }
                Err(DeadLetterError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Err(DeadLetterError::NotFound(id.to_owned()))
    }
}

fn distinct_buses(generation: &Generation) -> Vec<&Arc<Backends>> {
    distinct(generation, |backends| &backends.bus_name)
}

/// One of the backends for each plugin that `name` gives.
fn distinct(generation: &Generation, name: impl Fn(&Backends) -> &str) -> Vec<&Arc<Backends>> {
    let mut distinct: Vec<&Arc<Backends>> = Vec::new();
    for backends in &generation.backends {
        if !distinct
            .iter()
            .any(|earlier| name(earlier) == name(backends))
        {
            distinct.push(backends);
        }
    }
    distinct
}

async fn is_empty(bus: &Bus) -> bool {
    for consumer in [RUNNER, EGRESS] {
        match bus
            .client()
            .depth(CallScope::default(), consumer.to_owned())
            .await
        {
            Ok(Ok(depth)) if depth.pending + depth.in_flight == 0 => {}
            // A bus that does not answer may still have something; the drain's deadline ends the asking.
            _ => return false,
        }
    }
    true
}

async fn open(
    generation: &Generation,
    backends: &Backends,
    name: &'static str,
    direction: Direction,
) -> Result<(), HostError> {
    let limits = &generation.limits.bus;
    let consumer = Consumer {
        name: name.to_owned(),
        filter: Subject::all(direction, &generation.env).as_str().to_owned(),
        durable: true,
        inactive_ms: 0,
        max_in_flight: u32::try_from(limits.in_flight).unwrap_or(u32::MAX),
        ack_wait_ms: millis(limits.ack_wait),
    };
    backends
        .bus
        .open(consumer)
        .await
        .map_err(|error| HostError::Consumer {
            consumer: name,
            bus: backends.bus_name.clone(),
            reason: error.to_string(),
        })
}

fn settings(
    generation: &Generation,
    name: &str,
    in_flight: usize,
    workers: usize,
) -> ConsumerSettings {
    let limits = &generation.limits.bus;
    ConsumerSettings {
        name: name.to_owned(),
        batch: limits.batch.max(1),
        in_flight: (in_flight / workers.max(1)).max(1),
        wait: limits.pull_wait,
        extend: limits.extend,
    }
}

fn turns(
    generation: &Arc<Generation>,
    bus: &Arc<Bus>,
    number: u64,
    workers: usize,
    worker: &Handle,
    stop: watch::Receiver<bool>,
) -> JoinHandle<()> {
    let settings = settings(
        generation,
        RUNNER,
        generation.limits.turn.in_flight,
        workers,
    );
    let (generation, bus) = (Arc::clone(generation), Arc::clone(bus));
    worker.spawn(async move {
        consume(bus, settings, stop, move |delivery| {
            Arc::clone(&generation).handle_event(delivery, number)
        })
        .await;
    })
}

fn deliveries(
    generation: &Arc<Generation>,
    bus: &Arc<Bus>,
    workers: usize,
    worker: &Handle,
    stop: watch::Receiver<bool>,
) -> JoinHandle<()> {
    let settings = settings(generation, EGRESS, generation.limits.bus.in_flight, workers);
    let (generation, bus) = (Arc::clone(generation), Arc::clone(bus));
    worker.spawn(async move {
        consume(bus, settings, stop, move |delivery| {
            Arc::clone(&generation).handle_outgoing(delivery)
        })
        .await;
    })
}

/// Looks for conversations whose wait is over, until the generation is stopped.
fn alarms(
    generation: &Arc<Generation>,
    backends: &Arc<Backends>,
    worker: &Handle,
    mut stop: watch::Receiver<bool>,
) -> JoinHandle<()> {
    let every = generation.limits.session.alarms;
    let (generation, backends) = (Arc::clone(generation), Arc::clone(backends));
    worker.spawn(async move {
        while !*stop.borrow() {
            tokio::select! {
                () = tokio::time::sleep(every) => {}
                _ = stop.changed() => continue,
            }
            // Tenants that share a store may have buses of their own. An alarm of a channel that is gone waits for it on any.
            let bus = |subject: &str| {
                let channel = generation.channel_of(subject);
                let backends = channel
                    .as_ref()
                    .map_or(&backends, |channel| &channel.backends);
                Arc::clone(&backends.bus)
            };
            if let Err(error) = backends.alarms.ring(bus).await {
                tracing::warn!(
                    store = backends.store_name,
                    "conversations whose wait is over are not told yet: {error}"
                );
            }
        }
    })
}

/// Resident memory of this process in bytes, where the system tells it as Linux does.
fn resident_memory() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kib: i64 = line.split_whitespace().nth(1)?.parse().ok()?;
    kib.checked_mul(1_024)
}
