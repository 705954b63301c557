//! What is written: effects, not calls, so that a later version of the bus reads them as they were meant.

use greentic_sdk::bus::{Consumer, Message};
use serde::{Deserialize, Serialize};

/// The version of [`Record`]. One that changes what an older version wrote gets another number.
pub const VERSION: u32 = 1;

/// One effect. Times are milliseconds since 1970.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record<'a> {
    /// The number of the next message.
    Next { number: u64 },
    /// A durable consumer was opened.
    Opened {
        name: &'a str,
        filter: &'a str,
        max_in_flight: u32,
        ack_wait_ms: u64,
    },
    /// A consumer was closed.
    Closed { name: &'a str },
    /// A message was accepted; it waits for the durable consumers there are.
    Published {
        #[serde(borrow)]
        message: Stored<'a>,
    },
    /// A message that waits for these consumers, with how often it was delivered to each.
    Waiting {
        #[serde(borrow)]
        message: Stored<'a>,
        consumers: Vec<(&'a str, u32)>,
    },
    /// These messages were delivered.
    Delivered {
        consumer: &'a str,
        numbers: Vec<u64>,
    },
    /// These messages need not be delivered again.
    Settled {
        consumer: &'a str,
        numbers: Vec<u64>,
    },
    /// A message with this id was accepted.
    Seen { time_ms: u64, id: &'a str },
}

/// A message with its number.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored<'a> {
    pub number: u64,
    pub time_ms: u64,
    pub subject: &'a str,
    pub id: &'a str,
    pub key: &'a str,
    pub trace: &'a str,
    #[serde(with = "serde_bytes")]
    pub payload: &'a [u8],
}

impl<'a> Stored<'a> {
    /// A message that got this number.
    #[must_use]
    pub fn new(message: &'a Message, number: u64, time_ms: u64) -> Self {
        Self {
            number,
            time_ms,
            subject: &message.subject,
            id: &message.id,
            key: &message.key,
            trace: &message.trace,
            payload: &message.payload,
        }
    }

    /// The message.
    #[must_use]
    pub fn message(&self) -> Message {
        Message {
            subject: self.subject.into(),
            id: self.id.into(),
            key: self.key.into(),
            trace: self.trace.into(),
            payload: self.payload.into(),
        }
    }
}

impl<'a> Record<'a> {
    /// A durable consumer.
    #[must_use]
    pub fn opened(consumer: &'a Consumer) -> Self {
        Self::Opened {
            name: &consumer.name,
            filter: &consumer.filter,
            max_in_flight: consumer.max_in_flight,
            ack_wait_ms: consumer.ack_wait_ms,
        }
    }

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
}
