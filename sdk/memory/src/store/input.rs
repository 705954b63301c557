//! What a caller may ask: the bounds of keys, names and values, and whether an expectation holds.

use greentic_sdk::model::Error;
use greentic_sdk::session::{Expect, Write, WriteOp, check};

use crate::store::memory::{MAX_VALUE, VALUE_COST, length};
use crate::store::names::Value;

pub(crate) fn holds(expect: &Expect, value: Option<&Value>) -> bool {
    match expect {
        Expect::Any => true,
        Expect::Absent => value.is_none(),
        Expect::Revision(revision) => value.is_some_and(|value| value.revision == *revision),
    }
}

pub(crate) fn check_value(value: &[u8]) -> Result<(), Error> {
    check::value(value, MAX_VALUE)
}

/// Checks the writes of a commit and returns the bytes they may need.
pub(crate) fn check_writes(writes: &[Write]) -> Result<u64, Error> {
    check::writes(writes.iter().map(|write| write.name.as_str()))?;
    let mut need = 0;
    for write in writes {
        if let WriteOp::Put(put) = &write.op {
            check_value(&put.value)?;
            need += VALUE_COST + length(write.name.len()) + length(put.value.len());
        }
    }
    Ok(need)
}
