//! What an operator may decide about telemetry. The caller reads flags, bundle and environment; this crate does not,
//! except that OpenTelemetry's own `OTEL_RESOURCE_ATTRIBUTES` is merged into the resource.

use std::{fmt, time::Duration};

/// How log lines look on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// One readable line an event; coloured when stderr is a terminal and `NO_COLOR` is not set.
    #[default]
    Human,
    /// One JSON object a line, for a log collector.
    Json,
}

/// Settings of [`crate::init()`].
#[derive(Clone)]
pub struct TelemetryConfig {
    /// The form of the log lines.
    pub log_format: LogFormat,
    /// Which events are logged, in the syntax of `tracing_subscriber::EnvFilter`, such as `info,greentic_runner=debug`.
    pub log_filter: String,
    /// Base address of an OTLP collector, as in `OTEL_EXPORTER_OTLP_ENDPOINT`; `None` exports nothing.
    /// Port 4317 and the scheme `grpc`/`grpcs` mean gRPC; any other `http`/`https` address means HTTP with protobuf.
    pub otlp_endpoint: Option<String>,
    /// Headers added to each export, such as a collector's token. Never logged or shown.
    pub otlp_headers: Vec<(String, String)>,
    /// The share of messages that are traced, 0 to 1. Decided from the trace id, so all replicas decide alike.
    pub sample_ratio: f64,
    /// Whether the sampled flag of an incoming `traceparent` decides instead of the ratio. Off by default: anyone on
    /// the internet could switch tracing on for all their requests.
    pub honour_incoming: bool,
    /// How often metrics are pushed when an endpoint is set.
    pub metrics_interval: Duration,
    /// `service.name` of the resource.
    pub service_name: String,
    /// `service.version` of the resource.
    pub service_version: String,
    /// `service.instance.id` of the resource: tells replicas apart.
    pub service_instance: String,
    /// More resource attributes, such as `deployment.environment.name`.
    pub resource_attributes: Vec<(String, String)>,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            log_format: LogFormat::default(),
            log_filter: "info".to_owned(),
            otlp_endpoint: None,
            otlp_headers: Vec::new(),
            sample_ratio: 0.01,
            honour_incoming: false,
            metrics_interval: Duration::from_secs(15),
            service_name: "greentic-host".to_owned(),
            service_version: env!("CARGO_PKG_VERSION").to_owned(),
            service_instance: String::new(),
            resource_attributes: Vec::new(),
        }
    }
}

/// By hand, because the headers hold credentials: only their names are shown.
impl fmt::Debug for TelemetryConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self
            .otlp_headers
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        f.debug_struct("TelemetryConfig")
            .field("log_format", &self.log_format)
            .field("log_filter", &self.log_filter)
            .field(
                "otlp_endpoint",
                &self
                    .otlp_endpoint
                    .as_deref()
                    .map(crate::endpoint::without_userinfo),
            )
            .field("otlp_headers", &headers)
            .field("sample_ratio", &self.sample_ratio)
            .field("honour_incoming", &self.honour_incoming)
            .field("metrics_interval", &self.metrics_interval)
            .field("service_name", &self.service_name)
            .field("service_version", &self.service_version)
            .field("service_instance", &self.service_instance)
            .field("resource_attributes", &self.resource_attributes)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_header_names_but_no_credential() {
        let config = TelemetryConfig {
            otlp_endpoint: Some("https://user:hunter2@collector:4318".to_owned()),
            otlp_headers: vec![("authorization".to_owned(), "Bearer s3cret".to_owned())],
            ..TelemetryConfig::default()
        };
        let shown = format!("{config:?}");
        assert!(
            shown.contains("authorization") && shown.contains("collector:4318"),
            "{shown}"
        );
        assert!(
            !shown.contains("s3cret") && !shown.contains("hunter2"),
            "{shown}"
        );
    }
}
