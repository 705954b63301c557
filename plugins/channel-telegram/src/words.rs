//! Texts with their formatting, as Telegram takes them: the bare text and a list of entities.
//!
//! `parse_mode` wants marks inside the text, and one that is not escaped refuses the whole message. Entities say where a style
//! begins and how long it is, so nothing in a text can break it, and its length is what Telegram counts: UTF-16 units of the
//! bare text.

use greentic_sdk::markdown::{self, Block, Span};
use greentic_sdk::text::{self, Unit};
use serde_json::{Value, json};

use crate::keyboard;

/// Longest text, in UTF-16 units.
pub const TEXT_UNITS: u32 = 4096;
/// Longest caption of a file.
pub const CAPTION_UNITS: u32 = 1024;
/// Most entities of a message; what is beyond is shown without style.
const ENTITIES: usize = 100;

/// How a part of a text is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Style {
    Bold,
    Italic,
    Strikethrough,
    Code,
    /// A block, with its language where it is told.
    Pre(Option<String>),
    Link(String),
    Quote,
}

/// A style over bytes of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mark {
    style: Style,
    start: usize,
    end: usize,
}

/// A text with its formatting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    text: String,
    marks: Vec<Mark>,
}

/// What one message holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The bare text.
    pub text: String,
    /// `MessageEntity` each.
    pub entities: Vec<Value>,
}

impl Piece {
    /// Without formatting.
    #[must_use]
    pub fn plain(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            entities: Vec::new(),
        }
    }
}

impl Words {
    /// A text as it stands.
    #[must_use]
    pub fn plain(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            marks: Vec::new(),
        }
    }

    /// A text in the common Markdown.
    #[must_use]
    pub fn markdown(text: &str) -> Self {
        let mut words = Self::default();
        blocks(&mut words, &markdown::parse(text), "");
        words
    }

    /// A text that opens an address.
    #[must_use]
    pub fn link(text: &str, url: &str) -> Self {
        let mut words = Self::default();
        words.styled(Style::Link(url.to_owned()), |words| words.push(text));
        words
    }

    /// Adds a text.
    pub fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Adds a text on a line of its own.
    pub fn line(&mut self, text: &str) {
        self.fresh_line();
        self.text.push_str(text);
    }

    /// Ends the line, unless it is empty.
    pub fn fresh_line(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    /// Whatever `write` adds is shown in a style.
    pub fn styled(&mut self, style: Style, write: impl FnOnce(&mut Self)) {
        let start = self.text.len();
        // A style that begins earlier stands earlier.
        let at = self.marks.len();
        write(self);
        let end = self.text.len();
        if style == Style::Quote {
            // Telegram has no quotes inside quotes.
            let mut place = 0;
            self.marks.retain(|mark| {
                place += 1;
                place <= at || mark.style != Style::Quote
            });
        }
        if end > start {
            self.marks.insert(at, Mark { style, start, end });
        }
    }

    /// The text in pieces of at most `limit` UTF-16 units, split where a reader would; none of a text that is blank.
    #[must_use]
    pub fn pieces(&self, limit: u32) -> Vec<Piece> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut from = 0;
        let mut pieces = Vec::new();
        for part in text::split(&self.text, limit, Unit::Utf16) {
            let found = self.text.get(from..).and_then(|rest| rest.find(&part));
            // A part that was given a fence of its own does not stand in the text; it is shown without styles.
            let Some(start) = found.map(|at| from + at) else {
                pieces.push(Piece::plain(&part));
                continue;
            };
            from = start + part.len();
            pieces.push(Piece {
                entities: self.entities(start, from),
                text: part,
            });
        }
        pieces
    }

    fn entities(&self, start: usize, end: usize) -> Vec<Value> {
        let units = |from: usize, to: usize| {
            let text = self.text.get(from..to).unwrap_or_default();
            Unit::Utf16.count(text)
        };
        self.marks
            .iter()
            .filter_map(|mark| {
                let (from, to) = (mark.start.max(start), mark.end.min(end));
                (from < to).then(|| entity(&mark.style, units(start, from), units(from, to)))
            })
            .take(ENTITIES)
            .collect()
    }
}

fn entity(style: &Style, offset: usize, length: usize) -> Value {
    let kind = match style {
        Style::Bold => "bold",
        Style::Italic => "italic",
        Style::Strikethrough => "strikethrough",
        Style::Code => "code",
        Style::Pre(None) => "pre",
        Style::Quote => "blockquote",
        Style::Pre(Some(language)) => {
            return json!({"type": "pre", "offset": offset, "length": length, "language": language});
        }
        Style::Link(url) => {
            return json!({"type": "text_link", "offset": offset, "length": length, "url": url});
        }
    };
    json!({"type": kind, "offset": offset, "length": length})
}

/// Blocks with an empty line between them, each line but the first of a list's item set in by `indent`.
fn blocks(words: &mut Words, blocks: &[Block], indent: &str) {
    for (place, block) in blocks.iter().enumerate() {
        if place > 0 {
            let is_list = matches!(block, Block::List(..));
            words.push(if is_list && !indent.is_empty() {
                "\n"
            } else {
                "\n\n"
            });
        }
        if place > 0 {
            words.push(indent);
        }
        self::block(words, block, indent);
    }
}

fn block(words: &mut Words, block: &Block, indent: &str) {
    match block {
        Block::Paragraph(line) => spans(words, line),
        Block::Heading(_, line) => words.styled(Style::Bold, |words| spans(words, line)),
        Block::List(first, items) => {
            let deeper = format!("{indent}   ");
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    words.push("\n");
                    words.push(indent);
                }
                match first {
                    Some(first) => {
                        let number = first.saturating_add(u64::try_from(place).unwrap_or(0));
                        words.push(&format!("{number}. "));
                    }
                    None => words.push("• "),
                }
                blocks(words, item, &deeper);
            }
        }
        Block::Quote(inner) => words.styled(Style::Quote, |words| blocks(words, inner, indent)),
        Block::Code(language, code) => {
            words.styled(Style::Pre(language.clone()), |words| words.push(code));
        }
        Block::Rule => words.push("———"),
    }
}

fn spans(words: &mut Words, line: &[Span]) {
    for span in line {
        match span {
            Span::Text(text) => words.push(text),
            Span::Emphasis(inner) => words.styled(Style::Italic, |words| spans(words, inner)),
            Span::Strong(inner) => words.styled(Style::Bold, |words| spans(words, inner)),
            Span::Strike(inner) => words.styled(Style::Strikethrough, |words| spans(words, inner)),
            Span::Code(code) => words.styled(Style::Code, |words| words.push(code)),
            Span::Link(inner, url) if keyboard::is_button_url(url) => {
                words.styled(Style::Link(url.clone()), |words| spans(words, inner));
            }
            // Telegram refuses the message for an address it takes for none.
            Span::Link(inner, url) => {
                let start = words.text.len();
                spans(words, inner);
                if words.text.get(start..) != Some(url) {
                    words.push(&format!(" ({url})"));
                }
            }
            Span::Break => words.push("\n"),
        }
    }
}

#[cfg(test)]
mod tests;
