//! A message bus in a folder of one machine.
//!
//! What it holds is in memory as in `bus-memory`, whose semantics these are. A message is on the disk before its publishing is answered
//! (`durability: disk`), and many publishers share one `fsync`. Deliveries and settlements are written without one: they survive the end of
//! the process, and what the failure of the machine takes of them is delivered again. A second host that opens the folder takes it over: it
//! cannot be shared. The bundle grants it a folder named `messages` to write.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use greentic_sdk::model::{About, Durability, Error};
use greentic_sdk::started::Started;
use greentic_sdk::time;
use greentic_sdk_journal::Damage;
use greentic_sdk_journal::keeper::Keeper;
use greentic_sdk_memory::bus::{Limits, MAX_PAYLOAD, declared_dedupe_window_ms};
use greentic_sdk_network::bus::{
    Ack, Batch, Bus, Consumer, Descriptor, Message, Ordering, QueueDepth, Settlement,
};
use greentic_sdk_network::convert;
use greentic_sdk_network::signal;
use greentic_sdk_network::timer::within;

mod image;
mod record;
pub mod state;
#[cfg(test)]
mod tests;

use state::Kept;

/// Where the bundle grants the folder inside the sandbox.
pub const FOLDER: &str = "/messages";

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
      "type": "integer", "minimum": 1, "default": 200000,
      "description": "How many ids are remembered at most, about 200 bytes each; beyond that the oldest are forgotten early."
    },
    "after-damage": {
      "enum": ["refuse", "keep-before"], "default": "refuse",
      "description": "What to do about a file that is damaged before its end: refuse it, or go on with what stands before the damage and keep the file as `.damaged`."
    }
  }
}"#;

/// The component.
pub struct BusFile;

/// A bus in a folder, and who waits for its messages.
pub struct Folder {
    keeper: Keeper<Kept>,
    changes: signal::Changes,
}

thread_local! {
    static BUS: Started<Folder> = const { Started::new() };
}

impl Folder {
    /// As the configuration has it.
    ///
    /// # Errors
    /// `invalid` for a configuration that cannot be read.
    pub fn new(folder: PathBuf) -> Result<Self, Error> {
        let limits = Limits::configured(200_000)?;
        Ok(Self {
            keeper: Keeper::new(folder, Damage::configured()?, move || Kept::new(limits)),
            changes: signal::Changes::new(),
        })
    }

    async fn publish(&self, messages: Vec<Message>) -> Result<Vec<Result<Ack, Error>>, Error> {
        let now = time::now_ms();
        let messages = messages.into_iter().map(convert::message).collect();
        let published = self
            .keeper
            .call(|kept, changes| kept.publish(now, changes, messages))
            .await?;
        self.changes.notify();
        let acks = published.into_iter();
        Ok(acks.map(|outcome| outcome.map(convert::ack)).collect())
    }

    async fn pull(&self, consumer: &str, max: u32, wait_ms: u32) -> Result<Batch, Error> {
        let started = Instant::now();
        let most = Duration::from_millis(wait_ms.into());
        loop {
            let seen = self.changes.seen();
            let now = time::now_ms();
            let batch = self
                .keeper
                .call(|kept, changes| kept.pull(now, changes, consumer, max))
                .await??;
            let left = most.saturating_sub(started.elapsed());
            if !batch.deliveries.is_empty() || left.is_zero() {
                return Ok(convert::batch(batch));
            }
            // Until something is published or settled, or a retry or a lost delivery is due.
            let due = batch.next_ms.map_or(left, Duration::from_millis);
            let pause = due.clamp(Duration::from_millis(1), left.max(Duration::from_millis(1)));
            within(pause, self.changes.since(seen)).await;
        }
    }

    async fn settle(&self, consumer: &str, settlements: Vec<Settlement>) -> Result<u32, Error> {
        let now = time::now_ms();
        let settlements: Vec<_> = settlements.into_iter().map(convert::settlement).collect();
        let unknown = self
            .keeper
            .call(|kept, changes| kept.settle(now, changes, consumer, &settlements))
            .await?;
        // The next of a key may be ready now.
        self.changes.notify();
        unknown
    }
}

/// The bus of this instance.
fn bus() -> Result<Rc<Folder>, Error> {
    BUS.with(|started| started.get(|| Folder::new(FOLDER.into())))
}

impl Bus for BusFile {
    fn describe() -> Descriptor {
        Descriptor {
            about: About::new(
                "bus-file",
                env!("CARGO_PKG_VERSION"),
                "Messages in a folder of one machine",
            )
            .write(FOLDER)
            .config(CONFIG_SCHEMA),
            durability: Durability::Disk,
            ordering: Ordering::Key,
            dedupe_window_ms: declared_dedupe_window_ms(),
            max_payload: MAX_PAYLOAD,
        }
    }

    async fn publish(messages: Vec<Message>) -> Vec<Result<Ack, Error>> {
        let count = messages.len();
        let published = match bus() {
            Ok(bus) => bus.publish(messages).await,
            Err(error) => Err(error),
        };
        published.unwrap_or_else(|error| vec![Err(error); count])
    }

    async fn open(consumer: Consumer) -> Result<(), Error> {
        let now = time::now_ms();
        let consumer = convert::consumer(consumer);
        bus()?
            .keeper
            .call(|kept, changes| kept.open(now, changes, consumer))
            .await?
    }

    async fn close(name: String) -> Result<(), Error> {
        let now = time::now_ms();
        bus()?
            .keeper
            .call(|kept, changes| kept.close(now, changes, &name))
            .await?
    }

    async fn pull(consumer: String, max: u32, wait_ms: u32) -> Result<Batch, Error> {
        bus()?.pull(&consumer, max, wait_ms).await
    }

    async fn settle(consumer: String, settlements: Vec<Settlement>) -> Result<u32, Error> {
        bus()?.settle(&consumer, settlements).await
    }

    async fn extend(consumer: String, tags: Vec<u64>) -> Result<(), Error> {
        let now = time::now_ms();
        bus()?
            .keeper
            .call(|kept, _| kept.extend(now, &consumer, &tags))
            .await?
    }

    async fn depth(consumer: String) -> Result<QueueDepth, Error> {
        let now = time::now_ms();
        bus()?
            .keeper
            .call(|kept, _| kept.depth(now, &consumer))
            .await?
            .map(convert::depth)
    }
}

greentic_sdk_network::export_bus!(BusFile);
