//! Plain HTTP/1.1: calls that answer with whatever came, and bytes as no client would send them.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use serde_json::Value;
use ureq::Agent;
use ureq::http::Request;

use super::PATIENCE;

/// A client with connections of its own.
#[derive(Clone)]
pub struct Web(Agent);

/// An answer, of whatever status.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Web {
    /// With no connection yet.
    #[must_use]
    pub fn new() -> Self {
        Self::within(PATIENCE)
    }

    /// With no connection yet, and less patience for each call.
    #[must_use]
    pub fn within(patience: Duration) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(patience))
            .proxy(None)
            .build();
        Self(config.into())
    }

    /// Calls and reads the whole answer.
    ///
    /// # Panics
    /// When there is no answer.
    #[must_use]
    pub fn call(&self, method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.attempt(method, url, headers, body)
            .unwrap_or_else(|error| panic!("{method} {url}: {error}"))
    }

    /// The same where having no answer is one: a connection that is refused or cut.
    ///
    /// # Errors
    /// What became of the connection.
    pub fn attempt(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer, ureq::Error> {
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        // A body on a method that takes none would be refused by the client itself.
        let called = if body.is_empty() && !matches!(method, "POST" | "PUT" | "PATCH") {
            self.0.run(request.body(()).unwrap())
        } else {
            self.0.run(request.body(body).unwrap())
        };
        let mut answer = called?;
        let headers = answer
            .headers()
            .iter()
            .map(|(name, value)| {
                (
                    name.as_str().to_owned(),
                    value.to_str().unwrap_or_default().to_owned(),
                )
            })
            .collect();
        Ok(Answer {
            status: answer.status().as_u16(),
            headers,
            body: answer.body_mut().read_to_vec()?,
        })
    }
}

impl Default for Web {
    fn default() -> Self {
        Self::new()
    }
}

impl Answer {
    /// A header, or nothing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .iter()
            .find(|(own, _)| own.eq_ignore_ascii_case(name))
            .map_or("", |(_, value)| value)
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text()))
    }

    /// The status in its problem document (RFC 9457), which must be one and agree with the answer's.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn problem(&self) -> u16 {
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{self:?}"
        );
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "{problem}");
        assert!(
            problem["title"]
                .as_str()
                .is_some_and(|title| !title.is_empty()),
            "{problem}"
        );
        self.status
    }
}

/// Sends bytes on a connection of their own and reads until the other side closes it.
#[must_use]
pub fn send_raw(origin: &str, bytes: &[u8]) -> String {
    read_to_end(send(origin, bytes))
}

/// Sends bytes, says that no more will come, and reads until the other side closes the connection.
#[must_use]
pub fn send_cut(origin: &str, bytes: &[u8]) -> String {
    let stream = send(origin, bytes);
    stream.shutdown(Shutdown::Write).unwrap();
    read_to_end(stream)
}

fn send(origin: &str, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(origin.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(bytes).unwrap();
    stream
}

fn read_to_end(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    // A connection that is reset after the answer is an end like any other.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}
