//! Metric handles resolved once, so that counting a request is an addition.

use std::time::Duration;

use greentic_telemetry::{Counter, Gauge, Histogram, HostMetrics};

/// One counter a status class.
#[derive(Debug, Clone)]
struct Classes([Counter; 5]);

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

impl Classes {
    fn new(counter: impl Fn(&'static str) -> Counter) -> Self {
        Self(CLASSES.map(counter))
    }

    fn count(&self, status: u16) {
        let class = usize::from((status / 100).clamp(1, 5)) - 1;
        if let Some(counter) = self.0.get(class) {
            counter.inc();
        }
    }
}

/// The route patterns that requests are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pattern {
    Webhook,
    Api,
    Page,
    Websocket,
    Probe,
    Metrics,
    Admin,
    Unmatched,
}

const PATTERNS: [(Pattern, &str); 8] = [
    (Pattern::Webhook, "webhook"),
    (Pattern::Api, "api"),
    (Pattern::Page, "page"),
    (Pattern::Websocket, "websocket"),
    (Pattern::Probe, "probe"),
    (Pattern::Metrics, "metrics"),
    (Pattern::Admin, "admin"),
    (Pattern::Unmatched, "unmatched"),
];

/// Counters of one endpoint.
pub(crate) struct Counts {
    requests: [Classes; 8],
    /// Refused because too many requests are in flight.
    pub(crate) shed_in_flight: Counter,
    /// Refused because a channel has too many sockets.
    pub(crate) shed_sockets: Counter,
    /// Given up because the channel did not answer in time.
    pub(crate) shed_deadline: Counter,
    /// Open connections.
    pub(crate) connections: Gauge,
}

impl Counts {
    pub(crate) fn new(metrics: &HostMetrics) -> Self {
        Self {
            requests: PATTERNS
                .map(|(_, route)| Classes::new(|class| metrics.http_requests.with([route, class]))),
            shed_in_flight: metrics.ingress_shed.with(["in_flight"]),
            shed_sockets: metrics.ingress_shed.with(["sockets"]),
            shed_deadline: metrics.ingress_shed.with(["deadline"]),
            connections: metrics.http_connections.clone(),
        }
    }

    pub(crate) fn request(&self, pattern: Pattern, status: u16) {
        let place = PATTERNS.iter().position(|(known, _)| *known == pattern);
        if let Some(classes) = place.and_then(|place| self.requests.get(place)) {
            classes.count(status);
        }
    }
}

/// Counters of one channel plugin.
#[derive(Debug)]
pub(crate) struct ChannelCounts {
    answers: Classes,
    seconds: Histogram,
    /// Open websockets.
    pub(crate) sockets: Gauge,
}

impl ChannelCounts {
    pub(crate) fn new(metrics: &HostMetrics, provider: &str) -> Self {
        Self {
            answers: Classes::new(|class| metrics.ingress_answers.with([provider, class])),
            seconds: metrics.ingress_seconds.with([provider]),
            sockets: metrics.websocket_connections.with([provider]),
        }
    }

    pub(crate) fn answered(&self, status: u16, took: Duration) {
        self.answers.count(status);
        self.seconds.observe(took);
    }
}
