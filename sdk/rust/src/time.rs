//! The time of day.

/// Milliseconds since 1970-01-01T00:00:00Z, by the host's clock.
#[cfg(target_arch = "wasm32")]
#[must_use]
pub fn now_ms() -> u64 {
    system()
}

/// Milliseconds since 1970-01-01T00:00:00Z, by the stand-in's clock: the machine's until a test sets it.
#[cfg(not(target_arch = "wasm32"))]
#[must_use]
pub fn now_ms() -> u64 {
    crate::native::with(|host| host.now_ms())
}

/// The machine's clock; 0 for a time before 1970.
pub(crate) fn system() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .ok()
        .and_then(|since| u64::try_from(since.as_millis()).ok())
        .unwrap_or(0)
}
