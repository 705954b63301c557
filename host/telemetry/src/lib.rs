//! The only crate that knows OpenTelemetry: traces, metrics, logs.
//!
//! Everything else in the host uses three things from here:
//!
//! - [`init()`] once, at the start: logs to stderr, and OTLP export when an endpoint is configured;
//! - [`TraceContext`] and the constructors in [`spans`], which carry one trace from the webhook through the bus, the
//!   turn and each plugin call to the delivery, and cost one branch when the message is not sampled;
//! - [`HostMetrics`], whose handles are resolved once and are one or two relaxed atomic additions per use. The same
//!   values are the Prometheus text ([`Registry::render`]) and the OTLP metrics.
//!
//! # What is never recorded
//!
//! No function of this crate takes a secret, a payload, a header or a person's words, and there is no type here
//! that wraps one: a value that must be hidden is one that is not passed. Span attributes and metric labels are names
//! (tenant, channel, plugin, flow, node, session) and outcomes from a fixed set. An error is recorded by its kind,
//! a `&'static str`, never by its message, because messages may quote input. Whoever adds a `tracing` event keeps
//! the same rule, because events reach the OTLP log export too.
//!
//! # What it costs
//!
//! Without an endpoint no OpenTelemetry layer is installed and [`Guard::sampling`] never samples, so no span is made.

mod atomics;
mod config;
mod context;
mod endpoint;
mod family;
mod head;
mod init;
mod metrics;
mod otlp_metrics;
mod prometheus;
mod registry;
pub mod spans;
mod transport;

pub use atomics::{Counter, Gauge, Histogram, InFlight};
pub use config::{LogFormat, TelemetryConfig};
pub use context::{Sampling, TraceContext, TraceparentError};
pub use endpoint::EndpointError;
pub use family::{Family, OTHER};
pub use init::{Guard, InitError, ShutdownError, init, prepare};
pub use metrics::{HostMetrics, status_class};
pub use prometheus::CONTENT_TYPE;
pub use registry::{Kind, Registry, Sample, Series, Snapshot};
