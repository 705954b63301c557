//! A node built against the ecosystem's smallest component, word for word.
//!
//! It takes a text and gives it back in upper case with the number of its words. It holds no authority, so a host joins it with
//! its caller into one component.

use greentic_sdk::component::{Component, Message, Outcome};

/// The component.
pub struct Shout;

impl Component for Shout {
    fn execute(input: Message) -> Outcome {
        let text = input.content.trim();
        if text.is_empty() {
            return Outcome::failure("the content is empty: send a text to shout");
        }
        let words = text.split_whitespace().count();
        let data = serde_json::json!({ "text": text.to_uppercase(), "words": words });
        Outcome::success(data.to_string())
    }
}

greentic_sdk::export_component!(Shout);

#[cfg(test)]
mod tests {
    use super::Shout;
    use greentic_sdk::component::{Component, Message, Outcome};

    fn shout(content: &str) -> Outcome {
        Shout::execute(Message {
            id: "1".into(),
            content: content.into(),
            sender: "u".into(),
            timestamp: 0,
        })
    }

    #[test]
    fn a_text_is_shouted_and_its_words_are_counted() {
        for (content, expected) in [
            ("hello  world", r#"{"text":"HELLO  WORLD","words":2}"#),
            (" grüß \"dich\"\n", r#"{"text":"GRÜSS \"DICH\"","words":2}"#),
        ] {
            let outcome = shout(content);
            assert_eq!(
                (outcome.success, outcome.data.as_deref(), outcome.error),
                (true, Some(expected), None)
            );
        }
    }

    #[test]
    fn nothing_to_shout_is_an_error() {
        for content in ["", " \n\t"] {
            let outcome = shout(content);
            assert!(!outcome.success && outcome.data.is_none() && outcome.error.is_some());
        }
    }
}
