//! Suggested answers, as buttons below their text. Slack keeps them where they are after one was pressed.

use greentic_sdk::channel::DeliveryError;
use greentic_sdk::delivery::retry;
use greentic_sdk::model::{QuickReplies, TextFormat};

use super::blocks::{self, Look};
use super::{Composed, downgrade, pages, text};
use crate::press::{self, Press};

/// Longest text of a block, so that a text that is divided has its parts in blocks of their own.
const PART_CHARS: usize = 3_000;

/// Text and buttons.
///
/// # Errors
/// `retry` when a long value cannot be kept.
pub fn compose(replies: &QuickReplies, delivery: &str) -> Result<Composed, DeliveryError> {
    let mut composed = Composed::default();
    let mut all: Vec<_> = text::blocks(&replies.text, PART_CHARS, TextFormat::Markdown).collect();
    let mut shortened = false;
    let mut buttons = Vec::with_capacity(replies.options.len());
    for (number, option) in replies.options.iter().enumerate() {
        let title = if option.title.trim().is_empty() {
            &option.value
        } else {
            &option.title
        };
        shortened |= title.chars().count() > blocks::BUTTON_CHARS;
        let value = press::pack(&option.value, &format!("{delivery}.{number}"))
            .map_err(|reason| retry(reason, None))?;
        buttons.push(blocks::button(
            Press::Reply,
            number,
            title,
            &value,
            Look::Usual,
        ));
    }
    all.extend(blocks::actions(&buttons));
    if shortened {
        composed.downgrades.push(downgrade(
            "quick-replies",
            "titles were shortened to 75 characters",
        ));
    }
    let plain = greentic_sdk::markdown::plain(&replies.text);
    let spoken = if plain.trim().is_empty() {
        let titles: Vec<&str> = replies
            .options
            .iter()
            .map(|option| option.title.as_str())
            .collect();
        titles.join(" · ")
    } else {
        plain
    };
    composed.posts = pages::pages(all, &super::shorten(&spoken, PART_CHARS));
    Ok(composed)
}

#[cfg(test)]
mod tests {
    use greentic_sdk::model::QuickReply;
    use greentic_sdk::native::{Table, install};

    use super::*;

    fn replies(text: &str, options: &[(&str, &str)]) -> QuickReplies {
        QuickReplies {
            text: text.into(),
            options: options
                .iter()
                .map(|(title, value)| QuickReply {
                    title: (*title).into(),
                    value: (*value).into(),
                })
                .collect(),
        }
    }

    #[test]
    fn each_answer_is_a_button_that_carries_its_value() {
        install(Table::new());
        let composed = compose(&replies("Which *one*?", &[("Yes", "y"), ("", "no")]), "d").unwrap();
        let [post] = composed.posts.as_slice() else {
            panic!("{composed:?}")
        };
        assert_eq!(post.text, "Which one?");
        assert_eq!(post.blocks[0]["type"], "rich_text");
        let buttons = post.blocks[1]["elements"].as_array().unwrap();
        let seen: Vec<(&str, &str)> = buttons
            .iter()
            .map(|button| {
                (
                    button["text"]["text"].as_str().unwrap(),
                    button["value"].as_str().unwrap(),
                )
            })
            .collect();
        assert_eq!(seen, [("Yes", "=y"), ("no", "=no")]);
        assert!(composed.downgrades.is_empty());
    }

    #[test]
    fn long_titles_are_shortened_and_said_so_and_long_values_are_kept() {
        install(Table::new());
        let long = "v".repeat(3_000);
        let composed = compose(&replies("", &[(&"t".repeat(80), &long)]), "d").unwrap();
        assert_eq!(composed.downgrades[0].feature, "quick-replies");
        let value = composed.posts[0].blocks[0]["elements"][0]["value"]
            .as_str()
            .unwrap();
        assert_eq!(press::unpack(value), Some(long));
        let many: Vec<(String, String)> = (0..60)
            .map(|n| (format!("t{n}"), format!("v{n}")))
            .collect();
        let many: Vec<(&str, &str)> = many.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        let composed = compose(&replies("x", &many), "d").unwrap();
        let count: usize = composed
            .posts
            .iter()
            .flat_map(|post| &post.blocks)
            .map(|block| block["elements"].as_array().unwrap().len())
            .sum();
        assert_eq!(count, 60 + 1);
    }
}
