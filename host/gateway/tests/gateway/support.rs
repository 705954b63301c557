//! A backend with one channel that says what it was asked, and a client that writes bytes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use greentic_gateway::*;
use greentic_telemetry::{HostMetrics, Sampling, TraceContext};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};

pub use super::got::{Got, parse, read_all};

pub const BASE: &str = "/v1/messaging/chat/demo/team/web";
pub const HOOK: &str = "/v1/messaging/ingress/chat/demo/team/web";
pub const TOKEN: &str = "let-me-in";

pub fn limits() -> GatewayLimits {
    let long = Duration::from_secs(20);
    GatewayLimits {
        request: RequestLimits {
            body: 1_000,
            upload_body: 4_000,
            target: 300,
            header_count: 20,
            header_bytes: 8 << 10,
            header_time: long,
            body_time: long,
            body_pause: long,
            answer: long,
            idle: long,
            connections: 50,
            streams: 8,
            in_flight: 10,
            retry_after: Duration::from_millis(1_500),
            response_body: 2_000,
        },
        websocket: WebsocketLimits {
            frame: 1_024,
            idle: long,
            ping: long,
            per_channel: 2,
            queue: 8,
        },
        admin: AdminLimits {
            body: 100,
            page: 10,
            answer: long,
        },
        drain: long,
    }
}

pub struct Fake {
    channel: Arc<Echo>,
    pub ready: AtomicBool,
    pub asked: std::sync::Mutex<Option<DeadLetterQuery>>,
}

pub struct Echo {
    facts: ChannelFacts,
    /// Lets `/hold` go on.
    pub release: Arc<Notify>,
    /// Requests that reached the channel.
    pub calls: AtomicUsize,
    pub sockets_dropped: Arc<AtomicUsize>,
}

impl Backend for Fake {
    fn channel(
        &self,
        surface: Surface,
        provider: &str,
        tenant: &str,
        team: &str,
        channel: &str,
    ) -> Option<Arc<dyn Channel>> {
        let known = (provider, tenant, team) == ("chat", "demo", "team");
        let served = channel == "web" || (channel == "hook" && surface == Surface::Webhook);
        (known && served).then(|| Arc::clone(&self.channel) as Arc<dyn Channel>)
    }

    fn alias(&self, path: &str) -> Option<(Arc<dyn Channel>, Surface)> {
        (path == "/api/messages").then(|| {
            (
                Arc::clone(&self.channel) as Arc<dyn Channel>,
                Surface::Webhook,
            )
        })
    }

    fn readiness(&self) -> Readiness {
        let ready = self.ready.load(Ordering::Relaxed);
        let row = ReadinessRow {
            name: "memory".into(),
            role: "sessions".into(),
            up: ready,
            detail: "url of the store".into(),
        };
        Readiness {
            ready,
            plugins: vec![row],
        }
    }

    fn status(&self) -> BoxFuture<'_, Result<Value, AdminError>> {
        Box::pin(async { Ok(json!({ "generation": 3 })) })
    }

    fn dead_letters(
        &self,
        query: DeadLetterQuery,
    ) -> BoxFuture<'_, Result<DeadLetterPage, AdminError>> {
        *self.asked.lock().unwrap() = Some(query);
        Box::pin(async {
            Ok(DeadLetterPage {
                letters: vec![letter()],
                next: Some("n".into()),
            })
        })
    }

    fn dead_letter(&self, id: String) -> BoxFuture<'_, Result<DeadLetterDetail, AdminError>> {
        Box::pin(async move {
            if id != "d1" {
                return Err(AdminError::NotFound("no dead letter has this id".into()));
            }
            let history = vec![Attempt {
                at_ms: 4,
                error: "refused".into(),
            }];
            Ok(DeadLetterDetail {
                letter: letter(),
                error: "refused".into(),
                history,
                event: json!({ "text": "hi" }),
            })
        })
    }

    fn replay(&self, id: String) -> BoxFuture<'_, Result<(), AdminError>> {
        Box::pin(async move {
            if id == "d1" {
                Ok(())
            } else {
                Err(AdminError::NotFound("none".into()))
            }
        })
    }

    fn drop_letter(&self, id: String) -> BoxFuture<'_, Result<(), AdminError>> {
        self.replay(id)
    }

    fn generations(&self) -> BoxFuture<'_, Result<Generations, AdminError>> {
        Box::pin(async {
            Ok(Generations {
                generations: Vec::new(),
                refused: None,
            })
        })
    }

    fn roll_back(&self, _to: Option<u64>) -> BoxFuture<'_, Result<Reloaded, AdminError>> {
        self.reload()
    }

    fn set_up(&self, place: String) -> BoxFuture<'_, Result<Vec<String>, AdminError>> {
        Box::pin(async move { Ok(vec![format!("registered {place}")]) })
    }

    fn tear_down(&self, place: String) -> BoxFuture<'_, Result<(), AdminError>> {
        Box::pin(async move { Err(AdminError::NotFound(format!("there is no channel {place}"))) })
    }

    fn reload(&self) -> BoxFuture<'_, Result<Reloaded, AdminError>> {
        Box::pin(async {
            Err(AdminError::Refused {
                detail: "the bundle was refused".into(),
                faults: vec!["demo.yaml:3:1 unknown key".into()],
            })
        })
    }
}

fn letter() -> DeadLetter {
    let name = |text: &str| text.to_owned();
    DeadLetter {
        id: name("d1"),
        tenant: name("demo"),
        team: name("team"),
        channel: name("web"),
        stage: name("egress"),
        reason: name("rejected"),
        at_ms: 4,
        attempts: 1,
    }
}

impl Channel for Echo {
    fn facts(&self) -> &ChannelFacts {
        &self.facts
    }

    fn ingress<'a>(&'a self, request: Request, trace: TraceContext) -> BoxFuture<'a, Answer> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            match request.path.as_str() {
                "/never" => std::future::pending().await,
                "/hold" => self.release.notified().await,
                "/status" => {
                    return Answer {
                        status: 99,
                        ..Answer::default()
                    };
                }
                "/large" => {
                    return Answer {
                        status: 200,
                        body: vec![b'x'; 2_001],
                        ..Answer::default()
                    };
                }
                "/split" => {
                    let headers = vec![("x".to_owned(), "a\r\nb: c".to_owned())];
                    return Answer {
                        status: 200,
                        headers,
                        body: Vec::new(),
                    };
                }
                "/nothing" => {
                    return Answer {
                        status: 204,
                        ..Answer::default()
                    };
                }
                _ => {}
            }
            let seen = json!({
                "surface": format!("{:?}", request.surface),
                "method": request.method,
                "origin": request.origin,
                "base": request.base,
                "path": request.path,
                "query": request.query,
                "headers": request.headers,
                "body": String::from_utf8_lossy(&request.body),
                "trace": trace.to_string(),
            });
            let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
            Answer {
                status: 200,
                headers,
                body: seen.to_string().into_bytes(),
            }
        })
    }

    fn open_socket<'a>(
        &'a self,
        request: Request,
        _: TraceContext,
    ) -> BoxFuture<'a, Result<Box<dyn Socket>, Answer>> {
        let dropped = Arc::clone(&self.sockets_dropped);
        Box::pin(async move {
            match request.path.as_str() {
                "/refuse" => Err(Answer::problem(403, "The token is not valid.", None)),
                path => Ok(Box::new(EchoSocket {
                    opened: false,
                    path: path.to_owned(),
                    origin: request.headers.clone(),
                    dropped,
                }) as Box<dyn Socket>),
            }
        })
    }
}

struct EchoSocket {
    opened: bool,
    path: String,
    origin: Vec<(String, String)>,
    dropped: Arc<AtomicUsize>,
}

impl Drop for EchoSocket {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

impl Socket for EchoSocket {
    fn next(&mut self) -> BoxFuture<'_, Option<Vec<Frame>>> {
        Box::pin(async move {
            if !std::mem::replace(&mut self.opened, true) {
                let headers = serde_json::to_string(&self.origin).unwrap();
                return Some(vec![Frame::Text(headers), Frame::Text(String::new())]);
            }
            match self.path.as_str() {
                "/end" => None,
                "/flood" => {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    Some(vec![Frame::Binary(vec![7; 256 << 10])])
                }
                _ => std::future::pending().await,
            }
        })
    }

    fn receive(&mut self, frame: Frame) -> BoxFuture<'_, Received> {
        Box::pin(async move {
            match &frame {
                Frame::Text(text) if text == "bye" => Received {
                    frames: vec![frame],
                    close: Some(4_000),
                },
                Frame::Text(text) if text == "hang" => std::future::pending().await,
                _ => Received {
                    frames: vec![frame],
                    close: None,
                },
            }
        })
    }
}

pub struct Server {
    pub address: SocketAddr,
    pub stop: watch::Sender<bool>,
    pub task: tokio::task::JoinHandle<std::io::Result<()>>,
    pub metrics: Arc<HostMetrics>,
    pub fake: Arc<Fake>,
    pub echo: Arc<Echo>,
}

fn fake(metrics: &HostMetrics) -> (Arc<Fake>, Arc<Echo>) {
    let name = |text: &str| text.to_owned();
    let place = Place {
        env: name("test"),
        tenant: name("demo"),
        team: name("team"),
        channel: name("web"),
    };
    let headers = [name("x-second"), name("x-first"), name("origin")];
    let facts = ChannelFacts::new(metrics, "chat", place, &headers, vec![name("/upload")]).unwrap();
    let echo = Arc::new(Echo {
        facts,
        release: Arc::default(),
        calls: AtomicUsize::new(0),
        sockets_dropped: Arc::default(),
    });
    let fake = Fake {
        channel: Arc::clone(&echo),
        ready: AtomicBool::new(true),
        asked: std::sync::Mutex::default(),
    };
    (Arc::new(fake), echo)
}

pub fn listener() -> tokio::net::TcpListener {
    let listener = bind("127.0.0.1:0".parse().unwrap(), 1)
        .unwrap()
        .pop()
        .unwrap();
    tokio::net::TcpListener::from_std(listener).unwrap()
}

pub fn start(change: impl FnOnce(&mut GatewayLimits)) -> Server {
    start_at(change, None)
}

pub fn start_at(change: impl FnOnce(&mut GatewayLimits), url: Option<&str>) -> Server {
    let mut limits = limits();
    change(&mut limits);
    let metrics = Arc::new(HostMetrics::default());
    let (fake, echo) = fake(&metrics);
    let url = url.map(|url| PublicUrl::new(url).unwrap());
    let gateway = Gateway::new(
        Arc::clone(&fake) as _,
        limits,
        Arc::clone(&metrics),
        Sampling::OFF,
        url,
    );
    let listener = listener();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(async move { gateway.serve(listener, stopped).await });
    Server {
        address,
        stop,
        task,
        metrics,
        fake,
        echo,
    }
}

pub fn start_admin(change: impl FnOnce(&mut GatewayLimits)) -> Server {
    let mut limits = limits();
    change(&mut limits);
    let metrics = Arc::new(HostMetrics::default());
    let (fake, echo) = fake(&metrics);
    let setup = AdminSetup {
        token: TOKEN.into(),
        hosts: vec!["admin.internal".into()],
    };
    let admin = Admin::new(Arc::clone(&fake) as _, setup, limits, Arc::clone(&metrics)).unwrap();
    let listener = listener();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(async move { admin.serve(listener, stopped).await });
    Server {
        address,
        stop,
        task,
        metrics,
        fake,
        echo,
    }
}

pub const PATIENCE: Duration = Duration::from_secs(60);

impl Server {
    /// Writes bytes and reads until the server closes.
    pub async fn raw(&self, bytes: impl AsRef<[u8]>) -> Got {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes.as_ref()).await.unwrap();
        read_all(&mut stream).await
    }

    /// One request with its own connection.
    pub async fn ask(&self, method: &str, target: &str, headers: &str, body: &str) -> Got {
        let length = if body.is_empty() {
            String::new()
        } else {
            format!("content-length: {}\r\n", body.len())
        };
        self.raw(format!("{method} {target} HTTP/1.1\r\nhost: test.example:81\r\nconnection: close\r\n{headers}{length}\r\n{body}")).await
    }

    pub async fn get(&self, target: &str) -> Got {
        self.ask("GET", target, "", "").await
    }

    /// What `/metrics` would show of a series; 0 where it is not.
    pub fn metric(&self, series: &str) -> f64 {
        let text = self.metrics.registry().render();
        let line = text.lines().find_map(|line| line.strip_prefix(series));
        line.map_or(0.0, |value| value.trim().parse().unwrap())
    }

    pub async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let waited = tokio::time::timeout(PATIENCE, async {
            while !holds(self) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        assert!(waited.await.is_ok(), "{what}");
    }
}
