//! A session store in a folder of one machine.
//!
//! What it holds is in memory as in `store-memory`, whose semantics these are, and every change is on the disk before it is answered
//! (`durability: disk`). One instance serves the whole host, many calls share one `fsync`, and a second host that opens the folder takes
//! it over: it cannot be shared. The bundle grants it a folder named `sessions` to write.

use std::path::PathBuf;

use greentic_sdk::model::{About, Durability, Error};
use greentic_sdk::started::Started;
use greentic_sdk::{config, time};
use greentic_sdk_journal::Damage;
use greentic_sdk_journal::keeper::{Changes, Keeper};
use greentic_sdk_memory::store::{DEFAULT_MAX_BYTES, MAX_VALUE};
use greentic_sdk_network::session::{
    ClaimError, Descriptor, Entry, Expect, KeyPage, Lease, LogPage, PutOp, Store, Write, WriteOp,
};

mod convert;
mod record;
pub mod state;
#[cfg(test)]
mod tests;

use state::Kept;

/// Where the bundle grants the folder inside the sandbox.
pub const FOLDER: &str = "/sessions";

const CONFIG_SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "max-bytes": {
      "type": "integer", "minimum": 1048576, "default": 536870912,
      "description": "Most bytes kept. When they are used up, writes are answered with `unavailable`. The plugin's memory limit must be about twice as large."
    },
    "after-damage": {
      "enum": ["refuse", "keep-before"], "default": "refuse",
      "description": "What to do about a file that is damaged before its end: refuse it, or go on with what stands before the damage and keep the file as `.damaged`."
    }
  }
}"#;

/// The component.
pub struct StoreFile;

thread_local! {
    static STORE: Started<Keeper<Kept>> = const { Started::new() };
}

/// The store in a folder, as the configuration has it.
///
/// # Errors
/// `invalid` for a configuration that cannot be read.
pub fn keeper(folder: PathBuf) -> Result<Keeper<Kept>, Error> {
    let max_bytes = config::get_or("max-bytes", DEFAULT_MAX_BYTES)?;
    let damage = Damage::configured()?;
    Ok(Keeper::new(folder, damage, move || Kept::new(max_bytes)))
}

/// Makes a call.
async fn call<T>(work: impl FnOnce(&mut Kept, &mut Changes<'_>, u64) -> T) -> Result<T, Error> {
    let store = STORE.with(|started| started.get(|| keeper(FOLDER.into())))?;
    let now = time::now_ms();
    store.call(|kept, changes| work(kept, changes, now)).await
}

impl Store for StoreFile {
    fn describe() -> Descriptor {
        Descriptor {
            about: About::new(
                "store-file",
                env!("CARGO_PKG_VERSION"),
                "Sessions in a folder of one machine",
            )
            .write(FOLDER)
            .config(CONFIG_SCHEMA),
            durability: Durability::Disk,
            max_value: MAX_VALUE,
        }
    }

    async fn get(partition: String, names: Vec<String>) -> Result<Vec<Option<Entry>>, Error> {
        call(|kept, _, now| kept.get(now, &partition, &names))
            .await?
            .map(convert::entries)
    }

    async fn put(
        partition: String,
        name: String,
        value: Vec<u8>,
        expect: Expect,
        ttl_ms: Option<u64>,
    ) -> Result<u64, Error> {
        let op = WriteOp::Put(PutOp { value, ttl_ms });
        let write = Write { name, expect, op };
        let revisions = Self::commit(partition, None, vec![write], false).await?;
        revisions
            .first()
            .copied()
            .ok_or_else(|| Error::Internal("a write without a revision".into()))
    }

    async fn delete(partition: String, name: String, expect: Expect) -> Result<(), Error> {
        let expect = convert::expect(expect);
        call(|kept, changes, now| kept.delete(now, changes, &partition, &name, &expect)).await?
    }

    async fn touch(partition: String, name: String, ttl_ms: u64) -> Result<(), Error> {
        call(|kept, changes, now| kept.touch(now, changes, &partition, &name, ttl_ms)).await?
    }

    async fn list(prefix: String, cursor: Option<String>, limit: u32) -> Result<KeyPage, Error> {
        call(|kept, _, now| kept.list(now, &prefix, cursor.as_deref(), limit))
            .await?
            .map(convert::key_page)
    }

    async fn append(
        partition: String,
        name: String,
        id: String,
        value: Vec<u8>,
        max_len: u32,
        ttl_ms: u64,
    ) -> Result<u64, Error> {
        call(|kept, changes, now| {
            kept.append(now, changes, &partition, &name, id, value, max_len, ttl_ms)
        })
        .await?
    }

    async fn range(
        partition: String,
        name: String,
        after: u64,
        limit: u32,
    ) -> Result<LogPage, Error> {
        call(|kept, _, now| kept.range(now, &partition, &name, after, limit))
            .await?
            .map(convert::log_page)
    }

    async fn claim(
        partition: String,
        owner: String,
        ttl_ms: u64,
        read: Vec<String>,
    ) -> Result<Lease, ClaimError> {
        call(|kept, _, now| kept.claim(now, &partition, &owner, ttl_ms, &read))
            .await
            .map_err(ClaimError::Failed)?
            .map(convert::lease)
            .map_err(convert::claim_error)
    }

    async fn renew(partition: String, fence: u64, ttl_ms: u64) -> Result<(), Error> {
        call(|kept, _, now| kept.renew(now, &partition, fence, ttl_ms)).await?
    }

    async fn release(partition: String, fence: u64) -> Result<(), Error> {
        call(|kept, _, now| kept.release(now, &partition, fence)).await?
    }

    async fn commit(
        partition: String,
        fence: Option<u64>,
        writes: Vec<Write>,
        release: bool,
    ) -> Result<Vec<u64>, Error> {
        let writes = writes.into_iter().map(convert::write).collect();
        call(|kept, changes, now| kept.commit(now, changes, &partition, fence, writes, release))
            .await?
    }
}

greentic_sdk_network::export_store!(StoreFile);
