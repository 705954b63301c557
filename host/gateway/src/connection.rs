//! One connection from its first byte to its last: HTTP/1.1 or HTTP/2 by what the client speaks, one timer, orderly end.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::time::sleep_until;

use crate::answer::Full;
use crate::drain::{Stage, Tracked};
use crate::limits::RequestLimits;
use crate::wire::{Call, Marks, Wire};

/// The least hyper takes as a buffer.
const LEAST_BUFFER: usize = 8 << 10;

/// hyper's own number of header lines, for which it needs no allocation.
const STACK_HEADERS: usize = 100;

/// What a connection asks about its listener.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Local {
    /// The address it listens at.
    pub(crate) address: std::net::SocketAddr,
}

/// Something that answers requests.
pub(crate) trait Endpoint: Send + Sync + 'static {
    /// Always an answer; what went wrong is in it. `tracked` is for tasks that outlive the request.
    fn handle(
        &self,
        request: Request<Incoming>,
        call: &Call,
        local: Local,
        tracked: &Tracked,
    ) -> impl Future<Output = Response<Full>> + Send;

    /// A request that could not be parsed was answered 400, 414 or 431.
    fn unparsed(&self);
}

pub(crate) fn builder(limits: &RequestLimits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    let header_bytes = limits.header_bytes.max(LEAST_BUFFER);
    let mut http1 = builder.http1();
    http1.timer(TokioTimer::new()).header_read_timeout(None);
    http1.max_buf_size(header_bytes.saturating_add(limits.target).max(LEAST_BUFFER));
    if limits.header_count != STACK_HEADERS {
        http1.max_headers(limits.header_count);
    }
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(u32::try_from(header_bytes).unwrap_or(u32::MAX));
    builder
}

/// Serves one connection to its end.
pub(crate) async fn serve<E: Endpoint>(
    endpoint: &Arc<E>,
    builder: &Builder<TokioExecutor>,
    limits: &RequestLimits,
    wire: Wire,
    marks: Arc<Marks>,
    local: Local,
    tracked: Tracked,
) {
    let tracked = Arc::new(tracked);
    let service = service_fn(|request| {
        let call = marks.call();
        let endpoint = Arc::clone(endpoint);
        let tracked = Arc::clone(&tracked);
        async move { Ok::<_, Infallible>(endpoint.handle(request, &call, local, &tracked).await) }
    });
    let mut serving = pin!(builder.serve_connection_with_upgrades(TokioIo::new(wire), service));
    let drain = Arc::clone(tracked.drain());
    // Registered once: a notification wakes this task, and the stage is looked at on every poll, which is cheaper than polling these.
    let (mut finishing, mut cutting) = (pin!(drain.finishing()), pin!(drain.cutting()));
    let mut known = None;
    let mut timer = pin!(sleep_until((Instant::now() + limits.idle).into()));
    let due = || marks.due(limits.header_time, limits.idle);

    let ended = std::future::poll_fn(|cx| {
        let stage = drain.stage();
        if known != Some(stage) {
            let finish = known != Some(Stage::Finishing) && finishing.as_mut().poll(cx).is_ready();
            if stage == Stage::Cut || cutting.as_mut().poll(cx).is_ready() {
                return Poll::Ready(None);
            }
            if finish {
                serving.as_mut().graceful_shutdown();
                known = Some(Stage::Finishing);
            } else {
                known = Some(Stage::Open);
            }
        }
        if let Poll::Ready(ended) = serving.as_mut().poll(cx) {
            return Poll::Ready(Some(ended));
        }
        loop {
            let due = due();
            if let Some(due) = due
                && due < timer.deadline().into_std()
            {
                timer.as_mut().reset(due.into());
            }
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            let now = Instant::now();
            match due {
                Some(due) if due <= now => return Poll::Ready(None),
                Some(due) => timer.as_mut().reset(due.into()),
                None => timer.as_mut().reset((now + limits.header_time).into()),
            }
        }
    })
    .await;
    let parse_error = |error: &hyper::Error| error.is_parse();
    if let Some(Err(error)) = ended
        && error
            .downcast_ref::<hyper::Error>()
            .is_some_and(parse_error)
    {
        endpoint.unparsed();
    }
}
