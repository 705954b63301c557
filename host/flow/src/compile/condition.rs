//! Compiles a condition of either grammar.

use greentic_diagnostics::{Node, Span, suggest};
use serde_json::Value;

use super::cel;
use super::names::{Names, Place};
use super::plain;
use crate::PORTS;
use crate::ir::{Comparison, Condition, Expr, Operator, Path, PlainOperator, Root};

/// Error ports, as `event` names them.
pub const ERROR_PORTS: [&str; 3] = ["on_error", "on_cancel", "on_timeout"];

/// Compiles the condition in a scalar; reports and gives `None` when it is wrong.
pub fn compile(node: &Node, place: Place, names: &Names<'_>) -> Option<Condition> {
    if let greentic_diagnostics::Value::Bool(value) = node.value {
        return Some(Condition::Cel(Expr::Literal(value.into())));
    }
    let text = node.expect_string(names.report)?;
    let braces = text.value.trim();
    let inner = braces
        .strip_prefix("{{")
        .and_then(|rest| rest.strip_suffix("}}"));
    if inner.is_some() {
        names
            .report
            .error(
                text.span,
                "bad-condition",
                "a condition is no template: leave the braces out",
            )
            .help("write for example `response.action == \"about\"`");
        return None;
    }
    compile_text(&text.value, text.span, place, names)
}

/// Compiles the text of a condition; reports and gives `None` when it is wrong.
pub fn compile_text(text: &str, span: Span, place: Place, names: &Names<'_>) -> Option<Condition> {
    if text.trim().is_empty() {
        names
            .report
            .error(span, "bad-condition", "the condition is empty")
            .help("leave the key out for a default route");
        return None;
    }
    if place != Place::Rule {
        note_ports(text, names);
    }
    let condition = match plain::parse(text) {
        Some(found) => {
            let source = names.report.source();
            let start = text.len() - text.trim_start().len();
            let length: usize = found
                .path
                .iter()
                .map(|step| step.len() + 1)
                .sum::<usize>()
                .saturating_sub(1);
            let place_span = source.span_within(span, text, start..start + length);
            let path = names.resolve(&found.path, place, place_span)?;
            let number = found.value.trim().parse().ok();
            Condition::Plain(Comparison {
                path,
                operator: found.operator,
                text: found.value.to_lowercase(),
                number,
            })
        }
        None => Condition::Cel(cel::compile(text, span, place, names)?),
    };
    check_ports(&condition, span, names);
    Some(condition)
}

/// A condition that asks for an error port makes the node's failures its business, and gives it `errors`.
pub fn note_ports(text: &str, names: &Names<'_>) {
    let named = ERROR_PORTS
        .iter()
        .filter(|port| text.contains(*port) && text.contains("event"));
    names
        .ports
        .borrow_mut()
        .extend(named.map(|port| (*port).to_owned()));
    if !names.ports.borrow().is_empty() {
        names.errors.set(true);
    }
}

/// Warns of a port that no node has.
fn check_ports(condition: &Condition, span: Span, names: &Names<'_>) {
    let is_event = |path: &Path| path.root == Root::Event && path.steps.is_empty();
    let mut compared: Vec<String> = Vec::new();
    match condition {
        Condition::Plain(plain) => {
            let exact = matches!(
                plain.operator,
                PlainOperator::Equal | PlainOperator::NotEqual
            );
            if exact && is_event(&plain.path) {
                compared.push(plain.text.clone());
            }
        }
        Condition::Cel(expr) => expr.walk(&mut |expr| {
            if let Expr::Binary(Operator::Equal | Operator::NotEqual, left, right) = expr {
                for (one, other) in [(left, right), (right, left)] {
                    if let (Expr::Path(path), Expr::Literal(Value::String(text))) =
                        (one.as_ref(), other.as_ref())
                        && is_event(path)
                    {
                        compared.push(text.clone());
                    }
                }
            }
        }),
    }
    for name in compared
        .iter()
        .filter(|name| !PORTS.contains(&name.as_str()))
    {
        let note = names.report.warning(
            span,
            "unknown-port",
            format!("no node has the outcome `{name}`"),
        );
        match suggest(name, PORTS) {
            Some(near) => note.help(format!("did you mean `{near}`?")),
            None => note.help(format!("outcomes are {}", PORTS.join(", "))),
        };
    }
}
