//! Shared plugins: secrets backends, stores and buses, started once and described before anything is bound to them.

use std::sync::Arc;

use greentic_config::{Bindings, FlowRef, Loaded, Team, Tenant};
use greentic_diagnostics::{Diagnostics, Spanned};
use greentic_interfaces::model::About;
use greentic_sandbox::client::{Client, Policy};
use greentic_sandbox::inspect::World;
use greentic_sandbox::scope::CallScope;
use greentic_sandbox::secrets::Secrets;
use greentic_sandbox::worlds::{BusWorld, SecretsWorld, StoreWorld};
use greentic_session::Sessions;
use greentic_state::{State, StateLimits};
use greentic_types::Id;

use super::super::Foundation;
use super::super::components::Components;
use super::super::link::check_config;
use super::super::packs::Packs;
use super::super::secrets::SecretBackends;
use super::Binder;
use crate::alarm::Alarms;
use crate::backends::Backends;
use crate::bus::{Bus, BusBounds};
use crate::conversation_log::ConversationLogs;
use crate::dead_letter::DeadLetters;
use crate::fingerprint::Print;
use crate::generation::Generation;
use crate::turn::millis;

/// The secrets backends alone.
pub(crate) async fn secret_backends(
    foundation: &Foundation,
    loaded: &Arc<Loaded>,
    packs: Packs,
    components: Components,
    earlier: &[Arc<Generation>],
) -> Result<SecretBackends, Diagnostics> {
    let mut binder = Binder::new(foundation, loaded, packs, components, earlier)?;
    binder.start_secret_backends().await;
    if binder.faults.has_errors() {
        return Err(binder.faults);
    }
    Ok(binder.secrets)
}

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
            let print = self.bound(name.value.as_str());
            if let Some(client) = self.running(&name, print, |parts| &parts.secret_backends) {
                let known = (print, client);
                self.secrets.by_name.insert(name.value.to_string(), known);
                continue;
            }
            let binding = self.shared_binding(name.value.as_str());
            match Client::<SecretsWorld>::new(plugin, binding, Policy::Shared, None).await {
                Ok(client) => {
                    match client.describe(CallScope::default()).await {
                        Ok(descriptor) => self.check_shared(&name, &descriptor.about),
                        Err(fault) => self.fault(name.span, "start", fault.to_string()),
                    }
                    self.secrets
                        .by_name
                        .insert(name.value.to_string(), (print, Arc::new(client)));
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
                    self.earlier,
                    &mut self.faults,
                )
                .await;
            let key = (backend.clone().unwrap_or_default(), name.to_string());
            self.granted.insert(key, secrets);
        }
    }

    /// Fetches what a team's plugins were granted from the backend its tenant brings, when that is not the host's. What is not
    /// there stops the load: the host's own secrets are none of the tenant's.
    pub(super) async fn grant_tenant_secrets(&mut self, tenant: &Tenant, team: &Team) {
        let Some(backend) = self.own_secrets_backend(tenant) else {
            return;
        };
        for plugin in self.plugins_of(tenant, team) {
            let key = (backend.clone(), plugin.to_string());
            let Some(entry) = self.loaded.bundle.plugins.get(&plugin) else {
                continue;
            };
            if entry.grants.secrets.is_empty() || self.granted.contains_key(&key) {
                continue;
            }
            let secrets = self
                .secrets
                .of_plugin(
                    self.loaded,
                    entry,
                    Some(&backend),
                    self.earlier,
                    &mut self.faults,
                )
                .await;
            self.granted.insert(key, secrets);
        }
    }

    /// The secrets backend of a tenant, when it is not the host's.
    pub(super) fn own_secrets_backend(&self, tenant: &Tenant) -> Option<String> {
        let name = |name: &Spanned<Id>| name.value.to_string();
        let host = self.loaded.bundle.bindings.secrets.as_ref().map(name);
        let own = tenant.bindings.secrets.as_ref().map(name);
        own.filter(|own| Some(own) != host.as_ref())
    }

    /// The secrets of a plugin when it works for a tenant, or for all of them.
    pub(super) fn secrets_of(&self, tenant: Option<&Id>, plugin: &str) -> Arc<Secrets> {
        let bundle = &self.loaded.bundle;
        let bindings = tenant
            .and_then(|tenant| bundle.tenants.get(tenant))
            .map_or(&bundle.bindings, |tenant| &tenant.bindings);
        let backend = bindings.secrets.as_ref();
        let key = (
            backend
                .map(|name| name.value.to_string())
                .unwrap_or_default(),
            plugin.to_owned(),
        );
        self.granted.get(&key).cloned().unwrap_or_default()
    }

    /// The plugins that work for a team: its channels' providers and flows, its engine and tools, and every node.
    fn plugins_of(&self, tenant: &Tenant, team: &Team) -> Vec<Id> {
        let tools = tenant.tools.iter().chain(&team.tools);
        let engine = tenant.bindings.flows.as_ref();
        let channels = team.channels.values();
        let providers = channels.clone().map(|channel| &channel.provider);
        let named = tools
            .chain(engine)
            .chain(providers)
            .map(|name| name.value.clone());
        let flows = channels.flat_map(|channel| {
            std::iter::once(&channel.flow).chain(channel.rules.iter().map(|rule| &rule.flow))
        });
        let flows = flows.filter_map(|flow| match &flow.value {
            FlowRef::Plugin(plugin) => Some(plugin.clone()),
            FlowRef::Pack { .. } => None,
        });
        let nodes = self.loaded.bundle.plugins.keys().filter(|name| {
            let linked = self.plugins.get(name.as_str());
            linked.is_some_and(|linked| linked.is_node())
        });
        let mut all: Vec<Id> = named.chain(flows).chain(nodes.cloned()).collect();
        all.sort();
        all.dedup();
        all
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
        let env = self.loaded.bundle.env.value.clone();
        let limits = &self.loaded.bundle.limits;
        let print = Print::new("backends")
            .text(env.as_str())
            .debug(&limits.session)
            .debug(&limits.state)
            .debug(&limits.dead_letters)
            .done();
        let serves = |backends: &&Arc<Backends>| {
            let same_state = match (&backends.state_store, &state_store) {
                (Some(one), Some(other)) => Arc::ptr_eq(one, other),
                (None, None) => true,
                _ => false,
            };
            backends.print == print
                && same_state
                && Arc::ptr_eq(&backends.store, &store)
                && Arc::ptr_eq(&backends.bus, &bus)
        };
        let running = |serves: &dyn Fn(&&Arc<Backends>) -> bool| {
            let mut all = self.earlier.iter().flat_map(|earlier| &earlier.backends);
            all.find(|backends| serves(backends)).cloned()
        };
        if let Some(backends) = running(&serves) {
            self.backends.push(Arc::clone(&backends));
            return Some(backends);
        }
        // Those who follow a conversation go on doing so though limits changed.
        let logs = running(&|backends| Arc::ptr_eq(&backends.store, &store)).map_or_else(
            || ConversationLogs::new(Arc::clone(&store)),
            |backends| Arc::clone(&backends.logs),
        );
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
        let backends = Arc::new(Backends {
            print,
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
            state: state_store
                .clone()
                .map(|store| State::new(store, state_limits)),
            state_store,
            state_name,
            logs,
            alarms: Alarms::new(Arc::clone(&store), &env),
            letters: DeadLetters::new(store, env, millis(limits.dead_letters.ttl)),
        });
        self.backends.push(Arc::clone(&backends));
        Some(backends)
    }

    pub(super) async fn store(&mut self, name: &Spanned<Id>) -> Option<Arc<Client<StoreWorld>>> {
        if let Some((_, store)) = self.stores.get(name.value.as_str()) {
            return Some(Arc::clone(store));
        }
        let (plugin, _) = self.of_world(name, World::SessionStore, "a session store")?;
        let print = self.bound(name.value.as_str());
        if let Some(store) = self.running(name, print, |parts| &parts.stores) {
            let known = (print, Arc::clone(&store));
            self.stores.insert(name.value.to_string(), known);
            return Some(store);
        }
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
            .insert(name.value.to_string(), (print, Arc::clone(&client)));
        Some(client)
    }

    pub(super) async fn bus(&mut self, name: &Spanned<Id>) -> Option<Arc<Bus>> {
        if let Some((_, bus)) = self.buses.get(name.value.as_str()) {
            return Some(Arc::clone(bus));
        }
        let (plugin, _) = self.of_world(name, World::MessageBus, "the bus")?;
        let print = self.bound(name.value.as_str());
        if let Some(bus) = self.running(name, print, |parts| &parts.buses) {
            let known = (print, Arc::clone(&bus));
            self.buses.insert(name.value.to_string(), known);
            return Some(bus);
        }
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
        let known = (print, Arc::clone(&bus));
        self.buses.insert(name.value.to_string(), known);
        Some(bus)
    }
}
