//! Servers for these tests: plain or TLS, on a free loopback port, in a thread of their own, remembering what they got.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Request, Response, Version};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use parking_lot::Mutex;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

type Reply = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// A request as it came over the wire.
#[derive(Debug, Clone)]
pub struct Received {
    pub path: String,
    pub version: Version,
    pub headers: HeaderMap,
    pub body: String,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

pub struct Server {
    pub address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    connections: Arc<AtomicUsize>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
}

/// A certificate authority of its own, and what a server needs to be `sim.example`.
pub struct Authority {
    pub pem: String,
    server: Arc<rustls::ServerConfig>,
}

impl Authority {
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        let server_key = KeyPair::generate().unwrap();
        let names = vec!["sim.example".to_owned()];
        let certificate = CertificateParams::new(names)
            .unwrap()
            .signed_by(&server_key, &issuer)
            .unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(server_key.serialize_der()));
        let mut server = rustls::ServerConfig::builder_with_provider(Arc::new(
            rustls::crypto::ring::default_provider(),
        ))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
        server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Self {
            pem,
            server: Arc::new(server),
        }
    }
}

impl Server {
    pub fn plain() -> Self {
        Self::start(None)
    }

    pub fn tls(authority: &Authority) -> Self {
        Self::start(Some(Arc::clone(&authority.server)))
    }

    fn start(tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (received, connections): (Arc<Mutex<Vec<_>>>, Arc<AtomicUsize>) = Default::default();
        let (stop, mut stopped) = tokio::sync::oneshot::channel();
        let server = Self {
            address,
            received: Arc::clone(&received),
            connections: Arc::clone(&connections),
            stop: Some(stop),
        };
        // A thread and runtime of its own: what the server logs must not be taken for what the client logs.
        std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap()
                .block_on(async move {
                    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                    let tls = tls.map(tokio_rustls::TlsAcceptor::from);
                    loop {
                        let stream = tokio::select! {
                            accepted = listener.accept() => accepted.unwrap().0,
                            _ = &mut stopped => return,
                        };
                        connections.fetch_add(1, Ordering::SeqCst);
                        let (received, tls) = (Arc::clone(&received), tls.clone());
                        tokio::spawn(async move {
                            let service = hyper::service::service_fn(move |request| {
                                answer(request, Arc::clone(&received))
                            });
                            let builder = auto::Builder::new(TokioExecutor::new());
                            match tls {
                                None => drop(
                                    builder
                                        .serve_connection(TokioIo::new(stream), service)
                                        .await,
                                ),
                                Some(tls) => {
                                    if let Ok(stream) = tls.accept(stream).await {
                                        drop(
                                            builder
                                                .serve_connection(TokioIo::new(stream), service)
                                                .await,
                                        );
                                    }
                                }
                            }
                        });
                    }
                });
        });
        server
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().clone()
    }

    pub fn last(&self) -> Received {
        self.received().pop().unwrap()
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
    }
}

async fn answer(
    request: Request<Incoming>,
    received: Arc<Mutex<Vec<Received>>>,
) -> Result<Reply, Infallible> {
    let (head, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned())
        .unwrap_or_default();
    let path = head
        .uri
        .path_and_query()
        .map(ToString::to_string)
        .unwrap_or_default();
    received.lock().push(Received {
        path,
        version: head.version,
        headers: head.headers,
        body,
    });
    Ok(match head.uri.path() {
        "/redirect" => {
            let target = head.uri.query().unwrap_or_default();
            Response::builder()
                .status(302)
                .header("location", target)
                .body(full(""))
                .unwrap()
        }
        // One piece more than is announced to nobody: chunked on HTTP/1.1.
        "/huge" => Response::new(pieces(64, Duration::ZERO, &"x".repeat(1024))),
        "/announced" => Response::new(full(&"x".repeat(64 * 1024))),
        "/headers" => {
            let mut reply = Response::new(full(""));
            for number in 0..90 {
                reply.headers_mut().insert(
                    http::HeaderName::try_from(format!("x-{number}")).unwrap(),
                    "x".repeat(200).parse().unwrap(),
                );
            }
            reply
        }
        "/late" => {
            tokio::time::sleep(Duration::from_secs(5)).await;
            Response::new(full("late"))
        }
        "/stalls" => Response::new(pieces(2, Duration::from_secs(5), "x")),
        "/drips" => Response::new(pieces(1000, Duration::from_millis(20), "x")),
        _ => Response::builder()
            .header("set-cookie", "a=b")
            .body(full("ok"))
            .unwrap(),
    })
}

fn full(text: &str) -> UnsyncBoxBody<Bytes, Infallible> {
    Full::new(Bytes::copy_from_slice(text.as_bytes())).boxed_unsync()
}

fn pieces(count: usize, pause: Duration, text: &str) -> UnsyncBoxBody<Bytes, Infallible> {
    let text = Bytes::copy_from_slice(text.as_bytes());
    let frames = stream::unfold(0, move |sent| {
        let text = text.clone();
        async move {
            if sent == count {
                return None;
            }
            if sent > 0 && !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            Some((Ok(Frame::data(text)), sent + 1))
        }
    });
    StreamBody::new(frames).boxed_unsync()
}
