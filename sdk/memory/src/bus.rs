//! A message bus: subjects, consumers, order by key, and ids that are remembered.

pub mod broker;
pub mod dedupe;
pub mod kept;
#[cfg(test)]
mod model_tests;
mod stored;
#[cfg(test)]
mod tests;

pub use broker::{Broker, Limits, MAX_PAYLOAD, Now, declared_dedupe_window_ms};
