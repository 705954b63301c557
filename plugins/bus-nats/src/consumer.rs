//! A consumer on this host: its partitions, and what the host is handed of them.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use greentic_sdk::bus::Outcome;
use greentic_sdk_network::bus::{Consumer as Settings, Delivery};
use greentic_sdk_network::convert::delivered;
use greentic_sdk_network::signal::Changes;

use crate::carried::read;
use crate::client::{Client, Inbox};
use crate::headers::status;
use crate::jetstream::{Place, pull};
use crate::lease::{MARGIN, Members, TTL, fnv};
use crate::missing::Waiting;
use crate::numbers::Numbers;
use crate::primer::is_primer;
use crate::shard::{Held, Shard};
use crate::wire::Message as Arrived;

/// Messages of one partition this host holds at most, with the host or waiting behind others.
const WINDOW: u64 = 1_024;
/// How long nobody pulls before the host is taken to have stopped.
const QUIET: Duration = Duration::from_secs(2);
/// Messages asked for at a time.
const BATCH: u64 = 256;
/// How long the server keeps a request for messages. Shorter than a lease, so that one asked for in time is over before another owns.
const EXPIRES_MS: u64 = 2_000;

/// One partition on this host.
pub struct Part {
    /// Its messages.
    pub shard: Shard,
    /// Our lease: its number, and when it was written last.
    pub lease: Option<(u64, Instant)>,
    /// Another's lease as it was seen first.
    pub seen: Option<(u64, Instant)>,
    /// Since when it is being given to another.
    pub leaving: Option<Instant>,
    /// Whether the server was asked what is out since the connection was made.
    pub begun: bool,
    /// What it waits for while something may be missing.
    pub waiting: Waiting,
    asked: u64,
    asked_until: Instant,
    inbox: Inbox,
}

/// Where a delivery is acknowledged.
pub struct Reply {
    /// The subject.
    pub subject: String,
    /// The server that says so, as started then.
    pub server: Rc<str>,
    /// The message's number in the stream.
    pub number: u64,
    /// The message's id.
    pub id: String,
}

/// The consumer.
pub struct Consumer {
    /// As it was opened.
    pub settings: Settings,
    /// Its partitions.
    pub parts: RefCell<Vec<Part>>,
    /// Something may have become ready.
    pub changes: Changes,
    /// The hosts that work on it.
    pub members: RefCell<Members>,
    /// Whether it was closed here.
    pub closed: Cell<bool>,
    /// Whether the host pulls. One that opens a consumer and leaves its messages to others takes no share of them, and one that has
    /// stopped gives its share up.
    pub pulls: Cell<bool>,
    /// Pulls that wait for a message.
    pub waiting: Cell<u32>,
    /// When the host pulled last.
    pub pulled: Cell<Instant>,
    prefix: String,
    numbers: Rc<Numbers>,
    started: Instant,
    tags: RefCell<HashMap<u64, (usize, u64)>>,
    /// Deliveries the host is done with, whose acknowledgement may not have reached the server.
    doubtful: RefCell<Vec<u64>>,
    next_tag: Cell<u64>,
    turn: Cell<usize>,
}

impl Consumer {
    /// With so many partitions, none of them ours yet.
    #[must_use]
    pub fn new(
        settings: Settings,
        prefix: &str,
        partitions: u32,
        numbers: Rc<Numbers>,
    ) -> Rc<Self> {
        let part = |_| Part {
            shard: Shard::default(),
            lease: None,
            seen: None,
            leaving: None,
            begun: false,
            waiting: Waiting::default(),
            asked: 0,
            asked_until: Instant::now(),
            inbox: Inbox::default(),
        };
        Rc::new(Self {
            settings,
            parts: RefCell::new((0..partitions).map(part).collect()),
            changes: Changes::new(),
            members: RefCell::default(),
            closed: Cell::new(false),
            pulls: Cell::new(false),
            waiting: Cell::new(0),
            pulled: Cell::new(Instant::now()),
            prefix: prefix.to_owned(),
            numbers,
            started: Instant::now(),
            tags: RefCell::default(),
            doubtful: RefCell::default(),
            next_tag: Cell::new(1),
            turn: Cell::new(0),
        })
    }

    /// The server's name of a partition's consumer.
    #[must_use]
    pub fn name(&self, partition: usize) -> String {
        format!("{}-{partition}", self.settings.name)
    }

    /// The partitions of a kind, by their places.
    pub fn places(&self, which: impl Fn(&Part) -> bool) -> Vec<usize> {
        let parts = self.parts.borrow();
        let chosen = parts.iter().enumerate().filter(|(_, part)| which(part));
        chosen.map(|(place, _)| place).collect()
    }

    /// The subject of a partition's lease.
    #[must_use]
    pub fn lease(&self, partition: usize) -> String {
        format!("{}.l.{}.{partition}", self.prefix, self.settings.name)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Up to `max` deliveries that are ready, and in how long there may be more.
    pub fn hand_out(&self, max: usize) -> (Vec<Delivery>, Option<u64>) {
        let now = self.now();
        self.pulls.set(true);
        self.pulled.set(Instant::now());
        let mut parts = self.parts.borrow_mut();
        let mut tags = self.tags.borrow_mut();
        let out: u32 = parts.iter().map(|part| part.shard.out()).sum();
        let free = self.settings.max_in_flight.saturating_sub(out);
        let most = max.min(usize::try_from(free).unwrap_or(max));
        let deadline = now.saturating_add(self.settings.ack_wait_ms);
        let count = parts.len();
        let mut deliveries = Vec::new();
        let mut next = None;
        // Another partition begins each time, so that none is always served last.
        let start = self.turn.replace(self.turn.get().wrapping_add(1));
        for step in 0..count {
            let place = start.wrapping_add(step) % count;
            let Some(part) = parts.get_mut(place) else {
                continue;
            };
            part.shard.wake(now);
            while part.may_deliver() && deliveries.len() < most {
                let Some(due) = part.shard.hand_out(deadline) else {
                    break;
                };
                let tag = self.next_tag.replace(self.next_tag.get() + 1);
                tags.insert(tag, (place, due.tag));
                deliveries.push(Delivery {
                    tag,
                    message: delivered(due.message),
                    attempt: due.attempt,
                    time_ms: due.time_ms,
                });
            }
            let wake = part.shard.next_wake().map(|at| at.saturating_sub(now));
            next = [next, wake].into_iter().flatten().min();
        }
        (deliveries, next)
    }

    /// Where a delivery is acknowledged; `None` when it is ours no more.
    #[must_use]
    pub fn reply(&self, tag: u64) -> Option<Reply> {
        let (place, inner) = *self.tags.borrow().get(&tag)?;
        let parts = self.parts.borrow();
        let held = parts.get(place)?.shard.out_under(inner)?;
        Some(Reply {
            subject: held.reply.clone(),
            server: Rc::clone(&held.server),
            number: held.place.stream,
            id: held.message.id.clone(),
        })
    }

    /// A delivery may be acknowledged on this connection: its message is still under its number.
    pub fn trust(&self, tag: u64, client: &Client) {
        if let Some((place, inner)) = self.tags.borrow().get(&tag)
            && let Some(part) = self.parts.borrow_mut().get_mut(*place)
        {
            part.shard.trust(*inner, client.server());
        }
    }

    /// Settles a delivery; false when it is ours no more.
    pub fn settle(&self, tag: u64, outcome: Outcome) -> bool {
        let Some((place, inner)) = self.tags.borrow_mut().remove(&tag) else {
            return false;
        };
        // The millisecond has begun: a delay counted from its beginning would end too soon.
        let now = self.now().saturating_add(1);
        let mut parts = self.parts.borrow_mut();
        let part = parts.get_mut(place);
        part.is_some_and(|part| part.shard.settle(now, inner, outcome))
    }

    /// The host is done with a delivery and the server may not know: it is acknowledged again as soon as that is possible. Until then
    /// the server may count one message less than we hold.
    pub fn doubt(&self, tag: u64) {
        self.doubtful.borrow_mut().push(tag);
    }

    /// What was doubtful until now.
    #[must_use]
    pub fn take_doubtful(&self) -> Vec<u64> {
        self.doubtful.take()
    }

    /// Starts the host's time with deliveries again.
    pub fn extend(&self, tags: &[u64]) {
        let deadline = self.now().saturating_add(self.settings.ack_wait_ms);
        let known = self.tags.borrow();
        let mut parts = self.parts.borrow_mut();
        for (place, inner) in tags.iter().filter_map(|tag| known.get(tag)) {
            if let Some(part) = parts.get_mut(*place) {
                part.shard.extend(*inner, deadline);
            }
        }
    }

    /// How many are with the host.
    #[must_use]
    pub fn out(&self) -> u64 {
        let parts = self.parts.borrow();
        parts.iter().map(|part| u64::from(part.shard.out())).sum()
    }

    /// Gives a partition up, and what was ours of it.
    pub fn give_up(&self, place: usize) -> Shard {
        self.tags
            .borrow_mut()
            .retain(|_, (other, _)| *other != place);
        let mut parts = self.parts.borrow_mut();
        let Some(part) = parts.get_mut(place) else {
            return Shard::default();
        };
        part.lease = None;
        part.leaving = None;
        part.begun = false;
        std::mem::take(&mut part.shard)
    }

    /// Whether nobody pulls any more and the host has nothing of it in hands. A host that is busy with what it has is not quiet.
    pub fn is_quiet(&self) -> bool {
        self.waiting.get() == 0
            && self.pulled.get().elapsed() > QUIET
            && self.parts.borrow().iter().all(|part| part.shard.out() == 0)
    }

    /// A new connection: nothing was asked for on it.
    pub fn reconnected(self: &Rc<Self>, client: &Rc<Client>) {
        let count = self.parts.borrow().len();
        for place in 0..count {
            if let Some(part) = self.parts.borrow_mut().get_mut(place) {
                part.begun = false;
                part.inbox = Inbox::default();
            }
            self.listen(client, place);
        }
    }

    /// Begins to listen for the messages of a partition anew. What was asked for before and did not come is asked for no more.
    pub fn listen(self: &Rc<Self>, client: &Rc<Client>, place: usize) {
        let (consumer, connection) = (Rc::downgrade(self), Rc::downgrade(client));
        let inbox = client.inbox(Rc::new(move |message| {
            if let (Some(consumer), Some(client)) = (consumer.upgrade(), connection.upgrade()) {
                consumer.arrived(&client, place, message);
            }
        }));
        if let Some(part) = self.parts.borrow_mut().get_mut(place) {
            client.unsubscribe(&part.inbox);
            part.asked = 0;
            part.inbox = inbox;
        }
    }

    fn arrived(&self, client: &Client, place: usize, message: Arrived) {
        {
            let mut parts = self.parts.borrow_mut();
            let Some(part) = parts.get_mut(place) else {
                return;
            };
            match status(&message.headers) {
                // A heartbeat.
                Some(100) => return,
                // The request is over: nothing came, or no more of it will.
                Some(_) => part.asked = 0,
                None => {
                    part.asked = part.asked.saturating_sub(1);
                    if is_primer(&message) {
                        client.send(&message.reply, "", b"+ACK");
                        if let Some(place) = Place::read(&message.reply) {
                            part.shard.pass(place.consumer);
                        }
                        return;
                    }
                    match self.read(client, &message) {
                        Some(held) if part.lease.is_some() => part.shard.take(held),
                        // It is another's now, who is told by the gap.
                        _ => client.send(&message.reply, "", b"-NAK"),
                    }
                }
            }
        }
        self.ask(client, place);
        self.changes.notify();
    }

    /// Asks for messages of a partition, where there is room and nothing is asked for.
    pub fn ask(&self, client: &Client, place: usize) {
        let mut parts = self.parts.borrow_mut();
        let Some(part) = parts.get_mut(place) else {
            return;
        };
        let now = Instant::now();
        if part.asked > 0 && now > part.asked_until {
            part.asked = 0;
        }
        // What was read from the stream may come again as a delivery, which must have room.
        let held = u64::try_from(part.shard.counted()).unwrap_or(u64::MAX);
        let room = WINDOW.saturating_sub(held).min(BATCH);
        if !part.begun || !part.is_ours() || part.leaving.is_some() || part.asked > 0 || room == 0 {
            return;
        }
        part.asked = room;
        // An answer that is lost is not waited for for ever.
        part.asked_until = now + Duration::from_millis(EXPIRES_MS + 1_000);
        let subject = format!(
            "$JS.API.CONSUMER.MSG.NEXT.{}.{}",
            self.prefix,
            self.name(place)
        );
        client.send(&subject, &part.inbox.subject, &pull(room, EXPIRES_MS));
    }

    /// A message as it was delivered; `None` for one that is none of ours.
    pub fn read(&self, client: &Client, arrived: &Arrived) -> Option<Held> {
        let place = Place::read(&arrived.reply)?;
        self.numbers.saw(place.stream);
        let message = read(&self.prefix, "m", arrived)?;
        Some(Held {
            lane: lane(&message.subject, &message.key),
            message,
            reply: arrived.reply.clone(),
            server: Rc::clone(client.server()),
            place,
            handed: 0,
        })
    }
}

impl Part {
    /// Whether our lease is not over.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.lease
            .is_some_and(|(_, written)| written.elapsed() + MARGIN < TTL)
    }

    fn may_deliver(&self) -> bool {
        self.is_ours() && self.leaving.is_none()
    }
}

/// What is kept in order: all of a key, over its subjects; without a key all of a subject.
fn lane(subject: &str, key: &str) -> u64 {
    fnv(if key.is_empty() { subject } else { key }.bytes())
}

/// The partition of a message: the same on every host.
#[must_use]
pub fn partition(subject: &str, key: &str, partitions: u32) -> u64 {
    lane(subject, key) % u64::from(partitions.max(1))
}
