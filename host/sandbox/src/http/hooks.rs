//! What a cell's `wasi:http` calls go through: whose request it is, what that plugin may do, and what it is told.

use std::sync::Arc;

use http::{HeaderName, HeaderValue, Method, Request, Response};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error, RequestOptions, WasiBody, WasiHttpHooks,
};

use super::client::HttpClient;
use super::failure::Failure;
use super::outgoing::{Destination, prepare, unfounded_credential};
use super::placeholder::Placeholders;
use crate::grants::{Capability, Grants, Refusal, Refusals};
use crate::measures::Measures;

/// The hooks of one cell, for WASI 0.2 and 0.3 alike.
pub struct Hooks {
    client: HttpClient,
    lane: Arc<Semaphore>,
    plugin: Arc<str>,
    grants: Arc<Grants>,
    placeholders: Arc<dyn Placeholders>,
    refusals: Refusals,
    measures: Option<Arc<Measures>>,
    trace: Option<HeaderValue>,
}

impl Hooks {
    /// Hooks for a cell of `plugin`, which has these grants and was given these placeholders.
    #[must_use]
    pub fn new(
        client: HttpClient,
        plugin: impl Into<Arc<str>>,
        grants: Arc<Grants>,
        placeholders: Arc<dyn Placeholders>,
    ) -> Self {
        let plugin = plugin.into();
        let lane = client.lane(&plugin);
        Self {
            client,
            lane,
            plugin,
            grants,
            placeholders,
            refusals: Refusals::default(),
            measures: None,
            trace: None,
        }
    }

    /// Records refusals in `refusals`, which the cell may share with its sockets.
    #[must_use]
    pub fn with_refusals(mut self, refusals: Refusals) -> Self {
        self.refusals = refusals;
        self
    }

    /// Counts requests in the plugin's metrics.
    #[must_use]
    pub fn with_measures(mut self, measures: Arc<Measures>) -> Self {
        self.measures = Some(measures);
        self
    }

    /// The refusals so far: `wasi:http` can only tell the guest that it was denied, these say what to do.
    #[must_use]
    pub fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    /// Sets the `traceparent` that requests carry from now on (W3C trace context); `None` leaves the guest's own. A text that
    /// is no header value counts as none.
    pub fn set_trace(&mut self, trace: Option<String>) {
        self.trace = trace.and_then(|trace| HeaderValue::try_from(trace).ok());
    }

    fn exchange(&self) -> Exchange {
        Exchange {
            client: self.client.clone(),
            lane: Arc::clone(&self.lane),
            plugin: Arc::clone(&self.plugin),
            grants: Arc::clone(&self.grants),
            placeholders: Arc::clone(&self.placeholders),
            refusals: self.refusals.clone(),
            measures: self.measures.clone(),
            trace: self.trace.clone(),
        }
    }
}

type Io = Box<dyn Future<Output = Result<(), Error>> + Send>;

impl WasiHttpHooks for Hooks {
    fn is_forbidden_header(&mut self, name: &HeaderName) -> bool {
        DEFAULT_FORBIDDEN_HEADERS.contains(name)
    }

    /// The client writes `host` from what was judged.
    fn set_host_header(&mut self) -> bool {
        false
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        fut: Io,
    ) -> Box<dyn Future<Output = Result<(Response<WasiBody>, Io), Error>> + Send> {
        // It tells how the guest's reading of the response ended, which changes nothing here.
        drop(fut);
        let exchange = self.exchange();
        Box::new(async move {
            let response = exchange.run(request, options.unwrap_or_default()).await?;
            // The pool drives the connection: nothing is left to do for this request.
            Ok((response, Box::new(std::future::ready(Ok(()))) as Io))
        })
    }
}

/// One request on its way.
struct Exchange {
    client: HttpClient,
    lane: Arc<Semaphore>,
    plugin: Arc<str>,
    grants: Arc<Grants>,
    placeholders: Arc<dyn Placeholders>,
    refusals: Refusals,
    measures: Option<Arc<Measures>>,
    trace: Option<HeaderValue>,
}

impl Exchange {
    async fn run(
        self,
        request: Request<WasiBody>,
        options: RequestOptions,
    ) -> Result<Response<WasiBody>, Error> {
        let started = Instant::now();
        let method = request.method().clone();
        // CONNECT asks for a tunnel past every judgement here; TRACE returns the headers, replaced secrets too.
        if method == Method::CONNECT || method == Method::TRACE {
            return Err(Error::HttpRequestMethodInvalid);
        }
        let destination = Destination::of(request.uri()).ok_or(Error::HttpRequestUriInvalid)?;
        let result = self.judged(request, &destination, options, started).await;
        // The path stays out of it: it may hold a credential (incident 32).
        let (plugin, origin, ms) = (
            &self.plugin,
            destination.origin(),
            started.elapsed().as_millis(),
        );
        if let Some(measures) = &self.measures {
            measures.requested(result.as_ref().ok().map(|answer| answer.status().as_u16()));
        }
        match &result {
            Ok(response) => {
                tracing::debug!(%plugin, %method, origin, status = response.status().as_u16(), ms, "request sent")
            }
            Err(error) => tracing::debug!(%plugin, %method, origin, %error, ms, "request failed"),
        }
        result
    }

    async fn judged(
        &self,
        request: Request<WasiBody>,
        destination: &Destination,
        options: RequestOptions,
        started: Instant,
    ) -> Result<Response<WasiBody>, Error> {
        let Destination { scheme, host, port } = destination;
        let reach = self
            .grants
            .http_reach(&self.plugin, *scheme, host, *port)
            .map_err(|refusal| self.deny(refusal))?;
        if self.grants.reveal.is_empty()
            && let Some(header) = unfounded_credential(request.headers(), &*self.placeholders)
        {
            return Err(self.deny(self.credential_refusal(&header, destination)));
        }
        let config = self.client.config();
        let deadline = started + config.total_timeout;
        // Before the body is read, so that what is held of bodies is bounded too.
        let permit = Arc::clone(&self.lane)
            .try_acquire_owned()
            .map_err(|_| Error::ConnectionLimitReached)?;
        let (mut parts, body) = request.into_parts();
        let prepared = prepare(
            &mut parts,
            body,
            destination,
            &*self.placeholders,
            config.max_replaced_body,
        );
        let body = timeout_at(deadline, prepared)
            .await
            .map_err(|_| Error::ConnectionWriteTimeout)??;
        if let Some(trace) = &self.trace {
            parts.headers.insert("traceparent", trace.clone());
        }
        let sent = self
            .client
            .send(
                permit,
                &reach,
                Request::from_parts(parts, body),
                options,
                deadline,
            )
            .await;
        sent.map_err(|failure| match failure {
            Failure::Refused(refused) => {
                self.refusals.record(Grants::http_address_refusal(
                    &self.plugin,
                    *scheme,
                    host,
                    *port,
                    &refused.0,
                ));
                Error::DestinationIpProhibited
            }
            Failure::Http(error) => error,
        })
    }

    fn deny(&self, refusal: Refusal) -> Error {
        self.refusals.record(refusal);
        Error::HttpRequestDenied
    }

    fn credential_refusal(&self, header: &HeaderName, destination: &Destination) -> Refusal {
        let asked = format!("header `{header}` to {}", destination.origin());
        let reason =
            "a credential comes from a secret: put the secret's placeholder into the header";
        match self.grants.secrets.first() {
            Some(secret) => {
                Refusal::new(&self.plugin, Capability::Reveal, &asked, reason).add(secret)
            }
            None => Refusal::new(&self.plugin, Capability::Secrets, &asked, reason)
                .add("name-of-the-secret"),
        }
    }
}
