//! What a message costs in the bus, natively: publish, pull and settle, alone and in groups of 64.
//!
//! `cargo bench -p bus-memory`

use std::hint::black_box;
use std::time::Instant;

use greentic_sdk::bus::{Consumer, Message, Outcome, Settlement};
use greentic_sdk_memory::bus::{Broker, Limits, Now};

const MESSAGES: u32 = 1_000_000;

fn main() {
    for group in [1_u32, 64] {
        for waiting in [0_u32, 100_000] {
            let mut broker = Broker::new(Limits {
                max_messages: usize::MAX,
                max_bytes: u64::MAX,
                dedupe_window_ms: 1000,
                dedupe_max: 1_000_000,
            });
            let now = Now { steady: 0, wall: 0 };
            let consumer = Consumer {
                name: "runner".into(),
                filter: "dev.ingress.>".into(),
                durable: true,
                inactive_ms: 0,
                max_in_flight: 1024,
                ack_wait_ms: 30_000,
            };
            let opened = broker.open(now, consumer);
            let message = |n: u32| Message {
                subject: "dev.ingress.acme.support.webchat".into(),
                id: format!("{n:064x}"),
                key: format!("conversation-{}", n % 5000),
                trace: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into(),
                payload: vec![7; 300],
            };
            for n in 0..waiting {
                black_box(broker.publish(now, vec![message(n)]));
            }
            // What making the messages costs is measured alone and taken off.
            let started = Instant::now();
            for n in 0..MESSAGES {
                black_box(message(waiting + n));
            }
            let making = started.elapsed();
            let started = Instant::now();
            let mut delivered = 0;
            for first in (0..MESSAGES).step_by(usize::try_from(group).unwrap_or(1)) {
                let now = Now {
                    steady: u64::from(first) / 100,
                    wall: 0,
                };
                black_box(
                    broker.publish(
                        now,
                        (first..first + group)
                            .map(|n| message(waiting + n))
                            .collect(),
                    ),
                );
                let Ok(batch) = broker.pull(now, "runner", group) else {
                    continue;
                };
                delivered += batch.deliveries.len();
                let settlements: Vec<_> = batch
                    .deliveries
                    .iter()
                    .map(|delivery| Settlement {
                        tag: delivery.tag,
                        outcome: Outcome::Ack,
                    })
                    .collect();
                black_box(broker.settle(now, "runner", &settlements).is_ok());
            }
            let cost = started.elapsed().saturating_sub(making) / MESSAGES;
            println!(
                "groups of {group}, {waiting} waiting: {cost:?} a message, {delivered} delivered, opened {}",
                opened.is_ok()
            );
        }
    }
}
