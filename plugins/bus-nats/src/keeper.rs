//! What is done for a consumer while nobody asks: leases are taken and renewed, partitions change hands, and what the host still works
//! on is kept from being delivered again.

use std::rc::Rc;
use std::time::{Duration, Instant};

use greentic_sdk::log;
use greentic_sdk_network::kept::Kept;
use greentic_sdk_network::timer::{either, sleep};
use serde_json::Value;

use crate::acknowledge::acknowledge;
use crate::client::{Client, Request};
use crate::consumer::Consumer;
use crate::jetstream::{CONSUMER_NOT_FOUND, State, read, start};
use crate::lease::{RENEW, TTL, look, seen, write, written};
use crate::missing;
use crate::setup::create;
use crate::stream::Cluster;

/// How often everything is looked at.
const TICK: Duration = Duration::from_millis(250);
/// How often while something may be missing.
const SOON: Duration = Duration::from_millis(50);
/// How often the server is told that a message is still worked on; a third of its ack wait.
const EXTEND: Duration = Duration::from_millis(1_500);
/// How long a partition waits for the host to finish before another gets it.
const LEAVE: Duration = Duration::from_secs(10);

/// Keeps a consumer until it is closed, or until nobody has pulled from one that is not durable.
pub async fn keep(
    kept: Rc<Kept<Cluster>>,
    settings: crate::settings::Settings,
    us: String,
    consumer: Rc<Consumer>,
) {
    let mut keeper = Keeper {
        settings,
        us,
        consumer,
        generation: 0,
        heard: None,
        extended: Instant::now(),
    };
    while !keeper.is_over() {
        let seen = keeper.consumer.changes.seen();
        if let Ok(connected) = kept.connection().await {
            keeper.tick(&connected.client, connected.generation).await;
        }
        // A settled message may let a partition go, so that is not waited out.
        let pause = if keeper.is_waiting() { SOON } else { TICK };
        if keeper.is_leaving() {
            let _ = either(sleep(pause), keeper.consumer.changes.since(seen)).await;
        } else {
            sleep(pause).await;
        }
    }
    let over = &keeper.consumer;
    over.closed.set(true);
    over.changes.notify();
}

struct Keeper {
    settings: crate::settings::Settings,
    us: String,
    consumer: Rc<Consumer>,
    generation: u64,
    heard: Option<Instant>,
    extended: Instant,
}

impl Keeper {
    fn is_over(&self) -> bool {
        let consumer = &self.consumer;
        let inactive = Duration::from_millis(consumer.settings.inactive_ms);
        consumer.closed.get()
            || (!consumer.settings.durable && consumer.pulled.get().elapsed() > inactive)
    }

    fn is_waiting(&self) -> bool {
        let parts = self.consumer.parts.borrow();
        parts
            .iter()
            .any(|part| part.lease.is_some() && (part.shard.is_recovering() || !part.begun))
    }

    fn is_leaving(&self) -> bool {
        let parts = self.consumer.parts.borrow();
        parts.iter().any(|part| part.leaving.is_some())
    }

    async fn tick(&mut self, client: &Rc<Client>, generation: u64) {
        if self.generation != generation {
            self.generation = generation;
            self.consumer.reconnected(client);
            self.listen(client);
        }
        self.resolve(client).await;
        self.renew(client).await;
        if self.consumer.is_quiet() {
            self.consumer.pulls.set(false);
        }
        if self.consumer.pulls.get() {
            self.tell(client);
            self.acquire(client).await;
        }
        self.look_after(client).await;
        missing::find(&self.consumer, client, &self.settings.prefix).await;
        self.leave(client).await;
        if self.extended.elapsed() >= EXTEND {
            self.extended = Instant::now();
            for part in self.consumer.parts.borrow().iter() {
                let ours = part.shard.all();
                let known = ours.filter(|held| held.server == *client.server());
                known.for_each(|held| client.send(&held.reply, "", b"+WPI"));
            }
        }
        for place in self.consumer.places(|part| part.lease.is_some()) {
            self.consumer.ask(client, place);
        }
    }

    fn subject(&self) -> String {
        format!(
            "{}.members.{}",
            self.settings.prefix, self.consumer.settings.name
        )
    }

    fn listen(&self, client: &Client) {
        let consumer = Rc::downgrade(&self.consumer);
        let take = move |message: crate::wire::Message| {
            if let Some(consumer) = consumer.upgrade() {
                let member = String::from_utf8_lossy(&message.payload).into_owned();
                consumer.members.borrow_mut().hear(&member, Instant::now());
            }
        };
        client.subscribe(&self.subject(), Rc::new(take));
    }

    /// Tells the other hosts that we have a share.
    fn tell(&mut self, client: &Client) {
        if self.heard.is_none_or(|told| told.elapsed() >= RENEW) {
            self.heard = Some(Instant::now());
            client.send(&self.subject(), "", self.us.as_bytes());
        }
    }

    fn is_wanted(&self, place: usize) -> bool {
        let partition = u32::try_from(place).unwrap_or(u32::MAX);
        let mut members = self.consumer.members.borrow_mut();
        self.consumer.pulls.get() && members.is_ours(&self.us, partition, Instant::now())
    }

    /// Acknowledges again what may not have been: then the server counts what we hold, and a missing message is found by the count.
    async fn resolve(&self, client: &Rc<Client>) {
        let doubtful = self.consumer.take_doubtful();
        if !doubtful.is_empty() {
            let prefix = &self.settings.prefix;
            acknowledge(&self.consumer, Some(client), prefix, doubtful).await;
        }
    }

    /// Writes our leases again. One that somebody else wrote is lost, with all that was under it.
    async fn renew(&self, client: &Rc<Client>) {
        let due = self.consumer.places(|part| {
            part.lease
                .is_some_and(|(_, written)| written.elapsed() >= RENEW)
        });
        let mut requests: Vec<(usize, Instant, Request)> = Vec::new();
        for place in due {
            let number = match self
                .consumer
                .parts
                .borrow()
                .get(place)
                .and_then(|part| part.lease)
            {
                Some((number, _)) => number,
                None => continue,
            };
            let subject = self.consumer.lease(place);
            if let Ok(request) = write(client, &subject, &self.us, number) {
                requests.push((place, Instant::now(), request));
            }
        }
        for (place, begun, request) in requests {
            match written(request).await {
                Ok(Some(number)) => self.hold(place, number, begun),
                Ok(None) => {
                    // It may have been ourselves, in a write whose answer was lost.
                    let found =
                        match look(client, &self.settings.prefix, &self.consumer.lease(place)) {
                            Ok(request) => seen(request).await,
                            Err(_) => return,
                        };
                    match found {
                        Ok(found) if found.owner == self.us => {
                            self.hold(place, found.number, begun)
                        }
                        Ok(_) => {
                            log::warn!(
                                "lease",
                                "partition {place} of `{}` went to another host",
                                self.consumer.settings.name
                            );
                            self.consumer.give_up(place);
                            self.consumer.listen(client, place);
                        }
                        Err(_) => {}
                    }
                }
                // Not known: it runs out by itself if it comes to that.
                Err(_) => {}
            }
        }
    }

    fn hold(&self, place: usize, number: u64, written: Instant) {
        if let Some(part) = self.consumer.parts.borrow_mut().get_mut(place) {
            part.lease = Some((number, written));
            part.seen = None;
        }
    }

    /// Takes the partitions of our share that are free, or whose owner is silent.
    async fn acquire(&self, client: &Rc<Client>) {
        let wanted: Vec<usize> = self
            .consumer
            .places(|part| part.lease.is_none())
            .into_iter()
            .filter(|place| self.is_wanted(*place))
            .collect();
        let mut looks = Vec::new();
        for place in wanted {
            if let Ok(request) = look(client, &self.settings.prefix, &self.consumer.lease(place)) {
                looks.push((place, request));
            }
        }
        let mut writes = Vec::new();
        for (place, request) in looks {
            let Ok(found) = seen(request).await else {
                continue;
            };
            let free = found.owner.is_empty()
                || found.owner == self.us
                || self.is_silent(place, found.number);
            if free {
                let subject = self.consumer.lease(place);
                if let Ok(request) = write(client, &subject, &self.us, found.number) {
                    writes.push((place, Instant::now(), request));
                }
            }
        }
        for (place, begun, request) in writes {
            if let Ok(Some(number)) = written(request).await {
                self.hold(place, number, begun);
            }
        }
    }

    /// Whether a lease was not written again for its time, as we saw it.
    fn is_silent(&self, place: usize, number: u64) -> bool {
        let mut parts = self.consumer.parts.borrow_mut();
        let Some(part) = parts.get_mut(place) else {
            return false;
        };
        match part.seen {
            Some((known, since)) if known == number => since.elapsed() > TTL,
            _ => {
                part.seen = Some((number, Instant::now()));
                false
            }
        }
    }

    /// Asks the server what is out, for partitions that begin and for those where something may be missing.
    async fn look_after(&self, client: &Rc<Client>) {
        let due = self
            .consumer
            .places(|part| part.lease.is_some() && (!part.begun || part.shard.is_recovering()));
        let mut requests = Vec::new();
        for place in due {
            let call = format!(
                "CONSUMER.INFO.{}.{}",
                self.settings.prefix,
                self.consumer.name(place)
            );
            if let Ok(request) = start(client, &call, &Value::Null) {
                requests.push((place, request));
            }
        }
        for (place, request) in requests {
            match read(request.wait().await) {
                Ok(info) => {
                    let state = State::read(&info);
                    if let Some(part) = self.consumer.parts.borrow_mut().get_mut(place) {
                        if part.begun {
                            part.hear(&self.consumer.name(place), state);
                        } else {
                            part.begin(state);
                        }
                    }
                    self.consumer.changes.notify();
                }
                // It was closed while the question was on its way: made again, it would gather messages for nobody.
                Err(_) if self.consumer.closed.get() => return,
                Err(error) if error.code() == Some(CONSUMER_NOT_FOUND) => {
                    log::error!(
                        "consumer",
                        "`{}` is gone from the server and is created again",
                        self.consumer.name(place)
                    );
                    let partitions = u32::try_from(self.consumer.parts.borrow().len()).unwrap_or(1);
                    let (prefix, settings) = (&self.settings.prefix, &self.consumer.settings);
                    let created = create(client, prefix, settings, place, partitions).await;
                    if let Err(error) = created {
                        log::error!("consumer", "{error:?}");
                    }
                }
                Err(_) => {}
            }
        }
    }

    /// Hands partitions over that are in another's share: nothing new goes to the host, what it has is waited for.
    async fn leave(&self, client: &Rc<Client>) {
        for place in self.consumer.places(|part| part.lease.is_some()) {
            let wanted = self.is_wanted(place);
            let lease = {
                let mut parts = self.consumer.parts.borrow_mut();
                let Some(part) = parts.get_mut(place) else {
                    continue;
                };
                if wanted {
                    part.leaving = None;
                    continue;
                }
                let since = *part.leaving.get_or_insert_with(Instant::now);
                if part.shard.out() > 0 && since.elapsed() < LEAVE {
                    continue;
                }
                part.lease
            };
            let left = self.consumer.give_up(place);
            // Otherwise what is given back would come to us again, for as long as we asked.
            self.consumer.listen(client, place);
            let known = left.all().filter(|held| held.server == *client.server());
            known.for_each(|held| client.send(&held.reply, "", b"-NAK"));
            if let Some((number, _)) = lease
                && let Ok(request) = write(client, &self.consumer.lease(place), "", number)
            {
                // If it does not arrive, the lease runs out.
                let _ = written(request).await;
            }
        }
    }
}
