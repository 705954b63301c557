//! The ordered log a channel keeps of a conversation, and those who follow it: open sockets.
//!
//! Entries lie in the session store. A follower on this host is woken by name; transient data (typing) goes only to those who
//! follow at that moment.

use std::collections::HashMap;
use std::sync::Arc;

use greentic_interfaces::imports::greentic::channel::log::Page;
use greentic_interfaces::imports::greentic::channel::types::LogEntry;
use greentic_interfaces::model::Error;
use greentic_sandbox::fault::Fault;
use greentic_sandbox::scope::CallScope;
use greentic_session::{Partition, StoreClient};
use greentic_types::ChannelRef;
use parking_lot::Mutex;
use tokio::sync::broadcast;

/// Entries a log keeps.
const KEPT: u32 = 1_000;
/// How long a log lives after its last entry.
const TTL_MS: u64 = 24 * 60 * 60 * 1_000;
/// Largest entry, as the contract says.
const MAX_ENTRY: usize = 256 * 1024;
/// Name of the log in its partition.
const LOG: &str = "log";
/// News a follower may lag behind before it has to read the log again, which it does anyway.
const NEWS: usize = 64;

/// What a follower is told.
#[derive(Debug, Clone)]
pub enum News {
    /// There are new entries: read the log.
    Entries,
    /// Something that is kept nowhere.
    Transient(Arc<[u8]>),
}

/// Logs of all conversations over one store.
pub struct ConversationLogs {
    store: Arc<StoreClient>,
    followers: Mutex<HashMap<Partition, broadcast::Sender<News>>>,
}

impl ConversationLogs {
    /// Over a store.
    pub fn new(store: Arc<StoreClient>) -> Arc<Self> {
        Arc::new(Self {
            store,
            followers: Mutex::default(),
        })
    }

    /// Appends an entry and wakes who follows.
    ///
    /// # Errors
    /// `invalid` for an entry that is too large; the store's error.
    pub async fn append(
        &self,
        channel: &ChannelRef,
        conversation: &str,
        id: String,
        data: Vec<u8>,
    ) -> Result<u64, Error> {
        if data.len() > MAX_ENTRY {
            return Err(Error::Invalid(format!(
                "a log entry has at most {MAX_ENTRY} bytes"
            )));
        }
        let partition = Partition::log(channel, conversation);
        let appended = self.store.append(
            scope(channel),
            partition.as_str().to_owned(),
            LOG.to_owned(),
            id,
            data,
            KEPT,
            TTL_MS,
        );
        let position = appended.await.map_err(down)??;
        self.tell(&partition, News::Entries);
        Ok(position)
    }

    /// Reads entries after a position.
    ///
    /// # Errors
    /// The store's error.
    pub async fn read(
        &self,
        channel: &ChannelRef,
        conversation: &str,
        after: u64,
        limit: u32,
    ) -> Result<Page, Error> {
        let partition = Partition::log(channel, conversation);
        let page = self.store.range(
            scope(channel),
            partition.as_str().to_owned(),
            LOG.to_owned(),
            after,
            limit.clamp(1, KEPT),
        );
        let page = page.await.map_err(down)??;
        let entries = page
            .entries
            .into_iter()
            .map(|entry| LogEntry {
                position: entry.position,
                data: entry.value,
            })
            .collect();
        Ok(Page {
            entries,
            last: page.last,
        })
    }

    /// Tells those who follow now.
    pub fn publish(&self, channel: &ChannelRef, conversation: &str, data: Vec<u8>) {
        self.tell(
            &Partition::log(channel, conversation),
            News::Transient(data.into()),
        );
    }

    /// Follows a conversation from now on.
    pub fn follow(&self, channel: &ChannelRef, conversation: &str) -> broadcast::Receiver<News> {
        let partition = Partition::log(channel, conversation);
        let mut followers = self.followers.lock();
        if followers.len() > 1_024 {
            followers.retain(|_, sender| sender.receiver_count() > 0);
        }
        followers
            .entry(partition)
            .or_insert_with(|| broadcast::channel(NEWS).0)
            .subscribe()
    }

    fn tell(&self, partition: &Partition, news: News) {
        let mut followers = self.followers.lock();
        if let Some(sender) = followers.get(partition)
            && sender.send(news).is_err()
        {
            followers.remove(partition);
        }
    }
}

fn scope(channel: &ChannelRef) -> CallScope {
    CallScope {
        tenant: Some(channel.tenant.clone()),
        ..CallScope::default()
    }
}

fn down(fault: Fault) -> Error {
    Error::Unavailable(fault.to_string())
}
