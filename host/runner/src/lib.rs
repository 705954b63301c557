//! The life of a message: ingress, router, turns, egress, dead letters, and the generation of plugins that carries it.
//!
//! [`Foundation::load`] turns a bundle into a [`Generation`]; [`Host`] runs one and swaps it for the next.

mod alarm;
mod backends;
mod bus;
mod channel;
mod channel_memory;
mod chores;
mod clock;
mod consumer;
mod conversation_log;
mod dead_letter;
mod egress;
mod envelope;
mod event;
mod explain;
mod fingerprint;
mod generation;
mod health;
mod host;
mod ingress;
mod lifecycle;
mod load;
mod loaded;
mod node;
mod old_flows;
mod pacing;
mod quota;
mod role;
mod router;
mod services;
mod socket;
mod team;
mod turn;
mod wake;

pub use backends::Backends;
pub use channel::{ChannelRuntime, UnknownOutcome};
pub use dead_letter::{DeadLetter, DeadLetterError, DeadLetters, Stage};
pub use explain::{
    ExplainedBackends, ExplainedChannel, ExplainedPlugin, ExplainedWire, Explanation, From,
};
pub use generation::Generation;
pub use host::{
    GenerationRow, GenerationState, Host, HostError, Readiness, ReadinessRow, Replayed, Retiring,
};
pub use ingress::problem;
pub use lifecycle::LifecycleError;
pub use load::{Foundation, Locking, Lookup, WatchedTag, default_cache_dir};
pub use loaded::{BackendRow, ChannelRow, LoadedPlugin};
pub use role::{NotShared, Role, UnknownRole};
pub use socket::{ChannelSocket, Received};
