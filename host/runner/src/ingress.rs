//! From a request to the bus: the channel reads it, its events are published, and only then is it answered.

use std::time::Instant;

use greentic_interfaces::imports::greentic::channel::types::{
    IngressError, IngressOutcome, Request, Response,
};
use greentic_interfaces::model::{Event, Header};
use greentic_sandbox::fault::FaultKind;
use greentic_sandbox::worlds::bus_types::Message;
use greentic_telemetry::{TraceContext, spans};
use greentic_types::MessageId;
use tracing::Instrument;

use crate::channel::ChannelRuntime;
use crate::clock::now_ms;
use crate::dead_letter::{DeadLetter, DeadLetters, Stage};
use crate::envelope::{self, Inbound};

/// Most events of one request, as the contract says.
const MAX_EVENTS: usize = 256;

impl ChannelRuntime {
    /// Takes a request and gives the answer. `trace` is the context of the request's span.
    pub async fn ingress(&self, request: Request, trace: TraceContext) -> Response {
        let body = request.body.clone();
        let answered = self.client.ingress(self.scope(Some(trace)), request).await;
        let outcome = match answered {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(IngressError::Unverified(reason))) => {
                self.metrics.unverified.inc();
                tracing::info!(channel = %self.reference, "a request was not verified: {reason}");
                return problem(
                    401,
                    "Unauthorized",
                    "the request does not prove where it comes from",
                );
            }
            Ok(Err(IngressError::Unavailable(reason))) => {
                tracing::warn!(channel = %self.reference, "a request cannot be checked now: {reason}");
                return unavailable();
            }
            Ok(Err(IngressError::Internal(reason))) => {
                tracing::warn!(channel = %self.reference, plugin = self.provider, "the channel failed on a request: {reason}");
                return problem(
                    500,
                    "Internal Server Error",
                    "the channel failed on this request",
                );
            }
            Err(fault) => {
                tracing::warn!(channel = %self.reference, "{fault}");
                return match fault.kind {
                    FaultKind::Overloaded(_) | FaultKind::Restarting(_) | FaultKind::Collateral => {
                        unavailable()
                    }
                    _ => problem(
                        500,
                        "Internal Server Error",
                        "the channel failed on this request",
                    ),
                };
            }
        };
        self.accept(outcome, body, trace).await
    }

    async fn accept(
        &self,
        outcome: IngressOutcome,
        body: Vec<u8>,
        trace: TraceContext,
    ) -> Response {
        if outcome.events.len() > MAX_EVENTS {
            tracing::warn!(channel = %self.reference, plugin = self.provider, events = outcome.events.len(), "more events than the contract allows");
            return problem(
                500,
                "Internal Server Error",
                "the channel failed on this request",
            );
        }
        if let Some(reason) = outcome.malformed {
            tracing::warn!(channel = %self.reference, "a verified request cannot be understood and becomes a dead letter: {reason}");
            if !self.keep_malformed(reason, body, trace).await {
                return unavailable();
            }
            self.metrics.malformed.inc();
        }
        self.metrics.ignored.add(outcome.ignored.into());
        if let Err(wait) = self.quota.take(outcome.events.len(), Instant::now()) {
            self.metrics.over_quota.inc();
            let mut response = problem(
                429,
                "Too Many Requests",
                "the tenant sends more events than its quota allows",
            );
            response.headers.push(header(
                "retry-after",
                &wait.as_secs().saturating_add(1).to_string(),
            ));
            return response;
        }
        if !self.accept_events(outcome.events, trace).await {
            return unavailable();
        }
        outcome.response
    }

    /// Publishes events; false when they are not surely on the bus.
    pub(crate) async fn accept_events(&self, events: Vec<Event>, trace: TraceContext) -> bool {
        if events.is_empty() {
            return true;
        }
        let count = u64::try_from(events.len()).unwrap_or_default();
        let span = spans::publish_span(&trace, "ingress");
        let trace = trace.within(&span).to_string();
        let mut messages = Vec::with_capacity(events.len());
        for event in events {
            let id = MessageId::of_event(&self.reference, &event.dedupe_key);
            let key = self
                .session(&event.conversation, &event.sender.id)
                .as_str()
                .to_owned();
            let Ok(payload) = envelope::encode(&Inbound {
                id,
                event,
                alarm: None,
            }) else {
                return false;
            };
            messages.push(Message {
                subject: self.ingress_subject.as_str().to_owned(),
                id: id.to_string(),
                key,
                trace: trace.clone(),
                payload,
            });
        }
        match self.backends.bus.publish(messages).instrument(span).await {
            Ok(()) => {
                self.metrics.received.add(count);
                true
            }
            Err(error) => {
                tracing::warn!(channel = %self.reference, "events are not on the bus and the request is refused: {error}");
                false
            }
        }
    }

    async fn keep_malformed(&self, reason: String, body: Vec<u8>, trace: TraceContext) -> bool {
        let time_ms = now_ms();
        let message = MessageId::of_event(
            &self.reference,
            &format!("malformed/{}", String::from_utf8_lossy(&body)),
        );
        let letter = DeadLetter {
            id: DeadLetters::id(time_ms, message),
            tenant: self.reference.tenant.to_string(),
            channel: self.reference.to_string(),
            stage: Stage::Ingress,
            error: reason,
            attempts: 1,
            time_ms,
            subject: String::new(),
            key: String::new(),
            message_id: message.to_string(),
            trace: trace.to_string(),
            payload: body,
        };
        self.backends
            .letters
            .keep(&self.reference.tenant, &letter)
            .await
            .is_ok()
    }
}

/// An RFC 9457 problem as a response.
#[must_use]
pub fn problem(status: u16, title: &str, detail: &str) -> Response {
    let body = serde_json::json!({ "status": status, "title": title, "detail": detail })
        .to_string()
        .into_bytes();
    Response {
        status,
        headers: vec![header("content-type", "application/problem+json")],
        body,
    }
}

fn unavailable() -> Response {
    let mut response = problem(
        503,
        "Service Unavailable",
        "the event could not be accepted; send it again",
    );
    response.headers.push(header("retry-after", "1"));
    response
}

fn header(name: &str, value: &str) -> Header {
    Header {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}
