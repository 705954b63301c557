//! From the bus to the platform: in order for a conversation, at the platform's pace, sent once.
//!
//! The bus holds back a conversation's later messages until the one before is settled; this stage waits for the pace, calls
//! `deliver`, and settles by what came of it: *sent*, *not sent* (again later, or a dead letter), or *unknown* (the channel's
//! policy decides). What was sent is remembered as a receipt where messages outlive the process, so a message delivered again
//! after a crash is recognised.

use std::sync::Arc;
use std::time::{Duration, Instant};

use greentic_interfaces::imports::greentic::channel::types::{
    Delivery as ChannelDelivery, DeliveryError, Receipt,
};
use greentic_sandbox::fault::{Fault, FaultKind};
use greentic_sandbox::scope::CallScope;
use greentic_sandbox::worlds::bus_types::{Delivery, Outcome};
use greentic_sandbox::worlds::store_types::Expect;
use greentic_session::Partition;
use greentic_telemetry::{Sampling, TraceContext, spans};
use tokio::sync::SemaphorePermit;
use tracing::Instrument;

use crate::channel::{ChannelRuntime, UnknownOutcome};
use crate::clock::now_ms;
use crate::dead_letter::Stage;
use crate::envelope::{self, Outgoing};
use crate::generation::Generation;
use crate::turn::millis;

impl Generation {
    /// Handles one delivery of the egress consumer.
    pub(crate) async fn handle_outgoing(self: Arc<Self>, delivery: Delivery) -> Outcome {
        let Some(channel) = self.channel_of(&delivery.message.subject) else {
            tracing::warn!(
                subject = delivery.message.subject,
                "a message for a channel that is not in the bundle waits for it"
            );
            return self.again(&delivery, None);
        };
        let outgoing: Outgoing = match envelope::decode(&delivery.message.payload) {
            Ok(outgoing) => outgoing,
            Err(error) => {
                return self
                    .give_up(&channel, &delivery, Stage::Egress, &error.to_string())
                    .await;
            }
        };
        let trace: TraceContext = delivery
            .message
            .trace
            .parse()
            .unwrap_or_else(|_| TraceContext::start(Sampling::OFF, None));
        let receipts = Receipts::of(&channel, &outgoing);
        if delivery.attempt > 1 {
            self.metrics.bus_redelivered.with(["egress"]).inc();
            match receipts.known(&channel).await {
                Ok(true) => {
                    self.metrics.dedupe_dropped.with(["egress"]).inc();
                    return Outcome::Ack;
                }
                Ok(false) => {}
                Err(()) => return self.again(&delivery, None),
            }
        }
        // Closed never: the semaphore lives as long as the channel.
        let conversation = &outgoing.message.conversation.id;
        let Some(_permit) = place_to_send(&channel, conversation).await else {
            return self.again(&delivery, None);
        };
        let span = spans::deliver_span(&trace, &channel.address(), delivery.attempt);
        let trace = trace.within(&span);
        let begun = Instant::now();
        let sent = deliver(&channel, &outgoing, delivery.attempt, trace)
            .instrument(span.clone())
            .await;
        channel.pace.lock().sent(conversation, Instant::now());
        channel.metrics.egress_seconds.observe(begun.elapsed());
        let outcome = match &sent {
            Sent::Yes(_) => "sent",
            Sent::Later(..) => "retry",
            Sent::Never(_) => "rejected",
            Sent::Unknown(_) => "unknown",
        };
        spans::outcome(&span, outcome);
        match &sent {
            Sent::Yes(_) => channel.metrics.sent.inc(),
            _ => self
                .metrics
                .egress_attempts
                .with([&channel.provider, outcome])
                .inc(),
        }
        match sent {
            Sent::Yes(receipt) => {
                for downgrade in &receipt.downgrades {
                    tracing::debug!(channel = %channel.reference, feature = downgrade.feature, "downgraded: {}", downgrade.instead);
                }
                receipts.keep(&channel, &receipt).await;
                channel.metrics.delivered.inc();
                if outgoing.since_ms > 0 {
                    channel
                        .metrics
                        .message_seconds
                        .observe(Duration::from_millis(
                            now_ms().saturating_sub(outgoing.since_ms),
                        ));
                }
                Outcome::Ack
            }
            Sent::Never(reason) => {
                self.give_up(&channel, &delivery, Stage::Egress, &reason)
                    .await
            }
            Sent::Unknown(reason) if channel.unknown_outcome == UnknownOutcome::AtMostOnce => {
                let reason = format!("the platform may have it: {reason}");
                self.give_up(&channel, &delivery, Stage::Egress, &reason)
                    .await
            }
            Sent::Unknown(reason) => self.later(&channel, &delivery, reason, None).await,
            Sent::Later(reason, after) => self.later(&channel, &delivery, reason, after).await,
        }
    }

    async fn later(
        &self,
        channel: &ChannelRuntime,
        delivery: &Delivery,
        reason: String,
        after: Option<u64>,
    ) -> Outcome {
        if usize::try_from(delivery.attempt).unwrap_or(usize::MAX) >= channel.egress_limits.attempts
        {
            return self
                .give_up(channel, delivery, Stage::Egress, &reason)
                .await;
        }
        tracing::warn!(channel = %channel.reference, attempt = delivery.attempt, "not delivered yet: {reason}");
        let doublings = delivery.attempt.saturating_sub(1).min(20);
        let limits = &channel.egress_limits;
        let wait = limits
            .backoff_base
            .saturating_mul(1 << doublings)
            .min(limits.backoff_cap);
        Outcome::Retry(
            after
                .unwrap_or(0)
                .max(jittered(millis(wait), delivery.time_ms)),
        )
    }
}

/// What came of a delivery.
enum Sent {
    Yes(Receipt),
    Later(String, Option<u64>),
    Never(String),
    Unknown(String),
}

async fn deliver(
    channel: &ChannelRuntime,
    outgoing: &Outgoing,
    attempt: u32,
    trace: TraceContext,
) -> Sent {
    let delivery = ChannelDelivery {
        id: outgoing.id.to_string(),
        attempt,
        message: outgoing.message.clone(),
    };
    match channel
        .client
        .deliver(channel.scope(Some(trace)), delivery)
        .await
    {
        Ok(Ok(receipt)) => Sent::Yes(receipt),
        Ok(Err(DeliveryError::Rejected(reason))) => Sent::Never(reason),
        Ok(Err(DeliveryError::Retry(retry))) => Sent::Later(retry.reason, retry.after_ms),
        Ok(Err(DeliveryError::Unknown(reason))) => Sent::Unknown(reason),
        Err(fault) => after_fault(&fault),
    }
}

/// A fault before the plugin ran is surely not sent. One while it ran is not known, where it can reach a platform by itself.
fn after_fault(fault: &Fault) -> Sent {
    match fault.kind {
        FaultKind::Overloaded(_) | FaultKind::Restarting(_) | FaultKind::NotStarted(_) => {
            Sent::Later(fault.to_string(), None)
        }
        _ => Sent::Unknown(fault.to_string()),
    }
}

/// Waits until the platform's rates and the channel's limit let one more delivery go. While the rates make it wait it holds no place:
/// a conversation that is paced must not keep the others from theirs.
async fn place_to_send<'a>(
    channel: &'a ChannelRuntime,
    conversation: &str,
) -> Option<SemaphorePermit<'a>> {
    let mut waited = false;
    loop {
        let permit = channel.deliveries.acquire().await.ok()?;
        let wait = {
            let mut pace = channel.pace.lock();
            if pace.is_free() {
                Duration::ZERO
            } else {
                pace.take(conversation, Instant::now())
            }
        };
        if wait.is_zero() {
            return Some(permit);
        }
        drop(permit);
        if !waited {
            channel.metrics.throttled.inc();
            waited = true;
        }
        tokio::time::sleep(wait).await;
    }
}

/// Up to a tenth more, different for each message and the same for each attempt.
fn jittered(ms: u64, seed: u64) -> u64 {
    ms.saturating_add(ms / 10 * (seed % 8) / 8)
}

/// Receipts of one message.
struct Receipts {
    partition: Option<Partition>,
    name: String,
}

impl Receipts {
    /// Only where messages outlive the process can one be delivered again after it was sent and not settled.
    fn of(channel: &ChannelRuntime, outgoing: &Outgoing) -> Self {
        let lasting = channel.backends.bus.outlives_process();
        Self {
            partition: lasting.then(|| {
                Partition::receipts(&channel.reference, &outgoing.message.conversation.id)
            }),
            name: outgoing.id.to_string(),
        }
    }

    async fn known(&self, channel: &ChannelRuntime) -> Result<bool, ()> {
        let Some(partition) = &self.partition else {
            return Ok(false);
        };
        let found = channel
            .backends
            .store
            .get(
                scope(channel),
                partition.as_str().to_owned(),
                vec![self.name.clone()],
            )
            .await;
        match found {
            Ok(Ok(entries)) => Ok(entries.first().is_some_and(Option::is_some)),
            _ => Err(()),
        }
    }

    async fn keep(&self, channel: &ChannelRuntime, receipt: &Receipt) {
        let Some(partition) = &self.partition else {
            return;
        };
        let value = receipt.message_ids.join("\n").into_bytes();
        let ttl = millis(channel.egress_limits.receipts);
        let kept = channel
            .backends
            .store
            .put(
                scope(channel),
                partition.as_str().to_owned(),
                self.name.clone(),
                value,
                Expect::Any,
                Some(ttl),
            )
            .await;
        if !matches!(kept, Ok(Ok(_))) {
            tracing::warn!(channel = %channel.reference, "the receipt of a sent message could not be kept");
        }
    }
}

fn scope(channel: &ChannelRuntime) -> CallScope {
    channel.scope(None)
}
