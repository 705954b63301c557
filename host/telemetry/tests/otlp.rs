//! What really arrives at a collector: one trace over threads and bus, logs that belong to it, metrics.
// The lints know a test by its attribute; here the helpers of tests are meant too.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
use std::{
    collections::HashMap,
    net::TcpListener,
    time::{Duration, Instant},
};

use greentic_collector::{Collector, Received, attribute};
use greentic_telemetry::{
    HostMetrics, Sampling, TelemetryConfig, TraceContext, prepare,
    spans::{self, Address},
};
use opentelemetry_proto::tonic::{
    metrics::v1::{metric::Data, number_data_point::Value},
    trace::v1::Span,
};
use tracing::{Dispatch, Instrument as _, dispatcher::with_default};

const ADDRESS: Address<'static> = Address {
    tenant: "acme",
    env: "prod",
    team: "support",
    channel: "chat",
};
const DEADLINE: Duration = Duration::from_secs(10);

fn config(endpoint: String) -> TelemetryConfig {
    TelemetryConfig {
        otlp_endpoint: Some(endpoint),
        otlp_headers: vec![(
            "authorization".to_owned(),
            "Bearer collector-token".to_owned(),
        )],
        sample_ratio: 1.0,
        service_instance: "host-1".to_owned(),
        resource_attributes: vec![("deployment.environment.name".to_owned(), "prod".to_owned())],
        ..TelemetryConfig::default()
    }
}

/// A message's life in three threads that share nothing but the text of the trace context, as over a bus.
fn live(dispatch: &Dispatch, head: TraceContext) {
    let publish = |context: &TraceContext, direction| {
        let span = spans::publish_span(context, direction);
        span.in_scope(|| TraceContext::current().unwrap_or(*context).to_string())
    };
    let ingress = || {
        let span = spans::ingress_span(&head, &ADDRESS);
        let context = head.within(&span);
        spans::plugin_call_span(&context, "channel-webchat", "channel-provider", "ingress")
            .in_scope(|| {});
        spans::http_status(&span, 200);
        publish(&context, "ingress")
    };
    let run = |message: String| {
        let context: TraceContext = message.parse().unwrap();
        let span = spans::turn_span(&context, &ADDRESS, "session-7", "help", 1);
        let context = context.within(&span);
        let call = spans::plugin_call_span(&context, "flow-engine", "flow", "turn");
        // Across an await, entered and left more than once.
        let turn = async {
            tracing::info!("inside the turn");
            tokio::task::yield_now().await;
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(turn.instrument(call));
        spans::outcome(&span, "committed");
        publish(&context, "egress")
    };
    let deliver = |message: String| {
        let context: TraceContext = message.parse().unwrap();
        let span = spans::deliver_span(&context, &ADDRESS, 1);
        spans::fail(&span, "rate-limited");
    };
    let on_a_thread = |work: Box<dyn FnOnce() -> String + Send + '_>| {
        std::thread::scope(|scope| scope.spawn(|| with_default(dispatch, work)).join().unwrap())
    };
    let message = on_a_thread(Box::new(ingress));
    let reply = on_a_thread(Box::new(move || run(message)));
    on_a_thread(Box::new(move || {
        deliver(reply);
        String::new()
    }));
}

/// Each span as `name < parent's name`, with the plugin for plugin calls.
fn tree(received: &Received) -> Vec<String> {
    let name = |span: &Span| match attribute(&span.attributes, "greentic.plugin.name") {
        Some(plugin) => format!("{}({plugin})", span.name),
        None => span.name.clone(),
    };
    let names: HashMap<&[u8], String> = received
        .spans
        .iter()
        .map(|span| (span.span_id.as_slice(), name(span)))
        .collect();
    let parent = |span: &Span| {
        names
            .get(span.parent_span_id.as_slice())
            .cloned()
            .unwrap_or_else(|| "nothing".to_owned())
    };
    let mut tree: Vec<String> = received
        .spans
        .iter()
        .map(|span| format!("{} < {}", name(span), parent(span)))
        .collect();
    tree.sort();
    tree
}

const TREE: [&str; 7] = [
    "deliver < publish",
    "ingress < nothing",
    "plugin.call(channel-webchat) < ingress",
    "plugin.call(flow-engine) < turn",
    "publish < ingress",
    "publish < turn",
    "turn < publish",
];

fn one_trace_arrives(endpoint: impl Fn(&Collector) -> String) -> Received {
    let collector = Collector::start();
    let metrics = HostMetrics::default();
    metrics.turns.with(["committed"]).add(3);
    metrics
        .turn_seconds
        .with(["help"])
        .observe(Duration::from_millis(2));
    let (dispatch, guard) = prepare(&config(endpoint(&collector)), metrics.registry()).unwrap();
    let head = TraceContext::start(guard.sampling(), None);
    live(&dispatch, head);
    guard.shutdown(DEADLINE).unwrap();

    let received = collector.received();
    assert_eq!(tree(&received), TREE);
    for span in &received.spans {
        assert_eq!(
            span.trace_id,
            head.trace_id().to_be_bytes(),
            "{} left the trace",
            span.name
        );
    }
    let find = |name: &str| {
        received
            .spans
            .iter()
            .find(|span| span.name == name)
            .unwrap()
    };
    assert_eq!(find("ingress").span_id, head.span_id().to_be_bytes());
    assert!(find("ingress").parent_span_id.is_empty());
    received
}

#[test]
fn one_trace_reaches_from_webhook_over_the_bus_to_delivery_by_http() {
    let received = one_trace_arrives(|collector| format!("http://{}", collector.address));
    let find = |name: &str| {
        received
            .spans
            .iter()
            .find(|span| span.name == name)
            .unwrap()
    };
    let turn = find("turn");
    for (key, value) in [
        ("greentic.tenant.id", "acme"),
        ("greentic.env.id", "prod"),
        ("greentic.team.id", "support"),
        ("greentic.channel", "chat"),
        ("greentic.session.id", "session-7"),
        ("greentic.flow.id", "help"),
        ("greentic.attempt", "1"),
        ("greentic.outcome", "committed"),
    ] {
        assert_eq!(
            attribute(&turn.attributes, key).as_deref(),
            Some(value),
            "{key}"
        );
    }
    assert_eq!(
        attribute(&find("ingress").attributes, "http.response.status_code").as_deref(),
        Some("200")
    );
    assert_eq!(find("ingress").kind, 2, "server");
    assert_eq!(find("deliver").status.as_ref().unwrap().code, 2, "error");
    assert_eq!(
        attribute(&find("deliver").attributes, "error.type").as_deref(),
        Some("rate-limited")
    );

    let log = received
        .logs
        .iter()
        .find(|log| format!("{:?}", log.body).contains("inside the turn"))
        .unwrap();
    assert_eq!(log.trace_id, turn.trace_id);
    let call = received.spans.iter().find(|span| {
        attribute(&span.attributes, "greentic.plugin.name").as_deref() == Some("flow-engine")
    });
    assert_eq!(log.span_id, call.unwrap().span_id);

    let metric = |name: &str| {
        received
            .metrics
            .iter()
            .find(|metric| metric.name == name)
            .unwrap()
            .data
            .clone()
            .unwrap()
    };
    let Data::Sum(turns) = metric("greentic_turns") else {
        panic!("not a sum")
    };
    assert!(turns.is_monotonic);
    assert_eq!(turns.data_points[0].value, Some(Value::AsInt(3)));
    assert_eq!(
        attribute(&turns.data_points[0].attributes, "outcome").as_deref(),
        Some("committed")
    );
    let Data::Histogram(seconds) = metric("greentic_turn_seconds") else {
        panic!("not a histogram")
    };
    let point = &seconds.data_points[0];
    assert_eq!((point.count, point.sum), (1, Some(0.002)));
    assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
    assert_eq!(
        point.explicit_bounds[point
            .bucket_counts
            .iter()
            .position(|count| *count == 1)
            .unwrap()],
        0.0025
    );

    let paths: Vec<&str> = received
        .requests
        .iter()
        .map(|(path, _)| path.as_str())
        .collect();
    for path in ["/v1/traces", "/v1/logs", "/v1/metrics"] {
        assert!(paths.contains(&path), "{path} missing in {paths:?}");
    }
    assert_every_request_is_ours(&received);
}

#[test]
fn one_trace_reaches_from_webhook_over_the_bus_to_delivery_by_grpc() {
    let received = one_trace_arrives(|collector| format!("grpc://{}", collector.address));
    assert!(!received.logs.is_empty() && !received.metrics.is_empty());
    assert!(
        received
            .requests
            .iter()
            .all(|(path, _)| path.starts_with("/opentelemetry.proto.collector."))
    );
    assert_every_request_is_ours(&received);
}

fn assert_every_request_is_ours(received: &Received) {
    assert!(received.resources.len() >= 3);
    for resource in &received.resources {
        assert_eq!(
            attribute(resource, "service.name").as_deref(),
            Some("greentic-host")
        );
        assert_eq!(
            attribute(resource, "service.instance.id").as_deref(),
            Some("host-1")
        );
        assert_eq!(
            attribute(resource, "deployment.environment.name").as_deref(),
            Some("prod")
        );
    }
    assert!(
        received
            .requests
            .iter()
            .all(|(_, token)| token.as_deref() == Some("Bearer collector-token"))
    );
}

#[test]
fn an_incoming_trace_is_continued_under_its_span() {
    let collector = Collector::start();
    let metrics = HostMetrics::default();
    let (dispatch, guard) = prepare(
        &config(format!("http://{}", collector.address)),
        metrics.registry(),
    )
    .unwrap();
    let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    live(
        &dispatch,
        TraceContext::start(guard.sampling(), Some(header)),
    );
    guard.shutdown(DEADLINE).unwrap();
    let received = collector.received();
    assert_eq!(received.spans.len(), TREE.len());
    let trace = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736_u128.to_be_bytes();
    assert!(received.spans.iter().all(|span| span.trace_id == trace));
    let ingress = received
        .spans
        .iter()
        .find(|span| span.name == "ingress")
        .unwrap();
    assert_eq!(
        ingress.parent_span_id,
        0x00f0_67aa_0ba9_02b7_u64.to_be_bytes()
    );
}

#[test]
fn neither_an_unsampled_message_nor_a_span_of_nobody_is_exported() {
    let collector = Collector::start();
    let metrics = HostMetrics::default();
    let (dispatch, guard) = prepare(
        &config(format!("http://{}", collector.address)),
        metrics.registry(),
    )
    .unwrap();
    live(&dispatch, TraceContext::start(Sampling::OFF, None));
    with_default(&dispatch, || {
        tracing::info_span!("some library's span")
            .in_scope(|| assert_eq!(TraceContext::current(), None));
        tracing::info_span!(target: "greentic::trace", "a span without a message").in_scope(|| {});
    });
    guard.shutdown(DEADLINE).unwrap();
    let received = collector.received();
    assert!(received.spans.is_empty(), "{:?}", tree(&received));
    // The log line of the turn did arrive, so the export as such works.
    assert!(received.logs.iter().any(|log| log.trace_id.is_empty()));
}

#[test]
fn a_shutdown_keeps_its_deadline_when_the_collector_never_answers() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    for scheme in ["http", "grpc"] {
        let metrics = HostMetrics::default();
        let endpoint = format!("{scheme}://{}", silent.local_addr().unwrap());
        let (dispatch, guard) = prepare(&config(endpoint), metrics.registry()).unwrap();
        live(&dispatch, TraceContext::start(guard.sampling(), None));
        let before = Instant::now();
        let error = guard.shutdown(Duration::from_millis(300)).unwrap_err();
        assert!(
            before.elapsed() < Duration::from_millis(1_500),
            "{scheme}: {:?}",
            before.elapsed()
        );
        assert!(
            error.to_string().contains("metrics: deadline passed"),
            "{error}"
        );
    }
}

#[test]
fn a_guard_may_be_shut_down_and_dropped_on_a_current_thread_runtime() {
    let collector = Collector::start();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let metrics = HostMetrics::default();
        let endpoint = format!("http://{}", collector.address);
        let (dispatch, guard) = prepare(&config(endpoint.clone()), metrics.registry()).unwrap();
        live(&dispatch, TraceContext::start(guard.sampling(), None));
        guard.shutdown(DEADLINE).unwrap();
        drop(prepare(&config(endpoint), metrics.registry()).unwrap());
    });
    assert_eq!(collector.received().spans.len(), TREE.len());
}
