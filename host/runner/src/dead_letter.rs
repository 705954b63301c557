//! Dead letters: what could not be handled or delivered, kept with its error until somebody replays or drops it.
//!
//! They lie in the store, in a partition of their tenant, so they survive what sessions survive. A letter holds the message as
//! it was on the bus, so a replay is the publish that would have happened, with the attempt counted from one again.

use std::sync::Arc;

use greentic_interfaces::model::Error;
use greentic_sandbox::fault::Fault;
use greentic_sandbox::scope::CallScope;
use greentic_sandbox::worlds::store_types::{Expect, Key};
use greentic_session::{Partition, StoreClient};
use greentic_types::{Id, MessageId};
use serde::{Deserialize, Serialize};

/// Where a message was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// A request that was authentic and could not be read. It has a raw body and no message.
    Ingress,
    /// An event no flow could handle.
    Turn,
    /// A message the platform did not take.
    Egress,
}

impl Stage {
    /// Its word in metrics and listings.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Turn => "turn",
            Self::Egress => "egress",
        }
    }
}

/// A message that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// `{milliseconds}-{message id}`: unique, and sorted by time.
    pub id: String,
    /// The tenant.
    pub tenant: String,
    /// `env/tenant/team/channel`.
    pub channel: String,
    /// Where it was given up.
    pub stage: Stage,
    /// Why, for the operator.
    pub error: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was given up, in milliseconds since the epoch.
    pub time_ms: u64,
    /// The bus subject it was on; empty for stage ingress.
    pub subject: String,
    /// Its ordering key on the bus.
    pub key: String,
    /// The message's id on the bus.
    pub message_id: String,
    /// The trace it was part of.
    pub trace: String,
    /// The envelope, or the raw body for stage ingress.
    pub payload: Vec<u8>,
}

impl DeadLetter {
    /// The message as JSON, for people: the event, what was to be sent, or the raw body.
    #[must_use]
    pub fn content(&self) -> serde_json::Value {
        let text =
            || serde_json::Value::String(String::from_utf8_lossy(&self.payload).into_owned());
        match self.stage {
            Stage::Ingress => text(),
            Stage::Turn => crate::envelope::decode::<crate::envelope::Inbound>(&self.payload)
                .ok()
                .and_then(|inbound| serde_json::to_value(inbound.event).ok())
                .unwrap_or_else(text),
            Stage::Egress => crate::envelope::decode::<crate::envelope::Outgoing>(&self.payload)
                .ok()
                .and_then(|outgoing| serde_json::to_value(outgoing.message).ok())
                .unwrap_or_else(text),
        }
    }
}

/// Why dead letters cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DeadLetterError {
    /// There is none with this id.
    #[error("there is no dead letter `{0}`")]
    NotFound(String),
    /// The store's answer.
    #[error("the store answered: {0:?}")]
    Store(Error),
    /// The store gave no answer.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// It holds a raw body and no message.
    #[error(
        "the dead letter `{0}` is a request that could not be read; there is nothing to replay"
    )]
    NotReplayable(String),
    /// The bus does not take it again.
    #[error("{0}")]
    Bus(String),
    /// The stored letter is damaged.
    #[error("the dead letter `{0}` is damaged")]
    Damaged(String),
}

/// The dead letters of an environment.
#[derive(Clone)]
pub struct DeadLetters {
    store: Arc<StoreClient>,
    env: Id,
    ttl_ms: u64,
}

impl DeadLetters {
    /// Over a store; letters live for `ttl_ms`.
    pub fn new(store: Arc<StoreClient>, env: Id, ttl_ms: u64) -> Self {
        Self { store, env, ttl_ms }
    }

    /// The id of a letter.
    #[must_use]
    pub fn id(time_ms: u64, message: MessageId) -> String {
        format!("{time_ms:013}-{message}")
    }

    /// Keeps a letter.
    ///
    /// # Errors
    /// When the store does not take it; the caller must then not settle the message.
    pub async fn keep(&self, tenant: &Id, letter: &DeadLetter) -> Result<(), DeadLetterError> {
        let partition = Partition::dead_letters(&self.env, tenant);
        let value =
            serde_json::to_vec(letter).map_err(|_| DeadLetterError::Damaged(letter.id.clone()))?;
        let put = self.store.put(
            scope(tenant),
            partition.as_str().to_owned(),
            letter.id.clone(),
            value,
            Expect::Any,
            Some(self.ttl_ms),
        );
        put.await?.map(|_| ()).map_err(DeadLetterError::Store)
    }

    /// Letters of one tenant, oldest first, at most `most`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn all(&self, tenant: &Id, most: usize) -> Result<Vec<DeadLetter>, DeadLetterError> {
        let partition = Partition::dead_letters(&self.env, tenant);
        let mut letters = Vec::new();
        let mut cursor = None;
        loop {
            let page = self
                .store
                .list(scope(tenant), partition.as_str().to_owned(), cursor, 1_000)
                .await?
                .map_err(DeadLetterError::Store)?;
            for Key {
                partition: found,
                name,
            } in page.keys
            {
                if found == partition.as_str()
                    && let Some(letter) = self.read(tenant, &name).await?
                {
                    letters.push(letter);
                }
            }
            cursor = page.cursor;
            if cursor.is_none() || letters.len() >= most {
                letters.truncate(most);
                return Ok(letters);
            }
        }
    }

    /// One letter.
    ///
    /// # Errors
    /// [`DeadLetterError::NotFound`]; when the store cannot be read.
    pub async fn get(&self, tenant: &Id, id: &str) -> Result<DeadLetter, DeadLetterError> {
        self.read(tenant, id)
            .await?
            .ok_or_else(|| DeadLetterError::NotFound(id.to_owned()))
    }

    /// Forgets a letter.
    ///
    /// # Errors
    /// As [`DeadLetters::get`].
    pub async fn drop_letter(&self, tenant: &Id, id: &str) -> Result<(), DeadLetterError> {
        let partition = Partition::dead_letters(&self.env, tenant);
        match self
            .store
            .delete(
                scope(tenant),
                partition.as_str().to_owned(),
                id.to_owned(),
                Expect::Any,
            )
            .await?
        {
            Ok(()) => Ok(()),
            Err(Error::NotFound) => Err(DeadLetterError::NotFound(id.to_owned())),
            Err(error) => Err(DeadLetterError::Store(error)),
        }
    }

    async fn read(&self, tenant: &Id, id: &str) -> Result<Option<DeadLetter>, DeadLetterError> {
        let partition = Partition::dead_letters(&self.env, tenant);
        let found = self
            .store
            .get(
                scope(tenant),
                partition.as_str().to_owned(),
                vec![id.to_owned()],
            )
            .await?;
        let entry = found
            .map_err(DeadLetterError::Store)?
            .into_iter()
            .next()
            .flatten();
        entry
            .map(|entry| {
                serde_json::from_slice(&entry.value)
                    .map_err(|_| DeadLetterError::Damaged(id.to_owned()))
            })
            .transpose()
    }
}

fn scope(tenant: &Id) -> CallScope {
    CallScope {
        tenant: Some(tenant.clone()),
        ..CallScope::default()
    }
}
