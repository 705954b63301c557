//! What the records of earlier runs come to, before a broker is made of it.

use std::collections::{BTreeMap, VecDeque};

use greentic_sdk::bus::Consumer;
use greentic_sdk::bus::subject::selects;
use greentic_sdk_memory::bus::kept::Waiting;

use crate::record::{Record, Stored};

/// The state.
#[derive(Default)]
pub struct Image {
    /// The durable consumers.
    pub consumers: BTreeMap<String, Consumer>,
    /// The messages that wait, by number.
    pub messages: BTreeMap<u64, Waiting>,
    /// The ids that were accepted, the oldest first.
    pub seen: VecDeque<(u64, Box<str>)>,
    /// The number of the next message.
    pub next_number: u64,
}

impl Image {
    /// Applies a record.
    pub fn apply(&mut self, record: Record<'_>) {
        match record {
            Record::Next { number } => self.next_number = self.next_number.max(number),
            Record::Opened {
                name,
                filter,
                max_in_flight,
                ack_wait_ms,
            } => {
                let consumer = Consumer {
                    name: name.into(),
                    filter: filter.into(),
                    durable: true,
                    inactive_ms: 0,
                    max_in_flight,
                    ack_wait_ms,
                };
                self.consumers.insert(name.into(), consumer);
            }
            Record::Closed { name } => {
                self.consumers.remove(name);
                self.messages.retain(|_, waiting| settle(waiting, name));
            }
            Record::Published { message } => {
                self.seen.push_back((message.time_ms, message.id.into()));
                let wanted = |consumer: &&Consumer| selects(&consumer.filter, message.subject);
                let wanting = self.consumers.values().filter(wanted);
                let consumers = wanting.map(|consumer| (consumer.name.clone(), 0)).collect();
                self.keep(&message, consumers);
            }
            Record::Waiting { message, consumers } => {
                let consumers = consumers.into_iter();
                let consumers = consumers.map(|(name, attempt)| (name.into(), attempt));
                self.keep(&message, consumers.collect());
            }
            Record::Delivered { consumer, numbers } => {
                for number in numbers {
                    let waiting = self.messages.get_mut(&number);
                    let consumers = waiting.map(|waiting| &mut waiting.consumers);
                    let mut places = consumers.into_iter().flatten();
                    if let Some((_, attempt)) = places.find(|(name, _)| name == consumer) {
                        *attempt = attempt.saturating_add(1);
                    }
                }
            }
            Record::Settled { consumer, numbers } => {
                for number in numbers {
                    let waiting = self.messages.get_mut(&number);
                    if waiting.is_some_and(|waiting| !settle(waiting, consumer)) {
                        self.messages.remove(&number);
                    }
                }
            }
            Record::Seen { time_ms, id } => self.seen.push_back((time_ms, id.into())),
        }
    }

    fn keep(&mut self, stored: &Stored<'_>, consumers: Vec<(String, u32)>) {
        self.next_number = self.next_number.max(stored.number + 1);
        if consumers.is_empty() {
            return;
        }
        let waiting = Waiting {
            number: stored.number,
            time_ms: stored.time_ms,
            message: stored.message(),
            consumers,
        };
        self.messages.insert(stored.number, waiting);
    }
}

/// One consumer is done with a message. Answers whether another waits for it.
fn settle(waiting: &mut Waiting, consumer: &str) -> bool {
    waiting.consumers.retain(|(name, _)| name != consumer);
    !waiting.consumers.is_empty()
}
