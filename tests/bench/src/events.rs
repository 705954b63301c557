//! The events that are sent: signed before the clock starts, each with an id of its own, over many conversations.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use greentic_conformance::platform::Webhook;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// What the webhook is signed with; the host finds it under the name [`SECRET`].
pub const KEY: &str = "a-key-for-measuring-and-nothing-else";

/// The secret's name, as the channel asks for it.
pub const SECRET: &str = "signing-key";

/// Conversations the events go round in.
const CONVERSATIONS: usize = 20_000;

/// Whole HTTP requests, back to back in one block of memory, and the next to send.
pub struct Events {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    next: AtomicUsize,
}

impl Events {
    /// Signs `count` events, each for the path of its number; their ids begin with `run`, so that no two runs share one.
    ///
    /// # Errors
    /// Never in practice: HMAC takes a key of any length.
    pub fn sign(path: impl Fn(usize) -> String, run: &str, count: usize) -> anyhow::Result<Self> {
        let mut bytes = Vec::with_capacity(count.saturating_mul(360));
        let mut ends = Vec::with_capacity(count);
        for number in 0..count {
            let conversation = number % CONVERSATIONS;
            let body = format!(
                r#"{{"id":"{run}-{number}","conversation":"conversation-{conversation}","user":"user-{conversation}","text":"What is the state of my ticket, please?"}}"#
            );
            let signature = signature(body.as_bytes())?;
            let mut head = String::with_capacity(256);
            let _ = write!(
                head,
                "POST {} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\nx-signature: {signature}\r\ncontent-length: {}\r\n\r\n",
                path(number),
                body.len()
            );
            bytes.extend_from_slice(head.as_bytes());
            bytes.extend_from_slice(body.as_bytes());
            ends.push(bytes.len());
        }
        Ok(Self {
            bytes,
            ends,
            next: AtomicUsize::new(0),
        })
    }

    /// Signs as many as are sent in `time` when `per_second` are.
    ///
    /// # Errors
    /// As [`Events::sign`], and for a time without an end.
    pub fn lasting(
        path: impl Fn(usize) -> String,
        run: &str,
        time: Duration,
        per_second: usize,
    ) -> anyhow::Result<Self> {
        let count = usize::try_from(time.as_millis())?.saturating_mul(per_second) / 1000;
        Self::sign(path, run, count)
    }

    /// The webhooks of a platform, sent to a path.
    pub fn of(path: &str, webhooks: Vec<Webhook>) -> Self {
        let (mut bytes, mut ends) = (Vec::new(), Vec::with_capacity(webhooks.len()));
        for webhook in webhooks {
            let mut head = format!(
                "{} {path}{} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {}\r\n",
                webhook.method,
                webhook.path,
                webhook.body.len()
            );
            for (name, value) in &webhook.headers {
                let _ = write!(head, "{name}: {value}\r\n");
            }
            head.push_str("\r\n");
            bytes.extend_from_slice(head.as_bytes());
            bytes.extend_from_slice(&webhook.body);
            ends.push(bytes.len());
        }
        Self {
            bytes,
            ends,
            next: AtomicUsize::new(0),
        }
    }

    /// The next request; `None` when all were taken.
    pub fn take(&self) -> Option<&[u8]> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let end = *self.ends.get(number)?;
        let begin = number
            .checked_sub(1)
            .and_then(|before| self.ends.get(before))
            .copied()
            .unwrap_or_default();
        self.bytes.get(begin..end)
    }
}

/// The signature of a body, as the channel expects it.
fn signature(body: &[u8]) -> anyhow::Result<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).context("HMAC")?;
    mac.update(body);
    Ok(hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::{Events, KEY, SECRET};
    use echo_channel::Echo;
    use greentic_sdk::channel::{Channel, Request, Surface};
    use greentic_sdk::model::Header;
    use greentic_sdk::native::{Table, install};

    /// Both ends agree: what is generated is what the channel takes.
    #[test]
    fn the_channel_takes_every_event_and_no_two_are_the_same() {
        install(Table::new().secret(SECRET, KEY.as_bytes()));
        let events = Events::sign(|_| "/hook".to_owned(), "r", 3).unwrap();
        let mut ids = Vec::new();
        while let Some(request) = events.take() {
            let text = std::str::from_utf8(request).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            let value = |name: &str| {
                let found = head.lines().find_map(|line| line.strip_prefix(name));
                found.unwrap().trim().to_owned()
            };
            assert_eq!(value("content-length:"), body.len().to_string());
            let outcome = Echo::ingress(Request {
                surface: Surface::Webhook,
                method: "POST".into(),
                origin: String::new(),
                base: String::new(),
                path: String::new(),
                query: None,
                headers: vec![Header::new("x-signature", &value("x-signature:"))],
                body: body.into(),
            });
            ids.extend(outcome.unwrap().events.into_iter().map(|event| event.id));
        }
        assert_eq!(ids, ["r-0", "r-1", "r-2"]);
    }
}
