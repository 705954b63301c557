//! The public endpoint: from a parsed request to the channel's answer.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

use greentic_telemetry::{CONTENT_TYPE, HostMetrics, Sampling, TraceContext, spans};
use http::{HeaderValue, Method, Response, StatusCode, Version, header};
use hyper::body::{Body as _, Incoming};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tracing::Instrument as _;

use crate::answer::{self, Full};
use crate::backend::Backend;
use crate::channel::{Channel, Request, Surface};
use crate::connection::{Endpoint, Local};
use crate::counts::{Counts, Pattern};
use crate::deadline::within;
use crate::drain::Tracked;
use crate::limits::GatewayLimits;
use crate::origin::{self, PublicUrl};
use crate::problem::{self, Problem};
use crate::route::{self, Route};
use crate::wire::Call;
use crate::{intake, listener, socket};

/// The public endpoint of one process. Made once; [`Gateway::serve`] runs on each worker thread.
pub struct Gateway(Arc<Public>);

struct Public {
    backend: Arc<dyn Backend>,
    limits: GatewayLimits,
    metrics: Arc<HostMetrics>,
    counts: Counts,
    sampling: Sampling,
    public_url: Option<PublicUrl>,
    in_flight: AtomicUsize,
    places: Arc<Semaphore>,
}

/// The channel a request is for.
struct Target {
    channel: Arc<dyn Channel>,
    surface: Surface,
    /// Bytes of the path that name it.
    base: usize,
}

/// Where a request goes.
enum Way {
    Channel(Target),
    Own(Pattern, Result<Response<Full>, Problem>),
}

impl Gateway {
    /// `public_url` is what channels are told as the origin; without it they get the request's own scheme and host.
    pub fn new(
        backend: Arc<dyn Backend>,
        limits: GatewayLimits,
        metrics: Arc<HostMetrics>,
        sampling: Sampling,
        public_url: Option<PublicUrl>,
    ) -> Self {
        let places = Arc::new(Semaphore::new(
            limits.request.connections.min(Semaphore::MAX_PERMITS),
        ));
        let counts = Counts::new(&metrics);
        let in_flight = AtomicUsize::new(0);
        Self(Arc::new(Public {
            backend,
            limits,
            metrics,
            counts,
            sampling,
            public_url,
            in_flight,
            places,
        }))
    }

    /// Accepts and serves until `stop` carries `true` or its sender is gone. Then nothing new is accepted, requests in flight are
    /// finished, websockets are closed with 1001, and what is still open after [`GatewayLimits::drain`] is cut.
    ///
    /// All work of a connection stays on the runtime this is called in; a current-thread one with time and I/O enabled is enough.
    ///
    /// # Errors
    /// Only when the listener has no address. Errors of single connections are counted or logged.
    pub async fn serve(
        &self,
        listener: TcpListener,
        stop: watch::Receiver<bool>,
    ) -> io::Result<()> {
        let public = Arc::clone(&self.0);
        let (limits, drain) = (public.limits.request.clone(), public.limits.drain);
        let (places, gauge) = (
            Arc::clone(&public.places),
            public.counts.connections.clone(),
        );
        listener::serve(public, listener, limits, places, gauge, stop, drain).await
    }
}

impl Endpoint for Public {
    async fn handle(
        &self,
        request: http::Request<Incoming>,
        call: &Call,
        local: Local,
        tracked: &Tracked,
    ) -> Response<Full> {
        let started = Instant::now();
        if request.version() == Version::HTTP_2 {
            call.is_http2();
        }
        let head = request.method() == Method::HEAD;
        let with_body = !request.body().is_end_stream();
        // One place only awaits the channel's work, so that the request's future is small: it is moved as a whole.
        let (pattern, answered) = match self.way(&request) {
            Way::Channel(target) => self.channel(target, request, local, tracked, started).await,
            Way::Own(pattern, answered) => (pattern, answered),
        };
        let response = answered.unwrap_or_else(|problem| {
            if with_body {
                call.leaves_body_unread();
            }
            problem.response()
        });
        self.counts.request(pattern, response.status().as_u16());
        if head {
            answer::for_head(response)
        } else {
            response
        }
    }

    fn unparsed(&self) {
        self.counts.request(Pattern::Unmatched, 400);
    }
}

impl Public {
    fn way(&self, request: &http::Request<Incoming>) -> Way {
        let path = request.uri().path();
        let target = match route::find(path) {
            Route::Health => {
                let alive = own(request, || text("ok\n", "text/plain; charset=utf-8"));
                return Way::Own(Pattern::Probe, alive);
            }
            Route::Ready => return Way::Own(Pattern::Probe, own(request, || self.ready())),
            Route::Metrics => {
                let metrics = own(request, || {
                    text(self.metrics.registry().render(), CONTENT_TYPE)
                });
                return Way::Own(Pattern::Metrics, metrics);
            }
            Route::Place(route::Place {
                surface,
                provider,
                tenant,
                team,
                channel,
                base,
            }) => {
                let channel = self
                    .backend
                    .channel(surface, provider, tenant, team, channel);
                channel.map(|channel| Target {
                    channel,
                    surface,
                    base,
                })
            }
            Route::Other => {
                let alias = self.backend.alias(path);
                alias.map(|(channel, surface)| Target {
                    channel,
                    surface,
                    base: path.len(),
                })
            }
        };
        match target {
            Some(target) => Way::Channel(target),
            None => Way::Own(Pattern::Unmatched, self.unmatched(request)),
        }
    }

    fn unmatched(&self, request: &http::Request<Incoming>) -> Result<Response<Full>, Problem> {
        intake::check_head(request.uri(), request.headers(), &self.limits.request)?;
        Err(Problem::not_found())
    }

    /// Whether the needed plugins are up. Why one is not may quote configuration, so that is told at the admin endpoint only.
    fn ready(&self) -> Response<Full> {
        let readiness = self.backend.readiness();
        let rows = readiness.plugins.iter();
        let rows =
            rows.map(|row| serde_json::json!({ "name": row.name, "role": row.role, "up": row.up }));
        let body =
            serde_json::json!({ "ready": readiness.ready, "plugins": rows.collect::<Vec<_>>() });
        let status = if readiness.ready {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        problem::json_response(status, "application/json", &body)
    }

    /// A request to a channel, with its trace and its metrics.
    async fn channel(
        &self,
        target: Target,
        request: http::Request<Incoming>,
        local: Local,
        tracked: &Tracked,
        started: Instant,
    ) -> (Pattern, Result<Response<Full>, Problem>) {
        let websocket = intake::asks_for_websocket(request.headers());
        let pattern = match target.surface {
            _ if websocket => Pattern::Websocket,
            Surface::Webhook => Pattern::Webhook,
            Surface::Api => Pattern::Api,
            Surface::Page => Pattern::Page,
        };
        let channel = Arc::clone(&target.channel);
        let facts = channel.facts();
        let incoming = request
            .headers()
            .get("traceparent")
            .and_then(|value| value.to_str().ok());
        let trace = TraceContext::start(self.sampling, incoming);
        let span = spans::ingress_span(&trace, &facts.address());
        let answered = async {
            let trace = trace.within(&span);
            if websocket {
                Box::pin(self.open(target, request, local, tracked, trace)).await
            } else {
                self.exchange(target, request, local, started, trace).await
            }
        }
        .instrument(span.clone())
        .await;
        let status = answered
            .as_ref()
            .map_or_else(|problem| problem.status, Response::status)
            .as_u16();
        spans::http_status(&span, status);
        if status >= 500 {
            spans::fail(&span, "http_5xx");
        }
        facts.counts.answered(status, started.elapsed());
        (pattern, answered)
    }

    /// An ordinary request and its answer.
    async fn exchange(
        &self,
        target: Target,
        request: http::Request<Incoming>,
        local: Local,
        started: Instant,
        trace: TraceContext,
    ) -> Result<Response<Full>, Problem> {
        let limits = &self.limits.request;
        let mut asked = self.request(&target, &request, local)?;
        let _flight = self.flight()?;
        let facts = target.channel.facts();
        let most = if facts.takes_uploads(&asked.path) {
            limits.upload_body
        } else {
            limits.body
        };
        asked.body = intake::body(request.into_body(), most, started, limits).await?;
        let Some(answer) = within(limits.answer, target.channel.ingress(asked, trace)).await else {
            self.counts.shed_deadline.inc();
            return Err(Problem::busy(
                "The channel did not answer in time.",
                limits.retry_after,
            ));
        };
        answer::response(answer, limits.response_body)
            .map_err(|fault| faulty(target.channel.as_ref(), fault))
    }

    /// A request for a websocket: on success the socket's task is on its way and the answer is 101.
    async fn open(
        &self,
        target: Target,
        mut request: http::Request<Incoming>,
        local: Local,
        tracked: &Tracked,
        trace: TraceContext,
    ) -> Result<Response<Full>, Problem> {
        let limits = &self.limits.request;
        let key = socket::check(request.method(), request.version(), request.headers())?.clone();
        let asked = self.request(&target, &request, local)?;
        let flight = self.flight()?;
        let facts = target.channel.facts();
        let Some(seat) = facts.seat(self.limits.websocket.per_channel) else {
            self.counts.shed_sockets.inc();
            return Err(Problem::busy(
                "The channel has as many open sockets as it may.",
                limits.retry_after,
            ));
        };
        let Some(opened) = within(limits.answer, target.channel.open_socket(asked, trace)).await
        else {
            self.counts.shed_deadline.inc();
            return Err(Problem::busy(
                "The channel did not answer in time.",
                limits.retry_after,
            ));
        };
        let socket = match opened {
            Ok(socket) => socket,
            Err(refusal) => {
                let response = answer::response(refusal, limits.response_body);
                return response.map_err(|fault| faulty(target.channel.as_ref(), fault));
            }
        };
        drop(flight);
        let upgrade = socket::Upgrade {
            on: hyper::upgrade::on(&mut request),
            handover: limits.header_time,
            socket,
            limits: self.limits.websocket.clone(),
            answer: limits.answer,
            seat,
            gauge: facts.counts.sockets.enter(),
            tracked: tracked.drain().track(),
        };
        tokio::spawn(socket::run(upgrade));
        Ok(socket::accept(&key))
    }

    /// What the channel is asked, without the body.
    fn request(
        &self,
        target: &Target,
        request: &http::Request<Incoming>,
        local: Local,
    ) -> Result<Request, Problem> {
        let (uri, headers) = (request.uri(), request.headers());
        intake::check_head(uri, headers, &self.limits.request)?;
        let method = intake::method(target.surface, request.method())?;
        if !route::is_well_encoded(uri.path()) {
            return Err(Problem::bad_request(
                "A percent sign in the path is not followed by two hexadecimal digits.",
            ));
        }
        let named = origin::authority(uri, headers, request.version())?;
        let origin = match (&self.public_url, named) {
            (Some(url), _) => url.as_str().to_owned(),
            (None, Some(authority)) => ["http://", authority].concat(),
            (None, None) => format!("http://{}", local.address),
        };
        let (base, path) = uri
            .path()
            .split_at_checked(target.base)
            .unwrap_or((uri.path(), ""));
        Ok(Request {
            surface: target.surface,
            method: method.to_owned(),
            origin,
            base: base.to_owned(),
            path: path.to_owned(),
            query: uri.query().map(str::to_owned),
            headers: intake::wanted(target.channel.facts(), headers)?,
            body: Vec::new(),
        })
    }

    /// A place among the requests being answered.
    fn flight(&self) -> Result<Flight<'_>, Problem> {
        let before = self.in_flight.fetch_add(1, Relaxed);
        let flight = Flight(&self.in_flight);
        if before < self.limits.request.in_flight {
            return Ok(flight);
        }
        self.counts.shed_in_flight.inc();
        Err(Problem::busy(
            "There is too much to do at the moment.",
            self.limits.request.retry_after,
        ))
    }
}

/// Counts one request in flight until it is dropped.
struct Flight<'a>(&'a AtomicUsize);

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// A fault of the channel: the operator is told, the caller gets no detail.
fn faulty(channel: &dyn Channel, fault: &'static str) -> Problem {
    let place = channel.facts().place();
    let (tenant, team, channel) = (&*place.tenant, &*place.team, &*place.channel);
    tracing::warn!(
        tenant,
        team,
        channel,
        fault,
        "a channel's answer could not be sent"
    );
    answer::FAULTY
}

/// One of the gateway's own paths, which take GET and HEAD.
fn own(
    request: &http::Request<Incoming>,
    answer: impl FnOnce() -> Response<Full>,
) -> Result<Response<Full>, Problem> {
    match *request.method() {
        Method::GET | Method::HEAD => Ok(answer()),
        _ => Err(Problem::method("GET, HEAD")),
    }
}

pub(crate) fn text(body: impl Into<bytes::Bytes>, media_type: &'static str) -> Response<Full> {
    let mut response = Response::new(Full::new(body.into()));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}
