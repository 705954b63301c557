//! Long texts as several messages, at places where a person would end one.

use unicode_segmentation::UnicodeSegmentation;

/// How a platform counts the length of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Unicode scalar values.
    Chars,
    /// UTF-16 code units, as JavaScript counts.
    Utf16,
    /// Bytes of UTF-8.
    Bytes,
}

impl Unit {
    /// The length of a text.
    #[must_use]
    pub fn count(self, text: &str) -> usize {
        match self {
            Self::Chars => text.chars().count(),
            Self::Utf16 => text.encode_utf16().count(),
            Self::Bytes => text.len(),
        }
    }
}

/// A text as pieces of at most `limit`, none of them empty or blank; nothing for a blank text.
///
/// A piece ends at a paragraph, else at a line, else at a sentence, else at a blank, else between two graphemes. Blanks at the border
/// go. A fenced code block that is divided is closed in the one piece and opened again in the next; the fences count. A grapheme is
/// only divided where it is longer than `limit`.
#[must_use]
pub fn split(text: &str, limit: usize, unit: Unit) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = text.trim_matches(['\n', '\r']).to_owned();
    while unit.count(&rest) > limit {
        let (piece, after) = first(&rest, limit, unit);
        if !piece.trim().is_empty() {
            pieces.push(piece);
        }
        rest = after;
    }
    if !rest.trim().is_empty() {
        pieces.push(rest.trim_end().to_owned());
    }
    pieces
}

/// A text as pieces that are at most `limit` long once they are rendered: in the platform's own mark-up a text is longer than what was
/// written. `render` makes a message of a piece.
#[must_use]
pub fn split_rendered(
    text: &str,
    limit: usize,
    unit: Unit,
    render: impl Fn(&str) -> String,
) -> Vec<String> {
    let mut done = Vec::new();
    push_rendered(
        text,
        limit,
        &|piece| unit.count(piece) <= limit,
        unit,
        &render,
        &mut done,
    );
    done
}

/// Splits at `room` and divides further what is too long when it is rendered; at most as deep as `room` can be halved.
fn push_rendered(
    text: &str,
    room: usize,
    fits: &impl Fn(&str) -> bool,
    unit: Unit,
    render: &impl Fn(&str) -> String,
    done: &mut Vec<String>,
) {
    for piece in split(text, room, unit) {
        let rendered = render(&piece);
        if room <= 1 || fits(&rendered) {
            done.extend((!rendered.trim().is_empty()).then_some(rendered));
        } else {
            let smaller = (room / 2).min(unit.count(&piece).div_ceil(2)).max(1);
            push_rendered(&piece, smaller, fits, unit, render, done);
        }
    }
}

/// The text cut to `limit`, between graphemes, with `…` as its end where something was cut.
#[must_use]
pub fn shorten(text: &str, limit: usize, unit: Unit) -> String {
    if unit.count(text) <= limit {
        return text.to_owned();
    }
    let Some(room) = limit.checked_sub(unit.count("…")) else {
        return String::new();
    };
    let kept = text.get(..fit(text, room, unit)).unwrap_or_default();
    format!("{}…", kept.trim_end())
}

/// How many bytes of the beginning of `text` are at most `limit` long and end between graphemes.
fn fit(text: &str, limit: usize, unit: Unit) -> usize {
    let (mut end, mut used) = (0, 0);
    for grapheme in text.graphemes(true) {
        used += unit.count(grapheme);
        if used > limit {
            break;
        }
        end += grapheme.len();
    }
    end
}

/// The first piece of a text that is longer than `limit`, and what comes after it, fence opened again.
fn first(text: &str, limit: usize, unit: Unit) -> (String, String) {
    let end = place(text, limit, unit);
    if let Some(fence) = fence_at(text, end) {
        // Room for the line that closes the fence. A fence that is nearly as long as the limit is divided as any text.
        let closing = unit.count(fence.marks) + 1;
        let room = limit.saturating_sub(closing);
        if room > 2 * unit.count(fence.line) + closing {
            let end = place(text, room, unit);
            let (piece, after) = cut(text, end);
            match fence_at(text, end) {
                None => return (piece.trim_end().to_owned(), after.to_owned()),
                // Only where the piece has more than the line that would be written again: every piece makes the rest shorter.
                Some(fence) if fence.line.len() + 1 + after.len() < text.len() => {
                    let closed = format!("{}\n{}", piece.trim_end(), fence.marks);
                    // The fence that is open here may be another one, with longer marks.
                    if unit.count(&closed) <= limit {
                        return (closed, format!("{}\n{after}", fence.line));
                    }
                }
                Some(_) => {}
            }
        }
    }
    let (piece, after) = cut(text, end);
    (piece.trim_end().to_owned(), after.to_owned())
}

/// The two sides of a place, without the line breaks and, where a sentence or word ends, the blanks of the border.
fn cut(text: &str, end: usize) -> (&str, &str) {
    let (piece, after) = text.split_at_checked(end).unwrap_or((text, ""));
    match piece.ends_with('\n') {
        true => (piece, after.trim_start_matches(['\n', '\r'])),
        false => (piece, after.trim_start()),
    }
}

/// Where to end a piece of at most `limit`: always after something, so that a loop over it ends.
fn place(text: &str, limit: usize, unit: Unit) -> usize {
    let most = match fit(text, limit, unit) {
        // One grapheme is longer than the limit.
        0 => text
            .char_indices()
            .map(|(at, char)| at + char.len_utf8())
            .take_while(|end| {
                text.get(..*end)
                    .is_some_and(|text| unit.count(text) <= limit)
            })
            .last()
            .or_else(|| text.chars().next().map(char::len_utf8))
            .unwrap_or(text.len()),
        most => most,
    };
    let room = text.get(..most).unwrap_or(text);
    // A line break right after what fits ends a piece as well.
    let line = |minimum: usize, mark: &str| {
        let found = room.rfind(mark).map(|at| at + mark.len());
        found.filter(|end| *end > minimum)
    };
    let ends_here = text.get(most..).is_some_and(|rest| rest.starts_with('\n'));
    let ends_here = ends_here.then_some(most);
    line(most / 3, "\n\n")
        .or(ends_here)
        .or_else(|| line(most / 3, "\n"))
        .or_else(|| sentence(room).filter(|end| *end > most / 4))
        .or_else(|| {
            let next = text.get(most..).and_then(|rest| rest.chars().next());
            next.filter(|char| char.is_whitespace()).map(|_| most)
        })
        .or_else(|| {
            let blank = room.rfind(char::is_whitespace);
            blank.filter(|at| !room.get(..*at).unwrap_or_default().trim().is_empty())
        })
        .unwrap_or(most)
}

/// Where the last whole sentence of a text ends.
fn sentence(text: &str) -> Option<usize> {
    let mut end = None;
    let mut before = ' ';
    for (at, char) in text.char_indices() {
        if matches!(char, '。' | '！' | '？') {
            end = Some(at + char.len_utf8());
        } else if char.is_whitespace() && matches!(before, '.' | '!' | '?' | '…') {
            end = Some(at);
        }
        before = char;
    }
    end
}

/// A code fence that is open at a place of a text.
struct Fence<'a> {
    /// The line that opened it, with the language.
    line: &'a str,
    /// The characters that close it.
    marks: &'a str,
}

/// The fence that is open after the first `end` bytes (CommonMark, section 4.5).
fn fence_at(text: &str, end: usize) -> Option<Fence<'_>> {
    let mut open: Option<Fence<'_>> = None;
    for line in text.get(..end)?.lines() {
        let marks = line.trim_start_matches(' ');
        let Some(first @ ('`' | '~')) = marks.chars().next() else {
            continue;
        };
        let length = marks.len() - marks.trim_start_matches(first).len();
        let (marks, info) = marks.split_at(length);
        match &open {
            None if length >= 3 && !info.contains('`') => open = Some(Fence { line, marks }),
            Some(fence) if marks.starts_with(fence.marks) && info.trim().is_empty() => open = None,
            _ => {}
        }
    }
    open
}

#[cfg(test)]
mod tests;
