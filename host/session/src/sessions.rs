//! Claiming a session, and committing a turn.

use std::sync::Arc;

use greentic_interfaces::model::Error;
use greentic_sandbox::client::Client;
use greentic_sandbox::fault::Fault;
use greentic_sandbox::scope::CallScope;
use greentic_sandbox::worlds::StoreWorld;
use greentic_sandbox::worlds::store_types::{ClaimError, Expect, PutOp, Write, WriteOp};

use crate::partition::Partition;
use crate::record::{Record, RecordError};

/// A store as the host calls it.
pub type StoreClient = Client<StoreWorld>;

/// The name of the record inside a session's partition.
const RECORD: &str = "record";

/// Why a session could not be claimed or committed.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// Somebody else has it, for so many milliseconds.
    #[error("the session is being worked on elsewhere for another {0} ms")]
    Held(u64),
    /// It was changed, or the lease was lost: nothing was written.
    #[error("the session was changed by somebody else")]
    Conflict,
    /// The store's answer.
    #[error("the store answered: {0:?}")]
    Store(Error),
    /// The store gave no answer.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// What is stored cannot be read.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl SessionError {
    /// Whether trying again later can help.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Held(_) | Self::Conflict => true,
            Self::Store(error) => matches!(
                error,
                Error::RateLimited(_)
                    | Error::Unavailable(_)
                    | Error::Timeout
                    | Error::UnknownOutcome(_)
                    | Error::Conflict
            ),
            Self::Fault(_) => true,
            Self::Record(_) => false,
        }
    }
}

/// A session under lease.
#[derive(Debug)]
pub struct Claimed {
    /// Whose it is.
    pub partition: Partition,
    /// What is stored; the default record for a new session.
    pub record: Record,
    fence: u64,
    revision: Option<u64>,
}

/// Sessions of one environment over one store.
#[derive(Clone)]
pub struct Sessions {
    store: Arc<StoreClient>,
    owner: Arc<str>,
    lease_ms: u64,
}

impl Sessions {
    /// Over a store; `owner` names this process and must be unique among all that share the store.
    pub fn new(store: Arc<StoreClient>, owner: Arc<str>, lease_ms: u64) -> Self {
        Self {
            store,
            owner,
            lease_ms,
        }
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Arc<StoreClient> {
        &self.store
    }

    /// Leases a session and reads its record in the same step. `worker` tells apart tasks of this process.
    ///
    /// # Errors
    /// [`SessionError`]
    pub async fn claim(
        &self,
        scope: CallScope,
        partition: Partition,
        worker: u64,
    ) -> Result<Claimed, SessionError> {
        let owner = format!("{}#{worker}", self.owner);
        let answer = self
            .store
            .claim(
                scope.clone(),
                partition.as_str().to_owned(),
                owner,
                self.lease_ms,
                vec![RECORD.to_owned()],
            )
            .await?;
        let lease = match answer {
            Ok(lease) => lease,
            Err(ClaimError::Held(ms)) => return Err(SessionError::Held(ms)),
            Err(ClaimError::Failed(error)) => return Err(SessionError::Store(error)),
        };
        let (record, revision) = match lease.entries.into_iter().next().flatten() {
            Some(entry) => match Record::decode(&entry.value) {
                Ok(record) => (record, Some(entry.revision)),
                Err(error) => {
                    let _ = self
                        .store
                        .release(scope, partition.as_str().to_owned(), lease.fence)
                        .await;
                    return Err(error.into());
                }
            },
            None => (Record::default(), None),
        };
        Ok(Claimed {
            partition,
            record,
            fence: lease.fence,
            revision,
        })
    }

    /// Writes the record and ends the lease, in one step.
    ///
    /// # Errors
    /// [`SessionError::Conflict`] when the lease was lost or the record changed; nothing is written then.
    pub async fn commit(
        &self,
        scope: CallScope,
        claimed: &Claimed,
        ttl_ms: u64,
    ) -> Result<(), SessionError> {
        let expect = claimed.revision.map_or(Expect::Absent, Expect::Revision);
        let value = claimed.record.encode()?;
        let write = Write {
            name: RECORD.to_owned(),
            expect,
            op: WriteOp::Put(PutOp {
                value,
                ttl_ms: Some(ttl_ms),
            }),
        };
        let partition = claimed.partition.as_str().to_owned();
        match self
            .store
            .commit(scope, partition, Some(claimed.fence), vec![write], true)
            .await?
        {
            Ok(_) => Ok(()),
            Err(Error::Conflict) => Err(SessionError::Conflict),
            Err(error) => Err(SessionError::Store(error)),
        }
    }

    /// Prolongs the lease of a turn that takes long.
    ///
    /// # Errors
    /// [`SessionError::Conflict`] when the lease was lost.
    pub async fn renew(
        &self,
        scope: CallScope,
        partition: &Partition,
        fence: u64,
    ) -> Result<(), SessionError> {
        match self
            .store
            .renew(scope, partition.as_str().to_owned(), fence, self.lease_ms)
            .await?
        {
            Ok(()) => Ok(()),
            Err(Error::Conflict | Error::NotFound) => Err(SessionError::Conflict),
            Err(error) => Err(SessionError::Store(error)),
        }
    }

    /// Ends the lease without writing. A lease that is lost already is no error.
    pub async fn release(&self, scope: CallScope, claimed: &Claimed) {
        // The lease ends by itself; releasing only makes that sooner.
        let _ = self
            .store
            .release(scope, claimed.partition.as_str().to_owned(), claimed.fence)
            .await;
    }
}

impl Claimed {
    /// The lease's fence.
    #[must_use]
    pub fn fence(&self) -> u64 {
        self.fence
    }
}
