//! In the memory of the thread.

use anyhow::anyhow;
use bus_memory::BusMemory;
use greentic_sdk::bus::{Bus, Delivery, Message, Settlement};
use greentic_sdk::session::{Lease, Store, Write};
use store_memory::StoreMemory;

use super::{BATCH, Backing, LEASE_MS, RECORD, Side, Wake, owner};

/// The plugins in memory, which keep what they hold in the thread.
pub struct Memory {
    wake: Wake,
}

impl Memory {
    /// Opens the consumers.
    ///
    /// # Errors
    /// When the bus refuses one.
    pub fn open() -> anyhow::Result<Self> {
        for side in Side::BOTH {
            let opened = BusMemory::open(side.to_open());
            opened.map_err(|error| anyhow!("`{}`: {error:?}", side.consumer()))?;
        }
        let wake = Wake::default();
        Ok(Self { wake })
    }
}

impl Backing for Memory {
    async fn publish(&self, side: Side, messages: Vec<Message>) -> bool {
        let published = BusMemory::publish(messages);
        self.wake.of(side).notify_one();
        published.iter().all(Result::is_ok)
    }

    async fn pull(&self, side: Side) -> Option<Vec<Vec<Delivery>>> {
        loop {
            let batch = BusMemory::pull(side.consumer().into(), BATCH, 0).ok()?;
            if !batch.deliveries.is_empty() {
                // Nothing waits here, so working beside each other gains nothing.
                return Some(vec![batch.deliveries]);
            }
            self.wake.of(side).notified().await;
        }
    }

    async fn settle(&self, side: Side, settlements: Vec<Settlement>) -> bool {
        BusMemory::settle(side.consumer().into(), settlements).is_ok()
    }

    async fn claim(&self, partition: &str) -> Option<Lease> {
        let read = vec![RECORD.into()];
        StoreMemory::claim(partition.into(), owner(), LEASE_MS, read).ok()
    }

    async fn commit(&self, partition: &str, fence: u64, writes: Vec<Write>) -> Option<()> {
        let committed = StoreMemory::commit(partition.into(), Some(fence), writes, true);
        committed.ok().map(drop)
    }
}
