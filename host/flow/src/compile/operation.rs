//! Operations: what a node's one key means.

use greentic_diagnostics::{Node, Table, Value as Yaml};
use serde_json::{Map, Value};

use super::names::Names;
use super::node::RawNode;
use super::{ask, emit, outside, template, transfer};
use crate::ir::{LogLevel, Operation, Payload, StateScope};

/// Every operation the engine knows by itself; any other key with a dot is a component's.
pub const OPERATIONS: [&str; 25] = [
    "emit.response",
    "emit.reply",
    "emit.message",
    "emit.text",
    "emit.card",
    "emit.quick-replies",
    "emit.attachment",
    "emit.typing",
    "emit.edit",
    "emit.delete",
    "emit.reaction",
    "emit.log",
    "session.wait",
    "slots.fill",
    "flow.call",
    "flow.goto",
    "flow.pass",
    "var.set",
    "state.get",
    "state.set",
    "state.delete",
    "mcp",
    "mcp.exec",
    "component.exec",
    "provider.invoke",
];

/// Lowers a node's operation; reports and gives `None` when it is wrong.
pub fn lower(raw: &RawNode<'_>, names: &Names<'_>) -> Option<Operation> {
    let key = raw.key.value.as_str();
    if let Some(kind) = emit::kind(key) {
        return Some(emit::lower(kind, raw.payload, names));
    }
    let payload = raw.payload.filter(|node| !matches!(node.value, Yaml::Null));
    match key {
        "emit.log" => log(payload, names),
        "session.wait" => ask::wait(payload, names),
        "slots.fill" => ask::slots_fill(raw, payload, names),
        "flow.call" => transfer::flow_call(raw, payload, names),
        "flow.goto" => transfer::flow_goto(raw, payload, names),
        "flow.pass" => Some(Operation::Pass(lowered(payload, names))),
        "var.set" => Some(Operation::VarSet(
            assignments(payload?)
                .into_iter()
                .map(|(name, node)| (name, template::payload(node, names)))
                .collect(),
        )),
        "state.get" | "state.set" | "state.delete" => state(key, raw, payload, names),
        "mcp" => outside::tool(raw, payload, names),
        "mcp.exec" => outside::older_tool(raw, payload, names),
        "component.exec" => outside::component(raw, payload, names),
        "provider.invoke" => outside::provider(raw, payload, names),
        _ => outside::other(raw, payload, names),
    }
}

fn lowered(node: Option<&Node>, names: &Names<'_>) -> Payload {
    node.map_or_else(Payload::default, |node| template::payload(node, names))
}

pub fn object(node: Option<&Node>, names: &Names<'_>) -> Payload {
    match node {
        Some(node) => template::payload(node, names),
        None => Payload::Literal(Value::Object(Map::new())),
    }
}

/// Reports an operation that needs a payload and has none.
pub fn needs<'n>(
    raw: &RawNode<'_>,
    payload: Option<&'n Node>,
    example: &str,
    names: &Names<'_>,
) -> Option<&'n Node> {
    if payload.is_none() {
        let message = format!("`{}` needs a payload", raw.key.value);
        names
            .report
            .error(raw.key.span, "no-payload", message)
            .help(format!("for example `{example}`"));
    }
    payload
}

fn log(payload: Option<&Node>, names: &Names<'_>) -> Option<Operation> {
    let Some(node) = payload.filter(|node| node.as_mapping().is_some()) else {
        return Some(Operation::Log {
            level: LogLevel::Info,
            text: lowered(payload, names),
        });
    };
    let table = Table::new(node, names.report)?;
    let level = table.choice("level", &["debug", "info", "warn", "error"]);
    let text = table.get("message").or_else(|| table.get("text"));
    table.finish();
    let level = match level.map_or("info", |level| level.value) {
        "debug" => LogLevel::Debug,
        "warn" => LogLevel::Warn,
        "error" => LogLevel::Error,
        _ => LogLevel::Info,
    };
    Some(Operation::Log {
        level,
        text: lowered(text, names),
    })
}

pub fn duration(table: &Table<'_, '_>, key: &str) -> Option<u64> {
    table
        .duration(key)
        .map(|ttl| u64::try_from(ttl.value.as_millis()).unwrap_or(u64::MAX))
}

fn state(
    key: &str,
    raw: &RawNode<'_>,
    payload: Option<&Node>,
    names: &Names<'_>,
) -> Option<Operation> {
    let node = needs(
        raw,
        payload,
        "state.set: {key: tickets, value: '{{response.ticket}}', scope: user}",
        names,
    )?;
    let scopes = StateScope::NAMES.map(|(name, _)| name);
    let Some(_) = node.as_mapping() else {
        let key_text = lowered(Some(node), names);
        let scope = StateScope::User;
        return match key {
            "state.get" => Some(Operation::StateGet {
                scope,
                key: key_text,
                default: None,
            }),
            "state.delete" => Some(Operation::StateDelete {
                scope,
                key: key_text,
            }),
            _ => {
                node.mismatch(names.report, "a table with `key` and `value`");
                None
            }
        };
    };
    let table = Table::new(node, names.report)?;
    let scope = table.choice("scope", &scopes);
    let scope = scope
        .and_then(|scope| {
            StateScope::NAMES
                .iter()
                .find(|(name, _)| *name == scope.value)
        })
        .map_or(StateScope::User, |(_, scope)| *scope);
    let name = table.get("key");
    let operation = match key {
        "state.get" => {
            let default = table
                .get("default")
                .map(|node| template::payload(node, names));
            table.required("key").map(|name| Operation::StateGet {
                scope,
                key: template::payload(name, names),
                default,
            })
        }
        "state.delete" => table.required("key").map(|name| Operation::StateDelete {
            scope,
            key: template::payload(name, names),
        }),
        _ => {
            let mut entries: Vec<(Payload, Payload)> = Vec::new();
            if name.is_none() && table.mapping().get("values").is_some() {
                for (name, value) in table.map("values").unwrap_or_default() {
                    entries.push((
                        Payload::Literal(name.value.into()),
                        template::payload(value, names),
                    ));
                }
            } else if let (Some(name), Some(value)) =
                (table.required("key"), table.required("value"))
            {
                entries.push((
                    template::payload(name, names),
                    template::payload(value, names),
                ));
            }
            let ttl_ms = duration(&table, "ttl");
            (!entries.is_empty()).then_some(Operation::StateSet {
                scope,
                entries,
                ttl_ms,
            })
        }
    };
    table.finish();
    operation
}

/// What `var.set` sets: `{name: value, …}`, or one `{name|key: …, value: …}`.
fn assignments(node: &Node) -> Vec<(String, &Node)> {
    let Some(mapping) = node.as_mapping() else {
        return Vec::new();
    };
    if mapping.len() == 2
        && let (Some(name), Some(value)) = (
            mapping.get("name").or_else(|| mapping.get("key")),
            mapping.get("value"),
        )
        && let Some(name) = name.node.as_str()
    {
        return vec![(name.to_owned(), &value.node)];
    }
    mapping
        .iter()
        .map(|(name, entry)| (name.to_owned(), &entry.node))
        .collect()
}

/// Variables a node sets.
pub fn variables(raw: &RawNode<'_>) -> Vec<String> {
    match (raw.key.value.as_str(), raw.payload) {
        ("var.set", Some(node)) => assignments(node)
            .into_iter()
            .map(|(name, _)| name)
            .collect(),
        ("mcp", Some(node)) => {
            let name = node.get("output").and_then(Node::as_str);
            name.map(|name| name.trim_start_matches("vars.").to_owned())
                .into_iter()
                .collect()
        }
        _ => Vec::new(),
    }
}

/// Fields of a node's output, where the file tells them all.
pub fn known_fields(raw: &RawNode<'_>) -> Option<Vec<String>> {
    if let Some(map) = raw.output_map() {
        return map
            .as_mapping()
            .map(|map| map.iter().map(|(name, _)| name.to_owned()).collect());
    }
    let key = raw.key.value.as_str();
    if emit::kind(key).is_some() {
        return Some(emit::fields(raw.payload));
    }
    match key {
        "var.set" => Some(variables(raw)),
        "state.get" => Some(["key", "value", "found"].map(str::to_owned).into()),
        "state.delete" => Some(vec!["key".to_owned()]),
        "emit.log" => Some(Vec::new()),
        _ => None,
    }
}
