//! Texts, as messages of at most 4,000 characters: what Slack advises.

use greentic_sdk::markdown;
use greentic_sdk::model::TextFormat;
use greentic_sdk::text::{Unit, split};
use serde_json::Value;

use super::blocks::MESSAGE_CHARS as MESSAGE_JSON_CHARS;
use super::{Composed, Post, rich};

/// Longest text of one message, in characters.
const MESSAGE_CHARS: usize = 4_000;

/// As many messages as the text needs.
pub fn compose(text: &str, format: TextFormat) -> Composed {
    let posts = pieces(text, MESSAGE_CHARS, format).map(|(text, block)| Post {
        text,
        blocks: block.into_iter().collect(),
    });
    Composed {
        posts: posts.collect(),
        downgrades: Vec::new(),
    }
}

/// The text as blocks, each of at most so many characters of text and small enough for a message.
pub fn blocks(text: &str, most: usize, format: TextFormat) -> impl Iterator<Item = Value> {
    pieces(text, most, format).filter_map(|(plain, block)| block.or_else(|| rich::literal(&plain)))
}

/// The parts of a text: each without any marks, and the block that shows it where the text alone would not.
fn pieces(
    text: &str,
    most: usize,
    format: TextFormat,
) -> impl Iterator<Item = (String, Option<Value>)> {
    split(text, most, Unit::Chars)
        .into_iter()
        .flat_map(move |piece| fitted(&piece, format))
}

/// Formatting makes a block many times longer than its text, so a piece may have to be divided again.
fn fitted(piece: &str, format: TextFormat) -> Vec<(String, Option<Value>)> {
    let (plain, block) = shown(piece, format);
    if block.as_ref().is_none_or(is_small) {
        return vec![(plain, block)];
    }
    let letters: Vec<char> = piece.chars().collect();
    let half = letters.len().div_ceil(2).max(1);
    let mut halves = split(piece, half, Unit::Chars);
    // A fence that is opened again in each piece can make the pieces as long as the whole.
    if halves
        .iter()
        .any(|part| part.chars().count() >= letters.len())
        || halves.len() < 2
    {
        halves = letters.chunks(half).map(String::from_iter).collect();
    }
    if halves.len() < 2 {
        return vec![(plain, None)];
    }
    halves
        .iter()
        .flat_map(|half| fitted(half, format))
        .collect()
}

/// Whether a block leaves room in a message for others.
pub fn is_small(block: &Value) -> bool {
    block.to_string().chars().count() <= MESSAGE_JSON_CHARS
}

/// The text without any marks, and the block that shows it where the text alone would not: with formatting, or with signs Slack
/// would take for formatting.
fn shown(text: &str, format: TextFormat) -> (String, Option<Value>) {
    let literally = || {
        let block = has_marks(text).then(|| rich::literal(text)).flatten();
        (text.to_owned(), block)
    };
    if format == TextFormat::Plain {
        return literally();
    }
    let parsed = markdown::parse(text);
    let plain = markdown::plain(text);
    // Marks alone say nothing as marks.
    if plain.trim().is_empty() {
        return literally();
    }
    let block = if rich::is_bare(&parsed) && !has_marks(&plain) {
        None
    } else {
        rich::block(&parsed)
    };
    (plain, block)
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
            ("# ", TextFormat::Markdown, "#", false),
            ("**", TextFormat::Markdown, "**", true),
        ] {
            let post = compose(text, format).posts.remove(0);
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

    #[test]
    fn a_text_whose_formatting_is_longer_than_a_message_takes_is_divided_again() {
        let text = "*a* b ".repeat(600);
        let composed = compose(&text, TextFormat::Markdown);
        assert!(composed.posts.len() > 2);
        for post in &composed.posts {
            assert!(post.blocks.iter().all(is_small));
        }
        let fenced = "~https://x.example/a_b| ```\n&word` #  ".repeat(80);
        for format in [TextFormat::Plain, TextFormat::Markdown] {
            assert!(blocks(&fenced, 3_000, format).all(|block| is_small(&block)));
        }
        let said: String = composed
            .posts
            .iter()
            .map(|post| post.text.clone() + " ")
            .collect();
        assert_eq!(said.split_whitespace().count(), 1_200);
    }
}
