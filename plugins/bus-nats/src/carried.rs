//! A message as NATS carries it: `{prefix}.{kind}.{partition}.{subject}`, and headers.

use greentic_sdk::bus::Message;
use greentic_sdk_network::bus::Message as Sent;

use crate::headers::{Headers, value};
use crate::wire::Message as Arrived;

/// The id, known to JetStream too.
pub const ID: &str = "Nats-Msg-Id";
const KEY: &str = "Greentic-Key";
/// W3C trace context.
const TRACE: &str = "traceparent";

/// Its headers.
#[must_use]
pub fn headers(message: &Sent) -> Vec<u8> {
    Headers::default()
        .with(ID, &message.id)
        .with(KEY, &message.key)
        .with(TRACE, &message.trace)
        .finish()
}

/// The message that arrived; `None` for one that is none of ours.
#[must_use]
pub fn read(prefix: &str, kind: &str, arrived: &Arrived) -> Option<Message> {
    let rest = arrived.subject.strip_prefix(prefix)?.strip_prefix('.')?;
    let rest = rest.strip_prefix(kind)?.strip_prefix('.')?;
    let (_, subject) = rest.split_once('.')?;
    let header = |name| value(&arrived.headers, name).unwrap_or_default();
    Some(Message {
        subject: subject.to_owned(),
        id: header(ID),
        key: header(KEY),
        trace: header(TRACE),
        payload: arrived.payload.clone(),
    })
}
