//! From the tree of the file to the model, all faults at once: every part reads on after a fault and gives `None` at the end.

mod contradictions;
mod operations;
mod paths;
mod plugin;
mod registries;
mod secret_literals;
mod tenant;
#[cfg(test)]
mod tests;
mod top;
mod trust;

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use greentic_diagnostics::{Node, Report, Span, Spanned, yaml};

use crate::model::Bundle;
use crate::shape::{Context, Shape};
use crate::variables;

pub(crate) static BUNDLE: &Shape = &top::BUNDLE;

/// Reads the bundle; there is one whenever nothing was at fault.
pub(crate) fn bundle(
    report: &Report,
    base_dir: &Path,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Option<Bundle> {
    with_context(report, base_dir, lookup, top::read)
}

/// Reads the tenants of a file the bundle includes.
pub(crate) fn included(
    report: &Report,
    base_dir: &Path,
    lookup: &dyn Fn(&str) -> Option<String>,
    bundle: &mut Bundle,
    aliases: &mut Aliases,
    whence: &dyn Fn(Span) -> String,
) {
    let Some(mut root) = yaml::read(report) else {
        return;
    };
    let unresolved = variables::fill(&mut root, report, lookup);
    let ctx = Context {
        report,
        base_dir,
        plugins: bundle.plugins.keys().map(ToString::to_string).collect(),
        packs: bundle.packs.keys().map(ToString::to_string).collect(),
        unresolved,
        #[cfg(test)]
        asked: Default::default(),
        #[cfg(test)]
        undeclared: Default::default(),
    };
    top::read_included(&root, &ctx, bundle, aliases, whence);
}

pub(crate) fn with_context<T>(
    report: &Report,
    base_dir: &Path,
    lookup: &dyn Fn(&str) -> Option<String>,
    read: impl FnOnce(&Node, &Context<'_>) -> Option<T>,
) -> Option<T> {
    let mut root = yaml::read(report)?;
    let unresolved = variables::fill(&mut root, report, lookup);
    let names = |key| {
        let mapping = root.get(key).and_then(Node::as_mapping);
        mapping
            .map(|mapping| mapping.iter().map(|(name, _)| name.to_owned()).collect())
            .unwrap_or_default()
    };
    let (plugins, packs): (BTreeSet<String>, BTreeSet<String>) = (names("plugins"), names("packs"));
    let ctx = Context {
        report,
        base_dir,
        plugins,
        packs,
        unresolved,
        #[cfg(test)]
        asked: Default::default(),
        #[cfg(test)]
        undeclared: Default::default(),
    };
    read(&root, &ctx)
}

/// Aliases of all channels, to find one that is used twice.
pub(crate) type Aliases = HashMap<String, Spanned<String>>;
