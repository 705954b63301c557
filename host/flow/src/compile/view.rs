//! A flow as a picture shows it: nodes with a kind and one line of what they do, edges with their condition.

use super::file::RawFlow;
use super::node::{Choice, Exit, RawNode};
use greentic_diagnostics::{Node, Value};

/// A flow to be drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowView {
    /// Its id.
    pub id: String,
    /// Its title; may be empty.
    pub title: String,
    /// Index of the first node.
    pub start: usize,
    /// Nodes in file order.
    pub nodes: Vec<ViewNode>,
}

/// A node to be drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewNode {
    /// Its id.
    pub id: String,
    /// Decides shape and colour.
    pub kind: ViewKind,
    /// The operation key.
    pub operation: String,
    /// One line of what it says or calls; may be empty.
    pub detail: String,
    /// Ways out.
    pub edges: Vec<ViewEdge>,
}

/// A way out of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewEdge {
    /// Index of the next node; `None` is the end.
    pub to: Option<usize>,
    /// Its condition; empty for the default.
    pub label: String,
    /// Whether the condition asks for a failure.
    pub error: bool,
}

/// What a node is, for its shape and colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ViewKind {
    /// Sends something.
    Say,
    /// Waits or asks.
    Wait,
    /// Calls a component or a tool.
    Call,
    /// Calls or enters another flow.
    Flow,
    /// Variables and state.
    Data,
}

/// Makes the view of a flow.
pub fn draw(raw: &RawFlow<'_>, start: Option<u32>) -> FlowView {
    let position = |id: &str| raw.nodes.iter().position(|node| node.id.value == id);
    let nodes = raw
        .nodes
        .iter()
        .map(|node| draw_node(node, &position))
        .collect();
    FlowView {
        id: raw.id.value.clone(),
        title: raw.title.clone(),
        start: start
            .and_then(|start| usize::try_from(start).ok())
            .unwrap_or_default(),
        nodes,
    }
}

fn draw_node(node: &RawNode<'_>, position: &impl Fn(&str) -> Option<usize>) -> ViewNode {
    let key = node.key.value.as_str();
    let kind = match key.split('.').next().unwrap_or_default() {
        "emit" => ViewKind::Say,
        "session" | "slots" => ViewKind::Wait,
        "flow" => ViewKind::Flow,
        "var" | "state" => ViewKind::Data,
        _ => ViewKind::Call,
    };
    let mut edges: Vec<ViewEdge> = Vec::new();
    for rule in &node.rules {
        let label = match &rule.condition {
            None => String::new(),
            Some(Choice::Event(event)) => event.value.clone(),
            Some(Choice::Condition(condition)) => one_line(condition.as_str().unwrap_or("…")),
        };
        let to = match &rule.exit {
            // A target that does not exist is reported elsewhere and not drawn.
            Exit::To(to) => match position(&to.value) {
                Some(to) => Some(to),
                None => continue,
            },
            Exit::Out | Exit::Reply => None,
        };
        let error = super::condition::ERROR_PORTS
            .iter()
            .any(|port| label.contains(port));
        edges.push(ViewEdge { to, label, error });
    }
    if node.rules.is_empty() && key != "flow.goto" {
        edges.push(ViewEdge {
            to: None,
            label: String::new(),
            error: false,
        });
    }
    ViewNode {
        id: node.id.value.clone(),
        kind,
        operation: node.key.value.clone(),
        detail: node.payload.map(detail).unwrap_or_default(),
        edges,
    }
}

/// One line of what a payload says.
fn detail(payload: &Node) -> String {
    match &payload.value {
        Value::String(text) => one_line(text),
        Value::Mapping(mapping) => {
            let keys = [
                "text",
                "prompt",
                "tool",
                "flow",
                "key",
                "slot",
                "message",
                "operation",
                "component",
            ];
            let found = keys
                .iter()
                .find_map(|key| mapping.get(key))
                .and_then(|entry| entry.node.as_str());
            match found {
                Some(text) => one_line(text),
                None => one_line(
                    &mapping
                        .iter()
                        .map(|(key, _)| key)
                        .collect::<Vec<_>>()
                        .join(", "),
                ),
            }
        }
        _ => String::new(),
    }
}

fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= 44 {
        return line;
    }
    let cut: String = line.chars().take(43).collect();
    format!("{cut}…")
}
