//! The logs of partitions, with their time to live and their share of the memory.

use std::rc::Rc;

use greentic_sdk::model::Error;
use greentic_sdk::session::{LogPage, check};

use crate::store::input::check_value;
use crate::store::journal::{Journal, cost};
use crate::store::memory::{Memory, PURGED_PER_CALL, VALUE_COST, length, open, partition_cost};
use crate::store::timers::{Target, Timers};

impl Memory {
    /// Appends to a log and returns the position.
    ///
    /// # Errors
    /// `unavailable` when the memory is full, `invalid` for wrong input.
    #[allow(clippy::too_many_arguments)] // They are those of the contract, and the time.
    pub fn append(
        &mut self,
        now: u64,
        key: &str,
        name: &str,
        id: String,
        value: Vec<u8>,
        max_len: u32,
        ttl_ms: u64,
    ) -> Result<u64, Error> {
        self.purge(now, PURGED_PER_CALL);
        check::partition(key)?;
        check::name(name)?;
        check::name(&id)?;
        check_value(&value)?;
        if max_len == 0 {
            return Err(Error::Invalid(
                "a log keeps at least 1 entry: `max-len` is 0".into(),
            ));
        }
        let need = cost(&id, &value) + VALUE_COST + length(name.len());
        let new = if self.partitions.contains_key(key) {
            0
        } else {
            partition_cost(key)
        };
        self.room(now, need + new)?;
        let expired = self
            .partitions
            .get(key)
            .and_then(|p| p.log(name))
            .is_some_and(|log| now >= log.expires);
        if expired {
            self.remove_log(key, name);
        }
        let partition = open(&mut self.partitions, &mut self.used, key);
        if partition.log(name).is_none() {
            partition.logs.push((name.into(), Journal::default()));
            self.used += VALUE_COST + length(name.len());
        }
        let key = Rc::clone(&partition.key);
        let Some(log) = partition.log_mut(name) else {
            return Err(Error::Internal("a log that was just opened is gone".into()));
        };
        let position = if let Some(position) = log.position(&id) {
            position
        } else {
            self.used += cost(&id, &value);
            let (position, freed) = log.append(id, value, max_len);
            self.used -= freed;
            position
        };
        log.expires = now.saturating_add(ttl_ms);
        queue(&mut self.timers, log, key, name);
        Ok(position)
    }

    /// Entries of a log after a position.
    ///
    /// # Errors
    /// `invalid` for wrong input.
    pub fn range(
        &mut self,
        now: u64,
        key: &str,
        name: &str,
        after: u64,
        limit: u32,
    ) -> Result<LogPage, Error> {
        check::partition(key)?;
        check::name(name)?;
        let log = self
            .partitions
            .get(key)
            .and_then(|partition| partition.log(name))
            .filter(|log| now < log.expires);
        let limit = usize::try_from(limit.min(check::MAX_PAGE)).unwrap_or(0);
        Ok(log.map_or_else(
            || LogPage {
                entries: Vec::new(),
                last: 0,
            },
            |log| LogPage {
                entries: log.after(after, limit),
                last: log.last(),
            },
        ))
    }

    /// A log's timer is due.
    pub(crate) fn log_due(&mut self, now: u64, key: &str, name: &str) {
        let Some(partition) = self.partitions.get_mut(key) else {
            return;
        };
        let key = Rc::clone(&partition.key);
        let Some(log) = partition.log_mut(name) else {
            return;
        };
        log.ticket = None;
        if now < log.expires {
            log.ticket = Some(self.timers.add(log.expires, Target::Log(key, name.into())));
            return;
        }
        self.remove_log(&key, name);
        self.settle(now, &key);
    }

    pub(crate) fn remove_log(&mut self, key: &str, name: &str) {
        let Some(partition) = self.partitions.get_mut(key) else {
            return;
        };
        let Some(log) = partition.remove_log(name) else {
            return;
        };
        self.used -= log.bytes() + VALUE_COST + length(name.len());
        if let Some(ticket) = log.ticket {
            self.timers.cancel(ticket);
        }
    }
}

/// Makes sure that somebody looks at the log when it expires.
pub(crate) fn queue(timers: &mut Timers, log: &mut Journal, key: Rc<str>, name: &str) {
    if log.ticket.is_none_or(|(due, _)| due > log.expires) {
        if let Some(ticket) = log.ticket {
            timers.cancel(ticket);
        }
        log.ticket = Some(timers.add(log.expires, Target::Log(key, name.into())));
    }
}
