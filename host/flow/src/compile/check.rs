//! What can be told of a flow as a whole: nodes nobody reaches, loops without a wait, waits that lead nowhere, and which
//! outputs may still be read.

use std::collections::BTreeSet;

use super::file::RawFlow;
use super::node::{Lowered, RawNode};
use crate::ir::{Flow, Node, Operation, Route, Target};

/// Checks the graph of a flow; `nodes` are those of the file, sound or not.
pub fn graph(raw: &RawFlow<'_>, flow: &Flow, nodes: &[Lowered]) {
    let next: Vec<Vec<usize>> = nodes
        .iter()
        .map(|node| node.ir.as_ref().map(targets).unwrap_or_default())
        .collect();
    let whole = nodes.iter().all(|node| node.ir.is_some());
    if whole {
        unreachable(raw, flow, nodes, &next);
        loops(raw, nodes, &next);
    }
    for (raw_node, node) in raw.nodes.iter().zip(nodes) {
        if let Some(node) = &node.ir {
            rests(raw, raw_node, node);
        }
    }
}

fn targets(node: &Node) -> Vec<usize> {
    let routes = node
        .routes
        .iter()
        .map(|route| route.target)
        .chain(node.otherwise);
    let index = |target| match target {
        Target::Node(index) => usize::try_from(index).ok(),
        Target::Out | Target::Reply => None,
    };
    routes.filter_map(index).collect()
}

/// Nodes that can be reached from `from` by at least one step.
fn reach(from: impl IntoIterator<Item = usize>, next: &[Vec<usize>]) -> BTreeSet<usize> {
    let mut seen = BTreeSet::new();
    let mut open: Vec<usize> = from.into_iter().collect();
    while let Some(node) = open.pop() {
        if seen.insert(node) {
            open.extend(next.get(node).into_iter().flatten());
        }
    }
    seen
}

fn unreachable(raw: &RawFlow<'_>, flow: &Flow, nodes: &[Lowered], next: &[Vec<usize>]) {
    let starts = std::iter::once(flow.start).chain(flow.entrypoints.iter().map(|(_, node)| *node));
    let entered =
        nodes
            .iter()
            .filter_map(|node| match node.ir.as_ref().map(|node| &node.operation) {
                // A node of this flow entered from a flow of the same file set; the target's flow is not known here, so any
                // node a `goto` names counts.
                Some(Operation::Goto {
                    target:
                        crate::ir::GotoTarget::Local {
                            node: Some(node), ..
                        },
                    ..
                }) => Some(*node),
                _ => None,
            });
    let reached = reach(
        starts
            .chain(entered)
            .filter_map(|node| usize::try_from(node).ok()),
        next,
    );
    for (index, node) in raw.nodes.iter().enumerate() {
        if !reached.contains(&index) {
            raw.report
                .warning(
                    node.id.span,
                    "unreachable",
                    format!("no route leads to the node `{}`", node.id.value),
                )
                .help("add a route to it, or remove it");
        }
    }
}

/// Whether a turn can end at this node, so that a loop through it does not run on.
fn rests_here(node: &Node) -> bool {
    match &node.operation {
        // Whether the called flow waits is not looked into: a loop through it is given the benefit of the doubt.
        Operation::Wait { .. }
        | Operation::SlotsFill(_)
        | Operation::Goto { .. }
        | Operation::Call { .. } => true,
        _ => false,
    }
}

fn loops(raw: &RawFlow<'_>, nodes: &[Lowered], next: &[Vec<usize>]) {
    // Without the resting nodes, whatever still reaches itself runs on in one turn.
    let free: Vec<bool> = nodes
        .iter()
        .map(|node| node.ir.as_ref().is_some_and(|node| !rests_here(node)))
        .collect();
    let is_free = |index: usize| free.get(index).copied().unwrap_or(false);
    let inner: Vec<Vec<usize>> = next
        .iter()
        .enumerate()
        .map(|(index, next)| {
            if is_free(index) {
                next.iter().copied().filter(|to| is_free(*to)).collect()
            } else {
                Vec::new()
            }
        })
        .collect();
    let reaches: Vec<BTreeSet<usize>> = inner
        .iter()
        .map(|next| reach(next.iter().copied(), &inner))
        .collect();
    let mut reported: BTreeSet<usize> = BTreeSet::new();
    for (index, reached) in reaches.iter().enumerate() {
        if !reached.contains(&index) || reported.contains(&index) {
            continue;
        }
        let cycle: BTreeSet<usize> = reached
            .iter()
            .copied()
            .filter(|other| {
                reaches
                    .get(*other)
                    .is_some_and(|back| back.contains(&index))
            })
            .collect();
        reported.extend(&cycle);
        let leaves = |at: &usize| {
            let node = nodes.get(*at).and_then(|node| node.ir.as_ref());
            let targets = next.get(*at).map(Vec::as_slice).unwrap_or_default();
            let out = node.is_some_and(|node| {
                node.routes
                    .iter()
                    .any(|route| matches!(route.target, Target::Out | Target::Reply))
                    || node.routes.iter().all(|route| route.condition.is_some())
            });
            out || targets.iter().any(|to| !cycle.contains(to))
        };
        let Some(node) = raw.nodes.get(index) else {
            continue;
        };
        let names: Vec<&str> = cycle
            .iter()
            .filter_map(|at| raw.nodes.get(*at))
            .map(|node| node.id.value.as_str())
            .collect();
        let names = names.join(", ");
        if cycle.iter().any(leaves) {
            raw.report
                .warning(node.id.span, "loop-without-wait", format!("these nodes loop without a wait: {names}"))
                .help("a turn ends with an error after 512 nodes; put a `session.wait` into the loop, or count");
        } else {
            raw.report
                .error(
                    node.id.span,
                    "endless-loop",
                    format!("these nodes loop without end and without a wait: {names}"),
                )
                .help("put a `session.wait` into the loop");
        }
    }
}

fn is_default(route: &Route) -> bool {
    route.condition.is_none()
}

/// What a node that may rest leads to afterwards.
fn rests(raw: &RawFlow<'_>, raw_node: &RawNode<'_>, node: &Node) {
    let report = raw.report;
    let place = raw_node.key.span;
    if matches!(node.operation, Operation::Wait { .. }) {
        let forward = node
            .routes
            .iter()
            .any(|route| matches!(route.target, Target::Node(_)));
        if !forward {
            report
                .error(
                    place,
                    "wait-without-route",
                    "the wait leads to no node, so the answer would be lost",
                )
                .help("add `routing: [{to: <node>}]`");
            return;
        }
    }
    if matches!(node.operation, Operation::Goto { .. }) && !node.routes.is_empty() {
        let routes_out = node
            .routes
            .iter()
            .all(|route| matches!(route.target, Target::Out) && is_default(route));
        if !routes_out {
            report.warning(
                place,
                "dead-route",
                "`flow.goto` does not come back, so its routing is never used",
            );
        }
        return;
    }
    if !node.routes.is_empty() && !node.routes.iter().any(is_default) {
        let span = raw_node.rules.first().map_or(place, |rule| rule.span);
        report
            .warning(span, "no-default-route", "no route is without a condition")
            .help("when none holds the conversation rests here and tries again with the next message; add a route without a condition if that is not meant");
    }
}

/// Fills in which outputs a snapshot at each node keeps: those that a node still ahead reads.
pub fn keep_outputs(flow: &mut Flow, reads: &[BTreeSet<u32>]) {
    let next: Vec<Vec<usize>> = flow.nodes.iter().map(targets).collect();
    for index in 0..flow.nodes.len() {
        // The node itself counts: its own routes and maps are read after the rest.
        let ahead = reach([index], &next);
        let kept: BTreeSet<u32> = ahead
            .iter()
            .filter_map(|at| reads.get(*at))
            .flatten()
            .copied()
            .collect();
        if let Some(node) = flow.nodes.get_mut(index) {
            node.keep = kept.into_iter().collect();
        }
    }
}
