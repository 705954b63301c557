//! A session store: values with revisions, logs and leases, in partitions.

mod expiry;
mod input;
mod journal;
pub mod kept;
mod listing;
mod logs;
pub mod memory;
#[cfg(test)]
mod model_tests;
mod names;
mod partition;
#[cfg(test)]
mod tests;
pub mod timers;

pub use memory::{DEFAULT_MAX_BYTES, MAX_VALUE, Memory};
