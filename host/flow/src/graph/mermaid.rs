//! Mermaid text.

use std::fmt::Write as _;

use crate::compile::{FlowView, ViewKind};

/// The flow as a Mermaid flowchart.
#[must_use]
pub fn mermaid(view: &FlowView) -> String {
    let mut out = String::from("flowchart TD\n");
    // Writing to a String cannot fail.
    let _ = writeln!(out, "  start(( )) --> n{}", view.start);
    for (index, node) in view.nodes.iter().enumerate() {
        let mut label = format!("<b>{}</b><br/>{}", clean(&node.id), clean(&node.operation));
        if !node.detail.is_empty() {
            let _ = write!(label, "<br/><i>{}</i>", clean(&node.detail));
        }
        let (open, close) = match node.kind {
            ViewKind::Say => ("(", ")"),
            ViewKind::Wait => ("([", "])"),
            ViewKind::Call => ("[[", "]]"),
            ViewKind::Flow => ("{{", "}}"),
            ViewKind::Data => ("[(", ")]"),
        };
        let _ = writeln!(out, "  n{index}{open}\"{label}\"{close}");
        for edge in &node.edges {
            let arrow = if edge.error { "-.->" } else { "-->" };
            let label = if edge.label.is_empty() {
                String::new()
            } else {
                format!("|\"{}\"|", clean(&edge.label))
            };
            let to = edge
                .to
                .map_or_else(|| "stop".to_owned(), |to| format!("n{to}"));
            let _ = writeln!(out, "  n{index} {arrow}{label} {to}");
        }
    }
    if view
        .nodes
        .iter()
        .flat_map(|node| &node.edges)
        .any(|edge| edge.to.is_none())
    {
        out.push_str("  stop((( )))\n");
    }
    out
}

/// Text inside quotes: Mermaid knows HTML entities by number only.
fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '<' | '>' | '&' | '#' | ';' | '`' | '|' => {
                let _ = write!(out, "#{};", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}
