//! The top level of a `.ygtc` file.

use greentic_diagnostics::{Node, Report, Spanned, Table, suggest};
use serde_json::{Map, Value};

use super::names::{Names, World};
use super::node::{self, RawNode};
use super::view::{self, FlowView};
use super::{check, dialect, slots};
use crate::ir::{Flow, Slot};

/// A file as it was read, names not yet resolved.
pub struct RawFlow<'n> {
    pub report: &'n Report,
    pub id: Spanned<String>,
    pub title: String,
    pub kind: String,
    pub start: Option<Spanned<String>>,
    pub entrypoints: Vec<(Spanned<String>, Spanned<String>)>,
    pub parameters: Map<String, Value>,
    pub slots: Vec<Slot>,
    pub nodes: Vec<RawNode<'n>>,
}

/// Reads a file; `None` when there is no flow in it at all.
pub fn read<'n>(report: &'n Report, root: &'n Node) -> Option<RawFlow<'n>> {
    let table = Table::new(root, report)?;
    let id = table.required_str("id");
    let kind = table.required_str("type").map(|kind| kind.value);
    // The order of the lines below is the order in which `finish` lists the known keys.
    let title = table
        .str("title")
        .map(|title| title.value)
        .unwrap_or_default();
    let _description = table.str("description");
    let _tags = table.strings("tags");
    let start = table.str("start");
    let parameters = table.json("parameters");
    let entrypoints = table.map("entrypoints").unwrap_or_default();
    let version = table.u64("schema_version");
    let _meta = table.get("meta");
    let slot_schema = table.list("slot_schema").unwrap_or_default();
    let nodes = table.required("nodes");
    dialect::judge_version(&table, version, report);
    let edges = dialect::top_level_edges(&table);
    table.finish();

    let parameters = match parameters {
        None => Map::new(),
        Some(Spanned {
            value: Value::Object(fields),
            ..
        }) => parameter_defaults(fields),
        Some(other) => {
            report.error(
                other.span,
                "wrong-type",
                "`parameters` is a table of names and defaults",
            );
            Map::new()
        }
    };
    let id = id?;
    if id.value.is_empty() || id.value.contains(char::is_whitespace) {
        report.error(id.span, "bad-id", "a flow's id is a word without spaces");
    }
    let entrypoints = entrypoints
        .into_iter()
        .filter_map(|(name, node)| Some((name, node.expect_string(report)?)))
        .collect();
    let nodes = match nodes {
        Some(nodes) => dialect::nodes(nodes, edges, report),
        None => Vec::new(),
    };
    let slots = slots::read(slot_schema, report);
    Some(RawFlow {
        report,
        id,
        title,
        kind: kind.unwrap_or_default(),
        start,
        entrypoints,
        parameters,
        slots,
        nodes,
    })
}

/// A parameter is a default, or a JSON Schema with a `default` in it.
fn parameter_defaults(fields: Map<String, Value>) -> Map<String, Value> {
    let default = |value: Value| match value {
        Value::Object(mut schema)
            if schema.contains_key("type") && schema.get("type").is_some_and(Value::is_string) =>
        {
            schema.remove("default").unwrap_or_default()
        }
        other => other,
    };
    fields
        .into_iter()
        .map(|(name, value)| (name, default(value)))
        .collect()
}

/// Reports flows that have the id of an earlier one.
pub fn refuse_duplicates(flows: &mut [RawFlow<'_>]) {
    for index in 1..flows.len() {
        let (before, rest) = flows.split_at(index);
        let Some(flow) = rest.first() else { continue };
        if let Some(first) = before.iter().find(|other| other.id.value == flow.id.value) {
            let place = first.report.source().name().to_owned();
            let message = format!("the flow `{}` is already defined in {place}", flow.id.value);
            flow.report.error(flow.id.span, "duplicate-flow", message);
        }
    }
}

/// Lowers a flow and draws its view; reports what is wrong.
pub fn lower(raw: &RawFlow<'_>, index: usize, world: &World) -> (Option<Flow>, FlowView) {
    let empty = super::names::FlowNames::empty();
    let own = world.flows.get(index).unwrap_or(&empty);
    let names = Names::new(world, own, raw.report, 0);
    let position =
        |name: &Spanned<String>| match own.nodes.iter().position(|node| *node == name.value) {
            Some(index) => u32::try_from(index).ok(),
            None => {
                names.unknown_node(name.span, &name.value, own);
                None
            }
        };
    let start = match &raw.start {
        Some(start) => position(start),
        None => own
            .nodes
            .iter()
            .position(|node| node == "in")
            .map_or(Some(0), |index| u32::try_from(index).ok()),
    };
    let entrypoints: Vec<(String, u32)> = raw
        .entrypoints
        .iter()
        .filter_map(|(name, node)| {
            check_entrypoint(name, raw.report);
            Some((name.value.clone(), position(node)?))
        })
        .collect();
    if raw.nodes.is_empty() {
        raw.report
            .error(raw.id.span, "no-nodes", "the flow has no nodes")
            .help("write `nodes:` with at least one node");
    }
    let nodes: Vec<_> = raw
        .nodes
        .iter()
        .enumerate()
        .map(|(at, one)| node::lower(one, at, own, world, raw.report))
        .collect();
    let view = view::draw(raw, start);
    let flow = start.map(|start| Flow {
        id: raw.id.value.clone(),
        title: raw.title.clone(),
        kind: raw.kind.clone(),
        start,
        entrypoints,
        parameters: raw.parameters.clone(),
        slots: raw.slots.clone(),
        nodes: Vec::new(),
    });
    let Some(mut flow) = flow else {
        return (None, view);
    };
    let sound = nodes.iter().all(|node| node.ir.is_some());
    check::graph(raw, &flow, &nodes);
    let reads: Vec<_> = nodes.iter().map(|node| node.reads.clone()).collect();
    flow.nodes = nodes.into_iter().filter_map(|node| node.ir).collect();
    if sound {
        check::keep_outputs(&mut flow, &reads);
    }
    (sound.then_some(flow), view)
}

/// Warns of entrypoints with a prefix that no event answers to.
fn check_entrypoint(name: &Spanned<String>, report: &Report) {
    let Some(kind) = name.value.strip_prefix("event:") else {
        return;
    };
    if crate::EventKind::named(kind).is_none() {
        let known = crate::EventKind::NAMES.map(|(name, _)| name);
        let near = suggest(kind, known).map_or_else(
            || format!("; kinds are {}", known.join(", ")),
            |near| format!("; did you mean `event:{near}`?"),
        );
        report.error(
            name.span,
            "unknown-event",
            format!("there is no event `{kind}`{near}"),
        );
    }
}
