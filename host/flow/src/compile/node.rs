//! A node: its one operation, and the keys around it.

use std::collections::BTreeSet;
use std::time::Duration;

use greentic_diagnostics::{Mapping, Node, Report, Span, Spanned, Table, Value, suggest};

use super::condition;
use super::names::{FlowNames, Names, Place, World};
use super::{operation, routing, template};
use crate::ir::{self, CallPolicy, Operation, Target};

/// Keys of a node that are not its operation.
const METADATA: [&str; 11] = [
    "routing",
    "telemetry",
    "output",
    "retry",
    "timeout",
    "when",
    "annotations",
    "meta",
    "in_map",
    "out_map",
    "err_map",
];

/// A node as it was read.
pub struct RawNode<'n> {
    pub id: Spanned<String>,
    /// The operation key.
    pub key: Spanned<String>,
    pub payload: Option<&'n Node>,
    /// An operation's name that stood beside `component.exec`, with its input.
    pub beside: Option<(Spanned<String>, &'n Node)>,
    pub rules: Vec<Rule<'n>>,
    /// The node's table, for the keys around the operation.
    pub table: Option<&'n Mapping>,
}

/// A route as it was read.
pub struct Rule<'n> {
    pub span: Span,
    pub exit: Exit,
    pub condition: Option<Choice<'n>>,
    pub status: Option<String>,
}

/// Where a route leads.
pub enum Exit {
    To(Spanned<String>),
    Out,
    Reply,
}

/// When a route is taken.
pub enum Choice<'n> {
    Condition(&'n Node),
    Event(Spanned<String>),
}

/// A node after lowering.
pub struct Lowered {
    /// Absent when something in it is wrong.
    pub ir: Option<ir::Node>,
    /// Nodes whose outputs it reads.
    pub reads: BTreeSet<u32>,
}

impl<'n> RawNode<'n> {
    /// A node of a list, which has no keys around its operation.
    pub fn plain(
        id: Spanned<String>,
        key: Spanned<String>,
        payload: Option<&'n Node>,
        rules: Vec<Rule<'n>>,
    ) -> Self {
        Self {
            id,
            key,
            payload,
            beside: None,
            rules,
            table: None,
        }
    }

    /// Reads a node of version 2.
    pub fn read(id: Spanned<String>, node: &'n Node, report: &Report) -> Option<Self> {
        if !is_id(&id.value) {
            report
                .error(id.span, "bad-id", format!("`{}` cannot be the id of a node", id.value))
                .help("an id starts with a letter or `_` and goes on with letters, digits, `_` and `-`");
        }
        let mapping = node.expect_mapping(report)?;
        let mut operations: Vec<(&str, &greentic_diagnostics::yaml::Entry)> = Vec::new();
        let mut next = None;
        for (key, entry) in mapping.iter().filter(|(key, _)| !METADATA.contains(key)) {
            if key == "next" {
                next = Some(entry);
                continue;
            }
            operations.push((key, entry));
        }
        // A misspelt key around the operation looks like a second operation.
        if operations.len() > 1 {
            operations.retain(|(key, entry)| match suggest(key, METADATA) {
                Some(near) if !key.contains('.') => {
                    let message = format!("unknown key `{key}`; did you mean `{near}`?");
                    report.error(entry.key_span, "unknown-key", message);
                    false
                }
                _ => true,
            });
        }
        let mut beside = None;
        if let [one, other] = operations.as_slice() {
            let extra = match (one.0, other.0) {
                ("component.exec", _) => Some((*one, *other)),
                (_, "component.exec") => Some((*other, *one)),
                _ => None,
            };
            if let Some((exec, extra)) = extra {
                beside = Some((
                    Spanned::new(extra.0.to_owned(), extra.1.key_span),
                    &extra.1.node,
                ));
                operations = vec![exec];
            }
        }
        let mut rules = match mapping.get("routing") {
            Some(entry) => routing::read(&entry.node, report),
            None => Vec::new(),
        };
        if let Some(next) = next {
            let note = report.warning(
                next.key_span,
                "older-dialect",
                "`next` is an older word for `routing`",
            );
            if let Some(text) = next.node.as_str() {
                note.help(format!("write `routing: [{{to: {text}}}]`"));
            }
            rules.extend(routing::targets(&next.node, report));
        }
        let (key, entry) = match operations.as_slice() {
            [one] => *one,
            [] => {
                report
                    .error(
                        id.span,
                        "no-operation",
                        format!("the node `{}` has no operation", id.value),
                    )
                    .help("write one, such as `emit.response: Hello`");
                return None;
            }
            [first, second, ..] => {
                let message = format!(
                    "the node `{}` has more than one operation: `{}` and `{}`",
                    id.value, first.0, second.0
                );
                report
                    .error(second.1.key_span, "two-operations", message)
                    .also(first.1.key_span, "the first one")
                    .help("make a node of each");
                return None;
            }
        };
        if !is_operation(key) {
            let message = format!("`{key}` cannot be an operation");
            report.error(entry.key_span, "bad-operation", message);
            return None;
        }
        let key = Spanned::new(key.to_owned(), entry.key_span);
        Some(Self {
            id,
            key,
            payload: Some(&entry.node),
            beside,
            rules,
            table: Some(mapping),
        })
    }

    /// A key around the operation.
    fn meta(&self, key: &str) -> Option<&'n Node> {
        self.table?.get(key).map(|entry| &entry.node)
    }

    /// The `out_map`, or `output`, which is the same.
    pub fn output_map(&self) -> Option<&'n Node> {
        self.meta("out_map")
            .or_else(|| self.meta("output").filter(|node| !is_empty(node)))
    }
}

fn is_empty(node: &Node) -> bool {
    matches!(node.value, Value::Null) || node.as_mapping().is_some_and(Mapping::is_empty)
}

fn is_id(text: &str) -> bool {
    let mut chars = text.chars();
    chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

fn is_operation(text: &str) -> bool {
    let mut chars = text.chars();
    chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
        && !text.ends_with('.')
        && !text.contains("..")
}

/// Lowers a node; reports what is wrong.
pub fn lower(
    raw: &RawNode<'_>,
    index: usize,
    flow: &FlowNames,
    world: &World,
    report: &Report,
) -> Lowered {
    let names = Names::new(world, flow, report, index);
    let routes = routing::lower(&raw.rules, &names);
    let operation = operation::lower(raw, &names);
    let when = raw
        .meta("when")
        .filter(|node| !is_empty(node))
        .map(|node| read_when(node, &names));
    let policy = read_policy(raw, operation.as_ref(), report);
    let map = |key: &str| {
        raw.meta(key)
            .filter(|node| !is_empty(node))
            .map(|node| template::payload(node, &names))
    };
    let in_map = map("in_map");
    names.result.set(true);
    let out_map = raw.output_map().map(|node| template::payload(node, &names));
    names.result.set(false);
    if let (Some(output), Some(_)) = (
        raw.meta("output").filter(|node| !is_empty(node)),
        raw.meta("out_map"),
    ) {
        report.error(
            output.span,
            "two-maps",
            "`output` and `out_map` are the same; write one of them",
        );
    }
    names.errors.set(true);
    let err_map = map("err_map");
    names.errors.set(false);
    let ports: Vec<String> = names.ports.borrow().iter().cloned().collect();
    if let (Some(node), true) = (raw.meta("err_map"), ports.is_empty()) {
        report
            .warning(
                node.span,
                "no-error-port",
                "`err_map` is used only when a route takes an error",
            )
            .help("add a route such as `{to: sorry, condition: 'event == \"on_error\"'}`");
    }
    let span = raw
        .meta("telemetry")
        .and_then(|node| read_telemetry(node, report));
    let reads = names.reads.take();
    let (Some(routes), Some(operation)) = (routes, operation) else {
        return Lowered { ir: None, reads };
    };
    let (condition, otherwise) = match when {
        None => (None, None),
        Some((condition, otherwise)) => (condition, otherwise),
    };
    let node = ir::Node {
        id: raw.id.value.clone(),
        operation,
        routes,
        when: condition,
        otherwise,
        policy,
        in_map,
        out_map,
        err_map,
        ports,
        state_keys: names.state_keys.take(),
        keep: Vec::new(),
        span,
    };
    Lowered {
        ir: Some(node),
        reads,
    }
}

/// `when: condition`, or `when: {condition, else}`.
fn read_when(node: &Node, names: &Names<'_>) -> (Option<ir::Condition>, Option<Target>) {
    if node.as_mapping().is_none() {
        return (condition::compile(node, Place::When, names), None);
    }
    let Some(table) = Table::new(node, names.report) else {
        return (None, None);
    };
    let condition = table
        .required("condition")
        .and_then(|node| condition::compile(node, Place::When, names));
    let otherwise = table.str("else").and_then(|to| {
        let exit = match to.value.as_str() {
            "out" => Exit::Out,
            "reply" => Exit::Reply,
            _ => Exit::To(to),
        };
        routing::target(&exit, names)
    });
    table.finish();
    (condition, otherwise)
}

/// `timeout` and `retry`, for the host.
fn read_policy(raw: &RawNode<'_>, operation: Option<&Operation>, report: &Report) -> CallPolicy {
    let mut policy = CallPolicy::default();
    if let Some(node) = raw.meta("timeout").filter(|node| !is_empty(node)) {
        let duration = match node.as_mapping() {
            None => node.expect_duration(report),
            Some(_) => Table::new(node, report).and_then(|table| {
                let after = table.duration("after");
                let ms = table.u64("ms").map(|ms| ms.map(Duration::from_millis));
                table.finish();
                after.or(ms)
            }),
        };
        policy.timeout_ms = duration.map_or(0, |duration| milliseconds(duration.value));
    }
    if let Some(table) = raw
        .meta("retry")
        .filter(|node| !is_empty(node))
        .and_then(|node| Table::new(node, report))
    {
        let attempts = table.u64("max_attempts");
        let pause = |key: &str| {
            let plain = table.duration(key);
            plain.or_else(|| {
                table
                    .u64(&format!("{key}_ms"))
                    .map(|ms| ms.map(Duration::from_millis))
            })
        };
        policy.backoff_ms = pause("base_delay").map_or(0, |pause| milliseconds(pause.value));
        policy.max_backoff_ms = pause("max_delay").map_or(0, |pause| milliseconds(pause.value));
        if let Some(attempts) = attempts {
            if !(1..=20).contains(&attempts.value) {
                report.error(attempts.span, "bad-retry", "`max_attempts` is from 1 to 20");
            }
            policy.max_attempts = u32::try_from(attempts.value).unwrap_or(1);
        }
        table.finish();
    }
    let calls = matches!(
        operation,
        Some(Operation::Component { .. } | Operation::Tool { .. }) | None
    );
    for key in ["retry", "timeout"] {
        if let Some(node) = raw.meta(key).filter(|node| !is_empty(node) && !calls) {
            let message = format!(
                "`{key}` has no effect on `{}`, which calls nothing",
                raw.key.value
            );
            report.warning(node.span, "no-effect", message);
        }
    }
    policy
}

fn milliseconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

fn read_telemetry(node: &Node, report: &Report) -> Option<String> {
    let table = Table::new(node, report)?;
    let span = table.str("span_name");
    let _attributes = table.map("attributes");
    let _sampling = table.get("sampling");
    table.finish();
    span.map(|span| span.value)
}
