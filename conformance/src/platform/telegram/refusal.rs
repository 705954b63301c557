//! What the Bot API answers when it does not do something: `{"ok":false,"error_code":…,"description":…}`, the status the same.

use serde_json::{Value, json};

use crate::platform::Answer;

/// A refusal on its way to the bot.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    /// `error_code`, and the HTTP status.
    pub code: u16,
    /// `description`.
    pub description: String,
    /// `parameters`.
    pub parameters: Option<Value>,
    /// The bot made a mistake that it could have known, by a short name; none where things only stand so.
    pub violation: Option<&'static str>,
}

impl Refused {
    /// 400 for something a bot must not send.
    pub fn wrong(violation: &'static str, description: impl Into<String>) -> Self {
        Self {
            code: 400,
            description: format!("Bad Request: {}", description.into()),
            parameters: None,
            violation: Some(violation),
        }
    }

    /// 400 for something a bot could not know.
    pub fn stands(description: impl Into<String>) -> Self {
        Self {
            code: 400,
            description: format!("Bad Request: {}", description.into()),
            parameters: None,
            violation: None,
        }
    }

    /// 403.
    pub fn forbidden(description: &str) -> Self {
        Self {
            code: 403,
            description: format!("Forbidden: {description}"),
            parameters: None,
            violation: None,
        }
    }

    /// 429 with the seconds to wait, at least one.
    pub fn too_many(seconds: u64) -> Self {
        let seconds = seconds.max(1);
        Self {
            code: 429,
            description: format!("Too Many Requests: retry after {seconds}"),
            parameters: Some(json!({"retry_after": seconds})),
            violation: None,
        }
    }

    /// 400 for a group that has another id.
    pub fn moved(to: i64) -> Self {
        Self {
            code: 400,
            description: "Bad Request: group chat was upgraded to a supergroup chat".into(),
            parameters: Some(json!({"migrate_to_chat_id": to})),
            violation: None,
        }
    }

    /// As an answer.
    pub fn answer(&self) -> Answer {
        let mut body =
            json!({"ok": false, "error_code": self.code, "description": self.description});
        if let (Some(fields), Some(parameters)) = (body.as_object_mut(), &self.parameters) {
            fields.insert("parameters".into(), parameters.clone());
        }
        Answer::json(self.code, &body)
    }
}
