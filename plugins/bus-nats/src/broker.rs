//! The contract's operations over the cluster.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use greentic_sdk::bus::Outcome as Settled;
use greentic_sdk::bus::check as bounds;
use greentic_sdk::model::Error;
use greentic_sdk_network::bus::{
    Ack, Batch, Consumer as ConsumerSettings, Message, Outcome, QueueDepth, Settlement,
};
use greentic_sdk_network::kept::Kept;
use greentic_sdk_network::timer::{either, sleep};
use greentic_sdk_network::{random, spawn};
use serde_json::Value;

use crate::acknowledge::acknowledge;
use crate::carried::headers;
use crate::client::Request;
use crate::consumer::{Consumer, partition};
use crate::jetstream::{ApiError, CONSUMER_NOT_FOUND, State, read, start};
use crate::keeper::keep;
use crate::numbers::Numbers;
use crate::settings::Settings;
use crate::setup::{check, delete, ensure};
use crate::stream::{Cluster, Connected};

/// Most messages of one publish and deliveries of one pull, as the contract says.
const MAX_BATCH: usize = 256;

/// Largest payload in bytes: the server's default, with room for headers.
pub const MAX_PAYLOAD: u64 = 1024 * 1024 - 4 * 1024;

/// The bus.
pub struct Broker {
    settings: Settings,
    kept: Rc<Kept<Cluster>>,
    numbers: Rc<Numbers>,
    consumers: RefCell<HashMap<String, Rc<Consumer>>>,
    us: String,
}

impl Broker {
    /// Over the servers of the settings.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let wait = settings.access.connect;
        let numbers = Rc::<Numbers>::default();
        Self {
            kept: Kept::new(Cluster::new(settings.clone(), Rc::clone(&numbers)), wait),
            settings,
            numbers,
            consumers: RefCell::default(),
            us: format!("{:016x}{:016x}", random(), random()),
        }
    }

    /// The connection.
    #[cfg(test)]
    pub async fn connected(&self) -> Result<Rc<crate::client::Client>, Error> {
        Ok(Rc::clone(&self.kept.connection().await?.client))
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
        let connected = match self.kept.connection().await {
            Ok(connected) => connected,
            Err(error) => return all(error),
        };
        // All of them go out before the first answer is waited for.
        let requests: Vec<Result<Request, Error>> = messages
            .iter()
            .map(|message| self.send(&connected, message))
            .collect();
        let mut results = Vec::with_capacity(requests.len());
        for request in requests {
            results.push(match request {
                Ok(request) => match read(request.wait().await) {
                    Ok(answer) => {
                        let number = answer.get("seq").and_then(Value::as_u64);
                        self.numbers.saw(number.unwrap_or(0));
                        let duplicate = answer.get("duplicate").and_then(Value::as_bool);
                        Ok(Ack {
                            duplicate: duplicate == Some(true),
                        })
                    }
                    Err(error) => Err(error.into_error(true)),
                },
                Err(error) => Err(error),
            });
        }
        results
    }

    fn send(&self, connected: &Connected, message: &Message) -> Result<Request, Error> {
        bounds::subject(&message.subject)?;
        let Message {
            id,
            key,
            trace,
            payload,
            ..
        } = message;
        bounds::message(id, key, trace, payload, MAX_PAYLOAD)?;
        let place = partition(&message.subject, &message.key, self.settings.partitions);
        let subject = format!("{}.m.{place}.{}", self.settings.prefix, message.subject);
        let headers = headers(message);
        connected
            .client
            .request(&subject, &headers, &message.payload)
            .map_err(|lost| ApiError::Lost(lost).into_error(true))
    }

    fn partitions(&self, durable: bool) -> u32 {
        if durable { self.settings.partitions } else { 1 }
    }

    /// Creates a consumer, or checks that the one there is the same.
    ///
    /// # Errors
    /// As the contract says.
    pub async fn open(&self, settings: ConsumerSettings) -> Result<(), Error> {
        check(&settings)?;
        if let Some(known) = self.known(&settings.name)
            && known.settings != settings
        {
            return Err(Error::Conflict);
        }
        let connected = self.kept.connection().await?;
        let partitions = self.partitions(settings.durable);
        let prefix = &self.settings.prefix;
        ensure(&connected.client, prefix, &settings, partitions).await?;
        // Somebody may have opened it meanwhile.
        if let Some(known) = self.known(&settings.name) {
            known.pulled.set(Instant::now());
            return Ok(());
        }
        let consumer = Consumer::new(
            settings.clone(),
            prefix,
            partitions,
            Rc::clone(&self.numbers),
        );
        self.consumers
            .borrow_mut()
            .insert(settings.name, Rc::clone(&consumer));
        spawn(keep(
            Rc::clone(&self.kept),
            self.settings.clone(),
            self.us.clone(),
            consumer,
        ));
        Ok(())
    }

    /// The consumer of this name, opened here and not over.
    fn known(&self, name: &str) -> Option<Rc<Consumer>> {
        let consumer = self.consumers.borrow().get(name).cloned();
        consumer.filter(|consumer| !consumer.closed.get())
    }

    /// Ends a consumer.
    ///
    /// # Errors
    /// As the contract says.
    pub async fn close(&self, name: &str) -> Result<(), Error> {
        let connected = self.kept.connection().await?;
        let known = self.consumers.borrow_mut().remove(name);
        if let Some(known) = known {
            known.closed.set(true);
            known.changes.notify();
        }
        let prefix = &self.settings.prefix;
        let most = self.settings.partitions;
        match delete(&connected.client, prefix, name, most).await? {
            true => Ok(()),
            false => Err(Error::NotFound),
        }
    }

    /// Up to `max` deliveries, waiting up to `wait_ms` for the first.
    ///
    /// # Errors
    /// As the contract says.
    pub async fn pull(&self, name: &str, max: u32, wait_ms: u32) -> Result<Batch, Error> {
        let consumer = self.known(name).ok_or(Error::NotFound)?;
        let max = usize::try_from(max).unwrap_or(MAX_BATCH).min(MAX_BATCH);
        let end = Instant::now() + Duration::from_millis(wait_ms.into());
        loop {
            let seen = consumer.changes.seen();
            if consumer.closed.get() {
                return Err(Error::NotFound);
            }
            let (deliveries, next_ms) = consumer.hand_out(max);
            let left = end.saturating_duration_since(Instant::now());
            if !deliveries.is_empty() {
                return Ok(Batch {
                    deliveries,
                    next_ms,
                });
            }
            if left.is_zero() {
                // Nothing came, and nothing could have come.
                if self.kept.now().is_none()
                    && let Some(fault) = self.kept.fault()
                {
                    return Err(fault);
                }
                return Ok(Batch {
                    deliveries,
                    next_ms,
                });
            }
            let pause = match next_ms {
                Some(ms) if ms > 0 => left.min(Duration::from_millis(ms)),
                _ => left,
            };
            let _waiting = Waiting::begin(&consumer.waiting);
            let _ = either(consumer.changes.since(seen), sleep(pause)).await;
        }
    }

    /// Settles deliveries.
    ///
    /// # Errors
    /// As the contract says. What could not be settled is delivered again.
    pub async fn settle(&self, name: &str, settlements: Vec<Settlement>) -> Result<u32, Error> {
        let consumer = self.known(name).ok_or(Error::NotFound)?;
        let mut unknown = 0;
        let mut done = Vec::new();
        for Settlement { tag, outcome } in settlements {
            match outcome {
                Outcome::Retry(delay) => {
                    unknown += u32::from(!consumer.settle(tag, Settled::Retry(delay)));
                }
                _ => done.push(tag),
            }
        }
        // What cannot be told to the server now is told on the next connection: the host is done with it.
        let connected = self.kept.now();
        let client = connected.as_ref().map(|connected| &connected.client);
        let told = acknowledge(&consumer, client, &self.settings.prefix, done).await;
        unknown += told.unknown;
        consumer.changes.notify();
        if let Some(connected) = connected {
            let count = consumer.parts.borrow().len();
            (0..count).for_each(|place| consumer.ask(&connected.client, place));
        }
        let lost = told.lost.map(|lost| lost.into_error(true));
        lost.map_or(Ok(unknown), Err)
    }

    /// Starts the ack wait of deliveries again.
    ///
    /// # Errors
    /// As the contract says.
    pub fn extend(&self, name: &str, tags: &[u64]) -> Result<(), Error> {
        let consumer = self.known(name).ok_or(Error::NotFound)?;
        consumer.extend(tags);
        Ok(())
    }

    /// How much waits, and how much is with this host.
    ///
    /// # Errors
    /// As the contract says.
    pub async fn depth(&self, name: &str) -> Result<QueueDepth, Error> {
        let consumer = self.known(name).ok_or(Error::NotFound)?;
        let connected = self.kept.connection().await?;
        let count = consumer.parts.borrow().len();
        let requests: Vec<_> = (0..count)
            .map(|place| {
                let call = format!(
                    "CONSUMER.INFO.{}.{}",
                    self.settings.prefix,
                    consumer.name(place)
                );
                start(&connected.client, &call, &Value::Null)
            })
            .collect();
        let mut all = 0;
        for request in requests {
            let answer = match request {
                Ok(request) => read(request.wait().await),
                Err(error) => Err(error),
            };
            match answer {
                Ok(info) => {
                    let state = State::read(&info);
                    all += state.pending + state.unacknowledged;
                }
                Err(error) if error.code() == Some(CONSUMER_NOT_FOUND) => {}
                Err(error) => return Err(error.into_error(false)),
            }
        }
        let in_flight = consumer.out();
        Ok(QueueDepth {
            pending: all.saturating_sub(in_flight),
            in_flight,
        })
    }
}

/// Counts a pull while it waits, also when its caller goes away.
struct Waiting<'a>(&'a Cell<u32>);

impl<'a> Waiting<'a> {
    fn begin(count: &'a Cell<u32>) -> Self {
        count.set(count.get() + 1);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}
