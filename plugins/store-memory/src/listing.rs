//! Pages of keys in byte order.
//!
//! A cursor is the last key of its page: what is added or taken away between two pages shifts nothing, so a key that is there
//! during the whole listing is in it exactly once.

use std::ops::Bound;

use greentic_sdk::model::Error;
use greentic_sdk::session::{Key, KeyPage};

use crate::memory::{MAX_PAGE, Memory};

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
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<KeyPage, Error> {
        if limit == 0 {
            return Err(Error::Invalid(
                "a page has at least 1 key: `limit` is 0".into(),
            ));
        }
        let limit = usize::try_from(limit.min(MAX_PAGE)).unwrap_or(1);
        let start = cursor.map(|text| read_cursor(text, prefix)).transpose()?;
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
                        .map(|last| write_cursor(&last.partition, &last.name));
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
                        cursor: Some(write_cursor(key, name)),
                    });
                }
            }
        }
        Ok(KeyPage { keys, cursor: None })
    }
}

/// `<length of the partition>:<partition><name>`.
fn write_cursor(partition: &str, name: &str) -> String {
    let mut cursor = partition.len().to_string();
    cursor.push(':');
    cursor.push_str(partition);
    cursor.push_str(name);
    cursor
}

fn read_cursor<'text>(text: &'text str, prefix: &str) -> Result<(&'text str, &'text str), Error> {
    let parts = || {
        let (length, rest) = text.split_once(':')?;
        rest.split_at_checked(length.parse().ok()?)
    };
    parts()
        .filter(|(partition, _)| partition.starts_with(prefix))
        .ok_or_else(|| {
            Error::Invalid(
                "the cursor is none of this listing: give back the one of the page before".into(),
            )
        })
}
