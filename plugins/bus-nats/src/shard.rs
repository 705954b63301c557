//! One partition of a consumer, as the host that owns it sees it: what was delivered to it, in which order it goes on, and whether
//! something is still missing.
//!
//! The server delivers in the order of the stream, and again whatever was not acknowledged in time. Whoever takes a partition over
//! from another must not go on with a key's later message while an earlier one is still out there. So a shard that begins, or sees
//! that a delivery went to somebody else (a gap in the consumer's numbers), keeps what comes aside until what was delivered before is
//! read from the stream ([`crate::missing`]) and the server says that it counts no message the shard does not hold; then it goes on in
//! the order of the stream.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use greentic_sdk::bus::queue::Queue;
use greentic_sdk::bus::{Message, Outcome};
use slab::Slab;

use crate::jetstream::{Place, State};

/// A message the server delivered to us.
#[derive(Debug, Clone)]
pub struct Held {
    /// The message.
    pub message: Message,
    /// What its lane is found by.
    pub lane: u64,
    /// Where its acknowledgement goes.
    pub reply: String,
    /// The server that says so, as started then.
    pub server: Rc<str>,
    /// Its place in the stream and the consumer.
    pub place: Place,
    /// How often it was handed to the host by us.
    pub handed: u32,
}

impl Held {
    /// Whether the server delivered it to us. What was read from the stream has no number among the deliveries.
    #[must_use]
    pub fn is_delivered(&self) -> bool {
        self.place.consumer > 0
    }
}

/// A message to hand to the host.
pub struct Due {
    /// What the shard settles it by.
    pub tag: u64,
    /// The message.
    pub message: Message,
    /// 1 for the first time, over all hosts.
    pub attempt: u32,
    /// When it was published.
    pub time_ms: u64,
}

/// The partition.
#[derive(Default)]
pub struct Shard {
    held: Slab<Held>,
    by_place: HashMap<u64, usize>,
    queue: Queue,
    /// What came while something may be missing, by its number in the stream.
    aside: BTreeMap<u64, Held>,
    recovering: bool,
    last_delivery: u64,
    /// How many of ours were read from the stream and not delivered to us.
    read: usize,
    /// Handed out, by tag: the message's place.
    out: HashMap<u64, usize>,
}

impl Shard {
    /// Begins, or begins again after a break, with what the server says about the consumer. Where it never delivered anything, nothing
    /// can be missing.
    pub fn begin(&mut self, state: State) {
        self.last_delivery = state.delivered;
        self.recovering = state.delivered > 0;
        self.go_on();
    }

    /// How many messages are ours.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.len() + self.aside.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many of them the server counts as delivered to us and not acknowledged.
    #[must_use]
    pub fn counted(&self) -> usize {
        self.len().saturating_sub(self.read)
    }

    /// Whether something may be missing.
    #[must_use]
    pub fn is_recovering(&self) -> bool {
        self.recovering
    }

    /// How many are with the host.
    #[must_use]
    pub fn out(&self) -> u32 {
        self.queue.out()
    }

    /// Takes what the server delivered, or what was read from the stream.
    pub fn take(&mut self, held: Held) {
        let stream = held.place.stream;
        self.pass(held.place.consumer);
        let is_delivered = held.is_delivered();
        // We have it: only where to acknowledge it is new, and how often it was delivered if we had it from the stream.
        let index = self.by_place.get(&stream).copied();
        let known = index.and_then(|index| self.held.get_mut(index));
        if let Some(known) = known.filter(|known| known.message.id == held.message.id) {
            if is_delivered && !known.is_delivered() {
                known.place = held.place;
                self.read = self.read.saturating_sub(1);
            }
            known.reply = held.reply;
            known.server = held.server;
            return;
        }
        if let Some(before) = self.aside.insert(stream, held)
            && !before.is_delivered()
        {
            self.read = self.read.saturating_sub(1);
        }
        self.read += usize::from(!is_delivered);
        self.go_on();
    }

    /// Takes note of the number of a delivery to us. Where one is left out, that delivery went to somebody else.
    pub fn pass(&mut self, delivery: u64) {
        if delivery > self.last_delivery + 1 {
            self.recovering = true;
        }
        self.last_delivery = self.last_delivery.max(delivery);
    }

    /// The server's word on the consumer while something may be missing.
    pub fn check(&mut self, state: State) {
        if self.recovering && self.is_whole(state) {
            self.recovering = false;
            self.go_on();
        }
    }

    /// Whether a message of the stream is ours. A server that was killed may give a number a second time, to another message.
    #[must_use]
    pub fn knows(&self, stream: u64, id: &str) -> bool {
        let index = self.by_place.get(&stream);
        let held = index.and_then(|index| self.held.get(*index));
        let aside = self.aside.get(&stream);
        [held, aside]
            .iter()
            .flatten()
            .any(|held| held.message.id == id)
    }

    /// Nothing more is waited for: what is missing is nowhere.
    pub fn go_on_without(&mut self) {
        self.recovering = false;
        self.go_on();
    }

    fn is_whole(&self, state: State) -> bool {
        let counted = u64::try_from(self.counted()).unwrap_or(u64::MAX);
        state.delivered == self.last_delivery && state.unacknowledged == counted
    }

    fn go_on(&mut self) {
        if self.recovering {
            return;
        }
        while let Some((stream, held)) = self.aside.pop_first() {
            let lane = held.lane;
            let index = self.held.insert(held);
            self.by_place.insert(stream, index);
            self.queue.push(index, lane);
        }
    }

    /// Makes ready what the host kept too long and what was delayed until now.
    pub fn wake(&mut self, now: u64) {
        self.queue.wake(now);
    }

    /// The next message for the host, with it until `deadline`.
    pub fn hand_out(&mut self, deadline: u64) -> Option<Due> {
        let due = self.queue.take(deadline)?;
        let held = self.held.get_mut(due.message)?;
        held.handed = due.attempt;
        self.out.insert(due.tag, due.message);
        Some(Due {
            tag: due.tag,
            message: held.message.clone(),
            attempt: held.place.delivered.saturating_sub(1) + due.attempt,
            time_ms: held.place.time_ms,
        })
    }

    /// What is out under a tag.
    #[must_use]
    pub fn out_under(&self, tag: u64) -> Option<&Held> {
        self.held.get(*self.out.get(&tag)?)
    }

    /// What is out under a tag is acknowledged as before on another start of the server.
    pub fn trust(&mut self, tag: u64, server: &Rc<str>) {
        let index = self.out.get(&tag).copied();
        if let Some(held) = index.and_then(|index| self.held.get_mut(index)) {
            held.server = Rc::clone(server);
        }
    }

    /// The host is done with what is out under a tag, and so is the server. False for a tag nothing is out under.
    pub fn settle(&mut self, now: u64, tag: u64, outcome: Outcome) -> bool {
        self.out.remove(&tag);
        match self.queue.settle(now, tag, outcome) {
            None => false,
            Some(None) => true,
            Some(Some(index)) => {
                if let Some(held) = self.held.try_remove(index) {
                    self.read = self.read.saturating_sub(usize::from(!held.is_delivered()));
                    let stream = held.place.stream;
                    if self.by_place.get(&stream) == Some(&index) {
                        self.by_place.remove(&stream);
                    }
                }
                true
            }
        }
    }

    /// Starts the host's time with a message again.
    pub fn extend(&mut self, tag: u64, deadline: u64) {
        self.queue.extend(tag, deadline);
    }

    /// When something becomes ready by itself.
    #[must_use]
    pub fn next_wake(&self) -> Option<u64> {
        if self.queue.has_ready() {
            return Some(0);
        }
        self.queue.next_wake()
    }

    /// Everything that is ours.
    pub fn all(&self) -> impl Iterator<Item = &Held> {
        let held = self.held.iter().map(|(_, held)| held);
        held.chain(self.aside.values())
    }
}

#[cfg(test)]
mod tests {
    use greentic_sdk::bus::{Message, Outcome};

    use super::{Held, Shard};
    use crate::jetstream::{Place, State};

    fn held(key: u64, stream: u64, consumer: u64, delivered: u32) -> Held {
        Held {
            message: Message {
                subject: "s".into(),
                id: stream.to_string(),
                key: key.to_string(),
                trace: String::new(),
                payload: Vec::new(),
            },
            lane: key,
            reply: format!("r{consumer}"),
            server: "s".into(),
            place: Place {
                delivered,
                stream,
                consumer,
                time_ms: 0,
            },
            handed: 0,
        }
    }

    fn state(delivered: u64, unacknowledged: u64) -> State {
        State {
            delivered,
            unacknowledged,
            pending: 0,
            ..State::default()
        }
    }

    fn ids(shard: &mut Shard) -> Vec<(String, u64)> {
        std::iter::from_fn(|| shard.hand_out(100))
            .map(|due| (due.message.id, due.tag))
            .collect()
    }

    #[test]
    fn a_keys_next_message_waits_for_the_one_before() {
        let mut shard = Shard::default();
        shard.begin(state(0, 0));
        for (key, place) in [(1, 1), (1, 2), (2, 3)] {
            shard.take(held(key, place, place, 1));
        }
        let first = ids(&mut shard);
        let names: Vec<_> = first.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(names, ["1", "3"]);
        assert!(shard.settle(0, first[0].1, Outcome::Ack));
        assert!(!shard.settle(0, first[0].1, Outcome::Ack));
        assert_eq!(ids(&mut shard)[0].0, "2");
        assert_eq!(shard.len(), 2);
    }

    #[test]
    fn who_takes_over_waits_for_what_the_one_before_had() {
        let mut shard = Shard::default();
        // Numbers 1 to 3 were delivered to another; 2 was acknowledged.
        shard.begin(state(3, 2));
        assert!(shard.is_recovering());
        shard.take(held(7, 4, 4, 1));
        assert!(
            ids(&mut shard).is_empty(),
            "a later message before an earlier one"
        );
        shard.take(held(7, 3, 5, 2));
        shard.check(state(5, 3));
        assert!(shard.is_recovering(), "number 1 is still missing");
        shard.take(held(7, 1, 6, 2));
        shard.check(state(6, 3));
        let mut order = Vec::new();
        while let Some((id, tag)) = ids(&mut shard).pop() {
            order.push(id);
            shard.settle(0, tag, Outcome::Ack);
        }
        assert_eq!(order, ["1", "3", "4"]);
    }

    #[test]
    fn what_nobody_delivers_is_taken_from_the_stream_or_gone_on_without() {
        let mut shard = Shard::default();
        shard.begin(state(3, 2));
        shard.take(held(7, 3, 4, 2));
        shard.check(state(4, 2));
        assert!(shard.is_recovering() && shard.knows(3, "3") && !shard.knows(1, "1"));
        // Read from the stream; the server still counts it, and delivers it again.
        shard.take(held(7, 1, 0, 2));
        assert_eq!((shard.len(), shard.counted()), (2, 1));
        shard.check(state(4, 2));
        assert!(shard.is_recovering());
        shard.take(held(7, 1, 5, 4));
        assert_eq!((shard.len(), shard.counted()), (2, 2));
        shard.check(state(5, 2));
        let due = shard.hand_out(100).unwrap();
        assert_eq!((due.message.id.as_str(), due.attempt), ("1", 4));

        // The server does not count the one that was read.
        let mut shard = Shard::default();
        shard.begin(state(3, 1));
        shard.take(held(7, 1, 0, 2));
        shard.take(held(7, 3, 4, 2));
        shard.check(state(4, 1));
        let first = ids(&mut shard);
        assert_eq!(first[0].0, "1");
        shard.settle(0, first[0].1, Outcome::Ack);
        assert_eq!((shard.len(), shard.counted()), (1, 1));
        assert_eq!(ids(&mut shard)[0].0, "3");

        let mut shard = Shard::default();
        shard.begin(state(3, 2));
        shard.take(held(7, 3, 4, 2));
        assert!(ids(&mut shard).is_empty());
        shard.go_on_without();
        assert_eq!(ids(&mut shard)[0].0, "3");
    }

    #[test]
    fn a_gap_in_the_consumers_numbers_means_that_another_got_something() {
        let mut shard = Shard::default();
        shard.begin(state(0, 0));
        shard.take(held(7, 1, 1, 1));
        shard.take(held(7, 3, 3, 1));
        assert!(shard.is_recovering());
        let first = ids(&mut shard);
        assert_eq!(first[0].0, "1");
        shard.settle(0, first[0].1, Outcome::Ack);
        assert!(ids(&mut shard).is_empty());
        shard.take(held(7, 2, 4, 2));
        shard.check(state(4, 2));
        assert_eq!(ids(&mut shard)[0].0, "2");
    }

    #[test]
    fn what_is_delivered_again_while_we_have_it_is_acknowledged_at_its_new_place() {
        let mut shard = Shard::default();
        shard.begin(state(0, 0));
        shard.take(held(7, 1, 1, 1));
        let first = ids(&mut shard);
        shard.take(held(7, 1, 2, 2));
        let reply = shard.out_under(first[0].1).map(|held| held.reply.as_str());
        assert_eq!((shard.len(), reply), (1, Some("r2")));
        assert!(ids(&mut shard).is_empty());
    }

    #[test]
    fn a_number_that_a_killed_server_gave_twice_is_two_messages() {
        let mut shard = Shard::default();
        shard.begin(state(0, 0));
        shard.take(held(7, 1, 1, 1));
        let mut other = held(7, 1, 2, 1);
        other.message.id = "other".into();
        assert!(shard.knows(1, "1") && !shard.knows(1, "other"));
        shard.take(other);
        assert!(shard.knows(1, "other"));
        let first = ids(&mut shard);
        shard.settle(0, first[0].1, Outcome::Ack);
        assert!(shard.knows(1, "other"));
        assert_eq!(ids(&mut shard)[0].0, "other");
    }

    #[test]
    fn attempts_count_over_hosts_and_a_delay_holds_the_key() {
        let mut shard = Shard::default();
        shard.begin(state(0, 0));
        shard.take(held(7, 1, 1, 3));
        shard.take(held(7, 2, 2, 1));
        let due = shard.hand_out(100).unwrap();
        assert_eq!(due.attempt, 3);
        shard.settle(10, due.tag, Outcome::Retry(50));
        shard.wake(59);
        assert!(shard.hand_out(100).is_none());
        assert_eq!(shard.next_wake(), Some(60));
        shard.wake(60);
        let due = shard.hand_out(100).unwrap();
        assert_eq!((due.attempt, due.message.id.as_str()), (4, "1"));
        let all: Vec<_> = shard.all().map(|held| held.reply.as_str()).collect();
        assert_eq!(all, ["r1", "r2"]);
    }
}
