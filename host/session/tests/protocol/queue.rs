//! The bus's side: a broker, and beside it what the rules say of each message. The second is there to name states and to know what
//! happens next; that both agree is checked whenever something is settled.

use greentic_sdk::bus::{Consumer, Message, Outcome, Settlement};
use greentic_sdk_memory::bus::broker::{Broker, Limits, Now};

use crate::world::ACK_WAIT;

const CONSUMER: &str = "runner";
const SUBJECT: &str = "greentic.messaging.ingress.dev.acme.support.web";

/// How far a message is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Stage {
    Waiting,
    Out { deadline: u64 },
    Delayed { until: u64 },
    Gone,
}

/// A message that was published.
#[derive(Clone)]
pub struct Sent {
    pub event: usize,
    pub stage: Stage,
    /// Of the newest delivery.
    pub tag: u64,
}

/// A delivery, as whoever pulled it knows it.
#[derive(Clone, Copy)]
pub struct Delivery {
    pub event: usize,
    pub tag: u64,
    /// The message's place in [`Events::sent`].
    pub sent: usize,
}

/// Events on their way to the runners. The bus's own memory of ids is over at once: what the platform sends again comes again.
pub struct Events {
    broker: Broker,
    pub sent: Vec<Sent>,
}

fn at(now: u64) -> Now {
    Now {
        steady: now,
        wall: now,
    }
}

impl Events {
    pub fn new() -> Self {
        let mut broker = broker(0);
        let settings = Consumer {
            name: CONSUMER.into(),
            filter: ">".into(),
            durable: true,
            inactive_ms: 0,
            max_in_flight: 1_000,
            ack_wait_ms: ACK_WAIT,
        };
        broker.open(at(0), settings).unwrap();
        Self {
            broker,
            sent: Vec::new(),
        }
    }

    pub fn publish(&mut self, now: u64, event: usize, key: String) {
        let message = Message {
            subject: SUBJECT.into(),
            id: event.to_string(),
            key,
            trace: String::new(),
            // The place stands for the message: one event may have several.
            payload: vec![u8::try_from(self.sent.len()).unwrap()],
        };
        let answers = self.broker.publish(at(now), vec![message]);
        assert!(
            answers
                .iter()
                .all(|answer| !answer.as_ref().unwrap().duplicate)
        );
        self.sent.push(Sent {
            event,
            stage: Stage::Waiting,
            tag: 0,
        });
    }

    pub fn pull(&mut self, now: u64) -> Option<Delivery> {
        for sent in &mut self.sent {
            if due(sent.stage).is_some_and(|due| due <= now) {
                sent.stage = Stage::Waiting;
            }
        }
        let batch = self.broker.pull(at(now), CONSUMER, 1).unwrap();
        let delivery = batch.deliveries.into_iter().next()?;
        let place = usize::from(delivery.message.payload[0]);
        let sent = &mut self.sent[place];
        assert_eq!(
            sent.stage,
            Stage::Waiting,
            "message {place} was given out though it is not due"
        );
        sent.stage = Stage::Out {
            deadline: now + ACK_WAIT,
        };
        sent.tag = delivery.tag;
        Some(Delivery {
            event: sent.event,
            tag: delivery.tag,
            sent: place,
        })
    }

    /// Whether a delivery is still the newest of its message and out.
    pub fn is_out(&self, delivery: Delivery) -> bool {
        let sent = &self.sent[delivery.sent];
        sent.tag == delivery.tag && matches!(sent.stage, Stage::Out { .. })
    }

    pub fn settle(&mut self, now: u64, delivery: Delivery, outcome: Outcome) {
        let out = self.is_out(delivery);
        let settlement = Settlement {
            tag: delivery.tag,
            outcome,
        };
        let unknown = self
            .broker
            .settle(at(now), CONSUMER, &[settlement])
            .unwrap();
        assert_eq!(
            unknown == 0,
            out,
            "the bus and the rules disagree about a tag"
        );
        if out {
            self.sent[delivery.sent].stage = match outcome {
                Outcome::Retry(0) => Stage::Waiting,
                Outcome::Retry(ms) => Stage::Delayed { until: now + ms },
                Outcome::Ack | Outcome::Drop => Stage::Gone,
            };
        }
    }

    pub fn extend(&mut self, now: u64, delivery: Delivery) {
        self.broker
            .extend(at(now), CONSUMER, &[delivery.tag])
            .unwrap();
        if self.is_out(delivery) {
            self.sent[delivery.sent].stage = Stage::Out {
                deadline: now + ACK_WAIT,
            };
        }
    }

    /// Times at which something becomes ready by itself.
    pub fn dues(&self) -> impl Iterator<Item = u64> {
        self.sent.iter().filter_map(|sent| due(sent.stage))
    }

    /// How much waits or is out, as the broker counts it.
    pub fn left(&mut self, now: u64) -> u64 {
        let depth = self.broker.depth(at(now), CONSUMER).unwrap();
        depth.pending + depth.in_flight
    }
}

fn due(stage: Stage) -> Option<u64> {
    match stage {
        Stage::Out { deadline } => Some(deadline),
        Stage::Delayed { until } => Some(until),
        Stage::Waiting | Stage::Gone => None,
    }
}

/// Replies on their way out. Its memory of ids lasts.
pub struct Replies(Broker);

impl Replies {
    pub fn new() -> Self {
        Self(broker(1 << 40))
    }

    /// For each message whether the bus knew its id already.
    pub fn publish(&mut self, now: u64, messages: &[(String, Vec<u8>)]) -> Vec<bool> {
        let message = |(id, payload): &(String, Vec<u8>)| Message {
            subject: "greentic.messaging.egress.dev.acme.support.web".into(),
            id: id.clone(),
            key: String::new(),
            trace: String::new(),
            payload: payload.clone(),
        };
        let answers = self
            .0
            .publish(at(now), messages.iter().map(message).collect());
        answers
            .into_iter()
            .map(|answer| answer.unwrap().duplicate)
            .collect()
    }
}

fn broker(dedupe_window_ms: u64) -> Broker {
    Broker::new(Limits {
        max_messages: 1_000,
        max_bytes: 1 << 20,
        dedupe_window_ms,
        dedupe_max: 10_000,
    })
}
