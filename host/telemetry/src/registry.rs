//! The list of all metrics of a process, and reading them all at once.
//!
//! Names follow Prometheus: prefix `greentic_`, base units (seconds, bytes), counters end in `_total`. A wrong name is
//! a fault of the catalogue and is found by its test, not at run time.

use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use crate::{
    atomics::{Counter, Gauge, Histogram},
    family::Family,
};

/// Series a family may have before new ones are counted under [`crate::OTHER`].
const BOUND: usize = 1_000;

/// What a metric's values mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Distribution over fixed buckets.
    Histogram,
}

/// One series' value at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sample {
    /// Counted since the start of the process.
    Counter(u64),
    /// The value now.
    Gauge(i64),
    /// A distribution of durations.
    Histogram {
        /// Inclusive upper bounds in nanoseconds.
        bounds: &'static [u64],
        /// Observations a bucket, not cumulated; one more than bounds, the last for what lies above them.
        counts: Vec<u64>,
        /// Sum of the observations in nanoseconds.
        sum: u64,
    },
}

/// One combination of label values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// Label names and values, in the family's order.
    pub labels: Vec<(&'static str, String)>,
    /// The value.
    pub sample: Sample,
}

/// One metric with all its series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Full name, as in the Prometheus text.
    pub name: &'static str,
    /// Its meaning in one sentence.
    pub help: &'static str,
    /// Unit in UCUM (`s`, `By`, `1`), as OTLP wants it.
    pub unit: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// Its series, sorted by label values.
    pub series: Vec<Series>,
}

pub(crate) trait Collect: Send + Sync {
    fn collect(&self) -> Snapshot;
}

/// All metrics of a process. Clones share it.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    bound: usize,
    refused: Counter,
    families: RwLock<Vec<Arc<dyn Collect>>>,
    before: Mutex<Vec<Box<dyn Fn() + Send>>>,
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

impl Registry {
    /// An empty registry with the usual bound of 1,000 series a family.
    pub fn new() -> Self {
        Self::with_bound(BOUND)
    }

    /// An empty registry with its own bound of series a family.
    pub fn with_bound(bound: usize) -> Self {
        let refused = Counter::default();
        let inner = Inner {
            bound,
            refused: refused.clone(),
            families: RwLock::default(),
            before: Mutex::default(),
        };
        let registry = Self(Arc::new(inner));
        let family = Family::new(
            (
                "greentic_telemetry_series_refused_total",
                "Look-ups answered with the shared series, because the metric had too many.",
                "1",
            ),
            [],
            1,
            Counter::default(),
            move || refused.clone(),
        );
        family.with([]);
        registry.0.families.write().push(Arc::new(family));
        registry
    }

    /// A counter without labels. `name` ends in `_total`.
    pub fn counter(&self, name: &'static str, help: &'static str) -> Counter {
        self.counters(name, help, []).with([])
    }

    /// Counters told apart by labels. `name` ends in `_total`.
    pub fn counters<const N: usize>(
        &self,
        name: &'static str,
        help: &'static str,
        labels: [&'static str; N],
    ) -> Arc<Family<Counter, N>> {
        self.add(name, help, labels, Counter::default)
    }

    /// A gauge without labels.
    pub fn gauge(&self, name: &'static str, help: &'static str) -> Gauge {
        self.gauges(name, help, []).with([])
    }

    /// Gauges told apart by labels.
    pub fn gauges<const N: usize>(
        &self,
        name: &'static str,
        help: &'static str,
        labels: [&'static str; N],
    ) -> Arc<Family<Gauge, N>> {
        self.add(name, help, labels, Gauge::default)
    }

    /// A distribution of durations without labels. `name` ends in `_seconds`; `bounds` are nanoseconds, ascending.
    pub fn histogram(
        &self,
        name: &'static str,
        help: &'static str,
        bounds: &'static [u64],
    ) -> Histogram {
        self.histograms(name, help, [], bounds).with([])
    }

    /// Distributions of durations told apart by labels.
    pub fn histograms<const N: usize>(
        &self,
        name: &'static str,
        help: &'static str,
        labels: [&'static str; N],
        bounds: &'static [u64],
    ) -> Arc<Family<Histogram, N>> {
        self.add(name, help, labels, move || Histogram::new(bounds))
    }

    fn add<M: crate::family::Metric, const N: usize>(
        &self,
        name: &'static str,
        help: &'static str,
        labels: [&'static str; N],
        make: impl Fn() -> M + Send + Sync + 'static,
    ) -> Arc<Family<M, N>> {
        let unit = match name.strip_suffix("_total").unwrap_or(name) {
            name if name.ends_with("_seconds") => "s",
            name if name.ends_with("_bytes") => "By",
            _ => "1",
        };
        let family = Arc::new(Family::new(
            (name, help, unit),
            labels,
            self.0.bound,
            self.0.refused.clone(),
            make,
        ));
        self.0.families.write().push(family.clone());
        family
    }

    /// Runs `set` before each reading, for gauges that are cheaper to ask for than to keep, such as a queue's length.
    /// It must not read the registry.
    pub fn before_reading(&self, set: impl Fn() + Send + 'static) {
        self.0.before.lock().push(Box::new(set));
    }

    /// All metrics now, in the order they were added.
    pub fn read(&self) -> Vec<Snapshot> {
        for set in self.0.before.lock().iter() {
            set();
        }
        self.0
            .families
            .read()
            .iter()
            .map(|family| family.collect())
            .collect()
    }

    /// All metrics now, in the Prometheus text format; serve it as [`crate::CONTENT_TYPE`].
    pub fn render(&self) -> String {
        crate::prometheus::render(&self.read())
    }
}
