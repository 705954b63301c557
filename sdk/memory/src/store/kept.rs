//! What a store holds, piece by piece, for who keeps it elsewhere and gives it back.
//!
//! Leases are no part of it: who holds one is gone when the store is given back. [`Memory::resume`] sees to it that fences and revisions
//! go on from where none was ever given out.

use std::rc::Rc;

use crate::store::journal::{Journal, cost};
use crate::store::memory::{Memory, VALUE_COST, length, open, set_expiry};
use crate::store::names::Value;

/// One piece. Times are milliseconds, as the calls gave them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part<'a> {
    /// A value.
    Value {
        /// Its partition.
        partition: &'a str,
        /// Its name.
        name: &'a str,
        /// Its revision.
        revision: u64,
        /// When it is gone; `None` for never.
        expires: Option<u64>,
        /// Its bytes.
        value: &'a [u8],
    },
    /// An entry of a log; they come in the order of their positions.
    Entry {
        /// The log's partition.
        partition: &'a str,
        /// The log's name.
        name: &'a str,
        /// When the log is gone.
        expires: u64,
        /// Its position.
        position: u64,
        /// Its id.
        id: &'a str,
        /// Its bytes.
        value: &'a [u8],
    },
}

impl Memory {
    /// Gives every piece that is there at this time.
    pub fn parts(&self, now: u64, mut each: impl FnMut(Part<'_>)) {
        for partition in self.partitions.values() {
            let values = partition.names.after(None);
            for (name, value) in values.filter(|(_, value)| value.lives(now)) {
                each(Part::Value {
                    partition: &partition.key,
                    name,
                    revision: value.revision,
                    expires: value.expires,
                    value: &value.bytes,
                });
            }
            let logs = partition.logs.iter();
            for (name, log) in logs.filter(|(_, log)| now < log.expires) {
                for (position, id, value) in log.entries() {
                    each(Part::Entry {
                        partition: &partition.key,
                        name,
                        expires: log.expires,
                        position,
                        id,
                        value,
                    });
                }
            }
        }
    }

    /// The newest revision and fence.
    #[must_use]
    pub fn counters(&self) -> (u64, u64) {
        (self.revision, self.fence)
    }

    /// Lets revisions and fences go on behind these.
    pub fn resume(&mut self, revision: u64, fence: u64) {
        self.revision = self.revision.max(revision);
        self.fence = self.fence.max(fence);
    }

    /// Puts a value in the place of whatever is there.
    pub fn restore_value(
        &mut self,
        key: &str,
        name: &str,
        revision: u64,
        expires: Option<u64>,
        bytes: Vec<u8>,
    ) {
        self.revision = self.revision.max(revision);
        self.remove_value(key, name);
        self.used += VALUE_COST + length(name.len()) + length(bytes.len());
        let partition = open(&mut self.partitions, &mut self.used, key);
        let mut value = Value {
            bytes,
            revision,
            expires: None,
            ticket: None,
        };
        let name: Rc<str> = name.into();
        set_expiry(&mut self.timers, &partition.key, &name, &mut value, expires);
        if partition.names.is_empty() {
            self.index.insert(Rc::clone(&partition.key));
        }
        partition.names.insert(name, value);
    }

    /// Takes a value away, if it is there.
    pub fn restore_gone(&mut self, key: &str, name: &str) {
        self.remove_value(key, name);
        self.settle(0, key);
    }

    /// Sets when a value is gone, if it is there.
    pub fn restore_expiry(&mut self, key: &str, name: &str, expires: u64) {
        if let Some(partition) = self.partitions.get_mut(key)
            && let Some((name, value)) = partition.names.get_mut(name)
        {
            let expires = Some(expires);
            set_expiry(&mut self.timers, &partition.key, name, value, expires);
        }
    }

    /// Appends an entry at its position, and keeps the newest `max_len`. A position that does not follow begins the log anew.
    #[allow(clippy::too_many_arguments)] // They are those of an entry.
    pub fn restore_entry(
        &mut self,
        key: &str,
        name: &str,
        position: u64,
        id: &str,
        value: Vec<u8>,
        max_len: u32,
        expires: u64,
    ) {
        let follows = |log: &Journal| log.last() + 1 == position;
        let there = self.partitions.get(key).and_then(|found| found.log(name));
        if there.is_some_and(|log| !follows(log)) {
            self.remove_log(key, name);
        }
        let partition = open(&mut self.partitions, &mut self.used, key);
        if partition.log(name).is_none() {
            let mut log = Journal::default();
            log.skip_to(position.saturating_sub(1));
            partition.logs.push((name.into(), log));
            self.used += VALUE_COST + length(name.len());
        }
        let key = Rc::clone(&partition.key);
        if let Some(log) = partition.log_mut(name) {
            self.used += cost(id, &value);
            let (_, freed) = log.append(id.into(), value, max_len.max(1));
            self.used -= freed;
            log.expires = expires;
            crate::store::logs::queue(&mut self.timers, log, key, name);
        }
    }

    /// Sets when a log is gone, if it is there.
    pub fn restore_log_expiry(&mut self, key: &str, name: &str, expires: u64) {
        if let Some(partition) = self.partitions.get_mut(key) {
            let key = Rc::clone(&partition.key);
            if let Some(log) = partition.log_mut(name) {
                log.expires = expires;
                crate::store::logs::queue(&mut self.timers, log, key, name);
            }
        }
    }
}
