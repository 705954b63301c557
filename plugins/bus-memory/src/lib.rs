//! A message bus in memory.
//!
//! One instance serves the whole host and lives as long as its process: what it holds is lost then, and it says so
//! (`durability: process`). [`Broker`] has the semantics and takes the time as numbers; this file is its edge to the world
//! `message-bus`. `pull` answers at once: the host asks again when something was published.

use std::cell::RefCell;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use greentic_sdk::bus::{
    Ack, Batch, Bus, Consumer, Descriptor, Message, Ordering, QueueDepth, Settlement,
};
use greentic_sdk::log;
use greentic_sdk::model::{About, Durability, Error};

use greentic_sdk_memory::bus::{Broker, Limits, MAX_PAYLOAD, Now, declared_dedupe_window_ms};

const CONFIG_SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "max-messages": {
      "type": "integer", "minimum": 1, "default": 200000,
      "description": "Most messages kept. When they are used up, publishing is answered with `unavailable`."
    },
    "max-bytes": {
      "type": "integer", "minimum": 65536, "default": 268435456,
      "description": "Most bytes kept, in the same way. The plugin's memory limit must be about twice as large."
    },
    "dedupe-window-ms": {
      "type": "integer", "minimum": 0, "default": 120000,
      "description": "How long a message id is remembered: a second publish inside this window is accepted once."
    },
    "dedupe-max": {
      "type": "integer", "minimum": 1, "default": 1000000,
      "description": "How many ids are remembered at most, about 80 bytes each; beyond that the oldest are forgotten early and a warning is logged."
    }
  }
}"#;

/// The component.
pub struct BusMemory;

struct Instance {
    broker: Broker,
    started: Instant,
    /// What was already reported of [`Broker::counts`], and when.
    reported: (u64, u64),
    reported_at: u64,
}

/// At most one report of refusals in so many milliseconds.
const REPORT_EVERY_MS: u64 = 10_000;

thread_local! {
    static INSTANCE: RefCell<Option<Result<Instance, Error>>> = const { RefCell::new(None) };
}

/// Reads the configuration. A fault in it is logged once and answers every call.
fn start() -> Result<Instance, Error> {
    let limits =
        Limits::configured(1_000_000).inspect_err(|error| log::error!("start", "{error:?}"))?;
    Ok(Instance {
        broker: Broker::new(limits),
        started: Instant::now(),
        reported: (0, 0),
        reported_at: 0,
    })
}

/// Runs one call: reads the clocks once, and the configuration on the first call of all.
fn call<T>(work: impl FnOnce(&mut Broker, Now) -> Result<T, Error>) -> Result<T, Error> {
    INSTANCE.with_borrow_mut(|slot| {
        let instance = slot
            .get_or_insert_with(start)
            .as_mut()
            .map_err(|error| error.clone())?;
        let steady = u64::try_from(instance.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_millis());
        let outcome = work(
            &mut instance.broker,
            Now {
                steady,
                wall: u64::try_from(wall).unwrap_or(u64::MAX),
            },
        );
        report(instance, steady);
        outcome
    })
}

/// Tells the operator what was refused or forgotten since the last time.
fn report(instance: &mut Instance, now: u64) {
    let counts = instance.broker.counts();
    if counts == instance.reported
        || (instance.reported_at > 0 && now < instance.reported_at + REPORT_EVERY_MS)
    {
        return;
    }
    let (refused, forgotten) = (
        counts.0 - instance.reported.0,
        counts.1 - instance.reported.1,
    );
    log::warn!(
        "limits",
        "{refused} messages refused because the bus is full, {forgotten} message ids forgotten before their window was over"
    );
    instance.reported = counts;
    instance.reported_at = now.max(1);
}

impl Bus for BusMemory {
    fn describe() -> Descriptor {
        Descriptor {
            about: About::new(
                "bus-memory",
                env!("CARGO_PKG_VERSION"),
                "Messages in memory, lost when the host's process ends",
            )
            .config(CONFIG_SCHEMA),
            durability: Durability::Process,
            ordering: Ordering::Key,
            dedupe_window_ms: declared_dedupe_window_ms(),
            max_payload: MAX_PAYLOAD,
        }
    }

    fn publish(messages: Vec<Message>) -> Vec<Result<Ack, Error>> {
        let count = messages.len();
        call(|broker, now| Ok(broker.publish(now, messages)))
            .unwrap_or_else(|error| vec![Err(error); count])
    }

    fn open(consumer: Consumer) -> Result<(), Error> {
        call(|broker, now| broker.open(now, consumer))
    }

    fn close(name: String) -> Result<(), Error> {
        call(|broker, now| broker.close(now, &name))
    }

    fn pull(consumer: String, max: u32, _wait_ms: u32) -> Result<Batch, Error> {
        call(|broker, now| broker.pull(now, &consumer, max))
    }

    fn settle(consumer: String, settlements: Vec<Settlement>) -> Result<u32, Error> {
        call(|broker, now| broker.settle(now, &consumer, &settlements))
    }

    fn extend(consumer: String, tags: Vec<u64>) -> Result<(), Error> {
        call(|broker, now| broker.extend(now, &consumer, &tags))
    }

    fn depth(consumer: String) -> Result<QueueDepth, Error> {
        call(|broker, now| broker.depth(now, &consumer))
    }
}

greentic_sdk::export_bus!(BusMemory);
