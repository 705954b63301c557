//! What a caller may ask: the bounds of keys, names and values, and whether an expectation holds.

use greentic_sdk::model::Error;
use greentic_sdk::session::{Expect, Write, WriteOp};

use crate::memory::{MAX_NAMES, MAX_VALUE, VALUE_COST, length};
use crate::names::Value;

pub(crate) fn holds(expect: &Expect, value: Option<&Value>) -> bool {
    match expect {
        Expect::Any => true,
        Expect::Absent => value.is_none(),
        Expect::Revision(revision) => value.is_some_and(|value| value.revision == *revision),
    }
}

pub(crate) fn check_key(key: &str) -> Result<(), Error> {
    match key.len() {
        1..=4096 => Ok(()),
        _ => Err(Error::Invalid("a partition has 1 to 4,096 bytes".into())),
    }
}

pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    match name.len() {
        1..=512 => Ok(()),
        _ => Err(Error::Invalid(
            "a name, an owner and an id have 1 to 512 bytes".into(),
        )),
    }
}

pub(crate) fn check_names(names: &[String]) -> Result<(), Error> {
    if names.len() > MAX_NAMES {
        return Err(Error::Invalid(format!(
            "{} names in one call; at most {MAX_NAMES}",
            names.len()
        )));
    }
    names.iter().try_for_each(|name| check_name(name))
}

pub(crate) fn check_value(value: &[u8]) -> Result<(), Error> {
    if length(value.len()) > MAX_VALUE {
        return Err(Error::Invalid(format!(
            "a value of {} bytes; at most {MAX_VALUE}",
            value.len()
        )));
    }
    Ok(())
}

/// Checks the writes of a commit and returns the bytes they may need.
pub(crate) fn check_writes(writes: &[Write]) -> Result<u64, Error> {
    if writes.len() > MAX_NAMES {
        return Err(Error::Invalid(format!(
            "{} writes in one commit; at most {MAX_NAMES}",
            writes.len()
        )));
    }
    let mut need = 0;
    let mut rest = writes;
    while let Some((write, others)) = rest.split_first() {
        rest = others;
        check_name(&write.name)?;
        if others.iter().any(|other| other.name == write.name) {
            return Err(Error::Invalid(format!(
                "two writes of `{}` in one commit",
                write.name
            )));
        }
        if let WriteOp::Put(put) = &write.op {
            check_value(&put.value)?;
            need += VALUE_COST + length(write.name.len()) + length(put.value.len());
        }
    }
    Ok(need)
}
