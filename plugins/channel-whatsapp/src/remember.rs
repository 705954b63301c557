//! The channel's memory, with names made from the platform's identifiers and values as JSON.

use greentic_sdk::channel::memory;
use greentic_sdk::model::Error;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

/// Longest name the memory takes, in bytes.
const NAME_BYTES: usize = 256;

/// The name of what is kept about an identifier. One that is too long is replaced by its hash.
fn name(what: &str, id: &str) -> String {
    let name = format!("{what}/{id}");
    if name.len() <= NAME_BYTES {
        return name;
    }
    let digest = Sha256::digest(id.as_bytes());
    format!("{what}/#{}", greentic_sdk::hex::encode(&digest))
}

/// What is kept about an identifier. A value another version wrote and this one cannot read is none.
///
/// # Errors
/// When the memory cannot be asked.
pub fn get<T: DeserializeOwned>(what: &str, id: &str) -> Result<Option<T>, Error> {
    Ok(memory::get(&name(what, id))?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

/// Keeps something about an identifier.
///
/// # Errors
/// When the memory cannot be asked.
pub fn put<T: Serialize>(what: &str, id: &str, value: &T, ttl_ms: u64) -> Result<(), Error> {
    let bytes = serde_json::to_vec(value)
        .map_err(|fault| Error::Internal(format!("what is kept as `{what}`: {fault}")))?;
    memory::put(&name(what, id), &bytes, Some(ttl_ms))
}

#[cfg(test)]
mod tests {
    use greentic_sdk::native::{Table, install};

    use super::*;

    #[test]
    fn a_name_is_never_longer_than_the_memory_takes_and_long_ones_stay_apart() {
        install(Table::new());
        let (one, other) = ("a".repeat(400), format!("{}b", "a".repeat(399)));
        put("peer", &one, &1, 1000).unwrap();
        put("peer", &other, &2, 1000).unwrap();
        assert_eq!(get::<u8>("peer", &one), Ok(Some(1)));
        assert_eq!(get::<u8>("peer", &other), Ok(Some(2)));
        assert!(name("peer", &one).len() <= NAME_BYTES);
        assert_eq!(get::<String>("peer", &one), Ok(None), "of another form");
    }
}
