//! Routes as files write them.

use greentic_diagnostics::{Node, Report, Spanned, Table, Value};

use super::condition;
use super::names::{Names, Place};
use super::node::{Choice, Exit, Rule};
use crate::PORTS;
use crate::ir::{Comparison, Condition, Path, PlainOperator, Root, Route, Target};

/// Reads `routing`: `out`, `reply`, or a list of routes. Reports what is wrong.
pub fn read<'n>(node: &'n Node, report: &Report) -> Vec<Rule<'n>> {
    let whole = |exit| {
        vec![Rule {
            span: node.span,
            exit,
            condition: None,
            status: None,
        }]
    };
    match &node.value {
        Value::String(text) if text == "out" => whole(Exit::Out),
        Value::String(text) if text == "reply" => whole(Exit::Reply),
        Value::String(text) => {
            report
                .error(
                    node.span,
                    "bad-routing",
                    format!("`{text}` is not a routing"),
                )
                .help(format!(
                    "write `out`, `reply`, or a list such as `- to: {text}`"
                ));
            Vec::new()
        }
        Value::Sequence(items) => items
            .iter()
            .filter_map(|item| rule(item, false, report))
            .collect(),
        Value::Mapping(_) => {
            report
                .error(
                    node.span,
                    "bad-routing",
                    "routing is `out`, `reply` or a list",
                )
                .help("put a dash before the route: `- to: …`");
            Vec::new()
        }
        _ => {
            node.mismatch(report, "`out`, `reply` or a list of routes");
            Vec::new()
        }
    }
}

/// Reads one route; `older` also takes the words of the older dialects without a warning of its own.
pub fn rule<'n>(node: &'n Node, older: bool, report: &Report) -> Option<Rule<'n>> {
    if older && let Some(text) = node.as_str() {
        let to = Spanned::new(text.to_owned(), node.span);
        return Some(Rule {
            span: node.span,
            exit: exit_to(to),
            condition: None,
            status: None,
        });
    }
    let table = Table::new(node, report)?;
    let to = table.str("to");
    let out = table.bool("out");
    let reply = table.bool("reply");
    let status = table.str("status").map(|status| status.value);
    let condition = table.get("condition");
    let event = table.str("event");
    let next = match table.mapping().get("next").is_some() {
        true => table.str("next"),
        false => None,
    };
    let (mut target, mut when) = (None, None);
    if older {
        target = table.str("target");
        when = table.get("when").or_else(|| table.get("if"));
        let _ = ["id", "label"].map(|key| table.get(key));
    }
    let span = table.span();
    table.finish();
    if let Some(next) = &next
        && !older
    {
        report
            .warning(
                next.span,
                "older-dialect",
                "`next` is an older word for `to`",
            )
            .help(format!("write `to: {}`", next.value));
    }
    let to = to.or(next).or(target);
    let said = |flag: &Option<Spanned<bool>>| flag.as_ref().is_some_and(|flag| flag.value);
    let exit = match (to, said(&out), said(&reply)) {
        (Some(to), false, false) => exit_to(to),
        (None, true, false) => Exit::Out,
        (None, _, true) => Exit::Reply,
        (Some(to), ..) => {
            report.error(
                to.span,
                "bad-routing",
                "a route leads either to a node or out, not both",
            );
            return None;
        }
        (None, false, false) => {
            report
                .error(span, "bad-routing", "the route leads nowhere")
                .help("write `to: <node>`, `out: true` or `reply: true`");
            return None;
        }
    };
    let condition = condition.or(when);
    let choice = match (condition, event) {
        (Some(condition), None) => Some(Choice::Condition(condition)),
        (None, Some(event)) => Some(Choice::Event(event)),
        (None, None) => None,
        (Some(_), Some(event)) => {
            report
                .error(
                    event.span,
                    "bad-routing",
                    "a route has a condition or an event, not both",
                )
                .help(format!(
                    "put it into the condition: `event == \"{}\" && …`",
                    event.value
                ));
            return None;
        }
    };
    Some(Rule {
        span,
        exit,
        condition: choice,
        status,
    })
}

/// `out` and `reply` as targets mean what they say.
fn exit_to(to: Spanned<String>) -> Exit {
    match to.value.as_str() {
        "out" | "end" => Exit::Out,
        "reply" => Exit::Reply,
        _ => Exit::To(to),
    }
}

/// Reads a target of an older dialect: a node, or a list of them of which only one can be meant.
pub fn targets<'n>(node: &'n Node, report: &Report) -> Option<Rule<'n>> {
    match &node.value {
        Value::String(_) => rule(node, true, report),
        Value::Sequence(items) => match items.as_slice() {
            [only] => rule(only, true, report),
            _ => {
                report
                    .error(
                        node.span,
                        "unclear-dialect",
                        "which of several targets is meant is not clear",
                    )
                    .help("write `routing:` with a condition on every route but one");
                None
            }
        },
        _ => {
            node.mismatch(report, "the id of a node");
            None
        }
    }
}

/// Lowers routes.
pub fn lower(rules: &[Rule<'_>], names: &Names<'_>) -> Option<Vec<Route>> {
    for rule in rules {
        // Error ports anywhere in the list make `errors` known in all of it.
        match &rule.condition {
            Some(Choice::Event(event))
                if condition::ERROR_PORTS.contains(&event.value.as_str()) =>
            {
                names.ports.borrow_mut().insert(event.value.clone());
            }
            Some(Choice::Condition(node)) => {
                condition::note_ports(node.as_str().unwrap_or_default(), names);
            }
            _ => {}
        }
    }
    names.errors.set(!names.ports.borrow().is_empty());
    let mut sound = true;
    let mut routes = Vec::with_capacity(rules.len());
    let mut default: Option<&Rule<'_>> = None;
    for rule in rules {
        if let Some(default) = default {
            names
                .report
                .warning(rule.span, "dead-route", "this route is never taken")
                .also(default.span, "the route before it has no condition");
        }
        let condition = match &rule.condition {
            None => {
                default = default.or(Some(rule));
                None
            }
            Some(Choice::Condition(node)) => {
                let condition = condition::compile(node, Place::Routing, names);
                sound &= condition.is_some();
                condition
            }
            Some(Choice::Event(event)) => Some(event_condition(event, names)),
        };
        match target(&rule.exit, names) {
            Some(target) => routes.push(Route {
                condition,
                target,
                status: rule.status.clone(),
            }),
            None => sound = false,
        }
    }
    sound.then_some(routes)
}

fn event_condition(event: &Spanned<String>, names: &Names<'_>) -> Condition {
    if !PORTS.contains(&event.value.as_str()) {
        names
            .report
            .warning(
                event.span,
                "unknown-port",
                format!("no node has the outcome `{}`", event.value),
            )
            .help(format!("outcomes are {}", PORTS.join(", ")));
    }
    Condition::Plain(Comparison {
        path: Path {
            root: Root::Event,
            steps: Vec::new(),
        },
        operator: PlainOperator::Equal,
        text: event.value.to_lowercase(),
        number: None,
    })
}

/// Looks a route's target up.
pub fn target(exit: &Exit, names: &Names<'_>) -> Option<Target> {
    match exit {
        Exit::Out => Some(Target::Out),
        Exit::Reply => Some(Target::Reply),
        Exit::To(to) => match names.flow.nodes.iter().position(|node| *node == to.value) {
            Some(index) => Some(Target::Node(u32::try_from(index).ok()?)),
            None => {
                names.unknown_node(to.span, &to.value, names.flow);
                None
            }
        },
    }
}
