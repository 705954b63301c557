//! Shared plugins: secrets backends, stores and buses, started once and described before anything is bound to them.

use std::sync::Arc;

use greentic_config::Bindings;
use greentic_diagnostics::Spanned;
use greentic_interfaces::model::About;
use greentic_sandbox::client::{Client, Policy};
use greentic_sandbox::inspect::World;
use greentic_sandbox::scope::CallScope;
use greentic_sandbox::worlds::{BusWorld, SecretsWorld, StoreWorld};
use greentic_session::Sessions;
use greentic_state::{State, StateLimits};
use greentic_types::Id;

use super::super::link::check_config;
use super::Binder;
use crate::alarm::Alarms;
use crate::backends::Backends;
use crate::bus::{Bus, BusBounds};
use crate::conversation_log::ConversationLogs;
use crate::dead_letter::DeadLetters;
use crate::turn::millis;

impl Binder<'_> {
    pub(super) async fn start_secret_backends(&mut self) {
        let bundle = &self.loaded.bundle;
        let names: Vec<Spanned<Id>> = std::iter::once(&bundle.bindings)
            .chain(bundle.tenants.values().map(|tenant| &tenant.bindings))
            .filter_map(|bindings| bindings.secrets.clone())
            .collect();
        for name in names {
            if self.secrets.by_name.contains_key(name.value.as_str()) {
                continue;
            }
            let Some((plugin, _)) =
                self.of_world(&name, World::SecretsProvider, "the secrets backend")
            else {
                continue;
            };
            let binding = self.shared_binding(name.value.as_str());
            match Client::<SecretsWorld>::new(plugin, binding, Policy::Shared, None).await {
                Ok(client) => {
                    match client.describe(CallScope::default()).await {
                        Ok(descriptor) => self.check_shared(&name, &descriptor.about),
                        Err(fault) => self.fault(name.span, "start", fault.to_string()),
                    }
                    self.secrets
                        .by_name
                        .insert(name.value.to_string(), Arc::new(client));
                }
                Err(fault) => self.fault(name.span, "start", fault.to_string()),
            }
        }
    }

    pub(super) fn check_shared(&mut self, name: &Spanned<Id>, about: &About) {
        let plugin = name.value.as_str();
        if !self.abouts.contains_key(plugin) {
            check_config(
                self.loaded,
                self.config_span(plugin),
                plugin,
                &about.config_schema,
                &self.config_of(plugin),
                &mut self.faults,
            );
            self.note_about(plugin, about);
        }
    }

    pub(super) async fn grant_secrets(&mut self) {
        let backend = self
            .loaded
            .bundle
            .bindings
            .secrets
            .as_ref()
            .map(|name| name.value.to_string());
        for (name, entry) in &self.loaded.bundle.plugins {
            if entry.grants.secrets.is_empty() {
                continue;
            }
            let secrets = self
                .secrets
                .of_plugin(
                    self.loaded,
                    entry,
                    backend.as_deref(),
                    &mut self.chores,
                    &mut self.faults,
                )
                .await;
            self.granted.insert(name.to_string(), secrets);
        }
    }

    /// The backends a tenant is bound to; tenants with the same ones share them.
    pub(super) async fn backends_of(&mut self, bindings: &Bindings) -> Option<Arc<Backends>> {
        let (store_name, bus_name) = (
            bindings.sessions.value.to_string(),
            bindings.bus.value.to_string(),
        );
        let state_name = bindings.state.as_ref().map(|name| name.value.to_string());
        let same = |backends: &&Arc<Backends>| {
            backends.store_name == store_name
                && backends.bus_name == bus_name
                && backends.state_name == state_name
        };
        if let Some(backends) = self.backends.iter().find(same) {
            return Some(Arc::clone(backends));
        }
        let store = self.store(&bindings.sessions).await?;
        let state_store = match &bindings.state {
            Some(name) => Some(self.store(name).await?),
            None => None,
        };
        let bus = self.bus(&bindings.bus).await?;
        let store_descriptor = match store.describe(CallScope::default()).await {
            Ok(descriptor) => descriptor,
            Err(fault) => {
                self.fault(bindings.sessions.span, "start", fault.to_string());
                return None;
            }
        };
        let limits = &self.loaded.bundle.limits;
        let state_limits = StateLimits {
            key: usize::try_from(limits.state.key).unwrap_or(usize::MAX),
            value: usize::try_from(limits.state.value).unwrap_or(usize::MAX),
            ttl_ms: millis(limits.state.ttl),
        };
        let env = self.loaded.bundle.env.value.clone();
        let backends = Arc::new(Backends {
            bus,
            bus_name,
            sessions: Sessions::new(
                Arc::clone(&store),
                Arc::clone(&self.foundation.owner),
                millis(limits.session.lease),
            ),
            store: Arc::clone(&store),
            store_descriptor,
            store_name,
            state: state_store.map(|store| State::new(store, state_limits)),
            state_name,
            logs: ConversationLogs::new(Arc::clone(&store)),
            alarms: Alarms::new(Arc::clone(&store), &env),
            letters: DeadLetters::new(store, env, millis(limits.dead_letters.ttl)),
        });
        self.backends.push(Arc::clone(&backends));
        Some(backends)
    }

    pub(super) async fn store(&mut self, name: &Spanned<Id>) -> Option<Arc<Client<StoreWorld>>> {
        if let Some(store) = self.stores.get(name.value.as_str()) {
            return Some(Arc::clone(store));
        }
        let (plugin, _) = self.of_world(name, World::SessionStore, "a session store")?;
        let binding = self.shared_binding(name.value.as_str());
        let client = match Client::<StoreWorld>::new(plugin, binding, Policy::Shared, None).await {
            Ok(client) => Arc::new(client),
            Err(fault) => {
                self.fault(name.span, "start", fault.to_string());
                return None;
            }
        };
        match client.describe(CallScope::default()).await {
            Ok(descriptor) => self.check_shared(name, &descriptor.about),
            Err(fault) => self.fault(name.span, "start", fault.to_string()),
        }
        self.stores
            .insert(name.value.to_string(), Arc::clone(&client));
        Some(client)
    }

    pub(super) async fn bus(&mut self, name: &Spanned<Id>) -> Option<Arc<Bus>> {
        if let Some(bus) = self.buses.get(name.value.as_str()) {
            return Some(Arc::clone(bus));
        }
        let (plugin, _) = self.of_world(name, World::MessageBus, "the bus")?;
        let binding = self.shared_binding(name.value.as_str());
        let client = match Client::<BusWorld>::new(plugin, binding, Policy::Shared, None).await {
            Ok(client) => Arc::new(client),
            Err(fault) => {
                self.fault(name.span, "start", fault.to_string());
                return None;
            }
        };
        let descriptor = match client.describe(CallScope::default()).await {
            Ok(descriptor) => descriptor,
            Err(fault) => {
                self.fault(name.span, "start", fault.to_string());
                return None;
            }
        };
        self.check_shared(name, &descriptor.about);
        let limits = &self.loaded.bundle.limits.bus;
        let bounds = BusBounds {
            publish: limits.publish,
            queue: limits.publish_queue,
        };
        let bus = Bus::new(
            client,
            descriptor,
            bounds,
            Arc::clone(&self.foundation.metrics),
        );
        self.buses.insert(name.value.to_string(), Arc::clone(&bus));
        Some(bus)
    }
}
