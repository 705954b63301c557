//! The only crate that knows OpenTelemetry: traces, metrics, logs.
