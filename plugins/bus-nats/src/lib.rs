//! A message bus on NATS: on JetStream, or on core NATS alone ([`core_nats`]).
//!
//! One instance serves the whole host over one connection, on which many calls are in flight. Keys are spread over partitions by
//! their hash; the partition is a token of the subject, and every consumer of ours is one consumer of the server's for each
//! partition. A partition is worked on by one host at a time ([`lease`]), which holds a key's later messages back until the one before
//! is settled ([`shard`]). So order by key holds across hosts, and a host works on many keys of a partition at once.
//!
//! The client of the line protocol is our own: it has six kinds of line, and `async-nats` does not compile for the sandbox.

use std::rc::Rc;

use greentic_sdk::config;
use greentic_sdk::model::{About, Durability, Error};
use greentic_sdk::started::Started;
use greentic_sdk_network::bus::{
    Ack, Batch, Bus, Consumer, Descriptor, Message, Ordering, QueueDepth, Settlement,
};

pub mod acknowledge;
pub mod broker;
pub mod carried;
pub mod client;
pub mod consumer;
pub mod core_nats;
pub mod credentials;
pub mod headers;
pub mod jetstream;
pub mod keeper;
pub mod lease;
pub mod missing;
pub mod numbers;
pub mod owners;
pub mod primer;
#[cfg(test)]
mod server_tests;
pub mod settings;
pub mod setup;
pub mod shard;
pub mod stream;
pub mod wire;

use broker::{Broker, MAX_PAYLOAD};
use core_nats::Core;
use settings::{DEDUPE_WINDOW_MS, SCHEMA, Settings, declared};

/// The component.
pub struct BusNats;

/// With a stream or without.
enum Nats {
    Stream(Broker),
    Core(Core),
}

impl Nats {
    fn new(settings: Settings) -> Self {
        if settings.jetstream {
            Self::Stream(Broker::new(settings))
        } else {
            Self::Core(Core::new(settings))
        }
    }
}

thread_local! {
    static NATS: Started<Nats> = const { Started::new() };
}

/// The bus of this instance.
fn nats() -> Result<Rc<Nats>, Error> {
    NATS.with(|started| started.get(|| Settings::read().map(Nats::new)))
}

impl Bus for BusNats {
    fn describe() -> Descriptor {
        Descriptor {
            about: About::new(
                "bus-nats",
                env!("CARGO_PKG_VERSION"),
                "Messages on NATS, shared by every host that uses it",
            )
            .config(SCHEMA),
            durability: declared().unwrap_or(Durability::Process),
            ordering: Ordering::Key,
            dedupe_window_ms: config::get_or("dedupe-window-ms", DEDUPE_WINDOW_MS)
                .unwrap_or(DEDUPE_WINDOW_MS),
            max_payload: MAX_PAYLOAD,
        }
    }

    async fn publish(messages: Vec<Message>) -> Vec<Result<Ack, Error>> {
        match nats() {
            Ok(nats) => match &*nats {
                Nats::Stream(bus) => bus.publish(messages).await,
                Nats::Core(bus) => bus.publish(messages).await,
            },
            Err(error) => messages.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    async fn open(consumer: Consumer) -> Result<(), Error> {
        match &*nats()? {
            Nats::Stream(bus) => bus.open(consumer).await,
            Nats::Core(bus) => bus.open(consumer).await,
        }
    }

    async fn close(name: String) -> Result<(), Error> {
        match &*nats()? {
            Nats::Stream(bus) => bus.close(&name).await,
            Nats::Core(bus) => bus.close(&name).await,
        }
    }

    async fn pull(consumer: String, max: u32, wait_ms: u32) -> Result<Batch, Error> {
        match &*nats()? {
            Nats::Stream(bus) => bus.pull(&consumer, max, wait_ms).await,
            Nats::Core(bus) => bus.pull(&consumer, max, wait_ms).await,
        }
    }

    async fn settle(consumer: String, settlements: Vec<Settlement>) -> Result<u32, Error> {
        match &*nats()? {
            Nats::Stream(bus) => bus.settle(&consumer, settlements).await,
            Nats::Core(bus) => bus.settle(&consumer, settlements),
        }
    }

    async fn extend(consumer: String, tags: Vec<u64>) -> Result<(), Error> {
        match &*nats()? {
            Nats::Stream(bus) => bus.extend(&consumer, &tags),
            Nats::Core(bus) => bus.extend(&consumer, &tags),
        }
    }

    async fn depth(consumer: String) -> Result<QueueDepth, Error> {
        match &*nats()? {
            Nats::Stream(bus) => bus.depth(&consumer).await,
            Nats::Core(bus) => bus.depth(&consumer),
        }
    }
}

greentic_sdk_network::export_bus!(BusNats);
