//! From the types of the world whose functions wait to those of the world whose functions do not, and back. They are the same ones, made
//! twice by the generator.

use greentic_sdk::session as plain;
use greentic_sdk_network::session as waiting;

/// What must hold for a write.
#[must_use]
pub fn expect(expect: waiting::Expect) -> plain::Expect {
    match expect {
        waiting::Expect::Any => plain::Expect::Any,
        waiting::Expect::Absent => plain::Expect::Absent,
        waiting::Expect::Revision(revision) => plain::Expect::Revision(revision),
    }
}

/// A write.
#[must_use]
pub fn write(write: waiting::Write) -> plain::Write {
    plain::Write {
        name: write.name,
        expect: expect(write.expect),
        op: match write.op {
            waiting::WriteOp::Delete => plain::WriteOp::Delete,
            waiting::WriteOp::Put(put) => plain::WriteOp::Put(plain::PutOp {
                value: put.value,
                ttl_ms: put.ttl_ms,
            }),
        },
    }
}

/// Values.
#[must_use]
pub fn entries(entries: Vec<Option<plain::Entry>>) -> Vec<Option<waiting::Entry>> {
    let entry = |entry: plain::Entry| waiting::Entry {
        value: entry.value,
        revision: entry.revision,
    };
    entries.into_iter().map(|found| found.map(entry)).collect()
}

/// A lease.
#[must_use]
pub fn lease(lease: plain::Lease) -> waiting::Lease {
    waiting::Lease {
        fence: lease.fence,
        entries: entries(lease.entries),
    }
}

/// Why there is no lease.
#[must_use]
pub fn claim_error(error: plain::ClaimError) -> waiting::ClaimError {
    match error {
        plain::ClaimError::Held(left) => waiting::ClaimError::Held(left),
        plain::ClaimError::Failed(error) => waiting::ClaimError::Failed(error),
    }
}

/// A page of names.
#[must_use]
pub fn key_page(page: plain::KeyPage) -> waiting::KeyPage {
    let key = |key: plain::Key| waiting::Key {
        partition: key.partition,
        name: key.name,
    };
    waiting::KeyPage {
        keys: page.keys.into_iter().map(key).collect(),
        cursor: page.cursor,
    }
}

/// A page of a log.
#[must_use]
pub fn log_page(page: plain::LogPage) -> waiting::LogPage {
    let entry = |entry: plain::LogEntry| waiting::LogEntry {
        position: entry.position,
        value: entry.value,
    };
    waiting::LogPage {
        entries: page.entries.into_iter().map(entry).collect(),
        last: page.last,
    }
}
