//! Values that outlive a conversation: of a user, of a conversation, of a team.
//!
//! A flow says the scope and the key; whose they are, the host adds from the call. State lies in the same kind of store as
//! sessions do, in partitions of its own.

use std::sync::Arc;

use greentic_interfaces::imports::greentic::flow::state::Scope;
use greentic_interfaces::model::Error;
use greentic_sandbox::client::Client;
use greentic_sandbox::fault::Fault;
use greentic_sandbox::services::Caller;
use greentic_sandbox::worlds::StoreWorld;
use greentic_sandbox::worlds::store_types::Expect;
use greentic_session::Partition;

/// Bounds of what is stored.
#[derive(Debug, Clone, Copy)]
pub struct StateLimits {
    /// Longest key in bytes.
    pub key: usize,
    /// Largest value in bytes.
    pub value: usize,
    /// How long a value lives when the flow does not say, in milliseconds.
    pub ttl_ms: u64,
}

/// State over a store.
#[derive(Clone)]
pub struct State {
    store: Arc<Client<StoreWorld>>,
    limits: StateLimits,
}

impl State {
    /// Over a store.
    pub fn new(store: Arc<Client<StoreWorld>>, limits: StateLimits) -> Self {
        Self { store, limits }
    }

    /// Reads a value.
    ///
    /// # Errors
    /// `denied` for a caller that has no team or no user; the store's error.
    pub async fn get(
        &self,
        caller: &Caller,
        scope: Scope,
        key: &str,
    ) -> Result<Option<String>, Error> {
        let partition = self.place(caller, scope, key)?;
        let found = self
            .store
            .get(
                call(caller),
                partition.as_str().to_owned(),
                vec![key.to_owned()],
            )
            .await;
        let entry = found.map_err(down)??.into_iter().next().flatten();
        entry
            .map(|entry| {
                String::from_utf8(entry.value)
                    .map_err(|_| Error::Internal("the stored value is not text".into()))
            })
            .transpose()
    }

    /// Writes a value, which is JSON.
    ///
    /// # Errors
    /// `invalid` for a key or value beyond its bound; otherwise as [`State::get`].
    pub async fn set(
        &self,
        caller: &Caller,
        scope: Scope,
        key: String,
        value: String,
        ttl_ms: Option<u64>,
    ) -> Result<(), Error> {
        let partition = self.place(caller, scope, &key)?;
        if value.len() > self.limits.value {
            return Err(Error::Invalid(format!(
                "the value of `{key}` is larger than {} bytes (key `limits.state.value`)",
                self.limits.value
            )));
        }
        let ttl = ttl_ms.unwrap_or(self.limits.ttl_ms);
        let written = self
            .store
            .put(
                call(caller),
                partition.as_str().to_owned(),
                key,
                value.into_bytes(),
                Expect::Any,
                Some(ttl),
            )
            .await;
        written.map_err(down)?.map(|_| ())
    }

    /// Deletes a value; one that is not there is no error.
    ///
    /// # Errors
    /// As [`State::get`].
    pub async fn delete(&self, caller: &Caller, scope: Scope, key: String) -> Result<(), Error> {
        let partition = self.place(caller, scope, &key)?;
        match self
            .store
            .delete(
                call(caller),
                partition.as_str().to_owned(),
                key,
                Expect::Any,
            )
            .await
            .map_err(down)?
        {
            Ok(()) | Err(Error::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn place(&self, caller: &Caller, scope: Scope, key: &str) -> Result<Partition, Error> {
        if key.is_empty() || key.len() > self.limits.key {
            return Err(Error::Invalid(format!(
                "a state key has 1 to {} bytes (key `limits.state.key`)",
                self.limits.key
            )));
        }
        let tenant = caller.binding.tenant.as_ref();
        let Some((tenant, team)) =
            tenant.and_then(|tenant| Some((tenant, tenant.team_id.as_ref()?)))
        else {
            return Err(Error::Denied(
                "state belongs to a team, and this component is bound to none".into(),
            ));
        };
        let (word, owner) = match scope {
            Scope::Team => ("team", ""),
            Scope::User => ("user", caller.scope.user.as_deref().unwrap_or_default()),
            Scope::Conversation => (
                "conversation",
                caller.scope.session.as_deref().unwrap_or_default(),
            ),
        };
        if owner.is_empty() && !matches!(scope, Scope::Team) {
            return Err(Error::Denied(
                "there is no user or conversation outside a turn".into(),
            ));
        }
        Ok(Partition::state(
            &tenant.env_id,
            &tenant.tenant_id,
            team,
            word,
            owner,
        ))
    }
}

fn call(caller: &Caller) -> greentic_sandbox::scope::CallScope {
    let mut scope = caller.scope.clone();
    scope.tenant = caller
        .binding
        .tenant
        .as_ref()
        .map(|tenant| tenant.tenant_id.clone());
    scope
}

fn down(fault: Fault) -> Error {
    Error::Unavailable(fault.to_string())
}
