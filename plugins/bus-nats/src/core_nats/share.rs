//! Which host works on which partition, without a server that would keep it.
//!
//! Every host says each second, and whenever it changes, which partitions it has. A partition is wanted by one host of all that
//! pull, found by a hash ([`crate::lease::Members`]), and taken when nobody else says that he has it. Who has one that he does not
//! want takes nothing new for it, and has it until its messages are settled; one that does not pull hands them over. So two hosts
//! never work on a partition at a time, as long as they hear each other.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use greentic_sdk::log;
use greentic_sdk_network::bus::{Outcome, Settlement};
use greentic_sdk_network::kept::Kept;
use greentic_sdk_network::timer::{either, sleep};
use serde::{Deserialize, Serialize};

use super::heard;
use super::local::Local;
use crate::carried::headers;
use crate::client::Client;
use crate::lease::{MEMBER, Members, RENEW};
use crate::setup::description;
use crate::stream::Cluster;

/// How long the others have to answer a host that comes.
const HELLO: Duration = Duration::from_millis(300);
/// How often shares are looked at.
const TICK: Duration = Duration::from_millis(250);
/// The same while something is handed over.
const SOON: Duration = Duration::from_millis(20);

/// What a host says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Word {
    host: String,
    /// The settings of its consumer.
    consumer: String,
    pulls: bool,
    /// Partitions it has.
    has: Vec<usize>,
    /// Whether it wants to hear the others.
    hello: bool,
    /// Whether the consumer is closed everywhere.
    closed: bool,
}

/// Tells every host that a consumer is closed.
pub fn say_closed(client: &Client, prefix: &str, name: &str) {
    let word = Word {
        host: String::new(),
        consumer: String::new(),
        pulls: false,
        has: Vec::new(),
        hello: false,
        closed: true,
    };
    say(client, prefix, name, &word);
}

fn say(client: &Client, prefix: &str, name: &str, word: &Word) {
    // A record of strings and numbers: there is no way to fail.
    let text = serde_json::to_vec(word).unwrap_or_default();
    client.send(&format!("{prefix}.c.{name}"), "", &text);
}

/// The other hosts.
#[derive(Default)]
struct Others {
    words: RefCell<HashMap<String, (Instant, Word)>>,
    /// Somebody wants to hear us.
    asked: Cell<bool>,
}

/// The share of a consumer on this host.
pub struct Share {
    kept: Rc<Kept<Cluster>>,
    prefix: String,
    us: String,
    local: Rc<Local>,
    others: Rc<Others>,
    generation: u64,
    said: Option<(Instant, Word)>,
}

impl Share {
    /// None of its partitions is ours yet.
    pub fn new(
        kept: &Rc<Kept<Cluster>>,
        settings: &crate::settings::Settings,
        us: &str,
        local: &Rc<Local>,
    ) -> Self {
        Self {
            kept: Rc::clone(kept),
            prefix: settings.prefix.clone(),
            us: us.to_owned(),
            local: Rc::clone(local),
            others: Rc::default(),
            generation: 0,
            said: None,
        }
    }

    /// Keeps it until the consumer is closed.
    pub async fn keep(mut self) {
        while !self.local.closed.get() {
            let seen = self.local.changes.seen();
            let mut pause = TICK;
            if let Ok(connected) = self.kept.connection().await {
                let client = &connected.client;
                if self.generation != connected.generation {
                    self.generation = connected.generation;
                    self.join(client).await;
                }
                self.balance(client);
                if self.hand_over(client).await {
                    pause = SOON;
                }
                self.tell(client);
            }
            let _ = either(sleep(pause), self.local.changes.since(seen)).await;
        }
        // What comes for it now is not taken by anybody here.
        if let Some(connected) = self.kept.now() {
            for part in self.local.parts.borrow_mut().iter_mut() {
                if let Some(inbox) = part.inbox.take() {
                    connected.client.unsubscribe(&inbox);
                }
            }
        }
    }

    /// Hears the others on a new connection, before anything is taken.
    async fn join(&mut self, client: &Rc<Client>) {
        for part in self.local.parts.borrow_mut().iter_mut() {
            part.inbox = None;
        }
        let (others, local) = (Rc::downgrade(&self.others), Rc::downgrade(&self.local));
        let (us, ours) = (self.us.clone(), description(&self.local.settings));
        let hear = move |message: crate::wire::Message| {
            let (Some(others), Some(local)) = (others.upgrade(), local.upgrade()) else {
                return;
            };
            let Ok(word) = serde_json::from_slice::<Word>(&message.payload) else {
                return;
            };
            if word.closed {
                local.close();
            } else if word.host != us {
                if word.hello {
                    others.asked.set(true);
                }
                if word.consumer != ours && local.conflict.get().is_none() {
                    local.conflict.set(Some(true));
                    local.close();
                }
                if word.consumer == ours {
                    let now = Instant::now();
                    let host = word.host.clone();
                    others.words.borrow_mut().insert(host, (now, word));
                    local.changes.notify();
                }
            }
        };
        let name = &self.local.settings.name;
        client.subscribe(&format!("{}.c.{name}", self.prefix), Rc::new(hear));
        let (local, link) = (Rc::downgrade(&self.local), Rc::downgrade(client));
        let kind = format!("h.{name}.{}", self.us);
        let subject = format!("{}.{kind}.>", self.prefix);
        let take = move |message: crate::wire::Message| {
            if let (Some(local), Some(client)) = (local.upgrade(), link.upgrade()) {
                local.take(&client, &kind, &message);
            }
        };
        client.subscribe(&subject, Rc::new(take));
        say(
            client,
            &self.prefix,
            name,
            &Word {
                hello: true,
                ..self.word()
            },
        );
        sleep(HELLO).await;
        if self.local.conflict.get().is_none() {
            self.local.conflict.set(Some(false));
        }
        self.local.changes.notify();
    }

    fn word(&self) -> Word {
        let parts = self.local.parts.borrow();
        let has = parts
            .iter()
            .enumerate()
            .filter(|(_, part)| part.inbox.is_some() || part.here > 0);
        Word {
            host: self.us.clone(),
            consumer: description(&self.local.settings),
            pulls: self.local.pulls.get(),
            has: has.map(|(place, _)| place).collect(),
            hello: false,
            closed: false,
        }
    }

    /// The host that a partition is for; nobody else when it is us.
    fn owner(&self, place: usize) -> Option<String> {
        let now = Instant::now();
        let mut words = self.others.words.borrow_mut();
        words.retain(|_, (heard, _)| now.duration_since(*heard) < MEMBER);
        let pull = self.local.pulls.get() || words.values().any(|(_, word)| word.pulls);
        let mut members = Members::default();
        let working = words.values().filter(|(_, word)| word.pulls || !pull);
        working.for_each(|(_, word)| members.hear(&word.host, now));
        let place = u32::try_from(place).unwrap_or(u32::MAX);
        let us = (self.local.pulls.get() || !pull).then_some(self.us.as_str());
        members.owner(us, place).filter(|owner| *owner != self.us)
    }

    fn is_held(&self, place: usize) -> bool {
        let words = self.others.words.borrow();
        words.values().any(|(_, word)| word.has.contains(&place))
    }

    /// Takes what is for us and free, and takes nothing more for what is not for us.
    fn balance(&self, client: &Rc<Client>) {
        let count = self.local.parts.borrow().len();
        for place in 0..count {
            let is_ours = self.owner(place).is_none();
            let has = |local: &Local| {
                let parts = local.parts.borrow();
                let part = parts.get(place);
                part.map_or((false, 0), |part| (part.inbox.is_some(), part.here))
            };
            match has(&self.local) {
                (false, _) if is_ours && !self.is_held(place) => self.take(client, place),
                (true, _) if !is_ours => {
                    if let Some(part) = self.local.parts.borrow_mut().get_mut(place)
                        && let Some(inbox) = part.inbox.take()
                    {
                        client.unsubscribe(&inbox);
                    }
                }
                _ => {}
            }
        }
    }

    fn take(&self, client: &Rc<Client>, place: usize) {
        let settings = &self.local.settings;
        let place_token = if settings.durable {
            place.to_string()
        } else {
            "*".to_owned()
        };
        let subject = format!("{}.k.{place_token}.{}", self.prefix, settings.filter);
        let (local, link) = (Rc::downgrade(&self.local), Rc::downgrade(client));
        let inbox = client.listen(
            subject,
            Rc::new(move |message| {
                if let (Some(local), Some(client)) = (local.upgrade(), link.upgrade()) {
                    local.take(&client, "k", &message);
                }
            }),
        );
        if let Some(part) = self.local.parts.borrow_mut().get_mut(place) {
            part.inbox = Some(inbox);
        }
    }

    /// Gives what is here and not for us to whom it is for, if nobody here works on it. Whether there may be more.
    async fn hand_over(&self, client: &Rc<Client>) -> bool {
        if self.local.pulls.get() {
            return false;
        }
        let is_leaving = |part: &super::local::Part| part.inbox.is_none() && part.here > 0;
        if !self.local.parts.borrow().iter().any(is_leaving) {
            return false;
        }
        let Ok(batch) = self.local.draw(64) else {
            return false;
        };
        let count = u32::try_from(self.local.parts.borrow().len()).unwrap_or(1);
        let mut settlements = Vec::new();
        for delivery in batch.deliveries {
            let message = &delivery.message;
            let place = crate::consumer::partition(&message.subject, &message.key, count);
            let owner = self.owner(usize::try_from(place).unwrap_or(0));
            let taken = match owner {
                Some(owner) => {
                    let subject = format!(
                        "{}.h.{}.{owner}.{place}.{}",
                        self.prefix, self.local.settings.name, message.subject
                    );
                    match client.request(&subject, &headers(message), &message.payload) {
                        Ok(request) => matches!(heard(request).await, Ok(Ok(_))),
                        Err(_) => false,
                    }
                }
                None => false,
            };
            settlements.push(Settlement {
                tag: delivery.tag,
                outcome: if taken {
                    Outcome::Ack
                } else {
                    Outcome::Retry(100)
                },
            });
        }
        if let Err(error) = self.local.settle(settlements) {
            log::warn!("share", "what was handed over is still here: {error:?}");
        }
        true
    }

    /// Says what is ours, when it is time, has changed, or is asked for.
    fn tell(&mut self, client: &Client) {
        let word = self.word();
        let asked = self.others.asked.replace(false);
        let is_known = |(said, before): &(Instant, Word)| said.elapsed() < RENEW && *before == word;
        if asked || !self.said.as_ref().is_some_and(is_known) {
            say(client, &self.prefix, &self.local.settings.name, &word);
            self.said = Some((Instant::now(), word));
        }
    }
}
