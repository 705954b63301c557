//! What happens to an event that failed: a dead letter, a word to the person, and a replay when an operator asks for it.

use std::sync::Arc;

use greentic_interfaces::model::{Outbound, OutboundBody, Text, TextFormat};
use greentic_sandbox::worlds::bus_types::{Delivery, Message, Outcome};
use greentic_session::SessionError;
use greentic_telemetry::TraceContext;
use greentic_types::MessageId;

use super::{FAILURES_UNTIL_RESTART, millis};
use crate::channel::ChannelRuntime;
use crate::clock::now_ms;
use crate::dead_letter::{DeadLetter, DeadLetters, Stage};
use crate::envelope::{self, Inbound};
use crate::generation::Generation;

/// The index of the failure text's id among the ids an event's replies are given. It is none of theirs: when the event is replayed
/// and handled, its replies must not be taken for what was sent already.
const FAILURE_TEXT: u32 = 1 << 31;

impl Generation {
    /// The person is told, and the event counts as handled. The snapshot stays as it was, so the next message goes on from
    /// there; after some failures in a row the conversation begins anew.
    pub(super) async fn fail(
        &self,
        channel: &Arc<ChannelRuntime>,
        inbound: &Inbound,
        trace: TraceContext,
        worker: u64,
    ) -> Result<(), SessionError> {
        let event = &inbound.event;
        let partition = channel.session(&event.conversation, &event.sender.id);
        let scope = channel.scope(Some(trace));
        let mut claimed = match channel
            .backends
            .sessions
            .claim(scope.clone(), partition.clone(), worker)
            .await
        {
            Ok(claimed) => claimed,
            // A record nobody can read is left alone; the person is told nothing, the operator has the dead letter.
            Err(SessionError::Record(_)) => return Ok(()),
            Err(error) => return Err(error),
        };
        if !claimed.record.has_seen(inbound.id) {
            claimed.record.failures += 1;
            if claimed.record.failures >= FAILURES_UNTIL_RESTART {
                claimed.record.begin_anew();
            }
            let text = Text {
                text: channel.failure_text.clone(),
                format: TextFormat::Plain,
            };
            let message = Outbound {
                conversation: event.conversation.clone(),
                reply_to: None,
                only_for: None,
                body: OutboundBody::Text(text),
            };
            if self
                .fill_outbox(channel, &mut claimed, inbound, vec![message], FAILURE_TEXT)
                .is_err()
            {
                return Ok(());
            }
            // The record outlives the conversation: it remembers the events that were handled.
            let ttl = self
                .kept(channel, &claimed)
                .max(millis(self.limits.session.ttl));
            channel
                .backends
                .sessions
                .commit(scope, &claimed, ttl)
                .await?;
        } else {
            channel.backends.sessions.release(scope, &claimed).await;
        }
        let outbox = if claimed.record.is_last(inbound.id) {
            std::mem::take(&mut claimed.record.outbox)
        } else {
            Vec::new()
        };
        self.send(channel, &partition, outbox, trace)
            .await
            .map_err(|_| SessionError::Conflict)
    }

    /// Takes back that an event counts as handled, so that a replay of it runs.
    pub(crate) async fn unmark(&self, backends: &crate::backends::Backends, message: &Message) {
        let (Some(channel), Ok(inbound)) = (
            self.channel_of(&message.subject),
            envelope::decode::<Inbound>(&message.payload),
        ) else {
            return;
        };
        let partition = channel.session(&inbound.event.conversation, &inbound.event.sender.id);
        let scope = channel.scope(None);
        if let Ok(mut claimed) = backends
            .sessions
            .claim(scope.clone(), partition, u64::MAX)
            .await
        {
            claimed.record.seen.retain(|(id, _)| *id != inbound.id);
            claimed.record.outbox.clear();
            if backends
                .sessions
                .commit(scope, &claimed, millis(self.limits.session.ttl))
                .await
                .is_err()
            {
                tracing::warn!(event = %inbound.id, "the event still counts as handled; its replay will be dropped");
            }
        }
    }

    /// Keeps a message as a dead letter and forgets it on the bus; tries again later when it cannot be kept.
    pub(crate) async fn give_up(
        &self,
        channel: &ChannelRuntime,
        delivery: &Delivery,
        stage: Stage,
        reason: &str,
    ) -> Outcome {
        let time_ms = now_ms();
        let message: MessageId = delivery
            .message
            .id
            .parse()
            .unwrap_or_else(|_| MessageId::of_event(&channel.reference, &delivery.message.id));
        let letter = DeadLetter {
            // By the time of publishing, so that giving up twice keeps one letter.
            id: DeadLetters::id(delivery.time_ms, message),
            tenant: channel.reference.tenant.to_string(),
            channel: channel.reference.to_string(),
            stage,
            error: reason.to_owned(),
            attempts: delivery.attempt,
            time_ms,
            subject: delivery.message.subject.clone(),
            key: delivery.message.key.clone(),
            message_id: delivery.message.id.clone(),
            trace: delivery.message.trace.clone(),
            payload: delivery.message.payload.clone(),
        };
        match channel
            .backends
            .letters
            .keep(&channel.reference.tenant, &letter)
            .await
        {
            Ok(()) => {
                self.metrics
                    .dead_letters
                    .with([stage.word(), "given-up"])
                    .inc();
                tracing::error!(channel = %channel.reference, letter = letter.id, stage = stage.word(), "dead letter: {reason}");
                Outcome::Drop
            }
            Err(error) => {
                tracing::warn!(channel = %channel.reference, "a dead letter cannot be kept, the message stays on the bus: {error}");
                self.again(delivery, None)
            }
        }
    }
}
