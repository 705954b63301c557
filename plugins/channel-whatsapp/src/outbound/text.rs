//! Texts.

use greentic_sdk::text::{Unit, shorten, split};
use serde_json::json;

use super::{Part, Rendered};
use crate::limits::TEXT;

/// A text of any length after what is there already.
pub fn push(rendered: &mut Rendered, text: &str) {
    rendered
        .parts
        .extend(pieces(text).iter().map(|piece| part(piece)));
}

/// A text in pieces the platform takes.
pub fn pieces(text: &str) -> Vec<String> {
    split(text, TEXT, Unit::Chars)
}

/// One text as a message. The first address in it is shown with a preview.
pub fn part(text: &str) -> Part {
    let preview = text.contains("https://") || text.contains("http://");
    Part::new("text", json!({ "preview_url": preview, "body": text }))
}

/// At most so many characters, with an ellipsis as the last where something was cut.
pub fn cut(text: &str, most: usize) -> String {
    shorten(text, most, Unit::Chars)
}
