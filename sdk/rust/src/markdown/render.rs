//! From a tree to a text with a platform's own marks.

use super::{Block, Span};

/// The marks of a platform. Every function has a default that needs none; a channel overrides what its platform shows.
///
/// `inner` is rendered already: what stands in it must not be escaped again.
pub trait Render {
    /// Text as it stands: here a channel escapes what its platform would read as marks.
    fn text(&self, text: &str) -> String {
        text.to_owned()
    }

    /// Emphasis.
    fn emphasis(&self, inner: &str) -> String {
        inner.to_owned()
    }

    /// Strong.
    fn strong(&self, inner: &str) -> String {
        inner.to_owned()
    }

    /// Struck through.
    fn strike(&self, inner: &str) -> String {
        inner.to_owned()
    }

    /// Code in a line, as it stands.
    fn code(&self, text: &str) -> String {
        self.text(text)
    }

    /// Code on lines of its own, as it stands.
    fn code_block(&self, language: Option<&str>, text: &str) -> String {
        let _ = language;
        self.text(text)
    }

    /// A link: what is shown, rendered, and where it leads, as it stands.
    fn link(&self, inner: &str, url: &str) -> String {
        let url = self.text(url);
        if inner.is_empty() || inner == url {
            url
        } else {
            format!("{inner} ({url})")
        }
    }

    /// A heading.
    fn heading(&self, level: u8, inner: &str) -> String {
        let _ = level;
        self.strong(inner)
    }

    /// What somebody else said; of one or more lines.
    fn quote(&self, inner: &str) -> String {
        lines(inner, &self.text("> "), &self.text("> "))
    }

    /// The mark of a list's item: its number where the list is numbered.
    fn bullet(&self, number: Option<u64>) -> String {
        match number {
            Some(number) => self.text(&format!("{number}. ")),
            None => self.text("• "),
        }
    }

    /// A line across.
    fn rule(&self) -> String {
        self.text("———")
    }

    /// A line break.
    fn line_break(&self) -> String {
        "\n".to_owned()
    }
}

/// No marks at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plain;

impl Render for Plain {}

/// The blocks as a text: an empty line between two of them, a line break between the items of a list.
#[must_use]
pub fn render(blocks: &[Block], marks: &impl Render) -> String {
    joined(blocks, marks, "\n\n")
}

fn joined(blocks: &[Block], marks: &impl Render, between: &str) -> String {
    let mut text = String::new();
    for block in blocks {
        if !text.is_empty() {
            text.push_str(between);
        }
        text.push_str(&of_block(block, marks));
    }
    text
}

fn of_block(block: &Block, marks: &impl Render) -> String {
    match block {
        Block::Paragraph(spans) => of_spans(spans, marks),
        Block::Heading(level, spans) => marks.heading(*level, &of_spans(spans, marks)),
        Block::Code(language, text) => marks.code_block(language.as_deref(), text),
        Block::Rule => marks.rule(),
        Block::Quote(blocks) => marks.quote(&joined(blocks, marks, "\n")),
        Block::List(first, items) => {
            let mut text = String::new();
            for (item, number) in items.iter().zip(first.unwrap_or(0)..) {
                if !text.is_empty() {
                    text.push('\n');
                }
                let bullet = marks.bullet(first.map(|_| number));
                let inner = joined(item, marks, "\n");
                text.push_str(&lines(&inner, &bullet, "   "));
            }
            text
        }
    }
}

/// Every line with something before it: the first one with `first`, the others with `rest`.
fn lines(text: &str, first: &str, rest: &str) -> String {
    let mut marked = String::from(first);
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            marked.push('\n');
            marked.push_str(rest);
        }
        marked.push_str(line);
    }
    marked
}

fn of_spans(spans: &[Span], marks: &impl Render) -> String {
    spans
        .iter()
        .map(|span| match span {
            Span::Text(text) => marks.text(text),
            Span::Emphasis(inner) => marks.emphasis(&of_spans(inner, marks)),
            Span::Strong(inner) => marks.strong(&of_spans(inner, marks)),
            Span::Strike(inner) => marks.strike(&of_spans(inner, marks)),
            Span::Code(text) => marks.code(text),
            Span::Link(inner, url) => marks.link(&of_spans(inner, marks), url),
            Span::Break => marks.line_break(),
        })
        .collect()
}
