//! The way to the collector: one runtime of its own, and one client that all three signals share.
//!
//! OpenTelemetry's batch threads have no async runtime and the host's runtimes are busy with messages; a worker thread
//! for telemetry alone keeps an unreachable collector from slowing a message, and lets a shutdown flush from any thread.

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{
    ExporterBuildError, LogExporter, Protocol, SpanExporter, WithExportConfig as _,
    WithHttpConfig as _, WithTonicConfig as _,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, metrics_service_client::MetricsServiceClient,
};
use prost::Message as _;
use tokio::runtime::Handle;
use tonic::{
    metadata::MetadataMap,
    transport::{Channel, ClientTlsConfig},
};

use crate::{endpoint::Endpoint, init::InitError};

/// Time one export may take.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a collector's answer that are read; a conforming one is a few.
const ANSWER_LIMIT: usize = 64 * 1024;

/// An open way to the collector.
#[derive(Clone)]
pub(crate) enum Transport {
    Http {
        base: String,
        client: Box<OtlpHttp>,
    },
    Grpc {
        channel: Channel,
        metadata: MetadataMap,
    },
}

impl Transport {
    /// Prepares the client. Does not connect: a collector that is down must not keep the host from starting.
    pub(crate) fn open(
        endpoint: Endpoint,
        headers: &[(String, String)],
        runtime: &Handle,
    ) -> Result<Self, InitError> {
        let headers = header_map(headers)?;
        match endpoint {
            Endpoint::Http(base) => Ok(Self::Http {
                base,
                client: Box::new(OtlpHttp::new(headers, runtime.clone())?),
            }),
            Endpoint::Grpc(url) => {
                let tls = url.starts_with("https://");
                let refused =
                    |error: tonic::transport::Error| InitError::Transport(error.to_string());
                let mut endpoint = Channel::from_shared(url)
                    .map_err(|error| InitError::Transport(error.to_string()))?;
                if tls {
                    endpoint = endpoint
                        .tls_config(ClientTlsConfig::new().with_webpki_roots())
                        .map_err(refused)?;
                }
                // The channel's worker is spawned on the runtime that is current here.
                let _entered = runtime.enter();
                let channel = endpoint
                    .timeout(EXPORT_TIMEOUT)
                    .connect_timeout(EXPORT_TIMEOUT)
                    .connect_lazy();
                Ok(Self::Grpc {
                    channel,
                    metadata: MetadataMap::from_headers(headers),
                })
            }
        }
    }

    pub(crate) fn spans(&self) -> Result<SpanExporter, ExporterBuildError> {
        match self {
            Self::Http { base, client } => SpanExporter::builder()
                .with_http()
                .with_protocol(Protocol::HttpBinary)
                .with_http_client(OtlpHttp::clone(client))
                .with_endpoint(format!("{base}/v1/traces"))
                .build(),
            Self::Grpc { channel, metadata } => SpanExporter::builder()
                .with_tonic()
                .with_protocol(Protocol::Grpc)
                .with_channel(channel.clone())
                .with_metadata(metadata.clone())
                .build(),
        }
    }

    pub(crate) fn logs(&self) -> Result<LogExporter, ExporterBuildError> {
        match self {
            Self::Http { base, client } => LogExporter::builder()
                .with_http()
                .with_protocol(Protocol::HttpBinary)
                .with_http_client(OtlpHttp::clone(client))
                .with_endpoint(format!("{base}/v1/logs"))
                .build(),
            Self::Grpc { channel, metadata } => LogExporter::builder()
                .with_tonic()
                .with_protocol(Protocol::Grpc)
                .with_channel(channel.clone())
                .with_metadata(metadata.clone())
                .build(),
        }
    }

    /// Pushes metrics; an error says what the collector or the network answered.
    pub(crate) async fn metrics(&self, body: ExportMetricsServiceRequest) -> Result<(), String> {
        match self {
            Self::Http { base, client } => {
                let request = Request::post(format!("{base}/v1/metrics"))
                    .header(http::header::CONTENT_TYPE, "application/x-protobuf")
                    .body(Bytes::from(body.encode_to_vec()))
                    .map_err(|error| error.to_string())?;
                let answer = client
                    .send_bytes(request)
                    .await
                    .map_err(|error| error.to_string())?;
                if answer.status().is_success() {
                    Ok(())
                } else {
                    Err(format!("the collector answered {}", answer.status()))
                }
            }
            Self::Grpc { channel, metadata } => {
                let mut request = tonic::Request::new(body);
                *request.metadata_mut() = metadata.clone();
                let answer = MetricsServiceClient::new(channel.clone())
                    .export(request)
                    .await;
                answer.map(drop).map_err(|status| status.to_string())
            }
        }
    }
}

fn header_map(headers: &[(String, String)]) -> Result<HeaderMap, InitError> {
    headers
        .iter()
        .map(|(name, value)| {
            let bad = || InitError::Header(name.clone());
            let mut value = HeaderValue::from_str(value).map_err(|_| bad())?;
            value.set_sensitive(true);
            Ok((
                HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?,
                value,
            ))
        })
        .collect()
}

/// OTLP over HTTP/1.1 or HTTP/2, with TLS checked against the public roots.
#[derive(Debug, Clone)]
pub(crate) struct OtlpHttp {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    headers: Arc<HeaderMap>,
    runtime: Handle,
}

impl OtlpHttp {
    fn new(headers: HeaderMap, runtime: Handle) -> Result<Self, InitError> {
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())
            .map_err(|error| InitError::Transport(error.to_string()))?
            .https_or_http()
            .enable_http1()
            .enable_http2()
            .build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self {
            client,
            headers: Arc::new(headers),
            runtime,
        })
    }
}

#[async_trait::async_trait]
impl HttpClient for OtlpHttp {
    /// Runs on the telemetry runtime whatever thread asks: the batch threads have none.
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (mut parts, body) = request.into_parts();
        parts.headers.extend(
            self.headers
                .iter()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
        let client = self.client.clone();
        let exchange = async move {
            let answer = client
                .request(Request::from_parts(parts, Full::new(body)))
                .await?;
            let (parts, body) = answer.into_parts();
            let body = Limited::new(body, ANSWER_LIMIT).collect().await?.to_bytes();
            Ok::<_, HttpError>(Response::from_parts(parts, body))
        };
        // The timer too must be made on the runtime.
        self.runtime
            .spawn(async move { tokio::time::timeout(EXPORT_TIMEOUT, exchange).await })
            .await??
    }
}
