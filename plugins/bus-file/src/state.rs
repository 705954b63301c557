//! The bus's state and how each call changes it: [`Broker`] has the semantics, here is what of it is written.

use std::collections::VecDeque;

use greentic_sdk::bus::{Ack, Batch, Consumer, Message, Outcome, QueueDepth, Settlement};
use greentic_sdk::model::Error;
use greentic_sdk_journal::keeper::{Changes, State};
use greentic_sdk_journal::{Format, Sink};
use greentic_sdk_memory::bus::broker::MAX_BATCH;
use greentic_sdk_memory::bus::kept::Waiting;
use greentic_sdk_memory::bus::{Broker, Limits, Now};

use crate::image::Image;
use crate::record::{Record, Stored, VERSION};

/// The bus.
pub struct Kept {
    limits: Limits,
    broker: Broker,
    image: Image,
    /// The ids that were accepted, the oldest first: the broker remembers them in a form that means nothing to another run.
    seen: VecDeque<(u64, Box<str>)>,
    now: u64,
}

impl Kept {
    /// A bus without consumers or messages.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            broker: Broker::new(limits),
            image: Image::default(),
            seen: VecDeque::new(),
            now: 0,
        }
    }

    /// The broker.
    #[must_use]
    pub fn broker(&self) -> &Broker {
        &self.broker
    }

    /// Sets the time, which never goes back. Both clocks are the wall's, because what one run remembers another one reads.
    fn at(&mut self, now: u64) -> Now {
        self.now = self.now.max(now);
        Now {
            steady: self.now,
            wall: self.now,
        }
    }

    /// Forgets the ids whose window is over, and the oldest where there are too many.
    fn forget(&mut self, most: usize) {
        let window = self.limits.dedupe_window_ms;
        let over = |(since, _): &(u64, Box<str>)| since.saturating_add(window) <= self.now;
        while self.seen.front().is_some_and(over) || self.seen.len() > most {
            self.seen.pop_front();
        }
    }

    /// Publishes in order.
    pub fn publish(
        &mut self,
        now: u64,
        changes: &mut Changes<'_>,
        messages: Vec<Message>,
    ) -> Vec<Result<Ack, Error>> {
        let now = self.at(now);
        if messages.len() > MAX_BATCH {
            return self.broker.publish(now, messages);
        }
        let publish = |message| self.publish_one(now, changes, message);
        messages.into_iter().map(publish).collect()
    }

    fn publish_one(
        &mut self,
        now: Now,
        changes: &mut Changes<'_>,
        message: Message,
    ) -> Result<Ack, Error> {
        let number = self.broker.next_number();
        // Made before the message is given away.
        let record = Record::Published {
            message: Stored::new(&message, number, now.wall),
        }
        .bytes();
        let id = message.id.as_str().into();
        let ack = self.broker.publish_one(now, message)?;
        if !ack.duplicate {
            changes.keep(&record);
            self.forget(self.limits.dedupe_max.saturating_sub(1));
            self.seen.push_back((now.wall, id));
        }
        Ok(ack)
    }

    /// Creates a consumer, or checks that the one there is the same.
    ///
    /// # Errors
    /// Those of [`Broker::open`].
    pub fn open(
        &mut self,
        now: u64,
        changes: &mut Changes<'_>,
        mut consumer: Consumer,
    ) -> Result<(), Error> {
        let now = self.at(now);
        if consumer.durable {
            // It means nothing then, and is not written.
            consumer.inactive_ms = 0;
        }
        let is_new = !self.broker.durable().any(|known| known == &consumer);
        let record = (consumer.durable && is_new).then(|| Record::opened(&consumer).bytes());
        self.broker.open(now, consumer)?;
        if let Some(record) = record {
            changes.keep(&record);
        }
        Ok(())
    }

    /// Ends a consumer.
    ///
    /// # Errors
    /// Those of [`Broker::close`].
    pub fn close(&mut self, now: u64, changes: &mut Changes<'_>, name: &str) -> Result<(), Error> {
        let now = self.at(now);
        self.broker.close(now, name)?;
        changes.keep(&Record::Closed { name }.bytes());
        Ok(())
    }

    /// Up to `max` deliveries.
    ///
    /// # Errors
    /// Those of [`Broker::pull`].
    pub fn pull(
        &mut self,
        now: u64,
        changes: &mut Changes<'_>,
        consumer: &str,
        max: u32,
    ) -> Result<Batch, Error> {
        let now = self.at(now);
        let batch = self.broker.pull(now, consumer, max)?;
        if !batch.deliveries.is_empty() {
            let tags = batch.deliveries.iter().map(|delivery| delivery.tag);
            let numbers = self.numbers(consumer, tags);
            changes.note(&Record::Delivered { consumer, numbers }.bytes());
        }
        Ok(batch)
    }

    /// Settles deliveries.
    ///
    /// # Errors
    /// Those of [`Broker::settle`].
    pub fn settle(
        &mut self,
        now: u64,
        changes: &mut Changes<'_>,
        consumer: &str,
        settlements: &[Settlement],
    ) -> Result<u32, Error> {
        let now = self.at(now);
        let done = settlements
            .iter()
            .filter(|settlement| !matches!(settlement.outcome, Outcome::Retry(_)));
        let numbers = self.numbers(consumer, done.map(|settlement| settlement.tag));
        let unknown = self.broker.settle(now, consumer, settlements)?;
        if !numbers.is_empty() {
            changes.note(&Record::Settled { consumer, numbers }.bytes());
        }
        Ok(unknown)
    }

    /// Starts the ack wait of deliveries again.
    ///
    /// # Errors
    /// Those of [`Broker::extend`].
    pub fn extend(&mut self, now: u64, consumer: &str, tags: &[u64]) -> Result<(), Error> {
        let now = self.at(now);
        self.broker.extend(now, consumer, tags)
    }

    /// How much waits.
    ///
    /// # Errors
    /// Those of [`Broker::depth`].
    pub fn depth(&mut self, now: u64, consumer: &str) -> Result<QueueDepth, Error> {
        let now = self.at(now);
        self.broker.depth(now, consumer)
    }

    fn numbers(&self, consumer: &str, tags: impl Iterator<Item = u64>) -> Vec<u64> {
        tags.filter_map(|tag| self.broker.number_of(consumer, tag))
            .collect()
    }
}

impl State for Kept {
    const FORMAT: Format = Format {
        kind: "bus-file",
        version: VERSION,
    };

    fn replay(&mut self, record: &[u8]) -> Result<(), String> {
        self.image.apply(Record::read(record)?);
        Ok(())
    }

    fn resume(&mut self) {
        let image = std::mem::take(&mut self.image);
        let last = image.seen.back().map_or(0, |(time, _)| *time);
        let now = self.at(last);
        for consumer in image.consumers.into_values() {
            // They were opened once, so they are as they may be.
            drop(self.broker.open(now, consumer));
        }
        for waiting in image.messages.into_values() {
            self.broker.restore_message(waiting);
        }
        self.seen = image.seen;
        self.forget(self.limits.dedupe_max);
        for (since, id) in &self.seen {
            self.broker.restore_id(*since, id);
        }
        self.broker.resume(image.next_number);
    }

    fn records(&self, sink: &mut Sink<'_>) {
        let number = self.broker.next_number();
        sink.add(&Record::Next { number }.bytes());
        for consumer in self.broker.durable() {
            sink.add(&Record::opened(consumer).bytes());
        }
        for (time_ms, id) in &self.seen {
            let time_ms = *time_ms;
            sink.add(&Record::Seen { time_ms, id }.bytes());
        }
        self.broker.waiting(|waiting| {
            let Waiting {
                number,
                time_ms,
                message,
                consumers,
            } = &waiting;
            let consumers = consumers.iter();
            let record = Record::Waiting {
                message: Stored::new(message, *number, *time_ms),
                consumers: consumers
                    .map(|(name, attempt)| (name.as_str(), *attempt))
                    .collect(),
            };
            sink.add(&record.bytes());
        });
    }
}
