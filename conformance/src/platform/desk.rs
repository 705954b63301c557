//! What a simulated platform is given to work with: its address, its clock, its journal, and the way to the bot's webhook.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc::UnboundedSender;

use super::call::{Answer, Call};
use super::webhook::{Response, Webhook};

/// Where a platform works.
pub struct Desk {
    origin: String,
    clock_offset_ms: AtomicI64,
    rates: AtomicBool,
    pub(super) twice: AtomicBool,
    target: Mutex<Option<String>>,
    journal: Mutex<Journal>,
    outgoing: UnboundedSender<Webhook>,
    /// Webhooks that are neither taken nor given up.
    under_way: Mutex<usize>,
    quiet: Condvar,
}

#[derive(Default)]
struct Journal {
    calls: Vec<Recorded>,
    violations: Vec<Violation>,
    deliveries: Vec<Delivered>,
}

/// A call of the bot and what it was answered.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The call.
    pub call: Call,
    /// The answer; `None` when the connection was broken.
    pub answer: Option<Answer>,
    /// It was harmed by the fault script.
    pub harmed: bool,
    /// When.
    pub at: Instant,
}

/// Something a bot must not do at this platform: a limit that was passed, a field that is missing, a call too many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// What kind, such as `text-too-long`.
    pub name: String,
    /// The particulars.
    pub detail: String,
}

/// One attempt to deliver a webhook.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// The webhook's key.
    pub key: String,
    /// 1 for the first.
    pub attempt: u32,
    /// What came back.
    pub response: Response,
    /// How long it took.
    pub took: Duration,
}

impl Desk {
    pub(super) fn new(
        origin: String,
        target: Option<String>,
        outgoing: UnboundedSender<Webhook>,
    ) -> Self {
        Self {
            origin,
            clock_offset_ms: AtomicI64::new(0),
            rates: AtomicBool::new(false),
            twice: AtomicBool::new(false),
            target: Mutex::new(target),
            journal: Mutex::default(),
            outgoing,
            under_way: Mutex::new(0),
            quiet: Condvar::new(),
        }
    }

    /// The platform's own address, `http://127.0.0.1:PORT`, without a trailing slash.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The platform's host and port, as a bundle grants it.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.origin.trim_start_matches("http://")
    }

    /// The platform's time in milliseconds since 1970.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        let real = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| {
                u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
            });
        real.saturating_add_signed(self.clock_offset_ms.load(Ordering::SeqCst))
    }

    /// Moves the platform's clock ahead: windows close, links expire.
    pub fn advance(&self, ms: i64) {
        self.clock_offset_ms.fetch_add(ms, Ordering::SeqCst);
    }

    /// Whether the platform holds the bot to its rates. Off unless a test wants it: cases call a channel without the host's pacing.
    #[must_use]
    pub fn enforces_rates(&self) -> bool {
        self.rates.load(Ordering::SeqCst)
    }

    /// Sets whether rates are held.
    pub fn enforce_rates(&self, on: bool) {
        self.rates.store(on, Ordering::SeqCst);
    }

    /// The address of the bot's webhook, once it is known.
    #[must_use]
    pub fn target(&self) -> Option<String> {
        lock(&self.target).clone()
    }

    /// Sets the address of the bot's webhook. A platform whose API has a call for that uses it there.
    pub fn set_target(&self, url: Option<String>) {
        *lock(&self.target) = url;
    }

    /// Sends a webhook with the platform's retries.
    pub fn send(&self, webhook: Webhook) {
        *lock(&self.under_way) += 1;
        if self.outgoing.send(webhook).is_err() {
            self.done();
        }
    }

    /// Writes down that the bot did what it must not do.
    pub fn violation(&self, name: impl Into<String>, detail: impl Into<String>) {
        lock(&self.journal).violations.push(Violation {
            name: name.into(),
            detail: detail.into(),
        });
    }

    pub(super) fn record(&self, recorded: Recorded) {
        lock(&self.journal).calls.push(recorded);
    }

    pub(super) fn delivered(&self, delivered: Delivered) {
        lock(&self.journal).deliveries.push(delivered);
    }

    pub(super) fn done(&self) {
        let mut under_way = lock(&self.under_way);
        *under_way = under_way.saturating_sub(1);
        self.quiet.notify_all();
    }

    /// Waits until every webhook was taken or given up; false when that takes longer.
    pub(super) fn settle(&self, within: Duration) -> bool {
        let (under_way, _) = self
            .quiet
            .wait_timeout_while(lock(&self.under_way), within, |under_way| *under_way > 0)
            .unwrap_or_else(PoisonError::into_inner);
        *under_way == 0
    }

    /// The bot's calls so far.
    #[must_use]
    pub fn calls(&self) -> Vec<Recorded> {
        lock(&self.journal).calls.clone()
    }

    /// What the bot did that it must not do.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        lock(&self.journal).violations.clone()
    }

    /// Attempts to deliver webhooks so far.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivered> {
        lock(&self.journal).deliveries.clone()
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
