//! The semantics of a session store and of a message bus over maps in memory.
//!
//! [`store::Memory`] and [`bus::Broker`] do what `greentic:session/store` and `greentic:bus/bus` demand, take the time as a number and know
//! nothing of components: the memory backends are these and no more, the file backends are these with a journal.

pub mod bus;
pub mod store;
