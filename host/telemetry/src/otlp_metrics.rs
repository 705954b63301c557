//! Pushes the registry to the collector at an interval.
//!
//! OpenTelemetry's own instruments are not used: they have no observable histogram, so every duration would have to be
//! recorded twice, and recording into them looks labels up in a map. Reading our atomics when it is time to push costs
//! a message nothing, and both outputs show the same numbers.

use std::{
    sync::mpsc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value},
    metrics::v1::{
        AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
        ResourceMetrics, ScopeMetrics, Sum, metric::Data, number_data_point,
    },
    resource::v1::Resource as ProtoResource,
};
use opentelemetry_sdk::Resource;
use tokio::{runtime::Handle, sync::oneshot, time::MissedTickBehavior};

use crate::{
    registry::{Kind, Registry, Sample, Series, Snapshot},
    transport::Transport,
};

/// The running pusher; [`Pusher::stop`] makes it push once more and end.
pub(crate) struct Pusher {
    stop: oneshot::Sender<()>,
    done: mpsc::Receiver<Result<(), String>>,
}

impl Pusher {
    pub(crate) fn start(
        runtime: &Handle,
        transport: Transport,
        registry: Registry,
        resource: &Resource,
        every: Duration,
    ) -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let (report, done) = mpsc::channel();
        let resource = proto_resource(resource);
        let started = now();
        runtime.spawn(async move {
            // A zero period would panic; a second is as often as anyone can use.
            let mut tick = tokio::time::interval(every.max(Duration::from_secs(1)));
            tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
            tick.tick().await;
            let mut failing = false;
            loop {
                let last = tokio::select! {
                    _ = tick.tick() => false,
                    _ = &mut stopped => true,
                };
                let pushed = transport
                    .metrics(request(&registry.read(), &resource, started))
                    .await;
                match &pushed {
                    // Said once until it works again: an unreachable collector would fill the log.
                    Err(error) if !failing => tracing::warn!(
                        error,
                        "metrics could not be exported; the next attempts stay silent"
                    ),
                    Ok(()) if failing => tracing::info!("metrics are exported again"),
                    _ => {}
                }
                failing = pushed.is_err();
                if last {
                    // The guard may have given up waiting.
                    let _ = report.send(pushed);
                    return;
                }
            }
        });
        Self { stop, done }
    }

    /// Asks for the last push; the receiver gets its result.
    pub(crate) fn stop(self) -> mpsc::Receiver<Result<(), String>> {
        let _ = self.stop.send(());
        self.done
    }
}

fn now() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

fn text(key: &str, value: &str) -> KeyValue {
    let value = AnyValue {
        value: Some(any_value::Value::StringValue(value.to_owned())),
    };
    KeyValue {
        key: key.to_owned(),
        value: Some(value),
        ..KeyValue::default()
    }
}

fn proto_resource(resource: &Resource) -> ProtoResource {
    let attributes = resource
        .iter()
        .map(|(key, value)| text(key.as_str(), &value.as_str()))
        .collect();
    ProtoResource {
        attributes,
        ..ProtoResource::default()
    }
}

fn request(
    metrics: &[Snapshot],
    resource: &ProtoResource,
    started: u64,
) -> ExportMetricsServiceRequest {
    let now = now();
    let metrics = metrics
        .iter()
        .filter(|metric| !metric.series.is_empty())
        .map(|metric| proto_metric(metric, started, now))
        .collect();
    let scope = InstrumentationScope {
        name: "greentic".to_owned(),
        ..InstrumentationScope::default()
    };
    let scope_metrics = vec![ScopeMetrics {
        scope: Some(scope),
        metrics,
        ..ScopeMetrics::default()
    }];
    let resource = Some(resource.clone());
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource,
            scope_metrics,
            ..ResourceMetrics::default()
        }],
    }
}

fn proto_metric(metric: &Snapshot, started: u64, now: u64) -> Metric {
    let cumulative = AggregationTemporality::Cumulative.into();
    let numbers = || {
        metric
            .series
            .iter()
            .filter_map(|series| number(series, started, now))
            .collect()
    };
    let data = match metric.kind {
        Kind::Counter => Data::Sum(Sum {
            data_points: numbers(),
            aggregation_temporality: cumulative,
            is_monotonic: true,
        }),
        Kind::Gauge => Data::Gauge(Gauge {
            data_points: numbers(),
        }),
        Kind::Histogram => Data::Histogram(Histogram {
            data_points: metric
                .series
                .iter()
                .filter_map(|series| distribution(series, started, now))
                .collect(),
            aggregation_temporality: cumulative,
        }),
    };
    // A collector that writes Prometheus adds `_total` itself, and would add it twice.
    let name = metric
        .name
        .strip_suffix("_total")
        .unwrap_or(metric.name)
        .to_owned();
    Metric {
        name,
        description: metric.help.to_owned(),
        unit: metric.unit.to_owned(),
        data: Some(data),
        ..Metric::default()
    }
}

fn labels(series: &Series) -> Vec<KeyValue> {
    series
        .labels
        .iter()
        .map(|(label, value)| text(label, value))
        .collect()
}

fn number(series: &Series, started: u64, now: u64) -> Option<NumberDataPoint> {
    let value = match series.sample {
        Sample::Counter(value) => i64::try_from(value).unwrap_or(i64::MAX),
        Sample::Gauge(value) => value,
        Sample::Histogram { .. } => return None,
    };
    Some(NumberDataPoint {
        attributes: labels(series),
        start_time_unix_nano: started,
        time_unix_nano: now,
        value: Some(number_data_point::Value::AsInt(value)),
        ..NumberDataPoint::default()
    })
}

fn distribution(series: &Series, started: u64, now: u64) -> Option<HistogramDataPoint> {
    let Sample::Histogram {
        bounds,
        counts,
        sum,
    } = &series.sample
    else {
        return None;
    };
    Some(HistogramDataPoint {
        attributes: labels(series),
        start_time_unix_nano: started,
        time_unix_nano: now,
        count: counts.iter().sum(),
        sum: Some(Duration::from_nanos(*sum).as_secs_f64()),
        bucket_counts: counts.clone(),
        explicit_bounds: bounds
            .iter()
            .map(|bound| Duration::from_nanos(*bound).as_secs_f64())
            .collect(),
        ..HistogramDataPoint::default()
    })
}
