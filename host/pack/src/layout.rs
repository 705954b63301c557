//! Where things stand in a pack. Nothing stands anywhere else.

/// What the pack is and holds, in CBOR.
pub(crate) const MANIFEST: &str = "manifest.cbor";
/// The list of materials, CycloneDX in JSON.
pub(crate) const SBOM: &str = "sbom.cdx.json";
/// Components, one file each.
pub(crate) const COMPONENTS: &str = "components/";
/// Flows: the sources as they were written and the compiled definition beside them.
pub(crate) const FLOWS: &str = "flows/";
/// The compiled definition of all flows.
pub(crate) const DEFINITION: &str = "flows/definition.cbor";
/// How a flow's source is named.
pub(crate) const FLOW_ENDING: &str = ".ygtc";
/// Whatever else travels along: images, cards, pages.
pub(crate) const ASSETS: &str = "assets/";
/// What is signed.
pub(crate) const STATEMENT: &str = "signatures/statement.json";
/// The signatures.
pub(crate) const ENVELOPE: &str = "signatures/pack.dsse.json";

/// Whether a path has a place in a pack.
pub(crate) fn has_place(path: &str) -> bool {
    [MANIFEST, SBOM, STATEMENT, ENVELOPE].contains(&path)
        || path
            .strip_prefix(COMPONENTS)
            .is_some_and(|file| file.ends_with(".wasm") && !file.contains('/'))
        || path == DEFINITION
        || path
            .strip_prefix(FLOWS)
            .is_some_and(|file| file.ends_with(FLOW_ENDING) && !file.contains('/'))
        || path.starts_with(ASSETS)
}
