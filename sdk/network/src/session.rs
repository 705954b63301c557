//! World `session-store` for a store that waits: implement [`Store`] and export the type with `export_store!`.

pub use crate::bindings::session::exports::greentic::session::store::{
    ClaimError, Descriptor, Entry, Expect, Guest as Store, Key, KeyPage, Lease, LogEntry, LogPage,
    PutOp, Write, WriteOp,
};
