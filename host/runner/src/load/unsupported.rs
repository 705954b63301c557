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
        for tool in &entry.grants.tools {
            faults.push(
                loaded
                    .error(
                        tool.span,
                        "grant",
                        format!("plugin `{name}` cannot be granted a tool"),
                    )
                    .help("tools are given to teams: `tenants.<t>.teams.<x>.tools`"),
            );
        }
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
    for (name, tenant) in &bundle.tenants {
        if let Some(key) = tenant.trust.keys.values().next() {
            faults.push(
                loaded
                    .error(
                        key.name.span,
                        "trust",
                        format!("tenant `{name}` cannot bring keys of its own yet"),
                    )
                    .help("add the key to the bundle's `trust.keys`"),
            );
        }
        if let Some(secrets) = &tenant.bindings.secrets
            && bundle
                .bindings
                .secrets
                .as_ref()
                .is_none_or(|host| host.value != secrets.value)
        {
            faults.push(
                loaded
                    .error(
                        secrets.span,
                        "secrets",
                        format!("tenant `{name}` cannot have a secrets backend of its own yet"),
                    )
                    .help("a plugin's secrets come from the bundle's `use: { secrets: … }`"),
            );
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
