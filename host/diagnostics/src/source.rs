//! A text with a name, and places in it.
//!
//! Places are kept in three units at once (line, column, byte offset) because people read the first two and drawing
//! needs the third; computing one from another later would need the text at hand everywhere.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::Serialize;

/// A named text. Cloning shares it.
#[derive(Clone)]
pub struct Source(Arc<Inner>);

struct Inner {
    /// Which of several texts that are read together it is; the first is 0.
    file: u32,
    name: String,
    text: String,
    /// Byte offset of the start of each line; never empty.
    lines: Vec<usize>,
    /// How many characters start before each multiple of [`BLOCK`] bytes, so that columns in one huge line stay cheap.
    blocks: Vec<usize>,
}

const BLOCK: usize = 64;

/// Whether a byte of UTF-8 starts a character.
fn starts(byte: &u8) -> bool {
    byte & 0xc0 != 0x80
}

impl Source {
    /// Takes a name to show (usually the path as the user wrote it) and the text. A byte order mark is dropped.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self::numbered(0, name, text)
    }

    /// The same for one of several texts that are read together: its places say which one they are in.
    pub fn numbered(file: u32, name: impl Into<String>, text: impl Into<String>) -> Self {
        let mut text: String = text.into();
        if text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        let mut lines = vec![0];
        let mut rest = text.bytes().enumerate().peekable();
        while let Some((offset, byte)) = rest.next() {
            let ends_line = match byte {
                b'\n' => true,
                b'\r' => !matches!(rest.peek(), Some((_, b'\n'))),
                _ => false,
            };
            if ends_line {
                lines.push(offset + 1);
            }
        }
        let mut blocks = vec![0];
        let mut counted = 0;
        for block in text.as_bytes().chunks(BLOCK) {
            counted += block.iter().filter(|byte| starts(byte)).count();
            blocks.push(counted);
        }
        Self(Arc::new(Inner {
            file,
            name: name.into(),
            text,
            lines,
            blocks,
        }))
    }

    /// The name given at construction.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The text between two byte offsets; empty when they do not lie on character borders inside the text.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> &str {
        self.0.text.get(range).unwrap_or_default()
    }

    /// A line without its line break; `line` counts from 1. Empty when there is no such line.
    #[must_use]
    pub fn line(&self, line: usize) -> &str {
        let Some(start) = line.checked_sub(1).and_then(|at| self.0.lines.get(at)) else {
            return "";
        };
        let end = self.0.lines.get(line).copied().unwrap_or(self.0.text.len());
        self.slice(*start..end).trim_end_matches(['\n', '\r'])
    }

    /// The position of a byte offset; an offset past the end is the end, one inside a character is its start.
    #[must_use]
    pub fn position(&self, offset: usize) -> Position {
        let mut offset = offset.min(self.0.text.len());
        while !self.0.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.0.lines.partition_point(|start| *start <= offset);
        let start = line
            .checked_sub(1)
            .and_then(|at| self.0.lines.get(at))
            .copied()
            .unwrap_or(0);
        Position {
            line,
            column: self.chars_before(offset) - self.chars_before(start) + 1,
            offset,
        }
    }

    /// How many characters start before a byte offset.
    fn chars_before(&self, offset: usize) -> usize {
        let block = offset / BLOCK;
        let counted = self.0.blocks.get(block).copied().unwrap_or_default();
        let rest = self
            .0
            .text
            .as_bytes()
            .get(block * BLOCK..offset)
            .unwrap_or_default();
        counted + rest.iter().filter(|byte| starts(byte)).count()
    }

    /// The byte offset of the character with this index; the end of the text when there are fewer.
    pub(crate) fn offset_of_char(&self, index: usize) -> usize {
        let block = self
            .0
            .blocks
            .partition_point(|before| *before <= index)
            .saturating_sub(1);
        let counted = self.0.blocks.get(block).copied().unwrap_or_default();
        let rest = self
            .0
            .text
            .as_bytes()
            .get(block * BLOCK..)
            .unwrap_or_default();
        let found = rest
            .iter()
            .enumerate()
            .filter(|(_, byte)| starts(byte))
            .nth(index - counted);
        found.map_or(self.0.text.len(), |(at, _)| block * BLOCK + at)
    }

    /// The span between two byte offsets.
    #[must_use]
    pub fn span(&self, range: Range<usize>) -> Span {
        Span {
            file: self.0.file,
            start: self.position(range.start),
            end: self.position(range.end.max(range.start)),
        }
    }

    /// The place of a part of a scalar: `part` counts bytes of `value`, which was read at `span`.
    /// When the text was escaped or folded, so that places inside cannot be told, it is the whole span.
    #[must_use]
    pub fn span_within(&self, span: Span, value: &str, part: Range<usize>) -> Span {
        let written = self.slice(span.start.offset..span.end.offset);
        match written.find(value) {
            Some(at) if !value.is_empty() && value.get(part.clone()).is_some() => {
                let start = span.start.offset + at;
                self.span(start + part.start..start + part.end)
            }
            _ => span,
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({:?}, {} bytes)", self.0.name, self.0.text.len())
    }
}

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || (self.0.name == other.0.name && self.0.text == other.0.text)
    }
}

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Position {
    /// Counts from 1.
    pub line: usize,
    /// Counts from 1, in characters.
    pub column: usize,
    /// Bytes from the start of the text.
    pub offset: usize,
}

impl Default for Position {
    fn default() -> Self {
        Self {
            line: 1,
            column: 1,
            offset: 0,
        }
    }
}

/// A part of a text, from `start` up to and without `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
pub struct Span {
    /// Which of several texts that are read together; 0 for the first or only one.
    #[serde(skip)]
    pub file: u32,
    /// The first character.
    pub start: Position,
    /// The place after the last character.
    pub end: Position,
}

impl Span {
    /// From the start of `self` to the end of `other`.
    #[must_use]
    pub fn to(self, other: Span) -> Span {
        Span {
            file: self.file,
            start: self.start,
            end: other.end.max(self.start),
        }
    }
}

/// A value and where it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Spanned<T> {
    /// What was written.
    pub value: T,
    /// Where.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// Puts the two together.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }

    /// Another value at the same place.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned {
            value: change(self.value),
            span: self.span,
        }
    }

    /// Borrows the value, keeps the place.
    pub fn as_ref(&self) -> Spanned<&T> {
        Spanned {
            value: &self.value,
            span: self.span,
        }
    }
}

impl<T> std::ops::Deref for Spanned<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Display> fmt::Display for Spanned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_every_line_break_counts_once() {
        let source = Source::new("t", "\u{feff}aé\r\nb\rc\n");
        assert_eq!(
            source.position(3),
            Position {
                line: 1,
                column: 3,
                offset: 3
            }
        );
        assert_eq!(
            source.position(5),
            Position {
                line: 2,
                column: 1,
                offset: 5
            }
        );
        assert_eq!(
            source.position(7),
            Position {
                line: 3,
                column: 1,
                offset: 7
            }
        );
        assert_eq!(
            (
                source.line(1),
                source.line(2),
                source.line(3),
                source.line(9)
            ),
            ("aé", "b", "c", "")
        );
        assert_eq!(source.position(2).offset, 1, "inside é is its start");
        assert_eq!(source.position(999).line, 4);
    }

    #[test]
    fn characters_are_counted_right_across_blocks() {
        let text = "aé€😀".repeat(700);
        let source = Source::new("t", text.clone());
        for (index, (offset, _)) in text.char_indices().enumerate() {
            assert_eq!(source.offset_of_char(index), offset);
            assert_eq!(source.position(offset).column, index + 1);
        }
        assert_eq!(source.offset_of_char(2_800), text.len());
        assert_eq!(source.offset_of_char(9_999), text.len());
    }

    #[test]
    fn a_part_of_a_quoted_scalar_is_found_and_of_an_escaped_one_is_the_whole() {
        let source = Source::new("t", r#"when: "a && b"  x: "a\tb""#);
        let span = source.span(6..14);
        assert_eq!(source.span_within(span, "a && b", 2..4).start.column, 10);
        let escaped = source.span(19..25);
        assert_eq!(source.span_within(escaped, "a\tb", 1..2), escaped);
    }
}
