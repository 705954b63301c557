//! Sends webhooks to the bot as platforms do: signed anew for each attempt, again after a failure, in order where the platform
//! keeps an order.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::Platform;
use super::desk::{Delivered, Desk};
use super::webhook::{Failure, Response, Signing, Webhook};

/// Longest wait that a `Retry-After` of the bot is given.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// The sending side of a platform.
#[derive(Clone)]
pub(super) struct Sender {
    platform: Arc<dyn Platform>,
    desk: Arc<Desk>,
    client: Client<HttpConnector, Full<Bytes>>,
    /// What the platform's waits are multiplied by.
    scale: f64,
}

impl Sender {
    pub(super) fn new(platform: Arc<dyn Platform>, desk: Arc<Desk>, scale: f64) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self {
            platform,
            desk,
            client,
            scale,
        }
    }

    /// Takes webhooks until nobody can send any more. Those of a queue go to the queue's own task, the others side by side.
    pub(super) async fn run(self, mut incoming: UnboundedReceiver<Webhook>) {
        let mut queues: HashMap<String, UnboundedSender<Webhook>> = HashMap::new();
        while let Some(webhook) = incoming.recv().await {
            let Some(queue) = webhook.queue.clone() else {
                let sender = self.clone();
                tokio::spawn(async move { sender.deliver(webhook).await });
                continue;
            };
            let queue = queues.entry(queue).or_insert_with(|| {
                let (into, mut out) = unbounded_channel::<Webhook>();
                let sender = self.clone();
                tokio::spawn(async move {
                    while let Some(webhook) = out.recv().await {
                        sender.deliver(webhook).await;
                    }
                });
                into
            });
            if queue.send(webhook).is_err() {
                self.desk.done();
            }
        }
    }

    /// Sends one webhook until it is taken or given up.
    async fn deliver(&self, mut webhook: Webhook) {
        let retry = self.platform.retry(&webhook);
        let mut attempt = 1;
        loop {
            let response = if self.desk.twice.load(Ordering::SeqCst) {
                let both = tokio::join!(
                    self.attempt(&webhook, Signing::Honest, attempt),
                    self.attempt(&webhook, Signing::Honest, attempt)
                );
                both.0
            } else {
                self.attempt(&webhook, Signing::Honest, attempt).await
            };
            self.platform.answered(&webhook, &response);
            if response.is_success() {
                break;
            }
            attempt += 1;
            let Some(mut wait) = retry.before(attempt) else {
                break;
            };
            wait = wait.mul_f64(self.scale);
            if let Some(seconds) = response
                .header("retry-after")
                .filter(|_| retry.honours_retry_after)
                && let Ok(seconds) = seconds.parse()
            {
                wait = wait.max(
                    Duration::from_secs(seconds)
                        .min(LONGEST_WAIT)
                        .mul_f64(self.scale),
                );
            }
            self.platform.again(&mut webhook, attempt, &response);
            tokio::time::sleep(wait).await;
        }
        self.desk.done();
    }

    /// One attempt, written into the journal.
    pub(super) async fn attempt(
        &self,
        webhook: &Webhook,
        signing: Signing,
        attempt: u32,
    ) -> Response {
        let began = Instant::now();
        let timeout = self.platform.retry(webhook).timeout;
        let response = tokio::time::timeout(timeout, self.send(webhook, signing))
            .await
            .unwrap_or_else(|_| Response::none(Failure::Timeout));
        self.desk.delivered(Delivered {
            key: webhook.key.clone(),
            attempt,
            response: response.clone(),
            took: began.elapsed(),
        });
        response
    }

    async fn send(&self, webhook: &Webhook, signing: Signing) -> Response {
        let Some(target) = self.desk.target() else {
            return Response::none(Failure::Connect);
        };
        let mut signed = webhook.clone();
        self.platform.sign(&mut signed, signing, self.desk.now_ms());
        if signing == Signing::Altered {
            alter(&mut signed.body);
        }
        let mut builder = http::Request::builder()
            .method(signed.method.as_str())
            .uri(format!("{target}{}", signed.path));
        for (name, value) in &signed.headers {
            builder = builder.header(name, value);
        }
        let Ok(request) = builder.body(Full::new(Bytes::from(signed.body))) else {
            return Response::none(Failure::Connect);
        };
        match self.client.request(request).await {
            Err(error) if error.is_connect() => Response::none(Failure::Connect),
            Err(_) => Response::none(Failure::Broken),
            Ok(response) => read(response).await,
        }
    }
}

async fn read(response: http::Response<hyper::body::Incoming>) -> Response {
    let (head, body) = response.into_parts();
    let Ok(body) = body.collect().await else {
        return Response::none(Failure::Broken);
    };
    let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    };
    Response {
        status: head.status.as_u16(),
        headers: head.headers.iter().map(header).collect(),
        body: body.to_bytes().into(),
        failure: None,
    }
}

/// Changes one letter near the end, so that the body still reads; a body without letters gets a space.
fn alter(body: &mut Vec<u8>) {
    match body
        .iter_mut()
        .rev()
        .find(|byte| byte.is_ascii_alphabetic())
    {
        Some(letter) => *letter ^= 0x20,
        None => body.push(b' '),
    }
}
