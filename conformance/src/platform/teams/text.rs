//! What clients make of a text, and of a reaction's name.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::super::{Shown, Style};

/// Reactions by name, with the emoji clients draw.
const REACTIONS: [(&str, &str); 7] = [
    ("like", "👍"),
    ("heart", "❤️"),
    ("laugh", "😆"),
    ("surprised", "😮"),
    ("sad", "😢"),
    ("angry", "😠"),
    ("plusOne", "➕"),
];

/// What is drawn for a reaction.
pub fn emoji(name: &str) -> &str {
    let known = REACTIONS.iter().find(|(other, _)| *other == name);
    known.map_or(name, |(_, emoji)| emoji)
}

/// The name of a reaction, where the platform has one.
pub fn reaction(emoji: &str) -> Option<&'static str> {
    let known = REACTIONS.iter().find(|(_, other)| *other == emoji);
    known.map(|(name, _)| *name)
}

/// Whether the Connector knows a reaction of that name.
pub fn is_reaction(name: &str) -> bool {
    let coded = name.split_once('_').is_some_and(|(code, _)| {
        !code.is_empty()
            && code
                .bytes()
                .all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
    });
    coded || REACTIONS.iter().any(|(other, _)| *other == name)
}

/// Bytes of a data address.
pub fn base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Adds a text in Markdown to what is shown: the words, and which of them are in which style.
pub fn markdown(text: &str, shown: &mut Shown) {
    let mut open: Vec<(Style, usize)> = Vec::new();
    let written = &mut shown.text;
    let fresh = |written: &mut String| {
        if !written.is_empty() && !written.ends_with('\n') {
            written.push('\n');
        }
    };
    let mut lists: Vec<Option<u64>> = Vec::new();
    for event in Parser::new_ext(text, Options::ENABLE_STRIKETHROUGH) {
        match event {
            Event::Start(tag) => match tag {
                Tag::Strong => open.push((Style::Strong, written.len())),
                Tag::Emphasis => open.push((Style::Emphasis, written.len())),
                Tag::Strikethrough => open.push((Style::Struck, written.len())),
                Tag::Link { dest_url, .. } => {
                    open.push((Style::Link(dest_url.into_string()), written.len()));
                }
                Tag::CodeBlock(_) => {
                    fresh(written);
                    open.push((Style::Code, written.len()));
                }
                Tag::BlockQuote(_) => {
                    fresh(written);
                    open.push((Style::Quote, written.len()));
                }
                Tag::List(first) => lists.push(first),
                Tag::Item => {
                    fresh(written);
                    match lists.last_mut() {
                        Some(Some(number)) => {
                            written.push_str(&format!("{number}. "));
                            *number += 1;
                        }
                        _ => written.push_str("• "),
                    }
                }
                Tag::Paragraph | Tag::Heading { .. } if !written.ends_with(' ') => fresh(written),
                _ => {}
            },
            Event::End(end) => match end {
                TagEnd::Strong
                | TagEnd::Emphasis
                | TagEnd::Strikethrough
                | TagEnd::Link
                | TagEnd::CodeBlock
                | TagEnd::BlockQuote(_) => {
                    if let Some((style, from)) = open.pop() {
                        let part = written.get(from..).unwrap_or_default().trim_end();
                        shown.styles.push((style, part.to_owned()));
                    }
                }
                TagEnd::List(_) => {
                    lists.pop();
                }
                _ => {}
            },
            Event::Text(part) | Event::Html(part) | Event::InlineHtml(part) => {
                written.push_str(&part);
            }
            Event::Code(part) => {
                written.push_str(&part);
                shown.styles.push((Style::Code, part.into_string()));
            }
            // A single line break is a blank in Teams' Markdown.
            Event::SoftBreak => written.push(' '),
            Event::HardBreak => written.push('\n'),
            Event::Rule => {
                fresh(written);
                written.push_str("———\n");
            }
            _ => {}
        }
    }
    let end = written.trim_end().len();
    written.truncate(end);
}
