//! Pages of keys in byte order.
//!
//! A cursor is the last key of its page: what is added or taken away between two pages shifts nothing, so a key that is there
//! during the whole listing is in it exactly once.

use std::ops::Bound;

use greentic_sdk::model::Error;
use greentic_sdk::session::{Key, KeyPage, check, cursor};

use crate::store::memory::Memory;

/// Keys looked at for one page beyond those it holds: the expired are skipped, and a call never looks through all there is.
const LOOKED_AT: usize = 4096;

impl Memory {
    /// Names in partitions that begin with `prefix`.
    ///
    /// # Errors
    /// `invalid` for a limit of 0 or a cursor that is none of this listing.
    pub fn list(
        &mut self,
        now: u64,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<KeyPage, Error> {
        let limit = usize::try_from(check::page(limit)?).unwrap_or(1);
        let start = after.map(|text| cursor::read(text, prefix)).transpose()?;
        let from = start.map_or(prefix, |(partition, _)| partition);
        let mut keys: Vec<Key> = Vec::new();
        let mut looked_at = 0;
        for key in self
            .index
            .range::<str, _>((Bound::Included(from), Bound::Unbounded))
        {
            if !key.starts_with(prefix) {
                break;
            }
            let Some(partition) = self.partitions.get(key) else {
                continue;
            };
            let after = start
                .filter(|(partition, _)| *partition == key.as_ref())
                .map(|(_, name)| name);
            for (name, value) in partition.names.after(after) {
                looked_at += 1;
                if keys.len() == limit {
                    let cursor = keys
                        .last()
                        .map(|last| cursor::write(&last.partition, &last.name));
                    return Ok(KeyPage { keys, cursor });
                }
                if value.lives(now) {
                    keys.push(Key {
                        partition: key.as_ref().into(),
                        name: name.as_ref().into(),
                    });
                }
                if looked_at == LOOKED_AT {
                    return Ok(KeyPage {
                        keys,
                        cursor: Some(cursor::write(key, name)),
                    });
                }
            }
        }
        Ok(KeyPage { keys, cursor: None })
    }
}
