//! Ids of messages on the bus, derived and never drawn: the same event gives the same id on every host and at every attempt,
//! which is what makes a second publish of it harmless.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ChannelRef;

/// The first 128 bits of a SHA-256. Two different messages share one with a probability below 2⁻⁶⁴ after four thousand million messages.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MessageId([u8; 16]);

impl MessageId {
    /// The id of an event: derived from where it came in and from the platform's own dedupe key.
    #[must_use]
    pub fn of_event(channel: &ChannelRef, dedupe_key: &str) -> Self {
        let mut hash = Sha256::new();
        for part in [
            channel.env.as_str(),
            channel.tenant.as_str(),
            channel.team.as_str(),
            channel.channel.as_str(),
        ] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        hash.update(dedupe_key.as_bytes());
        Self::first_half(&hash.finalize())
    }

    /// The id of the `index`th thing that follows from this one, such as a reply.
    #[must_use]
    pub fn derive(&self, index: u32) -> Self {
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update(index.to_be_bytes());
        Self::first_half(&hash.finalize())
    }

    /// The raw bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// A number that is the same for the same id, for seeding a turn.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.0
            .iter()
            .take(8)
            .fold(0, |acc, byte| (acc << 8) | u64::from(*byte))
    }

    fn first_half(digest: &[u8]) -> Self {
        let mut id = [0; 16];
        for (to, from) in id.iter_mut().zip(digest) {
            *to = *from;
        }
        Self(id)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 32];
        match hex::encode_to_slice(self.0, &mut text) {
            Ok(()) => f.write_str(std::str::from_utf8(&text).unwrap_or_default()),
            Err(_) => Err(fmt::Error),
        }
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for MessageId {
    type Err = hex::FromHexError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut id = [0; 16];
        hex::decode_to_slice(text, &mut id)?;
        Ok(Self(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Id;

    fn channel(tenant: &str, team: &str) -> ChannelRef {
        let id = |text| Id::new(text).expect("an identifier");
        ChannelRef {
            env: id("dev"),
            tenant: id(tenant),
            team: id(team),
            channel: id("web"),
        }
    }

    #[test]
    fn the_same_event_has_the_same_id_and_no_other_event_has_it() {
        let id = MessageId::of_event(&channel("a", "b"), "k");
        assert_eq!(id, MessageId::of_event(&channel("a", "b"), "k"));
        for other in [
            MessageId::of_event(&channel("a", "c"), "k"),
            MessageId::of_event(&channel("b", "b"), "k"),
            MessageId::of_event(&channel("a", "b"), "k2"),
            MessageId::of_event(&channel("ab", "b"), "k"),
            id.derive(0),
            id.derive(1),
        ] {
            assert_ne!(id, other);
        }
        assert_ne!(id.derive(0), id.derive(1));
    }

    #[test]
    fn an_id_reads_back_from_its_text() {
        let id = MessageId::of_event(&channel("a", "b"), "k");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string().len(), 32);
    }
}
