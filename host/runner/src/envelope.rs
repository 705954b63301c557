//! What travels over the bus. The bus sees opaque bytes; this is the one place that knows what is in them.
//!
//! The first byte is the version of the encoding, so that hosts of different versions on one bus refuse what they cannot read
//! and do not misread it.

use greentic_interfaces::model::{Event, Outbound};
use greentic_session::Alarm;
use greentic_types::MessageId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

const VERSION: u8 = 2;

/// An event on its way to a flow.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Inbound {
    /// Derived from channel and dedupe key.
    pub id: MessageId,
    /// What the channel read.
    pub event: Event,
    /// Set when no channel read it: a wait is over.
    pub alarm: Option<Alarm>,
}

/// A message on its way to a platform.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Outgoing {
    /// Derived from the event's id.
    pub id: MessageId,
    /// What the flow said.
    pub message: Outbound,
    /// When the event that caused it came in, in milliseconds since the epoch; 0 when unknown.
    pub since_ms: u64,
}

/// A payload that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// Written by another version.
    #[error("the message has encoding version {0}, this host reads {VERSION}")]
    Version(u8),
    /// No message of ours.
    #[error("the message is damaged: {0}")]
    Damaged(#[from] postcard::Error),
    /// No bytes.
    #[error("the message is empty")]
    Empty,
}

/// Encodes an envelope.
///
/// # Errors
/// Never in practice: nothing in an envelope fails to encode.
pub fn encode<T: Serialize>(envelope: &T) -> Result<Vec<u8>, EnvelopeError> {
    let mut bytes = Vec::with_capacity(256);
    bytes.push(VERSION);
    Ok(postcard::to_extend(envelope, bytes)?)
}

/// Reads an envelope.
///
/// # Errors
/// [`EnvelopeError`] for another version or bytes that are none.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, EnvelopeError> {
    match bytes.split_first() {
        Some((&VERSION, rest)) => Ok(postcard::from_bytes(rest)?),
        Some((&version, _)) => Err(EnvelopeError::Version(version)),
        None => Err(EnvelopeError::Empty),
    }
}
