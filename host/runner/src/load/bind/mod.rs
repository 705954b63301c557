//! Binding: shared backends are started, then for each team its flows, nodes, tools and channels are put together.

mod backends;
mod channels;
mod flows;

use std::collections::HashMap;
use std::sync::Arc;

use greentic_config::{Loaded, Team, Tenant};
use greentic_diagnostics::{Diagnostics, Span, Spanned};
use greentic_interfaces::imports::greentic::channel::types::Descriptor;
use greentic_interfaces::model::About;
use greentic_sandbox::client::{Client, Policy};
use greentic_sandbox::inspect::World;
use greentic_sandbox::plugin::Surroundings;
use greentic_sandbox::pool::Prepare;
use greentic_sandbox::scope::Binding;
use greentic_sandbox::secrets::Secrets;
use greentic_sandbox::worlds::StoreWorld;
use greentic_types::{ChannelRef, Id, TenantCtx};
use serde_json::Value;

use super::Foundation;
use super::components::Components;
use super::link::{Linked, flatten, limits, link};
use super::packs::Packs;
use super::secrets::SecretBackends;
use crate::backends::Backends;
use crate::bus::Bus;
use crate::channel::ChannelRuntime;
use crate::chores::Chores;
use crate::generation::Generation;
use crate::loaded::LoadedPlugin;
use crate::quota::Quota;
use crate::services::GenerationServices;
use crate::team::TeamRuntime;

/// Binds everything.
pub(crate) async fn bind(
    foundation: &Foundation,
    loaded: &Loaded,
    packs: Packs,
    components: Components,
    number: u64,
) -> Result<Arc<Generation>, Diagnostics> {
    let services = Arc::new(GenerationServices::default());
    let surroundings = Surroundings {
        engine: foundation.engine.clone(),
        http: foundation.http.clone(),
        services: services.clone(),
        metrics: Arc::clone(&foundation.metrics),
    };
    let mut faults = Diagnostics::default();
    let mut plugins = HashMap::new();
    for prepared in components.by_name.values() {
        let entry = loaded
            .bundle
            .plugins
            .iter()
            .find(|(name, _)| name.as_str() == prepared.name)
            .map(|(_, entry)| entry);
        if let Some(linked) = link(
            loaded,
            prepared,
            entry,
            &surroundings,
            &*foundation.env,
            &mut faults,
        ) {
            plugins.insert(prepared.name.clone(), linked);
        }
    }
    if faults.has_errors() {
        return Err(faults);
    }
    let mut binder = Binder {
        foundation,
        loaded,
        packs,
        plugins,
        secrets: SecretBackends::default(),
        granted: HashMap::new(),
        stores: HashMap::new(),
        buses: HashMap::new(),
        backends: Vec::new(),
        described: HashMap::new(),
        abouts: HashMap::new(),
        tested: std::collections::HashSet::new(),
        chores: Chores::default(),
        faults,
        warnings: Vec::new(),
    };
    binder.start_secret_backends().await;
    binder.grant_secrets().await;
    if binder.faults.has_errors() {
        return Err(binder.faults);
    }
    let mut channels = Vec::new();
    let mut teams = HashMap::new();
    for (tenant_id, tenant) in &loaded.bundle.tenants {
        let Some(backends) = binder.backends_of(&tenant.bindings).await else {
            continue;
        };
        let quota = Arc::new(Quota::new(&tenant.quota));
        for (team_id, team) in &tenant.teams {
            let place = TenantCtx {
                env_id: loaded.bundle.env.value.clone(),
                tenant_id: tenant_id.clone(),
                team_id: Some(team_id.clone()),
            };
            if let Some(runtime) = binder
                .team(
                    &place,
                    tenant,
                    team,
                    Arc::clone(&backends),
                    &quota,
                    &mut channels,
                )
                .await
            {
                teams.insert(place, Arc::new(runtime));
            }
        }
    }
    if binder.faults.has_errors() {
        return Err(binder.faults);
    }
    let generation = binder.finish(number, channels, teams);
    services.belong_to(&generation);
    Ok(generation)
}

struct Binder<'a> {
    foundation: &'a Foundation,
    loaded: &'a Loaded,
    packs: Packs,
    plugins: HashMap<String, Linked>,
    secrets: SecretBackends,
    granted: HashMap<String, Arc<Secrets>>,
    stores: HashMap<String, Arc<Client<StoreWorld>>>,
    buses: HashMap<String, Arc<Bus>>,
    backends: Vec<Arc<Backends>>,
    described: HashMap<String, Descriptor>,
    abouts: HashMap<String, About>,
    tested: std::collections::HashSet<String>,
    chores: Chores,
    faults: Diagnostics,
    warnings: Vec<String>,
}

impl Binder<'_> {
    fn fault(&mut self, span: Span, code: &'static str, message: String) {
        let fault = self.loaded.error(span, code, message);
        self.faults.push(fault);
    }

    /// The plugin a binding names, if it is of that world.
    fn of_world(
        &mut self,
        name: &Spanned<Id>,
        world: World,
        role: &str,
    ) -> Option<(Arc<greentic_sandbox::plugin::Plugin>, Policy)> {
        let found = self.plugins.get(name.value.as_str()).map(|linked| {
            (
                Arc::clone(&linked.plugin),
                linked.policy,
                linked.worlds.clone(),
            )
        });
        let Some((plugin, policy, worlds)) = found else {
            self.fault(
                name.span,
                "plugin",
                format!("there is no plugin `{}`", name.value),
            );
            return None;
        };
        if !worlds.contains(&world) {
            let is = if worlds.is_empty() {
                "none of the contract's".to_owned()
            } else {
                worlds
                    .iter()
                    .map(|world| world.name())
                    .collect::<Vec<_>>()
                    .join(", ")
            };
            self.fault(
                name.span,
                "world",
                format!(
                    "`{}` cannot serve as {role}: it must be of world `{}`, and is of {is}",
                    name.value,
                    world.name()
                ),
            );
            return None;
        }
        Some((plugin, policy))
    }

    fn config_of(&self, plugin: &str) -> Value {
        self.loaded
            .bundle
            .plugins
            .iter()
            .find(|(name, _)| name.as_str() == plugin)
            .map_or_else(
                || Value::Object(serde_json::Map::new()),
                |(_, entry)| entry.config.value.clone(),
            )
    }

    fn config_span(&self, plugin: &str) -> Span {
        self.loaded
            .bundle
            .plugins
            .iter()
            .find(|(name, _)| name.as_str() == plugin)
            .map(|(_, entry)| entry.config.span)
            .unwrap_or_default()
    }

    /// A binding of a shared plugin.
    fn shared_binding(&self, plugin: &str) -> Arc<Binding> {
        Arc::new(Binding {
            tenant: None,
            channel: None,
            config: flatten(&[&self.config_of(plugin)]),
            secrets: self.granted.get(plugin).cloned().unwrap_or_default(),
            limits: None,
        })
    }

    /// A tenant's own, lower limits of a plugin, where it has some.
    fn tenant_limits(
        &self,
        plugin: &str,
        place: &TenantCtx,
    ) -> Option<greentic_sandbox::limits::Limits> {
        let bundle = &self.loaded.bundle;
        let tenant = bundle
            .tenants
            .get(&place.tenant_id)
            .filter(|tenant| tenant.plugin_limits.is_some())?;
        let (_, entry) = bundle
            .plugins
            .iter()
            .find(|(name, _)| name.as_str() == plugin)?;
        Some(limits(&tenant.limits_of(entry), &bundle.limits.supervision))
    }

    fn team_binding(
        &self,
        plugin: &str,
        place: &TenantCtx,
        channel: Option<ChannelRef>,
        config: &Value,
    ) -> Arc<Binding> {
        Arc::new(Binding {
            tenant: Some(place.clone()),
            channel,
            config: flatten(&[&self.config_of(plugin), config]),
            secrets: self.granted.get(plugin).cloned().unwrap_or_default(),
            limits: self.tenant_limits(plugin, place),
        })
    }

    /// A plugin's account of itself is checked against its name in no way, but what it requests against what it was granted.
    fn note_about(&mut self, plugin: &str, about: &About) {
        if self.abouts.contains_key(plugin) {
            return;
        }
        let entry = self
            .loaded
            .bundle
            .plugins
            .iter()
            .find(|(name, _)| name.as_str() == plugin)
            .map(|(_, entry)| entry);
        for secret in &about.requests.secrets {
            let granted = entry.is_some_and(|entry| {
                entry
                    .grants
                    .secrets
                    .iter()
                    .any(|granted| granted.value == *secret)
            });
            if !granted {
                let span = entry.map(|entry| entry.grants.span).unwrap_or_default();
                let fault = self
                    .loaded
                    .error(span, "grant", format!("plugin `{plugin}` needs the secret `{secret}`, and the bundle does not grant it"))
                    .help(format!("add `{secret}` to `plugins.{plugin}.grants.secrets`"));
                self.faults.push(fault);
            }
        }
        for (kind, asked) in [("http", &about.requests.http), ("tcp", &about.requests.tcp)] {
            for wanted in asked {
                let granted = entry.is_some_and(|entry| match kind {
                    "http" => entry
                        .grants
                        .http
                        .iter()
                        .any(|rule| rule.value.to_string() == *wanted),
                    _ => entry
                        .grants
                        .tcp
                        .iter()
                        .any(|rule| rule.value.to_string() == *wanted),
                });
                if !granted {
                    self.warnings.push(format!("plugin `{plugin}` would like `{kind}: {wanted}`, which `plugins.{plugin}.grants` does not give it"));
                }
            }
        }
        self.abouts.insert(plugin.to_owned(), about.clone());
    }

    async fn team(
        &mut self,
        place: &TenantCtx,
        tenant: &Tenant,
        team: &Team,
        backends: Arc<Backends>,
        quota: &Arc<Quota>,
        channels: &mut Vec<Arc<ChannelRuntime>>,
    ) -> Option<TeamRuntime> {
        let mut flows = HashMap::new();
        let mut nodes = HashMap::new();
        for channel in team.channels.values().filter(|channel| channel.enabled) {
            for flow in
                std::iter::once(&channel.flow).chain(channel.rules.iter().map(|rule| &rule.flow))
            {
                self.flow(place, tenant, flow, &mut flows, &mut nodes).await;
            }
        }
        self.plugin_nodes(place, &mut nodes);
        let tools = self.tools(place, tenant, team).await;
        for (name, entry) in &team.channels {
            if !entry.enabled {
                continue;
            }
            let reference = ChannelRef {
                env: place.env_id.clone(),
                tenant: place.tenant_id.clone(),
                team: team.name.value.clone(),
                channel: name.clone(),
            };
            if let Some(channel) = self
                .channel(place, reference, entry, &flows, (&backends, quota))
                .await
            {
                channels.push(Arc::new(channel));
            }
        }
        Some(TeamRuntime {
            flows,
            nodes,
            tools,
            backends,
        })
    }

    async fn client<E: greentic_sandbox::cell::Exports>(
        &mut self,
        plugin: Arc<greentic_sandbox::plugin::Plugin>,
        binding: Arc<Binding>,
        policy: Policy,
        prepare: Option<Prepare<E>>,
        span: Span,
    ) -> Option<Arc<Client<E>>> {
        match Client::new(plugin, binding, policy, prepare).await {
            Ok(client) => {
                let client = Arc::new(client);
                self.chores.shrinks(&client);
                Some(client)
            }
            Err(fault) => {
                self.fault(span, "start", fault.to_string());
                None
            }
        }
    }

    fn finish(
        self,
        number: u64,
        channels: Vec<Arc<ChannelRuntime>>,
        teams: HashMap<TenantCtx, Arc<TeamRuntime>>,
    ) -> Arc<Generation> {
        let mut by_place = HashMap::new();
        let mut by_subject = HashMap::new();
        let mut aliases = HashMap::new();
        for channel in channels {
            let ChannelRef {
                tenant,
                team,
                channel: name,
                ..
            } = &channel.reference;
            by_place.insert(
                format!("{}/{tenant}/{team}/{name}", channel.provider),
                Arc::clone(&channel),
            );
            by_subject.insert(
                channel.ingress_subject.as_str().to_owned(),
                Arc::clone(&channel),
            );
            by_subject.insert(
                channel.egress_subject.as_str().to_owned(),
                Arc::clone(&channel),
            );
            if let Some(alias) = &channel.alias {
                aliases.insert(alias.clone(), channel);
            }
        }
        let mut plugins: Vec<LoadedPlugin> = self
            .plugins
            .into_values()
            .map(|linked| LoadedPlugin {
                version: self
                    .abouts
                    .get(&linked.row.name)
                    .map_or_else(String::new, |about| about.version.clone()),
                ..linked.row
            })
            .collect();
        plugins.sort_by(|a, b| a.name.cmp(&b.name));
        Arc::new(Generation {
            number,
            env: self.loaded.bundle.env.value.clone(),
            channels: by_place,
            by_subject,
            aliases,
            teams,
            backends: self.backends,
            plugins,
            warnings: self.warnings,
            limits: self.loaded.bundle.limits.clone(),
            metrics: Arc::clone(&self.foundation.metrics),
            chores: self.chores,
        })
    }
}
