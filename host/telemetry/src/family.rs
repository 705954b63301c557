//! Metrics with labels: one series for each combination of label values, and a bound on how many.
//!
//! A series is looked up once, when a plugin is loaded or a channel configured; the handle it gives is kept. Label
//! values that come from outside could make series without end, so a family that is full answers with one shared series
//! whose labels all say [`OTHER`], and the registry counts how often that happened.

use std::collections::HashMap;

use parking_lot::RwLock;

use crate::{
    atomics::{Counter, Gauge, Histogram},
    registry::{Collect, Kind, Sample, Series, Snapshot},
};

/// The value of every label of the series that stands for all those beyond a family's bound.
pub const OTHER: &str = "other";

/// What a family is made of; implemented by [`Counter`], [`Gauge`] and [`Histogram`].
pub trait Metric: Clone + Send + Sync + 'static {
    /// The kind named in the exposition.
    #[doc(hidden)]
    const KIND: Kind;
    /// The value now.
    #[doc(hidden)]
    fn sample(&self) -> Sample;
}

impl Metric for Counter {
    const KIND: Kind = Kind::Counter;
    fn sample(&self) -> Sample {
        Sample::Counter(self.value())
    }
}

impl Metric for Gauge {
    const KIND: Kind = Kind::Gauge;
    fn sample(&self) -> Sample {
        Sample::Gauge(self.value())
    }
}

impl Metric for Histogram {
    const KIND: Kind = Kind::Histogram;
    fn sample(&self) -> Sample {
        let read = self.read();
        Sample::Histogram {
            bounds: read.bounds,
            counts: read.counts,
            sum: read.sum,
        }
    }
}

/// All series of one metric, told apart by `N` labels. Made by the registry; shared by reference.
pub struct Family<M, const N: usize> {
    name: &'static str,
    help: &'static str,
    unit: &'static str,
    labels: [&'static str; N],
    bound: usize,
    make: Box<dyn Fn() -> M + Send + Sync>,
    refused: Counter,
    series: RwLock<HashMap<[Box<str>; N], M>>,
}

impl<M: Metric, const N: usize> Family<M, N> {
    pub(crate) fn new(
        (name, help, unit): (&'static str, &'static str, &'static str),
        labels: [&'static str; N],
        bound: usize,
        refused: Counter,
        make: impl Fn() -> M + Send + Sync + 'static,
    ) -> Self {
        Self {
            name,
            help,
            unit,
            labels,
            bound,
            make: Box::new(make),
            refused,
            series: RwLock::default(),
        }
    }

    /// The handle of one series, made at its first use. Takes a lock and allocates: resolve it once and keep it.
    pub fn with(&self, values: [&str; N]) -> M {
        let key = values.map(Box::from);
        if let Some(found) = self.series.read().get(&key) {
            return found.clone();
        }
        let mut series = self.series.write();
        if series.len() < self.bound || series.contains_key(&key) {
            return series.entry(key).or_insert_with(&self.make).clone();
        }
        self.refused.inc();
        series
            .entry([OTHER; N].map(Box::from))
            .or_insert_with(&self.make)
            .clone()
    }

    /// Number of series, of which one may be that of [`OTHER`].
    pub fn len(&self) -> usize {
        self.series.read().len()
    }

    /// Whether no series was used yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<M: Metric, const N: usize> Collect for Family<M, N> {
    fn collect(&self) -> Snapshot {
        let mut series: Vec<Series> = self
            .series
            .read()
            .iter()
            .map(|(values, metric)| Series {
                labels: self
                    .labels
                    .iter()
                    .copied()
                    .zip(values.iter().map(ToString::to_string))
                    .collect(),
                sample: metric.sample(),
            })
            .collect();
        // A stable order makes two scrapes comparable and the text compress well.
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        Snapshot {
            name: self.name,
            help: self.help,
            unit: self.unit,
            kind: M::KIND,
            series,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::registry::Registry;

    #[test]
    fn a_full_family_sends_new_label_values_to_other_and_keeps_the_known_ones() {
        let registry = Registry::with_bound(3);
        let family = registry.counters("greentic_test_total", "Test.", ["plugin", "outcome"]);
        for plugin in ["a", "b", "c"] {
            family.with([plugin, "ok"]).inc();
        }
        for n in 0..1_000 {
            family.with([&format!("hostile-{n}"), "ok"]).inc();
        }
        family.with(["a", "ok"]).inc();
        assert_eq!(family.len(), 4);
        assert_eq!(family.with(["a", "ok"]).value(), 2);
        assert_eq!(family.with(["other", "other"]).value(), 1_000);
        assert!(
            registry
                .render()
                .contains("greentic_telemetry_series_refused_total 1000\n")
        );
    }
}
