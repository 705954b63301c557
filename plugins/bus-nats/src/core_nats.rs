//! The bus on core NATS, which keeps nothing.
//!
//! A message is sent to the host that works on its partition, which answers that it has it: in memory, with the semantics of
//! `bus-memory`, until it is settled. So order by key holds, a second publish of an id is known, and what nobody would take is not
//! acknowledged; but what a host has is lost with it.
//!
//! | subject | what |
//! |---|---|
//! | `{prefix}.k.{partition}.{subject}` | a message, as a request |
//! | `{prefix}.h.{consumer}.{host}.{partition}.{subject}` | the same, handed over to a host |
//! | `{prefix}.c.{consumer}` | which host works on what ([`share`]) |

pub mod local;
pub mod share;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::rc::Rc;
use std::time::{Duration, Instant};

use greentic_sdk::bus::check as bounds;
use greentic_sdk::model::Error;
use greentic_sdk_network::bus::{
    Ack, Batch, Consumer as Settings, Message, QueueDepth, Settlement,
};
use greentic_sdk_network::kept::Kept;
use greentic_sdk_network::timer::{either, sleep};
use greentic_sdk_network::{random, spawn};

use self::local::Local;
use self::share::{Share, say_closed};
use crate::broker::MAX_PAYLOAD;
use crate::carried::headers;
use crate::client::{Client, Request};
use crate::consumer::partition;
use crate::headers::status;
use crate::jetstream::ApiError;
use crate::setup::check;
use crate::stream::Cluster;

/// Most messages of one publish and deliveries of one pull, as the contract says.
const MAX_BATCH: usize = 256;
/// Between two attempts to find the host that works on a partition.
const PAUSE: Duration = Duration::from_millis(50);

/// The bus.
pub struct Core {
    settings: crate::settings::Settings,
    kept: Rc<Kept<Cluster>>,
    consumers: RefCell<HashMap<String, Rc<Local>>>,
    us: String,
}

impl Core {
    /// Over the servers of the settings.
    #[must_use]
    pub fn new(settings: crate::settings::Settings) -> Self {
        let wait = settings.access.connect;
        Self {
            kept: Kept::new(Cluster::new(settings.clone(), Rc::default()), wait),
            settings,
            consumers: RefCell::default(),
            us: format!("{:016x}{:016x}", random(), random()),
        }
    }

    fn known(&self, name: &str) -> Result<Rc<Local>, Error> {
        let known = self.consumers.borrow().get(name).cloned();
        let open = known.filter(|local| !local.closed.get());
        open.ok_or(Error::NotFound)
    }

    /// Publishes in order; a result per message.
    pub async fn publish(&self, messages: Vec<Message>) -> Vec<Result<Ack, Error>> {
        let all = |error: Error| messages.iter().map(|_| Err(error.clone())).collect();
        if messages.len() > MAX_BATCH {
            return all(Error::Invalid(format!(
                "{} messages in one publish; at most {MAX_BATCH}",
                messages.len()
            )));
        }
        let client = match self.kept.connection().await {
            Ok(connected) => Rc::clone(&connected.client),
            Err(error) => return all(error),
        };
        let partitions = self.settings.partitions;
        let publishing = Publishing {
            client: &client,
            prefix: &self.settings.prefix,
            messages: &messages,
        };
        publishing
            .run(partitions, self.settings.access.timeout)
            .await
    }

    /// Opens a consumer here, and takes a share of its partitions.
    ///
    /// # Errors
    /// As the contract says.
    pub async fn open(&self, settings: Settings) -> Result<(), Error> {
        check(&settings)?;
        if let Ok(known) = self.known(&settings.name) {
            return known.open(&settings);
        }
        self.kept.connection().await?;
        // Somebody may have opened it meanwhile.
        if let Ok(known) = self.known(&settings.name) {
            return known.open(&settings);
        }
        let local = Local::new(settings.clone(), &self.settings)?;
        self.consumers
            .borrow_mut()
            .insert(settings.name, Rc::clone(&local));
        let share = Share::new(&self.kept, &self.settings, &self.us, &local);
        spawn(share.keep());
        // Other hosts are heard before the answer: their settings may be others.
        if local.joined().await {
            Ok(())
        } else {
            Err(Error::Conflict)
        }
    }

    /// Ends a consumer on every host.
    ///
    /// # Errors
    /// As the contract says.
    pub async fn close(&self, name: &str) -> Result<(), Error> {
        let local = self.known(name)?;
        let connected = self.kept.connection().await?;
        say_closed(&connected.client, &self.settings.prefix, name);
        local.close();
        Ok(())
    }

    /// Up to `max` deliveries, waiting up to `wait_ms` for the first.
    ///
    /// # Errors
    /// As the contract says.
    pub async fn pull(&self, name: &str, max: u32, wait_ms: u32) -> Result<Batch, Error> {
        let local = self.known(name)?;
        let end = Instant::now() + Duration::from_millis(wait_ms.into());
        loop {
            let seen = local.changes.seen();
            let batch = local.pull(max)?;
            let left = end.saturating_duration_since(Instant::now());
            if !batch.deliveries.is_empty() || left.is_zero() {
                // Nothing came, and nothing could have come.
                if batch.deliveries.is_empty()
                    && self.kept.now().is_none()
                    && let Some(fault) = self.kept.fault()
                {
                    return Err(fault);
                }
                return Ok(batch);
            }
            let due = batch.next_ms.map_or(left, Duration::from_millis);
            let pause = due.max(Duration::from_millis(1)).min(left);
            let _ = either(local.changes.since(seen), sleep(pause)).await;
        }
    }

    /// Settles deliveries.
    ///
    /// # Errors
    /// As the contract says.
    pub fn settle(&self, name: &str, settlements: Vec<Settlement>) -> Result<u32, Error> {
        self.known(name)?.settle(settlements)
    }

    /// Starts the ack wait of deliveries again.
    ///
    /// # Errors
    /// As the contract says.
    pub fn extend(&self, name: &str, tags: &[u64]) -> Result<(), Error> {
        self.known(name)?.extend(tags)
    }

    /// How much waits on this host, and how much is out.
    ///
    /// # Errors
    /// As the contract says.
    pub fn depth(&self, name: &str) -> Result<QueueDepth, Error> {
        self.known(name)?.depth()
    }
}

/// A call of `publish`.
struct Publishing<'a> {
    client: &'a Rc<Client>,
    prefix: &'a str,
    messages: &'a [Message],
}

impl Publishing<'_> {
    /// Sends of each partition the first, and when a host has taken it the rest: so none overtakes one that nobody took yet.
    async fn run(&self, partitions: u32, patience: Duration) -> Vec<Result<Ack, Error>> {
        let mut results: Vec<Option<Result<Ack, Error>>> = Vec::new();
        let mut waiting: BTreeMap<u64, VecDeque<usize>> = BTreeMap::new();
        for (index, message) in self.messages.iter().enumerate() {
            let fault = bounds::subject(&message.subject).and_then(|()| {
                let Message {
                    id,
                    key,
                    trace,
                    payload,
                    ..
                } = message;
                bounds::message(id, key, trace, payload, MAX_PAYLOAD)
            });
            match fault {
                Ok(()) => {
                    let place = partition(&message.subject, &message.key, partitions);
                    waiting.entry(place).or_default().push_back(index);
                    results.push(None);
                }
                Err(error) => results.push(Some(Err(error))),
            }
        }
        let end = Instant::now() + patience;
        while !waiting.is_empty() {
            let first = |(place, queue): (&u64, &VecDeque<usize>)| Some((*place, *queue.front()?));
            let firsts: Vec<_> = waiting.iter().filter_map(first).collect();
            let taken = self.send(firsts, &mut results).await;
            let mut rest = Vec::new();
            for place in &taken {
                let queue = waiting.remove(place).unwrap_or_default();
                rest.extend(queue.into_iter().skip(1).map(|index| (*place, index)));
            }
            self.send(rest.clone(), &mut results).await;
            // A partition that changed hands in between: the rest of it goes on when somebody has it again, unless a later one of it
            // is through already.
            let is_open = |index: &usize| results.get(*index).is_some_and(Option::is_none);
            for place in taken {
                let rest = rest.iter().filter(|(of, _)| *of == place);
                let left = rest
                    .map(|(_, index)| *index)
                    .skip_while(|index| !is_open(index));
                let left: VecDeque<_> = left.collect();
                if !left.is_empty() && left.iter().all(is_open) {
                    waiting.insert(place, left);
                }
            }
            if waiting.is_empty() || Instant::now() >= end {
                break;
            }
            sleep(PAUSE).await;
        }
        let nobody = || {
            Error::Unavailable(
                "no host has opened a consumer that takes the message; with `jetstream: false` nothing is kept for later"
                    .into(),
            )
        };
        let done = results.into_iter();
        done.map(|result| result.unwrap_or_else(|| Err(nobody())))
            .collect()
    }

    /// Sends messages and notes what came of them; of which partitions somebody answered.
    async fn send(
        &self,
        which: Vec<(u64, usize)>,
        results: &mut [Option<Result<Ack, Error>>],
    ) -> Vec<u64> {
        let request = |(place, index): (u64, usize)| {
            let message = self.messages.get(index)?;
            let subject = format!("{}.k.{place}.{}", self.prefix, message.subject);
            let sent = self
                .client
                .request(&subject, &headers(message), &message.payload);
            Some((place, index, sent))
        };
        let sent: Vec<_> = which.into_iter().filter_map(request).collect();
        let mut taken = Vec::new();
        for (place, index, request) in sent {
            let answer = match request {
                Ok(request) => heard(request).await,
                Err(lost) => Err(ApiError::Lost(lost)),
            };
            let result = match answer {
                Err(ApiError::Nobody) => continue,
                Err(error) => Err(error.into_error(true)),
                Ok(result) => result,
            };
            if let Some(slot) = results.get_mut(index) {
                *slot = Some(result);
            }
            taken.push(place);
        }
        taken
    }
}

/// What the host that has the message says.
async fn heard(request: Request) -> Result<Result<Ack, Error>, ApiError> {
    let answer = request.wait().await.map_err(ApiError::Lost)?;
    if status(&answer.headers) == Some(503) {
        return Err(ApiError::Nobody);
    }
    match answer.payload.as_slice() {
        b"+" => Ok(Ok(Ack { duplicate: false })),
        b"=" => Ok(Ok(Ack { duplicate: true })),
        [b'-', text @ ..] => {
            let text = String::from_utf8_lossy(text).into_owned();
            Ok(Err(Error::Unavailable(text)))
        }
        other => Err(ApiError::Strange(
            String::from_utf8_lossy(other).chars().take(200).collect(),
        )),
    }
}
