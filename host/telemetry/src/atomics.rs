//! The three kinds of metric as handles of relaxed atomics.
//!
//! Own rather than the `prometheus` crate's: its histogram does four ordered read-modify-writes on words that all
//! threads share, its vectors have no bound on the number of series, and what it gathers could not go out as OTLP
//! histograms without recording every value twice. Here a thread adds to its own shard, so threads do not fight over a
//! cache line, and a reader sums the shards up.
//!
//! A reader sees each addition at some later time and never a torn one; two metrics read together may differ by what
//! happened between. A histogram's count is the sum of its buckets, so these two always agree.

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

/// As many threads as count without sharing a line; more share. 64 bytes a shard is the price.
const SHARDS: usize = 4;
/// Words of one cache line.
const LINE: usize = 8;

#[derive(Debug, Default)]
#[repr(align(64))]
struct Line([AtomicU64; LINE]);

/// This thread's shard, fixed at its first use of any metric.
#[inline]
fn shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! { static SHARD: Cell<usize> = const { Cell::new(usize::MAX) } }
    SHARD.with(|cell| match cell.get() {
        usize::MAX => {
            let mine = NEXT.fetch_add(1, Relaxed) % SHARDS;
            cell.set(mine);
            mine
        }
        mine => mine,
    })
}

/// A number that only grows, from 0 at the start of the process. Clones share the value.
#[derive(Debug, Clone, Default)]
pub struct Counter(Arc<[Line; SHARDS]>);

impl Counter {
    /// Adds one.
    #[inline]
    pub fn inc(&self) {
        self.add(1);
    }

    /// Adds `n`.
    #[inline]
    pub fn add(&self, n: u64) {
        if let Some(Line([word, ..])) = self.0.get(shard()) {
            word.fetch_add(n, Relaxed);
        }
    }

    /// What has been counted so far.
    pub fn value(&self) -> u64 {
        self.0
            .iter()
            .map(|Line([word, ..])| word.load(Relaxed))
            .fold(0, u64::wrapping_add)
    }
}

/// A number that goes up and down. Clones share the value.
#[derive(Debug, Clone, Default)]
pub struct Gauge(Arc<AtomicI64>);

impl Gauge {
    /// Sets the value.
    #[inline]
    pub fn set(&self, value: i64) {
        self.0.store(value, Relaxed);
    }

    /// Sets the value to a length or count; one beyond `i64::MAX` counts as that.
    #[inline]
    pub fn set_len(&self, value: usize) {
        self.set(i64::try_from(value).unwrap_or(i64::MAX));
    }

    /// Adds `n`, which may be negative.
    #[inline]
    pub fn add(&self, n: i64) {
        self.0.fetch_add(n, Relaxed);
    }

    /// The value now.
    pub fn value(&self) -> i64 {
        self.0.load(Relaxed)
    }

    /// Adds one until the returned guard is dropped, also by a panic or a cancelled future.
    #[inline]
    pub fn enter(&self) -> InFlight {
        self.add(1);
        InFlight(self.clone())
    }
}

/// Holds one unit of a [`Gauge`]; see [`Gauge::enter`].
#[derive(Debug)]
#[must_use = "the unit is given back when this is dropped"]
pub struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.add(-1);
    }
}

/// How long things took, counted into fixed buckets. Clones share the value.
///
/// Bounds and sum are kept in whole nanoseconds, so an observation is two integer additions; the sum of 584 years of
/// observed time wraps.
#[derive(Debug, Clone)]
pub struct Histogram(Arc<HistogramCell>);

#[derive(Debug)]
struct HistogramCell {
    /// Upper bounds, inclusive, ascending, in nanoseconds.
    bounds: &'static [u64],
    /// For each shard `lines` lines: the sum, the buckets in order, the bucket above all bounds.
    words: Box<[Line]>,
    lines: usize,
}

/// What a histogram holds at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Buckets {
    /// Upper bounds in nanoseconds.
    pub bounds: &'static [u64],
    /// One count a bound, not cumulated, and one for what lies above the last bound.
    pub counts: Vec<u64>,
    /// Sum of all observations in nanoseconds.
    pub sum: u64,
}

impl Histogram {
    /// `bounds` are nanoseconds and must ascend.
    pub(crate) fn new(bounds: &'static [u64]) -> Self {
        let lines = (bounds.len() + 2).div_ceil(LINE);
        let words = std::iter::repeat_with(Line::default)
            .take(lines * SHARDS)
            .collect();
        Self(Arc::new(HistogramCell {
            bounds,
            words,
            lines,
        }))
    }

    /// Counts one observation. One beyond 584 years counts as that.
    #[inline]
    pub fn observe(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let bucket = self.0.bounds.partition_point(|bound| *bound < nanos);
        let shard = shard();
        self.0.add(shard, 0, nanos);
        self.0.add(shard, bucket + 1, 1);
    }

    pub(crate) fn read(&self) -> Buckets {
        let cell = &*self.0;
        let word = |slot: usize| {
            (0..SHARDS)
                .filter_map(|shard| cell.word(shard, slot))
                .fold(0, |sum: u64, word| sum.wrapping_add(word.load(Relaxed)))
        };
        Buckets {
            bounds: cell.bounds,
            counts: (1..cell.bounds.len() + 2).map(word).collect(),
            sum: word(0),
        }
    }

    /// Number of observations so far.
    pub fn count(&self) -> u64 {
        self.read().counts.iter().sum()
    }
}

impl HistogramCell {
    #[inline]
    fn word(&self, shard: usize, slot: usize) -> Option<&AtomicU64> {
        self.words
            .get(shard * self.lines + slot / LINE)?
            .0
            .get(slot % LINE)
    }

    #[inline]
    fn add(&self, shard: usize, slot: usize, n: u64) {
        if let Some(word) = self.word(shard, slot) {
            word.fetch_add(n, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: &[u64] = &[
        10,
        100,
        1_000,
        10_000,
        100_000,
        1_000_000,
        10_000_000,
        100_000_000,
    ];

    #[test]
    fn counts_from_more_threads_than_shards_add_up() {
        let counter = Counter::default();
        let histogram = Histogram::new(BOUNDS);
        std::thread::scope(|scope| {
            for _ in 0..9 {
                scope.spawn(|| {
                    for i in 0..1_000 {
                        counter.inc();
                        histogram.observe(Duration::from_nanos(i));
                    }
                });
            }
        });
        assert_eq!(counter.value(), 9_000);
        let read = histogram.read();
        assert_eq!(read.counts, [9 * 11, 9 * 90, 9 * 899, 0, 0, 0, 0, 0, 0]);
        assert_eq!(read.sum, 9 * 499_500);
    }

    #[test]
    fn a_bound_belongs_to_its_bucket_and_what_is_above_all_to_the_last() {
        let histogram = Histogram::new(BOUNDS);
        for nanos in [0, 10, 11, 100_000_000, 100_000_001, u64::MAX] {
            histogram.observe(Duration::from_nanos(nanos));
        }
        histogram.observe(Duration::MAX);
        assert_eq!(histogram.read().counts, [2, 1, 0, 0, 0, 0, 0, 1, 3]);
    }

    #[test]
    fn what_is_in_flight_is_given_back_when_the_work_panics() {
        let gauge = Gauge::default();
        let held = gauge.enter();
        let thrown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _second = gauge.enter();
            assert_eq!(gauge.value(), 2);
            std::panic::resume_unwind(Box::new(()));
        }));
        assert!(thrown.is_err());
        assert_eq!(gauge.value(), 1);
        drop(held);
        assert_eq!(gauge.value(), 0);
    }
}
