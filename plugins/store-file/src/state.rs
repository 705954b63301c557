//! The store's state and how each call changes it: [`Memory`] has the semantics, here is what of it is written.

use greentic_sdk::model::Error;
use greentic_sdk::session::{ClaimError, Entry, Expect, KeyPage, Lease, LogPage, Write, WriteOp};
use greentic_sdk_journal::keeper::{Changes, State};
use greentic_sdk_journal::{Format, Sink};
use greentic_sdk_memory::store::Memory;

use crate::record::{Record, VERSION};

/// Fences that fit in one run. A run begins at its number times this, so a fence of an earlier one is never given out again although
/// leases are not written.
const FENCES: u64 = 1 << 40;

/// The store.
pub struct Kept {
    memory: Memory,
    run: u64,
    now: u64,
}

impl Kept {
    /// An empty store that holds at most so many bytes.
    #[must_use]
    pub fn new(max_bytes: u64) -> Self {
        Self {
            memory: Memory::new(max_bytes),
            run: 0,
            now: 0,
        }
    }

    /// What it holds.
    #[must_use]
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Sets the time, which never goes back.
    fn at(&mut self, now: u64) -> u64 {
        self.now = self.now.max(now);
        self.now
    }

    /// Reads values.
    ///
    /// # Errors
    /// Those of [`Memory::get`].
    pub fn get(
        &mut self,
        now: u64,
        partition: &str,
        names: &[String],
    ) -> Result<Vec<Option<Entry>>, Error> {
        let now = self.at(now);
        self.memory.get(now, partition, names)
    }

    /// Names in partitions that begin with `prefix`.
    ///
    /// # Errors
    /// Those of [`Memory::list`].
    pub fn list(
        &mut self,
        now: u64,
        prefix: &str,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<KeyPage, Error> {
        let now = self.at(now);
        self.memory.list(now, prefix, cursor, limit)
    }

    /// Entries of a log.
    ///
    /// # Errors
    /// Those of [`Memory::range`].
    pub fn range(
        &mut self,
        now: u64,
        partition: &str,
        name: &str,
        after: u64,
        limit: u32,
    ) -> Result<LogPage, Error> {
        let now = self.at(now);
        self.memory.range(now, partition, name, after, limit)
    }

    /// Deletes a value.
    ///
    /// # Errors
    /// Those of [`Memory::delete`].
    pub fn delete(
        &mut self,
        now: u64,
        changes: &mut Changes<'_>,
        partition: &str,
        name: &str,
        expect: &Expect,
    ) -> Result<(), Error> {
        let now = self.at(now);
        self.memory.delete(now, partition, name, expect)?;
        changes.keep(&Record::Gone { partition, name }.bytes());
        Ok(())
    }

    /// Sets how long a value has to live.
    ///
    /// # Errors
    /// Those of [`Memory::touch`].
    pub fn touch(
        &mut self,
        now: u64,
        changes: &mut Changes<'_>,
        partition: &str,
        name: &str,
        ttl_ms: u64,
    ) -> Result<(), Error> {
        let now = self.at(now);
        self.memory.touch(now, partition, name, ttl_ms)?;
        let record = Record::Expiry {
            partition,
            name,
            expires: now.saturating_add(ttl_ms),
        };
        changes.note(&record.bytes());
        Ok(())
    }

    /// Appends to a log.
    ///
    /// # Errors
    /// Those of [`Memory::append`].
    #[allow(clippy::too_many_arguments)] // They are those of the contract, the time and the changes.
    pub fn append(
        &mut self,
        now: u64,
        changes: &mut Changes<'_>,
        partition: &str,
        name: &str,
        id: String,
        value: Vec<u8>,
        max_len: u32,
        ttl_ms: u64,
    ) -> Result<u64, Error> {
        let now = self.at(now);
        let last = self.memory.range(now, partition, name, u64::MAX, 1)?.last;
        let expires = now.saturating_add(ttl_ms);
        let record = Record::Entry {
            partition,
            name,
            position: last + 1,
            id: &id,
            max_len,
            expires,
            value: &value,
        }
        .bytes();
        let position = self
            .memory
            .append(now, partition, name, id, value, max_len, ttl_ms)?;
        if position > last {
            changes.keep(&record);
        } else {
            let record = Record::LogExpiry {
                partition,
                name,
                expires,
            };
            changes.note(&record.bytes());
        }
        Ok(position)
    }

    /// Leases a partition. Leases are not written: who holds one has no more to say when the store is opened anew.
    ///
    /// # Errors
    /// Those of [`Memory::claim`].
    pub fn claim(
        &mut self,
        now: u64,
        partition: &str,
        owner: &str,
        ttl_ms: u64,
        read: &[String],
    ) -> Result<Lease, ClaimError> {
        let now = self.at(now);
        self.memory.claim(now, partition, owner, ttl_ms, read)
    }

    /// Prolongs a lease.
    ///
    /// # Errors
    /// Those of [`Memory::renew`].
    pub fn renew(
        &mut self,
        now: u64,
        partition: &str,
        fence: u64,
        ttl_ms: u64,
    ) -> Result<(), Error> {
        let now = self.at(now);
        self.memory.renew(now, partition, fence, ttl_ms)
    }

    /// Ends a lease.
    ///
    /// # Errors
    /// Those of [`Memory::release`].
    pub fn release(&mut self, now: u64, partition: &str, fence: u64) -> Result<(), Error> {
        let now = self.at(now);
        self.memory.release(now, partition, fence)
    }

    /// All writes or none. They are one record after another in one frame, so they are on the disk together or not at all.
    ///
    /// # Errors
    /// Those of [`Memory::commit`].
    pub fn commit(
        &mut self,
        now: u64,
        changes: &mut Changes<'_>,
        partition: &str,
        fence: Option<u64>,
        writes: Vec<Write>,
        release: bool,
    ) -> Result<Vec<u64>, Error> {
        let now = self.at(now);
        let (mut revision, _) = self.memory.counters();
        // Made before the values are given away, with the revisions they are about to get.
        let mut records = Vec::with_capacity(writes.len());
        for write in &writes {
            let name = write.name.as_str();
            let record = match &write.op {
                WriteOp::Delete => Record::Gone { partition, name },
                WriteOp::Put(put) => {
                    revision += 1;
                    Record::Value {
                        partition,
                        name,
                        revision,
                        expires: put.ttl_ms.map(|ttl| now.saturating_add(ttl)),
                        value: &put.value,
                    }
                }
            };
            records.push(record.bytes());
        }
        let revisions = self.memory.commit(now, partition, fence, writes, release)?;
        records.iter().for_each(|record| changes.keep(record));
        Ok(revisions)
    }
}

impl State for Kept {
    const FORMAT: Format = Format {
        kind: "store-file",
        version: VERSION,
    };

    fn replay(&mut self, record: &[u8]) -> Result<(), String> {
        let record = Record::read(record)?;
        if let Record::Run { number, .. } = record {
            self.run = self.run.max(number);
        }
        record.apply(&mut self.memory);
        Ok(())
    }

    fn resume(&mut self) {
        self.run += 1;
        self.memory.resume(0, self.run.saturating_mul(FENCES));
    }

    fn records(&self, sink: &mut Sink<'_>) {
        let (revision, _) = self.memory.counters();
        let run = Record::Run {
            number: self.run,
            revision,
        };
        sink.add(&run.bytes());
        self.memory
            .parts(self.now, |part| sink.add(&Record::from(part).bytes()));
    }
}
