//! HTTP calls to the hosts the bundle grants, over `wasi:http`.
//!
//! Calls are synchronous: a channel's instance makes one call at a time and the host runs as many instances as there is work
//! for. Redirects are not followed. A failed call says whether the request may have been acted upon:
//!
//! ```
//! use greentic_sdk::http::{Request, Response};
//! use greentic_sdk::native::{Table, install};
//! use greentic_sdk::secret::Secret;
//!
//! install(Table::new().secret("token", b"t").http(|request| {
//!     assert_eq!(request.header_value("authorization"), Some("Bearer gtsec_token"));
//!     Ok(Response::of_json(200, &serde_json::json!({"ok": true})))
//! }));
//! let token = Secret::open("token").unwrap();
//! let answer = Request::post("https://api.example.com/send")
//!     .bearer(&token)
//!     .json(&serde_json::json!({"text": "hello"}))
//!     .send()
//!     .unwrap();
//! assert_eq!(answer.json::<serde_json::Value>().unwrap()["ok"], true);
//! ```

use std::time::Duration;

use crate::channel::{DeliveryError, Retry};
use crate::model::Header;
use crate::secret::Secret;

#[cfg(target_arch = "wasm32")]
mod wasi;

/// How long a call may take in all where the request does not say.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// Largest response body in bytes where the request does not say: what an answer of `ingress` may hold.
pub const MAX_RESPONSE: usize = 4 << 20;

/// A request to send. Built by chaining; headers with the credentials of a secret hold its placeholder.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Upper-case.
    pub method: String,
    /// The whole address: scheme, host, path and query, percent-encoded. A secret's placeholder may stand in path and query.
    pub url: String,
    /// Names in lower case.
    pub headers: Vec<Header>,
    /// The body; empty for none.
    pub body: Vec<u8>,
    /// How long the call may take in all, the reading of the response included.
    pub timeout: Duration,
    /// Largest response body, in bytes. A larger one fails the call.
    pub max_response: usize,
}

impl Request {
    /// A request of any method, upper-case.
    #[must_use]
    pub fn new(method: &str, url: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout: TIMEOUT,
            max_response: MAX_RESPONSE,
        }
    }

    /// GET.
    #[must_use]
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// POST.
    #[must_use]
    pub fn post(url: impl Into<String>) -> Self {
        Self::new("POST", url)
    }

    /// PUT.
    #[must_use]
    pub fn put(url: impl Into<String>) -> Self {
        Self::new("PUT", url)
    }

    /// PATCH.
    #[must_use]
    pub fn patch(url: impl Into<String>) -> Self {
        Self::new("PATCH", url)
    }

    /// DELETE.
    #[must_use]
    pub fn delete(url: impl Into<String>) -> Self {
        Self::new("DELETE", url)
    }

    /// With this header more.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers
            .push(Header::new(&name.to_ascii_lowercase(), value));
        self
    }

    /// With `Authorization: Bearer` and the secret, which the host puts in its place.
    #[must_use]
    pub fn bearer(self, secret: &Secret) -> Self {
        self.header("authorization", &format!("Bearer {}", secret.placeholder()))
    }

    /// With a JSON body.
    #[must_use]
    pub fn json(self, value: &serde_json::Value) -> Self {
        self.body("application/json", value.to_string().into_bytes())
    }

    /// With a form as its body.
    #[must_use]
    pub fn form(self, pairs: &[(&str, &str)]) -> Self {
        self.body(
            crate::form::CONTENT_TYPE,
            crate::form::encode(pairs).into_bytes(),
        )
    }

    /// With parts as its body.
    #[must_use]
    pub fn multipart(self, parts: crate::multipart::Multipart) -> Self {
        let content_type = parts.content_type();
        self.body(&content_type, parts.into_body())
    }

    /// With a body of a media type.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: Vec<u8>) -> Self {
        self.body = body;
        self.header("content-type", content_type)
    }

    /// Gives up after so long in all.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Takes a response body of up to so many bytes. The host has a bound of its own (32 MiB by default).
    #[must_use]
    pub fn max_response(mut self, bytes: usize) -> Self {
        self.max_response = bytes;
        self
    }

    /// The first header of that lower-case name, for scripts of the stand-in.
    #[must_use]
    pub fn header_value(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// Sends it and reads the whole response. Any status is a response.
    ///
    /// # Errors
    /// [`Fault`], by what is known about the request.
    pub fn send(&self) -> Result<Response, Fault> {
        #[cfg(target_arch = "wasm32")]
        {
            wasi::send(self)
        }
        #[cfg(not(target_arch = "wasm32"))]
        {
            crate::native::send(self)
        }
    }
}

/// What a server answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// 100 to 599.
    pub status: u16,
    /// Names in lower case. Values that are not UTF-8 are left out.
    pub headers: Vec<Header>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Response {
    /// A response with a body, for scripts of the stand-in.
    #[must_use]
    pub fn of(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: vec![Header::new("content-type", content_type)],
            body: body.into(),
        }
    }

    /// A response with a JSON body, for scripts of the stand-in.
    #[must_use]
    pub fn of_json(status: u16, value: &serde_json::Value) -> Self {
        Self::of(status, "application/json", value.to_string())
    }

    /// The same with one header more. `name` is lower-case.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push(Header::new(name, value));
        self
    }

    /// 200 to 299.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The first header of that lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The body as a text; bytes that are not UTF-8 become U+FFFD.
    #[must_use]
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// The body read as JSON.
    ///
    /// # Errors
    /// When it is not JSON of that type.
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }

    /// What `Retry-After` asks for (RFC 9110, section 10.2.3): seconds, also with a fraction, or a date. `None` without the header
    /// or when it is neither.
    #[must_use]
    pub fn retry_after_ms(&self) -> Option<u64> {
        let text = self.header("retry-after")?.trim();
        if let Ok(seconds) = text.parse::<f64>() {
            let wait = Duration::try_from_secs_f64(seconds).ok()?;
            return u64::try_from(wait.as_millis()).ok();
        }
        let then = httpdate::parse_http_date(text).ok()?;
        let then = then.duration_since(std::time::UNIX_EPOCH).ok()?;
        let then = u64::try_from(then.as_millis()).ok()?;
        Some(then.saturating_sub(crate::time::now_ms()))
    }
}

fn find<'a>(headers: &'a [Header], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|header| header.name == name)
        .map(|header| header.value.as_str())
}

/// Why there is no response, by what is known about the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The host did not let it out: the bundle does not grant that destination, or the address itself is wrong. Nothing was sent and
    /// the same call will fail again.
    Refused(String),
    /// Surely not sent: the name or the host was not found, no connection, no TLS.
    NotSent(String),
    /// It went out, wholly or in part, and no complete answer came: the server may have acted upon it.
    Unknown(String),
}

impl Fault {
    /// What it means for a delivery: refused is `rejected`, not sent is `retry`, unknown stays unknown.
    #[must_use]
    pub fn delivery_error(self) -> DeliveryError {
        match self {
            Self::Refused(reason) => DeliveryError::Rejected(reason),
            Self::NotSent(reason) => DeliveryError::Retry(Retry {
                reason,
                after_ms: None,
            }),
            Self::Unknown(reason) => DeliveryError::Unknown(reason),
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(text) => write!(f, "refused: {text}"),
            Self::NotSent(text) => write!(f, "not sent: {text}"),
            Self::Unknown(text) => write!(f, "no answer: {text}"),
        }
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::{Fault, Request, Response};
    use crate::channel::DeliveryError;
    use crate::native::{Table, install, requests, set_clock};

    #[test]
    fn a_request_is_built_as_it_is_sent() {
        install(Table::new().http(|_| Ok(Response::of(204, "text/plain", ""))));
        let request = Request::post("https://a.example/x")
            .form(&[("a", "b c")])
            .header("X-Key", "1");
        assert_eq!(request.send().unwrap().status, 204);
        let sent = requests();
        assert_eq!(sent, [request]);
        assert_eq!(sent[0].body, b"a=b+c");
        assert_eq!(
            sent[0].header_value("content-type"),
            Some("application/x-www-form-urlencoded")
        );
        assert_eq!(sent[0].header_value("x-key"), Some("1"));
    }

    #[test]
    fn without_a_script_every_call_is_refused() {
        install(Table::new());
        assert!(matches!(
            Request::get("https://a.example/").send(),
            Err(Fault::Refused(_))
        ));
    }

    #[test]
    fn retry_after_is_read_as_seconds_or_as_a_date() {
        install(Table::new());
        set_clock(784_111_777_000);
        for (header, ms) in [
            ("30", Some(30_000)),
            ("0", Some(0)),
            (" 1.5 ", Some(1_500)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10_000)),
            ("Sun, 06 Nov 1994 08:49:27 GMT", Some(0)),
            ("-1", None),
            ("NaN", None),
            ("inf", None),
            ("soon", None),
            ("", None),
        ] {
            let response = Response::of(429, "text/plain", "").with_header("retry-after", header);
            assert_eq!(response.retry_after_ms(), ms, "{header}");
        }
        assert_eq!(Response::of(429, "text/plain", "").retry_after_ms(), None);
    }

    #[test]
    fn only_what_was_surely_not_sent_is_tried_again() {
        let error = |fault: Fault| fault.delivery_error();
        assert!(matches!(
            error(Fault::Refused("r".into())),
            DeliveryError::Rejected(text) if text == "r"
        ));
        assert!(matches!(
            error(Fault::NotSent("n".into())),
            DeliveryError::Retry(retry) if retry.reason == "n" && retry.after_ms.is_none()
        ));
        assert!(matches!(
            error(Fault::Unknown("u".into())),
            DeliveryError::Unknown(text) if text == "u"
        ));
    }
}
