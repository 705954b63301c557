//! How long a conversation waits, and what happens when nobody answers.

use std::sync::Arc;

use greentic_flow::WAIT_TIMEOUT;
use greentic_interfaces::imports::greentic::flow::types::{Wait, Wake};
use greentic_interfaces::model::EventBody;
use greentic_sandbox::scope::CallScope;
use greentic_session::{Alarm, Claimed, Record};

use super::{Trouble, millis};
use crate::channel::ChannelRuntime;
use crate::clock::now_ms;
use crate::envelope::Inbound;
use crate::generation::Generation;

/// Whether an event is to be handled: one that says a wait is over only while the conversation waits since that very turn.
pub(super) fn rings(inbound: &Inbound, claimed: &Claimed) -> bool {
    match (inbound.alarm, &inbound.event.body) {
        (Some(alarm), _) => claimed.record.alarm == Some(alarm),
        (None, EventBody::Custom(custom)) if custom.name == WAIT_TIMEOUT => {
            tracing::warn!(event = %inbound.id, "a channel reported `{WAIT_TIMEOUT}`, which only the host may; the event is dropped");
            false
        }
        (None, _) => true,
    }
}

/// Ends a conversation whose wait is over and whose end nobody is told of: the next event begins a new one. One with an alarm goes on
/// until that has rung. The record itself stays as long as handled events are remembered, so its age says nothing of the wait.
pub(super) fn end_what_is_over(record: &mut Record, now_ms: u64) {
    if record.alarm.is_none() && record.until_ms > 0 && record.until_ms <= now_ms {
        record.begin_anew();
    }
}

impl Generation {
    /// Writes into the record until when the conversation waits, and whether its end is told.
    pub(super) fn rest(
        &self,
        record: &mut Record,
        inbound: &Inbound,
        goes_on: bool,
        wait: Option<Wait>,
    ) {
        if !goes_on {
            record.until_ms = 0;
            record.alarm = None;
            return;
        }
        let (ttl, wake) = wait.map_or((None, Wake::Never), |wait| (wait.ttl_ms, wait.wake));
        if wake == Wake::Unchanged && record.until_ms > 0 {
            return;
        }
        let ttl = ttl.unwrap_or_else(|| millis(self.limits.session.ttl));
        record.until_ms = now_ms().saturating_add(ttl);
        record.alarm = (wake == Wake::AtEnd).then_some(Alarm {
            due_ms: record.until_ms,
            wait: inbound.id,
        });
    }

    /// Keeps the alarm of the record where it is a new one.
    pub(super) async fn set_alarm(
        &self,
        channel: &Arc<ChannelRuntime>,
        inbound: &Inbound,
        claimed: &Claimed,
        before: Option<Alarm>,
        scope: &CallScope,
    ) -> Result<(), Trouble> {
        let Some(alarm) = claimed.record.alarm.filter(|alarm| before != Some(*alarm)) else {
            return Ok(());
        };
        let place = (channel.ingress_subject.as_str(), &claimed.partition);
        let alarms = &channel.backends.alarms;
        alarms
            .set(scope.clone(), &channel.reference, place, inbound, alarm)
            .await
            .map_err(|error| Trouble::Later(format!("its wait cannot be timed: {error}"), None))
    }

    /// How long the record is kept from now, in milliseconds. It outlives the wait: it remembers the events that were handled,
    /// and what it waits for when its alarm rings late.
    pub(super) fn kept(&self, channel: &ChannelRuntime, claimed: &Claimed) -> u64 {
        let record = &claimed.record;
        let mut ttl = record.until_ms.saturating_sub(now_ms());
        if record.alarm.is_some() {
            ttl = ttl.saturating_add(millis(self.limits.session.ttl));
        }
        ttl.max(millis(channel.dedupe(self.limits.session.dedupe)))
    }
}

#[cfg(test)]
mod tests {
    use greentic_types::{ChannelRef, MessageId};

    use super::*;

    #[test]
    fn incident_20_a_conversation_ends_with_its_wait_unless_an_alarm_will_tell_it() {
        let channel = ChannelRef {
            env: "e".parse().expect("an identifier"),
            tenant: "t".parse().expect("an identifier"),
            team: "x".parse().expect("an identifier"),
            channel: "c".parse().expect("an identifier"),
        };
        let alarm = Alarm {
            due_ms: 100,
            wait: MessageId::of_event(&channel, "1"),
        };
        for (until_ms, alarm, now_ms, goes_on) in [
            (100, None, 99, true),
            (100, None, 100, false),
            (100, Some(alarm), 5_000, true),
            (0, None, 5_000, true),
        ] {
            let before = Record {
                flow: "helpdesk/welcome".into(),
                flow_version: 3,
                snapshot: Some(vec![1]),
                until_ms,
                alarm,
                failures: 2,
                seen: vec![(MessageId::of_event(&channel, "1"), 1)],
                ..Record::default()
            };
            let mut record = before.clone();
            end_what_is_over(&mut record, now_ms);
            if goes_on {
                assert_eq!(record, before);
            } else {
                let forgotten = Record {
                    failures: before.failures,
                    seen: before.seen,
                    ..Record::default()
                };
                assert_eq!(record, forgotten);
            }
        }
    }
}
