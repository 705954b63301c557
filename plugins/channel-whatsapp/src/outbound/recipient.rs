//! To whom a message goes.

use greentic_sdk::model::{Conversation, ConversationKind};
use serde_json::{Map, Value};

/// The fields that name the recipient. A business-scoped user id goes into a field of its own; where the number is known too it is
/// given, takes precedence, and keeps numbers in the webhooks.
pub fn fields(conversation: &Conversation, wa_id: Option<&str>) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut put = |name: &str, value: &str| fields.insert(name.to_owned(), value.into());
    if conversation.kind == ConversationKind::Group {
        put("recipient_type", "group");
        put("to", &conversation.id);
        return fields;
    }
    put("recipient_type", "individual");
    if is_user_id(&conversation.id) {
        if let Some(number) = wa_id {
            put("to", number);
        }
        put("recipient", &conversation.id);
    } else {
        put("to", &conversation.id);
    }
    fields
}

/// Two letters for the country, a dot, and more: `US.13491208655302741918`, `US.ENT.11815799212886844830`.
pub fn is_user_id(id: &str) -> bool {
    matches!(id.as_bytes(), [a, b, b'.', _, ..] if a.is_ascii_uppercase() && b.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_a_user_id_and_a_group_are_named_in_their_fields() {
        let group = Conversation {
            kind: ConversationKind::Group,
            ..Conversation::direct("G1")
        };
        for (conversation, wa_id, expected) in [
            (
                Conversation::direct("4179"),
                None,
                json!({"recipient_type": "individual", "to": "4179"}),
            ),
            (
                Conversation::direct("CH.12"),
                None,
                json!({"recipient_type": "individual", "recipient": "CH.12"}),
            ),
            (
                Conversation::direct("CH.12"),
                Some("4179"),
                json!({"recipient_type": "individual", "to": "4179", "recipient": "CH.12"}),
            ),
            (
                group,
                Some("4179"),
                json!({"recipient_type": "group", "to": "G1"}),
            ),
        ] {
            assert_eq!(Value::Object(fields(&conversation, wa_id)), expected);
        }
        for id in ["", "US", "US.", "us.1", "U.1", "+41.79", "4179"] {
            assert!(!is_user_id(id), "{id}");
        }
        assert!(is_user_id("US.ENT.1"));
    }
}
