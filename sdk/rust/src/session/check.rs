//! The bounds the contract sets to keys, names and values, the same in every store.

use crate::model::Error;

/// Most values read or written in one call.
pub const MAX_NAMES: usize = 64;

/// Most entries or keys of one page.
pub const MAX_PAGE: u32 = 1_000;

/// A partition has 1 to 4,096 bytes.
///
/// # Errors
/// `invalid` otherwise.
pub fn partition(key: &str) -> Result<(), Error> {
    match key.len() {
        1..=4096 => Ok(()),
        _ => Err(Error::Invalid("a partition has 1 to 4,096 bytes".into())),
    }
}

/// A name, an owner and an id have 1 to 512 bytes.
///
/// # Errors
/// `invalid` otherwise.
pub fn name(name: &str) -> Result<(), Error> {
    match name.len() {
        1..=512 => Ok(()),
        _ => Err(Error::Invalid(
            "a name, an owner and an id have 1 to 512 bytes".into(),
        )),
    }
}

/// At most [`MAX_NAMES`] names.
///
/// # Errors
/// `invalid` when there are more or one of them is none.
pub fn names(names: &[String]) -> Result<(), Error> {
    if names.len() > MAX_NAMES {
        return Err(Error::Invalid(format!(
            "{} names in one call; at most {MAX_NAMES}",
            names.len()
        )));
    }
    names.iter().try_for_each(|text| name(text))
}

/// A value has at most `most` bytes.
///
/// # Errors
/// `invalid` otherwise.
pub fn value(value: &[u8], most: u64) -> Result<(), Error> {
    if u64::try_from(value.len()).unwrap_or(u64::MAX) > most {
        return Err(Error::Invalid(format!(
            "a value of {} bytes; at most {most}",
            value.len()
        )));
    }
    Ok(())
}

/// The writes of one commit, each by its name: at most [`MAX_NAMES`], and no name twice.
///
/// # Errors
/// `invalid` otherwise.
pub fn writes<'names>(written: impl Iterator<Item = &'names str> + Clone) -> Result<(), Error> {
    let count = written.clone().count();
    if count > MAX_NAMES {
        return Err(Error::Invalid(format!(
            "{count} writes in one commit; at most {MAX_NAMES}"
        )));
    }
    let mut rest = written;
    while let Some(text) = rest.next() {
        name(text)?;
        if rest.clone().any(|other| other == text) {
            return Err(Error::Invalid(format!(
                "two writes of `{text}` in one commit"
            )));
        }
    }
    Ok(())
}

/// A page's limit as it is used: at least 1, and no more than [`MAX_PAGE`].
///
/// # Errors
/// `invalid` for 0.
pub fn page(limit: u32) -> Result<u32, Error> {
    if limit == 0 {
        return Err(Error::Invalid(
            "a page has at least 1 key: `limit` is 0".into(),
        ));
    }
    Ok(limit.min(MAX_PAGE))
}
