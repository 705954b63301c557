//! The admin API, on a listener of its own, loopback by default.
//!
//! | call | answer |
//! |---|---|
//! | `GET /admin/v1/ready` | 200 or 503 with a row each plugin, with details |
//! | `GET /admin/v1/status` | what was loaded and how it is doing |
//! | `GET /admin/v1/dead-letters?tenant=&channel=&stage=&cursor=&limit=` | a page of dead letters |
//! | `GET /admin/v1/dead-letters/{id}` | one, with its event and history |
//! | `POST /admin/v1/dead-letters/{id}/replay` | 204 |
//! | `DELETE /admin/v1/dead-letters/{id}` | 204 |
//! | `GET /admin/v1/generations` | the generations of the process, newest first |
//! | `POST /admin/v1/generations` | the new generation, or 422 with all faults and the old one goes on; `POST /admin/v1/reload` is the same |
//! | `POST /admin/v1/generations/rollback?to=` | the new generation, made of what an earlier one was made of |
//! | `POST /admin/v1/channels/{provider}/{tenant}/{team}/{channel}/setup` | what was done with the platform, a line each |
//! | `POST /admin/v1/channels/{provider}/{tenant}/{team}/{channel}/teardown` | 204 |
//! | `GET /metrics` | Prometheus text |
//!
//! Every call needs the bearer token. A loopback port is reachable by any web page in a browser on the same machine, so a request
//! with an Origin header is refused, no CORS header is ever sent, and the Host must be an address, `localhost` or a configured
//! name: a name of a stranger that resolves to this machine (DNS rebinding) is none of these.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use greentic_telemetry::{CONTENT_TYPE, Gauge, HostMetrics};
use http::{Method, Response, StatusCode, header};
use hyper::body::{Body as _, Incoming};
use subtle::ConstantTimeEq as _;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use crate::admin_answer::{done, fault, json, ok};
use crate::admin_model::DeadLetterQuery;
use crate::answer::{self, Full};
use crate::backend::Backend;
use crate::connection::{Endpoint, Local};
use crate::counts::{Counts, Pattern};
use crate::deadline::within;
use crate::drain::Tracked;
use crate::limits::GatewayLimits;
use crate::problem::{Extra, Problem};
use crate::wire::Call;
use crate::{intake, listener, origin, public, query};

/// Connections to the admin endpoint: it serves an operator and a scraper.
const CONNECTIONS: usize = 64;

/// What the admin endpoint needs to know.
#[derive(Clone)]
pub struct AdminSetup {
    /// The bearer token every call must have.
    pub token: String,
    /// Names it may be called by, besides addresses and `localhost`.
    pub hosts: Vec<String>,
}

/// Why the admin endpoint does not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdminSetupError {
    /// There is no token, or it is blank.
    #[error(
        "the admin endpoint needs a token: set `admin.token`, such as \"${{GREENTIC_ADMIN_TOKEN}}\""
    )]
    NoToken,
    /// The token could never match, because a header cannot carry it.
    #[error("the admin token must be of visible ASCII characters without spaces")]
    UnusableToken,
}

/// The admin endpoint of one process.
pub struct Admin(Arc<Operator>);

struct Operator {
    backend: Arc<dyn Backend>,
    setup: AdminSetup,
    limits: GatewayLimits,
    metrics: Arc<HostMetrics>,
    counts: Counts,
}

impl Admin {
    /// Checks the token and keeps everything.
    ///
    /// # Errors
    /// [`AdminSetupError`]: without a token there is no admin endpoint.
    pub fn new(
        backend: Arc<dyn Backend>,
        setup: AdminSetup,
        limits: GatewayLimits,
        metrics: Arc<HostMetrics>,
    ) -> Result<Self, AdminSetupError> {
        if setup.token.trim().is_empty() {
            return Err(AdminSetupError::NoToken);
        }
        if !setup.token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(AdminSetupError::UnusableToken);
        }
        let counts = Counts::new(&metrics);
        Ok(Self(Arc::new(Operator {
            backend,
            setup,
            limits,
            metrics,
            counts,
        })))
    }

    /// Accepts and serves until `stop` carries `true` or its sender is gone, as the public endpoint does. Run it once.
    ///
    /// # Errors
    /// Only when the listener has no address.
    pub async fn serve(
        &self,
        listener: TcpListener,
        stop: watch::Receiver<bool>,
    ) -> io::Result<()> {
        let operator = Arc::clone(&self.0);
        let (limits, drain) = (operator.limits.request.clone(), operator.limits.drain);
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        listener::serve(
            operator,
            listener,
            limits,
            places,
            Gauge::default(),
            stop,
            drain,
        )
        .await
    }
}

impl Endpoint for Operator {
    async fn handle(
        &self,
        request: http::Request<Incoming>,
        call: &Call,
        _local: Local,
        _tracked: &Tracked,
    ) -> Response<Full> {
        let head = request.method() == Method::HEAD;
        let with_body = !request.body().is_end_stream();
        let response = self.answer(request).await.unwrap_or_else(|problem| {
            if with_body {
                call.leaves_body_unread();
            }
            problem.response()
        });
        self.counts
            .request(Pattern::Admin, response.status().as_u16());
        if head {
            answer::for_head(response)
        } else {
            response
        }
    }

    fn unparsed(&self) {
        self.counts.request(Pattern::Admin, 400);
    }
}

impl Operator {
    async fn answer(&self, request: http::Request<Incoming>) -> Result<Response<Full>, Problem> {
        intake::check_head(request.uri(), request.headers(), &self.limits.request)?;
        self.admit(&request)?;
        let (head, body) = request.into_parts();
        // No call has a body; one that is sent is read, so that the connection can be used again.
        intake::body(
            body,
            self.limits.admin.body,
            Instant::now(),
            &self.limits.request,
        )
        .await?;
        let slow = Problem::busy(
            "The host did not answer in time.",
            self.limits.request.retry_after,
        );
        let call = self.call(&head.method, head.uri.path(), head.uri.query());
        within(self.limits.admin.answer, call)
            .await
            .unwrap_or(Err(slow))
    }

    /// Who may call at all, before anything is told about paths.
    fn admit(&self, request: &http::Request<Incoming>) -> Result<(), Problem> {
        let headers = request.headers();
        let named = origin::authority(request.uri(), headers, request.version())?;
        if !named.is_none_or(|authority| self.is_own_name(authority)) {
            let detail = "The admin endpoint is not called by this name: use its address, `localhost`, or a configured name.";
            return Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, detail));
        }
        if headers.contains_key(header::ORIGIN) {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "The admin endpoint is not for web pages.",
            ));
        }
        let given = headers
            .get(header::AUTHORIZATION)
            .map(|value| value.as_bytes())
            .and_then(bearer);
        let expected = self.setup.token.as_bytes();
        if !given.is_some_and(|given| bool::from(given.ct_eq(expected))) {
            return Err(Problem {
                status: StatusCode::UNAUTHORIZED,
                detail: "The call needs the admin token: `Authorization: Bearer …`.",
                extra: Extra::Bearer,
            });
        }
        Ok(())
    }

    fn is_own_name(&self, authority: &str) -> bool {
        let (host, _) = origin::split(authority);
        let address = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        address.parse::<IpAddr>().is_ok()
            || host.eq_ignore_ascii_case("localhost")
            || self
                .setup
                .hosts
                .iter()
                .any(|own| own.eq_ignore_ascii_case(host))
    }

    async fn call(
        &self,
        method: &Method,
        path: &str,
        query: Option<&str>,
    ) -> Result<Response<Full>, Problem> {
        let path = match path {
            "/metrics" => {
                only(method, &[Method::GET, Method::HEAD], "GET, HEAD")?;
                return Ok(public::text(self.metrics.registry().render(), CONTENT_TYPE));
            }
            _ => path
                .strip_prefix("/admin/v1/")
                .ok_or(Problem::not_found())?,
        };
        let get = |method| only(method, &[Method::GET, Method::HEAD], "GET, HEAD");
        let post = |method| only(method, &[Method::POST], "POST");
        match path {
            "ready" => {
                get(method)?;
                let readiness = self.backend.readiness();
                let status = if readiness.ready {
                    StatusCode::OK
                } else {
                    StatusCode::SERVICE_UNAVAILABLE
                };
                Ok(json(status, &readiness))
            }
            "status" => {
                get(method)?;
                Ok(ok(self.backend.status().await))
            }
            "reload" => {
                post(method)?;
                Ok(ok(self.backend.reload().await))
            }
            "generations" if *method == Method::POST => Ok(ok(self.backend.reload().await)),
            "generations" => {
                only(method, &[Method::GET, Method::HEAD], "GET, HEAD, POST")?;
                Ok(ok(self.backend.generations().await))
            }
            "generations/rollback" => {
                post(method)?;
                let to = rollback_query(query.unwrap_or_default())?;
                Ok(ok(self.backend.roll_back(to).await))
            }
            "dead-letters" => {
                get(method)?;
                let query = self.dead_letter_query(query.unwrap_or_default())?;
                Ok(ok(self.backend.dead_letters(query).await))
            }
            _ => match path.split_once('/') {
                Some(("dead-letters", rest)) => self.dead_letter(method, rest).await,
                Some(("channels", rest)) => self.channel(method, rest).await,
                _ => Err(Problem::not_found()),
            },
        }
    }

    /// `{provider}/{tenant}/{team}/{channel}/setup` or `…/teardown`.
    async fn channel(&self, method: &Method, rest: &str) -> Result<Response<Full>, Problem> {
        let (place, what) = rest.rsplit_once('/').ok_or(Problem::not_found())?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let named = |part: &str| !part.is_empty() && part.bytes().all(allowed);
        if place.split('/').count() != 4 || !place.split('/').all(named) {
            return Err(Problem::not_found());
        }
        let place = place.to_owned();
        match what {
            "setup" => {
                only(method, &[Method::POST], "POST")?;
                Ok(ok(self.backend.set_up(place).await))
            }
            "teardown" => {
                only(method, &[Method::POST], "POST")?;
                Ok(done(self.backend.tear_down(place).await))
            }
            _ => Err(Problem::not_found()),
        }
    }

    /// `{id}` or `{id}/replay`.
    async fn dead_letter(&self, method: &Method, rest: &str) -> Result<Response<Full>, Problem> {
        let (id, replay) = match rest.strip_suffix("/replay") {
            Some(id) => (id, true),
            None => (rest, false),
        };
        let allowed = |byte: u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b':')
        };
        if id.is_empty() || !id.bytes().all(allowed) {
            return Err(Problem::not_found());
        }
        let id = id.to_owned();
        if replay {
            only(method, &[Method::POST], "POST")?;
            return Ok(done(self.backend.replay(id).await));
        }
        only(
            method,
            &[Method::GET, Method::HEAD, Method::DELETE],
            "GET, HEAD, DELETE",
        )?;
        match *method {
            Method::DELETE => Ok(done(self.backend.drop_letter(id).await)),
            _ => Ok(self.backend.dead_letter(id).await.map_or_else(
                |error| fault(&error),
                |letter| json(StatusCode::OK, &letter),
            )),
        }
    }

    fn dead_letter_query(&self, text: &str) -> Result<DeadLetterQuery, Problem> {
        const WRONG: Problem = Problem::bad_request(
            "The query takes each of `tenant`, `channel`, `stage`, `cursor` and `limit` (a number above 0) at most once.",
        );
        let most = self.limits.admin.page;
        let mut query = DeadLetterQuery {
            limit: most,
            ..DeadLetterQuery::default()
        };
        let mut limit = None;
        for (name, value) in query::pairs(text).ok_or(WRONG)? {
            let place = match name.as_str() {
                "tenant" => &mut query.tenant,
                "channel" => &mut query.channel,
                "stage" => &mut query.stage,
                "cursor" => &mut query.cursor,
                "limit" => &mut limit,
                _ => return Err(WRONG),
            };
            if place.replace(value).is_some() {
                return Err(WRONG);
            }
        }
        if let Some(limit) = limit {
            let limit: usize = limit.parse().map_err(|_| WRONG)?;
            if limit == 0 {
                return Err(WRONG);
            }
            query.limit = limit.min(most);
        }
        Ok(query)
    }
}

/// `to=NUMBER`, or nothing.
fn rollback_query(text: &str) -> Result<Option<u64>, Problem> {
    const WRONG: Problem =
        Problem::bad_request("The query takes `to`, the number of a generation, at most once.");
    match query::pairs(text).ok_or(WRONG)?.as_slice() {
        [] => Ok(None),
        [(name, value)] if name == "to" => value.parse().map(Some).map_err(|_| WRONG),
        _ => Err(WRONG),
    }
}

/// The token of `Bearer <token>`; the scheme's case does not matter (RFC 9110 section 11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(token)
}

fn only(method: &Method, allowed: &[Method], allow: &'static str) -> Result<(), Problem> {
    if allowed.contains(method) {
        Ok(())
    } else {
        Err(Problem::method(allow))
    }
}
