//! What is counted of a plugin: calls and their time, cells and their memory, restarts, requests. Handles are looked up once for
//! a plugin, or once for a function of it, and never by name in a call.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use greentic_telemetry::{Counter, Gauge, Histogram, HostMetrics, status_class};

/// The metrics of one plugin.
pub struct Measures {
    metrics: Arc<HostMetrics>,
    plugin: Arc<str>,
    /// Few, read with every call and added to with the first call of each.
    functions: ArcSwap<Vec<(&'static str, Histogram)>>,
    cells: Gauge,
    memory: Gauge,
    instantiations: Counter,
    restarts: Counter,
}

impl Measures {
    pub(crate) fn new(metrics: Arc<HostMetrics>, plugin: Arc<str>) -> Self {
        let name = &*plugin;
        Self {
            cells: metrics.cells.with([name]),
            memory: metrics.cell_memory.with([name]),
            instantiations: metrics.cell_instantiations.with([name]),
            restarts: metrics.plugin_restarts.with([name]),
            functions: ArcSwap::default(),
            metrics,
            plugin,
        }
    }

    /// A call of a function took so long. Names are constants of the worlds, so most are told apart by their address.
    pub(crate) fn took(&self, function: &'static str, time: Duration) {
        let known = |(name, _): &&(&'static str, Histogram)| {
            std::ptr::eq(*name, function) || *name == function
        };
        if let Some((_, histogram)) = self.functions.load().iter().find(known) {
            histogram.observe(time);
            return;
        }
        let seconds = &self.metrics.plugin_call_seconds;
        let histogram = seconds.with([&*self.plugin, function]);
        histogram.observe(time);
        // Added twice when two threads make the first call at once; both count into the same histogram.
        self.functions.rcu(|functions| {
            let mut functions = Vec::clone(functions);
            functions.push((function, histogram.clone()));
            functions
        });
    }

    /// A shared instance ended and is replaced.
    pub(crate) fn restarted(&self) {
        self.restarts.inc();
    }

    /// A capability was refused.
    pub(crate) fn denied(&self, capability: &str) {
        let denied = &self.metrics.plugin_denied;
        denied.with([&*self.plugin, capability]).inc();
    }

    /// An outgoing request was answered with a status, or with none.
    pub(crate) fn requested(&self, status: Option<u16>) {
        let class = status.map_or("none", status_class);
        let requests = &self.metrics.outgoing_requests;
        requests.with([&*self.plugin, class]).inc();
    }
}

/// One cell in the gauges, for as long as it lives.
pub(crate) struct Counted {
    measures: Arc<Measures>,
    memory: i64,
}

impl Counted {
    pub(crate) fn new(measures: Arc<Measures>) -> Self {
        measures.cells.add(1);
        measures.instantiations.inc();
        Self {
            measures,
            memory: 0,
        }
    }

    /// Its linear memory is now of so many bytes.
    pub(crate) fn memory(&mut self, bytes: usize) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.measures.memory.add(bytes - self.memory);
        self.memory = bytes;
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.measures.cells.add(-1);
        self.measures.memory.add(-self.memory);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_in_the_gauges_with_its_memory_until_it_is_dropped() {
        let metrics = Arc::new(HostMetrics::default());
        let measures = Arc::new(Measures::new(Arc::clone(&metrics), "p".into()));
        let mut one = Counted::new(Arc::clone(&measures));
        let mut other = Counted::new(Arc::clone(&measures));
        one.memory(65_536);
        one.memory(131_072);
        other.memory(65_536);
        assert_eq!(metrics.cells.with(["p"]).value(), 2);
        assert_eq!(metrics.cell_memory.with(["p"]).value(), 196_608);
        drop(one);
        assert_eq!(metrics.cells.with(["p"]).value(), 1);
        assert_eq!(metrics.cell_memory.with(["p"]).value(), 65_536);
        drop(other);
        assert_eq!(metrics.cell_memory.with(["p"]).value(), 0);
        assert_eq!(metrics.cell_instantiations.with(["p"]).value(), 2);
    }
}
