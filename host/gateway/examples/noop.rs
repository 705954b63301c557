//! The gateway alone, before a channel that answers at once: what a request costs without any plugin.
//!
//! `cargo run --release -p greentic-gateway --example noop -- [seconds] [threads] [address] [bare]` serves for so long (10), on so
//! many current-thread runtimes (1), and then prints the CPU time of the process for each request. Load comes from outside, such as
//! `wrk -t1 -c32 -d8 -s post.lua http://127.0.0.1:8077/v1/messaging/ingress/chat/demo/team/web`, so that it is not counted.
//! With `bare` hyper alone answers, which is the floor.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use greentic_gateway::*;
use greentic_telemetry::{HostMetrics, Sampling, TraceContext};

struct Noop {
    channel: Arc<At>,
}

struct At {
    facts: ChannelFacts,
    calls: AtomicU64,
}

impl Channel for At {
    fn facts(&self) -> &ChannelFacts {
        &self.facts
    }

    fn ingress<'a>(&'a self, request: Request, _: TraceContext) -> BoxFuture<'a, Answer> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
            Answer {
                status: 200,
                headers,
                body: request.body,
            }
        })
    }

    fn open_socket<'a>(
        &'a self,
        _: Request,
        _: TraceContext,
    ) -> BoxFuture<'a, Result<Box<dyn Socket>, Answer>> {
        Box::pin(async { Err(Answer::problem(404, "This channel has no sockets.", None)) })
    }
}

impl Backend for Noop {
    fn channel(&self, _: Surface, _: &str, _: &str, _: &str, _: &str) -> Option<Arc<dyn Channel>> {
        Some(Arc::clone(&self.channel) as _)
    }

    fn alias(&self, _: &str) -> Option<(Arc<dyn Channel>, Surface)> {
        None
    }

    fn readiness(&self) -> Readiness {
        Readiness {
            ready: true,
            plugins: Vec::new(),
        }
    }

    fn status(&self) -> BoxFuture<'_, Result<serde_json::Value, AdminError>> {
        Box::pin(async { Ok(serde_json::Value::Null) })
    }

    fn dead_letters(
        &self,
        _: DeadLetterQuery,
    ) -> BoxFuture<'_, Result<DeadLetterPage, AdminError>> {
        Box::pin(async { Ok(DeadLetterPage::default()) })
    }

    fn dead_letter(&self, _: String) -> BoxFuture<'_, Result<DeadLetterDetail, AdminError>> {
        Box::pin(async { Err(none()) })
    }

    fn replay(&self, _: String) -> BoxFuture<'_, Result<(), AdminError>> {
        Box::pin(async { Err(none()) })
    }

    fn drop_letter(&self, _: String) -> BoxFuture<'_, Result<(), AdminError>> {
        Box::pin(async { Err(none()) })
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

    fn set_up(&self, _: String) -> BoxFuture<'_, Result<Vec<String>, AdminError>> {
        Box::pin(async { Err(none()) })
    }

    fn tear_down(&self, _: String) -> BoxFuture<'_, Result<(), AdminError>> {
        Box::pin(async { Err(none()) })
    }

    fn reload(&self) -> BoxFuture<'_, Result<Reloaded, AdminError>> {
        Box::pin(async { Err(none()) })
    }
}

fn none() -> AdminError {
    AdminError::NotFound("there is nothing here".into())
}

fn limits() -> GatewayLimits {
    let time = Duration::from_secs(10);
    let request = RequestLimits {
        body: 1 << 20,
        upload_body: 4 << 20,
        target: 8 << 10,
        header_count: 100,
        header_bytes: 64 << 10,
        header_time: time,
        body_time: time,
        body_pause: time,
        answer: time,
        idle: time,
        connections: 10_000,
        streams: 128,
        in_flight: 1_024,
        retry_after: Duration::from_secs(1),
        response_body: 4 << 20,
    };
    let websocket = WebsocketLimits {
        frame: 1 << 18,
        idle: time,
        ping: time,
        per_channel: 1_000,
        queue: 256,
    };
    let admin = AdminLimits {
        body: 1 << 18,
        page: 100,
        answer: time,
    };
    GatewayLimits {
        request,
        websocket,
        admin,
        drain: Duration::from_secs(1),
    }
}

/// User and system time of this process so far (proc_pid_stat(5), fields 14 and 15, in hundredths of a second).
fn cpu() -> Result<Duration, Box<dyn std::error::Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat
        .rsplit(") ")
        .next()
        .unwrap_or_default()
        .split(' ')
        .skip(11)
        .take(2);
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(Duration::from_millis(ticks * 10))
}

/// hyper with a body read whole and sent back, and nothing else.
async fn serve_bare(
    listener: tokio::net::TcpListener,
    mut stopped: tokio::sync::watch::Receiver<bool>,
    channel: &Arc<At>,
) -> std::io::Result<()> {
    use http_body_util::{BodyExt as _, Full};
    use hyper::body::{Bytes, Incoming};
    loop {
        let stream = tokio::select! {
            _ = stopped.changed() => return Ok(()),
            accepted = listener.accept() => accepted?.0,
        };
        stream.set_nodelay(true)?;
        let channel = Arc::clone(channel);
        let service = hyper::service::service_fn(move |request: http::Request<Incoming>| {
            channel.calls.fetch_add(1, Ordering::Relaxed);
            async move {
                let body = request.into_body().collect().await?.to_bytes();
                let mut response = http::Response::new(Full::<Bytes>::new(body));
                let json = http::HeaderValue::from_static("application/json");
                response.headers_mut().insert("content-type", json);
                Ok::<_, hyper::Error>(response)
            }
        });
        let io = hyper_util::rt::TokioIo::new(stream);
        let mut http1 = hyper::server::conn::http1::Builder::new();
        let connection = http1
            .header_read_timeout(None)
            .serve_connection(io, service);
        tokio::spawn(connection);
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let seconds = arguments.next().map_or(Ok(10), |text| text.parse())?;
    let threads = arguments.next().map_or(Ok(1), |text| text.parse())?;
    let address = arguments
        .next()
        .unwrap_or_else(|| "127.0.0.1:8077".to_owned())
        .parse()?;
    let bare = arguments.next().is_some_and(|text| text == "bare");

    let metrics = Arc::new(HostMetrics::default());
    let name = |text: &str| text.to_owned();
    let place = Place {
        env: name("bench"),
        tenant: name("demo"),
        team: name("team"),
        channel: name("web"),
    };
    let wanted = ["content-type", "x-signature", "x-timestamp"].map(name);
    let facts = ChannelFacts::new(&metrics, "chat", place, &wanted, Vec::new())?;
    let channel = Arc::new(At {
        facts,
        calls: AtomicU64::new(0),
    });
    let backend = Arc::new(Noop {
        channel: Arc::clone(&channel),
    });
    let gateway = Arc::new(Gateway::new(
        backend,
        limits(),
        metrics,
        Sampling::OFF,
        None,
    ));

    let (stop, stopped) = tokio::sync::watch::channel(false);
    let workers: Vec<_> = bind(address, threads)?
        .into_iter()
        .map(|listener| {
            let (gateway, stopped) = (Arc::clone(&gateway), stopped.clone());
            let channel = Arc::clone(&channel);
            std::thread::spawn(move || -> std::io::Result<()> {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()?;
                runtime.block_on(async {
                    let listener = tokio::net::TcpListener::from_std(listener)?;
                    if bare {
                        return serve_bare(listener, stopped, &channel).await;
                    }
                    gateway.serve(listener, stopped).await
                })
            })
        })
        .collect();
    let before = cpu()?;
    std::thread::sleep(Duration::from_secs(seconds));
    let (used, calls) = (cpu()? - before, channel.calls.load(Ordering::Relaxed));
    stop.send(true)?;
    for worker in workers {
        worker.join().map_err(|_| "a worker panicked")??;
    }
    let micros = u64::try_from(used.as_micros())? as f64 / calls.max(1) as f64;
    println!(
        "{calls} requests, {:.2} s of CPU, {micros:.2} µs each",
        used.as_secs_f64()
    );
    Ok(())
}
