//! What is remembered about the person behind a conversation: when they wrote last, which message it was, and their number.
//!
//! For 24 hours after somebody wrote, anything may be sent to them; afterwards only an approved template.

use greentic_sdk::model::Error;
use serde::{Deserialize, Serialize};

use crate::inbound::Peer;
use crate::limits::{REMEMBERED_MS, WINDOW_MS};
use crate::remember;

const PEER: &str = "peer";
const NUMBER: &str = "number";
const CLOSED: &str = "closed";
const MARKED: &str = "marked";

/// When somebody wrote last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// By the platform's clock, in milliseconds since 1970.
    pub at_ms: u64,
    /// The message.
    pub message_id: String,
    /// Their number, in a conversation with one person.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub wa_id: Option<String>,
    /// Their name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
}

/// Remembers that somebody wrote. A message that comes late changes nothing.
///
/// # Errors
/// When the memory cannot be asked.
pub fn heard(conversation: &str, sender: &str, person: &Peer, at_ms: u64) -> Result<(), Error> {
    let known: Option<Heard> = remember::get(PEER, conversation)?;
    if known.is_some_and(|known| known.at_ms > at_ms) {
        return Ok(());
    }
    let direct = conversation == sender;
    let heard = Heard {
        at_ms,
        message_id: person.message_id.clone(),
        wa_id: person.wa_id.clone().filter(|_| direct),
        name: person.name.clone().filter(|_| direct),
    };
    // Statuses of messages that failed name the number alone.
    if let Some(number) = person.wa_id.as_deref().filter(|number| *number != sender) {
        remember::put(NUMBER, number, &sender, REMEMBERED_MS)?;
    }
    remember::put(PEER, conversation, &heard, REMEMBERED_MS)
}

/// What is known of the person behind a conversation.
///
/// # Errors
/// When the memory cannot be asked.
pub fn last(conversation: &str) -> Result<Option<Heard>, Error> {
    remember::get(PEER, conversation)
}

/// The identity of the person with that number, where it is another than the number.
///
/// # Errors
/// When the memory cannot be asked.
pub fn known_by(number: &str) -> Result<Option<String>, Error> {
    remember::get(NUMBER, number)
}

/// The platform said that the window is closed, whatever we think.
///
/// # Errors
/// When the memory cannot be asked.
pub fn window_closed(conversation: &str, at_ms: u64) -> Result<(), Error> {
    remember::put(CLOSED, conversation, &at_ms, WINDOW_MS)
}

/// Whether anything may be sent now.
///
/// # Errors
/// When the memory cannot be asked.
pub fn window_is_open(
    conversation: &str,
    heard: Option<&Heard>,
    now_ms: u64,
) -> Result<bool, Error> {
    let Some(heard) = heard.filter(|heard| now_ms < heard.at_ms.saturating_add(WINDOW_MS)) else {
        return Ok(false);
    };
    let closed: Option<u64> = remember::get(CLOSED, conversation)?;
    Ok(closed.is_none_or(|closed_ms| closed_ms < heard.at_ms))
}

/// The message of theirs that was marked as read last.
///
/// # Errors
/// When the memory cannot be asked.
pub fn marked(conversation: &str) -> Result<Option<String>, Error> {
    remember::get(MARKED, conversation)
}

/// Remembers which message of theirs was marked as read.
///
/// # Errors
/// When the memory cannot be asked.
pub fn mark(conversation: &str, message_id: &str) -> Result<(), Error> {
    remember::put(MARKED, conversation, &message_id, REMEMBERED_MS)
}

#[cfg(test)]
mod tests {
    use greentic_sdk::native::{Table, install, set_clock};

    use super::*;

    fn peer(message_id: &str, wa_id: &str) -> Peer {
        Peer {
            wa_id: Some(wa_id.into()),
            message_id: message_id.into(),
            name: Some("Ada".into()),
            typed: true,
        }
    }

    fn open(now_ms: u64) -> bool {
        window_is_open("CH.1", last("CH.1").unwrap().as_ref(), now_ms).unwrap()
    }

    #[test]
    fn the_window_is_open_for_24_hours_after_the_last_message_and_never_before_one() {
        install(Table::new());
        set_clock(1_000_000);
        assert!(!open(1_000_000));
        heard("CH.1", "CH.1", &peer("m1", "4179"), 1_000_000).unwrap();
        for (after, is_open) in [(0, true), (WINDOW_MS - 1, true), (WINDOW_MS, false)] {
            assert_eq!(open(1_000_000 + after), is_open, "{after}");
        }
        heard("CH.1", "CH.1", &peer("m2", "4179"), 2_000_000).unwrap();
        heard("CH.1", "CH.1", &peer("m0", "4179"), 500_000).unwrap();
        assert_eq!(
            last("CH.1").unwrap().unwrap().message_id,
            "m2",
            "a late message is not the last"
        );
    }

    #[test]
    fn a_window_the_platform_calls_closed_is_closed_until_the_person_writes_again() {
        install(Table::new());
        set_clock(1_000_000);
        heard("CH.1", "CH.1", &peer("m1", "4179"), 1_000_000).unwrap();
        window_closed("CH.1", 1_000_500).unwrap();
        assert!(!open(1_001_000));
        heard("CH.1", "CH.1", &peer("m2", "4179"), 1_002_000).unwrap();
        assert!(open(1_003_000));
    }

    #[test]
    fn a_number_leads_to_the_identity_and_a_groups_members_stay_out_of_its_record() {
        install(Table::new());
        heard("CH.1", "CH.1", &peer("m1", "4179"), 1).unwrap();
        assert_eq!(known_by("4179"), Ok(Some("CH.1".into())));
        assert_eq!(known_by("4178"), Ok(None));
        heard("group", "CH.2", &peer("m2", "4178"), 1).unwrap();
        assert_eq!(last("group").unwrap().unwrap().wa_id, None);
        assert_eq!(known_by("4178"), Ok(Some("CH.2".into())));
    }
}
