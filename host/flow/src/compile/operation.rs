//! Operations: what a node's one key means.

use greentic_diagnostics::{Node, Spanned, Table, Value as Yaml, suggest};
use serde_json::{Map, Value};

use super::names::Names;
use super::node::RawNode;
use super::{emit, template};
use crate::event::EventKind;
use crate::ir::{GotoTarget, LogLevel, Operation, Payload, SlotsFill, StateScope};

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

/// Namespaces in which every other name is a mistake, not a component.
const RESERVED: [&str; 9] = ["emit", "session", "slots", "flow", "var", "state", "mcp", "component", "provider"];

/// Lowers a node's operation; reports and gives `None` when it is wrong.
pub fn lower(raw: &RawNode<'_>, names: &Names<'_>) -> Option<Operation> {
    let key = raw.key.value.as_str();
    if let Some(kind) = emit::kind(key) {
        return Some(emit::lower(kind, raw.payload, names));
    }
    let payload = raw.payload.filter(|node| !matches!(node.value, Yaml::Null));
    match key {
        "emit.log" => log(payload, names),
        "session.wait" => wait(payload, names),
        "slots.fill" => slots_fill(raw, payload, names),
        "flow.call" => flow_call(raw, payload, names),
        "flow.goto" => flow_goto(raw, payload, names),
        "flow.pass" => Some(Operation::Pass(lowered(payload, names))),
        "var.set" => Some(Operation::VarSet(
            assignments(payload?).into_iter().map(|(name, node)| (name, template::payload(node, names))).collect(),
        )),
        "state.get" | "state.set" | "state.delete" => state(key, raw, payload, names),
        "mcp" => tool(raw, payload, names),
        "mcp.exec" => older_tool(raw, payload, names),
        "component.exec" => component(raw, payload, names),
        "provider.invoke" => provider(raw, payload, names),
        _ => other(raw, payload, names),
    }
}

fn lowered(node: Option<&Node>, names: &Names<'_>) -> Payload {
    node.map_or_else(Payload::default, |node| template::payload(node, names))
}

fn object(node: Option<&Node>, names: &Names<'_>) -> Payload {
    match node {
        Some(node) => template::payload(node, names),
        None => Payload::Literal(Value::Object(Map::new())),
    }
}

/// Reports an operation that needs a payload and has none.
fn needs<'n>(raw: &RawNode<'_>, payload: Option<&'n Node>, example: &str, names: &Names<'_>) -> Option<&'n Node> {
    if payload.is_none() {
        let message = format!("`{}` needs a payload", raw.key.value);
        names.report.error(raw.key.span, "no-payload", message).help(format!("for example `{example}`"));
    }
    payload
}

fn log(payload: Option<&Node>, names: &Names<'_>) -> Option<Operation> {
    let Some(node) = payload.filter(|node| node.as_mapping().is_some()) else {
        return Some(Operation::Log { level: LogLevel::Info, text: lowered(payload, names) });
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
    Some(Operation::Log { level, text: lowered(text, names) })
}

fn wait(payload: Option<&Node>, names: &Names<'_>) -> Option<Operation> {
    let Some(node) = payload else { return Some(Operation::Wait { ttl_ms: None, accepts: Vec::new() }) };
    let table = Table::new(node, names.report)?;
    let ttl_ms = duration(&table, "ttl");
    let mut accepts = Vec::new();
    for kind in table.strings("on").unwrap_or_default() {
        match EventKind::named(&kind.value) {
            Some(kind) => accepts.push(kind),
            None => {
                let known = EventKind::NAMES.map(|(name, _)| name);
                let near = suggest(&kind.value, known)
                    .map_or_else(|| format!("; kinds are {}", known.join(", ")), |near| format!("; did you mean `{near}`?"));
                names.report.error(kind.span, "unknown-event", format!("there is no event `{}`{near}", kind.value));
            }
        }
    }
    table.finish();
    Some(Operation::Wait { ttl_ms, accepts })
}

fn duration(table: &Table<'_, '_>, key: &str) -> Option<u64> {
    table.duration(key).map(|ttl| u64::try_from(ttl.value.as_millis()).unwrap_or(u64::MAX))
}

fn slots_fill(raw: &RawNode<'_>, payload: Option<&Node>, names: &Names<'_>) -> Option<Operation> {
    let node = needs(raw, payload, "slots.fill: {slot: email, prompt: What is your e-mail address?}", names)?;
    let table = Table::new(node, names.report)?;
    let one = table.str("slot");
    let many = table.strings("slots");
    let prompt = table.required("prompt");
    let reask = table.get("reask");
    let attempts = table.u64("max_attempts");
    let ttl_ms = duration(&table, "ttl");
    let always = table.bool("always").is_some_and(|always| always.value);
    table.finish();
    let wanted: Vec<Spanned<String>> = match (one, many) {
        (Some(one), None) => vec![one],
        (None, Some(many)) if !many.is_empty() => many,
        (None, None) => names
            .flow
            .slots
            .iter()
            .map(|name| Spanned::new(name.clone(), node.span))
            .collect(),
        (_, Some(many)) => {
            let span = many.first().map_or(node.span, |first| first.span);
            names.report.error(span, "bad-slot", "write `slot` for one or `slots` for several");
            return None;
        }
    };
    let mut slots = Vec::with_capacity(wanted.len());
    for slot in &wanted {
        match names.flow.slots.iter().position(|known| *known == slot.value) {
            Some(index) => slots.push(u32::try_from(index).ok()?),
            None => names.unknown_slot(slot.span, &slot.value),
        }
    }
    if wanted.is_empty() {
        names.report.error(raw.key.span, "bad-slot", "the flow has no `slot_schema`, so there is nothing to fill");
    }
    names.result.set(true);
    let message = |node: &Node| {
        emit::check(crate::ir::EmitKind::Response, node, names);
        template::payload(node, names)
    };
    let prompt = prompt.map(message);
    let reask = reask.map(message);
    names.result.set(false);
    let max_attempts = attempts.map_or(0, |attempts| u32::try_from(attempts.value).unwrap_or(u32::MAX));
    if let (Some(span), true) = (table_span(node, "max_attempts"), names.ports.borrow().is_empty()) {
        names
            .report
            .warning(span, "no-error-port", "when the attempts are used up the flow fails")
            .help("add a route such as `{to: sorry, condition: 'event == \"on_error\"'}`");
    }
    if slots.len() != wanted.len() || slots.is_empty() {
        return None;
    }
    Some(Operation::SlotsFill(Box::new(SlotsFill { slots, prompt: prompt?, reask, max_attempts, ttl_ms, always })))
}

fn table_span(node: &Node, key: &str) -> Option<greentic_diagnostics::Span> {
    node.as_mapping()?.get(key).map(|entry| entry.key_span)
}

fn flow_call(raw: &RawNode<'_>, payload: Option<&Node>, names: &Names<'_>) -> Option<Operation> {
    let node = needs(raw, payload, "flow.call: {flow: ask-address, input: {country: CH}}", names)?;
    let (flow, entrypoint, input) = match node.as_str() {
        Some(flow) => (Spanned::new(flow.to_owned(), node.span), None, None),
        None => {
            let table = Table::new(node, names.report)?;
            let flow = table.required_str("flow");
            let entrypoint = table.str("entrypoint");
            let input = ["input", "args", "parameters"].iter().find_map(|key| table.get(key));
            table.finish();
            (flow?, entrypoint, input)
        }
    };
    let input = object(input, names);
    let Some(index) = names.world.flow(&flow.value) else {
        names.unknown_flow(flow.span, &flow.value);
        return None;
    };
    if let (Some(entrypoint), Some(callee)) = (&entrypoint, names.world.flows.get(index))
        && !callee.entrypoints.contains(&entrypoint.value)
    {
        let message = format!("the flow `{}` has no entrypoint `{}`", flow.value, entrypoint.value);
        names.report.error(entrypoint.span, "unknown-entrypoint", message);
    }
    let flow = u32::try_from(index).ok()?;
    Some(Operation::Call { flow, entrypoint: entrypoint.map(|entrypoint| entrypoint.value), input })
}

fn flow_goto(raw: &RawNode<'_>, payload: Option<&Node>, names: &Names<'_>) -> Option<Operation> {
    let node = needs(raw, payload, "flow.goto: {flow: farewell}", names)?;
    let (flow, to, input) = match node.as_str() {
        Some(flow) => (Spanned::new(flow.to_owned(), node.span), None, None),
        None => {
            let table = Table::new(node, names.report)?;
            let flow = table.required_str("flow");
            let to = table.str("node");
            let input = ["input", "args", "parameters"].iter().find_map(|key| table.get(key));
            table.finish();
            (flow?, to, input)
        }
    };
    let input = object(input, names);
    let target = match names.world.flow(&flow.value) {
        Some(index) => {
            let other = names.world.flows.get(index)?;
            let node = match &to {
                None => None,
                Some(to) => match other.nodes.iter().position(|node| *node == to.value) {
                    Some(position) => Some(u32::try_from(position).ok()?),
                    None => {
                        names.unknown_node(to.span, &to.value, other);
                        return None;
                    }
                },
            };
            GotoTarget::Local { flow: u32::try_from(index).ok()?, node }
        }
        None if flow.value.contains('/') => {
            if let Some(to) = to {
                names.report.error(to.span, "foreign-node", "another pack's flow is entered at its start, not at a node");
            }
            GotoTarget::Foreign(flow.value)
        }
        None => {
            names.unknown_flow(flow.span, &flow.value);
            return None;
        }
    };
    Some(Operation::Goto { target, input })
}

fn state(key: &str, raw: &RawNode<'_>, payload: Option<&Node>, names: &Names<'_>) -> Option<Operation> {
    let node = needs(raw, payload, "state.set: {key: tickets, value: '{{response.ticket}}', scope: user}", names)?;
    let scopes = StateScope::NAMES.map(|(name, _)| name);
    let Some(_) = node.as_mapping() else {
        let key_text = lowered(Some(node), names);
        let scope = StateScope::User;
        return match key {
            "state.get" => Some(Operation::StateGet { scope, key: key_text, default: None }),
            "state.delete" => Some(Operation::StateDelete { scope, key: key_text }),
            _ => {
                node.mismatch(names.report, "a table with `key` and `value`");
                None
            }
        };
    };
    let table = Table::new(node, names.report)?;
    let scope = table.choice("scope", &scopes);
    let scope = scope
        .and_then(|scope| StateScope::NAMES.iter().find(|(name, _)| *name == scope.value))
        .map_or(StateScope::User, |(_, scope)| *scope);
    let name = table.get("key");
    let operation = match key {
        "state.get" => {
            let default = table.get("default").map(|node| template::payload(node, names));
            table.required("key").map(|name| Operation::StateGet { scope, key: template::payload(name, names), default })
        }
        "state.delete" => {
            table.required("key").map(|name| Operation::StateDelete { scope, key: template::payload(name, names) })
        }
        _ => {
            let mut entries: Vec<(Payload, Payload)> = Vec::new();
            if name.is_none() && table.mapping().get("values").is_some() {
                for (name, value) in table.map("values").unwrap_or_default() {
                    entries.push((Payload::Literal(name.value.into()), template::payload(value, names)));
                }
            } else if let (Some(name), Some(value)) = (table.required("key"), table.required("value")) {
                entries.push((template::payload(name, names), template::payload(value, names)));
            }
            let ttl_ms = duration(&table, "ttl");
            (!entries.is_empty()).then_some(Operation::StateSet { scope, entries, ttl_ms })
        }
    };
    table.finish();
    operation
}

fn tool(raw: &RawNode<'_>, payload: Option<&Node>, names: &Names<'_>) -> Option<Operation> {
    let node = needs(raw, payload, "mcp: {tool: lookup_ticket, arguments: {id: '{{response.text}}'}}", names)?;
    let table = Table::new(node, names.report)?;
    let server = table.str("server");
    let tool = table.required_str("tool");
    let arguments = table.get("arguments");
    let save_as = table.str("output");
    table.finish();
    Some(Operation::Tool {
        tool: tool?.value,
        server: server.map(|server| server.value),
        arguments: object(arguments, names),
        save_as: save_as.map(|name| name.value.trim_start_matches("vars.").to_owned()),
    })
}

fn older_tool(raw: &RawNode<'_>, payload: Option<&Node>, names: &Names<'_>) -> Option<Operation> {
    names
        .report
        .warning(raw.key.span, "older-dialect", "`mcp.exec` is an older form of `mcp`")
        .help("write `mcp: {server, tool, arguments}`");
    let node = needs(raw, payload, "mcp.exec: {component: tickets, action: lookup, args: {}}", names)?;
    let table = Table::new(node, names.report)?;
    let server = table.required_str("component");
    let tool = table.required_str("action");
    let arguments = table.get("args");
    table.finish();
    Some(Operation::Tool {
        tool: tool?.value,
        server: Some(server?.value),
        arguments: object(arguments, names),
        save_as: None,
    })
}

fn component(raw: &RawNode<'_>, payload: Option<&Node>, names: &Names<'_>) -> Option<Operation> {
    let node = needs(raw, payload, "component.exec: {component: crm, operation: lookup, input: {}}", names)?;
    let table = Table::new(node, names.report)?;
    let component = table.required_str("component");
    let operation = table.str("operation").or_else(|| table.str("op"));
    let input = table.get("input");
    table.finish();
    let (operation, input) = match (&raw.beside, operation) {
        (None, operation) => (operation.map_or_else(|| "run".to_owned(), |operation| operation.value), input),
        (Some((name, beside)), None) => {
            names
                .report
                .warning(name.span, "older-dialect", "an operation beside `component.exec` is an older form")
                .help(format!("write `component.exec: {{component, operation: {}, input}}`", name.value));
            (name.value.clone(), Some(*beside))
        }
        (Some((name, _)), Some(operation)) => {
            let message = format!("the operation is named twice: `{}` and `{}`", operation.value, name.value);
            names.report.error(name.span, "two-operations", message);
            return None;
        }
    };
    Some(Operation::Component { component: component?.value, operation, input: object(input, names) })
}

fn provider(raw: &RawNode<'_>, payload: Option<&Node>, names: &Names<'_>) -> Option<Operation> {
    names
        .report
        .warning(raw.key.span, "older-dialect", "`provider.invoke` is an older form of `component.exec`")
        .help("write `component.exec: {component, operation, input}`");
    let node = needs(raw, payload, "provider.invoke: {provider_id: mail, op: send, input: {}}", names)?;
    let table = Table::new(node, names.report)?;
    let provider = ["provider_id", "provider_type", "provider"].iter().find_map(|key| table.str(key));
    let operation = table.str("op").or_else(|| table.str("operation"));
    let input = table.get("input");
    table.finish();
    let (Some(provider), Some(operation)) = (provider, operation) else {
        names.report.error(raw.key.span, "missing-key", "`provider.invoke` needs `provider_id` and `op`");
        return None;
    };
    Some(Operation::Component { component: provider.value, operation: operation.value, input: object(input, names) })
}

/// A key the engine does not know: a component's operation, unless it is a mistake in a namespace of the engine.
fn other(raw: &RawNode<'_>, payload: Option<&Node>, names: &Names<'_>) -> Option<Operation> {
    let key = raw.key.value.as_str();
    let near = suggest(key, OPERATIONS);
    let (namespace, dotted) = match key.split_once('.') {
        Some((namespace, _)) => (namespace, true),
        None => (key, false),
    };
    if RESERVED.contains(&namespace) {
        let near = near.map_or_else(
            || {
                let known: Vec<&str> = OPERATIONS.into_iter().filter(|known| known.starts_with(namespace)).collect();
                format!("; there are {}", known.join(", "))
            },
            |near| format!("; did you mean `{near}`?"),
        );
        names.report.error(raw.key.span, "unknown-operation", format!("there is no operation `{key}`{near}"));
        return None;
    }
    if let Some(near) = near {
        names
            .report
            .warning(raw.key.span, "near-operation", format!("`{key}` is taken for a component's operation"))
            .help(format!("did you mean `{near}`?"));
    }
    let (component, operation) = match key.rsplit_once('.') {
        Some((component, operation)) if dotted => (component, operation),
        _ => (key, "run"),
    };
    Some(Operation::Component {
        component: component.to_owned(),
        operation: operation.to_owned(),
        input: object(payload, names),
    })
}

/// What `var.set` sets: `{name: value, …}`, or one `{name|key: …, value: …}`.
fn assignments(node: &Node) -> Vec<(String, &Node)> {
    let Some(mapping) = node.as_mapping() else { return Vec::new() };
    if mapping.len() == 2
        && let (Some(name), Some(value)) = (mapping.get("name").or_else(|| mapping.get("key")), mapping.get("value"))
        && let Some(name) = name.node.as_str()
    {
        return vec![(name.to_owned(), &value.node)];
    }
    mapping.iter().map(|(name, entry)| (name.to_owned(), &entry.node)).collect()
}

/// Variables a node sets.
pub fn variables(raw: &RawNode<'_>) -> Vec<String> {
    match (raw.key.value.as_str(), raw.payload) {
        ("var.set", Some(node)) => assignments(node).into_iter().map(|(name, _)| name).collect(),
        ("mcp", Some(node)) => {
            let name = node.get("output").and_then(Node::as_str);
            name.map(|name| name.trim_start_matches("vars.").to_owned()).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// Fields of a node's output, where the file tells them all.
pub fn known_fields(raw: &RawNode<'_>) -> Option<Vec<String>> {
    if let Some(map) = raw.output_map() {
        return map.as_mapping().map(|map| map.iter().map(|(name, _)| name.to_owned()).collect());
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
