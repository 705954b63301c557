//! Reads `.ygtc` files: every fault at its place and all at once, and out of what is sound the definition to run.
//!
//! Files given together see each other, so that `flow.call` and `flow.goto` are checked across a pack.

mod ask;
mod cel;
mod check;
mod condition;
mod dialect;
mod emit;
mod file;
mod kind;
mod names;
mod node;
mod operation;
mod outside;
mod plain;
mod routing;
mod slots;
mod template;
mod transfer;
mod view;

use std::collections::BTreeSet;

use greentic_diagnostics::{Diagnostics, Report, Source, yaml};

pub(crate) use condition::compile_text;
pub(crate) use names::{FlowNames, Names, Place, World};
pub use operation::OPERATIONS;
pub use view::{FlowView, ViewEdge, ViewKind, ViewNode};

use crate::ir::{Definition, IR_VERSION, Operation};
use file::RawFlow;

/// What came out of a set of files.
#[derive(Debug)]
pub struct Compiled {
    /// The definition; absent when there is an error.
    pub definition: Option<Definition>,
    /// Every finding, in the order of the files.
    pub diagnostics: Diagnostics,
    /// The flows as far as they could be read, for drawing.
    pub views: Vec<FlowView>,
}

/// A component or tool the flows call, for whoever knows what there is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Requirement {
    /// A component's operation.
    Component {
        /// The component.
        component: String,
        /// The operation.
        operation: String,
    },
    /// An MCP tool; the server is empty when the flow names none.
    Tool {
        /// The server.
        server: String,
        /// The tool.
        tool: String,
    },
}

impl Definition {
    /// Everything the flows call, each once.
    #[must_use]
    pub fn requirements(&self) -> BTreeSet<Requirement> {
        let nodes = self.flows.iter().flat_map(|flow| &flow.nodes);
        let requirement = |operation: &Operation| match operation {
            Operation::Component {
                component,
                operation,
                ..
            } => Some(Requirement::Component {
                component: component.clone(),
                operation: operation.clone(),
            }),
            Operation::Tool { tool, server, .. } => Some(Requirement::Tool {
                server: server.clone().unwrap_or_default(),
                tool: tool.clone(),
            }),
            _ => None,
        };
        nodes
            .filter_map(|node| requirement(&node.operation))
            .collect()
    }
}

/// Compiles files into one definition.
#[must_use]
pub fn compile(sources: &[Source]) -> Compiled {
    let reports: Vec<Report> = sources.iter().map(Report::new).collect();
    let roots: Vec<Option<yaml::Node>> = reports.iter().map(yaml::read).collect();
    let mut raw: Vec<RawFlow<'_>> = reports
        .iter()
        .zip(&roots)
        .filter_map(|(report, root)| file::read(report, root.as_ref()?))
        .collect();
    file::refuse_duplicates(&mut raw);
    let world = names::World::of(&raw);
    let mut flows = Vec::with_capacity(raw.len());
    let mut views = Vec::with_capacity(raw.len());
    for (index, flow) in raw.iter().enumerate() {
        let (lowered, view) = file::lower(flow, index, &world);
        views.push(view);
        flows.extend(lowered);
    }
    let complete = flows.len() == sources.len();
    drop(raw);
    let mut diagnostics = Diagnostics::new();
    for report in reports {
        diagnostics.append(report.into_diagnostics());
    }
    diagnostics.sort();
    let sound = complete && !diagnostics.has_errors();
    let definition = sound.then_some(Definition {
        version: IR_VERSION,
        flows,
    });
    Compiled {
        definition,
        diagnostics,
        views,
    }
}
