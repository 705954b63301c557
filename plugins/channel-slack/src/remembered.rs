//! What the channel remembers between calls, by name, in its memory.
//!
//! Everything here can be lost without harm to what was accepted: an identity is asked for again, a `response_url` is replaced by
//! `chat.postEphemeral`, and a form that is gone tells the person so.

use greentic_sdk::channel::memory;
use greentic_sdk::log;
use serde_json::Value;

/// A day.
pub const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// How long a `response_url` works.
pub const RESPONSE_URL_MS: u64 = 30 * 60 * 1000;

/// How long buttons and forms of a message work whose content does not fit into the message itself.
pub const FORM_MS: u64 = 30 * DAY_MS;

/// The most a name may hold, in bytes.
const NAME_BYTES: usize = 256;

/// A name made of its parts; a slash cannot stand in one of Slack's identifiers. `None` when it would be too long, as no real one is.
fn name(parts: &[&str]) -> Option<String> {
    let name = parts.join("/");
    (name.len() <= NAME_BYTES).then_some(name)
}

/// The value kept under these parts; `None` also when the memory cannot be asked, which is logged.
pub fn get(parts: &[&str]) -> Option<Value> {
    let name = name(parts)?;
    match memory::get(&name) {
        Ok(bytes) => serde_json::from_slice(&bytes?).ok(),
        Err(error) => {
            log::warn!("memory", "`{name}` cannot be read: {error:?}");
            None
        }
    }
}

/// Keeps a value; false when it could not be kept, which is logged.
pub fn put(parts: &[&str], value: &Value, ttl_ms: u64) -> bool {
    let Some(name) = name(parts) else {
        return false;
    };
    match memory::put(&name, value.to_string().as_bytes(), Some(ttl_ms)) {
        Ok(()) => true,
        Err(error) => {
            log::warn!("memory", "`{name}` cannot be kept: {error:?}");
            false
        }
    }
}

/// Forgets a value.
pub fn forget(parts: &[&str]) {
    if let Some(name) = name(parts)
        && let Err(error) = memory::delete(&name)
    {
        log::warn!("memory", "`{name}` cannot be forgotten: {error:?}");
    }
}

#[cfg(test)]
mod tests {
    use greentic_sdk::native::{Table, install, set_clock};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_kept_until_its_time_is_over_or_it_is_forgotten() {
        install(Table::new());
        set_clock(1_000);
        assert!(put(&["dm", "U1"], &json!("D1"), 500));
        assert_eq!(get(&["dm", "U1"]), Some(json!("D1")));
        assert_eq!(get(&["dm", "U2"]), None);
        set_clock(1_500);
        assert_eq!(get(&["dm", "U1"]), None);
        assert!(put(&["dm", "U1"], &json!("D1"), 500));
        forget(&["dm", "U1"]);
        assert_eq!(get(&["dm", "U1"]), None);
        let long = "x".repeat(300);
        assert!(!put(&["dm", &long], &json!(1), 500));
        assert_eq!(get(&["dm", &long]), None);
    }
}
