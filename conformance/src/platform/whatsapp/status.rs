//! Statuses: how far a message of the bot has come.

use serde_json::{Value, json};

use super::account::Account;
use super::notify::Told;
use super::put;

/// What the bot is told about one of its messages. One that failed names its error, and no contact.
pub fn told(account: &Account, id: &str, status: &str, now_ms: u64, error: Option<Value>) -> Told {
    let kept = account.message(id);
    let conversation = kept.map_or("", |kept| kept.conversation.as_str());
    let callback = kept.and_then(|kept| kept.callback.clone());
    of(
        account,
        &Sent {
            id,
            conversation,
            callback,
        },
        status,
        now_ms,
        error,
    )
}

/// A message of the bot, also one that is not seen.
pub struct Sent<'a> {
    /// Its identifier.
    pub id: &'a str,
    /// Where it went.
    pub conversation: &'a str,
    /// What it was given along.
    pub callback: Option<String>,
}

/// The same about a message that may not be seen.
pub fn of(
    account: &Account,
    sent: &Sent<'_>,
    status: &str,
    now_ms: u64,
    error: Option<Value>,
) -> Told {
    let person = account.person_of(sent.conversation);
    let mut fields = json!({
        "id": sent.id,
        "status": status,
        "timestamp": (now_ms / 1000).to_string(),
    });
    match person {
        Some(person) => {
            let number = person.wa_id.as_ref().unwrap_or(&person.user_id);
            put(&mut fields, "recipient_id", json!(number));
            if error.is_none() || person.wa_id.is_none() {
                put(&mut fields, "recipient_user_id", json!(person.user_id));
            }
        }
        None => {
            put(&mut fields, "recipient_id", json!(sent.conversation));
            put(&mut fields, "recipient_type", json!("group"));
        }
    }
    if let Some(callback) = &sent.callback {
        put(&mut fields, "biz_opaque_callback_data", json!(callback));
    }
    let mut value = json!({});
    match error {
        Some(error) => put(&mut fields, "errors", json!([error])),
        None => {
            let origin =
                json!({ "id": "7270432eae37498234f4444b35ffc5", "origin": { "type": "service" } });
            put(&mut fields, "conversation", origin);
            let pricing = json!({ "billable": false, "pricing_model": "PMP", "category": "service", "type": "free_customer_service" });
            put(&mut fields, "pricing", pricing);
            let contacts: Vec<Value> = person.map(|person| person.contact()).into_iter().collect();
            put(&mut value, "contacts", json!(contacts));
        }
    }
    put(&mut value, "statuses", json!([fields]));
    Told {
        key: format!("{}:{status}", sent.id),
        message: Some(sent.id.to_owned()),
        fields: value,
    }
}
