//! The small common Markdown of flows, read once here so that a channel writes only its own marks.
//!
//! It is CommonMark with `~~strikethrough~~`, read by pulldown-cmark, and of it what every chat can show: emphasis, strong, code,
//! links, lists, line breaks, quotes, headings. A line break in a paragraph is a line break, as in a chat. HTML is text. Pictures are
//! links.

mod read;
mod render;
#[cfg(test)]
mod tests;

pub use read::parse;
pub use render::{Plain, Render, render};

/// A part of a text that stands on lines of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// Running text.
    Paragraph(Vec<Span>),
    /// A heading of level 1 to 6.
    Heading(u8, Vec<Span>),
    /// A list; the number of its first item where it is numbered.
    List(Option<u64>, Vec<Vec<Block>>),
    /// What somebody else said.
    Quote(Vec<Block>),
    /// Code on lines of its own, with its language where that is said, without a last line break.
    Code(Option<String>, String),
    /// A line across.
    Rule,
}

/// A part of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Span {
    /// Text as it stands.
    Text(String),
    /// Emphasis, mostly shown in italics.
    Emphasis(Vec<Span>),
    /// Strong, mostly shown in bold.
    Strong(Vec<Span>),
    /// Struck through.
    Strike(Vec<Span>),
    /// Code in a line.
    Code(String),
    /// A link: what is shown and where it leads.
    Link(Vec<Span>, String),
    /// A line break.
    Break,
}

/// The text without any marks: lists with `•` and numbers, links with their address behind them.
#[must_use]
pub fn plain(text: &str) -> String {
    render(&parse(text), &Plain)
}

/// Rendered with a channel's own marks.
#[must_use]
pub fn convert(text: &str, marks: &impl Render) -> String {
    render(&parse(text), marks)
}
