//! What a bundle may say and this host does not do. Taking it and not doing it would be worse than refusing it.

use greentic_config::{CellPolicy, Loaded};
use greentic_diagnostics::Diagnostics;
use greentic_sandbox::inspect::World;

use super::components::Components;
use super::link::is_backend;

/// Refuses, at its place, each thing that would have no effect.
pub(crate) fn refuse(loaded: &Loaded, components: &Components) -> Result<(), Diagnostics> {
    let mut faults = Diagnostics::default();
    let bundle = &loaded.bundle;
    for (name, entry) in &bundle.plugins {
        let worlds = components
            .by_name
            .get(name.as_str())
            .map(|prepared| prepared.worlds.as_slice())
            .unwrap_or_default();
        if let Some(policy) = &entry.policy
            && let Some(reason) = misfit(policy.value, worlds)
        {
            faults.push(loaded.error(
                policy.span,
                "policy",
                format!(
                    "plugin `{name}` cannot be `{}`: {reason}",
                    policy.value.as_str()
                ),
            ));
        }
    }
    if faults.has_errors() {
        Err(faults)
    } else {
        Ok(())
    }
}

fn misfit(policy: CellPolicy, worlds: &[World]) -> Option<&'static str> {
    let backend = worlds.iter().any(|world| is_backend(*world));
    match policy {
        CellPolicy::Shared if !backend && !worlds.is_empty() => Some(
            "only stores, buses and secrets backends are shared, for an instance of anything else would see several tenants",
        ),
        CellPolicy::PerTenant | CellPolicy::PerCall if backend => Some(
            "a store, bus or secrets backend is one instance for the host; its keys and subjects are kept apart by the host",
        ),
        _ => None,
    }
}
