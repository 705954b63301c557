//! From the common model to Slack's messages: texts, Block Kit, and what stands in for what Block Kit lacks.
//!
//! Formatted text is sent as `rich_text` blocks and never as `mrkdwn`: there is no way to write a literal `*` or `_` in `mrkdwn` that
//! holds in every place, while a `rich_text` element is what it is, whatever characters it has.

pub mod blocks;
pub mod card;
pub mod inputs;
pub mod pages;
pub mod replies;
pub mod rich;
pub mod text;

use greentic_sdk::channel::Downgrade;
use serde_json::{Value, json};

/// One message to post.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Post {
    /// What stands in notifications, and in the message itself where there are no blocks. Not escaped yet.
    pub text: String,
    /// At most 50; empty for a message of text alone.
    pub blocks: Vec<Value>,
}

/// Messages, and what was done otherwise than asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Composed {
    /// In their order.
    pub posts: Vec<Post>,
    /// For the receipt.
    pub downgrades: Vec<Downgrade>,
}

impl Post {
    /// The fields of `chat.postMessage` and its like.
    pub fn fields(&self) -> Value {
        let mut fields = json!({"text": escape(&self.text)});
        if !self.blocks.is_empty()
            && let Some(map) = fields.as_object_mut()
        {
            map.insert("blocks".to_owned(), Value::from(self.blocks.clone()));
        }
        fields
    }

    /// The same without blocks, where Slack does not take them.
    pub fn text_alone(&self) -> Self {
        Self {
            text: self.text.clone(),
            blocks: Vec::new(),
        }
    }
}

/// A downgrade of the receipt.
pub fn downgrade(feature: &str, instead: impl Into<String>) -> Downgrade {
    Downgrade {
        feature: feature.to_owned(),
        instead: instead.into(),
    }
}

/// The three characters Slack gives a meaning in texts of every kind. With them escaped no text can mention, link or notify.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// At most so many characters, with an ellipsis where something was left out.
pub fn shorten(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_escaped_text_holds_no_markup_and_comes_back_as_it_was(text: String) {
            let escaped = escape(&text);
            prop_assert!(!escaped.contains(['<', '>']));
            prop_assert_eq!(crate::inbound::text::plain(&escaped, None), text);
        }

        #[test]
        fn a_shortened_text_fits(text: String, most in 1_usize..20) {
            prop_assert!(shorten(&text, most).chars().count() <= most);
        }
    }

    #[test]
    fn a_mention_in_a_text_notifies_nobody() {
        assert_eq!(
            escape("<!channel> & <@U1>"),
            "&lt;!channel&gt; &amp; &lt;@U1&gt;"
        );
        assert_eq!(shorten("abcd", 4), "abcd");
        assert_eq!(shorten("abcde", 4), "abc…");
    }
}
