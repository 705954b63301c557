//! A line now and then about a transfer that takes long.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::http::Meter;

/// What takes no longer than this is not told.
const TOLD_AFTER: Duration = Duration::from_secs(1);
/// Between two lines about one transfer.
const TOLD_EVERY: Duration = Duration::from_secs(2);

/// Told of a line about a transfer that takes long.
pub type Tell = Arc<dyn Fn(&str) + Send + Sync>;

/// Counts the bytes of a transfer of `size` bytes, and tells of it.
pub(crate) fn meter(tell: &Tell, what: String, size: u64) -> Meter {
    let tell = Arc::clone(tell);
    let done = AtomicU64::new(0);
    let next = Mutex::new(Instant::now() + TOLD_AFTER);
    Arc::new(move |more| {
        let done = done.fetch_add(more, Ordering::Relaxed).saturating_add(more);
        if let Ok(mut next) = next.lock()
            && Instant::now() >= *next
            && done < size
        {
            *next = Instant::now() + TOLD_EVERY;
            tell(&format!("{what}: {} of {}", size_of(done), size_of(size)));
        }
    })
}

/// A size as people write it.
#[must_use]
pub fn size_of(bytes: u64) -> String {
    let tenths = bytes.saturating_mul(10) / (1024 * 1024);
    if tenths >= 10 {
        format!("{}.{} MiB", tenths / 10, tenths % 10)
    } else if bytes >= 1024 {
        format!("{} KiB", bytes / 1024)
    } else {
        format!("{bytes} bytes")
    }
}
