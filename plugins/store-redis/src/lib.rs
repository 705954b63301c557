//! A session store on Redis.
//!
//! One instance serves the whole host over one connection, on which many calls are in flight. Each operation is one command or one
//! script, so it happens as a whole or not at all. What a partition holds:
//!
//! | key | type | content |
//! |---|---|---|
//! | `{partition}l` | hash | `o` owner, `f` fence, `e` end of the lease in ms, `n` the newest number |
//! | `{partition}v:name` | string | 16 digits of revision and the value; expires by itself |
//! | `{partition}j:name` | hash | a log, see `scripts/append.lua`; expires by itself |
//! | `index` | sorted set | partition and name of each value, for listing |
//!
//! The client of the wire protocol is our own: the protocol has five kinds of reply, and the `redis` crate would bring a runtime of
//! its own into the sandbox, connected to the host's sockets by pumps.

use std::rc::Rc;

use greentic_sdk::model::{About, Durability, Error};
use greentic_sdk::started::Started;
use greentic_sdk_network::session::{
    ClaimError, Descriptor, Entry, Expect, KeyPage, Lease, LogPage, PutOp, Store, Write, WriteOp,
};

pub mod address;
pub mod client;
pub mod error;
pub mod handshake;
pub mod keys;
pub mod resp;
pub mod script;
pub mod server;
#[cfg(test)]
mod server_tests;
pub mod settings;
pub mod store;

use settings::{SCHEMA, Settings, declared};
use store::{MAX_VALUE, RedisStore};

/// The component.
pub struct StoreRedis;

thread_local! {
    static STORE: Started<RedisStore> = const { Started::new() };
}

/// The store of this instance.
fn store() -> Result<Rc<RedisStore>, Error> {
    STORE.with(|started| started.get(|| Settings::read().map(RedisStore::new)))
}

impl Store for StoreRedis {
    fn describe() -> Descriptor {
        Descriptor {
            about: About::new(
                "store-redis",
                env!("CARGO_PKG_VERSION"),
                "Sessions on a Redis server, shared by every host that uses it",
            )
            .config(SCHEMA),
            durability: declared().unwrap_or(Durability::Process),
            max_value: MAX_VALUE,
        }
    }

    async fn get(partition: String, names: Vec<String>) -> Result<Vec<Option<Entry>>, Error> {
        store()?.get(&partition, &names).await
    }

    async fn put(
        partition: String,
        name: String,
        value: Vec<u8>,
        expect: Expect,
        ttl_ms: Option<u64>,
    ) -> Result<u64, Error> {
        let op = WriteOp::Put(PutOp { value, ttl_ms });
        let writes = [Write { name, expect, op }];
        let revisions = store()?.commit(&partition, None, &writes, false).await?;
        revisions
            .first()
            .copied()
            .ok_or_else(|| Error::Internal("a write without a revision".into()))
    }

    async fn delete(partition: String, name: String, expect: Expect) -> Result<(), Error> {
        store()?.delete(&partition, &name, expect).await
    }

    async fn touch(partition: String, name: String, ttl_ms: u64) -> Result<(), Error> {
        store()?.touch(&partition, &name, ttl_ms).await
    }

    async fn list(prefix: String, cursor: Option<String>, limit: u32) -> Result<KeyPage, Error> {
        store()?.list(&prefix, cursor.as_deref(), limit).await
    }

    async fn append(
        partition: String,
        name: String,
        id: String,
        value: Vec<u8>,
        max_len: u32,
        ttl_ms: u64,
    ) -> Result<u64, Error> {
        store()?
            .append(&partition, &name, &id, &value, max_len, ttl_ms)
            .await
    }

    async fn range(
        partition: String,
        name: String,
        after: u64,
        limit: u32,
    ) -> Result<LogPage, Error> {
        store()?.range(&partition, &name, after, limit).await
    }

    async fn claim(
        partition: String,
        owner: String,
        ttl_ms: u64,
        read: Vec<String>,
    ) -> Result<Lease, ClaimError> {
        store()
            .map_err(ClaimError::Failed)?
            .claim(&partition, &owner, ttl_ms, &read)
            .await
    }

    async fn renew(partition: String, fence: u64, ttl_ms: u64) -> Result<(), Error> {
        store()?.renew(&partition, fence, ttl_ms).await
    }

    async fn release(partition: String, fence: u64) -> Result<(), Error> {
        store()?.renew(&partition, fence, 0).await
    }

    async fn commit(
        partition: String,
        fence: Option<u64>,
        writes: Vec<Write>,
        release: bool,
    ) -> Result<Vec<u64>, Error> {
        store()?.commit(&partition, fence, &writes, release).await
    }
}

greentic_sdk_network::export_store!(StoreRedis);
