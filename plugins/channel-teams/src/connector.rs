//! Calls to the Bot Connector, and what its answers mean.

use std::time::Duration;

use greentic_sdk::channel::DeliveryError;
use greentic_sdk::http::{Fault, Request, Response};
use greentic_sdk::{delivery, percent, time};
use serde_json::Value;

use crate::settings::Settings;
use crate::token::{self, AccessToken};

/// How long one call may take.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Most characters of the Connector's own words that go into a reason.
const SHOWN: usize = 300;

/// The Connector of one service URL.
pub struct Connector<'a> {
    settings: &'a Settings,
    service: &'a str,
}

/// The path of a conversation, below the service URL.
pub fn conversation(id: &str) -> String {
    format!("/v3/conversations/{}", percent::encode(id))
}

/// The path of an activity, below the service URL.
pub fn activity(conversation_id: &str, id: &str) -> String {
    format!(
        "{}/activities/{}",
        conversation(conversation_id),
        percent::encode(id)
    )
}

impl<'a> Connector<'a> {
    /// `service` is a base of paths whose host is trusted.
    #[must_use]
    pub fn new(settings: &'a Settings, service: &'a str) -> Self {
        Self { settings, service }
    }

    /// Makes one call and returns the answer's JSON, `null` where it has none. A token that is refused is replaced once.
    ///
    /// # Errors
    /// By what is known: see [`meaning`].
    pub fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, DeliveryError> {
        let token = token::obtain(self.settings, time::now_ms(), false)?;
        let (mut token, mut answer) = (token, None);
        for fresh in [false, true] {
            if fresh {
                token = token::obtain(self.settings, time::now_ms(), true)?;
            }
            let response = self.send(method, path, body, &token)?;
            let refused = response.status == 401;
            answer = Some(response);
            if !refused {
                break;
            }
        }
        let Some(response) = answer else {
            return Err(delivery::retry("no call was made", None));
        };
        if let Some(error) = meaning(method, &response, &token) {
            return Err(error);
        }
        if response.body.is_empty() {
            return Ok(Value::Null);
        }
        match response.json::<Value>() {
            Ok(answer) if answer.is_object() || answer.is_null() => Ok(answer),
            // Somebody else answered, a proxy perhaps: whether the Connector heard of it nobody knows.
            _ => {
                let reason = format!("HTTP {} without the Connector's JSON", response.status);
                Err(if method == "POST" {
                    DeliveryError::Unknown(reason)
                } else {
                    delivery::retry(reason, None)
                })
            }
        }
    }

    fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        token: &AccessToken,
    ) -> Result<Response, DeliveryError> {
        let mut request = Request::new(method, format!("{}{path}", self.service))
            .header("authorization", &token.authorization())
            .timeout(TIMEOUT);
        if let Some(body) = body {
            request = request.json(body);
        }
        request.send().map_err(|fault| match fault {
            // What is put or deleted twice is there or gone once.
            Fault::Unknown(reason) if method != "POST" => delivery::retry(reason, None),
            fault => fault.delivery_error(),
        })
    }

    /// Fetches a file of a message with the bot's token.
    ///
    /// # Errors
    /// As [`Connector::call`].
    pub fn fetch(settings: &Settings, url: &str) -> Result<Response, DeliveryError> {
        let token = token::obtain(settings, time::now_ms(), false)?;
        Request::get(url)
            .header("authorization", &token.authorization())
            .timeout(TIMEOUT)
            .send()
            .map_err(Fault::delivery_error)
    }
}

/// What an answer means for a delivery. `None` for 2xx.
///
/// | status | meaning |
/// |---|---|
/// | 401 | `retry`: the token was refused twice |
/// | 412, 429, 502, 504 | `retry`: Teams asks for that |
/// | 503 with a time to wait | `retry` |
/// | 408 and other 5xx | `unknown` for POST, which is not idempotent; otherwise `retry` |
/// | everything else, 403, 404 and 413 among it | `rejected` |
fn meaning(method: &str, response: &Response, token: &AccessToken) -> Option<DeliveryError> {
    let after_ms = response.retry_after_ms();
    let reason = || words(response, token);
    Some(match response.status {
        200..300 => return None,
        401 | 412 | 429 | 502 | 504 => delivery::retry(reason(), after_ms),
        503 if after_ms.is_some() => delivery::retry(reason(), after_ms),
        408 | 500.. if method == "POST" => DeliveryError::Unknown(reason()),
        408 | 500.. => delivery::retry(reason(), after_ms),
        _ => DeliveryError::Rejected(reason()),
    })
}

/// The Connector's own words: `{"error": {"code", "message"}}`.
fn words(response: &Response, token: &AccessToken) -> String {
    let body: Value = response.json().unwrap_or_default();
    let field = |name: &str| {
        body.get("error")
            .and_then(|error| error.get(name))
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let (code, message) = (field("code"), field("message"));
    let mut words = format!("HTTP {}", response.status);
    if !code.is_empty() || !message.is_empty() {
        let said = token.hide(&format!(": {code}: {message}"));
        words.extend(said.chars().take(SHOWN));
    }
    words
}
