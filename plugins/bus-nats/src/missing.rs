//! Messages the server counts as delivered and delivers to nobody again.
//!
//! Seen with nats-server 2.9.10 after it was killed: one message stays in the consumer's count of what is not acknowledged, its ack wait
//! long over, while others around it are delivered again. A partition that waits for it would wait for ever, so it is taken from the stream
//! by its number. Should somebody have worked on it meanwhile, its effects still happen once: that is the host's promise, not the order's.

use std::rc::Rc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use greentic_sdk::{log, time};
use serde_json::{Value, json};

use crate::client::Client;
use crate::consumer::{Consumer, Part};
use crate::jetstream::{NO_MESSAGE, State, read, start};
use crate::setup::{ACK_WAIT_MS, filter};
use crate::wire::Message;

/// How long a partition waits without anything coming before it looks: three times the server's ack wait.
const PATIENCE: Duration = Duration::from_millis(3 * ACK_WAIT_MS);
/// Messages looked at in one go.
const LOOKS: usize = 64;

/// What a partition waits for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Waiting {
    since: Option<(Instant, usize)>,
    state: State,
    /// Where the next look begins.
    from: u64,
}

impl Part {
    /// Notes what the server says now.
    pub fn note(&mut self, state: State) {
        let held = self.shard.len();
        self.waiting = match self.waiting.since {
            _ if !self.shard.is_recovering() => Waiting::default(),
            Some((_, before)) if before == held => Waiting {
                state,
                ..self.waiting
            },
            _ => Waiting {
                since: Some((Instant::now(), held)),
                state,
                from: 0,
            },
        };
    }

    fn is_stuck(&self) -> bool {
        let ours = u64::try_from(self.shard.len()).unwrap_or(u64::MAX);
        let since = self.waiting.since;
        self.lease.is_some()
            && self.begun
            && self.waiting.state.unacknowledged > ours
            && since.is_some_and(|(since, _)| since.elapsed() > PATIENCE)
    }
}

/// Looks for what the partitions wait for that wait too long.
pub async fn find(consumer: &Rc<Consumer>, client: &Rc<Client>, prefix: &str) {
    let stuck: Vec<(usize, Waiting)> = {
        let parts = consumer.parts.borrow();
        let stuck = parts.iter().enumerate().filter(|(_, part)| part.is_stuck());
        stuck.map(|(place, part)| (place, part.waiting)).collect()
    };
    for (place, waiting) in stuck {
        look(consumer, client, prefix, place, waiting).await;
    }
}

async fn look(
    consumer: &Rc<Consumer>,
    client: &Rc<Client>,
    prefix: &str,
    place: usize,
    waiting: Waiting,
) {
    let partitions = consumer.parts.borrow().len();
    let partitions = u32::try_from(partitions).unwrap_or(u32::MAX);
    let subject = filter(&consumer.settings, prefix, place, partitions);
    let mut from = waiting.from.max(waiting.state.floor + 1);
    for _ in 0..LOOKS {
        let body = json!({ "seq": from, "next_by_subj": subject });
        let call = format!("STREAM.MSG.GET.{prefix}");
        let Ok(request) = start(client, &call, &body) else {
            return;
        };
        let found = match read(request.wait().await) {
            Ok(answer) => stored(&answer, &format!("{prefix}.{}", consumer.name(place))),
            Err(error) if error.code() == Some(NO_MESSAGE) => None,
            Err(_) => return,
        };
        let found = found.filter(|(number, _)| *number <= waiting.state.stream);
        let mut parts = consumer.parts.borrow_mut();
        let Some(part) = parts.get_mut(place).filter(|part| part.is_stuck()) else {
            return;
        };
        let Some((number, message)) = found else {
            log::warn!(
                "consumer",
                "the server counts {} messages of `{}` as delivered that are not in the stream; it goes on without them",
                waiting.state.unacknowledged,
                consumer.name(place)
            );
            part.shard.go_on_without();
            part.waiting = Waiting::default();
            drop(parts);
            consumer.changes.notify();
            return;
        };
        from = number + 1;
        part.waiting.from = from;
        if part.shard.knows(number) {
            continue;
        }
        if let Some(held) = consumer.read(&message) {
            log::warn!(
                "consumer",
                "the server does not deliver message {number} of `{}` again, which nobody acknowledged; it is read from the stream",
                consumer.name(place)
            );
            part.shard.take(held);
        }
    }
}

/// A message of the stream as if it had been delivered: its number, and where it is acknowledged, which the server knows by that number.
fn stored(answer: &Value, consumer: &str) -> Option<(u64, Message)> {
    let message = answer.get("message")?;
    let text = |name| message.get(name).and_then(Value::as_str);
    let bytes = |name| STANDARD.decode(text(name).unwrap_or_default()).ok();
    let number = message.get("seq")?.as_u64()?;
    let nanos = time::now_ms().saturating_mul(1_000_000);
    let message = Message {
        subject: text("subject")?.to_owned(),
        subscription: 0,
        // Delivered once before; it has no number among the deliveries.
        reply: format!("$JS.ACK.{consumer}.2.{number}.0.{nanos}.0"),
        headers: bytes("hdrs")?,
        payload: bytes("data")?,
    };
    Some((number, message))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::stored;
    use crate::jetstream::Place;

    #[test]
    fn a_message_of_the_stream_is_read_and_knows_where_it_is_acknowledged() {
        let answer = json!({"message": {
            "subject": "greentic.m.3.a.b", "seq": 2463, "time": "2026-01-01T00:00:00Z",
            "hdrs": "TkFUUy8xLjANCg0K", "data": "eA==",
        }});
        let (number, message) = stored(&answer, "greentic.egress-3").unwrap();
        assert_eq!(number, 2463);
        assert_eq!(message.subject, "greentic.m.3.a.b");
        assert_eq!(message.headers, b"NATS/1.0\r\n\r\n");
        assert_eq!(message.payload, b"x");
        let place = Place::read(&message.reply).unwrap();
        assert_eq!(
            (place.stream, place.consumer, place.delivered),
            (2463, 0, 2)
        );
        assert!(message.reply.starts_with("$JS.ACK.greentic.egress-3.2."));
        assert_eq!(stored(&json!({}), "c").map(|(number, _)| number), None);
    }
}
