//! Taking messages from the bus, many at a time, and settling them together.
//!
//! One loop for each worker thread and stage. It pulls as many as it has room for, starts a piece of work for each, and
//! settles in one call whatever is done by then. Work that takes long has its delivery extended; the rest never waits for it.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use greentic_sandbox::worlds::bus_types::{Batch, Delivery, Outcome, Settlement};
use tokio::sync::watch;

use crate::bus::{Bus, BusError};

/// A pull that is going on.
type Pull = Pin<Box<dyn Future<Output = Result<Batch, BusError>> + Send>>;

/// How a consumer loop works.
#[derive(Debug, Clone)]
pub struct ConsumerSettings {
    /// The consumer's name on the bus.
    pub name: String,
    /// Messages pulled in one call.
    pub batch: usize,
    /// Pieces of work at a time in this loop.
    pub in_flight: usize,
    /// How long to wait for a first message.
    pub wait: Duration,
    /// When a delivery that is still worked on is extended.
    pub extend: Duration,
}

/// Runs until `stop` says so; then takes nothing new, ends what it began and returns.
pub async fn consume<W, F>(
    bus: Arc<Bus>,
    settings: ConsumerSettings,
    mut stop: watch::Receiver<bool>,
    work: W,
) where
    W: Fn(Delivery) -> F,
    F: Future<Output = Outcome> + Send,
{
    let mut running = FuturesUnordered::new();
    let mut begun: HashMap<u64, Instant> = HashMap::new();
    let mut done: Vec<Settlement> = Vec::new();
    let mut ticks = tokio::time::interval(settings.extend);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    // A pull is never dropped half-way: what it was given would be lost to everybody until the ack wait is over.
    let mut pulling: Option<Pull> = None;
    loop {
        let stopping = *stop.borrow();
        if stopping && running.is_empty() && pulling.is_none() {
            bus.settle(&settings.name, std::mem::take(&mut done)).await;
            return;
        }
        let room = settings
            .in_flight
            .saturating_sub(running.len())
            .min(settings.batch);
        if pulling.is_none() && room > 0 && !stopping {
            let (bus, name, wait) = (Arc::clone(&bus), settings.name.clone(), settings.wait);
            let max = u32::try_from(room).unwrap_or(1);
            pulling = Some(Box::pin(async move { bus.pull(&name, max, wait).await }));
        }
        tokio::select! {
            biased;
            Some(settlement) = running.next(), if !running.is_empty() => {
                done.push(settlement);
                // Whatever else is done already goes along.
                while let Some(Some(settlement)) = running.next().now_or_never() {
                    done.push(settlement);
                }
                for settlement in &done {
                    begun.remove(&settlement.tag);
                }
                bus.settle(&settings.name, std::mem::take(&mut done)).await;
            }
            batch = next(&mut pulling), if pulling.is_some() => {
                pulling = None;
                match batch {
                    Ok(batch) => for delivery in batch.deliveries {
                        let tag = delivery.tag;
                        begun.insert(tag, Instant::now());
                        // Boxed, for the state of a turn is large and would be moved with every message that finishes.
                        let outcome = Box::pin(work(delivery));
                        running.push(async move { Settlement { tag, outcome: outcome.await } });
                    },
                    Err(error) => {
                        tracing::warn!(consumer = settings.name, "cannot pull: {error}");
                        tokio::time::sleep(Duration::from_millis(500)).await;
                    }
                }
            }
            _ = ticks.tick(), if !running.is_empty() => {
                let old = begun.iter().filter(|(_, at)| at.elapsed() >= settings.extend).map(|(tag, _)| *tag).collect();
                bus.extend(&settings.name, old).await;
            }
            _ = stop.changed() => {}
        }
    }
}

/// The outcome of the pull that is going on; for ever pending when none is.
async fn next(pulling: &mut Option<Pull>) -> Result<Batch, BusError> {
    match pulling {
        Some(pull) => pull.await,
        None => std::future::pending().await,
    }
}
