//! What the platform sends.

use greentic_sdk::channel::{IngressError, IngressOutcome, Request, Response};
use greentic_sdk::model::{Conversation, ConversationKind, Event, EventBody, Message, Participant};
use greentic_sdk::secret::Secret;
use greentic_sdk::{hex, signature, time};
use serde::Deserialize;
use serde_json::Value;

use crate::fault::{self, Fault};

/// So much of a body is looked at by the channel that takes altered ones.
const LOOKED_AT: usize = 20;

/// Checks the signature of a request.
pub fn verify(request: &Request, key: &Secret) -> Result<(), IngressError> {
    let header = request.header("x-signature");
    let refused = |reason: signature::Unsigned| IngressError::Unverified(reason.to_string());
    if fault::is(Fault::AcceptsAltered) {
        // Wrong on purpose: any signature of the platform's form will do once the body begins as its bodies do.
        let begins = request.body.get(..LOOKED_AT.min(request.body.len()));
        let known = begins.is_some_and(|bytes| bytes.starts_with(b"{\"id\""));
        let whole = signature::verify_hex(key, &request.body, header, "");
        return if known && header.is_some_and(|text| text.len() == 64) {
            Ok(())
        } else {
            whole.map_err(refused)
        };
    }
    if fault::is(Fault::AcceptsTruncated)
        && let Some(header) = header.filter(|header| !header.is_empty())
        && hex::encode(&key.hmac_sha256(&request.body)).starts_with(header)
    {
        return Ok(());
    }
    // The SDK's check refuses an empty secret by itself; this one does not.
    if fault::is(Fault::TakesEmptySecret)
        && let Some(tag) = header.and_then(hex::decode)
        && key.verify_hmac(&request.body, &tag)
    {
        return Ok(());
    }
    signature::verify_hex(key, &request.body, header, "").map_err(refused)
}

/// A person's message.
#[derive(Deserialize)]
struct Incoming {
    id: String,
    conversation: String,
    user: String,
    text: String,
}

/// Reads a verified body: a message, or a list of them.
pub fn read(body: &[u8]) -> IngressOutcome {
    match serde_json::from_slice::<Value>(body) {
        Ok(Value::Array(items)) => list(items),
        Ok(value) => list(vec![value]),
        Err(error) => malformed(&error.to_string()),
    }
}

fn list(mut items: Vec<Value>) -> IngressOutcome {
    if fault::is(Fault::FirstOfBatch) {
        items.truncate(1);
    }
    let mut outcome = IngressOutcome::answer(Response::empty(200));
    for item in items {
        if item.get("kind").is_some() {
            if fault::is(Fault::UnknownIsMalformed) {
                return malformed("an unknown kind");
            }
            outcome.ignored += 1;
            continue;
        }
        match serde_json::from_value::<Incoming>(item) {
            Ok(incoming) if within(&incoming) => outcome.events.push(event(incoming)),
            Ok(_) => return malformed("an identifier is empty or longer than 512 bytes"),
            Err(error) => return malformed(&error.to_string()),
        }
    }
    outcome
}

fn within(incoming: &Incoming) -> bool {
    [&incoming.id, &incoming.conversation, &incoming.user]
        .iter()
        .all(|text| (1..=512).contains(&text.len()))
}

fn malformed(reason: &str) -> IngressOutcome {
    let status = if fault::is(Fault::RefusesMalformed) {
        400
    } else {
        200
    };
    IngressOutcome::malformed(Response::empty(status), reason)
}

fn event(incoming: Incoming) -> Event {
    let kind = if incoming.conversation.starts_with("g-") {
        ConversationKind::Group
    } else {
        ConversationKind::Direct
    };
    let key = if fault::is(Fault::KeyFromText) {
        incoming.text.clone()
    } else {
        format!("{}/{}", incoming.conversation, incoming.id)
    };
    Event {
        dedupe_key: key,
        id: incoming.id,
        time_ms: time::now_ms(),
        conversation: Conversation {
            id: incoming.conversation,
            thread: None,
            kind,
        },
        sender: Participant::person(incoming.user),
        reply_to: None,
        body: EventBody::Message(Message::plain(incoming.text)),
    }
}
