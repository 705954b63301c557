//! What the channel needs from outside, as one trait: the protocol itself is pure and is tested against a host in memory.

pub use greentic_sdk::channel::LogEntry as Entry;
pub use greentic_sdk::channel::log::Page;

/// Why the host did not do something, by what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// Not now; the same call may work later. With the wait in milliseconds where the host knows it.
    #[error("{reason}")]
    Unavailable {
        /// In the operator's words.
        reason: String,
        /// Milliseconds to wait.
        after_ms: Option<u64>,
    },
    /// Never: the call itself is wrong or not allowed.
    #[error("{0}")]
    Refused(String),
}

/// The host as the channel sees it.
pub trait Host {
    /// Appends to a log and returns the position. An `id` that is there already keeps its position.
    ///
    /// # Errors
    /// When the log cannot take it.
    fn append(&self, log: &str, id: &str, data: &[u8]) -> Result<u64, HostError>;

    /// Entries after a position.
    ///
    /// # Errors
    /// When the log cannot be read.
    fn read(&self, log: &str, after: u64, limit: u32) -> Result<Page, HostError>;

    /// Reaches the open sockets of a conversation and is kept nowhere.
    ///
    /// # Errors
    /// When the host cannot take it.
    fn publish(&self, log: &str, data: &[u8]) -> Result<(), HostError>;

    /// HMAC-SHA256 with the channel's signing key.
    ///
    /// # Errors
    /// When the key is missing, not granted, or cannot be fetched.
    fn sign(&self, data: &[u8]) -> Result<Vec<u8>, HostError>;

    /// Whether `tag` is what [`Host::sign`] gives for `data`, in constant time.
    ///
    /// # Errors
    /// As [`Host::sign`].
    fn verify(&self, data: &[u8], tag: &[u8]) -> Result<bool, HostError>;

    /// Whether `candidate` is the shared secret of that name, in constant time.
    ///
    /// # Errors
    /// As [`Host::sign`].
    fn is_secret(&self, name: &str, candidate: &[u8]) -> Result<bool, HostError>;

    /// Milliseconds since 1970.
    fn now_ms(&self) -> u64;

    /// Unpredictable bytes.
    fn random(&self) -> [u8; 16];
}
