//! What packs say they need: each dependency is a pack of the same bundle, in a version of its range.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use greentic_config::Loaded;
use greentic_diagnostics::{Diagnostics, Span};
use greentic_pack::{Pack, PackId};

use super::packs::{Packs, Source, origins};

/// Refuses packs that need what is not there, and packs that need each other in a circle.
pub(crate) fn check(loaded: &Loaded, packs: &Packs) -> Result<(), Diagnostics> {
    let mut there: BTreeMap<&PackId, Vec<(&Arc<Pack>, Span)>> = BTreeMap::new();
    for from in origins(&loaded.bundle) {
        if let Some(Source::Pack(pack)) = packs.get(&from.value) {
            let versions = there.entry(pack.id()).or_default();
            if !versions.iter().any(|(known, _)| Arc::ptr_eq(known, pack)) {
                versions.push((pack, from.span));
            }
        }
    }
    let mut faults = Diagnostics::default();
    for (pack, span) in there.values().flatten() {
        for (needed, range) in &pack.manifest().dependencies {
            let versions = there.get(needed).map_or(&[][..], Vec::as_slice);
            if versions
                .iter()
                .any(|(pack, _)| range.matches(pack.version()))
            {
                continue;
            }
            let needs = format!(
                "`{}` {} needs `{needed}` {range}",
                pack.id(),
                pack.version()
            );
            let fault = if versions.is_empty() {
                let fault = loaded.error(
                    *span,
                    "dependency",
                    format!("{needs}, and no pack of the bundle is that"),
                );
                fault.help(format!("name a pack `{needed}` under `packs` or `plugins`"))
            } else {
                let found: Vec<_> = versions
                    .iter()
                    .map(|(pack, _)| pack.version().to_string())
                    .collect();
                let fault = loaded.error(
                    *span,
                    "dependency",
                    format!("{needs}, and the bundle has {}", found.join(" and ")),
                );
                let also = versions.iter();
                also.fold(fault, |fault, (pack, span)| {
                    fault.also(*span, format!("{} is here", pack.version()))
                })
                .help("take a version of that range, or a version of the other pack that goes with it")
            };
            faults.push(fault);
        }
    }
    for circle in circles(&there) {
        let first = circle.first().and_then(|id| there.get(*id)?.first());
        let span = first.map_or_else(Span::default, |(_, span)| *span);
        let mut names: Vec<_> = circle.iter().map(|id| format!("`{id}`")).collect();
        names.extend(names.first().cloned());
        faults.push(
            loaded
                .error(
                    span,
                    "dependency",
                    format!("packs need each other in a circle: {}", names.join(" needs ")),
                )
                .help("take one of these dependencies out of its `pack.yaml`, and build that pack anew"),
        );
    }
    if faults.has_errors() {
        Err(faults)
    } else {
        Ok(())
    }
}

/// Each circle once, from its first pack in the order of ids.
fn circles<'a>(there: &BTreeMap<&'a PackId, Vec<(&'a Arc<Pack>, Span)>>) -> Vec<Vec<&'a PackId>> {
    let needs = |id: &PackId| {
        let packs = there.get(id).into_iter().flatten();
        let needed = packs.flat_map(|(pack, _)| pack.manifest().dependencies.keys());
        needed.collect::<BTreeSet<_>>()
    };
    let mut circles = Vec::new();
    let mut done: BTreeSet<&PackId> = BTreeSet::new();
    for start in there.keys() {
        let mut path: Vec<&PackId> = Vec::new();
        let mut left: Vec<(usize, &PackId)> = vec![(0, start)];
        while let Some((depth, id)) = left.pop() {
            // Where it was left, all that it leads to has been seen.
            done.extend(path.drain(depth..));
            if let Some(from) = path.iter().position(|known| *known == id) {
                circles.push(path.get(from..).unwrap_or_default().to_vec());
                continue;
            }
            if done.contains(id) {
                continue;
            }
            path.push(id);
            left.extend(needs(id).into_iter().map(|next| (depth + 1, next)));
        }
        done.extend(path);
    }
    circles
}
