//! Requests to registries: TLS, time limits, bodies under limits, and what of a failure is told.

use std::error::Error as StdError;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::error::Reason;
use crate::limits::Limits;

/// Bytes of a body that are sent at once, so that progress can be told.
const PIECE: usize = 64 * 1024;

/// Told of bytes that went over the wire.
pub(crate) type Meter = Arc<dyn Fn(u64) + Send + Sync>;

/// A client for one set of certificate authorities.
#[derive(Clone)]
pub(crate) struct Http {
    client: Client<HttpsConnector<HttpConnector>, Upload>,
    limits: Arc<Limits>,
}

impl Http {
    /// `authorities` are PEM certificates beside the public ones.
    pub(crate) fn new(limits: Arc<Limits>, authorities: Option<&[u8]>) -> Result<Self, String> {
        let mut roots = rustls::RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        for certificate in authorities
            .into_iter()
            .flat_map(CertificateDer::pem_slice_iter)
        {
            let certificate =
                certificate.map_err(|error| format!("it is not a PEM file: {error}"))?;
            roots.add(certificate).map_err(|error| error.to_string())?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(limits.connect));
        let https = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_secs(20))
            .build(https);
        Ok(Self { client, limits })
    }

    /// Sends a request and waits for the head of its answer.
    pub(crate) async fn send(
        &self,
        request: Request<Upload>,
    ) -> Result<Response<Incoming>, Reason> {
        // Sending a body takes its time; the answer's begins when it is out.
        let sent = request.body().sent();
        let asked = self.client.request(request);
        tokio::pin!(asked);
        let mut seen = 0;
        loop {
            match tokio::time::timeout(self.limits.answer, &mut asked).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => return Err(Reason::Unreachable(causes(&error))),
                Err(_) => {
                    let now = sent.load(std::sync::atomic::Ordering::Relaxed);
                    if now == seen {
                        return Err(timed_out("an answer", self.limits.answer, "answer"));
                    }
                    seen = now;
                }
            }
        }
    }

    /// Reads a body piece by piece, at most `limit` bytes.
    pub(crate) async fn pieces(
        &self,
        mut body: Incoming,
        limit: u64,
        key: &'static str,
        mut take: impl FnMut(&Bytes),
    ) -> Result<u64, Reason> {
        let mut count = 0_u64;
        let read = async {
            loop {
                let frame = tokio::time::timeout(self.limits.answer, body.frame()).await;
                let frame =
                    frame.map_err(|_| timed_out("a pause in it", self.limits.answer, "answer"))?;
                let Some(frame) = frame else {
                    return Ok(count);
                };
                let frame = frame.map_err(|error| Reason::Unreachable(causes(&error)))?;
                let Ok(data) = frame.into_data() else {
                    continue;
                };
                count = count.saturating_add(u64::try_from(data.len()).unwrap_or(u64::MAX));
                if count > limit {
                    return Err(Reason::TooLarge { limit, key });
                }
                take(&data);
            }
        };
        let read = tokio::time::timeout(self.limits.transfer, read).await;
        read.map_err(|_| timed_out("one transfer", self.limits.transfer, "transfer"))?
    }

    /// Reads a whole body of at most `limit` bytes.
    pub(crate) async fn whole(
        &self,
        body: Incoming,
        limit: u64,
        key: &'static str,
    ) -> Result<Vec<u8>, Reason> {
        let mut bytes = Vec::new();
        self.pieces(body, limit, key, |piece| bytes.extend_from_slice(piece))
            .await?;
        Ok(bytes)
    }
}

fn timed_out(what: &'static str, limit: Duration, key: &'static str) -> Reason {
    Reason::TimedOut {
        what,
        seconds: limit.as_secs(),
        key,
    }
}

/// An error with what caused it: hyper's own words are the least of it.
fn causes(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        next = cause.source();
    }
    text
}

/// A body that is sent, in pieces.
pub(crate) struct Upload {
    bytes: Bytes,
    meter: Option<Meter>,
    sent: Arc<std::sync::atomic::AtomicU64>,
}

impl Upload {
    /// No body.
    pub(crate) fn none() -> Self {
        Self::of(Bytes::new(), None)
    }

    pub(crate) fn of(bytes: Bytes, meter: Option<Meter>) -> Self {
        Self {
            bytes,
            meter,
            sent: Arc::default(),
        }
    }

    fn sent(&self) -> Arc<std::sync::atomic::AtomicU64> {
        Arc::clone(&self.sent)
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.bytes.is_empty() {
            return Poll::Ready(None);
        }
        let size = PIECE.min(self.bytes.len());
        let piece = self.bytes.split_to(size);
        let size = u64::try_from(size).unwrap_or(u64::MAX);
        self.sent
            .fetch_add(size, std::sync::atomic::Ordering::Relaxed);
        if let Some(meter) = &self.meter {
            meter(size);
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(u64::try_from(self.bytes.len()).unwrap_or(u64::MAX))
    }
}
