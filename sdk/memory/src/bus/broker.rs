//! The semantics of `greentic:bus/bus`: who gets what, and what is refused.
//!
//! Time is two numbers the caller gives: a monotonic one for waits and the wall clock for what consumers are told. Nothing
//! happens between calls: a delivery that was out too long is found by the next pull, and [`Batch::next_ms`] says when that is due.

use std::hash::BuildHasher;

use greentic_sdk::bus::check;
use greentic_sdk::bus::queue::Queue;
use greentic_sdk::bus::subject::{filter_fault, selects};
use greentic_sdk::bus::{Ack, Batch, Consumer, Delivery, Message, QueueDepth, Settlement};
use greentic_sdk::config;
use greentic_sdk::hash::{EntryRef, Map, State};
use greentic_sdk::model::Error;
use slab::Slab;

use crate::bus::dedupe::Dedupe;
use crate::bus::stored::Stored;

/// Largest payload in bytes.
pub const MAX_PAYLOAD: u64 = 8 * 1024 * 1024;
/// Most messages of one publish and deliveries of one pull, as the contract says.
pub const MAX_BATCH: usize = 256;
/// Most consumers there can be.
const MAX_CONSUMERS: usize = 4096;
/// Subjects whose consumers are remembered. Subjects name channels, not people: there are rarely more.
const MAX_ROUTES: usize = 16_384;
/// What a message costs beside its bytes, for itself and for each consumer.
const MESSAGE_COST: u64 = 200;
const ENTRY_COST: u64 = 120;

/// How long a message id is remembered when the bundle does not say: two minutes, as JetStream has it.
pub const DEFAULT_DEDUPE_WINDOW_MS: u64 = 120_000;

/// The bounds of a broker.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most messages kept.
    pub max_messages: usize,
    /// Most bytes kept, by the broker's own count.
    pub max_bytes: u64,
    /// How long an id is remembered, in milliseconds.
    pub dedupe_window_ms: u64,
    /// How many ids are remembered at most.
    pub dedupe_max: usize,
}

impl Limits {
    /// As the configuration has them: `max-messages`, `max-bytes`, `dedupe-window-ms`, and `dedupe-max` with this default.
    ///
    /// # Errors
    /// `invalid` for one that cannot be read.
    pub fn configured(dedupe_max: usize) -> Result<Self, Error> {
        Ok(Self {
            max_messages: config::get_or("max-messages", 200_000)?,
            max_bytes: config::get_or("max-bytes", 256 * 1024 * 1024)?,
            dedupe_window_ms: config::get_or("dedupe-window-ms", DEFAULT_DEDUPE_WINDOW_MS)?,
            dedupe_max: config::get_or("dedupe-max", dedupe_max)?,
        })
    }
}

/// The dedupe window as the configuration has it, for `describe`, which cannot fail.
#[must_use]
pub fn declared_dedupe_window_ms() -> u64 {
    config::get_or("dedupe-window-ms", DEFAULT_DEDUPE_WINDOW_MS).unwrap_or(DEFAULT_DEDUPE_WINDOW_MS)
}

/// The time of a call.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Milliseconds of a clock that never goes back.
    pub steady: u64,
    /// Milliseconds since 1970.
    pub wall: u64,
}

pub(crate) struct Member {
    pub(crate) settings: Consumer,
    pub(crate) queue: Queue,
    last_pull: u64,
}

struct Route {
    consumers: Vec<usize>,
    /// Stands for the subject in the hash of a lane.
    hash: u64,
}

/// The broker.
pub struct Broker {
    limits: Limits,
    pub(crate) messages: Slab<Stored>,
    pub(crate) bytes: u64,
    pub(crate) consumers: Slab<Member>,
    pub(crate) by_name: Map<String, usize>,
    routes: Map<String, Route>,
    pub(crate) lanes: State,
    pub(crate) dedupe: Dedupe,
    /// When the next consumer that is not durable may be over.
    next_inactive: u64,
    refused: u64,
    /// The number of the next message that is accepted.
    pub(crate) next_number: u64,
}

impl Broker {
    /// A broker without consumers or messages.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            messages: Slab::new(),
            bytes: 0,
            consumers: Slab::new(),
            by_name: Map::default(),
            routes: Map::default(),
            lanes: State::default(),
            dedupe: Dedupe::new(limits.dedupe_window_ms, limits.dedupe_max),
            next_inactive: u64::MAX,
            refused: 0,
            next_number: 1,
        }
    }

    /// Messages refused because the broker was full, and ids forgotten before their window was over, since the start.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (self.refused, self.dedupe.forgotten_early())
    }

    /// Messages and bytes kept.
    #[must_use]
    pub fn sizes(&self) -> (usize, u64) {
        (self.messages.len(), self.bytes)
    }

    /// Publishes in order; a result per message.
    pub fn publish(&mut self, now: Now, messages: Vec<Message>) -> Vec<Result<Ack, Error>> {
        if messages.len() > MAX_BATCH {
            let fault = Error::Invalid(format!(
                "{} messages in one publish; at most {MAX_BATCH}",
                messages.len()
            ));
            return messages.iter().map(|_| Err(fault.clone())).collect();
        }
        messages
            .into_iter()
            .map(|message| self.publish_one(now, message))
            .collect()
    }

    /// Publishes one message.
    ///
    /// # Errors
    /// `invalid` for a message that is none, `unavailable` when the broker is full.
    pub fn publish_one(&mut self, now: Now, message: Message) -> Result<Ack, Error> {
        self.end_inactive(now);
        let Message {
            id,
            key,
            trace,
            payload,
            ..
        } = &message;
        check::message(id, key, trace, payload, MAX_PAYLOAD)?;
        if self.routes.len() >= MAX_ROUTES {
            self.routes.clear();
        }
        let route = match self.routes.entry_ref(message.subject.as_str()) {
            EntryRef::Occupied(entry) => entry.into_mut(),
            EntryRef::Vacant(entry) => {
                entry.insert(find_route(&message.subject, &self.consumers, &self.lanes)?)
            }
        };
        let print = self.dedupe.print(&message.id);
        if self.dedupe.knows(now.steady, print) {
            return Ok(Ack { duplicate: true });
        }
        let waiting = u32::try_from(route.consumers.len()).unwrap_or(u32::MAX);
        let number = self.next_number;
        if waiting > 0 {
            let bytes = cost(&message, waiting);
            if self.messages.len() >= self.limits.max_messages
                || self.bytes.saturating_add(bytes) > self.limits.max_bytes
            {
                self.refused += 1;
                return Err(Error::Unavailable(format!(
                    "the bus is full: {} of {} messages, {} of {} bytes; raise `max-messages` or `max-bytes`, or find out who does not pull",
                    self.messages.len(),
                    self.limits.max_messages,
                    self.bytes,
                    self.limits.max_bytes
                )));
            }
            let lane = self.lanes.hash_one((route.hash, message.key.as_str()));
            self.bytes += bytes;
            let index = self
                .messages
                .insert(Stored::new(message, number, now.wall, bytes, waiting));
            for consumer in &route.consumers {
                if let Some(member) = self.consumers.get_mut(*consumer) {
                    member.queue.push(index, lane);
                }
            }
        }
        self.next_number += 1;
        self.dedupe.remember(now.steady, print);
        Ok(Ack { duplicate: false })
    }

    /// Creates a consumer, or checks that the one there is the same.
    ///
    /// # Errors
    /// `conflict` when there is one with other settings, `invalid` for settings that make no sense.
    pub fn open(&mut self, now: Now, settings: Consumer) -> Result<(), Error> {
        self.end_inactive(now);
        check_consumer(&settings)?;
        if let Some(member) = self
            .by_name
            .get(&settings.name)
            .and_then(|index| self.consumers.get_mut(*index))
        {
            if member.settings != settings {
                return Err(Error::Conflict);
            }
            member.last_pull = now.steady;
            return Ok(());
        }
        if self.consumers.len() >= MAX_CONSUMERS {
            return Err(Error::Unavailable(format!(
                "there are {MAX_CONSUMERS} consumers already; close one"
            )));
        }
        if !settings.durable {
            self.next_inactive = self
                .next_inactive
                .min(now.steady.saturating_add(settings.inactive_ms));
        }
        let name = settings.name.clone();
        let index = self.consumers.insert(Member {
            settings,
            queue: Queue::default(),
            last_pull: now.steady,
        });
        self.by_name.insert(name, index);
        self.routes.clear();
        Ok(())
    }

    /// Ends a consumer and forgets what waits for it.
    ///
    /// # Errors
    /// `not-found` when there is none.
    pub fn close(&mut self, now: Now, name: &str) -> Result<(), Error> {
        self.end_inactive(now);
        let index = *self.by_name.get(name).ok_or(Error::NotFound)?;
        self.remove(index);
        Ok(())
    }

    /// Up to `max` deliveries, at once.
    ///
    /// # Errors
    /// `not-found` when there is no such consumer.
    pub fn pull(&mut self, now: Now, name: &str, max: u32) -> Result<Batch, Error> {
        self.end_inactive(now);
        let index = *self.by_name.get(name).ok_or(Error::NotFound)?;
        let member = self.consumers.get_mut(index).ok_or(Error::NotFound)?;
        member.last_pull = now.steady;
        let queue = &mut member.queue;
        queue.wake(now.steady);
        let most = usize::try_from(max).unwrap_or(MAX_BATCH).min(MAX_BATCH);
        let free = member.settings.max_in_flight.saturating_sub(queue.out());
        let most = most.min(usize::try_from(free).unwrap_or(most));
        let deadline = now.steady.saturating_add(member.settings.ack_wait_ms);
        let mut deliveries = Vec::with_capacity(most.min(queue.pending()));
        while deliveries.len() < most {
            let Some(due) = queue.take(deadline) else {
                break;
            };
            let Some(stored) = self.messages.get_mut(due.message) else {
                continue;
            };
            deliveries.push(Delivery {
                tag: due.tag,
                message: stored.hand_out(),
                attempt: due.attempt,
                time_ms: stored.time_ms,
            });
        }
        let more = queue.has_ready() && queue.out() < member.settings.max_in_flight;
        let next_ms = if more {
            Some(0)
        } else {
            queue.next_wake().map(|at| at.saturating_sub(now.steady))
        };
        Ok(Batch {
            deliveries,
            next_ms,
        })
    }

    /// Settles deliveries and returns how many tags meant nothing any more.
    ///
    /// # Errors
    /// `not-found` when there is no such consumer.
    pub fn settle(
        &mut self,
        now: Now,
        name: &str,
        settlements: &[Settlement],
    ) -> Result<u32, Error> {
        let index = *self.by_name.get(name).ok_or(Error::NotFound)?;
        let member = self.consumers.get_mut(index).ok_or(Error::NotFound)?;
        let mut unknown = 0;
        for settlement in settlements {
            match member
                .queue
                .settle(now.steady, settlement.tag, settlement.outcome)
            {
                None => unknown += 1,
                Some(None) => {}
                Some(Some(message)) => release(&mut self.messages, &mut self.bytes, message),
            }
        }
        Ok(unknown)
    }

    /// Starts the ack wait of these deliveries again.
    ///
    /// # Errors
    /// `not-found` when there is no such consumer.
    pub fn extend(&mut self, now: Now, name: &str, tags: &[u64]) -> Result<(), Error> {
        let index = *self.by_name.get(name).ok_or(Error::NotFound)?;
        let member = self.consumers.get_mut(index).ok_or(Error::NotFound)?;
        let deadline = now.steady.saturating_add(member.settings.ack_wait_ms);
        tags.iter()
            .for_each(|tag| member.queue.extend(*tag, deadline));
        Ok(())
    }

    /// How much waits and how much is out.
    ///
    /// # Errors
    /// `not-found` when there is no such consumer.
    pub fn depth(&mut self, now: Now, name: &str) -> Result<QueueDepth, Error> {
        self.end_inactive(now);
        let index = *self.by_name.get(name).ok_or(Error::NotFound)?;
        let queue = &mut self.consumers.get_mut(index).ok_or(Error::NotFound)?.queue;
        queue.wake(now.steady);
        Ok(QueueDepth {
            pending: u64::try_from(queue.pending()).unwrap_or(u64::MAX),
            in_flight: queue.out().into(),
        })
    }

    /// Ends the consumers that are not durable and that nobody pulled from. There are few, and they are looked at only when the
    /// first of them may be over.
    fn end_inactive(&mut self, now: Now) {
        if now.steady < self.next_inactive {
            return;
        }
        let end = |member: &Member| member.last_pull.saturating_add(member.settings.inactive_ms);
        let passing = self
            .consumers
            .iter()
            .filter(|(_, member)| !member.settings.durable);
        let over: Vec<usize> = passing
            .filter(|(_, member)| end(member) <= now.steady)
            .map(|(index, _)| index)
            .collect();
        over.into_iter().for_each(|index| self.remove(index));
        let left = self
            .consumers
            .iter()
            .filter(|(_, member)| !member.settings.durable);
        self.next_inactive = left
            .map(|(_, member)| end(member))
            .min()
            .unwrap_or(u64::MAX);
    }

    fn remove(&mut self, index: usize) {
        let Some(member) = self.consumers.try_remove(index) else {
            return;
        };
        self.by_name.remove(&member.settings.name);
        self.routes.clear();
        for message in member.queue.into_messages() {
            release(&mut self.messages, &mut self.bytes, message);
        }
    }
}

/// Finds out who wants a subject.
fn find_route(subject: &str, consumers: &Slab<Member>, lanes: &State) -> Result<Route, Error> {
    check::subject(subject)?;
    let wanted = |(index, member): (usize, &Member)| {
        selects(&member.settings.filter, subject).then_some(index)
    };
    Ok(Route {
        consumers: consumers.iter().filter_map(wanted).collect(),
        hash: lanes.hash_one(subject),
    })
}

/// One consumer is done with a message.
fn release(messages: &mut Slab<Stored>, bytes: &mut u64, index: usize) {
    let Some(stored) = messages.get_mut(index) else {
        return;
    };
    stored.waiting -= 1;
    if stored.waiting == 0 {
        *bytes -= stored.bytes;
        messages.remove(index);
    }
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

pub(crate) fn cost(message: &Message, waiting: u32) -> u64 {
    let bytes = message.subject.len()
        + message.id.len()
        + message.key.len()
        + message.trace.len()
        + message.payload.len();
    length(bytes) + MESSAGE_COST + ENTRY_COST * u64::from(waiting)
}

fn check_consumer(consumer: &Consumer) -> Result<(), Error> {
    let name = &consumer.name;
    check::consumer_name(name, 255)?;
    if let Some(fault) = filter_fault(&consumer.filter) {
        return Err(Error::Invalid(format!(
            "consumer `{name}`, filter `{}`: {fault}",
            check::shown(&consumer.filter)
        )));
    }
    let inactive = (!consumer.durable).then_some(consumer.inactive_ms);
    check::consumer_bounds(name, consumer.max_in_flight, consumer.ack_wait_ms, inactive)
}
