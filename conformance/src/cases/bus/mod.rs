//! The demands on components of world `message-bus`. All cases share one instance; each works with subjects and consumers of its
//! own, also beside what earlier runs left on a server.

mod consumers;
mod order;
mod publish;
mod settle;
mod together;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use greentic_interfaces::model::Error;
use greentic_sandbox::client::{Client, Policy};
use greentic_sandbox::fault::Fault;
use greentic_sandbox::scope::CallScope;
use greentic_sandbox::worlds::BusWorld;
use greentic_sandbox::worlds::bus_types::{
    Ack, Batch, Consumer, Delivery, Message, Outcome, Settlement,
};

use crate::case::{Case, Stop, Verdict, ensure};
use crate::sandbox::{Given, Loaded, MemoryServices, Stage};

/// How long a message that must come is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// A bus and where it runs.
pub struct Bench<'a> {
    stage: &'a Stage,
    bus: Arc<Client<BusWorld>>,
    run: String,
    next: AtomicU32,
}

impl<'a> Bench<'a> {
    /// Starts the bus.
    ///
    /// # Errors
    /// When it does not start.
    pub fn new(stage: &'a Stage, loaded: &Loaded, given: &Given) -> anyhow::Result<Self> {
        let services = MemoryServices::default();
        let bus = stage.bind::<BusWorld>(loaded, given, Policy::Shared, &services)?;
        Ok(Self {
            stage,
            bus: Arc::new(bus),
            run: crate::cases::run_name(),
            next: AtomicU32::new(1),
        })
    }

    /// A place on the bus that nobody used before.
    fn lane(&self) -> Lane<'_> {
        let number = self.next.fetch_add(1, Ordering::SeqCst);
        Lane {
            bench: self,
            name: format!("c{}-{number}", self.run),
            sent: AtomicU32::new(0),
        }
    }

    fn answer<T>(&self, call: impl Future<Output = Result<T, Fault>>) -> Result<T, Stop> {
        self.stage
            .wait(call)
            .map_err(|fault| Stop::Failed(fault.to_string()))
    }

    fn done<T>(
        &self,
        what: &str,
        call: impl Future<Output = Result<Result<T, Error>, Fault>>,
    ) -> Result<T, Stop> {
        self.answer(call)?
            .map_err(|error| Stop::Failed(format!("{what} came to {error:?}")))
    }

    fn sleep(&self, ms: u64) {
        std::thread::sleep(Duration::from_millis(ms));
    }
}

/// Subjects and consumers of one case. Consumers that it opened are closed when it ends.
struct Lane<'a> {
    bench: &'a Bench<'a>,
    name: String,
    sent: AtomicU32,
}

impl Lane<'_> {
    /// A subject of this lane, as the host builds them.
    fn subject(&self, rest: &str) -> String {
        format!("greentic.messaging.ingress.{}.{rest}", self.name)
    }

    /// A consumer's name.
    fn consumer_name(&self, name: &str) -> String {
        format!("{}-{name}", self.name)
    }

    /// A durable consumer with generous settings.
    fn consumer(&self, name: &str, filter: &str) -> Consumer {
        Consumer {
            name: self.consumer_name(name),
            filter: self.subject(filter),
            durable: true,
            inactive_ms: 60_000,
            max_in_flight: 1_000,
            ack_wait_ms: 30_000,
        }
    }

    /// A message of this lane: its subject's end, its key, its payload as text. Its identifier is new.
    fn message(&self, rest: &str, key: &str, payload: &str) -> Message {
        let number = self.sent.fetch_add(1, Ordering::SeqCst);
        Message {
            subject: self.subject(rest),
            id: format!("{}-m{number}", self.name),
            key: format!("{}-{key}", self.name),
            trace: String::new(),
            payload: payload.into(),
        }
    }

    fn open(&self, consumer: Consumer) -> Verdict {
        self.bench.done(
            "open",
            self.bench.bus.open_consumer(CallScope::default(), consumer),
        )
    }

    /// Publishes what must be taken.
    fn publish(&self, messages: Vec<Message>) -> Result<Vec<Ack>, Stop> {
        let call = self.bench.bus.publish(CallScope::default(), messages);
        let answers = self.bench.answer(call)?.into_iter();
        answers
            .map(|answer| {
                answer.map_err(|error| Stop::Failed(format!("publish came to {error:?}")))
            })
            .collect()
    }

    /// Publishes texts with one key.
    fn say(&self, key: &str, texts: &[&str]) -> Verdict {
        let messages = texts
            .iter()
            .map(|text| self.message("x", key, text))
            .collect();
        self.publish(messages).map(|_| ())
    }

    fn pull(&self, name: &str, max: u32) -> Result<Batch, Stop> {
        let call = self
            .bench
            .bus
            .pull(CallScope::default(), self.consumer_name(name), max, 50);
        self.bench.done("pull", call)
    }

    /// Pulls until so many deliveries came.
    fn take(&self, name: &str, count: usize) -> Result<Vec<Delivery>, Stop> {
        let began = Instant::now();
        let mut all = Vec::new();
        while all.len() < count {
            let missing = u32::try_from(count - all.len()).unwrap_or(u32::MAX);
            let batch = self.pull(name, missing)?;
            let waits = batch.deliveries.is_empty();
            all.extend(batch.deliveries);
            if waits {
                ensure(began.elapsed() < PATIENCE, || {
                    format!(
                        "{count} deliveries were to come within {PATIENCE:?}, and these came: {:?}",
                        texts(&all)
                    )
                })?;
                self.bench.sleep(5);
            }
        }
        Ok(all)
    }

    /// Fails unless nothing comes for so long.
    fn silent(&self, name: &str, ms: u64) -> Verdict {
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(ms) {
            let batch = self.pull(name, 10)?;
            ensure(batch.deliveries.is_empty(), || {
                format!(
                    "after {} ms came {:?}",
                    began.elapsed().as_millis(),
                    texts(&batch.deliveries)
                )
            })?;
            self.bench.sleep(10);
        }
        Ok(())
    }

    /// Settles, and gives how many tags were unknown.
    fn settle(&self, name: &str, deliveries: &[Delivery], outcome: &Outcome) -> Result<u32, Stop> {
        let settlements = deliveries
            .iter()
            .map(|delivery| Settlement {
                tag: delivery.tag,
                outcome: *outcome,
            })
            .collect();
        let call =
            self.bench
                .bus
                .settle(CallScope::default(), self.consumer_name(name), settlements);
        self.bench.done("settle", call)
    }

    /// Acknowledges what must be known.
    fn ack(&self, name: &str, deliveries: &[Delivery]) -> Verdict {
        let unknown = self.settle(name, deliveries, &Outcome::Ack)?;
        ensure(unknown == 0, || {
            format!("{unknown} open tags are called unknown")
        })
    }
}

fn texts(deliveries: &[Delivery]) -> Vec<String> {
    let text =
        |delivery: &Delivery| String::from_utf8_lossy(&delivery.message.payload).into_owned();
    deliveries.iter().map(text).collect()
}

/// All cases, in the order in which they are reported.
#[must_use]
pub fn cases<'a>() -> Vec<Case<Bench<'a>>> {
    [
        publish::cases(),
        order::cases(),
        settle::cases(),
        consumers::cases(),
        together::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
