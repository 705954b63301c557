//! The one HTTP client of the process: connections that are kept, and limits on every response.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::{Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use parking_lot::Mutex;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout_at};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use super::body::{BodyLimits, LimitedBody};
use super::connector::Connector;
use super::failure::Failure;
use crate::grants::Reach;
use crate::net::{Resolve, SystemResolver};

/// Limits and certificates of the client.
#[derive(Debug, Clone)]
pub struct HttpClientConfig {
    /// For look-up, connecting and TLS together. A guest may ask for less. Default 10 s.
    pub connect_timeout: Duration,
    /// From a connection to the head of the response. A guest may ask for less. Default 60 s, longer than the longest poll
    /// platforms offer (50 s).
    pub first_byte_timeout: Duration,
    /// Between two pieces of a response's body. A guest may ask for less. Default 30 s.
    pub between_bytes_timeout: Duration,
    /// For a request and its response in all, reading the request's body included. Default 120 s.
    pub total_timeout: Duration,
    /// How long an unused connection is kept. Default 50 s, below the 60 s after which many servers close.
    pub idle_timeout: Duration,
    /// How many unused connections are kept for each scheme, host and port. Default 32.
    pub max_idle_per_host: usize,
    /// How many requests of one plugin may be in flight, bodies of responses included. More are refused at once. Default 256.
    pub max_in_flight: usize,
    /// The largest response body, in bytes. Default 32 MiB.
    pub max_response_bytes: u64,
    /// Names and values of a response's headers together, in bytes, at least 8192. Default 64 KiB.
    pub max_header_bytes: usize,
    /// How many headers a response may have. Default 100.
    pub max_headers: usize,
    /// The largest request body in which placeholders are replaced, in bytes. Default 1 MiB.
    pub max_replaced_body: usize,
    /// Certificates trusted beside the public ones (Mozilla's list): private servers, simulated platforms.
    pub extra_roots: Vec<CertificateDer<'static>>,
}

impl Default for HttpClientConfig {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            first_byte_timeout: Duration::from_secs(60),
            between_bytes_timeout: Duration::from_secs(30),
            total_timeout: Duration::from_secs(120),
            idle_timeout: Duration::from_secs(50),
            max_idle_per_host: 32,
            max_in_flight: 256,
            max_response_bytes: 32 << 20,
            max_header_bytes: 64 << 10,
            max_headers: 100,
            max_replaced_body: 1 << 20,
            extra_roots: Vec::new(),
        }
    }
}

impl HttpClientConfig {
    /// Trusts the certificates in `pem` too.
    ///
    /// # Errors
    /// When `pem` holds none, or something that is none.
    pub fn trust_pem(&mut self, pem: &[u8]) -> Result<(), HttpClientError> {
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let found = found.map_err(|error| HttpClientError::Certificate(error.to_string()))?;
        if found.is_empty() {
            return Err(HttpClientError::Certificate(
                "it holds no `CERTIFICATE` section".into(),
            ));
        }
        self.extra_roots.extend(found);
        Ok(())
    }
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum HttpClientError {
    /// An extra root is no certificate.
    #[error("an extra root certificate cannot be used: {0}; give PEM with `CERTIFICATE` sections")]
    Certificate(String),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

type Pool = Client<Connector, WasiBody>;

/// How many pools there may be. One more drops the one that was unused longest: grants of bundles that are gone.
const MAX_POOLS: usize = 256;

/// The client. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct HttpClient {
    inner: Arc<Inner>,
}

struct Inner {
    config: HttpClientConfig,
    tls: rustls::ClientConfig,
    resolver: Arc<dyn Resolve>,
    pools: Mutex<HashMap<Reach, (Pool, Instant)>>,
    lanes: Mutex<HashMap<Arc<str>, Weak<Semaphore>>>,
    opened: Arc<AtomicU64>,
}

impl HttpClient {
    /// A client that finds addresses as the system does.
    ///
    /// # Errors
    /// When an extra root is no certificate.
    pub fn new(config: HttpClientConfig) -> Result<Self, HttpClientError> {
        Self::with_resolver(config, Arc::new(SystemResolver))
    }

    /// A client that finds addresses with `resolver`.
    ///
    /// # Errors
    /// When an extra root is no certificate.
    pub fn with_resolver(
        config: HttpClientConfig,
        resolver: Arc<dyn Resolve>,
    ) -> Result<Self, HttpClientError> {
        let mut roots = rustls::RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        for root in &config.extra_roots {
            roots
                .add(root.clone())
                .map_err(|error| HttpClientError::Certificate(error.to_string()))?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| HttpClientError::Tls(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let inner = Inner {
            config,
            tls,
            resolver,
            pools: Mutex::default(),
            lanes: Mutex::default(),
            opened: Arc::default(),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The limits.
    #[must_use]
    pub fn config(&self) -> &HttpClientConfig {
        &self.inner.config
    }

    /// What finds the addresses of names; [`crate::net::SocketPolicy`] takes the same.
    #[must_use]
    pub fn resolver(&self) -> Arc<dyn Resolve> {
        Arc::clone(&self.inner.resolver)
    }

    /// How many connections were opened since the start: against the number of requests, how well they are used again.
    #[must_use]
    pub fn connections_opened(&self) -> u64 {
        self.inner.opened.load(Ordering::Relaxed)
    }

    /// The places for requests in flight that all cells of `plugin` share.
    pub(super) fn lane(&self, plugin: &Arc<str>) -> Arc<Semaphore> {
        let mut lanes = self.inner.lanes.lock();
        if let Some(lane) = lanes.get(plugin).and_then(Weak::upgrade) {
            return lane;
        }
        lanes.retain(|_, lane| lane.strong_count() > 0);
        let lane = Arc::new(Semaphore::new(self.inner.config.max_in_flight));
        lanes.insert(Arc::clone(plugin), Arc::downgrade(&lane));
        lane
    }

    fn pool(&self, reach: &Reach) -> Pool {
        let now = Instant::now();
        let mut pools = self.inner.pools.lock();
        if let Some((pool, used)) = pools.get_mut(reach) {
            *used = now;
            return pool.clone();
        }
        if pools.len() >= MAX_POOLS {
            let oldest = pools
                .iter()
                .min_by_key(|(_, (_, used))| *used)
                .map(|(reach, _)| reach.clone());
            if let Some(oldest) = oldest {
                pools.remove(&oldest);
            }
        }
        let pool = self.new_pool(reach.clone());
        pools.insert(reach.clone(), (pool.clone(), now));
        pool
    }

    fn new_pool(&self, reach: Reach) -> Pool {
        let Inner {
            config,
            tls,
            resolver,
            opened,
            ..
        } = &*self.inner;
        let connector = Connector::new(
            reach,
            Arc::clone(resolver),
            tls.clone(),
            config.connect_timeout,
            Arc::clone(opened),
        );
        Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(config.idle_timeout)
            .pool_max_idle_per_host(config.max_idle_per_host)
            .http1_max_buf_size(config.max_header_bytes.max(8192))
            .http1_max_headers(config.max_headers)
            .http2_max_header_list_size(u32::try_from(config.max_header_bytes).unwrap_or(u32::MAX))
            .build(connector)
    }

    /// Sends a request that was judged by name; its addresses are judged by `reach`. `permit` is its place in the plugin's
    /// [`HttpClient::lane`], kept until the response's body is gone. It fails at `deadline` at the latest,
    /// or earlier as `options` ask.
    pub(super) async fn send(
        &self,
        permit: OwnedSemaphorePermit,
        reach: &Reach,
        mut request: Request<WasiBody>,
        options: RequestOptions,
        deadline: Instant,
    ) -> Result<Response<WasiBody>, Failure> {
        let config = &self.inner.config;
        let connect = shorter(options.connect_timeout, config.connect_timeout);
        let first_byte = shorter(options.first_byte_timeout, config.first_byte_timeout);
        let mut connection = capture_connection(&mut request);
        let mut response = std::pin::pin!(self.pool(reach).request(request));
        let response = tokio::select! {
            biased;
            response = &mut response => response,
            () = async { drop(connection.wait_for_connection_metadata().await) } => {
                let until = deadline.min(Instant::now() + first_byte);
                timeout_at(until, response).await.map_err(|_| Error::HttpResponseTimeout)?
            }
            () = sleep(connect) => return Err(Error::ConnectionTimeout.into()),
        };
        let response = response.map_err(|error| Failure::of(&error))?;
        let header_bytes: usize = response
            .headers()
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum();
        if header_bytes > config.max_header_bytes || response.headers().len() > config.max_headers {
            return Err(
                Error::HttpResponseHeaderSectionSize(u32::try_from(header_bytes).ok()).into(),
            );
        }
        let (head, incoming) = response.into_parts();
        if http_body::Body::size_hint(&incoming).lower() > config.max_response_bytes {
            return Err(Error::HttpResponseBodySize(Some(config.max_response_bytes)).into());
        }
        let limits = BodyLimits {
            bytes: config.max_response_bytes,
            trailer_bytes: config.max_header_bytes,
            between: shorter(options.between_bytes_timeout, config.between_bytes_timeout),
            deadline,
        };
        Ok(Response::from_parts(
            head,
            LimitedBody::new(incoming, limits, permit).boxed_unsync(),
        ))
    }
}

/// What a guest asks for, bounded by what the host allows.
fn shorter(asked: Option<Duration>, allowed: Duration) -> Duration {
    asked.map_or(allowed, |asked| asked.min(allowed))
}
