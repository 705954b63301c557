//! A session store in a folder of one machine.
//!
//! What it holds is in memory as in `store-memory`, whose semantics these are, and every change is on the disk before it is answered
//! (`durability: disk`). One instance serves the whole host, many calls share one `fsync`, and a second host that opens the folder takes
//! it over: it cannot be shared. The bundle grants it a folder named `sessions` to write.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;

use greentic_sdk::model::{About, Durability, Error};
use greentic_sdk::{config, log, time};
use greentic_sdk_journal::Damage;
use greentic_sdk_journal::keeper::{Changes, Failure, Keeper};
use greentic_sdk_memory::store::MAX_VALUE;
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

/// What `max-bytes` is when the bundle does not set it: 512 MiB.
pub const DEFAULT_MAX_BYTES: u64 = 512 * 1024 * 1024;

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

type Folder = Rc<Keeper<Kept>>;

thread_local! {
    static STORE: RefCell<Option<Result<Folder, Error>>> = const { RefCell::new(None) };
}

/// The store in a folder, as the configuration has it.
///
/// # Errors
/// `invalid` for a configuration that cannot be read.
pub fn keeper(folder: PathBuf) -> Result<Keeper<Kept>, Error> {
    let max_bytes = config::get_or("max-bytes", DEFAULT_MAX_BYTES)?;
    let damage = match config::get("after-damage")?.as_deref() {
        Some("keep-before") => Damage::KeepBefore,
        None | Some("refuse") => Damage::Refuse,
        Some(other) => {
            return Err(Error::Invalid(format!(
                "config `after-damage`: `{other}` is neither `refuse` nor `keep-before`"
            )));
        }
    };
    let report = |text: &str| log::warn!("folder", "{text}");
    Ok(Keeper::new(
        folder,
        damage,
        move || Kept::new(max_bytes),
        report,
    ))
}

/// The store of this instance. A fault in the configuration is logged once and answers every call.
fn store() -> Result<Folder, Error> {
    STORE.with_borrow_mut(|slot| {
        slot.get_or_insert_with(|| {
            let keeper = keeper(FOLDER.into());
            let keeper = keeper.inspect_err(|error| log::error!("start", "{error:?}"))?;
            Ok(Rc::new(keeper))
        })
        .clone()
    })
}

/// Makes a call.
async fn call<T, E: From<Failed>>(
    work: impl FnOnce(&mut Kept, &mut Changes<'_>, u64) -> Result<T, E>,
) -> Result<T, E> {
    let store = store().map_err(Failed)?;
    let now = time::now_ms();
    match store.call(|kept, changes| work(kept, changes, now)).await {
        Ok(outcome) => outcome,
        Err(Failure::Unavailable(text)) => Err(Failed(Error::Unavailable(text)).into()),
        Err(Failure::Unknown(text)) => Err(Failed(Error::UnknownOutcome(text)).into()),
    }
}

/// The folder did not do as it was asked.
struct Failed(Error);

impl From<Failed> for Error {
    fn from(Failed(error): Failed) -> Self {
        error
    }
}

impl From<Failed> for greentic_sdk::session::ClaimError {
    fn from(Failed(error): Failed) -> Self {
        Self::Failed(error)
    }
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
        let found: Result<_, Error> = call(|kept, _, now| kept.get(now, &partition, &names)).await;
        found.map(convert::entries)
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
        call(|kept, changes, now| kept.delete(now, changes, &partition, &name, &expect)).await
    }

    async fn touch(partition: String, name: String, ttl_ms: u64) -> Result<(), Error> {
        call(|kept, changes, now| kept.touch(now, changes, &partition, &name, ttl_ms)).await
    }

    async fn list(prefix: String, cursor: Option<String>, limit: u32) -> Result<KeyPage, Error> {
        let page: Result<_, Error> =
            call(|kept, _, now| kept.list(now, &prefix, cursor.as_deref(), limit)).await;
        page.map(convert::key_page)
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
        .await
    }

    async fn range(
        partition: String,
        name: String,
        after: u64,
        limit: u32,
    ) -> Result<LogPage, Error> {
        let page: Result<_, Error> =
            call(|kept, _, now| kept.range(now, &partition, &name, after, limit)).await;
        page.map(convert::log_page)
    }

    async fn claim(
        partition: String,
        owner: String,
        ttl_ms: u64,
        read: Vec<String>,
    ) -> Result<Lease, ClaimError> {
        call(|kept, _, now| kept.claim(now, &partition, &owner, ttl_ms, &read))
            .await
            .map(convert::lease)
            .map_err(convert::claim_error)
    }

    async fn renew(partition: String, fence: u64, ttl_ms: u64) -> Result<(), Error> {
        call(|kept, _, now| kept.renew(now, &partition, fence, ttl_ms)).await
    }

    async fn release(partition: String, fence: u64) -> Result<(), Error> {
        call(|kept, _, now| kept.release(now, &partition, fence)).await
    }

    async fn commit(
        partition: String,
        fence: Option<u64>,
        writes: Vec<Write>,
        release: bool,
    ) -> Result<Vec<u64>, Error> {
        let writes = writes.into_iter().map(convert::write).collect();
        call(|kept, changes, now| kept.commit(now, changes, &partition, fence, writes, release))
            .await
    }
}

greentic_sdk_network::export_store!(StoreFile);
