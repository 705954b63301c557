//! The platform's API as an HTTP server on a free port of this machine.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::Platform;
use super::call::{Answer, Call};
use super::desk::{Desk, Recorded, lock};
use super::fault::{Script, Trouble};

/// The connection is to be broken: hyper closes it when a service fails.
#[derive(Debug)]
struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("broken on purpose")
    }
}

impl std::error::Error for Broken {}

/// What each request needs.
pub(super) struct Counter {
    pub(super) platform: Arc<dyn Platform>,
    pub(super) desk: Arc<Desk>,
    pub(super) script: Mutex<Script>,
}

/// Serves until the runtime ends.
pub(super) async fn serve(
    listener: TcpListener,
    counter: Arc<Counter>,
) -> Result<Infallible, std::io::Error> {
    loop {
        let (stream, _) = listener.accept().await?;
        let counter = Arc::clone(&counter);
        tokio::spawn(async move {
            let service = service_fn(|request| counter.serve(request));
            // A connection that breaks is the bot's affair, or was broken on purpose.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

impl Counter {
    async fn serve(
        &self,
        request: http::Request<Incoming>,
    ) -> Result<http::Response<Full<Bytes>>, Broken> {
        let (head, body) = request.into_parts();
        let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        };
        let call = Call {
            method: head.method.as_str().to_owned(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: head.headers.iter().map(header).collect(),
            body: body.collect().await.map_err(|_| Broken)?.to_bytes().into(),
        };
        let trouble = lock(&self.script).next(self.platform.as_ref(), &call);
        let harmed = trouble.is_some();
        let answer = match trouble {
            None => Some(self.platform.answer(&call)),
            Some(Trouble::Refuse(refusal)) => Some(self.platform.refusal(refusal)),
            Some(Trouble::Answer(answer)) => Some(answer),
            Some(Trouble::Delay(delay)) => {
                tokio::time::sleep(delay).await;
                Some(self.platform.answer(&call))
            }
            Some(Trouble::DropBefore) => None,
            Some(Trouble::DropAfter) => {
                self.platform.answer(&call);
                None
            }
        };
        self.desk.record(Recorded {
            call,
            answer: answer.clone(),
            harmed,
            at: Instant::now(),
        });
        response(answer.ok_or(Broken)?)
    }
}

fn response(answer: Answer) -> Result<http::Response<Full<Bytes>>, Broken> {
    let mut builder = http::Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        builder = builder.header(name, value);
    }
    builder
        .body(Full::new(Bytes::from(answer.body)))
        .map_err(|_| Broken)
}
