//! What our buttons carry: which of the kinds of press it is stands in the `action_id`, the content in `value`.
//!
//! A `value` holds at most 2,000 characters. Longer content is kept in the channel's memory and the value refers to it, so the
//! button works as long as that is kept.

use serde_json::Value;

use crate::remembered::{self, FORM_MS};

/// Most characters of a button's `value`.
pub const VALUE_CHARS: usize = 2_000;

/// What a press means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Press {
    /// A quick reply: the content is what the person says.
    Reply,
    /// Sends its data alone.
    Plain,
    /// Sends its data and the message's inputs.
    Send,
    /// Opens a form as a modal; the content names the form.
    Open,
    /// Opens an address in the person's browser, and is reported although there is nothing to do.
    Link,
}

const KINDS: [(Press, &str); 5] = [
    (Press::Reply, "gt-reply-"),
    (Press::Plain, "gt-plain-"),
    (Press::Send, "gt-send-"),
    (Press::Open, "gt-open-"),
    (Press::Link, "gt-link-"),
];

impl Press {
    /// The `action_id` of the `number`th button of a message.
    pub fn action_id(self, number: usize) -> String {
        let prefix = KINDS
            .iter()
            .find(|(kind, _)| *kind == self)
            .map_or("", |(_, prefix)| prefix);
        format!("{prefix}{number}")
    }

    /// The kind of one of our `action_id`s.
    pub fn of(action_id: &str) -> Option<Self> {
        KINDS
            .iter()
            .find(|(_, prefix)| action_id.starts_with(prefix))
            .map(|(kind, _)| *kind)
    }
}

/// Content as a button's `value`. `name` is unlike any other button's and the same for every attempt of a delivery.
///
/// # Errors
/// When it has to be kept and cannot be.
pub fn pack(content: &str, name: &str) -> Result<String, String> {
    if content.chars().count() < VALUE_CHARS {
        return Ok(format!("={content}"));
    }
    if remembered::put(&["value", name], &Value::from(content), FORM_MS) {
        return Ok(format!("#{name}"));
    }
    Err("a button's content cannot be kept in the channel's memory".to_owned())
}

/// The content of a `value`; `None` when it was kept and is no more.
pub fn unpack(value: &str) -> Option<String> {
    if let Some(content) = value.strip_prefix('=') {
        return Some(content.to_owned());
    }
    let name = value.strip_prefix('#')?;
    remembered::get(&["value", name])?
        .as_str()
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use greentic_sdk::native::{Table, install, set_clock};

    use super::*;

    #[test]
    fn every_kind_of_press_is_known_by_its_id() {
        for (kind, _) in KINDS {
            assert_eq!(Press::of(&kind.action_id(7)), Some(kind));
        }
        assert_eq!(Press::of("somebody-elses"), None);
    }

    #[test]
    fn content_that_is_too_long_for_a_button_is_kept_for_a_month() {
        install(Table::new());
        set_clock(0);
        let long = "ä".repeat(VALUE_CHARS);
        for content in ["", "yes", "=", "#", r#"{"a":1}"#, long.as_str()] {
            let value = pack(content, "d1.0").unwrap();
            assert!(value.chars().count() <= VALUE_CHARS);
            assert_eq!(unpack(&value).as_deref(), Some(content));
        }
        set_clock(FORM_MS);
        assert_eq!(
            unpack(&pack("short", "d2.0").unwrap()).as_deref(),
            Some("short")
        );
        assert_eq!(unpack("#d1.0"), None);
        assert_eq!(unpack("anything"), None);
    }
}
