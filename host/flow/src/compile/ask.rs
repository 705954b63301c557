//! Operations that wait for the user.

use greentic_diagnostics::{Node, Spanned, Table, suggest};

use super::names::Names;
use super::node::RawNode;
use super::operation::{duration, needs};
use super::{emit, template};
use crate::event::EventKind;
use crate::ir::{Operation, SlotsFill};

pub fn wait(payload: Option<&Node>, names: &Names<'_>) -> Option<Operation> {
    let Some(node) = payload else {
        return Some(Operation::Wait {
            ttl_ms: None,
            accepts: Vec::new(),
        });
    };
    let table = Table::new(node, names.report)?;
    let ttl_ms = duration(&table, "ttl");
    let mut accepts = Vec::new();
    for kind in table.strings("on").unwrap_or_default() {
        match EventKind::named(&kind.value) {
            Some(kind) => accepts.push(kind),
            None => {
                let known = EventKind::NAMES.map(|(name, _)| name);
                let near = suggest(&kind.value, known).map_or_else(
                    || format!("; kinds are {}", known.join(", ")),
                    |near| format!("; did you mean `{near}`?"),
                );
                names.report.error(
                    kind.span,
                    "unknown-event",
                    format!("there is no event `{}`{near}", kind.value),
                );
            }
        }
    }
    table.finish();
    Some(Operation::Wait { ttl_ms, accepts })
}

pub fn slots_fill(
    raw: &RawNode<'_>,
    payload: Option<&Node>,
    names: &Names<'_>,
) -> Option<Operation> {
    let node = needs(
        raw,
        payload,
        "slots.fill: {slot: email, prompt: What is your e-mail address?}",
        names,
    )?;
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
            names.report.error(
                span,
                "bad-slot",
                "write `slot` for one or `slots` for several",
            );
            return None;
        }
    };
    let mut slots = Vec::with_capacity(wanted.len());
    for slot in &wanted {
        match names
            .flow
            .slots
            .iter()
            .position(|known| *known == slot.value)
        {
            Some(index) => slots.push(u32::try_from(index).ok()?),
            None => names.unknown_slot(slot.span, &slot.value),
        }
    }
    if wanted.is_empty() {
        names.report.error(
            raw.key.span,
            "bad-slot",
            "the flow has no `slot_schema`, so there is nothing to fill",
        );
    }
    names.result.set(true);
    let message = |node: &Node| {
        emit::check(crate::ir::EmitKind::Response, node, names);
        template::payload(node, names)
    };
    let prompt = prompt.map(message);
    let reask = reask.map(message);
    names.result.set(false);
    let max_attempts = attempts.map_or(0, |attempts| {
        u32::try_from(attempts.value).unwrap_or(u32::MAX)
    });
    if let (Some(span), true) = (
        table_span(node, "max_attempts"),
        names.ports.borrow().is_empty(),
    ) {
        names
            .report
            .warning(
                span,
                "no-error-port",
                "when the attempts are used up the flow fails",
            )
            .help("add a route such as `{to: sorry, condition: 'event == \"on_error\"'}`");
    }
    if slots.len() != wanted.len() || slots.is_empty() {
        return None;
    }
    Some(Operation::SlotsFill(Box::new(SlotsFill {
        slots,
        prompt: prompt?,
        reask,
        max_attempts,
        ttl_ms,
        always,
    })))
}

fn table_span(node: &Node, key: &str) -> Option<greentic_diagnostics::Span> {
    node.as_mapping()?.get(key).map(|entry| entry.key_span)
}
