//! How much processor time a call has used.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use cpu_time::ThreadTime;

use crate::engine::TICK;

/// Processor time of the current call, counted while its guest is being polled. Shared between the store, whose epoch callback asks it, and
/// the future that drives the call, which starts and stops it.
///
/// A clock of the processor is asked only from the first tick of the epoch on that the guest runs through: most polls are over before, and
/// asking costs more than they do. What a poll took until then counts as one tick at most, so a machine that has other things to do
/// than to run this thread costs the guest nothing.
#[derive(Debug)]
pub(crate) struct Meter {
    base: Instant,
    limit: AtomicU64,
    used: AtomicU64,
    /// Nanoseconds since `base` when the current poll began, 0 while nothing is polled.
    since: AtomicU64,
    /// The thread's processor time at the first tick of this poll, 0 before it, and what the poll had used by then.
    first_tick: AtomicU64,
    before_it: AtomicU64,
    exceeded: AtomicBool,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self {
            base: Instant::now(),
            limit: AtomicU64::new(u64::MAX),
            used: AtomicU64::new(0),
            since: AtomicU64::new(0),
            first_tick: AtomicU64::new(0),
            before_it: AtomicU64::new(0),
            exceeded: AtomicBool::new(false),
        }
    }

    fn now(&self) -> u64 {
        nanos(self.base.elapsed()).max(1)
    }

    pub(crate) fn reset(&self, limit: Duration) {
        self.limit.store(nanos(limit), Relaxed);
        self.used.store(0, Relaxed);
        self.exceeded.store(false, Relaxed);
        self.resume();
    }

    pub(crate) fn resume(&self) {
        self.since.store(self.now(), Relaxed);
        self.first_tick.store(0, Relaxed);
    }

    pub(crate) fn pause(&self) {
        self.used.fetch_add(self.running(), Relaxed);
        self.since.store(0, Relaxed);
    }

    /// Asked at each tick of the epoch while the guest runs, on its thread.
    pub(crate) fn over(&self) -> bool {
        if self.since.load(Relaxed) != 0 && self.first_tick.load(Relaxed) == 0 {
            self.before_it.store(self.running(), Relaxed);
            self.first_tick.store(processor_time(), Relaxed);
        }
        let used = self.used.load(Relaxed).saturating_add(self.running());
        let over = used > self.limit.load(Relaxed);
        if over {
            self.exceeded.store(true, Relaxed);
        }
        over
    }

    pub(crate) fn exceeded(&self) -> bool {
        self.exceeded.load(Relaxed)
    }

    /// What the current poll has used.
    fn running(&self) -> u64 {
        let since = self.since.load(Relaxed);
        if since == 0 {
            return 0;
        }
        match self.first_tick.load(Relaxed) {
            0 => self.now().saturating_sub(since).min(nanos(TICK)),
            first => {
                let after = processor_time().saturating_sub(first);
                self.before_it.load(Relaxed).saturating_add(after)
            }
        }
    }
}

/// What this thread has used since it is there.
fn processor_time() -> u64 {
    nanos(ThreadTime::now().as_duration()).max(1)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spin(time: Duration) {
        let end = processor_time() + nanos(time);
        while processor_time() < end {}
    }

    #[test]
    fn what_the_processor_did_is_counted_and_nothing_else() {
        let meter = Meter::new();
        meter.reset(Duration::from_millis(60));
        meter.pause();
        std::thread::sleep(Duration::from_millis(120));
        assert!(!meter.over(), "waiting between polls was counted");
        meter.resume();
        assert!(!meter.over());
        std::thread::sleep(Duration::from_millis(120));
        assert!(
            !meter.over(),
            "time in which the thread did not run was counted"
        );
        spin(Duration::from_millis(80));
        assert!(
            meter.over(),
            "eighty milliseconds of running were not counted"
        );
        assert!(meter.exceeded());
        meter.reset(Duration::from_millis(60));
        assert!(!meter.over() && !meter.exceeded());
    }

    #[test]
    fn polls_add_up() {
        let meter = Meter::new();
        meter.reset(Duration::from_millis(50));
        for _ in 0..4 {
            meter.resume();
            assert!(!meter.over());
            spin(Duration::from_millis(10));
            meter.pause();
        }
        meter.resume();
        assert!(!meter.over());
        spin(Duration::from_millis(15));
        assert!(meter.over());
    }

    #[test]
    fn a_poll_no_tick_was_seen_in_counts_as_one_tick_at_most() {
        let meter = Meter::new();
        meter.reset(TICK * 3);
        for _ in 0..2 {
            meter.resume();
            std::thread::sleep(TICK * 4);
            meter.pause();
        }
        meter.resume();
        assert!(!meter.over());
    }
}
