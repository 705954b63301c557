//! What a caller may ask of a bus: the bounds of messages and consumers that the contract has, and those a bus has of its own. They take
//! pieces, because the worlds whose functions wait and those whose functions do not have types of their own.

use crate::bus::subject::subject_fault;
use crate::model::Error;

/// Most bytes of an id, a key and a trace.
const LONGEST: usize = 512;

/// A subject.
///
/// # Errors
/// `invalid` with what is wrong with it.
pub fn subject(subject: &str) -> Result<(), Error> {
    match subject_fault(subject) {
        None => Ok(()),
        Some(fault) => Err(Error::Invalid(format!(
            "subject `{}`: {fault}",
            shown(subject)
        ))),
    }
}

/// What a message carries beside its subject; a payload has `most` bytes at most.
///
/// # Errors
/// `invalid` with the bound that is passed.
pub fn message(id: &str, key: &str, trace: &str, payload: &[u8], most: u64) -> Result<(), Error> {
    if id.is_empty() || [id, key, trace].iter().any(|text| text.len() > LONGEST) {
        return Err(Error::Invalid(format!(
            "a message's id has 1 to {LONGEST} bytes, its key and trace at most {LONGEST}"
        )));
    }
    if u64::try_from(payload.len()).unwrap_or(u64::MAX) > most {
        return Err(Error::Invalid(format!(
            "a payload of {} bytes; at most {most}",
            payload.len()
        )));
    }
    Ok(())
}

/// A consumer's name, of `longest` bytes at most.
///
/// # Errors
/// `invalid` with what a name may be.
pub fn consumer_name(name: &str, longest: usize) -> Result<(), Error> {
    let allowed = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-')
    };
    if name.is_empty() || name.len() > longest || !name.bytes().all(allowed) {
        return Err(Error::Invalid(format!(
            "consumer `{}`: a name has 1 to {longest} of a-z 0-9 _ -",
            shown(name)
        )));
    }
    Ok(())
}

/// A consumer's bounds; `inactive_ms` is that of one that is not durable.
///
/// # Errors
/// `invalid` for one that is 0.
pub fn consumer_bounds(
    name: &str,
    max_in_flight: u32,
    ack_wait_ms: u64,
    inactive_ms: Option<u64>,
) -> Result<(), Error> {
    if max_in_flight == 0 || ack_wait_ms == 0 || inactive_ms == Some(0) {
        return Err(Error::Invalid(format!(
            "consumer `{name}`: `max-in-flight` and `ack-wait-ms` are at least 1, and so is `inactive-ms` when it is not durable"
        )));
    }
    Ok(())
}

/// A text for an error message, not longer than one can read.
#[must_use]
pub fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::{consumer_bounds, consumer_name, message, subject};
    use crate::model::Error;

    #[test]
    fn each_bound_is_the_last_that_is_allowed() {
        let long = "x".repeat(513);
        let name = "a".repeat(9);
        for (fits, does_not) in [
            (subject("a.b"), subject("a..b")),
            (
                message("i", "", "", &[0; 4], 4),
                message("i", "", "", &[0; 5], 4),
            ),
            (
                message(&long[1..], &long[1..], &long[1..], &[], 4),
                message(&long, "", "", &[], 4),
            ),
            (
                message("i", "k", "t", &[], 4),
                message("", "k", "t", &[], 4),
            ),
            (
                message("i", "k", "t", &[], 4),
                message("i", &long, "", &[], 4),
            ),
            (
                message("i", "k", "t", &[], 4),
                message("i", "", &long, &[], 4),
            ),
            (consumer_name(&name, 9), consumer_name(&name, 8)),
            (consumer_name("a_0-z", 9), consumer_name("A", 9)),
            (consumer_name("a", 9), consumer_name("", 9)),
            (
                consumer_bounds("c", 1, 1, None),
                consumer_bounds("c", 0, 1, None),
            ),
            (
                consumer_bounds("c", 1, 1, Some(1)),
                consumer_bounds("c", 1, 0, Some(1)),
            ),
            (
                consumer_bounds("c", 1, 1, Some(1)),
                consumer_bounds("c", 1, 1, Some(0)),
            ),
        ] {
            assert_eq!(fits, Ok(()));
            assert!(matches!(does_not, Err(Error::Invalid(_))), "{does_not:?}");
        }
    }
}
