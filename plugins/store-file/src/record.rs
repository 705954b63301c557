//! What is written: effects, not calls, so that a later version of the store reads them as they were meant.

use greentic_sdk_memory::store::Memory;
use greentic_sdk_memory::store::kept::Part;
use serde::{Deserialize, Serialize};

/// The version of [`Record`]. One that changes what an older version wrote gets another number.
pub const VERSION: u32 = 1;

/// One effect. Times are milliseconds since 1970.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record<'a> {
    /// How often the folder was opened, and the newest revision.
    Run { number: u64, revision: u64 },
    /// A value was put.
    Value {
        partition: &'a str,
        name: &'a str,
        revision: u64,
        expires: Option<u64>,
        #[serde(with = "serde_bytes")]
        value: &'a [u8],
    },
    /// A value was deleted.
    Gone { partition: &'a str, name: &'a str },
    /// A value lives until another time.
    Expiry {
        partition: &'a str,
        name: &'a str,
        expires: u64,
    },
    /// An entry was appended to a log, which keeps the newest `max_len`.
    Entry {
        partition: &'a str,
        name: &'a str,
        position: u64,
        id: &'a str,
        max_len: u32,
        expires: u64,
        #[serde(with = "serde_bytes")]
        value: &'a [u8],
    },
    /// A log lives until another time.
    LogExpiry {
        partition: &'a str,
        name: &'a str,
        expires: u64,
    },
}

impl<'a> Record<'a> {
    /// Reads one.
    ///
    /// # Errors
    /// When the bytes are none.
    pub fn read(bytes: &'a [u8]) -> Result<Self, String> {
        postcard::from_bytes(bytes).map_err(|error| error.to_string())
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        // Only a sink that is full or a type without a length can fail, and neither is there.
        postcard::to_stdvec(self).unwrap_or_default()
    }

    /// Makes it so. The number of the run is the caller's.
    pub fn apply(self, memory: &mut Memory) {
        match self {
            Self::Run { revision, .. } => memory.resume(revision, 0),
            Self::Value {
                partition,
                name,
                revision,
                expires,
                value,
            } => memory.restore_value(partition, name, revision, expires, value.into()),
            Self::Gone { partition, name } => memory.restore_gone(partition, name),
            Self::Expiry {
                partition,
                name,
                expires,
            } => memory.restore_expiry(partition, name, expires),
            Self::Entry {
                partition,
                name,
                position,
                id,
                max_len,
                expires,
                value,
            } => memory.restore_entry(
                partition,
                name,
                position,
                id,
                value.into(),
                max_len,
                expires,
            ),
            Self::LogExpiry {
                partition,
                name,
                expires,
            } => memory.restore_log_expiry(partition, name, expires),
        }
    }
}

impl<'a> From<Part<'a>> for Record<'a> {
    fn from(part: Part<'a>) -> Self {
        match part {
            Part::Value {
                partition,
                name,
                revision,
                expires,
                value,
            } => Self::Value {
                partition,
                name,
                revision,
                expires,
                value,
            },
            Part::Entry {
                partition,
                name,
                expires,
                position,
                id,
                value,
            } => Self::Entry {
                partition,
                name,
                position,
                id,
                max_len: u32::MAX,
                expires,
                value,
            },
        }
    }
}
