//! One ordered log: positions that grow by one, and ids by which an entry is known again.

use std::collections::VecDeque;
use std::rc::Rc;

use greentic_sdk::hash::Map;
use greentic_sdk::session::LogEntry;

use crate::store::timers::Ticket;

/// What an entry costs beside its bytes: its places in the queue and in the table of ids.
const ENTRY_COST: u64 = 112;

struct Item {
    id: Rc<str>,
    value: Vec<u8>,
}

/// The log.
#[derive(Default)]
pub struct Journal {
    items: VecDeque<Item>,
    ids: Map<Rc<str>, u64>,
    /// The newest position, 0 when nothing was ever appended.
    last: u64,
    /// When the log is gone.
    pub expires: u64,
    /// Its entry in the queue of what expires.
    pub ticket: Option<Ticket>,
    bytes: u64,
}

/// What one entry counts for.
#[must_use]
pub fn cost(id: &str, value: &[u8]) -> u64 {
    ENTRY_COST
        + 2 * crate::store::memory::length(id.len())
        + crate::store::memory::length(value.len())
}

impl Journal {
    /// The position an id has in the log.
    #[must_use]
    pub fn position(&self, id: &str) -> Option<u64> {
        self.ids.get(id).copied()
    }

    /// Appends, keeps the newest `max_len` entries, and returns the position and how many bytes were given back.
    pub fn append(&mut self, id: String, value: Vec<u8>, max_len: u32) -> (u64, u64) {
        self.last += 1;
        self.bytes += cost(&id, &value);
        let id: Rc<str> = id.into();
        self.ids.insert(Rc::clone(&id), self.last);
        self.items.push_back(Item { id, value });
        let mut freed = 0;
        while self.items.len() > usize::try_from(max_len).unwrap_or(usize::MAX) {
            let Some(old) = self.items.pop_front() else {
                break;
            };
            freed += cost(&old.id, &old.value);
            self.ids.remove(&old.id);
        }
        self.bytes -= freed;
        (self.last, freed)
    }

    /// Entries after a position.
    #[must_use]
    pub fn after(&self, after: u64, limit: usize) -> Vec<LogEntry> {
        let first = self.last + 1 - crate::store::memory::length(self.items.len());
        let skip =
            usize::try_from(after.saturating_add(1).saturating_sub(first)).unwrap_or(usize::MAX);
        (after.saturating_add(1).clamp(first, self.last + 1)..)
            .zip(self.items.iter().skip(skip))
            .take(limit)
            .map(|(position, item)| LogEntry {
                position,
                value: item.value.clone(),
            })
            .collect()
    }

    /// The log as if so many entries had been appended and dropped.
    pub(crate) fn skip_to(&mut self, last: u64) {
        self.last = last;
    }

    /// Its entries: position, id and value.
    pub fn entries(&self) -> impl Iterator<Item = (u64, &str, &[u8])> {
        let first = self.last + 1 - crate::store::memory::length(self.items.len());
        (first..)
            .zip(&self.items)
            .map(|(position, item)| (position, item.id.as_ref(), item.value.as_slice()))
    }

    /// The newest position.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.last
    }

    /// What its entries count for.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}
