//! Operations that call something outside of the flow: components and tools.

use greentic_diagnostics::{Node, Table, suggest};

use super::OPERATIONS;
use super::names::Names;
use super::node::RawNode;
use super::operation::{needs, object};
use crate::ir::Operation;

/// Namespaces in which every other name is a mistake, not a component.
const RESERVED: [&str; 9] = [
    "emit",
    "session",
    "slots",
    "flow",
    "var",
    "state",
    "mcp",
    "component",
    "provider",
];

pub fn tool(raw: &RawNode<'_>, payload: Option<&Node>, names: &Names<'_>) -> Option<Operation> {
    let node = needs(
        raw,
        payload,
        "mcp: {tool: lookup_ticket, arguments: {id: '{{response.text}}'}}",
        names,
    )?;
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

pub fn older_tool(
    raw: &RawNode<'_>,
    payload: Option<&Node>,
    names: &Names<'_>,
) -> Option<Operation> {
    names
        .report
        .warning(
            raw.key.span,
            "older-dialect",
            "`mcp.exec` is an older form of `mcp`",
        )
        .help("write `mcp: {server, tool, arguments}`");
    let node = needs(
        raw,
        payload,
        "mcp.exec: {component: tickets, action: lookup, args: {}}",
        names,
    )?;
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

pub fn component(
    raw: &RawNode<'_>,
    payload: Option<&Node>,
    names: &Names<'_>,
) -> Option<Operation> {
    let node = needs(
        raw,
        payload,
        "component.exec: {component: crm, operation: lookup, input: {}}",
        names,
    )?;
    let table = Table::new(node, names.report)?;
    let component = table.required_str("component");
    let operation = table.str("operation").or_else(|| table.str("op"));
    let input = table.get("input");
    table.finish();
    let (operation, input) = match (&raw.beside, operation) {
        (None, operation) => (
            operation.map_or_else(|| "run".to_owned(), |operation| operation.value),
            input,
        ),
        (Some((name, beside)), None) => {
            names
                .report
                .warning(
                    name.span,
                    "older-dialect",
                    "an operation beside `component.exec` is an older form",
                )
                .help(format!(
                    "write `component.exec: {{component, operation: {}, input}}`",
                    name.value
                ));
            (name.value.clone(), Some(*beside))
        }
        (Some((name, _)), Some(operation)) => {
            let message = format!(
                "the operation is named twice: `{}` and `{}`",
                operation.value, name.value
            );
            names.report.error(name.span, "two-operations", message);
            return None;
        }
    };
    Some(Operation::Component {
        component: component?.value,
        operation,
        input: object(input, names),
    })
}

pub fn provider(raw: &RawNode<'_>, payload: Option<&Node>, names: &Names<'_>) -> Option<Operation> {
    names
        .report
        .warning(
            raw.key.span,
            "older-dialect",
            "`provider.invoke` is an older form of `component.exec`",
        )
        .help("write `component.exec: {component, operation, input}`");
    let node = needs(
        raw,
        payload,
        "provider.invoke: {provider_id: mail, op: send, input: {}}",
        names,
    )?;
    let table = Table::new(node, names.report)?;
    let provider = ["provider_id", "provider_type", "provider"]
        .iter()
        .find_map(|key| table.str(key));
    let operation = table.str("op").or_else(|| table.str("operation"));
    let input = table.get("input");
    table.finish();
    let (Some(provider), Some(operation)) = (provider, operation) else {
        names.report.error(
            raw.key.span,
            "missing-key",
            "`provider.invoke` needs `provider_id` and `op`",
        );
        return None;
    };
    Some(Operation::Component {
        component: provider.value,
        operation: operation.value,
        input: object(input, names),
    })
}

/// A key the engine does not know: a component's operation, unless it is a mistake in a namespace of the engine.
pub fn other(raw: &RawNode<'_>, payload: Option<&Node>, names: &Names<'_>) -> Option<Operation> {
    let key = raw.key.value.as_str();
    let near = suggest(key, OPERATIONS);
    let (namespace, dotted) = match key.split_once('.') {
        Some((namespace, _)) => (namespace, true),
        None => (key, false),
    };
    if RESERVED.contains(&namespace) {
        let near = near.map_or_else(
            || {
                let known: Vec<&str> = OPERATIONS
                    .into_iter()
                    .filter(|known| known.starts_with(namespace))
                    .collect();
                format!("; there are {}", known.join(", "))
            },
            |near| format!("; did you mean `{near}`?"),
        );
        names.report.error(
            raw.key.span,
            "unknown-operation",
            format!("there is no operation `{key}`{near}"),
        );
        return None;
    }
    if let Some(near) = near {
        names
            .report
            .warning(
                raw.key.span,
                "near-operation",
                format!("`{key}` is taken for a component's operation"),
            )
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
