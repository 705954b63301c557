//! Every kind of update, and what it is in the common model.

mod happened;
mod said;

use greentic_sdk::model::{Event, EventBody, Message as Said};
use serde_json::{Value, json};

use crate::testing::{events, receive};

pub fn one(update: &Value) -> Event {
    let mut events = events(update);
    assert_eq!(events.len(), 1, "{events:?}");
    events.remove(0)
}

pub fn said(update: &Value) -> Said {
    match one(update).body {
        EventBody::Message(said) => said,
        other => panic!("{other:?}"),
    }
}

pub fn ignored(update: &Value) {
    let outcome = receive(update).unwrap();
    assert_eq!(
        (outcome.response.status, outcome.ignored),
        (200, 1),
        "{update}"
    );
    assert_eq!(
        (outcome.events, outcome.malformed),
        (vec![], None),
        "{update}"
    );
}

pub fn update(kind: &str, value: Value) -> Value {
    json!({"update_id": 9001, kind: value})
}

pub fn square() -> Value {
    json!({"id": -1_001_234_567_890_i64, "type": "supergroup", "title": "Square"})
}
