//! The record of a session: what is read before a turn and written after it, in one value.

use greentic_types::MessageId;
use serde::{Deserialize, Serialize};

/// Version of the encoding; the first byte of a stored record.
const VERSION: u8 = 3;
/// The version before flows had versions.
const WITHOUT_FLOW_VERSION: u8 = 2;

/// A message that goes out because of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// Derived from the event's id, so that publishing it again changes nothing.
    pub id: MessageId,
    /// The envelope as it is published.
    pub payload: Vec<u8>,
}

/// A wait that ends by itself: the host comes back to the conversation at that time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// When, in milliseconds since the epoch.
    pub due_ms: u64,
    /// The event whose turn began the wait.
    pub wait: MessageId,
}

/// Everything a turn reads and changes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Record {
    /// The flow the conversation is in: `pack/flow`, or a plugin's name. Empty when none is.
    pub flow: String,
    /// The version of that flow the conversation began with; 0 when it is not known.
    pub flow_version: u64,
    /// What the flow handed over for its next turn.
    pub snapshot: Option<Vec<u8>>,
    /// When the conversation's wait is over, in milliseconds since the epoch; 0 when it does not wait.
    pub until_ms: u64,
    /// Set when the flow is to be told that nobody answered.
    pub alarm: Option<Alarm>,
    /// Turns in a row that failed.
    pub failures: u32,
    /// Handled events, oldest first, with the second of their handling.
    pub seen: Vec<(MessageId, u64)>,
    /// What the last handled event sends.
    pub outbox: Vec<Outgoing>,
}

/// A stored record that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Written by another version.
    #[error(
        "the session record has version {0}, this host reads {VERSION}; run the version that wrote it, or delete the session"
    )]
    Version(u8),
    /// Not a record.
    #[error("the session record is damaged: {0}")]
    Damaged(#[from] postcard::Error),
    /// Nothing stored.
    #[error("the session record is empty")]
    Empty,
}

impl Record {
    /// Reads a stored record.
    ///
    /// # Errors
    /// [`RecordError`] for another version or damaged bytes. Such a record is never overwritten.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        match bytes.split_first() {
            Some((&VERSION, rest)) => Ok(postcard::from_bytes(rest)?),
            Some((&WITHOUT_FLOW_VERSION, rest)) => {
                let (flow, snapshot, until_ms, alarm, failures, seen, outbox) =
                    postcard::from_bytes(rest)?;
                Ok(Self {
                    flow,
                    flow_version: 0,
                    snapshot,
                    until_ms,
                    alarm,
                    failures,
                    seen,
                    outbox,
                })
            }
            Some((&version, _)) => Err(RecordError::Version(version)),
            None => Err(RecordError::Empty),
        }
    }

    /// The bytes to store.
    ///
    /// # Errors
    /// Never in practice: the record holds nothing that cannot be encoded.
    pub fn encode(&self) -> Result<Vec<u8>, RecordError> {
        let mut bytes = Vec::with_capacity(256);
        bytes.push(VERSION);
        Ok(postcard::to_extend(self, bytes)?)
    }

    /// Forgets the conversation, so that the next event begins a new one. What was handled and what is to be sent stays.
    pub fn begin_anew(&mut self) {
        self.flow = String::new();
        self.flow_version = 0;
        self.snapshot = None;
        self.until_ms = 0;
        self.alarm = None;
    }

    /// Whether this event was handled already.
    #[must_use]
    pub fn has_seen(&self, event: MessageId) -> bool {
        self.seen.iter().rev().any(|(id, _)| *id == event)
    }

    /// Whether it is the event handled last, whose outbox stands in the record.
    #[must_use]
    pub fn is_last(&self, event: MessageId) -> bool {
        self.seen.last().is_some_and(|(id, _)| *id == event)
    }

    /// Marks an event as handled and forgets those older than `keep_seconds`, and the oldest beyond `most`.
    pub fn mark(&mut self, event: MessageId, now_seconds: u64, keep_seconds: u64, most: usize) {
        self.seen.push((event, now_seconds));
        let old = self
            .seen
            .iter()
            .take_while(|(_, at)| at.saturating_add(keep_seconds) < now_seconds)
            .count();
        let surplus = self.seen.len().saturating_sub(most);
        self.seen
            .drain(..old.max(surplus).min(self.seen.len().saturating_sub(1)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use greentic_types::{ChannelRef, Id};

    fn id(key: &str) -> MessageId {
        let id = |text| Id::new(text).expect("an identifier");
        MessageId::of_event(
            &ChannelRef {
                env: id("e"),
                tenant: id("t"),
                team: id("x"),
                channel: id("c"),
            },
            key,
        )
    }

    #[test]
    fn a_record_reads_back_and_another_version_is_refused_and_not_guessed() {
        let mut record = Record {
            flow: "helpdesk/welcome".into(),
            snapshot: Some(vec![1, 2]),
            ..Record::default()
        };
        record.mark(id("a"), 10, 100, 8);
        record.outbox.push(Outgoing {
            id: id("a").derive(0),
            payload: vec![9],
        });
        let mut bytes = record.encode().expect("encodes");
        assert_eq!(Record::decode(&bytes).expect("decodes"), record);
        bytes[0] = 9;
        assert!(matches!(
            Record::decode(&bytes),
            Err(RecordError::Version(9))
        ));
        assert!(matches!(Record::decode(&[]), Err(RecordError::Empty)));
        assert!(matches!(
            Record::decode(&[VERSION, 255, 255]),
            Err(RecordError::Damaged(_))
        ));
    }

    #[test]
    fn a_record_from_before_flows_had_versions_is_read() {
        let record = Record {
            flow: "helpdesk/welcome".into(),
            snapshot: Some(vec![1, 2]),
            failures: 2,
            seen: vec![(id("a"), 10)],
            ..Record::default()
        };
        let fields = (
            &record.flow,
            &record.snapshot,
            record.until_ms,
            &record.alarm,
            record.failures,
            &record.seen,
            &record.outbox,
        );
        let bytes = postcard::to_extend(&fields, vec![WITHOUT_FLOW_VERSION]).expect("encodes");
        assert_eq!(Record::decode(&bytes).expect("decodes"), record);
    }

    #[test]
    fn handled_events_are_remembered_for_their_time_and_up_to_their_number() {
        let mut record = Record::default();
        for n in 0..10u64 {
            record.mark(id(&n.to_string()), n, 1_000, 4);
        }
        assert_eq!(record.seen.len(), 4);
        assert!(record.has_seen(id("9")) && record.has_seen(id("6")) && !record.has_seen(id("5")));
        assert!(record.is_last(id("9")) && !record.is_last(id("8")));
        record.mark(id("late"), 2_000, 1_000, 4);
        assert_eq!(
            record.seen.len(),
            1,
            "events older than their time are forgotten"
        );
        assert!(record.has_seen(id("late")));
    }
}
