//! The direct conversation with a person: `conversations.open` makes it or finds it, always under the same id.

use serde_json::{Value, json};

use crate::api::{Api, Failure};
use crate::fields;
use crate::remembered::{self, DAY_MS};

/// Its id, `D…`.
///
/// # Errors
/// When Slack does not open one: no such user, or not now. Opening twice is harmless.
pub fn conversation(api: &Api, user: &str) -> Result<String, Failure> {
    let name = ["direct", user];
    if let Some(Value::String(id)) = remembered::get(&name) {
        return Ok(id);
    }
    let answer = api
        .call("conversations.open", &json!({"users": user}))
        .map_err(Failure::repeatable)?;
    let id = fields::text(&answer, "/channel/id").ok_or_else(|| {
        Failure::Later("conversations.open gave no conversation".to_owned(), None)
    })?;
    remembered::put(&name, &Value::from(id), 30 * DAY_MS);
    Ok(id.to_owned())
}

#[cfg(test)]
mod tests {
    use greentic_sdk::http::Response;
    use greentic_sdk::native::{Table, install, requests};

    use super::*;

    #[test]
    fn a_conversation_is_opened_once_a_person() {
        install(Table::new().secret("slack/bot-token", b"xoxb-1").http(|_| {
            Ok(Response::of_json(
                200,
                &json!({"ok": true, "channel": {"id": "D9"}}),
            ))
        }));
        let api = Api::open("https://slack.com/api", "slack/bot-token").unwrap();
        for _ in 0..2 {
            assert_eq!(conversation(&api, "U1").as_deref(), Ok("D9"));
        }
        assert_eq!(requests().len(), 1);
    }
}
