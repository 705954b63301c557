//! Taking over a new generation in one step, and letting the old one finish.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::carrier::{self, Carrier};
use super::{Host, HostError, distinct_buses};
use crate::channel::ChannelRuntime;
use crate::generation::Generation;

/// Between two looks whether something is finished.
const LOOK: Duration = Duration::from_millis(10);

/// How a generation is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GenerationState {
    /// It serves.
    Running,
    /// Another one serves; what it accepted is being finished.
    Draining,
    /// It is over.
    Ended,
}

/// One generation of this process, for an operator.
#[derive(Debug, Clone, Serialize)]
pub struct GenerationRow {
    /// Its number.
    pub number: u64,
    /// When it began to serve, in milliseconds since 1970.
    pub at_ms: u64,
    /// The digest of its bundle and packs.
    pub digest: String,
    /// How it is doing.
    pub state: GenerationState,
    /// What it changed about the one before, a line each.
    pub changes: Vec<String>,
    /// Buses it still empties.
    pub buses: Vec<String>,
    /// Whether a rollback can go back to it.
    pub kept: bool,
    /// The generation it brought back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rolled_back_to: Option<u64>,
}

/// A generation of this process.
pub(super) struct Past {
    row: GenerationRow,
    whole: Option<Arc<Generation>>,
}

/// Rows that are kept of generations that are over.
const ROWS: usize = 100;

impl Host {
    pub(super) fn note_started(&self, generation: &Arc<Generation>) {
        self.note(generation, Vec::new(), None);
    }

    fn note(
        &self,
        generation: &Arc<Generation>,
        changes: Vec<String>,
        rolled_back_to: Option<u64>,
    ) {
        generation.takes_over();
        generation
            .metrics
            .generation
            .set(i64::try_from(generation.number).unwrap_or(i64::MAX));
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let row = GenerationRow {
            number: generation.number,
            at_ms: now.map_or(0, |since| {
                u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
            }),
            digest: generation.digest(),
            state: GenerationState::Running,
            changes,
            buses: Vec::new(),
            kept: true,
            rolled_back_to,
        };
        let mut past = self.past.lock();
        self.current.store(Arc::clone(generation));
        past.push(Past {
            row,
            whole: Some(Arc::clone(generation)),
        });
        // The one that runs, and so many before it.
        let kept = generation.limits.generation.kept.saturating_add(1);
        let older = past.len().saturating_sub(kept);
        for over in past.iter_mut().take(older) {
            over.whole = None;
        }
        let surplus = past.len().saturating_sub(ROWS.max(kept));
        past.drain(..surplus);
    }

    /// The generations of this process, newest first.
    #[must_use]
    pub fn generations(&self) -> Vec<GenerationRow> {
        let past = self.past.lock();
        // Under the same lock as it is exchanged: one of them is always the one that runs.
        let current = self.generation().number;
        let retiring: Vec<u64> = self.retiring.lock().iter().map(|one| one.number).collect();
        let carriers = self.carriers.lock();
        let rows = past.iter().rev().map(|one| {
            let number = one.row.number;
            let left = carriers.iter().filter(|carrier| {
                let left_to = carrier.handler.left_to.load();
                left_to.as_ref().is_some_and(|to| to.number == number)
            });
            GenerationRow {
                state: if number == current {
                    GenerationState::Running
                } else if retiring.contains(&number) {
                    GenerationState::Draining
                } else {
                    GenerationState::Ended
                },
                buses: left.map(|carrier| carrier.name.clone()).collect(),
                kept: one.whole.is_some(),
                ..one.row.clone()
            }
        });
        rows.collect()
    }

    /// The generations a new one can take over from, the running one first.
    #[must_use]
    pub fn earlier(&self) -> Vec<Arc<Generation>> {
        let current = self.generation();
        let past = self.past.lock();
        let whole = past.iter().rev().filter_map(|one| one.whole.clone());
        std::iter::once(Arc::clone(&current))
            .chain(whole.filter(|one| !Arc::ptr_eq(one, &current)))
            .collect()
    }

    /// The generation a rollback goes back to: the one with this number, or the last one before the one that runs that was another.
    #[must_use]
    pub fn to_go_back_to(&self, number: Option<u64>) -> Option<Arc<Generation>> {
        let current = self.generation();
        self.earlier().into_iter().find(|one| match number {
            Some(number) => one.number == number,
            None => one.digest() != current.digest() && one.number < current.number,
        })
    }

    /// Serves with another generation from now on. What the one before accepted is finished by it: call [`Host::retire`] with
    /// what this returns once nothing new can reach it.
    ///
    /// # Errors
    /// [`HostError`]; nothing has changed then.
    pub async fn swap(
        self: &Arc<Self>,
        new: Arc<Generation>,
        rolled_back_to: Option<u64>,
    ) -> Result<Retiring, HostError> {
        self.role.check(&new)?;
        let old = self.generation();
        let buses = distinct_buses(&new);
        let has = |carrier: &Arc<Carrier>| {
            buses
                .iter()
                .any(|backends| Arc::ptr_eq(&backends.bus, &carrier.bus))
        };
        let carriers = self.carriers.lock().clone();
        let (stay, leave): (Vec<_>, Vec<_>) = carriers
            .into_iter()
            .filter(|carrier| !carrier.is_left())
            .partition(has);
        let fresh: Vec<_> = buses
            .iter()
            .filter(|backends| {
                !stay
                    .iter()
                    .any(|carrier| Arc::ptr_eq(&carrier.bus, &backends.bus))
            })
            .collect();
        if !fresh.is_empty() || !leave.is_empty() {
            self.wait_for_left(new.limits.generation.drain).await?;
        }
        for backends in &fresh {
            carrier::open(&new, (&backends.bus, &backends.bus_name)).await?;
        }
        // From here on nothing fails and nothing waits.
        let changes = super::changes::between(&old, &new);
        for carrier in &leave {
            carrier.handler.left_to.store(Some(Arc::clone(&old)));
        }
        for backends in &fresh {
            self.carry(backends, &new, &leave);
        }
        let (handed_over, to_empty): (Vec<_>, Vec<_>) = leave.into_iter().partition(|carrier| {
            let mut successors = fresh.iter();
            successors.any(|backends| backends.bus.shares_messages_with(&carrier.bus))
        });
        for carrier in &handed_over {
            carrier.stop();
        }
        self.retiring.lock().push(Arc::clone(&old));
        self.note(&new, changes.clone(), rolled_back_to);
        let channels = old.without(&new);
        Ok(Retiring {
            old,
            handed_over,
            to_empty,
            channels,
            changes,
        })
    }

    /// Buses that were left have to be empty before others are left: order is kept between two buses, not among three.
    async fn wait_for_left(&self, patience: Duration) -> Result<(), HostError> {
        let end = Instant::now() + patience;
        loop {
            let left = {
                let carriers = self.carriers.lock();
                let left = carriers.iter().find(|carrier| carrier.is_left());
                left.map(|carrier| carrier.name.clone())
            };
            let Some(left) = left else { return Ok(()) };
            if Instant::now() >= end {
                return Err(HostError::Draining(left));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Lets a generation finish: sockets of channels that are gone or changed are closed, buses it was left with are emptied, or
    /// handed over where their successor has the same messages, and their loops end. `idle` is over when no request is on its way in
    /// it any more.
    pub async fn retire(&self, retiring: Retiring, idle: impl Future<Output = ()>) {
        let Retiring {
            old,
            handed_over,
            to_empty,
            channels,
            ..
        } = retiring;
        for channel in &channels {
            channel.retired.send_replace(true);
        }
        let begun = Instant::now();
        // What they have not begun is their successor's, which waits for them.
        for carrier in &handed_over {
            self.end(carrier).await;
        }
        idle.await;
        while channels
            .iter()
            .any(|channel| Arc::strong_count(&channel.open) > 1)
        {
            tokio::time::sleep(LOOK).await;
        }
        // Nobody publishes to them any more but their own turns.
        for carrier in &to_empty {
            let mut told = false;
            while !carrier.is_empty().await {
                if !told && begun.elapsed() > old.limits.generation.drain {
                    told = true;
                    tracing::warn!(
                        generation = old.number,
                        bus = carrier.name,
                        "the bus of the old generation still has messages; they go on being handled, and new ones no longer wait for them (key `limits.generation.drain`)"
                    );
                }
                tokio::time::sleep(LOOK).await;
            }
            self.end(carrier).await;
        }
        if !channels.is_empty() {
            self.settle(&old).await;
        }
        self.retiring
            .lock()
            .retain(|other| !Arc::ptr_eq(other, &old));
        tracing::info!(
            generation = old.number,
            took = ?begun.elapsed(),
            "the old generation is done"
        );
    }

    /// Ends the loops of a bus that was left.
    async fn end(&self, carrier: &Arc<Carrier>) {
        carrier.end().await;
        self.carriers
            .lock()
            .retain(|other| !Arc::ptr_eq(other, carrier));
    }

    /// Channels that are gone may have messages on buses that stay: until those were empty once, or for so long as a drain takes,
    /// the old generation is there to handle them.
    async fn settle(&self, old: &Generation) {
        let end = Instant::now() + old.limits.generation.drain;
        let carriers = self.carriers.lock().clone();
        for carrier in carriers {
            while Instant::now() < end && !carrier.is_empty().await {
                tokio::time::sleep(LOOK).await;
            }
        }
    }
}

/// A generation that was current a moment ago.
pub struct Retiring {
    old: Arc<Generation>,
    /// Buses that were left and whose messages their successor has.
    handed_over: Vec<Arc<Carrier>>,
    /// Buses that were left with messages of their own.
    to_empty: Vec<Arc<Carrier>>,
    channels: Vec<Arc<ChannelRuntime>>,
    /// What the new one changed, a line each.
    pub changes: Vec<String>,
}
