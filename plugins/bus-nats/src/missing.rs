//! Messages that were delivered before and that a partition does not hold: it reads them from the stream before it goes on.
//!
//! They are with a host that is gone, or were on a connection that broke; or the server was killed. One that was killed (seen with
//! nats-server 2.9.10) comes back with consumers whose state is not the stream's: a message counts as delivered and is delivered to
//! nobody again, counts as acknowledged and was not, or was acknowledged and is still in the stream, for ever. So whatever stands in
//! the stream up to the newest delivery is taken. The server is asked to deliver it again now, which tells how often it was delivered;
//! what it does not deliver again is handed out as it was read, and leaves the stream when it is acknowledged. Should somebody have
//! worked on it before, its effects still happen once: that is the host's promise, not the order's.
//!
//! Where another consumer gets the same subjects, a message may be in the stream for it alone. Then only what that one has
//! acknowledged is read, and the rest is waited for.

use std::rc::Rc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use greentic_sdk::{log, time};
use serde_json::{Value, json};

use crate::client::Client;
use crate::consumer::{Consumer, Part};
use crate::jetstream::{ApiError, NO_MESSAGE, State, read, start};
use crate::owners::owners;
use crate::primer::is_primer;
use crate::setup::{ACK_WAIT_MS, filter};
use crate::wire::Message;

/// How long a partition waits without anything coming before it goes on: three times the server's ack wait.
const PATIENCE: Duration = Duration::from_millis(3 * ACK_WAIT_MS);
/// Messages of a partition looked at in one go.
const LOOKS: usize = 64;
/// Messages a partition holds at most when it reads; it would have to keep them in memory.
const MOST: usize = 4_096;

/// What a partition waits for while something may be missing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Waiting {
    /// What the server said last.
    state: Option<State>,
    /// Since when so many are held.
    since: Option<(Instant, usize)>,
    /// What is still to be read, once that is known.
    range: Option<Range>,
}

/// Numbers of the stream; it is read when `from` is behind `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    from: u64,
    to: u64,
}

impl Range {
    fn is_read(self) -> bool {
        self.from > self.to
    }
}

impl Part {
    /// Begins with what the server says, after a lease was taken or a connection made.
    pub fn begin(&mut self, state: State) {
        self.begun = true;
        self.waiting = Waiting::default();
        self.shard.begin(state);
        self.note(state);
    }

    /// Hears what the server says while something may be missing.
    pub fn hear(&mut self, consumer: &str, state: State) {
        if self.waiting.range.is_some_and(Range::is_read) {
            let read = self.shard.len().saturating_sub(self.shard.counted());
            self.shard.check(state);
            if read > 0 && !self.shard.is_recovering() {
                log::warn!(
                    "consumer",
                    "{read} messages of `{consumer}` that the server does not deliver again were read from the stream"
                );
            }
        }
        self.note(state);
    }

    fn note(&mut self, state: State) {
        if !self.shard.is_recovering() {
            self.waiting = Waiting::default();
            return;
        }
        self.waiting.state = Some(state);
        let held = self.shard.len();
        if self.waiting.since.is_none_or(|(_, before)| before != held) {
            self.waiting.since = Some((Instant::now(), held));
        }
    }

    fn is_searching(&self) -> bool {
        self.lease.is_some() && self.begun && self.shard.is_recovering()
    }

    fn is_reading(&self) -> bool {
        self.is_searching() && self.waiting.range.is_some_and(|range| !range.is_read())
    }

    fn is_stuck(&self) -> bool {
        let since = self.waiting.since;
        self.is_searching()
            && self.waiting.range.is_some_and(Range::is_read)
            && since.is_some_and(|(since, _)| since.elapsed() > PATIENCE)
    }
}

/// Reads for every partition that needs it, as much as goes at a time.
pub async fn find(consumer: &Rc<Consumer>, client: &Rc<Client>, prefix: &str) {
    let search = Search {
        consumer,
        client,
        prefix,
    };
    let begin = consumer.places(|part| {
        part.is_searching() && part.waiting.state.is_some() && part.waiting.range.is_none()
    });
    if !begin.is_empty() && search.begin(&begin).await.is_err() {
        return;
    }
    for _ in 0..LOOKS {
        let reading = consumer.places(Part::is_reading);
        if reading.is_empty() || search.look(&reading).await.is_err() {
            break;
        }
    }
    search.go_on_without();
}

struct Search<'a> {
    consumer: &'a Rc<Consumer>,
    client: &'a Rc<Client>,
    prefix: &'a str,
}

impl Search<'_> {
    fn subject(&self, place: usize) -> String {
        let partitions = self.consumer.parts.borrow().len();
        let partitions = u32::try_from(partitions).unwrap_or(u32::MAX);
        filter(&self.consumer.settings, self.prefix, place, partitions)
    }

    /// Decides up to where is read.
    async fn begin(&self, places: &[usize]) -> Result<(), ApiError> {
        // One that is not durable began in the middle of the stream, and what was before is not for it.
        let owners = if self.consumer.settings.durable {
            owners(self.client, self.prefix).await?
        } else {
            Vec::new()
        };
        let limits: Vec<u64> = places
            .iter()
            .map(|place| {
                let (name, subject) = (self.consumer.name(*place), self.subject(*place));
                let others = owners.iter().filter(|owner| owner.name != name);
                let sharing = others.filter(|owner| overlap(&owner.filter, &subject));
                sharing.map(|owner| owner.done).min().unwrap_or(u64::MAX)
            })
            .collect();
        let durable = self.consumer.settings.durable;
        let mut parts = self.consumer.parts.borrow_mut();
        for (place, limit) in places.iter().zip(limits) {
            if let Some(part) = parts.get_mut(*place)
                && let Some(state) = part.waiting.state
            {
                let to = if durable { state.stream.min(limit) } else { 0 };
                part.waiting.range = Some(Range { from: 1, to });
            }
        }
        Ok(())
    }

    /// Looks at the next message of each.
    async fn look(&self, places: &[usize]) -> Result<(), ApiError> {
        let mut requests = Vec::new();
        for place in places {
            let range = self
                .consumer
                .parts
                .borrow()
                .get(*place)
                .and_then(|part| part.waiting.range);
            if let Some(range) = range {
                let body = json!({ "seq": range.from, "next_by_subj": self.subject(*place) });
                let call = format!("STREAM.MSG.GET.{}", self.prefix);
                requests.push((*place, range, start(self.client, &call, &body)?));
            }
        }
        for (place, range, request) in requests {
            let found = match read(request.wait().await) {
                Ok(answer) => {
                    let consumer = format!("{}.{}", self.prefix, self.consumer.name(place));
                    stored(&answer, &consumer)
                }
                Err(error) if error.code() == Some(NO_MESSAGE) => None,
                Err(error) => return Err(error),
            };
            self.found(place, range, found);
        }
        Ok(())
    }

    fn found(&self, place: usize, range: Range, found: Option<(u64, Message)>) {
        let mut parts = self.consumer.parts.borrow_mut();
        let Some(part) = parts.get_mut(place) else {
            return;
        };
        // Another connection, or another's lease, in between.
        if part.waiting.range != Some(range) || !part.is_reading() {
            return;
        }
        let after = |number| {
            Some(Range {
                from: number + 1,
                ..range
            })
        };
        let Some((number, message)) = found.filter(|(number, _)| *number <= range.to) else {
            part.waiting.range = after(range.to);
            return;
        };
        part.waiting.range = after(number);
        if is_primer(&message) {
            self.client.send(&message.reply, "", b"+ACK");
            return;
        }
        let Some(held) = self.consumer.read(self.client, &message) else {
            return;
        };
        if part.shard.knows(number, &held.message.id) {
            return;
        }
        if part.shard.len() >= MOST {
            log::warn!(
                "consumer",
                "more than {MOST} messages of `{}` stand in the stream unacknowledged; the rest is read when the partition begins again",
                self.consumer.name(place)
            );
            part.waiting.range = after(range.to);
            return;
        }
        // Where the server still means to deliver it, it does so at once.
        if let Some(state) = part.waiting.state {
            let name = format!("{}.{}", self.prefix, self.consumer.name(place));
            let again = acknowledgement(&name, number, state.delivered);
            self.client.send(&again, "", b"-NAK");
        }
        part.shard.take(held);
    }

    /// Partitions that waited long enough: first the rest is read too, then they go on.
    fn go_on_without(&self) {
        let durable = self.consumer.settings.durable;
        for place in self.consumer.places(Part::is_stuck) {
            let mut parts = self.consumer.parts.borrow_mut();
            let Some(part) = parts.get_mut(place) else {
                continue;
            };
            let Waiting { state, range, .. } = part.waiting;
            let (Some(state), Some(range)) = (state, range) else {
                continue;
            };
            if durable && range.to < state.stream {
                part.waiting.since = Some((Instant::now(), part.shard.len()));
                part.waiting.range = Some(Range {
                    from: range.from,
                    to: state.stream,
                });
                continue;
            }
            log::warn!(
                "consumer",
                "the server counts {} messages of `{}` as delivered and not acknowledged, where there are {}; it goes on with those",
                state.unacknowledged,
                self.consumer.name(place),
                part.shard.len()
            );
            part.shard.go_on_without();
            part.waiting = Waiting::default();
            drop(parts);
            self.consumer.changes.notify();
        }
    }
}

/// Whether a subject may be selected by both filters.
fn overlap(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (one.split('.'), other.split('.'));
    loop {
        match (one.next(), other.next()) {
            (None, None) | (Some(">"), Some(_)) | (Some(_), Some(">")) => return true,
            (Some(a), Some(b)) if a == b || a == "*" || b == "*" => {}
            _ => return false,
        }
    }
}

/// Where a message of the stream is acknowledged. The server knows it by its number; only for a delivery that failed it looks at the
/// delivery's too, and ignores one that is no more or not yet possible.
fn acknowledgement(consumer: &str, number: u64, delivery: u64) -> String {
    let nanos = time::now_ms().saturating_mul(1_000_000);
    format!("$JS.ACK.{consumer}.2.{number}.{delivery}.{nanos}.0")
}

/// A message of the stream as if it had been delivered: its number, and where it is acknowledged.
fn stored(answer: &Value, consumer: &str) -> Option<(u64, Message)> {
    let message = answer.get("message")?;
    let text = |name| message.get(name).and_then(Value::as_str);
    let bytes = |name| STANDARD.decode(text(name).unwrap_or_default()).ok();
    let number = message.get("seq")?.as_u64()?;
    let message = Message {
        subject: text("subject")?.to_owned(),
        subscription: 0,
        // Delivered once before; it has no number among the deliveries.
        reply: acknowledgement(consumer, number, 0),
        headers: bytes("hdrs")?,
        payload: bytes("data")?,
    };
    Some((number, message))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{overlap, stored};
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

    #[test]
    fn filters_overlap_where_one_subject_is_selected_by_both() {
        for (one, other) in [
            ("a.b", "a.b"),
            ("a.*", "a.b"),
            ("a.>", "a.b.c"),
            ("*.b", "a.*"),
            (">", "a"),
            ("a.*.c", "a.b.>"),
        ] {
            assert!(overlap(one, other) && overlap(other, one), "{one} {other}");
        }
        for (one, other) in [
            ("a.b", "a.c"),
            ("a.>", "a"),
            ("a.*", "a.b.c"),
            ("a.*.c", "a.b.d"),
        ] {
            assert!(
                !overlap(one, other) && !overlap(other, one),
                "{one} {other}"
            );
        }
    }
}
