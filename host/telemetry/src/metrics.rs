//! Every metric of the host, in one place, with its meaning and unit.
//!
//! Labels are names from the configuration or words from a fixed set, never ids of tenants, sessions or messages: ten
//! thousand tenants must not make ten thousand series. Resolve a handle with [`Family::with`] where the plugin or
//! channel is set up, and keep it.
//!
//! Words used as labels:
//! - `direction`: `in` (from a platform), `out` (handed out by it as delivered)
//! - `class`: `2xx`, `3xx`, `4xx`, `5xx`
//! - `outcome` of a turn: `committed`, `duplicate`, `conflict`, `failed`, `abandoned`
//! - `outcome` of a delivery attempt: `sent`, `not_sent`, `unknown`, `refused`
//! - `stage` of a message: `ingress`, `runner`, `egress`
//! - `fault`: `trap`, `deadline`, `memory`, `cpu`, `host_calls`, `refused`, `error`

use std::sync::Arc;

use crate::{
    atomics::{Counter, Gauge, Histogram},
    family::Family,
    registry::Registry,
};

const MICRO: u64 = 1_000;
const MILLI: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;

/// For calls inside the process and on a local network: 1 µs to 10 s.
const CALL_BOUNDS: &[u64] = &[
    MICRO,
    2 * MICRO,
    5 * MICRO,
    10 * MICRO,
    25 * MICRO,
    50 * MICRO,
    100 * MICRO,
    250 * MICRO,
    500 * MICRO,
    MILLI,
    5 * MILLI,
    25 * MILLI,
    100 * MILLI,
    500 * MILLI,
    2 * SECOND,
    10 * SECOND,
];

/// For what a person or a platform waits for: 100 µs to 60 s.
const WAIT_BOUNDS: &[u64] = &[
    100 * MICRO,
    250 * MICRO,
    500 * MICRO,
    MILLI,
    2_500 * MICRO,
    5 * MILLI,
    10 * MILLI,
    25 * MILLI,
    50 * MILLI,
    100 * MILLI,
    250 * MILLI,
    500 * MILLI,
    SECOND,
    5 * SECOND,
    15 * SECOND,
    60 * SECOND,
];

/// Builds the struct and its constructor from one list, so that a metric cannot be declared and not registered.
macro_rules! catalogue {
    (@type counter) => { Counter };
    (@type gauge) => { Gauge };
    (@type histogram $bounds:ident) => { Histogram };
    (@type counters $labels:tt) => { Arc<Family<Counter, { $labels.len() }>> };
    (@type gauges $labels:tt) => { Arc<Family<Gauge, { $labels.len() }>> };
    (@type histograms $labels:tt $bounds:ident) => { Arc<Family<Histogram, { $labels.len() }>> };
    (@make $registry:ident $name:literal $help:literal $method:ident $($more:expr)*) => {
        $registry.$method($name, $help $(, $more)*)
    };
    ($($field:ident: $method:ident $([$($label:literal),+])? $($bounds:ident)?, $name:literal, $help:literal;)+) => {
        /// Handles of all metrics of the host; cheap to clone by `Arc` of the owner, safe to use from any thread.
        pub struct HostMetrics {
            registry: Registry,
            $(
                #[doc = concat!("`", $name, "`: ", $help)]
                pub $field: catalogue!(@type $method $([$($label),+])? $($bounds)?),
            )+
        }

        impl HostMetrics {
            /// Registers all metrics in `registry`. Once for a registry: twice would show each name twice.
            pub fn new(registry: Registry) -> Self {
                $(let $field = catalogue!(@make registry $name $help $method $([$($label),+])? $($bounds)?);)+
                Self { registry, $($field,)+ }
            }
        }
    };
}

catalogue! {
    // Gateway and ingress
    messages: counters ["channel", "direction"], "greentic_messages_total", "Messages taken from and delivered to platforms, by channel plugin.";
    ingress_answers: counters ["channel", "class"], "greentic_ingress_answers_total", "Webhook answers given, by channel plugin and status class.";
    ingress_seconds: histograms ["channel"] WAIT_BOUNDS, "greentic_ingress_seconds", "From a webhook's first byte to its answer.";
    ingress_unverified: counters ["channel"], "greentic_ingress_unverified_total", "Webhooks whose signature or token the channel refused.";
    ingress_ignored: counters ["channel"], "greentic_ingress_ignored_total", "Verified events the channel understood and has no use for, such as kinds it does not know.";
    ingress_malformed: counters ["channel"], "greentic_ingress_malformed_total", "Verified requests the channel could not understand; each is kept as a dead letter.";
    ingress_shed: counters ["reason"], "greentic_ingress_shed_total", "Requests answered 429 or 503 before any work, by the limit that was reached.";
    http_requests: counters ["route", "class"], "greentic_http_requests_total", "HTTP requests by route pattern and status class.";
    http_connections: gauge, "greentic_http_connections", "Open connections at the public listener.";
    websocket_connections: gauges ["channel"], "greentic_websocket_connections", "Open websockets, by channel plugin.";

    // Bus
    bus_publish_seconds: histograms ["direction"] CALL_BOUNDS, "greentic_bus_publish_seconds", "From handing a batch to the bus to its confirmation.";
    bus_published: counters ["direction"], "greentic_bus_published_total", "Messages the bus has confirmed.";
    bus_publish_batches: counters ["direction"], "greentic_bus_publish_batches_total", "Publish calls; published messages divided by this is the mean batch.";
    bus_errors: counters ["operation"], "greentic_bus_errors_total", "Failed bus calls, by operation.";
    bus_redelivered: counters ["stage"], "greentic_bus_redelivered_total", "Messages the bus delivered again.";
    queue_depth: gauges ["stage"], "greentic_queue_depth", "Messages waiting, by stage.";
    in_flight: gauges ["stage"], "greentic_in_flight", "Messages being worked on, by stage.";
    shed: counters ["stage"], "greentic_shed_total", "Messages refused because a queue was full, by stage.";

    // Sessions and turns
    dedupe_dropped: counters ["stage"], "greentic_dedupe_dropped_total", "Messages dropped because their effects had happened already.";
    turns: counters ["outcome"], "greentic_turns_total", "Flow turns, by how they ended.";
    turn_seconds: histograms ["flow"] WAIT_BOUNDS, "greentic_turn_seconds", "From taking a message to its commit, by flow.";
    turn_wait_seconds: histogram WAIT_BOUNDS, "greentic_turn_wait_seconds", "From a message's publishing to the start of its turn.";
    sessions_leased: gauge, "greentic_sessions_leased", "Sessions this process holds the lease of.";
    session_conflicts: counter, "greentic_session_conflicts_total", "Commits refused because the session had changed.";
    lease_lost: counter, "greentic_session_leases_lost_total", "Leases that ran out or were taken while a turn was running.";

    // Egress
    egress_attempts: counters ["channel", "outcome"], "greentic_egress_attempts_total", "Delivery attempts, by channel plugin and outcome.";
    egress_seconds: histograms ["channel"] WAIT_BOUNDS, "greentic_egress_seconds", "Duration of one delivery attempt.";
    egress_throttled: counters ["channel"], "greentic_egress_throttled_total", "Deliveries that waited for a platform's rate limit.";
    dead_letters: counters ["stage", "reason"], "greentic_dead_letters_total", "Messages given up, by stage and reason.";
    message_seconds: histograms ["channel"] WAIT_BOUNDS, "greentic_message_seconds", "From a message's arrival to the delivery of its first reply.";

    // Sandbox
    plugin_call_seconds: histograms ["plugin", "function"] CALL_BOUNDS, "greentic_plugin_call_seconds", "Calls of plugin exports, the store's and the bus's among them.";
    plugin_faults: counters ["plugin", "fault"], "greentic_plugin_faults_total", "Plugin calls that failed, by kind of fault.";
    plugin_denied: counters ["plugin", "capability"], "greentic_plugin_denied_total", "Uses of a capability the bundle does not grant.";
    plugin_restarts: counters ["plugin"], "greentic_plugin_restarts_total", "Restarts of supervised plugins.";
    cells: gauges ["plugin"], "greentic_cells", "Live cell instances.";
    cell_instantiations: counters ["plugin"], "greentic_cell_instantiations_total", "Cell instances made.";
    cell_memory: gauges ["plugin"], "greentic_cell_memory_bytes", "Linear memory of live cells.";
    outgoing_requests: counters ["plugin", "class"], "greentic_outgoing_requests_total", "HTTP requests made by plugins, by status class, `none` where no answer came.";

    // Process
    generation: gauge, "greentic_generation", "Number of the running bundle generation; grows with each swap.";
    generation_swaps: counters ["outcome"], "greentic_generation_swaps_total", "Bundles that were taken over or refused.";
    backend_up: gauges ["role", "backend"], "greentic_backend_up", "1 when the store or bus answered when it was asked last, else 0; by what it is needed for and its name in the bundle.";
    ready: gauge, "greentic_ready", "1 when every needed plugin is ready, else 0.";
    uptime: gauge, "greentic_uptime_seconds", "Time since the process started.";
    process_memory: gauge, "greentic_process_resident_memory_bytes", "Resident memory of the process.";
}

impl Default for HostMetrics {
    fn default() -> Self {
        Self::new(Registry::new())
    }
}

impl HostMetrics {
    /// The registry behind the handles: for `/metrics` and for [`crate::init()`].
    pub fn registry(&self) -> &Registry {
        &self.registry
    }
}

/// The label value for an HTTP status.
pub fn status_class(status: u16) -> &'static str {
    match status {
        0..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::registry::Kind;

    #[test]
    fn every_metric_is_named_and_described_as_prometheus_asks() {
        let mut seen = HashSet::new();
        for metric in HostMetrics::default().registry().read() {
            let name = metric.name;
            assert!(seen.insert(name), "{name} is registered twice");
            assert!(name.starts_with("greentic_"), "{name}");
            assert!(
                name.bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
                "{name}"
            );
            assert_eq!(
                name.ends_with("_total"),
                metric.kind == Kind::Counter,
                "{name}"
            );
            assert!(
                metric.kind != Kind::Histogram || name.ends_with("_seconds"),
                "{name}"
            );
            assert!(
                metric.help.ends_with('.') && metric.help.len() > 10,
                "{name}"
            );
            for wrong in ["_ms", "_millis", "_kb", "_count", "_sum", "_bucket"] {
                assert!(!name.ends_with(wrong), "{name}");
            }
        }
        assert!(seen.len() > 40);
    }

    #[test]
    fn bounds_ascend() {
        for bounds in [CALL_BOUNDS, WAIT_BOUNDS] {
            assert!(
                bounds.windows(2).all(|pair| pair[0] < pair[1]),
                "{bounds:?}"
            );
        }
    }
}
