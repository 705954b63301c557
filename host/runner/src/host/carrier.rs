//! The loops over one bus. They outlive generations: a bus that stays bound is pulled from without a pause, and each message is
//! handled by the generation that runs when it comes.
//!
//! A bus that the new generation does not have is left to the old one: it empties it to its end, and what is on the bus that takes
//! its place waits for that, so that no message overtakes another of its conversation.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use greentic_sandbox::scope::CallScope;
use greentic_sandbox::worlds::bus_types::{Consumer, Delivery, Outcome};
use greentic_types::{Direction, Subject};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{EGRESS, HostError, RUNNER};
use crate::bus::Bus;
use crate::consumer::{ConsumerSettings, consume};
use crate::generation::Generation;
use crate::role::Role;
use crate::turn::millis;

/// Which generation handles a message of a bus.
pub(super) struct Handler {
    /// The one that runs.
    pub current: Arc<ArcSwap<Generation>>,
    /// The one the bus was left to.
    pub left_to: ArcSwapOption<Generation>,
    /// Those before the one that runs, while they finish.
    pub retiring: Arc<Mutex<Vec<Arc<Generation>>>>,
}

impl Handler {
    /// The generation for a message of this subject. A channel that is gone has its last messages handled by the last generation
    /// that had it.
    fn generation(&self, subject: &str) -> Arc<Generation> {
        let generation = self
            .left_to
            .load_full()
            .unwrap_or_else(|| self.current.load_full());
        if generation.has(subject) {
            return generation;
        }
        let retiring = self.retiring.lock();
        let had = retiring.iter().rev().find(|earlier| earlier.has(subject));
        had.map_or(generation, Arc::clone)
    }

    async fn turn(self: Arc<Self>, delivery: Delivery, worker: u64) -> Outcome {
        let generation = self.generation(&delivery.message.subject);
        generation.handle_event(delivery, worker).await
    }

    async fn deliver(self: Arc<Self>, delivery: Delivery) -> Outcome {
        let generation = self.generation(&delivery.message.subject);
        generation.handle_outgoing(delivery).await
    }
}

/// The loops of one bus, on every worker.
pub(super) struct Carrier {
    pub bus: Arc<Bus>,
    pub name: String,
    pub handler: Arc<Handler>,
    stop: watch::Sender<bool>,
    work: Mutex<Vec<JoinHandle<()>>>,
    ended: watch::Sender<bool>,
}

impl Carrier {
    /// Starts the loops. They begin to pull when each of `after` has ended, or when they waited for it so long.
    pub fn start(
        (bus, name): (&Arc<Bus>, &str),
        handler: Handler,
        generation: &Generation,
        (workers, role): (&[Handle], Role),
        after: (&[Arc<Self>], Duration),
    ) -> Arc<Self> {
        let carrier = Arc::new(Self {
            bus: Arc::clone(bus),
            name: name.to_owned(),
            handler: Arc::new(handler),
            stop: watch::channel(false).0,
            work: Mutex::default(),
            ended: watch::channel(false).0,
        });
        let (before, patience) = after;
        let waits: Vec<_> = before.iter().map(|one| one.ended.subscribe()).collect();
        let begin = tokio::time::Instant::now() + patience;
        let mut work = Vec::new();
        for (number, worker) in (0_u64..).zip(workers) {
            let turns = settings(
                generation,
                RUNNER,
                generation.limits.turn.in_flight,
                workers.len(),
            );
            let deliveries = settings(
                generation,
                EGRESS,
                generation.limits.bus.in_flight,
                workers.len(),
            );
            let ready = move |waits: Vec<watch::Receiver<bool>>| async move {
                for mut ended in waits {
                    // Its sender is gone with the loops themselves.
                    let over = ended.wait_for(|ended| *ended);
                    let _ = tokio::time::timeout_at(begin, over).await;
                }
            };
            let here = || {
                let (bus, handler) = (Arc::clone(bus), Arc::clone(&carrier.handler));
                (bus, handler, carrier.stop.subscribe(), waits.clone())
            };
            if role.runs_turns() {
                let (bus, handler, stop, before) = here();
                work.push(worker.spawn(async move {
                    ready(before).await;
                    consume(bus, turns, stop, move |delivery| {
                        Arc::clone(&handler).turn(delivery, number)
                    })
                    .await;
                }));
            }
            if role.delivers() {
                let (bus, handler, stop, before) = here();
                work.push(worker.spawn(async move {
                    ready(before).await;
                    consume(bus, deliveries, stop, move |delivery| {
                        Arc::clone(&handler).deliver(delivery)
                    })
                    .await;
                }));
            }
        }
        *carrier.work.lock() = work;
        carrier
    }

    /// Whether the bus was left to an earlier generation.
    pub fn is_left(&self) -> bool {
        self.handler.left_to.load().is_some()
    }

    /// Whether nothing waits on the bus and nothing of it is being worked on.
    pub async fn is_empty(&self) -> bool {
        // Turns first: what they send goes out before they are settled.
        for consumer in [RUNNER, EGRESS] {
            match self
                .bus
                .client()
                .depth(CallScope::default(), consumer.to_owned())
                .await
            {
                Ok(Ok(depth)) if depth.pending + depth.in_flight == 0 => {}
                // A bus that does not answer may still have something.
                _ => return false,
            }
        }
        true
    }

    /// Ends the loops when they have finished what they began.
    pub async fn end(&self) {
        let _ = self.stop.send_replace(true);
        self.bus.wake();
        let work = std::mem::take(&mut *self.work.lock());
        for handle in work {
            let _ = handle.await;
        }
        self.ended.send_replace(true);
    }

    /// Tells the loops to end and does not wait.
    pub fn stop(&self) {
        let _ = self.stop.send_replace(true);
        self.bus.wake();
    }
}

/// Opens both consumers of a bus.
pub(super) async fn open(
    generation: &Generation,
    (bus, bus_name): (&Bus, &str),
) -> Result<(), HostError> {
    for (name, direction) in [(RUNNER, Direction::Ingress), (EGRESS, Direction::Egress)] {
        let limits = &generation.limits.bus;
        let consumer = Consumer {
            name: name.to_owned(),
            filter: Subject::all(direction, &generation.env).as_str().to_owned(),
            durable: true,
            inactive_ms: 0,
            max_in_flight: u32::try_from(limits.in_flight).unwrap_or(u32::MAX),
            ack_wait_ms: millis(limits.ack_wait),
        };
        bus.open(consumer)
            .await
            .map_err(|error| HostError::Consumer {
                consumer: name,
                bus: bus_name.to_owned(),
                reason: error.to_string(),
            })?;
    }
    Ok(())
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
