//! Giving back what expired, and partitions nothing is left of.

use std::rc::Rc;

use crate::store::memory::{Memory, forget, partition_cost, set_expiry};
use crate::store::timers::Target;

impl Memory {
    /// Gives back up to so many expired things. Called by every call that writes, so nothing ever looks through all there is.
    pub fn purge(&mut self, now: u64, most: usize) {
        for _ in 0..most {
            let Some(target) = self.timers.due(now) else {
                return;
            };
            match target {
                Target::Value(key, name) => self.value_due(now, &key, &name),
                Target::Log(key, name) => self.log_due(now, &key, &name),
                Target::Partition(key) => {
                    if let Some(partition) = self.partitions.get_mut(&key) {
                        partition.ticket = None;
                    }
                    self.settle(now, &key);
                }
            }
        }
    }

    fn value_due(&mut self, now: u64, key: &str, name: &str) {
        let Some(partition) = self.partitions.get_mut(key) else {
            return;
        };
        let Some((kept, value)) = partition.names.get_mut(name) else {
            return;
        };
        value.ticket = None;
        if value.lives(now) {
            let expires = value.expires;
            set_expiry(&mut self.timers, &partition.key, kept, value, expires);
            return;
        }
        self.remove_value(key, name);
        self.settle(now, key);
    }

    /// Takes a value out, without looking what is left.
    pub(crate) fn remove_value(&mut self, key: &str, name: &str) {
        let Some(partition) = self.partitions.get_mut(key) else {
            return;
        };
        let Some(value) = partition.names.remove(name) else {
            return;
        };
        forget(&mut self.timers, &mut self.used, name, &value);
    }

    /// After something was taken out of a partition: takes it from the index when it has no values, and away when it has
    /// nothing at all. While it is leased it stays, to be looked at again when the lease ends.
    pub(crate) fn settle(&mut self, now: u64, key: &str) {
        let Some(partition) = self.partitions.get_mut(key) else {
            return;
        };
        if partition.names.is_empty() {
            self.index.remove(key);
        }
        if !partition.is_bare() {
            return;
        }
        if partition.holder.lives(now) {
            if partition.ticket.is_none() {
                let due = partition.holder.expires;
                partition.ticket = Some(
                    self.timers
                        .add(due, Target::Partition(Rc::clone(&partition.key))),
                );
            }
            return;
        }
        if let Some(ticket) = partition.ticket {
            self.timers.cancel(ticket);
        }
        self.used -= partition_cost(key);
        self.partitions.remove(key);
    }
}
