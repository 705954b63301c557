//! One message, kept once for all consumers it waits for.
//!
//! It stays as it came until it is delivered first: then the pieces that came are handed out, and one packed copy is kept until
//! it is settled. So the usual life of a message, one consumer and one delivery, takes one allocation here and copies its bytes once.

use greentic_sdk::bus::Message;

enum Body {
    Whole(Message),
    Packed(Packed),
}

struct Packed {
    bytes: Box<[u8]>,
    /// Where subject, id, key and trace end; the payload is the rest.
    ends: [usize; 4],
}

/// The message.
pub struct Stored {
    body: Body,
    /// Its number, in the order of publishing.
    pub number: u64,
    /// When it was published, by the wall clock.
    pub time_ms: u64,
    /// What it counts for.
    pub bytes: u64,
    /// Consumers that have not settled it.
    pub waiting: u32,
}

impl Stored {
    /// Keeps a message for so many consumers.
    #[must_use]
    pub fn new(message: Message, number: u64, time_ms: u64, bytes: u64, waiting: u32) -> Self {
        Self {
            body: Body::Whole(message),
            number,
            time_ms,
            bytes,
            waiting,
        }
    }

    /// The message, to be looked at.
    #[must_use]
    pub fn copy(&self) -> Message {
        match &self.body {
            Body::Packed(packed) => packed.unpack(),
            Body::Whole(message) => message.clone(),
        }
    }

    /// The message, to be delivered.
    pub fn hand_out(&mut self) -> Message {
        let packed = match &self.body {
            Body::Packed(packed) => return packed.unpack(),
            Body::Whole(message) => Packed::pack(message),
        };
        match std::mem::replace(&mut self.body, Body::Packed(packed)) {
            Body::Whole(message) => message,
            Body::Packed(packed) => packed.unpack(),
        }
    }
}

impl Packed {
    fn pack(message: &Message) -> Self {
        let texts = [&message.subject, &message.id, &message.key, &message.trace];
        let total = texts.iter().map(|text| text.len()).sum::<usize>() + message.payload.len();
        let mut bytes = Vec::with_capacity(total);
        let ends = texts.map(|text| {
            bytes.extend_from_slice(text.as_bytes());
            bytes.len()
        });
        bytes.extend_from_slice(&message.payload);
        Self {
            bytes: bytes.into_boxed_slice(),
            ends,
        }
    }

    fn unpack(&self) -> Message {
        let [subject, id, key, trace] = self.ends;
        let part = |from: usize, to: usize| self.bytes.get(from..to).unwrap_or_default();
        let text = |from, to| String::from_utf8_lossy(part(from, to)).into_owned();
        Message {
            subject: text(0, subject),
            id: text(subject, id),
            key: text(id, key),
            trace: text(key, trace),
            payload: part(trace, self.bytes.len()).to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Stored;
    use greentic_sdk::bus::Message;

    #[test]
    fn a_message_is_handed_out_the_same_each_time() {
        for (key, trace, payload) in [("k", "", vec![]), ("", "00-ä-01", vec![0, 255, 10])] {
            let message = Message {
                subject: "a.b".into(),
                id: "i".into(),
                key: key.into(),
                trace: trace.into(),
                payload,
            };
            let mut stored = Stored::new(message.clone(), 1, 1, 1, 1);
            for _ in 0..3 {
                assert_eq!(stored.copy(), message);
                assert_eq!(stored.hand_out(), message);
            }
        }
    }
}
