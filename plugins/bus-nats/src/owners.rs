//! The consumers of the stream, as the server lists them.

use std::rc::Rc;

use serde_json::{Value, json};

use crate::client::Client;
use crate::jetstream::{ApiError, State, ask};

/// A consumer of the stream.
pub struct Owner {
    /// Its name.
    pub name: String,
    /// The subjects it gets.
    pub filter: String,
    /// Up to which number it needs nothing any more.
    pub done: u64,
    /// Up to which number it got what it gets.
    pub delivered: u64,
    /// Whether it stays, and never got anything.
    pub is_fresh: bool,
}

impl Owner {
    fn read(info: &Value) -> Option<Self> {
        let number = |at: &str| info.pointer(at).and_then(Value::as_u64);
        let waits = number("/num_pending") != Some(0) || number("/num_ack_pending") != Some(0);
        let filter = info
            .pointer("/config/filter_subject")
            .and_then(Value::as_str);
        Some(Self {
            name: info.get("name")?.as_str()?.to_owned(),
            // Without one it gets everything.
            filter: filter.unwrap_or(">").to_owned(),
            done: if waits {
                number("/ack_floor/stream_seq").unwrap_or(0)
            } else {
                u64::MAX
            },
            delivered: State::read(info).stream,
            is_fresh: State::read(info).delivered == 0
                && info.pointer("/config/durable_name").is_some(),
        })
    }
}

/// All consumers of the stream.
///
/// # Errors
/// The server's answer.
pub async fn owners(client: &Rc<Client>, prefix: &str) -> Result<Vec<Owner>, ApiError> {
    let mut owners = Vec::new();
    loop {
        let body = json!({ "offset": owners.len() });
        let answer = ask(client, &format!("CONSUMER.LIST.{prefix}"), &body).await?;
        let page = answer.get("consumers").and_then(Value::as_array);
        let total = answer.get("total").and_then(Value::as_u64).unwrap_or(0);
        let before = owners.len();
        owners.extend(page.into_iter().flatten().filter_map(Owner::read));
        let is_all = u64::try_from(owners.len()).unwrap_or(u64::MAX) >= total;
        if is_all || owners.len() == before {
            return Ok(owners);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Owner;

    #[test]
    fn a_consumer_that_waits_for_nothing_needs_nothing_of_the_stream() {
        let info = |pending: u64, unacknowledged: u64| {
            Owner::read(&json!({
                "name": "n", "config": {"filter_subject": "a.>"}, "ack_floor": {"stream_seq": 7},
                "delivered": {"stream_seq": 9},
                "num_pending": pending, "num_ack_pending": unacknowledged,
            }))
            .unwrap()
        };
        assert_eq!(
            (info(0, 0).done, info(1, 0).done, info(0, 1).done),
            (u64::MAX, 7, 7)
        );
        assert_eq!(
            (info(0, 0).filter.as_str(), info(0, 0).delivered),
            ("a.>", 9)
        );
        assert!(Owner::read(&json!({})).is_none());
    }
}
