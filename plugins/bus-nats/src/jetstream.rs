//! The API of JetStream, as far as it is used: JSON requests on `$JS.API.…` (<https://docs.nats.io/reference/reference-protocols/nats_api_reference>).

use std::rc::Rc;

use greentic_sdk::model::Error;
use greentic_sdk_network::asked::{Effect, Lost};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::client::{Client, Request};
use crate::headers::status;
use crate::wire::Message;

/// No such consumer.
pub const CONSUMER_NOT_FOUND: u64 = 10_014;
/// The error of a stream without such a message.
pub const NO_MESSAGE: u64 = 10_037;
/// No such stream.
pub const STREAM_NOT_FOUND: u64 = 10_059;
/// Something was written to the subject in between.
pub const WRONG_LAST_SEQUENCE: u64 = 10_071;

/// Why the API said no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiError {
    /// Its own code, and its words.
    Refused(u64, u64, String),
    /// There was no answer.
    Lost(Lost),
    /// Nobody listens there: JetStream is not enabled, or the stream is gone.
    Nobody,
    /// The answer makes no sense.
    Strange(String),
}

impl ApiError {
    /// Its code, when it has one.
    #[must_use]
    pub fn code(&self) -> Option<u64> {
        match self {
            Self::Refused(_, code, _) => Some(*code),
            _ => None,
        }
    }

    /// As the contract's error. `writes`: whether the request changes anything.
    #[must_use]
    pub fn into_error(self, writes: bool) -> Error {
        match self {
            Self::Refused(status, code, text) => {
                let text = format!("JetStream answered: {text} ({code})");
                if status == 400 && !text.contains("maximum") && !text.contains("insufficient") {
                    Error::Internal(text)
                } else {
                    Error::Unavailable(text)
                }
            }
            Self::Lost(lost) if writes => lost.into_error(Effect::Write),
            Self::Lost(lost) => lost.into_error(Effect::Read),
            Self::Nobody => Error::Unavailable(
                "nobody answers for the stream: JetStream is not enabled for this account, or the stream was deleted".into(),
            ),
            Self::Strange(text) => Error::Internal(format!("JetStream answered `{text}`")),
        }
    }
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    code: u64,
    #[serde(default)]
    err_code: u64,
    #[serde(default)]
    description: String,
}

/// What an answer says.
///
/// # Errors
/// [`ApiError`]
pub fn read(answer: Result<Message, Lost>) -> Result<Value, ApiError> {
    let message = answer.map_err(ApiError::Lost)?;
    if status(&message.headers) == Some(503) {
        return Err(ApiError::Nobody);
    }
    let strange = || {
        let text: String = String::from_utf8_lossy(&message.payload)
            .chars()
            .take(200)
            .collect();
        ApiError::Strange(text)
    };
    let mut value: Value = serde_json::from_slice(&message.payload).map_err(|_| strange())?;
    match value.get_mut("error").map(Value::take) {
        None => Ok(value),
        Some(error) => {
            let refusal: Refusal = serde_json::from_value(error).map_err(|_| strange())?;
            Err(ApiError::Refused(
                refusal.code,
                refusal.err_code,
                refusal.description,
            ))
        }
    }
}

/// Asks the API.
///
/// # Errors
/// [`ApiError`]
pub async fn ask(client: &Rc<Client>, call: &str, body: &Value) -> Result<Value, ApiError> {
    let request = start(client, call, body)?;
    read(request.wait().await)
}

/// Begins to ask the API, so that several questions go together.
///
/// # Errors
/// [`ApiError`]
pub fn start(client: &Rc<Client>, call: &str, body: &Value) -> Result<Request, ApiError> {
    let payload = if body.is_null() {
        Vec::new()
    } else {
        body.to_string().into_bytes()
    };
    client
        .request(&format!("$JS.API.{call}"), b"", &payload)
        .map_err(ApiError::Lost)
}

/// Where a delivery stands, from the subject its acknowledgement goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// How often it was delivered.
    pub delivered: u32,
    /// The message's number in the stream.
    pub stream: u64,
    /// The delivery's number in the consumer.
    pub consumer: u64,
    /// When it was published, in milliseconds since 1970.
    pub time_ms: u64,
}

impl Place {
    /// `$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<ns>.<pending>`, with domain, account and token in newer
    /// servers.
    #[must_use]
    pub fn read(reply: &str) -> Option<Self> {
        let tokens: Vec<&str> = reply.strip_prefix("$JS.ACK.")?.split('.').collect();
        let numbers = match tokens.len() {
            7 => tokens.get(2..)?,
            10.. => tokens.get(4..)?,
            _ => return None,
        };
        let number = |place: usize| numbers.get(place)?.parse::<u64>().ok();
        Some(Self {
            delivered: u32::try_from(number(0)?).ok()?,
            stream: number(1)?,
            consumer: number(2)?,
            time_ms: number(3)? / 1_000_000,
        })
    }
}

/// What a consumer is, for as long as it is not settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct State {
    /// The newest delivery's number.
    pub delivered: u64,
    /// Delivered and not acknowledged.
    pub unacknowledged: u64,
    /// Not yet delivered.
    pub pending: u64,
    /// The number in the stream of the newest delivery.
    pub stream: u64,
}

impl State {
    /// From a consumer's `INFO`.
    #[must_use]
    pub fn read(info: &Value) -> Self {
        let number = |value: Option<&Value>| value.and_then(Value::as_u64).unwrap_or(0);
        Self {
            delivered: number(info.pointer("/delivered/consumer_seq")),
            unacknowledged: number(info.get("num_ack_pending")),
            pending: number(info.get("num_pending")),
            stream: number(info.pointer("/delivered/stream_seq")),
        }
    }
}

/// The body of a request for messages.
#[must_use]
pub fn pull(batch: u64, expires_ms: u64) -> Vec<u8> {
    json!({ "batch": batch, "expires": expires_ms * 1_000_000 })
        .to_string()
        .into_bytes()
}

#[cfg(test)]
mod tests {
    use greentic_sdk::model::Error;

    use super::{ApiError, Place, read};
    use crate::wire::Message;

    #[test]
    fn a_deliverys_place_is_read_in_both_forms() {
        let expected = Place {
            delivered: 2,
            stream: 30,
            consumer: 41,
            time_ms: 1_700_000_000_123,
        };
        for reply in [
            "$JS.ACK.s.c.2.30.41.1700000000123456789.5",
            "$JS.ACK._.hash.s.c.2.30.41.1700000000123456789.5.tok",
        ] {
            assert_eq!(Place::read(reply), Some(expected), "{reply}");
        }
        for reply in [
            "",
            "$JS.ACK.s.c.2",
            "x.s.c.2.30.41.1.5",
            "$JS.ACK.s.c.x.30.41.1.5",
        ] {
            assert_eq!(Place::read(reply), None, "{reply}");
        }
    }

    #[test]
    fn answers_are_told_apart() {
        let message = |headers: &str, payload: &str| Message {
            headers: headers.into(),
            payload: payload.into(),
            ..Message::default()
        };
        assert_eq!(
            read(Ok(message("NATS/1.0 503\r\n\r\n", ""))),
            Err(ApiError::Nobody)
        );
        let full = read(Ok(message(
            "",
            r#"{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"}}"#,
        )));
        let full = full.unwrap_err();
        assert_eq!(full.code(), Some(10_077));
        assert!(matches!(full.into_error(true), Error::Unavailable(_)));
        assert!(matches!(
            read(Ok(message("", "<html>"))),
            Err(ApiError::Strange(_))
        ));
        assert_eq!(read(Ok(message("", r#"{"seq":1}"#))).unwrap()["seq"], 1);
    }
}
