//! The text of a rich message: its blocks read as lines. The shapes are many and grow, so they are walked and not listed.

use serde_json::Value;

/// Deeper than this nothing is read.
const DEPTH: usize = 24;

/// The lines of a rich message's blocks.
#[must_use]
pub fn text(message: &Value) -> String {
    let mut lines = Vec::new();
    if let Some(blocks) = message.get("blocks") {
        block(blocks, &mut lines, DEPTH);
    }
    lines.join("\n")
}

fn block(value: &Value, lines: &mut Vec<String>, depth: usize) {
    let Some(depth) = depth.checked_sub(1) else {
        return;
    };
    match value {
        Value::Array(blocks) => {
            for one in blocks {
                block(one, lines, depth);
            }
        }
        Value::Object(fields) => {
            for name in ["text", "expression", "caption", "summary", "credit"] {
                if let Some(inner) = fields.get(name) {
                    let mut line = String::new();
                    inline(inner, &mut line, depth);
                    if !line.is_empty() {
                        lines.push(line);
                    }
                }
            }
            for row in fields
                .get("cells")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                let cells = row.as_array().map_or(&[][..], Vec::as_slice);
                let cells: Vec<String> = cells
                    .iter()
                    .map(|cell| {
                        let mut text = String::new();
                        inline(cell, &mut text, depth);
                        text
                    })
                    .collect();
                lines.push(cells.join(" | "));
            }
            for name in ["blocks", "items"] {
                if let Some(inner) = fields.get(name) {
                    block(inner, lines, depth);
                }
            }
        }
        _ => {}
    }
}

fn inline(value: &Value, line: &mut String, depth: usize) {
    let Some(depth) = depth.checked_sub(1) else {
        return;
    };
    match value {
        Value::String(text) => line.push_str(text),
        Value::Array(pieces) => {
            for piece in pieces {
                inline(piece, line, depth);
            }
        }
        Value::Object(fields) => {
            for name in ["text", "alternative_text", "expression"] {
                if let Some(inner) = fields.get(name) {
                    inline(inner, line, depth);
                    break;
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_become_lines_and_cells_a_row() {
        let message = serde_json::json!({"blocks": [
            {"type": "heading", "text": "Order", "size": 2},
            {"type": "paragraph", "text": ["two ", {"type": "bold", "text": ["red ", {"type": "italic", "text": "cups"}]}]},
            {"type": "table", "cells": [[{"text": "a"}, {"text": {"type": "code", "text": "b"}}], [{"text": "c"}, {}]]},
            {"type": "list", "items": [{"blocks": [{"type": "paragraph", "text": "first"}]}]},
            {"type": "divider"},
            {"type": "of tomorrow", "text": {"type": "glitter", "text": "still read"}}
        ]});
        assert_eq!(
            text(&message),
            "Order\ntwo red cups\na | b\nc | \nfirst\nstill read"
        );
    }

    #[test]
    fn whatever_is_nested_too_deep_is_left_out() {
        let mut deep = serde_json::json!("bottom");
        for _ in 0..100 {
            deep = serde_json::json!([deep]);
        }
        assert_eq!(text(&serde_json::json!({"blocks": [{"text": deep}]})), "");
        assert_eq!(text(&serde_json::json!(7)), "");
    }
}
