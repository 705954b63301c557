//! A channel reduced to what every channel must do: verify the raw bytes, read them, deliver.
//!
//! The webhook takes `POST` with `x-signature: <hex of HMAC-SHA256 over the body>` by the secret `signing-key`, and the body
//! `{"id", "conversation", "user", "text"}`. `deliver` has no platform behind it: it answers with a receipt for the delivery's id.

use greentic_sdk::channel::{
    Capabilities, Channel, Delivery, DeliveryError, Descriptor, IngressError, IngressOutcome,
    Limits, Receipt, Request, Response, Surfaces,
};
use greentic_sdk::model::{About, Conversation, Event, EventBody, Message, Participant};
use greentic_sdk::secret::{Secret, SecretError};
use serde::Deserialize;
use std::time::{SystemTime, UNIX_EPOCH};

/// The name of the secret the webhook is signed with.
pub const SECRET: &str = "signing-key";

/// The body of a webhook call.
#[derive(Deserialize)]
struct Incoming {
    id: String,
    conversation: String,
    user: String,
    text: String,
}

/// The component.
pub struct Echo;

impl Channel for Echo {
    fn describe() -> Descriptor {
        Descriptor {
            about: About::new(
                "echo-channel",
                env!("CARGO_PKG_VERSION"),
                "A signed webhook for tests and measurements",
            )
            .secret(SECRET),
            surfaces: Surfaces::WEBHOOK,
            headers: vec!["x-signature".into()],
            upload_paths: Vec::new(),
            capabilities: Capabilities::PROACTIVE,
            dedupe_ms: 0,
            limits: Limits {
                max_text: 4096,
                max_buttons: 0,
                max_attachment: 0,
                per_conversation: Vec::new(),
                per_channel: Vec::new(),
            },
        }
    }

    fn ingress(request: Request) -> Result<IngressOutcome, IngressError> {
        let secret = Secret::open(SECRET).map_err(|error| match error {
            SecretError::Denied(text) | SecretError::Unavailable(text) => {
                IngressError::Unavailable(text)
            }
            SecretError::NotFound => {
                IngressError::Unavailable("the secret `signing-key` is not there".into())
            }
        })?;
        let Some(given) = request.header("x-signature") else {
            return Err(IngressError::Unverified("no x-signature header".into()));
        };
        let Some(tag) = tag(given) else {
            return Err(IngressError::Unverified(
                "x-signature is not 64 hexadecimal digits".into(),
            ));
        };
        if !secret.verify_hmac(&request.body, &tag) {
            return Err(IngressError::Unverified(
                "x-signature does not match the body".into(),
            ));
        }
        if request.method != "POST" {
            return Ok(IngressOutcome::answer(
                Response::empty(405).with_header("allow", "POST"),
            ));
        }
        match serde_json::from_slice::<Incoming>(&request.body) {
            Ok(incoming) => Ok(IngressOutcome::events(
                Response::empty(200),
                vec![event(incoming)],
            )),
            Err(error) => Ok(IngressOutcome::malformed(
                Response::empty(200),
                error.to_string(),
            )),
        }
    }

    fn deliver(delivery: Delivery) -> Result<Receipt, DeliveryError> {
        Ok(Receipt::one(delivery.id))
    }
}

greentic_sdk::export_channel!(Echo);

fn event(incoming: Incoming) -> Event {
    let time_ms = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        });
    Event {
        dedupe_key: incoming.id.clone(),
        id: incoming.id,
        time_ms,
        conversation: Conversation::direct(incoming.conversation),
        sender: Participant::person(incoming.user),
        reply_to: None,
        body: EventBody::Message(Message::plain(incoming.text)),
    }
}

/// The 32 bytes that 64 hexadecimal digits stand for.
fn tag(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut tag = [0; 32];
    for (byte, pair) in tag.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(tag)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Echo, SECRET};
    use greentic_sdk::channel::{Channel, IngressError, Request, Surface};
    use greentic_sdk::model::{EventBody, Header};
    use greentic_sdk::native::{Table, install};
    use greentic_sdk::secret::Secret;

    fn request(body: &str, signature: Option<String>) -> Request {
        Request {
            surface: Surface::Webhook,
            method: "POST".into(),
            origin: "http://localhost".into(),
            base: "/hook".into(),
            path: String::new(),
            query: None,
            headers: signature
                .map(|value| Header::new("x-signature", &value))
                .into_iter()
                .collect(),
            body: body.into(),
        }
    }

    fn signed(body: &str) -> Request {
        let tag = Secret::open(SECRET).unwrap().hmac_sha256(body.as_bytes());
        request(
            body,
            Some(tag.iter().map(|byte| format!("{byte:02x}")).collect()),
        )
    }

    const BODY: &str = r#"{"id":"m1","conversation":"c1","user":"u1","text":"hello"}"#;

    #[test]
    fn a_signed_body_becomes_one_message() {
        install(Table::new().secret(SECRET, b"k"));
        let outcome = Echo::ingress(signed(BODY)).unwrap();
        assert_eq!((outcome.response.status, outcome.malformed), (200, None));
        let [event] = outcome.events.as_slice() else {
            panic!("one event")
        };
        assert_eq!(
            (
                event.id.as_str(),
                event.dedupe_key.as_str(),
                event.conversation.id.as_str()
            ),
            ("m1", "m1", "c1")
        );
        assert_eq!(event.sender.id, "u1");
        assert!(matches!(&event.body, EventBody::Message(message) if message.text == "hello"));
    }

    #[test]
    fn nothing_is_read_before_it_is_verified() {
        install(Table::new().secret(SECRET, b"k"));
        let mut changed = signed(BODY);
        changed.body.push(b' ');
        let other = Secret::open(SECRET).unwrap().hmac_sha256(b"other");
        let other: String = other.iter().map(|byte| format!("{byte:02x}")).collect();
        for bad in [
            request(BODY, None),
            request(BODY, Some("zz".repeat(32))),
            request("{", Some(other)),
            changed,
        ] {
            assert!(matches!(
                Echo::ingress(bad),
                Err(IngressError::Unverified(_))
            ));
        }
    }

    #[test]
    fn a_signed_body_that_cannot_be_read_is_malformed() {
        install(Table::new().secret(SECRET, b"k"));
        let outcome = Echo::ingress(signed(r#"{"id":1}"#)).unwrap();
        assert!(outcome.events.is_empty() && outcome.malformed.is_some());
    }

    #[test]
    fn without_its_secret_it_takes_nothing() {
        install(Table::new());
        assert!(matches!(
            Echo::ingress(request(BODY, Some("00".repeat(32)))),
            Err(IngressError::Unavailable(_))
        ));
    }
}
