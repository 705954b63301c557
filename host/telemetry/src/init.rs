//! Puts the layers together once, and takes them down again without losing what they hold.

use std::{
    fmt,
    io::{self, IsTerminal as _},
    time::{Duration, Instant},
};

use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_sdk::{Resource, logs::SdkLoggerProvider, trace::SdkTracerProvider};
use tokio::runtime::Runtime;
use tracing::{Dispatch, Metadata, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Layer, Registry as Spans,
    filter::{FilterExt as _, FilterFn},
    fmt::writer::BoxMakeWriter,
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use crate::{
    config::{LogFormat, TelemetryConfig},
    context::Sampling,
    endpoint::{Endpoint, EndpointError},
    head::{HeadIds, HeadSampler},
    otlp_metrics::Pusher,
    registry::Registry,
    spans::TARGET,
    transport::Transport,
};

/// What a dropped [`Guard`] that was not shut down waits for its flush.
const DROP_DEADLINE: Duration = Duration::from_secs(2);

/// Why telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The log filter cannot be read.
    #[error(
        "log filter `{filter}` cannot be read: {reason}; write it as `info` or `info,greentic_runner=debug`"
    )]
    Filter {
        /// The filter as given.
        filter: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The sample ratio is no share.
    #[error("sample ratio {0} is not between 0 and 1")]
    Ratio(f64),
    /// The OTLP endpoint cannot be used.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// A header for the collector has a name or value that HTTP does not allow. The value is not shown.
    #[error("OTLP header `{0}` has a name or value that HTTP does not allow")]
    Header(String),
    /// The client for the collector cannot be made.
    #[error("the OTLP client cannot be set up: {0}")]
    Transport(String),
    /// The thread for exports cannot be started.
    #[error("the telemetry thread cannot be started")]
    Thread(#[source] io::Error),
    /// Something else in this process has installed a subscriber.
    #[error("telemetry is already set up in this process")]
    AlreadySet,
}

/// What was not exported before the deadline or the collector refused.
#[derive(Debug, thiserror::Error)]
#[error("telemetry was not flushed whole: {}", .0.join("; "))]
pub struct ShutdownError(Vec<String>);

/// Keeps telemetry running. Call [`Guard::shutdown`] as the last thing the process does.
pub struct Guard {
    sampling: Sampling,
    export: Option<Export>,
}

struct Export {
    tracer: SdkTracerProvider,
    logger: SdkLoggerProvider,
    metrics: Pusher,
    runtime: Runtime,
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("sampling", &self.sampling)
            .field("exports", &self.export.is_some())
            .finish()
    }
}

impl Guard {
    /// The sampling decision of this configuration, for [`crate::TraceContext::start`]. Without an endpoint it never
    /// samples, so that no span is ever built for no one.
    pub fn sampling(&self) -> Sampling {
        self.sampling
    }

    /// Exports what is still held, waiting at most `deadline` in all. Blocks the calling thread; it may be called from a
    /// thread of any async runtime, because exports run on their own.
    ///
    /// # Errors
    /// Names the signals that did not get through.
    pub fn shutdown(mut self, deadline: Duration) -> Result<(), ShutdownError> {
        self.export
            .take()
            .map_or(Ok(()), |export| export.shutdown(deadline))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(export) = self.export.take() {
            // There is no one left to tell.
            let _ = export.shutdown(DROP_DEADLINE);
        }
    }
}

impl Export {
    fn shutdown(self, deadline: Duration) -> Result<(), ShutdownError> {
        let end = Instant::now() + deadline;
        let left = || end.saturating_duration_since(Instant::now());
        let pushed = self.metrics.stop();
        let mut faults = Vec::new();
        if let Err(error) = self.tracer.shutdown_with_timeout(left()) {
            faults.push(format!("traces: {error}"));
        }
        if let Err(error) = self.logger.shutdown_with_timeout(left()) {
            faults.push(format!("logs: {error}"));
        }
        match pushed.recv_timeout(left()) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => faults.push(format!("metrics: {error}")),
            Err(_) => faults.push("metrics: deadline passed".to_owned()),
        }
        self.runtime.shutdown_background();
        if faults.is_empty() {
            Ok(())
        } else {
            Err(ShutdownError(faults))
        }
    }
}

/// Sets up logs on stderr and, with an endpoint, OTLP export of spans, logs and the metrics of `registry`, for the whole
/// process. The collector need not be up.
///
/// # Errors
/// When the configuration is wrong or this was done before.
pub fn init(config: &TelemetryConfig, registry: &Registry) -> Result<Guard, InitError> {
    let (dispatch, guard) = prepare(config, registry)?;
    dispatch.try_init().map_err(|_| InitError::AlreadySet)?;
    Ok(guard)
}

/// Like [`init`], but leaves it to the caller where the subscriber holds; for tests that need several in one process.
///
/// # Errors
/// When the configuration is wrong.
pub fn prepare(
    config: &TelemetryConfig,
    registry: &Registry,
) -> Result<(Dispatch, Guard), InitError> {
    let colour = io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    assemble(config, registry, BoxMakeWriter::new(io::stderr), colour)
}

fn assemble(
    config: &TelemetryConfig,
    registry: &Registry,
    out: BoxMakeWriter,
    colour: bool,
) -> Result<(Dispatch, Guard), InitError> {
    if !(0.0..=1.0).contains(&config.sample_ratio) {
        return Err(InitError::Ratio(config.sample_ratio));
    }
    let lines = tracing_subscriber::fmt::layer().with_writer(out);
    let lines = match config.log_format {
        LogFormat::Human => lines.with_ansi(colour).with_filter(filter(config)?).boxed(),
        LogFormat::Json => lines
            .with_ansi(false)
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .with_filter(filter(config)?)
            .boxed(),
    };
    let mut layers: Vec<Box<dyn Layer<Spans> + Send + Sync>> = vec![lines];
    let mut guard = Guard {
        sampling: Sampling::OFF,
        export: None,
    };
    if let Some(endpoint) = &config.otlp_endpoint {
        let export = Export::open(config, Endpoint::parse(endpoint)?, registry)?;
        let tracer = export.tracer.tracer("greentic");
        let spans = tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_target(false)
            .with_level(false);
        layers.push(
            spans
                .with_filter(FilterFn::new(exported_span).with_max_level_hint(LevelFilter::INFO))
                .boxed(),
        );
        let events = OpenTelemetryTracingBridge::new(&export.logger);
        layers.push(
            events
                .with_filter(filter(config)?.and(FilterFn::new(exported_event)))
                .boxed(),
        );
        guard.sampling = Sampling::new(config.sample_ratio, config.honour_incoming);
        guard.export = Some(export);
    }
    Ok((tracing_subscriber::registry().with(layers).into(), guard))
}

fn filter(config: &TelemetryConfig) -> Result<EnvFilter, InitError> {
    EnvFilter::builder()
        .parse(&config.log_filter)
        .map_err(|error| InitError::Filter {
            filter: config.log_filter.clone(),
            reason: error.to_string(),
        })
}

fn exported_span(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target() == TARGET
}

/// What the export itself logs must not be exported: each export would cause the next.
fn exported_event(metadata: &Metadata<'_>) -> bool {
    const EXPORT: [&str; 8] = [
        "opentelemetry",
        "hyper",
        "h2",
        "tonic",
        "tower",
        "rustls",
        "tokio",
        "greentic_telemetry::otlp_metrics",
    ];
    !EXPORT
        .iter()
        .any(|prefix| metadata.target().starts_with(prefix))
}

impl Export {
    fn open(
        config: &TelemetryConfig,
        endpoint: Endpoint,
        registry: &Registry,
    ) -> Result<Self, InitError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("telemetry")
            .enable_all()
            .build()
            .map_err(InitError::Thread)?;
        let built = Self::providers(config, endpoint, registry, runtime.handle());
        match built {
            Ok((tracer, logger, metrics)) => Ok(Self {
                tracer,
                logger,
                metrics,
                runtime,
            }),
            Err(error) => {
                // Dropping a runtime inside another panics.
                runtime.shutdown_background();
                Err(error)
            }
        }
    }

    fn providers(
        config: &TelemetryConfig,
        endpoint: Endpoint,
        registry: &Registry,
        runtime: &tokio::runtime::Handle,
    ) -> Result<(SdkTracerProvider, SdkLoggerProvider, Pusher), InitError> {
        let transport = Transport::open(endpoint, &config.otlp_headers, runtime)?;
        let refused =
            |error: opentelemetry_otlp::ExporterBuildError| InitError::Transport(error.to_string());
        let resource = resource(config);
        let tracer = SdkTracerProvider::builder()
            .with_id_generator(HeadIds::default())
            .with_sampler(HeadSampler)
            .with_resource(resource.clone())
            .with_batch_exporter(transport.spans().map_err(refused)?)
            .build();
        let logger = SdkLoggerProvider::builder()
            .with_resource(resource.clone())
            .with_batch_exporter(transport.logs().map_err(refused)?)
            .build();
        let metrics = Pusher::start(
            runtime,
            transport,
            registry.clone(),
            &resource,
            config.metrics_interval,
        );
        Ok((tracer, logger, metrics))
    }
}

fn resource(config: &TelemetryConfig) -> Resource {
    let more = config
        .resource_attributes
        .iter()
        .map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    let instance = (!config.service_instance.is_empty())
        .then(|| KeyValue::new("service.instance.id", config.service_instance.clone()));
    Resource::builder()
        .with_service_name(config.service_name.clone())
        .with_attribute(KeyValue::new(
            "service.version",
            config.service_version.clone(),
        ))
        .with_attributes(instance)
        .with_attributes(more)
        .build()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::dispatcher::with_default;

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The log lines that `work` causes.
    fn lines(config: &TelemetryConfig, work: impl FnOnce()) -> String {
        let kept = Kept::default();
        let writer = kept.clone();
        let out = BoxMakeWriter::new(move || writer.clone());
        let (dispatch, _guard) = assemble(config, &Registry::new(), out, false).unwrap();
        with_default(&dispatch, work);
        String::from_utf8(kept.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn json_logs_are_one_object_a_line_with_the_fields_at_the_top() {
        let config = TelemetryConfig {
            log_format: LogFormat::Json,
            ..TelemetryConfig::default()
        };
        let text = lines(&config, || {
            tracing::warn!(plugin = "a\nb", "first");
            tracing::info!("second");
            tracing::debug!("filtered out");
        });
        let objects: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(objects.len(), 2);
        assert_eq!(
            (
                &objects[0]["level"],
                &objects[0]["message"],
                &objects[0]["plugin"]
            ),
            (&"WARN".into(), &"first".into(), &"a\nb".into())
        );
    }

    #[test]
    fn the_filter_chooses_by_target_and_no_escape_code_is_written_without_a_terminal() {
        let config = TelemetryConfig {
            log_filter: "warn,chosen=debug".to_owned(),
            ..TelemetryConfig::default()
        };
        let text = lines(&config, || {
            tracing::info!("not this");
            tracing::debug!(target: "chosen", "but this");
        });
        assert!(
            text.contains("but this") && !text.contains("not this"),
            "{text}"
        );
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }

    #[test]
    fn without_an_endpoint_nothing_is_sampled_and_no_thread_runs() {
        let config = TelemetryConfig {
            sample_ratio: 1.0,
            honour_incoming: true,
            ..TelemetryConfig::default()
        };
        let (_dispatch, guard) = prepare(&config, &Registry::new()).unwrap();
        assert_eq!(guard.sampling(), Sampling::OFF);
        assert!(guard.export.is_none());
        guard.shutdown(Duration::ZERO).unwrap();
    }

    #[test]
    fn what_is_wrong_in_the_configuration_is_named() {
        let good = TelemetryConfig {
            otlp_endpoint: Some("http://127.0.0.1:1".to_owned()),
            ..TelemetryConfig::default()
        };
        let wrong = [
            (
                TelemetryConfig {
                    log_filter: "info,x=loud".to_owned(),
                    ..good.clone()
                },
                "info,x=loud",
            ),
            (
                TelemetryConfig {
                    sample_ratio: 1.5,
                    ..good.clone()
                },
                "1.5",
            ),
            (
                TelemetryConfig {
                    sample_ratio: f64::NAN,
                    ..good.clone()
                },
                "NaN",
            ),
            (
                TelemetryConfig {
                    otlp_endpoint: Some("collector".to_owned()),
                    ..good.clone()
                },
                "`collector`",
            ),
            (
                TelemetryConfig {
                    otlp_headers: vec![("x-token".to_owned(), "hunter2\n".to_owned())],
                    ..good.clone()
                },
                "x-token",
            ),
        ];
        for (config, named) in wrong {
            let error = prepare(&config, &Registry::new()).unwrap_err().to_string();
            assert!(
                error.contains(named) && !error.contains("hunter2"),
                "{error}"
            );
        }
        assert!(prepare(&good, &Registry::new()).is_ok());
    }
}
