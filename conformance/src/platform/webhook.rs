//! What a platform sends to a bot.

use std::time::Duration;

/// A request to the bot's webhook, without its signature: that is made for each attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// By which the platform recognises it, such as its event's identifier; redelivered under the same.
    pub key: String,
    /// `POST` for most.
    pub method: String,
    /// What follows the target's address: empty, a path, a query or both.
    pub path: String,
    /// Headers without the signature's; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The bytes.
    pub body: Vec<u8>,
    /// Webhooks of one queue are sent one after another, a failing one holding the others back; without one they go side by side.
    pub queue: Option<String>,
}

impl Webhook {
    /// A `POST` of JSON.
    #[must_use]
    pub fn json(key: impl Into<String>, body: &serde_json::Value) -> Self {
        Self::post(key, "application/json", body.to_string().into_bytes())
    }

    /// A `POST` of a form.
    #[must_use]
    pub fn form(key: impl Into<String>, fields: &[(&str, &str)]) -> Self {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let kind = "application/x-www-form-urlencoded";
        Self::post(key, kind, body.into_bytes())
    }

    /// A `POST` of anything.
    #[must_use]
    pub fn post(key: impl Into<String>, content_type: &str, body: Vec<u8>) -> Self {
        Self {
            key: key.into(),
            method: "POST".into(),
            path: String::new(),
            headers: vec![("content-type".into(), content_type.into())],
            body,
            queue: None,
        }
    }

    /// A `GET`.
    #[must_use]
    pub fn get(key: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            method: "GET".into(),
            path: path.into(),
            headers: Vec::new(),
            body: Vec::new(),
            queue: None,
        }
    }

    /// The same in a queue.
    #[must_use]
    pub fn in_queue(mut self, queue: impl Into<String>) -> Self {
        self.queue = Some(queue.into());
        self
    }

    /// Sets a header in place of one of the same name.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.headers.retain(|(other, _)| other != name);
        self.headers.push((name.into(), value.into()));
    }

    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }
}

/// How a webhook is signed: as the platform does it, or wrongly in one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signing {
    /// As the platform does it.
    Honest,
    /// Not at all.
    Missing,
    /// With something that is no signature.
    Garbage,
    /// With the beginning of the right one.
    Truncated,
    /// With a key that is not the platform's.
    OtherKey,
    /// With an empty key, or an empty token: what a bot whose secret is empty would take.
    EmptyKey,
    /// Rightly, so long ago (milliseconds) that it must be a copy: a replay.
    Old(u64),
    /// Rightly, and dated so far ahead (milliseconds).
    Ahead(u64),
    /// Rightly, and the body was changed afterwards. The change is made by whoever sends it.
    Altered,
    /// In a way only this platform has, such as `wrong-audience`.
    Special(&'static str),
}

impl Signing {
    /// How much the clock of an honest signature is to be moved, in milliseconds.
    #[must_use]
    pub fn clock_offset_ms(self) -> i64 {
        match self {
            Self::Old(ms) => -i64::try_from(ms).unwrap_or(i64::MAX),
            Self::Ahead(ms) => i64::try_from(ms).unwrap_or(i64::MAX),
            _ => 0,
        }
    }

    /// A short name in the form of a case's identifier.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Honest => "honest",
            Self::Missing => "missing",
            Self::Garbage => "wrong",
            Self::Truncated => "truncated",
            Self::OtherKey => "other-key",
            Self::EmptyKey => "empty-key",
            Self::Old(_) => "replayed",
            Self::Ahead(_) => "future-dated",
            Self::Altered => "altered-body",
            Self::Special(name) => name,
        }
    }
}

/// What the bot answered to a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status, 0 when there was no answer.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Why there was no answer.
    pub failure: Option<Failure>,
}

/// Why there was no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// No connection.
    Connect,
    /// Not in time.
    Timeout,
    /// The connection broke.
    Broken,
}

impl Response {
    /// No answer.
    #[must_use]
    pub fn none(failure: Failure) -> Self {
        Self {
            status: 0,
            headers: Vec::new(),
            body: Vec::new(),
            failure: Some(failure),
        }
    }

    /// A status from 200 to 299.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// How a platform sends a webhook again.
#[derive(Debug, Clone)]
pub struct Retry {
    /// Waits before the second, third, … attempt.
    pub delays: Vec<Duration>,
    /// Further attempts at this distance when the delays are used up, for so many times.
    pub then: Option<(Duration, u32)>,
    /// How long an answer is waited for.
    pub timeout: Duration,
    /// `Retry-After` of a refusal is kept to.
    pub honours_retry_after: bool,
}

impl Retry {
    /// One attempt and no more.
    #[must_use]
    pub fn never(timeout: Duration) -> Self {
        Self {
            delays: Vec::new(),
            then: None,
            timeout,
            honours_retry_after: false,
        }
    }

    /// The wait before attempt `attempt` (2 for the first repetition).
    #[must_use]
    pub fn before(&self, attempt: u32) -> Option<Duration> {
        let index = usize::try_from(attempt.checked_sub(2)?).ok()?;
        if let Some(delay) = self.delays.get(index) {
            return Some(*delay);
        }
        let (delay, times) = self.then?;
        let extra = index - self.delays.len();
        (extra < usize::try_from(times).ok()?).then_some(delay)
    }
}

/// The value of a header in a list.
pub(super) fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(other, _)| other.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::Retry;
    use std::time::Duration;

    #[test]
    fn the_schedule_is_the_delays_and_then_the_tail() {
        let second = Duration::from_secs(1);
        let retry = Retry {
            delays: vec![Duration::ZERO, second],
            then: Some((second * 9, 2)),
            ..Retry::never(second)
        };
        let waits: Vec<_> = (1..8).map(|attempt| retry.before(attempt)).collect();
        let tail = Some(second * 9);
        let expected = [
            None,
            Some(Duration::ZERO),
            Some(second),
            tail,
            tail,
            None,
            None,
        ];
        assert_eq!(waits, expected);
    }
}
