//! An OTLP collector that keeps what it is sent: HTTP/protobuf and gRPC on one port, on threads of its own. For tests: what
//! goes wrong here ends them.
// The lints know a test by its attribute; here what tests are made of is meant too.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc
)]

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use http_body_util::{BodyExt as _, Full};
use hyper::{
    HeaderMap, Request, Response,
    body::{Bytes, Incoming},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
        trace::v1::ExportTraceServiceRequest,
    },
    common::v1::{KeyValue, any_value::Value},
    logs::v1::LogRecord,
    metrics::v1::Metric,
    trace::v1::Span,
};
use prost::Message;

/// What arrived.
#[derive(Debug, Default, Clone)]
pub struct Received {
    /// Spans, in the order of their arrival.
    pub spans: Vec<Span>,
    /// Log records.
    pub logs: Vec<LogRecord>,
    /// Metrics, each time they were sent.
    pub metrics: Vec<Metric>,
    /// Resource attributes of each request, of all signals.
    pub resources: Vec<Vec<KeyValue>>,
    /// Path and `authorization` header of each request.
    pub requests: Vec<(String, Option<String>)>,
}

/// A collector that runs until it goes out of scope.
pub struct Collector {
    /// Where it listens.
    pub address: SocketAddr,
    received: Arc<Mutex<Received>>,
    _runtime: tokio::runtime::Runtime,
}

impl Collector {
    /// Starts on a free port.
    #[must_use]
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::new(Mutex::new(Received::default()));
        let kept = received.clone();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let kept = kept.clone();
                tokio::spawn(async move {
                    let service = service_fn(move |request| answer(request, kept.clone()));
                    let _ = auto::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self {
            address,
            received,
            _runtime: runtime,
        }
    }

    /// What arrived so far.
    #[must_use]
    pub fn received(&self) -> Received {
        self.received.lock().unwrap().clone()
    }
}

type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, std::convert::Infallible>;

async fn answer(
    request: Request<Incoming>,
    kept: Arc<Mutex<Received>>,
) -> Result<Response<Body>, hyper::Error> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let path = parts.uri.path().to_owned();
    let grpc = parts
        .headers
        .get("content-type")
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
    // A gRPC message has a compression flag and four bytes of length in front.
    let message = if grpc { body.slice(5..) } else { body };
    let mut kept = kept.lock().unwrap();
    let authorization = parts
        .headers
        .get("authorization")
        .map(|value| value.to_str().unwrap().to_owned());
    kept.requests.push((path.clone(), authorization));
    match path.as_str() {
        "/v1/traces" | "/opentelemetry.proto.collector.trace.v1.TraceService/Export" => {
            for resource in ExportTraceServiceRequest::decode(message)
                .unwrap()
                .resource_spans
            {
                kept.resources.push(resource.resource.unwrap().attributes);
                kept.spans.extend(
                    resource
                        .scope_spans
                        .into_iter()
                        .flat_map(|scope| scope.spans),
                );
            }
        }
        "/v1/logs" | "/opentelemetry.proto.collector.logs.v1.LogsService/Export" => {
            for resource in ExportLogsServiceRequest::decode(message)
                .unwrap()
                .resource_logs
            {
                kept.resources.push(resource.resource.unwrap().attributes);
                kept.logs.extend(
                    resource
                        .scope_logs
                        .into_iter()
                        .flat_map(|scope| scope.log_records),
                );
            }
        }
        "/v1/metrics" | "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export" => {
            for resource in ExportMetricsServiceRequest::decode(message)
                .unwrap()
                .resource_metrics
            {
                kept.resources.push(resource.resource.unwrap().attributes);
                kept.metrics.extend(
                    resource
                        .scope_metrics
                        .into_iter()
                        .flat_map(|scope| scope.metrics),
                );
            }
        }
        _ => {
            return Ok(Response::builder()
                .status(404)
                .body(Full::default().boxed_unsync())
                .unwrap());
        }
    }
    if !grpc {
        return Ok(Response::builder()
            .header("content-type", "application/x-protobuf")
            .body(Full::default().boxed_unsync())
            .unwrap());
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    let empty =
        Full::new(Bytes::from_static(&[0; 5])).with_trailers(async move { Some(Ok(trailers)) });
    Ok(Response::builder()
        .header("content-type", "application/grpc")
        .body(empty.boxed_unsync())
        .unwrap())
}

/// The text or decimal form of an attribute.
#[must_use]
pub fn attribute(attributes: &[KeyValue], key: &str) -> Option<String> {
    match attributes
        .iter()
        .find(|pair| pair.key == key)?
        .value
        .as_ref()?
        .value
        .as_ref()?
    {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(number) => Some(number.to_string()),
        other => panic!("{key} is {other:?}"),
    }
}
