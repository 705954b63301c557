//! Packs that only a tenant's own keys vouch for: that tenant may use them, and nothing of another tenant or of the host may.

use greentic_config::{FlowRef, Loaded, Origin};
use greentic_diagnostics::{Diagnostics, Span, Spanned};
use greentic_types::Id;

use super::packs::Packs;

/// Refuses each use by somebody whose keys do not vouch for it.
pub(crate) fn check(loaded: &Loaded, packs: &Packs) -> Result<(), Diagnostics> {
    let mut faults = Diagnostics::default();
    let bundle = &loaded.bundle;
    let mut use_of = |origin: Option<&Origin>, tenant: Option<&Id>, what: &str, span: Span| {
        let Some(only) = origin.and_then(|origin| packs.only_for(origin)) else {
            return;
        };
        if tenant.is_some_and(|tenant| only.contains(tenant)) {
            return;
        }
        let tenants: Vec<_> = only.iter().map(|id| format!("`{id}`")).collect();
        let who = tenant.map_or_else(
            || "the host".to_owned(),
            |tenant| format!("tenant `{tenant}`"),
        );
        faults.push(
            loaded
                .error(
                    span,
                    "trust",
                    format!(
                        "{who} cannot use `{what}`: its pack is signed by a key of {} only",
                        tenants.join(", ")
                    ),
                )
                .help("add the key to the bundle's `trust.keys`, or have the pack signed by a key that is there"),
        );
    };
    let plugin = |name: &Id| bundle.plugins.get(name).map(|entry| &entry.from.value);
    let host = &bundle.bindings;
    let backends = [Some(&host.sessions), host.state.as_ref(), Some(&host.bus)];
    let more = [host.secrets.as_ref(), host.flows.as_ref()];
    for name in backends.into_iter().chain(more).flatten() {
        use_of(plugin(&name.value), None, name.value.as_str(), name.span);
    }
    for (id, tenant) in &bundle.tenants {
        let own = &tenant.bindings;
        let mut names: Vec<&Spanned<Id>> = vec![&own.sessions, &own.bus];
        names.extend(own.state.iter().chain(&own.secrets).chain(&own.flows));
        names.extend(&tenant.tools);
        for team in tenant.teams.values() {
            names.extend(&team.tools);
            for channel in team.channels.values() {
                names.push(&channel.provider);
                let rules = channel.rules.iter().map(|rule| &rule.flow);
                for flow in std::iter::once(&channel.flow).chain(rules) {
                    let (origin, what) = match &flow.value {
                        FlowRef::Plugin(name) => (plugin(name), name),
                        FlowRef::Pack { pack, .. } => {
                            (bundle.packs.get(pack).map(|pack| &pack.from.value), pack)
                        }
                    };
                    use_of(origin, Some(id), what.as_str(), flow.span);
                }
            }
        }
        for name in names {
            use_of(
                plugin(&name.value),
                Some(id),
                name.value.as_str(),
                name.span,
            );
        }
    }
    if faults.has_errors() {
        Err(faults)
    } else {
        Ok(())
    }
}
