//! Small values a channel keeps between calls, in the session store of its tenant.
//!
//! Every function takes the channel from the caller's binding, so that no channel can name another one's values.

use greentic_interfaces::model::Error;
use greentic_sandbox::fault::Fault;
use greentic_sandbox::scope::CallScope;
use greentic_sandbox::worlds::store_types::Expect;
use greentic_session::{Partition, StoreClient};
use greentic_types::ChannelRef;

/// Longest name in bytes, as the contract says.
const MAX_NAME: usize = 256;
/// Largest value in bytes, as the contract says.
const MAX_VALUE: usize = 64 * 1024;
/// The longest a value lives, as the contract says: what a channel forgot to delete must not lie in the store for ever.
const MAX_TTL_MS: u64 = 30 * 24 * 60 * 60 * 1_000;
/// The value's name in its partition.
const VALUE: &str = "value";

/// The value of a name.
///
/// # Errors
/// `invalid` for a name that is none; the store's error.
pub async fn get(
    store: &StoreClient,
    channel: &ChannelRef,
    name: &str,
) -> Result<Option<Vec<u8>>, Error> {
    let partition = partition(channel, name)?;
    let found = store
        .get(scope(channel), partition, vec![VALUE.to_owned()])
        .await
        .map_err(down)??;
    Ok(found.into_iter().flatten().next().map(|entry| entry.value))
}

/// Puts a value, whatever was there.
///
/// # Errors
/// `invalid` for a name or value beyond its limit; the store's error.
pub async fn put(
    store: &StoreClient,
    channel: &ChannelRef,
    name: &str,
    value: Vec<u8>,
    ttl_ms: Option<u64>,
) -> Result<(), Error> {
    write(store, channel, name, value, Expect::Any, ttl_ms).await
}

/// Puts a value where there is none; false when there is one.
///
/// # Errors
/// `invalid` for a name or value beyond its limit; the store's error.
pub async fn add(
    store: &StoreClient,
    channel: &ChannelRef,
    name: &str,
    value: Vec<u8>,
    ttl_ms: Option<u64>,
) -> Result<bool, Error> {
    match write(store, channel, name, value, Expect::Absent, ttl_ms).await {
        Ok(()) => Ok(true),
        Err(Error::Conflict) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Takes a value away.
///
/// # Errors
/// `invalid` for a name that is none; the store's error.
pub async fn delete(store: &StoreClient, channel: &ChannelRef, name: &str) -> Result<(), Error> {
    let partition = partition(channel, name)?;
    let deleted = store.delete(scope(channel), partition, VALUE.to_owned(), Expect::Any);
    match deleted.await.map_err(down)? {
        Ok(()) | Err(Error::NotFound) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn write(
    store: &StoreClient,
    channel: &ChannelRef,
    name: &str,
    value: Vec<u8>,
    expect: Expect,
    ttl_ms: Option<u64>,
) -> Result<(), Error> {
    let partition = partition(channel, name)?;
    if value.len() > MAX_VALUE {
        return Err(Error::Invalid(format!(
            "a value of the channel's memory has at most {MAX_VALUE} bytes, this one has {}",
            value.len()
        )));
    }
    let ttl = ttl_ms.unwrap_or(MAX_TTL_MS).clamp(1, MAX_TTL_MS);
    let put = store.put(
        scope(channel),
        partition,
        VALUE.to_owned(),
        value,
        expect,
        Some(ttl),
    );
    put.await.map_err(down)?.map(drop)
}

fn partition(channel: &ChannelRef, name: &str) -> Result<String, Error> {
    if name.is_empty() || name.len() > MAX_NAME {
        return Err(Error::Invalid(format!(
            "a name in the channel's memory has 1 to {MAX_NAME} bytes, this one has {}",
            name.len()
        )));
    }
    Ok(Partition::memory(channel, name).as_str().to_owned())
}

fn scope(channel: &ChannelRef) -> CallScope {
    CallScope {
        tenant: Some(channel.tenant.clone()),
        ..CallScope::default()
    }
}

fn down(fault: Fault) -> Error {
    Error::Unavailable(fault.to_string())
}
