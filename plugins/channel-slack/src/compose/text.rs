//! Texts, as messages of at most 4,000 characters: what Slack advises.

use greentic_sdk::markdown;
use greentic_sdk::model::TextFormat;
use greentic_sdk::text::{Unit, split};
use serde_json::Value;

use super::{Composed, Post, rich};

/// Longest text of one message, in characters.
const MESSAGE_CHARS: usize = 4_000;

/// As many messages as the text needs.
pub fn compose(text: &str, format: TextFormat) -> Composed {
    Composed {
        posts: split(text, MESSAGE_CHARS, Unit::Chars)
            .iter()
            .map(|piece| post(piece, format))
            .collect(),
        downgrades: Vec::new(),
    }
}

/// One message.
pub fn post(text: &str, format: TextFormat) -> Post {
    let (text, block) = shown(text, format);
    Post {
        text,
        blocks: block.into_iter().collect(),
    }
}

/// The text without any marks, and the block that shows it where the text alone would not: with formatting, or with signs Slack
/// would take for formatting.
pub fn shown(text: &str, format: TextFormat) -> (String, Option<Value>) {
    match format {
        TextFormat::Plain => {
            let block = has_marks(text).then(|| rich::literal(text)).flatten();
            (text.to_owned(), block)
        }
        TextFormat::Markdown => {
            let parsed = markdown::parse(text);
            let plain = markdown::plain(text);
            let block = if rich::is_bare(&parsed) && !has_marks(&plain) {
                None
            } else {
                rich::block(&parsed)
            };
            (plain, block)
        }
    }
}

/// The same, always as a block.
pub fn block(text: &str, format: TextFormat) -> Option<Value> {
    match format {
        TextFormat::Plain => rich::literal(text),
        TextFormat::Markdown => rich::block(&markdown::parse(text)),
    }
}

/// Whether Slack could read formatting, a quote or an emoji's name into a text.
fn has_marks(text: &str) -> bool {
    text.contains(['*', '_', '~', '`'])
        || text.matches(':').count() > 1
        || text.lines().any(|line| line.trim_start().starts_with('>'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_without_signs_goes_as_text_and_every_other_as_a_block() {
        for (text, format, plain, as_block) in [
            ("hello & <you>", TextFormat::Plain, "hello & <you>", false),
            ("2 * 3 * 4", TextFormat::Plain, "2 * 3 * 4", true),
            (":smile:", TextFormat::Plain, ":smile:", true),
            ("at 10:30", TextFormat::Plain, "at 10:30", false),
            ("> not a quote", TextFormat::Plain, "> not a quote", true),
            ("hello", TextFormat::Markdown, "hello", false),
            ("**hello**", TextFormat::Markdown, "hello", true),
            ("2 \\* 3", TextFormat::Markdown, "2 * 3", true),
        ] {
            let post = post(text, format);
            assert_eq!(
                (post.text.as_str(), post.blocks.len() == 1),
                (plain, as_block),
                "{text}"
            );
        }
    }

    #[test]
    fn a_long_text_becomes_several_messages_and_none_of_it_is_lost() {
        let text = "word ".repeat(2_000);
        let composed = compose(&text, TextFormat::Plain);
        assert!(composed.posts.len() >= 3);
        let words: usize = composed
            .posts
            .iter()
            .map(|post| post.text.split_whitespace().count())
            .sum();
        assert_eq!(words, 2_000);
        assert!(
            composed
                .posts
                .iter()
                .all(|post| post.text.chars().count() <= MESSAGE_CHARS)
        );
        assert!(compose(" \n ", TextFormat::Markdown).posts.is_empty());
    }
}
