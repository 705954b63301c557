//! Waits that end by themselves. A flow that wants to know that nobody answered gets an event when its wait is over.
//!
//! An alarm lies in the store, named by its time, before the turn that begins the wait is committed: a host that ends between
//! the two leaves an alarm nobody waits for, never a wait without an alarm. Every host looks for what is due and publishes it
//! under an id derived from wait and time, so that two hosts that find the same alarm make one event. Whether the
//! conversation still waits is decided where every event is: in the turn, under the session's lease.

use std::sync::Arc;

use greentic_flow::WAIT_TIMEOUT;
use greentic_interfaces::model::{Custom, Error, Event, EventBody};
use greentic_sandbox::fault::Fault;
use greentic_sandbox::scope::CallScope;
use greentic_sandbox::worlds::bus_types::Message;
use greentic_sandbox::worlds::store_types::Expect;
use greentic_session::{Alarm, Partition, StoreClient};
use greentic_types::{ChannelRef, Id, MessageId};
use serde::{Deserialize, Serialize};

use crate::bus::{Bus, BusError};
use crate::clock::now_ms;
use crate::envelope::{self, EnvelopeError, Inbound};

/// Alarms published in one look.
const MOST: u32 = 256;
/// How long an alarm outlives its time, so that it still rings when all hosts were down meanwhile.
const KEPT_MS: u64 = 30 * 24 * 3_600 * 1_000;

/// Why an alarm could not be set or rung.
#[derive(Debug, thiserror::Error)]
pub enum AlarmError {
    /// The store's answer.
    #[error("the store answered: {0:?}")]
    Store(Error),
    /// The store gave no answer.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The bus.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// Its event cannot be written.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
}

/// A message as it lies in the store until its time.
#[derive(Serialize, Deserialize)]
struct Stored {
    subject: String,
    id: String,
    key: String,
    trace: String,
    payload: Vec<u8>,
}

/// Alarms of an environment in one store.
#[derive(Clone)]
pub struct Alarms {
    store: Arc<StoreClient>,
    partition: Partition,
}

impl Alarms {
    /// Over a store.
    #[must_use]
    pub fn new(store: Arc<StoreClient>, env: &Id) -> Self {
        Self {
            store,
            partition: Partition::alarms(env),
        }
    }

    /// Keeps an alarm for the conversation of `inbound`. Doing it twice is harmless.
    ///
    /// # Errors
    /// [`AlarmError`]; the turn must not be committed then.
    pub async fn set(
        &self,
        scope: CallScope,
        channel: &ChannelRef,
        (subject, session): (&str, &Partition),
        inbound: &Inbound,
        alarm: Alarm,
    ) -> Result<(), AlarmError> {
        let message = Stored {
            subject: subject.to_owned(),
            id: id(channel, alarm).to_string(),
            key: session.as_str().to_owned(),
            trace: scope
                .trace
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            payload: envelope::encode(&Inbound {
                id: id(channel, alarm),
                event: over(&inbound.event, alarm),
                alarm: Some(alarm),
            })?,
        };
        let ttl = alarm
            .due_ms
            .saturating_sub(now_ms())
            .saturating_add(KEPT_MS);
        self.store
            .put(
                scope,
                self.partition.as_str().to_owned(),
                name(alarm),
                envelope::encode(&message)?,
                Expect::Any,
                Some(ttl),
            )
            .await?
            .map_err(AlarmError::Store)?;
        Ok(())
    }

    /// Takes an alarm away whose wait is over. One that stays by mishap rings for nobody.
    pub async fn clear(&self, scope: CallScope, alarm: Alarm) {
        let partition = self.partition.as_str().to_owned();
        let _ = self
            .store
            .delete(scope, partition, name(alarm), Expect::Any)
            .await;
    }

    /// Publishes what is due, on the bus of its subject, and returns how many that were.
    ///
    /// # Errors
    /// [`AlarmError`]; what was not published stays and is found by the next look.
    pub async fn ring(&self, bus: impl Fn(&str) -> Arc<Bus>) -> Result<usize, AlarmError> {
        let scope = CallScope::default;
        let partition = self.partition.as_str();
        let page = self
            .store
            .list(scope(), partition.to_owned(), None, MOST)
            .await?
            .map_err(AlarmError::Store)?;
        let now = now_ms();
        let due: Vec<String> = page
            .keys
            .into_iter()
            .map(|key| key.name)
            .take_while(|name| due_of(name).is_none_or(|due| due <= now))
            .collect();
        for name in &due {
            let found = self
                .store
                .get(scope(), partition.to_owned(), vec![name.clone()])
                .await?
                .map_err(AlarmError::Store)?;
            // Another host may have been faster.
            if let Some(entry) = found.into_iter().next().flatten() {
                match envelope::decode::<Stored>(&entry.value) {
                    Ok(stored) => bus(&stored.subject).publish(vec![stored.message()]).await?,
                    Err(error) => {
                        tracing::error!(
                            alarm = name,
                            "an alarm cannot be read and is dropped: {error}"
                        );
                    }
                }
            }
            match self
                .store
                .delete(scope(), partition.to_owned(), name.clone(), Expect::Any)
                .await?
            {
                Ok(()) | Err(Error::NotFound) => {}
                Err(error) => return Err(AlarmError::Store(error)),
            }
        }
        Ok(due.len())
    }
}

impl Stored {
    fn message(self) -> Message {
        Message {
            subject: self.subject,
            id: self.id,
            key: self.key,
            trace: self.trace,
            payload: self.payload,
        }
    }
}

/// By time first: a listing gives the next one first.
fn name(alarm: Alarm) -> String {
    format!("{:016x}-{}", alarm.due_ms, alarm.wait)
}

fn due_of(name: &str) -> Option<u64> {
    u64::from_str_radix(name.split_once('-')?.0, 16).ok()
}

fn id(channel: &ChannelRef, alarm: Alarm) -> MessageId {
    MessageId::of_event(channel, &format!("{WAIT_TIMEOUT}/{}", name(alarm)))
}

/// The event: in the conversation and of the participant whose answer was waited for.
fn over(waited: &Event, alarm: Alarm) -> Event {
    Event {
        id: format!("{WAIT_TIMEOUT}-{}", alarm.wait),
        dedupe_key: format!("{WAIT_TIMEOUT}/{}", name(alarm)),
        time_ms: alarm.due_ms,
        conversation: waited.conversation.clone(),
        sender: waited.sender.clone(),
        reply_to: None,
        body: EventBody::Custom(Custom {
            name: WAIT_TIMEOUT.to_owned(),
            data: "{}".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alarms_sort_by_their_time_and_tell_it() {
        let channel = ChannelRef {
            env: "e".parse().expect("an identifier"),
            tenant: "t".parse().expect("an identifier"),
            team: "x".parse().expect("an identifier"),
            channel: "c".parse().expect("an identifier"),
        };
        let wait = MessageId::of_event(&channel, "1");
        let [early, late] = [9_999, 1_700_000_000_000].map(|due_ms| Alarm { due_ms, wait });
        assert!(name(early) < name(late));
        assert_eq!(due_of(&name(late)), Some(late.due_ms));
        assert_ne!(id(&channel, early), id(&channel, late));
        assert_eq!(due_of("damaged"), None);
    }
}
