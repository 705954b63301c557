//! A consumer on this host: what it has of it, and which partitions are its own.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Instant;

use greentic_sdk::model::Error;
use greentic_sdk::time;
use greentic_sdk_memory::bus::{Broker, Limits, Now};
use greentic_sdk_network::bus::{Batch, Consumer as Settings, Outcome, QueueDepth, Settlement};
use greentic_sdk_network::convert;
use greentic_sdk_network::signal::Changes;

use crate::client::{Client, Inbox};
use crate::consumer::partition;
use crate::wire::Message as Arrived;

/// Most messages kept.
const MAX_MESSAGES: usize = 200_000;
/// Most bytes kept.
const MAX_BYTES: u64 = 256 * 1024 * 1024;
/// Most ids remembered.
const MAX_IDS: usize = 200_000;

/// One partition.
#[derive(Default)]
pub struct Part {
    /// Where its messages come; nothing when it is not ours.
    pub inbox: Option<Inbox>,
    /// Messages of it that are here and not settled.
    pub here: usize,
}

/// The consumer.
pub struct Local {
    /// As it was opened.
    pub settings: Settings,
    /// Something may have become ready, or the shares may have changed.
    pub changes: Changes,
    /// Whether it was closed.
    pub closed: Cell<bool>,
    /// Whether the host ever pulled.
    pub pulls: Cell<bool>,
    /// Its partitions.
    pub parts: RefCell<Vec<Part>>,
    /// Whether another host has it with other settings; not known before the others were heard.
    pub conflict: Cell<Option<bool>>,
    broker: RefCell<Broker>,
    started: Instant,
    prefix: String,
    /// The partition of each delivery that is out.
    out: RefCell<HashMap<u64, usize>>,
}

impl Local {
    /// Opens it.
    ///
    /// # Errors
    /// As the contract says.
    pub fn new(settings: Settings, bus: &crate::settings::Settings) -> Result<Rc<Self>, Error> {
        let limits = Limits {
            max_messages: MAX_MESSAGES,
            max_bytes: MAX_BYTES,
            dedupe_window_ms: bus.dedupe_window_ms,
            dedupe_max: MAX_IDS,
        };
        let count = if settings.durable { bus.partitions } else { 1 };
        let local = Self {
            parts: RefCell::new((0..count).map(|_| Part::default()).collect()),
            changes: Changes::new(),
            closed: Cell::new(false),
            pulls: Cell::new(false),
            conflict: Cell::new(None),
            broker: RefCell::new(Broker::new(limits)),
            started: Instant::now(),
            prefix: bus.prefix.clone(),
            out: RefCell::default(),
            settings: settings.clone(),
        };
        let now = local.now();
        let opened = convert::consumer(settings);
        local.broker.borrow_mut().open(now, opened)?;
        Ok(Rc::new(local))
    }

    fn now(&self) -> Now {
        let steady = self.started.elapsed().as_millis();
        Now {
            steady: u64::try_from(steady).unwrap_or(u64::MAX),
            wall: time::now_ms(),
        }
    }

    fn place(&self, subject: &str, key: &str) -> usize {
        let count = self.parts.borrow().len();
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        usize::try_from(partition(subject, key, count)).unwrap_or(0)
    }

    /// Opens it again.
    ///
    /// # Errors
    /// `conflict` when it was opened with other settings.
    pub fn open(&self, settings: &Settings) -> Result<(), Error> {
        let again = convert::consumer(settings.clone());
        self.broker.borrow_mut().open(self.now(), again)
    }

    /// Waits until the other hosts were heard; whether they have the same settings.
    pub async fn joined(&self) -> bool {
        loop {
            let seen = self.changes.seen();
            if let Some(conflict) = self.conflict.get() {
                return !conflict;
            }
            self.changes.since(seen).await;
        }
    }

    /// Ends it here, with what it has.
    pub fn close(&self) {
        self.closed.set(true);
        self.changes.notify();
    }

    /// Takes a message and answers whoever sent it.
    pub fn take(&self, client: &Client, kind: &str, arrived: &Arrived) {
        let Some(message) = crate::carried::read(&self.prefix, kind, arrived) else {
            return;
        };
        let place = self.place(&message.subject, &message.key);
        let mut broker = self.broker.borrow_mut();
        let now = self.now();
        // One that is not durable may be over by now.
        let is_open = broker.depth(now, &self.settings.name).is_ok();
        let answer = match broker.publish_one(now, message) {
            _ if !is_open => b"-the consumer is over".to_vec(),
            Ok(ack) if ack.duplicate => b"=".to_vec(),
            Ok(_) => {
                if let Some(part) = self.parts.borrow_mut().get_mut(place) {
                    part.here += 1;
                }
                b"+".to_vec()
            }
            Err(error) => format!("-{error:?}").into_bytes(),
        };
        drop(broker);
        client.send(&arrived.reply, "", &answer);
        self.changes.notify();
    }

    /// Up to `max` deliveries, at once.
    ///
    /// # Errors
    /// As the contract says.
    pub fn pull(&self, max: u32) -> Result<Batch, Error> {
        if !self.pulls.replace(true) {
            self.changes.notify();
        }
        self.draw(max)
    }

    /// The same for what is handed over.
    ///
    /// # Errors
    /// As the contract says.
    pub fn draw(&self, max: u32) -> Result<Batch, Error> {
        let name = &self.settings.name;
        let pulled = self.broker.borrow_mut().pull(self.now(), name, max);
        let batch = pulled.inspect_err(|_| self.close())?;
        let mut out = self.out.borrow_mut();
        for delivery in &batch.deliveries {
            let message = &delivery.message;
            out.insert(delivery.tag, self.place(&message.subject, &message.key));
        }
        Ok(convert::batch(batch))
    }

    /// Settles deliveries; how many were not out.
    ///
    /// # Errors
    /// As the contract says.
    pub fn settle(&self, settlements: Vec<Settlement>) -> Result<u32, Error> {
        let now = self.now();
        let mut unknown = 0;
        for settlement in settlements {
            let tag = settlement.tag;
            let is_over = !matches!(settlement.outcome, Outcome::Retry(_));
            let settlement = convert::settlement(settlement);
            let name = &self.settings.name;
            let not_out = self.broker.borrow_mut().settle(now, name, &[settlement])?;
            unknown += not_out;
            let place = self.out.borrow_mut().remove(&tag);
            if let Some(place) = place.filter(|_| is_over && not_out == 0)
                && let Some(part) = self.parts.borrow_mut().get_mut(place)
            {
                part.here = part.here.saturating_sub(1);
            }
        }
        self.changes.notify();
        Ok(unknown)
    }

    /// Starts the ack wait of deliveries again.
    ///
    /// # Errors
    /// As the contract says.
    pub fn extend(&self, tags: &[u64]) -> Result<(), Error> {
        let name = &self.settings.name;
        self.broker.borrow_mut().extend(self.now(), name, tags)
    }

    /// How much waits and how much is out.
    ///
    /// # Errors
    /// As the contract says.
    pub fn depth(&self) -> Result<QueueDepth, Error> {
        let name = &self.settings.name;
        let depth = self.broker.borrow_mut().depth(self.now(), name);
        depth.map(convert::depth)
    }
}
