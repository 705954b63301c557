//! A session store in memory.
//!
//! One instance serves the whole host and lives as long as its process: what it holds is lost then, and it says so
//! (`durability: process`). [`Memory`] has the semantics and takes the time as a number, so that tests and measurements
//! set it; this file is its edge to the world `session-store`.

use std::cell::RefCell;
use std::time::Instant;

use greentic_sdk::model::{About, Durability, Error};
use greentic_sdk::session::{
    ClaimError, Descriptor, Entry, Expect, KeyPage, Lease, LogPage, Store, Write,
};
use greentic_sdk::{config, log};

use greentic_sdk_memory::store::{DEFAULT_MAX_BYTES, MAX_VALUE, Memory};

const CONFIG_SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "max-bytes": {
      "type": "integer", "minimum": 1048576, "default": 536870912,
      "description": "Most bytes kept. When they are used up, writes are answered with `unavailable`. The plugin's memory limit must be about twice as large."
    }
  }
}"#;

/// The component.
pub struct StoreMemory;

struct Instance {
    memory: Memory,
    started: Instant,
}

thread_local! {
    static INSTANCE: RefCell<Option<Result<Instance, Error>>> = const { RefCell::new(None) };
}

/// Reads the configuration. A fault in it is logged once and answers every call.
fn start() -> Result<Instance, Error> {
    let max_bytes = config::get_or("max-bytes", DEFAULT_MAX_BYTES);
    let max_bytes = max_bytes.inspect_err(|error| log::error!("start", "{error:?}"))?;
    Ok(Instance {
        memory: Memory::new(max_bytes),
        started: Instant::now(),
    })
}

/// Runs one call: reads the clock once, and the configuration on the first call of all.
fn call<T>(work: impl FnOnce(&mut Memory, u64) -> Result<T, Error>) -> Result<T, Error> {
    INSTANCE.with_borrow_mut(|slot| {
        let instance = slot
            .get_or_insert_with(start)
            .as_mut()
            .map_err(|error| error.clone())?;
        let now = u64::try_from(instance.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        work(&mut instance.memory, now)
    })
}

impl Store for StoreMemory {
    fn describe() -> Descriptor {
        Descriptor {
            about: About::new(
                "store-memory",
                env!("CARGO_PKG_VERSION"),
                "Sessions in memory, lost when the host's process ends",
            )
            .config(CONFIG_SCHEMA),
            durability: Durability::Process,
            max_value: MAX_VALUE,
        }
    }

    fn get(partition: String, names: Vec<String>) -> Result<Vec<Option<Entry>>, Error> {
        call(|memory, now| memory.get(now, &partition, &names))
    }

    fn put(
        partition: String,
        name: String,
        value: Vec<u8>,
        expect: Expect,
        ttl_ms: Option<u64>,
    ) -> Result<u64, Error> {
        call(|memory, now| memory.put(now, &partition, name, value, &expect, ttl_ms))
    }

    fn delete(partition: String, name: String, expect: Expect) -> Result<(), Error> {
        call(|memory, now| memory.delete(now, &partition, &name, &expect))
    }

    fn touch(partition: String, name: String, ttl_ms: u64) -> Result<(), Error> {
        call(|memory, now| memory.touch(now, &partition, &name, ttl_ms))
    }

    fn list(prefix: String, cursor: Option<String>, limit: u32) -> Result<KeyPage, Error> {
        call(|memory, now| memory.list(now, &prefix, cursor.as_deref(), limit))
    }

    fn append(
        partition: String,
        name: String,
        id: String,
        value: Vec<u8>,
        max_len: u32,
        ttl_ms: u64,
    ) -> Result<u64, Error> {
        call(|memory, now| memory.append(now, &partition, &name, id, value, max_len, ttl_ms))
    }

    fn range(partition: String, name: String, after: u64, limit: u32) -> Result<LogPage, Error> {
        call(|memory, now| memory.range(now, &partition, &name, after, limit))
    }

    fn claim(
        partition: String,
        owner: String,
        ttl_ms: u64,
        read: Vec<String>,
    ) -> Result<Lease, ClaimError> {
        call(|memory, now| Ok(memory.claim(now, &partition, &owner, ttl_ms, &read)))
            .map_err(ClaimError::Failed)?
    }

    fn renew(partition: String, fence: u64, ttl_ms: u64) -> Result<(), Error> {
        call(|memory, now| memory.renew(now, &partition, fence, ttl_ms))
    }

    fn release(partition: String, fence: u64) -> Result<(), Error> {
        call(|memory, now| memory.release(now, &partition, fence))
    }

    fn commit(
        partition: String,
        fence: Option<u64>,
        writes: Vec<Write>,
        release: bool,
    ) -> Result<Vec<u64>, Error> {
        call(|memory, now| memory.commit(now, &partition, fence, writes, release))
    }
}

greentic_sdk::export_store!(StoreMemory);
