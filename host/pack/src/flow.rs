//! Compiling a flow: the one place where this crate meets the flow language.

use std::collections::BTreeMap;

use greentic_diagnostics::{Diagnostic, Diagnostics, Source};

/// What a pack keeps of a flow.
#[derive(Debug)]
pub(crate) struct CompiledFlow {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) title: String,
    pub(crate) tags: Vec<String>,
    pub(crate) entrypoints: BTreeMap<String, String>,
    /// The definition in CBOR, as the flow engine's `load` takes it.
    pub(crate) definition: Vec<u8>,
    pub(crate) warnings: Diagnostics,
}

/// Checks and compiles a flow's source.
pub(crate) fn compile_flow(source: &Source) -> Result<CompiledFlow, Diagnostics> {
    Err(Diagnostic::error(
        source,
        "flow-compiler",
        "this build cannot compile flows yet",
    )
    .into())
}
