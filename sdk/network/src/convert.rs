//! From the types of the world whose functions wait to those of the world whose functions do not, and back. They are the same ones, made
//! twice by the generator.

use greentic_sdk::bus as plain;

use crate::bus as waiting;

/// A message that is published.
#[must_use]
pub fn message(message: waiting::Message) -> plain::Message {
    plain::Message {
        subject: message.subject,
        id: message.id,
        key: message.key,
        trace: message.trace,
        payload: message.payload,
    }
}

/// What became of it.
#[must_use]
pub fn ack(ack: plain::Ack) -> waiting::Ack {
    waiting::Ack {
        duplicate: ack.duplicate,
    }
}

/// A consumer.
#[must_use]
pub fn consumer(consumer: waiting::Consumer) -> plain::Consumer {
    plain::Consumer {
        name: consumer.name,
        filter: consumer.filter,
        durable: consumer.durable,
        inactive_ms: consumer.inactive_ms,
        max_in_flight: consumer.max_in_flight,
        ack_wait_ms: consumer.ack_wait_ms,
    }
}

/// A message that is delivered.
#[must_use]
pub fn delivered(message: plain::Message) -> waiting::Message {
    waiting::Message {
        subject: message.subject,
        id: message.id,
        key: message.key,
        trace: message.trace,
        payload: message.payload,
    }
}

/// What is delivered.
#[must_use]
pub fn batch(batch: plain::Batch) -> waiting::Batch {
    let delivery = |delivery: plain::Delivery| waiting::Delivery {
        tag: delivery.tag,
        message: delivered(delivery.message),
        attempt: delivery.attempt,
        time_ms: delivery.time_ms,
    };
    waiting::Batch {
        deliveries: batch.deliveries.into_iter().map(delivery).collect(),
        next_ms: batch.next_ms,
    }
}

/// What became of a delivery.
#[must_use]
pub fn settlement(settlement: waiting::Settlement) -> plain::Settlement {
    plain::Settlement {
        tag: settlement.tag,
        outcome: match settlement.outcome {
            waiting::Outcome::Ack => plain::Outcome::Ack,
            waiting::Outcome::Retry(delay) => plain::Outcome::Retry(delay),
            waiting::Outcome::Drop => plain::Outcome::Drop,
        },
    }
}

/// How much waits.
#[must_use]
pub fn depth(depth: plain::QueueDepth) -> waiting::QueueDepth {
    waiting::QueueDepth {
        pending: depth.pending,
        in_flight: depth.in_flight,
    }
}
