//! The set-up of a whole process, which one test process can do only once.

use std::time::Duration;

use greentic_telemetry::{HostMetrics, InitError, TelemetryConfig, init};

#[test]
fn a_second_set_up_is_refused_and_the_first_goes_on() {
    let metrics = HostMetrics::default();
    let config = TelemetryConfig {
        log_filter: "error".to_owned(),
        ..TelemetryConfig::default()
    };
    let guard = init(&config, metrics.registry()).unwrap();
    let second = init(&config, metrics.registry());
    assert!(matches!(second, Err(InitError::AlreadySet)), "{second:?}");
    assert!(tracing::enabled!(tracing::Level::ERROR));
    assert!(!tracing::enabled!(tracing::Level::WARN));
    guard.shutdown(Duration::from_secs(1)).unwrap();
}
