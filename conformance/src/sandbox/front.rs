//! What a gateway is to a channel: an HTTP server that hands requests to `ingress` and keeps what came of each.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use greentic_interfaces::imports::greentic::channel::types::{
    Descriptor, IngressError, IngressOutcome, Request, Surface, Surfaces,
};
use greentic_interfaces::model::Header;
use greentic_sandbox::client::Client;
use greentic_sandbox::scope::CallScope;
use greentic_sandbox::worlds::ChannelWorld;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::Stage;

/// Where the channel's webhook is, as in a host.
const WEBHOOK: &str = "/v1/messaging/ingress/candidate/acme/support/hook";

/// Where the channel's API is, as in a host.
const API: &str = "/v1/messaging/candidate/acme/support/hook";

const SURFACES: [(&str, Surface, Surfaces); 3] = [
    (WEBHOOK, Surface::Webhook, Surfaces::WEBHOOK),
    (API, Surface::Api, Surfaces::API),
    (
        "/v1/web/candidate/acme/support/hook",
        Surface::Page,
        Surfaces::PAGE,
    ),
];

/// What the channel made of one request.
#[derive(Debug, Clone)]
pub enum Told {
    /// It answered.
    Outcome(IngressOutcome),
    /// It refused.
    Refused(IngressError),
    /// It gave no answer: a trap, a limit.
    Fault(String),
}

/// The server. It ends when this is dropped.
pub struct Front {
    /// `http://127.0.0.1:PORT`.
    origin: String,
    told: Arc<Mutex<Vec<Told>>>,
    task: JoinHandle<()>,
}

impl Front {
    /// Serves a channel on a free port.
    ///
    /// # Errors
    /// When there is no port.
    pub fn start(
        stage: &Stage,
        client: Arc<Client<ChannelWorld>>,
        descriptor: &Descriptor,
    ) -> std::io::Result<Self> {
        let listener = stage.wait(TcpListener::bind("127.0.0.1:0"))?;
        let origin = format!("http://{}", listener.local_addr()?);
        let told: Arc<Mutex<Vec<Told>>> = Arc::default();
        let reader = Arc::new(Reader {
            origin: origin.clone(),
            surfaces: descriptor.surfaces,
            headers: descriptor.headers.clone(),
            told: Arc::clone(&told),
            client,
        });
        let task = stage.handle().spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let reader = Arc::clone(&reader);
                tokio::spawn(async move {
                    let service = service_fn(|request| reader.answer(request));
                    // The other end is a simulated platform: where it broke off, it knows.
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Ok(Self { origin, told, task })
    }

    /// The server's address.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The address of the webhook surface.
    #[must_use]
    pub fn webhook(&self) -> String {
        format!("{}{WEBHOOK}", self.origin)
    }

    /// The path of the surface `api`.
    #[must_use]
    pub fn api(&self) -> &'static str {
        API
    }

    /// What the channel made of the requests since the last time this was asked.
    #[must_use]
    pub fn take(&self) -> Vec<Told> {
        std::mem::take(&mut self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Reader {
    origin: String,
    surfaces: Surfaces,
    headers: Vec<String>,
    told: Arc<Mutex<Vec<Told>>>,
    client: Arc<Client<ChannelWorld>>,
}

impl Reader {
    async fn answer(
        &self,
        request: http::Request<Incoming>,
    ) -> Result<http::Response<Full<Bytes>>, Box<dyn std::error::Error + Send + Sync>> {
        let (head, body) = request.into_parts();
        let path = head.uri.path();
        let served = |(base, _, surface): &&(&str, Surface, Surfaces)| {
            path.strip_prefix(base)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                && self.surfaces.contains(*surface)
        };
        let Some((base, surface, _)) = SURFACES.iter().find(served) else {
            return bare(404);
        };
        let request = Request {
            surface: *surface,
            method: head.method.as_str().to_owned(),
            origin: self.origin.clone(),
            base: (*base).to_owned(),
            path: path.strip_prefix(base).unwrap_or_default().to_owned(),
            query: head.uri.query().map(str::to_owned),
            headers: self.declared(&head.headers),
            body: body.collect().await?.to_bytes().into(),
        };
        let told = match self.client.ingress(CallScope::default(), request).await {
            Err(fault) => Told::Fault(fault.to_string()),
            Ok(Err(error)) => Told::Refused(error),
            Ok(Ok(outcome)) => Told::Outcome(outcome),
        };
        let answer = answered(&told);
        self.told
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(told);
        answer
    }

    /// The headers the channel declared, in its order.
    fn declared(&self, headers: &http::HeaderMap) -> Vec<Header> {
        let values = |name: &String| {
            let name = name.clone();
            headers.get_all(&name).into_iter().map(move |value| Header {
                name: name.clone(),
                value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
            })
        };
        self.headers.iter().flat_map(values).collect()
    }
}

/// The answer a host gives.
fn answered(
    told: &Told,
) -> Result<http::Response<Full<Bytes>>, Box<dyn std::error::Error + Send + Sync>> {
    let outcome = match told {
        Told::Outcome(outcome) => outcome,
        Told::Refused(IngressError::Unverified(_)) => return bare(401),
        Told::Refused(IngressError::Unavailable(_)) => return bare(503),
        Told::Refused(IngressError::Internal(_)) | Told::Fault(_) => return bare(500),
    };
    let mut builder = http::Response::builder().status(outcome.response.status);
    for header in &outcome.response.headers {
        builder = builder.header(&header.name, &header.value);
    }
    Ok(builder.body(Full::new(Bytes::from(outcome.response.body.clone())))?)
}

fn bare(
    status: u16,
) -> Result<http::Response<Full<Bytes>>, Box<dyn std::error::Error + Send + Sync>> {
    Ok(http::Response::builder()
        .status(status)
        .body(Full::default())?)
}
