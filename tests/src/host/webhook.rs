//! The signed webhook of the plugin `echo-channel`.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::web::{Answer, Web};

/// The secret `signing-key`.
pub const KEY: &str = "the signing key of the tests";

/// One channel's webhook, over connections of its own.
#[derive(Clone)]
pub struct Webhook {
    web: Web,
    url: String,
}

/// The body of one message.
#[must_use]
pub fn body(id: &str, conversation: &str, text: &str) -> String {
    serde_json::json!({"id": id, "conversation": conversation, "user": "u", "text": text})
        .to_string()
}

/// The signature of a body by [`KEY`], as 64 hexadecimal digits.
///
/// # Panics
/// Never: HMAC takes keys of any length.
#[must_use]
pub fn signature(body: &str) -> String {
    signature_by(KEY, body)
}

/// The signature of a body by another key.
///
/// # Panics
/// Never: HMAC takes keys of any length.
#[must_use]
pub fn signature_by(key: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

impl Webhook {
    /// Of the channel `echo` of `tests/bundles/talk.yaml`.
    #[must_use]
    pub fn new(origin: &str) -> Self {
        Self {
            web: Web::new(),
            url: format!("{origin}/v1/messaging/ingress/echo/demo/default/echo"),
        }
    }

    /// Another one with connections of its own.
    #[must_use]
    pub fn another(&self) -> Self {
        Self {
            web: Web::new(),
            url: self.url.clone(),
        }
    }

    /// Sends a body with a signature, or with none.
    #[must_use]
    pub fn send(&self, body: &str, signature: Option<&str>) -> Answer {
        let header = signature.map(|value| ("x-signature", value));
        self.web
            .call("POST", &self.url, header.as_slice(), body.as_bytes())
    }

    /// Sends a message that is signed as it should be, and expects that it is taken.
    pub fn say(&self, id: &str, conversation: &str, text: &str) {
        let body = body(id, conversation, text);
        let answer = self.send(&body, Some(&signature(&body)));
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// Sends so many messages more, after `said` of them, in seven conversations; the sum is what is said then.
    #[must_use]
    pub fn say_more(&self, said: u32, count: u32) -> u32 {
        for number in said + 1..=said + count {
            self.say(&format!("m{number}"), &format!("c{}", number % 7), "hello");
        }
        said + count
    }
}
