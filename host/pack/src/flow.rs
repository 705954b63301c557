//! Compiling flows: the one place where this crate meets the flow language.
//!
//! All flows of a pack become one definition, because `flow.call` and `flow.goto` lead from one to another and are
//! checked and resolved across them.

use std::collections::BTreeMap;

use greentic_diagnostics::{Diagnostic, Diagnostics, Source, yaml};
use greentic_flow::compile::compile;

use crate::layout::FLOWS;
use crate::manifest::FlowEntry;

/// The flows of a pack.
#[derive(Debug, Default)]
pub(crate) struct CompiledFlows {
    /// What the manifest says of them.
    pub(crate) entries: Vec<FlowEntry>,
    /// The definition in CBOR, as the flow engine's `load` takes it; absent when there is no flow.
    pub(crate) definition: Option<Vec<u8>>,
    pub(crate) warnings: Diagnostics,
}

/// Checks and compiles flows, given by file name.
pub(crate) fn compile_flows(
    sources: &BTreeMap<String, Source>,
) -> Result<CompiledFlows, Diagnostics> {
    if sources.is_empty() {
        return Ok(CompiledFlows::default());
    }
    let list: Vec<Source> = sources.values().cloned().collect();
    let compiled = compile(&list);
    let Some(definition) = compiled
        .definition
        .filter(|_| !compiled.diagnostics.has_errors())
    else {
        return Err(compiled.diagnostics);
    };
    let mut bytes = Vec::new();
    if let (Err(error), Some(first)) =
        (ciborium::into_writer(&definition, &mut bytes), list.first())
    {
        return Err(Diagnostic::error(first, "not-encoded", error.to_string()).into());
    }
    let entries = sources
        .iter()
        .zip(&definition.flows)
        .map(|((file, source), flow)| {
            let node = |index: u32| {
                usize::try_from(index)
                    .ok()
                    .and_then(|index| flow.nodes.get(index))
            };
            let name_of = |index: u32| node(index).map(|node| node.id.clone()).unwrap_or_default();
            FlowEntry {
                id: flow.id.clone(),
                kind: flow.kind.clone(),
                title: flow.title.clone(),
                tags: tags(source),
                entrypoints: flow
                    .entrypoints
                    .iter()
                    .map(|(name, index)| (name.clone(), name_of(*index)))
                    .collect(),
                source: format!("{FLOWS}{file}"),
            }
        });
    Ok(CompiledFlows {
        entries: entries.collect(),
        definition: Some(bytes),
        warnings: compiled.diagnostics,
    })
}

/// The flow's tags, which mean nothing to the engine and so are not in its definition.
fn tags(source: &Source) -> Vec<String> {
    let root = yaml::parse(source).unwrap_or_else(|_| yaml::Node::null());
    let list = root
        .get("tags")
        .and_then(yaml::Node::as_sequence)
        .unwrap_or_default();
    list.iter()
        .filter_map(|tag| tag.as_str().map(str::to_owned))
        .collect()
}
