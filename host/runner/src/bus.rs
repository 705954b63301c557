//! The bus as the host uses it: publishing in groups, and waking whoever pulls.
//!
//! Many requests publish at once. The first one that finds nobody publishing becomes the one who does: it lets every other
//! request that is ready join, and carries all of them over in one call. That costs a request nothing when it is alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use greentic_interfaces::model::{Durability, Error};
use greentic_sandbox::client::Client;
use greentic_sandbox::fault::Fault;
use greentic_sandbox::scope::CallScope;
use greentic_sandbox::worlds::BusWorld;
use greentic_sandbox::worlds::bus_types::{Ack, Batch, Consumer, Descriptor, Message, Settlement};
use greentic_telemetry::{Counter, Histogram, HostMetrics};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::wake::Wakers;

/// Most messages of one publish call; the contract's limit is 256.
const MOST: usize = 128;

/// Why something could not be published or pulled.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BusError {
    /// The bus refused.
    #[error("the bus answered: {0:?}")]
    Refused(Error),
    /// The bus plugin gave no answer.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// Not confirmed in time.
    #[error("publishing was not confirmed within {0:?} (key `limits.bus.publish`)")]
    Late(Duration),
    /// Too many wait to be published.
    #[error("more than {0} messages wait to be published (key `limits.bus.publish-queue`)")]
    Full(usize),
}

/// Bounds of publishing.
#[derive(Debug, Clone, Copy)]
pub struct BusBounds {
    /// Confirmed within.
    pub publish: Duration,
    /// Waiting at most.
    pub queue: usize,
}

/// A bus.
pub struct Bus {
    client: Arc<Client<BusWorld>>,
    descriptor: Descriptor,
    queue: Mutex<Queue>,
    consumers: Mutex<Vec<Consumer>>,
    /// Restarts of the plugin after which the consumers were opened.
    opened_after: AtomicU64,
    bounds: BusBounds,
    metrics: Arc<HostMetrics>,
    counts: Counts,
    /// Who pulls, to be woken when there may be something to pull.
    wakers: Wakers,
}

/// Handles of the metrics of every message, looked up once.
struct Counts {
    published: Counter,
    batches: Counter,
    seconds: Histogram,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<(Message, oneshot::Sender<Result<Ack, BusError>>)>,
    publishing: bool,
}

impl Bus {
    /// Over a plugin of world `message-bus`.
    pub fn new(
        client: Arc<Client<BusWorld>>,
        descriptor: Descriptor,
        bounds: BusBounds,
        metrics: Arc<HostMetrics>,
    ) -> Arc<Self> {
        let counts = Counts {
            published: metrics.bus_published.with(["all"]),
            batches: metrics.bus_publish_batches.with(["all"]),
            seconds: metrics.bus_publish_seconds.with(["all"]),
        };
        Arc::new(Self {
            client,
            descriptor,
            counts,
            queue: Mutex::default(),
            consumers: Mutex::default(),
            opened_after: AtomicU64::new(0),
            bounds,
            metrics,
            wakers: Wakers::default(),
        })
    }

    /// The plugin.
    #[must_use]
    pub fn client(&self) -> &Arc<Client<BusWorld>> {
        &self.client
    }

    /// What it promises.
    #[must_use]
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// Whether messages are still there when this process has ended: kept on a disk, or by a server. What a server keeps may be lost
    /// with the server, which is what the declared durability speaks of; a bus that keeps nothing has its messages in this process.
    #[must_use]
    pub fn outlives_process(&self) -> bool {
        match self.descriptor.durability {
            Durability::None => false,
            Durability::Process => self.client.plugin().has_network(),
            Durability::Disk | Durability::Replicated => true,
        }
    }

    /// Whether another one has the same messages: both are instances of a bus on a server, configured alike and with the same secrets,
    /// which may say whose messages these are; so what one of them leaves the other gets, as between two hosts.
    #[must_use]
    pub fn shares_messages_with(&self, other: &Self) -> bool {
        let is_on_server = |bus: &Self| bus.outlives_process() && bus.client.plugin().has_network();
        is_on_server(self)
            && is_on_server(other)
            && self.descriptor.about.name == other.descriptor.about.name
            && self.client.binding().config == other.client.binding().config
            && (self.client.binding().secrets).has_handles_of(&other.client.binding().secrets)
    }

    /// Publishes messages and returns when all of them are confirmed.
    ///
    /// # Errors
    /// The first [`BusError`]; what was confirmed stays published, and publishing it again under its id changes nothing.
    pub async fn publish(self: &Arc<Self>, messages: Vec<Message>) -> Result<(), BusError> {
        if messages.is_empty() {
            return Ok(());
        }
        let mut answers = Vec::with_capacity(messages.len());
        let lead = {
            let mut queue = self.queue.lock();
            if queue.waiting.len() + messages.len() > self.bounds.queue {
                return Err(BusError::Full(self.bounds.queue));
            }
            for message in messages {
                let (answer, answered) = oneshot::channel();
                queue.waiting.push((message, answer));
                answers.push(answered);
            }
            !std::mem::replace(&mut queue.publishing, true)
        };
        if lead {
            let bus = Arc::clone(self);
            // Its own task: a caller that goes away must not leave the others waiting.
            tokio::spawn(async move { bus.carry().await });
        }
        let all = async {
            for answer in answers {
                match answer.await {
                    Ok(Ok(_)) => {}
                    Ok(Err(error)) => return Err(error),
                    Err(_) => {
                        return Err(BusError::Refused(Error::UnknownOutcome(
                            "the publisher ended".into(),
                        )));
                    }
                }
            }
            Ok(())
        };
        match tokio::time::timeout(self.bounds.publish, all).await {
            Ok(outcome) => outcome,
            Err(_) => Err(BusError::Late(self.bounds.publish)),
        }
    }

    async fn carry(&self) {
        loop {
            let group: Vec<_> = {
                let mut queue = self.queue.lock();
                if queue.waiting.is_empty() {
                    queue.publishing = false;
                    return;
                }
                let most = queue.waiting.len().min(MOST);
                queue.waiting.drain(..most).collect()
            };
            let (messages, answers): (Vec<_>, Vec<_>) = group.into_iter().unzip();
            let count = u64::try_from(messages.len()).unwrap_or(u64::MAX);
            let subjects = self.wakers.count(&messages);
            let begun = Instant::now();
            let outcome = match self.reopen().await {
                Ok(()) => self
                    .client
                    .publish(CallScope::default(), messages)
                    .await
                    .map_err(BusError::Fault),
                Err(error) => Err(error),
            };
            match outcome {
                Ok(results) => {
                    let mut results = results.into_iter();
                    for answer in answers {
                        let result = results.next().unwrap_or_else(|| {
                            Err(Error::Internal(
                                "the bus answered for too few messages".into(),
                            ))
                        });
                        // A caller that gave up does not need the answer.
                        let _ = answer.send(result.map_err(BusError::Refused));
                    }
                    self.counts.published.add(count);
                    self.counts.batches.inc();
                    self.counts.seconds.observe(begun.elapsed());
                    self.wakers.published(&subjects);
                }
                Err(error) => {
                    self.metrics.bus_errors.with(["publish"]).inc();
                    for answer in answers {
                        let _ = answer.send(Err(error.clone()));
                    }
                }
            }
            tokio::task::yield_now().await;
        }
    }

    /// Pulls up to `max` deliveries, waiting up to `wait` for the first.
    ///
    /// # Errors
    /// [`BusError`] when the bus gives none and says why.
    pub async fn pull(&self, consumer: &str, max: u32, wait: Duration) -> Result<Batch, BusError> {
        if self.client.plugin().waits() {
            let wait_ms = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX);
            return self.pull_once(consumer, max, wait_ms).await;
        }
        let waiters = self.wakers.of(consumer);
        let Some(waiters) = &waiters else {
            return Err(BusError::Refused(Error::NotFound));
        };
        let woken = waiters.notify().notified();
        let mut woken = std::pin::pin!(woken);
        // From here on a publish is not missed, even before the first poll below.
        woken.as_mut().enable();
        let batch = self.pull_once(consumer, max, 0).await?;
        if !batch.deliveries.is_empty() {
            return Ok(batch);
        }
        let sleep = batch
            .next_ms
            .map_or(wait, |ms| Duration::from_millis(ms.max(1)).min(wait));
        tokio::select! {
            () = woken => {}
            () = tokio::time::sleep(sleep) => {}
        }
        self.pull_once(consumer, max, 0).await
    }

    /// Opens a consumer, and opens it again whenever the plugin's instance was replaced: a bus in memory forgets its consumers
    /// with the instance, and what is published to nobody is kept for nobody.
    ///
    /// # Errors
    /// [`BusError`] when the bus does not give it.
    pub async fn open(&self, consumer: Consumer) -> Result<(), BusError> {
        self.open_once(consumer.clone()).await?;
        self.wakers.add(&consumer);
        let mut consumers = self.consumers.lock();
        consumers.retain(|known| known.name != consumer.name);
        consumers.push(consumer);
        Ok(())
    }

    async fn open_once(&self, consumer: Consumer) -> Result<(), BusError> {
        match self
            .client
            .open_consumer(CallScope::default(), consumer)
            .await?
        {
            Ok(()) => Ok(()),
            Err(error) => Err(BusError::Refused(error)),
        }
    }

    /// Makes sure the consumers are those of the instance there is now.
    async fn reopen(&self) -> Result<(), BusError> {
        let restarts = self.client.restarts();
        if self.opened_after.load(Ordering::Acquire) == restarts {
            return Ok(());
        }
        let consumers = self.consumers.lock().clone();
        for consumer in consumers {
            self.open_once(consumer).await?;
        }
        self.opened_after.store(restarts, Ordering::Release);
        Ok(())
    }

    async fn pull_once(&self, consumer: &str, max: u32, wait_ms: u32) -> Result<Batch, BusError> {
        self.reopen().await?;
        match self
            .client
            .pull(CallScope::default(), consumer.to_owned(), max, wait_ms)
            .await
        {
            Ok(Ok(batch)) => Ok(batch),
            Ok(Err(error)) => Err(BusError::Refused(error)),
            Err(fault) => Err(BusError::Fault(fault)),
        }
    }

    /// Settles deliveries. What could not be settled is delivered again; its effects are not repeated.
    pub async fn settle(&self, consumer: &str, settlements: Vec<Settlement>) {
        if settlements.is_empty() {
            return;
        }
        let count = settlements.len();
        let outcome = self
            .client
            .settle(CallScope::default(), consumer.to_owned(), settlements)
            .await;
        if !matches!(outcome, Ok(Ok(_))) {
            self.metrics.bus_errors.with(["settle"]).inc();
            tracing::warn!(
                consumer,
                ?outcome,
                "messages could not be settled; they will be delivered again and recognised"
            );
        }
        self.wakers.settled(consumer, count);
    }

    /// Keeps deliveries from being delivered again while they are worked on.
    pub async fn extend(&self, consumer: &str, tags: Vec<u64>) {
        if tags.is_empty() {
            return;
        }
        let outcome = self
            .client
            .extend(CallScope::default(), consumer.to_owned(), tags)
            .await;
        if !matches!(outcome, Ok(Ok(()))) {
            self.metrics.bus_errors.with(["extend"]).inc();
        }
    }

    /// Lets every puller look again, such as at shutdown.
    pub fn wake(&self) {
        self.wakers.all();
    }
}
