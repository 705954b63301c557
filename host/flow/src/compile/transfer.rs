//! Operations that lead into another flow.

use greentic_diagnostics::{Node, Spanned, Table};

use super::names::Names;
use super::node::RawNode;
use super::operation::{needs, object};
use crate::ir::{GotoTarget, Operation};

pub fn flow_call(
    raw: &RawNode<'_>,
    payload: Option<&Node>,
    names: &Names<'_>,
) -> Option<Operation> {
    let node = needs(
        raw,
        payload,
        "flow.call: {flow: ask-address, input: {country: CH}}",
        names,
    )?;
    let (flow, entrypoint, input) = match node.as_str() {
        Some(flow) => (Spanned::new(flow.to_owned(), node.span), None, None),
        None => {
            let table = Table::new(node, names.report)?;
            let flow = table.required_str("flow");
            let entrypoint = table.str("entrypoint");
            let input = ["input", "args", "parameters"]
                .iter()
                .find_map(|key| table.get(key));
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
        let message = format!(
            "the flow `{}` has no entrypoint `{}`",
            flow.value, entrypoint.value
        );
        names
            .report
            .error(entrypoint.span, "unknown-entrypoint", message);
    }
    let flow = u32::try_from(index).ok()?;
    Some(Operation::Call {
        flow,
        entrypoint: entrypoint.map(|entrypoint| entrypoint.value),
        input,
    })
}

pub fn flow_goto(
    raw: &RawNode<'_>,
    payload: Option<&Node>,
    names: &Names<'_>,
) -> Option<Operation> {
    let node = needs(raw, payload, "flow.goto: {flow: farewell}", names)?;
    let (flow, to, input) = match node.as_str() {
        Some(flow) => (Spanned::new(flow.to_owned(), node.span), None, None),
        None => {
            let table = Table::new(node, names.report)?;
            let flow = table.required_str("flow");
            let to = table.str("node");
            let input = ["input", "args", "parameters"]
                .iter()
                .find_map(|key| table.get(key));
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
            GotoTarget::Local {
                flow: u32::try_from(index).ok()?,
                node,
            }
        }
        None if flow.value.contains('/') => {
            if let Some(to) = to {
                names.report.error(
                    to.span,
                    "foreign-node",
                    "another pack's flow is entered at its start, not at a node",
                );
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
