//! The front of what the host is compared with, built like the host's: a runtime on each thread that runs on that thread only,
//! a listener each on one port, hyper, keep-alive.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
use tokio::task::LocalSet;

/// What answers a webhook. One for each thread.
pub trait Answer: 'static {
    /// The status of the answer, whose body is empty.
    async fn webhook(&self, signature: &str, body: Bytes) -> StatusCode;

    /// Replies handed out on all threads.
    fn delivered(&self) -> u64;
}

/// Serves on every processor until the process is ended. The first line printed is `listening on http://ADDRESS`.
///
/// # Errors
/// When there is no port or no thread.
pub fn run<A, F>(make: F) -> anyhow::Result<()>
where
    A: Answer,
    F: AsyncFn() -> anyhow::Result<A> + Clone + Send + 'static,
{
    let count = std::thread::available_parallelism().map_or(1, Into::into);
    let mut address: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut listeners = Vec::new();
    for _ in 0..count {
        let listener = listen(address)?;
        address = listener.local_addr()?;
        listeners.push(listener);
    }
    let threads: Vec<_> = listeners
        .into_iter()
        .map(|listener| {
            let make = make.clone();
            std::thread::spawn(move || serve(listener, make))
        })
        .collect();
    println!("listening on http://{address}");
    for thread in threads {
        thread
            .join()
            .map_err(|_| anyhow::anyhow!("a server thread panicked"))??;
    }
    Ok(())
}

fn listen(address: SocketAddr) -> anyhow::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket
        .bind(&address.into())
        .with_context(|| format!("cannot listen on {address}"))?;
    socket.listen(1024)?;
    Ok(socket.into())
}

fn serve<A: Answer>(
    listener: std::net::TcpListener,
    make: impl AsyncFn() -> anyhow::Result<A>,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let local = LocalSet::new();
    local.block_on(&runtime, async move {
        let answer = Rc::new(make().await?);
        let listener = TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let answer = Rc::clone(&answer);
            tokio::task::spawn_local(async move {
                let service = service_fn(|request| {
                    let answer = Rc::clone(&answer);
                    async move { Ok::<_, Infallible>(handle(answer.as_ref(), request).await) }
                });
                // A client that goes away in the middle is no fault of the server.
                let _ = http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    })
}

async fn handle<A: Answer>(answer: &A, request: Request<Incoming>) -> Response<Full<Bytes>> {
    if request.method() == Method::GET {
        return Response::new(Full::from(answer.delivered().to_string()));
    }
    let signature = request
        .headers()
        .get("x-signature")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let status = match request.into_body().collect().await {
        Ok(body) => answer.webhook(&signature, body.to_bytes()).await,
        Err(_) => StatusCode::BAD_REQUEST,
    };
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
