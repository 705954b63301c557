//! What the identifier of a button or row says when it comes back.
//!
//! The platform returns a button's identifier and nothing else, so the identifier carries what was meant: a number that keeps the
//! identifiers of one message apart, a letter, a colon, and the content. `t` is a text the person says by pressing it, `d` is JSON.
//! What is longer than an identifier may be is kept in the channel's memory, and `k` names it there.

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::limits::CHOICE_ID;

/// Name of the event that stands for a choice whose content is in the memory. It never leaves the channel.
pub const REMEMBERED: &str = "whatsapp/remembered-choice";

/// What a button stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meant {
    /// The person says this.
    Text(String),
    /// A postback with this JSON.
    Data(String),
    /// One of the two, kept under this name.
    Remembered(String),
    /// Not one of ours: a template's, or another program's.
    Foreign,
}

/// An identifier, and what has to be kept for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// What the platform gets.
    pub id: String,
    /// Name and content for the memory.
    pub keep: Option<(String, String)>,
}

/// The identifier of the button at that place of its message.
pub fn encode(place: usize, meant: &Meant) -> Encoded {
    let content = match meant {
        Meant::Text(text) => format!("t:{text}"),
        Meant::Data(data) => format!("d:{data}"),
        Meant::Remembered(key) => format!("k:{key}"),
        Meant::Foreign => String::from("t:"),
    };
    let id = format!("{place}{content}");
    // The platform refuses identifiers with a blank at either end.
    if id.chars().count() <= CHOICE_ID && id.trim() == id && !id.contains(char::is_control) {
        return Encoded { id, keep: None };
    }
    let digest = Sha256::digest(content.as_bytes());
    let key = greentic_sdk::hex::encode(digest.get(..16).unwrap_or_default());
    Encoded {
        id: format!("{place}k:{key}"),
        keep: Some((key, content)),
    }
}

/// What an identifier says.
pub fn decode(id: &str) -> Meant {
    let digits = id.bytes().take_while(u8::is_ascii_digit).count();
    if !(1..=3).contains(&digits) {
        return Meant::Foreign;
    }
    content(id.get(digits..).unwrap_or_default())
}

/// What the content kept in the memory says.
pub fn content(content: &str) -> Meant {
    match content.split_once(':') {
        Some(("t", text)) => Meant::Text(text.to_owned()),
        Some(("d", data)) if serde_json::from_str::<Value>(data).is_ok() => {
            Meant::Data(data.to_owned())
        }
        Some(("k", key)) if key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            Meant::Remembered(key.to_owned())
        }
        _ => Meant::Foreign,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_a_button_means_comes_back_through_its_identifier(text in "(?s).{0,400}", place in 0_usize..10) {
            let quoted = Value::from(text.as_str()).to_string();
            for meant in [Meant::Text(text.clone()), Meant::Data(quoted)] {
                let encoded = encode(place, &meant);
                prop_assert!(encoded.id.chars().count() <= CHOICE_ID);
                prop_assert_eq!(encoded.id.trim(), encoded.id.as_str());
                match (decode(&encoded.id), encoded.keep) {
                    (Meant::Remembered(key), Some((kept, text))) => {
                        prop_assert_eq!(key, kept);
                        prop_assert_eq!(content(&text), meant);
                    }
                    (decoded, None) => prop_assert_eq!(decoded, meant),
                    other => prop_assert!(false, "{other:?}"),
                }
            }
        }
    }

    #[test]
    fn equal_buttons_of_one_message_have_different_identifiers() {
        let yes = Meant::Text("yes".into());
        assert_ne!(encode(0, &yes).id, encode(1, &yes).id);
        let long = Meant::Text("y".repeat(500));
        assert_ne!(encode(0, &long).id, encode(1, &long).id);
        assert_eq!(encode(0, &long).keep, encode(1, &long).keep);
    }

    #[test]
    fn what_is_not_ours_stays_as_it_is() {
        for id in [
            "",
            "order-7",
            "t:yes",
            "1234t:yes",
            "1d:{",
            "1k:zz",
            "1x:y",
            "12",
        ] {
            assert_eq!(decode(id), Meant::Foreign, "{id}");
        }
    }
}
