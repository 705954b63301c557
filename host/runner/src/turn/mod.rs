//! One event, one turn: claim the session, run the flow, commit snapshot, outbox and the event's id in one step, publish the
//! outbox, acknowledge.
//!
//! Whatever breaks between two of these steps, the event is delivered again and finds how far it came: not committed means it
//! runs again from the old snapshot; committed means its outbox is published again under the same ids, and nothing else.

mod call;
mod failure;
mod rest;

use std::sync::Arc;
use std::time::{Duration, Instant};

use greentic_interfaces::imports::greentic::flow::types::FlowError;
use greentic_interfaces::model::{Event, Outbound};
use greentic_sandbox::scope::CallScope;
use greentic_sandbox::worlds::bus_types::{Delivery, Message, Outcome};
use greentic_session::{Claimed, Outgoing, Record, SessionError};
use greentic_telemetry::{Sampling, TraceContext, spans};
use tracing::Instrument;

use crate::channel::ChannelRuntime;
use crate::clock::now_ms;
use crate::dead_letter::Stage;
use crate::envelope::{self, Inbound};
use crate::generation::Generation;
use crate::router::{FlowRuntime, kind_of, speaks};
use crate::team::TeamRuntime;
use crate::turn::rest::{end_what_is_over, rings};

/// A turn that takes longer shows the person that something is going on.
const TYPING_AFTER: Duration = Duration::from_millis(400);
/// How long an event waits whose tenant has as many turns in flight as its quota allows.
const OVER_QUOTA_PAUSE_MS: u64 = 50;
/// Flows one event may be handed on to.
const MAX_GOTO: usize = 8;
/// Failures in a row after which a conversation begins anew.
const FAILURES_UNTIL_RESTART: u32 = 3;

/// How an event ended that was not simply handled.
enum Trouble {
    /// May pass: deliver it again.
    Later(String, Option<u64>),
    /// Will not pass: tell the person, keep the event.
    Never(String),
}

/// A flow, and what it can use: of this generation, or of the version the conversation began with.
struct Running {
    flow: Arc<FlowRuntime>,
    team: Arc<TeamRuntime>,
}

impl Generation {
    /// Handles one delivery of the ingress consumer.
    pub(crate) async fn handle_event(self: Arc<Self>, delivery: Delivery, worker: u64) -> Outcome {
        let Some(channel) = self.channel_of(&delivery.message.subject) else {
            tracing::warn!(
                subject = delivery.message.subject,
                "a message for a channel that is not in the bundle waits for it"
            );
            return self.again(&delivery, None);
        };
        let Some(_place) = channel.quota.turn() else {
            self.metrics.shed.with(["turn"]).inc();
            return Outcome::Retry(OVER_QUOTA_PAUSE_MS);
        };
        let inbound: Inbound = match envelope::decode(&delivery.message.payload) {
            Ok(inbound) => inbound,
            Err(error) => {
                return self
                    .give_up(&channel, &delivery, Stage::Turn, &error.to_string())
                    .await;
            }
        };
        let trace = delivery
            .message
            .trace
            .parse()
            .unwrap_or_else(|_| TraceContext::start(Sampling::OFF, None));
        if delivery.attempt > 1 {
            self.metrics.bus_redelivered.with(["turn"]).inc();
        }
        match self
            .turn(&channel, &inbound, &delivery, trace, worker)
            .await
        {
            Ok(()) => Outcome::Ack,
            Err(Trouble::Later(reason, after)) if self.may_try_again(&delivery) => {
                tracing::warn!(channel = %channel.reference, attempt = delivery.attempt, "the event is tried again later: {reason}");
                self.again(&delivery, after)
            }
            Err(Trouble::Later(reason, _) | Trouble::Never(reason)) => {
                tracing::error!(channel = %channel.reference, event = %inbound.id, attempt = delivery.attempt, "the turn failed: {reason}");
                self.metrics.turns.with(["failed"]).inc();
                // The letter first: once the event counts as handled, nothing brings it back.
                let outcome = self
                    .give_up(&channel, &delivery, Stage::Turn, &reason)
                    .await;
                if !matches!(outcome, Outcome::Drop) {
                    return outcome;
                }
                match self.fail(&channel, &inbound, trace, worker).await {
                    Ok(()) => outcome,
                    Err(error) => {
                        tracing::warn!(channel = %channel.reference, "the failure cannot be recorded yet: {error}");
                        self.again(&delivery, None)
                    }
                }
            }
        }
    }

    /// The flow for an event, in the version the conversation is in where it is in one.
    fn choose(&self, channel: &ChannelRuntime, event: &Event, record: &Record) -> Running {
        let current = |flow| Running {
            flow,
            team: Arc::clone(&channel.team),
        };
        if let Some(flow) = channel.router.commanded(event) {
            return current(flow);
        }
        if record.snapshot.is_some() {
            let known = channel.team.flows.get(&record.flow);
            let is_version = |flow: &&Arc<FlowRuntime>| {
                flow.version == record.flow_version || record.flow_version == 0
            };
            if let Some(flow) = known.filter(is_version) {
                return current(Arc::clone(flow));
            }
            let place = channel.reference.tenant_ctx();
            if let Some(old) = self
                .old_flows
                .find(&place, &record.flow, record.flow_version)
            {
                return Running {
                    flow: old.flow,
                    team: old.team,
                };
            }
            if let Some(flow) = known {
                tracing::debug!(channel = %channel.reference, flow = flow.name, generation = self.number, "the conversation moves to the flow's present version");
                return current(Arc::clone(flow));
            }
        }
        current(channel.router.choose(event))
    }

    fn may_try_again(&self, delivery: &Delivery) -> bool {
        usize::try_from(delivery.attempt).unwrap_or(usize::MAX) < self.limits.bus.max_deliver
    }

    /// Deliver again, later each time.
    pub(crate) fn again(&self, delivery: &Delivery, after: Option<u64>) -> Outcome {
        let doublings = delivery.attempt.saturating_sub(1).min(16);
        let wait = self
            .limits
            .bus
            .retry_base
            .saturating_mul(1 << doublings)
            .min(self.limits.bus.retry_cap);
        Outcome::Retry(after.unwrap_or_else(|| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)))
    }

    async fn turn(
        &self,
        channel: &Arc<ChannelRuntime>,
        inbound: &Inbound,
        delivery: &Delivery,
        trace: TraceContext,
        worker: u64,
    ) -> Result<(), Trouble> {
        let event = &inbound.event;
        let partition = channel.session(&event.conversation, &event.sender.id);
        let begun = Instant::now();
        for _ in 0..self.limits.session.conflicts.max(1) {
            let scope = CallScope {
                session: Some(partition.shared()),
                user: Some(event.sender.id.as_str().into()),
                ..channel.scope(Some(trace))
            };
            let mut claimed = match channel
                .backends
                .sessions
                .claim(scope.clone(), partition.clone(), worker)
                .await
            {
                Ok(claimed) => claimed,
                Err(SessionError::Held(ms)) => {
                    return Err(Trouble::Later(
                        "its session is worked on elsewhere".into(),
                        Some(ms.clamp(5, 250)),
                    ));
                }
                Err(error) if error.may_pass() => {
                    return Err(Trouble::Later(error.to_string(), None));
                }
                Err(error) => return Err(Trouble::Never(error.to_string())),
            };
            let leased = self.metrics.sessions_leased.enter();
            if claimed.record.has_seen(inbound.id) {
                self.metrics.dedupe_dropped.with(["turn"]).inc();
                let outbox = if claimed.record.is_last(inbound.id) {
                    std::mem::take(&mut claimed.record.outbox)
                } else {
                    Vec::new()
                };
                channel.backends.sessions.release(scope, &claimed).await;
                return self.send(channel, &partition, outbox, trace).await;
            }
            if !rings(inbound, &claimed) {
                channel.backends.sessions.release(scope, &claimed).await;
                return Ok(());
            }
            if !speaks(&event.body)
                && !channel
                    .router
                    .rules
                    .iter()
                    .any(|rule| rule.kind == Some(kind_of(&event.body)))
            {
                channel.backends.sessions.release(scope, &claimed).await;
                return Ok(());
            }
            end_what_is_over(&mut claimed.record, now_ms());
            let begun_in = self.choose(channel, event, &claimed.record);
            let span = spans::turn_span(
                &trace,
                &channel.address(),
                partition.as_str(),
                &begun_in.flow.name,
                delivery.attempt,
            );
            let trace = trace.within(&span);
            let scope = CallScope {
                trace: Some(trace),
                ..scope
            };
            let before = claimed.record.alarm;
            let ran = async {
                let outbound = self
                    .run(channel, inbound, &mut claimed, begun_in, &scope)
                    .await?;
                self.set_alarm(channel, inbound, &claimed, before, &scope)
                    .await?;
                Ok(outbound)
            };
            let outbound = match ran.instrument(span.clone()).await {
                Ok(outbound) => outbound,
                Err(trouble) => {
                    spans::fail(&span, "turn");
                    channel.backends.sessions.release(scope, &claimed).await;
                    return Err(trouble);
                }
            };
            let ttl = self.kept(channel, &claimed);
            self.fill_outbox(channel, &mut claimed, inbound, outbound, 0)
                .map_err(Trouble::Never)?;
            let commit = spans::commit_span(&trace, partition.as_str());
            match channel
                .backends
                .sessions
                .commit(scope.clone(), &claimed, ttl)
                .instrument(commit)
                .await
            {
                Ok(()) => {}
                Err(SessionError::Conflict) => {
                    self.metrics.session_conflicts.inc();
                    continue;
                }
                Err(error) => return Err(Trouble::Later(error.to_string(), None)),
            }
            drop(leased);
            if let Some(over) = before.filter(|alarm| claimed.record.alarm != Some(*alarm)) {
                channel.backends.alarms.clear(scope, over).await;
            }
            channel.metrics.turns.inc();
            self.metrics
                .turn_wait_seconds
                .observe(Duration::from_millis(
                    now_ms().saturating_sub(delivery.time_ms),
                ));
            tracing::debug!(channel = %channel.reference, took = ?begun.elapsed(), "turn");
            return self
                .send(
                    channel,
                    &partition,
                    std::mem::take(&mut claimed.record.outbox),
                    trace,
                )
                .await;
        }
        Err(Trouble::Later(
            "its session was changed by others again and again".into(),
            None,
        ))
    }

    /// Runs the flow and those it hands on to. Changes the record; writes nothing.
    async fn run(
        &self,
        channel: &Arc<ChannelRuntime>,
        inbound: &Inbound,
        claimed: &mut Claimed,
        first: Running,
        scope: &CallScope,
    ) -> Result<Vec<Outbound>, Trouble> {
        let Running { mut flow, team } = first;
        let mut snapshot = if claimed.record.flow == flow.name {
            claimed.record.snapshot.take()
        } else {
            None
        };
        let mut outbound = Vec::new();
        for hop in 0..=MAX_GOTO {
            let begun = Instant::now();
            let output = match self
                .call_flow(channel, inbound, claimed, &flow, snapshot.take(), scope)
                .await?
            {
                Ok(output) => output,
                Err(FlowError::BadSnapshot(reason)) => {
                    tracing::warn!(channel = %channel.reference, flow = flow.name, "the conversation begins anew: {reason}");
                    match self
                        .call_flow(channel, inbound, claimed, &flow, None, scope)
                        .await?
                    {
                        Ok(output) => output,
                        Err(error) => return Err(trouble(&flow, error)),
                    }
                }
                Err(error) => return Err(trouble(&flow, error)),
            };
            flow.seconds.observe(begun.elapsed());
            outbound.extend(output.outbound);
            if outbound.len() > self.limits.session.outbox {
                return Err(Trouble::Never(format!(
                    "flow `{}` says more than {} things in one turn (key `limits.session.outbox`)",
                    flow.name, self.limits.session.outbox
                )));
            }
            if output.snapshot.as_ref().is_some_and(|bytes| {
                u64::try_from(bytes.len()).unwrap_or(u64::MAX) > self.limits.session.snapshot
            }) {
                return Err(Trouble::Never(format!(
                    "the snapshot of flow `{}` is larger than {} bytes (key `limits.session.snapshot`)",
                    flow.name, self.limits.session.snapshot
                )));
            }
            if let Some(next) = output.goto {
                // What hands on in an old version does so inside of it.
                flow = team.flows.get(&next).cloned().ok_or_else(|| {
                    Trouble::Never(format!(
                        "flow `{}` goes on with `{next}`, which no pack of this bundle has",
                        flow.name
                    ))
                })?;
                if hop == MAX_GOTO {
                    return Err(Trouble::Never(format!(
                        "flows hand one event on more than {MAX_GOTO} times"
                    )));
                }
                continue;
            }
            (claimed.record.flow, claimed.record.flow_version) = if output.snapshot.is_some() {
                (flow.name.clone(), flow.version)
            } else {
                (String::new(), 0)
            };
            self.rest(
                &mut claimed.record,
                inbound,
                output.snapshot.is_some(),
                output.wait,
            );
            claimed.record.snapshot = output.snapshot;
            claimed.record.failures = 0;
            return Ok(outbound);
        }
        Err(Trouble::Never("flows hand one event on without end".into()))
    }

    /// Marks the event as handled and puts what is said into the record, under ids from the event's and `first` on.
    fn fill_outbox(
        &self,
        channel: &ChannelRuntime,
        claimed: &mut Claimed,
        inbound: &Inbound,
        outbound: Vec<Outbound>,
        first: u32,
    ) -> Result<(), String> {
        let mut outbox = Vec::with_capacity(outbound.len());
        for (index, message) in (first..).zip(outbound) {
            let id = inbound.id.derive(index);
            let payload = envelope::encode(&envelope::Outgoing {
                id,
                message,
                since_ms: inbound.event.time_ms,
            })
            .map_err(|error| error.to_string())?;
            outbox.push(Outgoing { id, payload });
        }
        claimed.record.outbox = outbox;
        let keep = channel.dedupe(self.limits.session.dedupe).as_secs();
        claimed.record.mark(
            inbound.id,
            now_ms() / 1_000,
            keep,
            self.limits.session.dedupe_entries,
        );
        Ok(())
    }

    /// Publishes an outbox. Doing it twice changes nothing: the ids are the same.
    async fn send(
        &self,
        channel: &ChannelRuntime,
        partition: &greentic_session::Partition,
        outbox: Vec<Outgoing>,
        trace: TraceContext,
    ) -> Result<(), Trouble> {
        if outbox.is_empty() {
            return Ok(());
        }
        let span = spans::publish_span(&trace, "egress");
        let trace = trace.within(&span).to_string();
        let messages = outbox
            .into_iter()
            .map(|outgoing| Message {
                subject: channel.egress_subject.as_str().to_owned(),
                id: outgoing.id.to_string(),
                key: partition.as_str().to_owned(),
                trace: trace.clone(),
                payload: outgoing.payload,
            })
            .collect();
        channel
            .backends
            .bus
            .publish(messages)
            .instrument(span)
            .await
            .map_err(|error| Trouble::Later(error.to_string(), None))
    }
}

fn trouble(flow: &FlowRuntime, error: FlowError) -> Trouble {
    match error {
        FlowError::NodeFailed(failure) => {
            let text = format!(
                "flow `{}`: node `{}`: {}",
                flow.name, failure.node, failure.message
            );
            if failure.retryable {
                Trouble::Later(text, None)
            } else {
                Trouble::Never(text)
            }
        }
        FlowError::BadDefinition(reason) => {
            Trouble::Never(format!("flow `{}` cannot be used: {reason}", flow.name))
        }
        FlowError::BadSnapshot(reason) => Trouble::Never(format!(
            "flow `{}` cannot read its own snapshot: {reason}",
            flow.name
        )),
        FlowError::Runaway(reason) => Trouble::Never(format!(
            "flow `{}` does not come to a wait: {reason}",
            flow.name
        )),
        FlowError::Internal(reason) => Trouble::Never(format!("flow `{}`: {reason}", flow.name)),
    }
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
