//! Older dialects: read with a warning where their meaning is clear, refused where it is not.
//!
//! Known are files without `schema_version`, `next:` in place of `to:`, and lists of nodes, either
//! `{id, type, config, to}` or `{id, operation, config, edges}`, with edges in the node or beside the list.

use greentic_diagnostics::{Node, Report, Span, Spanned, Table, Value};

use super::node::{Choice, Exit, RawNode, Rule};

/// An edge that stands beside the list of nodes.
pub struct Edge<'n> {
    from: Spanned<String>,
    rule: Rule<'n>,
}

/// Judges the version of a file.
pub fn judge_version(table: &Table<'_, '_>, version: Option<Spanned<u64>>, report: &Report) {
    match version {
        Some(Spanned { value: 2, .. }) => {}
        Some(Spanned { value: 0 | 1, span }) => {
            report
                .warning(
                    span,
                    "older-dialect",
                    "this is an older version, read as version 2",
                )
                .help("write `schema_version: 2`");
        }
        Some(Spanned { value, span }) => {
            let message =
                format!("version {value} is newer than this program, which reads version 2");
            report.error(span, "newer-version", message);
        }
        None if table.mapping().get("schema_version").is_none() => {
            let span = table.key_span("id").unwrap_or(table.span());
            report
                .warning(
                    span,
                    "older-dialect",
                    "there is no `schema_version`; the file is read as version 2",
                )
                .help("write `schema_version: 2`");
        }
        None => {}
    }
}

/// Reads `edges` at the top of a file with a list of nodes.
pub fn top_level_edges<'n>(table: &Table<'n, '_>) -> Vec<Edge<'n>> {
    let has_list = table
        .mapping()
        .get("nodes")
        .is_some_and(|entry| entry.node.as_sequence().is_some());
    let mut edges = Vec::new();
    if has_list && table.mapping().get("edges").is_some() {
        edges.extend(table.list("edges").unwrap_or_default().iter());
    }
    edges.into_iter().filter_map(top_level_edge).collect()
}

fn top_level_edge(node: &Node) -> Option<Edge<'_>> {
    let from = node.get("from").or_else(|| node.get("source"))?;
    let to = node.get("to").or_else(|| node.get("target"))?;
    let condition = node.get("condition").or_else(|| node.get("when"));
    Some(Edge {
        from: Spanned::new(from.as_str()?.to_owned(), from.span),
        rule: Rule {
            span: node.span,
            exit: Exit::To(Spanned::new(to.as_str()?.to_owned(), to.span)),
            condition: condition.map(Choice::Condition),
            status: None,
        },
    })
}

/// Reads `nodes` in whichever form it has.
pub fn nodes<'n>(nodes: &'n Node, edges: Vec<Edge<'n>>, report: &Report) -> Vec<RawNode<'n>> {
    match &nodes.value {
        Value::Mapping(mapping) => mapping
            .iter()
            .filter_map(|(id, entry)| {
                RawNode::read(
                    Spanned::new(id.to_owned(), entry.key_span),
                    &entry.node,
                    report,
                )
            })
            .collect(),
        Value::Sequence(list) => from_list(list, edges, nodes.span, report),
        _ => {
            nodes.mismatch(report, "a table of nodes, each under its id");
            Vec::new()
        }
    }
}

fn from_list<'n>(
    list: &'n [Node],
    edges: Vec<Edge<'n>>,
    span: Span,
    report: &Report,
) -> Vec<RawNode<'n>> {
    let first = Span {
        file: span.file,
        start: span.start,
        end: span.start,
    };
    report
        .warning(
            first,
            "older-dialect",
            "nodes as a list are an older dialect",
        )
        .help("write each node under its id: `nodes: {greet: {emit.response: …, routing: out}}`");
    let mut nodes: Vec<RawNode<'n>> = Vec::with_capacity(list.len());
    for node in list {
        let Some(read) = from_item(node, report) else {
            continue;
        };
        if nodes.iter().any(|known| known.id.value == read.id.value) {
            let message = format!("the node `{}` is defined twice", read.id.value);
            report.error(read.id.span, "duplicate-node", message);
            continue;
        }
        nodes.push(read);
    }
    for edge in edges {
        match nodes
            .iter_mut()
            .find(|node| node.id.value == edge.from.value)
        {
            Some(node) => node.rules.push(edge.rule),
            None => {
                let message = format!("there is no node `{}`", edge.from.value);
                report.error(edge.from.span, "unknown-node", message);
            }
        }
    }
    nodes
}

/// One node of a list.
fn from_item<'n>(node: &'n Node, report: &Report) -> Option<RawNode<'n>> {
    let table = Table::new(node, report)?;
    let id = table.required_str("id");
    let named = ["operation", "op", "type"]
        .iter()
        .find_map(|key| table.get(key));
    let config = ["config", "payload", "input", "with"]
        .iter()
        .find_map(|key| table.get(key));
    let mut rules = Vec::new();
    for key in ["to", "next"] {
        if let Some(to) = table.get(key) {
            rules.extend(super::routing::targets(to, report));
        }
    }
    for key in ["edges", "routes"] {
        for edge in table
            .get(key)
            .and_then(|edges| edges.expect_list(report))
            .unwrap_or_default()
        {
            rules.extend(super::routing::rule(edge, true, report));
        }
    }
    let routing = table.get("routing");
    let text = table.get("text");
    let _ = ["name", "title", "description", "position"].map(|key| table.get(key));
    table.finish();
    let id = id?;
    let Some(named) = named else {
        report
            .error(
                id.span,
                "unclear-dialect",
                format!("the node `{}` names no operation", id.value),
            )
            .help("write the node in version 2: an id, under it one operation key");
        return None;
    };
    let operation = named.expect_string(report)?;
    let key = match operation.value.as_str() {
        "reply" | "message" | "text" | "respond" => "emit.response".to_owned(),
        "wait" | "prompt" => "session.wait".to_owned(),
        "start" | "in" | "noop" | "end" => "flow.pass".to_owned(),
        other if other.contains('.') || super::OPERATIONS.contains(&other) => other.to_owned(),
        other => {
            report
                .error(operation.span, "unclear-dialect", format!("what a node of type `{other}` does is not clear"))
                .help("name the operation, such as `emit.response`, `session.wait` or `namespace.component.operation`");
            return None;
        }
    };
    let payload = config.or(text);
    if let Some(routing) = routing {
        rules.extend(super::routing::read(routing, report));
    }
    let span = operation.span;
    Some(RawNode::plain(id, Spanned::new(key, span), payload, rules))
}
