//! What is allowed to a registry.

use std::time::Duration;

/// Times and sizes; the keys of the bundle are those under `limits.registry`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// A connection.
    pub connect: Duration,
    /// The head of an answer, and a pause in its body.
    pub answer: Duration,
    /// One body in all.
    pub transfer: Duration,
    /// Bytes of a manifest.
    pub manifest: u64,
    /// Bytes of a layer.
    pub layer: u64,
    /// Artifacts fetched at a time.
    pub parallel: usize,
    /// Bytes the cache may hold.
    pub cache: u64,
}

impl Default for Limits {
    /// Those of a bundle that says nothing.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(20),
            transfer: Duration::from_secs(600),
            manifest: 4 * 1024 * 1024,
            layer: 256 * 1024 * 1024,
            parallel: 4,
            cache: 2 * 1024 * 1024 * 1024,
        }
    }
}
