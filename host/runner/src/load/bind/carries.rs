//! Components' own interfaces between cells: for each team, who answers which import of which plugin.

use std::sync::Arc;

use greentic_sandbox::client::{Client, Policy};
use greentic_sandbox::pool::Pool;
use greentic_types::TenantCtx;
use serde_json::Value;

use super::Binder;
use crate::team::Carries;

impl Binder<'_> {
    /// Finds once what cannot be carried: one instance for all tenants can neither call a tenant's cell nor be called as one.
    pub(super) fn check_carries(&mut self) {
        let mut wrong = Vec::new();
        for (name, linked) in &self.plugins {
            for carry in &linked.carried {
                let provider = self.plugins.get(&carry.provider);
                let shared = |policy: Policy| matches!(policy, Policy::Shared);
                let who = if shared(linked.policy) {
                    name
                } else if provider.is_some_and(|provider| shared(provider.policy)) {
                    &carry.provider
                } else {
                    continue;
                };
                wrong.push((
                    name.clone(),
                    format!(
                        "`{name}` imports `{}` from `{}`, and `{who}` is one instance for all tenants, which calls no component of a tenant and is called by none",
                        carry.import, carry.provider
                    ),
                ));
            }
        }
        wrong.sort();
        for (name, message) in wrong {
            let span = self.entry_span(&name);
            self.fault(span, "link", message);
        }
    }

    /// The cells a team's components reach each other by.
    pub(super) fn carries(&mut self, place: &TenantCtx) -> Carries {
        let mut carries = Carries::default();
        let none = Value::Object(serde_json::Map::new());
        let all: Vec<_> = self
            .plugins
            .iter()
            .flat_map(|(name, linked)| linked.carried.iter().map(move |carry| (name, carry)))
            .map(|(name, carry)| (name.clone(), carry.clone()))
            .collect();
        for (name, carry) in all {
            let Some(provider) = self.plugins.get(&carry.provider).cloned() else {
                continue;
            };
            if !carries.clients.contains_key(&carry.provider) {
                let binding = self.team_binding(&carry.provider, place, None, &none);
                let keep = !matches!(provider.policy, Policy::PerCall);
                let pool = Pool::new(Arc::clone(&provider.plugin), binding, None, keep);
                let client = Arc::new(Client::Pool(pool));
                carries.clients.insert(carry.provider.clone(), client);
            }
            carries
                .targets
                .insert((name, carry.import), (carry.provider, carry.export));
        }
        carries
    }
}
