//! The semantics of `greentic:session/store` over hash maps.
//!
//! Revisions and fences each come from one counter of the whole store: so both only grow, also over a delete, an expiry and a new
//! put, and nothing need be remembered about what is gone. Time is a number of milliseconds the caller gives; expired is absent on
//! every read, and the memory of the expired is given back a few at a time by the calls that follow ([`Memory::purge`]).

use std::collections::BTreeSet;
use std::rc::Rc;

use greentic_sdk::hash::{EntryRef, Map};
use greentic_sdk::model::Error;
use greentic_sdk::session::{ClaimError, Entry, Expect, Lease, Write, WriteOp, check};

use crate::store::input::{check_writes, holds};
use crate::store::names::Value;
use crate::store::partition::Partition;
use crate::store::timers::{Target, Timers};

/// Largest value in bytes.
pub const MAX_VALUE: u64 = 8 * 1024 * 1024;

/// What `max-bytes` is when the bundle does not set it: 512 MiB.
pub const DEFAULT_MAX_BYTES: u64 = 512 * 1024 * 1024;

/// What a value costs beside name and bytes: its place in the array, the allocator's headers, a timer.
pub(crate) const VALUE_COST: u64 = 160;
/// What a partition costs beside its key: its place in the table and in the ordered index.
const PARTITION_COST: u64 = 280;
/// Expired things given back by one call.
pub(crate) const PURGED_PER_CALL: usize = 16;
/// The same for a call that finds the memory full.
const PURGED_WHEN_FULL: usize = 1024;

/// A length as the number it is counted in.
#[must_use]
pub fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// The store.
pub struct Memory {
    pub(crate) partitions: Map<Rc<str>, Partition>,
    /// The partitions with values, in byte order, for listing.
    pub(crate) index: BTreeSet<Rc<str>>,
    pub(crate) timers: Timers,
    pub(crate) revision: u64,
    pub(crate) fence: u64,
    pub(crate) used: u64,
    max_bytes: u64,
}

impl Memory {
    /// An empty store that keeps at most so many bytes.
    #[must_use]
    pub fn new(max_bytes: u64) -> Self {
        Self {
            partitions: Map::default(),
            index: BTreeSet::new(),
            timers: Timers::default(),
            revision: 0,
            fence: 0,
            used: 0,
            max_bytes,
        }
    }

    /// Bytes in use, by the store's own count.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.used
    }

    /// Timers queued, partitions there and partitions listed; all 0 when nothing is kept.
    #[must_use]
    pub fn sizes(&self) -> (usize, usize, usize) {
        (self.timers.len(), self.partitions.len(), self.index.len())
    }

    /// Reads values of one partition.
    ///
    /// # Errors
    /// `invalid` for a wrong partition or name or too many names.
    pub fn get(
        &mut self,
        now: u64,
        key: &str,
        names: &[String],
    ) -> Result<Vec<Option<Entry>>, Error> {
        check::partition(key)?;
        check::names(names)?;
        Ok(read(self.partitions.get(key), now, names))
    }

    /// Writes one value and returns its revision.
    ///
    /// # Errors
    /// `conflict` when `expect` does not hold, `unavailable` when the memory is full, `invalid` for wrong input.
    pub fn put(
        &mut self,
        now: u64,
        key: &str,
        name: String,
        value: Vec<u8>,
        expect: &Expect,
        ttl_ms: Option<u64>,
    ) -> Result<u64, Error> {
        let write = Write {
            name,
            expect: *expect,
            op: WriteOp::Put(greentic_sdk::session::PutOp { value, ttl_ms }),
        };
        let revisions = self.commit(now, key, None, vec![write], false)?;
        revisions
            .first()
            .copied()
            .ok_or_else(|| Error::Internal("a write without a revision".into()))
    }

    /// Deletes a value.
    ///
    /// # Errors
    /// `not-found` when there is none, `conflict` when `expect` does not hold.
    pub fn delete(
        &mut self,
        now: u64,
        key: &str,
        name: &str,
        expect: &Expect,
    ) -> Result<(), Error> {
        self.purge(now, PURGED_PER_CALL);
        check::partition(key)?;
        check::name(name)?;
        let value = self
            .partitions
            .get(key)
            .and_then(|partition| partition.names.get(name))
            .filter(|value| value.lives(now));
        let Some(value) = value else {
            return Err(Error::NotFound);
        };
        if !holds(expect, Some(value)) {
            return Err(Error::Conflict);
        }
        self.remove_value(key, name);
        self.settle(now, key);
        Ok(())
    }

    /// Sets how long a value has to live from now.
    ///
    /// # Errors
    /// `not-found` when there is none.
    pub fn touch(&mut self, now: u64, key: &str, name: &str, ttl_ms: u64) -> Result<(), Error> {
        self.purge(now, PURGED_PER_CALL);
        check::partition(key)?;
        check::name(name)?;
        let Some(partition) = self.partitions.get_mut(key) else {
            return Err(Error::NotFound);
        };
        let Some((name, value)) = partition
            .names
            .get_mut(name)
            .filter(|(_, value)| value.lives(now))
        else {
            return Err(Error::NotFound);
        };
        set_expiry(
            &mut self.timers,
            &partition.key,
            name,
            value,
            Some(now.saturating_add(ttl_ms)),
        );
        Ok(())
    }

    /// Leases a partition and reads values.
    ///
    /// # Errors
    /// `held` with the remaining time when somebody else has it, `unavailable` when the memory is full.
    pub fn claim(
        &mut self,
        now: u64,
        key: &str,
        owner: &str,
        ttl_ms: u64,
        names: &[String],
    ) -> Result<Lease, ClaimError> {
        self.purge(now, PURGED_PER_CALL);
        check::partition(key)
            .and_then(|()| check::names(names))
            .and_then(|()| check::name(owner))
            .map_err(ClaimError::Failed)?;
        if self.used.saturating_add(partition_cost(key)) > self.max_bytes
            && !self.partitions.contains_key(key)
        {
            self.room(now, partition_cost(key))
                .map_err(ClaimError::Failed)?;
        }
        let partition = open(&mut self.partitions, &mut self.used, key);
        let holder = &mut partition.holder;
        if holder.owner != owner {
            if holder.lives(now) {
                return Err(ClaimError::Held(holder.expires - now));
            }
            holder.owner.clear();
            holder.owner.push_str(owner);
        }
        self.fence += 1;
        holder.fence = self.fence;
        holder.expires = now.saturating_add(ttl_ms);
        if partition.is_bare() && partition.ticket.is_none() {
            partition.ticket = Some(self.timers.add(
                partition.holder.expires,
                Target::Partition(Rc::clone(&partition.key)),
            ));
        }
        Ok(Lease {
            fence: self.fence,
            entries: read(Some(partition), now, names),
        })
    }

    /// Prolongs a lease.
    ///
    /// # Errors
    /// `conflict` when the fence is stale or the lease ran out.
    pub fn renew(&mut self, now: u64, key: &str, fence: u64, ttl_ms: u64) -> Result<(), Error> {
        self.purge(now, PURGED_PER_CALL);
        let holder = self
            .partitions
            .get_mut(key)
            .map(|partition| &mut partition.holder);
        let Some(holder) = holder.filter(|holder| holder.held_by(fence, now)) else {
            return Err(Error::Conflict);
        };
        holder.expires = now.saturating_add(ttl_ms);
        Ok(())
    }

    /// Ends a lease.
    ///
    /// # Errors
    /// `conflict` when the fence is stale or the lease ran out.
    pub fn release(&mut self, now: u64, key: &str, fence: u64) -> Result<(), Error> {
        self.purge(now, PURGED_PER_CALL);
        let Some(partition) = self.partitions.get_mut(key) else {
            return Err(Error::Conflict);
        };
        if !partition.holder.held_by(fence, now) {
            return Err(Error::Conflict);
        }
        partition.holder.expires = 0;
        if partition.is_bare() {
            self.settle(now, key);
        }
        Ok(())
    }

    /// All writes or none, in one partition.
    ///
    /// # Errors
    /// `conflict` when the fence is stale, its lease over, or an `expect` does not hold; `unavailable` when the memory is full;
    /// `invalid` for wrong input, two writes of one name, or a release without a fence.
    pub fn commit(
        &mut self,
        now: u64,
        key: &str,
        fence: Option<u64>,
        writes: Vec<Write>,
        release: bool,
    ) -> Result<Vec<u64>, Error> {
        self.purge(now, PURGED_PER_CALL);
        check::partition(key)?;
        let need = check_writes(&writes)?;
        if release && fence.is_none() {
            return Err(Error::Invalid(
                "only a commit with a fence can release".into(),
            ));
        }
        if need > 0 && self.used.saturating_add(need + partition_cost(key)) > self.max_bytes {
            let replaced = self.replaced(key, &writes);
            self.room(now, need.saturating_sub(replaced))?;
        }
        let partition = match self.partitions.entry_ref(key) {
            EntryRef::Occupied(entry) => entry.into_mut(),
            EntryRef::Vacant(entry) => {
                if fence.is_some() || !writes.iter().all(|write| holds(&write.expect, None)) {
                    return Err(Error::Conflict);
                }
                if need == 0 {
                    return Ok(vec![0; writes.len()]);
                }
                self.used += partition_cost(key);
                let key: Rc<str> = key.into();
                entry
                    .insert_entry_with_key(Rc::clone(&key), Partition::new(key))
                    .into_mut()
            }
        };
        if fence.is_some_and(|fence| !partition.holder.held_by(fence, now)) {
            return Err(Error::Conflict);
        }
        for write in &writes {
            if !holds(
                &write.expect,
                partition
                    .names
                    .get(&write.name)
                    .filter(|value| value.lives(now)),
            ) {
                return Err(Error::Conflict);
            }
        }
        let without_values = partition.names.is_empty();
        let mut deleted = false;
        let mut revisions = Vec::with_capacity(writes.len());
        for write in writes {
            let WriteOp::Put(put) = write.op else {
                revisions.push(0);
                if let Some(value) = partition.names.remove(&write.name) {
                    forget(&mut self.timers, &mut self.used, &write.name, &value);
                    deleted = true;
                }
                continue;
            };
            self.revision += 1;
            revisions.push(self.revision);
            let expires = put.ttl_ms.map(|ttl| now.saturating_add(ttl));
            self.used += length(put.value.len());
            if let Some((name, value)) = partition.names.get_mut(&write.name) {
                self.used -= length(value.bytes.len());
                value.bytes = put.value;
                value.revision = self.revision;
                set_expiry(&mut self.timers, &partition.key, name, value, expires);
            } else {
                self.used += VALUE_COST + length(write.name.len());
                let mut value = Value {
                    bytes: put.value,
                    revision: self.revision,
                    expires: None,
                    ticket: None,
                };
                let name: Rc<str> = write.name.into();
                set_expiry(&mut self.timers, &partition.key, &name, &mut value, expires);
                partition.names.insert(name, value);
            }
        }
        if release {
            partition.holder.expires = 0;
        }
        if without_values && !partition.names.is_empty() {
            self.index.insert(Rc::clone(&partition.key));
        }
        if deleted || partition.is_bare() {
            self.settle(now, key);
        }
        Ok(revisions)
    }

    /// What the values take now that these writes put anew.
    fn replaced(&self, key: &str, writes: &[Write]) -> u64 {
        let Some(partition) = self.partitions.get(key) else {
            return 0;
        };
        let puts = writes
            .iter()
            .filter(|write| matches!(write.op, WriteOp::Put(_)));
        puts.filter_map(|write| Some(value_cost(&write.name, partition.names.get(&write.name)?)))
            .sum()
    }

    /// Makes sure that so many bytes more fit.
    pub(crate) fn room(&mut self, now: u64, need: u64) -> Result<(), Error> {
        if self.used.saturating_add(need) <= self.max_bytes {
            return Ok(());
        }
        self.purge(now, PURGED_WHEN_FULL);
        if self.used.saturating_add(need) <= self.max_bytes {
            return Ok(());
        }
        Err(Error::Unavailable(format!(
            "the store is full: {} of {} bytes in use; raise `max-bytes` or shorten how long sessions are kept",
            self.used, self.max_bytes
        )))
    }
}

pub(crate) fn partition_cost(key: &str) -> u64 {
    PARTITION_COST + 2 * length(key.len())
}

pub(crate) fn value_cost(name: &str, value: &Value) -> u64 {
    VALUE_COST + length(name.len()) + length(value.bytes.len())
}

/// The partition of a key, made when it is not there.
pub(crate) fn open<'map>(
    partitions: &'map mut Map<Rc<str>, Partition>,
    used: &mut u64,
    key: &str,
) -> &'map mut Partition {
    match partitions.entry_ref(key) {
        EntryRef::Occupied(entry) => entry.into_mut(),
        EntryRef::Vacant(entry) => {
            *used += partition_cost(key);
            let key: Rc<str> = key.into();
            entry
                .insert_entry_with_key(Rc::clone(&key), Partition::new(key))
                .into_mut()
        }
    }
}

pub(crate) fn set_expiry(
    timers: &mut Timers,
    key: &Rc<str>,
    name: &Rc<str>,
    value: &mut Value,
    expires: Option<u64>,
) {
    value.expires = expires;
    let Some(expires) = expires else { return };
    if let Some(ticket) = value.ticket {
        if ticket.0 <= expires {
            return;
        }
        timers.cancel(ticket);
    }
    value.ticket = Some(timers.add(expires, Target::Value(Rc::clone(key), Rc::clone(name))));
}

pub(crate) fn forget(timers: &mut Timers, used: &mut u64, name: &str, value: &Value) {
    *used -= value_cost(name, value);
    if let Some(ticket) = value.ticket {
        timers.cancel(ticket);
    }
}

fn read(partition: Option<&Partition>, now: u64, names: &[String]) -> Vec<Option<Entry>> {
    let value = |name: &String| {
        let value = partition?
            .names
            .get(name)
            .filter(|value| value.lives(now))?;
        Some(Entry {
            value: value.bytes.clone(),
            revision: value.revision,
        })
    };
    names.iter().map(value).collect()
}
