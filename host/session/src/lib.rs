//! Sessions over any component of world `session-store`.
//!
//! A session is one partition of the store. Its record holds everything a turn changes: the flow's snapshot, the ids of events
//! that were handled, and the messages that go out. They are written in one compare-and-swap under a lease, so an event has
//! its effects once or not at all, whoever runs it and however often it is delivered.

mod partition;
mod record;
mod sessions;

pub use partition::Partition;
pub use record::{Alarm, Outgoing, Record, RecordError};
pub use sessions::{Claimed, SessionError, Sessions, StoreClient};
