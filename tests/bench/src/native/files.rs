//! In files: the plugins' own state and journal, a folder for each thread.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::anyhow;
use bus_file::state::Kept as Messages;
use greentic_sdk::bus::{Delivery, Message, Settlement};
use greentic_sdk::session::{Lease, Write};
use greentic_sdk_journal::Damage;
use greentic_sdk_journal::keeper::Keeper;
use greentic_sdk_memory::bus::Limits;
use store_file::state::Kept as Sessions;

use super::{BATCH, Backing, LEASE_MS, RECORD, Side, Wake, now_ms, owner};

/// Ids that the bus remembers; the plugin's default.
const DEDUPE_MAX: usize = 200_000;

/// Numbers the folders.
static THREADS: AtomicUsize = AtomicUsize::new(0);

/// A store and a bus in files.
pub struct Files {
    sessions: Keeper<Sessions>,
    messages: Keeper<Messages>,
    wake: Wake,
}

impl Files {
    /// Makes a folder of the thread's own and opens the consumers.
    ///
    /// # Errors
    /// When the folder cannot be written or the bus refuses a consumer.
    pub async fn open(folder: &Path) -> anyhow::Result<Self> {
        let number = THREADS.fetch_add(1, Ordering::Relaxed);
        let folder = folder.join(number.to_string());
        let (sessions, messages) = (folder.join("sessions"), folder.join("messages"));
        std::fs::create_dir_all(&sessions)?;
        std::fs::create_dir_all(&messages)?;
        let failed = |error| anyhow!("{error:?}");
        let limits = Limits::configured(DEDUPE_MAX).map_err(failed)?;
        let damage = Damage::configured().map_err(failed)?;
        let files = Self {
            sessions: store_file::keeper(sessions).map_err(failed)?,
            messages: Keeper::new(messages, damage, move || Messages::new(limits)),
            wake: Wake::default(),
        };
        for side in Side::BOTH {
            let opened = files
                .messages
                .call(|kept, changes| kept.open(now_ms(), changes, side.to_open()))
                .await;
            let opened = opened.map_err(failed)?;
            opened.map_err(failed)?;
        }
        Ok(files)
    }
}

impl Backing for Files {
    async fn publish(&self, side: Side, messages: Vec<Message>) -> bool {
        let published = self
            .messages
            .call(|kept, changes| kept.publish(now_ms(), changes, messages))
            .await;
        self.wake.of(side).notify_one();
        published.is_ok_and(|published| published.iter().all(Result::is_ok))
    }

    async fn pull(&self, side: Side) -> Option<Vec<Vec<Delivery>>> {
        loop {
            let batch = self
                .messages
                .call(|kept, changes| kept.pull(now_ms(), changes, side.consumer(), BATCH))
                .await;
            let deliveries = batch.ok()?.ok()?.deliveries;
            if !deliveries.is_empty() {
                return Some(deliveries.into_iter().map(|one| vec![one]).collect());
            }
            self.wake.of(side).notified().await;
        }
    }

    async fn settle(&self, side: Side, settlements: Vec<Settlement>) -> bool {
        let settled = self
            .messages
            .call(|kept, changes| kept.settle(now_ms(), changes, side.consumer(), &settlements))
            .await;
        settled.is_ok_and(|settled| settled.is_ok())
    }

    async fn claim(&self, partition: &str) -> Option<Lease> {
        let read = [RECORD.to_owned()];
        let claimed = self
            .sessions
            .call(|kept, _| kept.claim(now_ms(), partition, &owner(), LEASE_MS, &read))
            .await;
        claimed.ok()?.ok()
    }

    async fn commit(&self, partition: &str, fence: u64, writes: Vec<Write>) -> Option<()> {
        let committed = self
            .sessions
            .call(|kept, changes| {
                kept.commit(now_ms(), changes, partition, Some(fence), writes, true)
            })
            .await;
        committed.ok()?.ok().map(drop)
    }
}
