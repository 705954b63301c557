//! What a broker holds, piece by piece, for who keeps it elsewhere and gives it back.
//!
//! Every message that is accepted gets a number, one more than the one before. Deliveries that are out are no part of what is kept: who has
//! them is gone when the broker is given back, so they are delivered again, and delays of retries are over.

use std::hash::BuildHasher;

use greentic_sdk::bus::{Consumer, Message};

use crate::bus::broker::{Broker, cost};
use crate::bus::stored::Stored;

/// A message that waits for somebody.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    /// Its number.
    pub number: u64,
    /// When it was published, by the wall clock.
    pub time_ms: u64,
    /// The message.
    pub message: Message,
    /// Durable consumers that have not settled it, and how often it was delivered to each.
    pub consumers: Vec<(String, u32)>,
}

impl Broker {
    /// The number the next message gets.
    #[must_use]
    pub fn next_number(&self) -> u64 {
        self.next_number
    }

    /// The number of the message that is out under a tag.
    #[must_use]
    pub fn number_of(&self, consumer: &str, tag: u64) -> Option<u64> {
        let member = self.consumers.get(*self.by_name.get(consumer)?)?;
        let stored = self.messages.get(member.queue.message_of(tag)?)?;
        Some(stored.number)
    }

    /// The durable consumers.
    pub fn durable(&self) -> impl Iterator<Item = &Consumer> {
        let settings = self.consumers.iter().map(|(_, member)| &member.settings);
        settings.filter(|settings| settings.durable)
    }

    /// Gives every message that waits for a durable consumer, in the order of publishing.
    pub fn waiting(&self, mut each: impl FnMut(Waiting)) {
        let mut entries = Vec::new();
        for (consumer, member) in &self.consumers {
            if member.settings.durable {
                let messages = member.queue.messages();
                entries.extend(messages.filter_map(|(message, attempt)| {
                    let stored = self.messages.get(message)?;
                    Some((stored.number, message, consumer, attempt))
                }));
            }
        }
        entries.sort_unstable();
        for entries in entries.chunk_by(|one, other| one.0 == other.0) {
            let Some(stored) = entries.first().and_then(|entry| self.messages.get(entry.1)) else {
                continue;
            };
            let consumers = entries.iter().filter_map(|(_, _, consumer, attempt)| {
                let member = self.consumers.get(*consumer)?;
                Some((member.settings.name.clone(), *attempt))
            });
            each(Waiting {
                number: stored.number,
                time_ms: stored.time_ms,
                message: stored.copy(),
                consumers: consumers.collect(),
            });
        }
    }

    /// Lets numbers go on from here.
    pub fn resume(&mut self, next_number: u64) {
        self.next_number = self.next_number.max(next_number);
    }

    /// Remembers an id as published at this time.
    pub fn restore_id(&mut self, steady: u64, id: &str) {
        let print = self.dedupe.print(id);
        self.dedupe.remember(steady, print);
    }

    /// Puts a message back for the consumers it waits for, of which those that are not open are left out. Messages come in the order of their
    /// numbers.
    pub fn restore_message(&mut self, waiting: Waiting) {
        let open: Vec<(usize, u32)> = waiting
            .consumers
            .iter()
            .filter_map(|(name, attempt)| Some((*self.by_name.get(name)?, *attempt)))
            .collect();
        self.resume(waiting.number + 1);
        let count = u32::try_from(open.len()).unwrap_or(u32::MAX);
        if count == 0 {
            return;
        }
        let message = waiting.message;
        let subject = self.lanes.hash_one(message.subject.as_str());
        let lane = self.lanes.hash_one((subject, message.key.as_str()));
        let bytes = cost(&message, count);
        self.bytes += bytes;
        let stored = Stored::new(message, waiting.number, waiting.time_ms, bytes, count);
        let index = self.messages.insert(stored);
        for (consumer, attempt) in open {
            if let Some(member) = self.consumers.get_mut(consumer) {
                member.queue.push_again(index, lane, attempt);
            }
        }
    }
}
