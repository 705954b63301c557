//! Binding: shared backends are started, then for each team its flows, nodes, tools and channels are put together.

pub(crate) mod backends;
mod carries;
mod channels;
mod flows;
mod reuse;

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
use greentic_sandbox::services::Services;
use greentic_sandbox::worlds::StoreWorld;
use greentic_types::{ChannelRef, Id, TenantCtx};
use serde_json::Value;

use super::Foundation;
use super::components::Components;
use super::link::{Linked, flatten, limits, link};
use super::packs::Packs;
use super::parts::{Known, KnownTeam, Parts};
use super::secrets::SecretBackends;
use crate::backends::Backends;
use crate::bus::Bus;
use crate::channel::ChannelRuntime;
use crate::fingerprint::{Fingerprint, Print};
use crate::generation::{Generation, Maps};
use crate::loaded::LoadedPlugin;
use crate::old_flows::OldFlows;
use crate::quota::Quota;
use crate::services::TeamServices;
use crate::team::{TeamRuntime, ToolGrants};

/// Binds everything.
pub(crate) async fn bind(
    foundation: &Foundation,
    loaded: &Arc<Loaded>,
    packs: Packs,
    components: Components,
    number: u64,
    earlier: &[Arc<Generation>],
) -> Result<Arc<Generation>, Diagnostics> {
    let mut binder = Binder::new(foundation, loaded, packs, components, earlier)?;
    binder.start_secret_backends().await;
    binder.grant_secrets().await;
    // Secrets are a part of every fingerprint from here on.
    binder.bound.clear();
    if binder.faults.has_errors() {
        return Err(binder.faults);
    }
    binder.remember();
    binder.check_carries();
    let mut teams = HashMap::new();
    for (tenant_id, tenant) in &loaded.bundle.tenants {
        let Some(backends) = binder.backends_of(&tenant.bindings).await else {
            continue;
        };
        let quota = binder.quota(tenant_id, tenant);
        for (team_id, team) in &tenant.teams {
            let place = TenantCtx {
                env_id: loaded.bundle.env.value.clone(),
                tenant_id: tenant_id.clone(),
                team_id: Some(team_id.clone()),
            };
            binder.grant_tenant_secrets(tenant, team).await;
            let print = binder.team_print(&place, tenant, team);
            let known = match binder.running_team(&place, print, &backends) {
                Some(known) => known,
                None => {
                    let (team, channels) = binder
                        .team(&place, tenant, team, Arc::clone(&backends), &quota)
                        .await;
                    KnownTeam {
                        print,
                        team,
                        channels,
                    }
                }
            };
            teams.insert(place, known);
        }
    }
    if binder.faults.has_errors() {
        return Err(binder.faults);
    }
    Ok(binder.finish(number, teams))
}

struct Binder<'a> {
    foundation: &'a Foundation,
    loaded: &'a Arc<Loaded>,
    /// Generations to take over from, the running one first.
    earlier: &'a [Arc<Generation>],
    packs: Packs,
    components: Components,
    plugins: HashMap<String, Arc<Linked>>,
    /// Of the team that is bound now.
    services: Arc<dyn Services>,
    bound: HashMap<String, Fingerprint>,
    common: Option<Fingerprint>,
    tool_grants: Option<Arc<ToolGrants>>,
    secrets: SecretBackends,
    /// By backend and plugin.
    granted: HashMap<(String, String), Arc<Secrets>>,
    stores: Known<Client<StoreWorld>>,
    buses: Known<Bus>,
    quotas: HashMap<Id, Arc<Quota>>,
    backends: Vec<Arc<Backends>>,
    described: HashMap<String, Descriptor>,
    abouts: HashMap<String, About>,
    tested: std::collections::HashSet<String>,
    faults: Diagnostics,
    warnings: Vec<String>,
}

impl<'a> Binder<'a> {
    /// Links every plugin.
    fn new(
        foundation: &'a Foundation,
        loaded: &'a Arc<Loaded>,
        packs: Packs,
        components: Components,
        earlier: &'a [Arc<Generation>],
    ) -> Result<Self, Diagnostics> {
        let surroundings = Surroundings {
            engine: foundation.engine.clone(),
            http: foundation.http.clone(),
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
                (&*foundation.env, earlier),
                &mut faults,
            ) {
                plugins.insert(prepared.name.clone(), Arc::new(linked));
            }
        }
        if faults.has_errors() {
            return Err(faults);
        }
        let warnings = packs.fetched.warnings.clone();
        Ok(Binder {
            foundation,
            loaded,
            earlier,
            packs,
            components,
            plugins,
            services: Arc::new(TeamServices::default()),
            bound: HashMap::new(),
            common: None,
            tool_grants: None,
            secrets: SecretBackends::default(),
            granted: HashMap::new(),
            stores: HashMap::new(),
            buses: HashMap::new(),
            quotas: HashMap::new(),
            backends: Vec::new(),
            described: HashMap::new(),
            abouts: HashMap::new(),
            tested: std::collections::HashSet::new(),
            faults,
            warnings,
        })
    }
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

    /// Where the bundle speaks of a plugin, or of the pack its component came in.
    fn entry_span(&self, name: &str) -> Span {
        self.components
            .by_name
            .get(name)
            .map(|prepared| prepared.span)
            .unwrap_or_default()
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
            secrets: self.secrets_of(None, plugin),
            limits: None,
            // A shared plugin works for all teams and asks nothing of any.
            services: Arc::new(TeamServices::default()),
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
            secrets: self.secrets_of(Some(&place.tenant_id), plugin),
            limits: self.tenant_limits(plugin, place),
            services: Arc::clone(&self.services),
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
    ) -> (Arc<TeamRuntime>, Vec<Arc<ChannelRuntime>>) {
        let services = Arc::new(TeamServices::default());
        self.services = services.clone();
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
        let carries = self.carries(place);
        let runtime = Arc::new(TeamRuntime {
            flows,
            nodes,
            tools,
            tool_grants: self.tool_grants(),
            backends,
            carries,
        });
        services.belong_to(&runtime);
        let mut channels = Vec::new();
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
            if let Some(channel) = self.channel(place, reference, entry, &runtime, quota).await {
                channels.push(Arc::new(channel));
            }
        }
        (runtime, channels)
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
            Ok(client) => Some(Arc::new(client)),
            Err(fault) => {
                self.fault(span, "start", fault.to_string());
                None
            }
        }
    }

    fn finish(mut self, number: u64, teams: HashMap<TenantCtx, KnownTeam>) -> Arc<Generation> {
        let rows = self.rows();
        let names: Vec<String> = self.plugins.keys().cloned().collect();
        for name in names {
            self.bound(&name);
        }
        let digest = {
            let included = self.loaded.included.iter().map(|source| source.text());
            let mut print = Print::new("bundle")
                .text(self.loaded.source.text())
                .list(included);
            for (path, digest) in self.packs.digests() {
                print = print.text(&path).text(&digest);
            }
            print.done()
        };
        let parts = Parts {
            loaded: Arc::clone(self.loaded),
            packs: self.packs,
            components: self.components,
            plugins: self.plugins,
            bound: self.bound,
            abouts: self.abouts,
            described: self.described,
            secrets: self.secrets.filled,
            secret_backends: self.secrets.by_name,
            stores: self.stores,
            buses: self.buses,
            quotas: self.quotas,
            teams,
            digest,
        };
        Arc::new(Generation {
            number,
            env: self.loaded.bundle.env.value.clone(),
            maps: Maps::of(&parts.teams),
            old_flows: OldFlows::after(self.earlier.first(), &parts),
            backends: self.backends,
            plugins: rows,
            warnings: self.warnings,
            limits: self.loaded.bundle.limits.clone(),
            metrics: Arc::clone(&self.foundation.metrics),
            lasting: self.secrets.lasting,
            parts,
        })
    }

    fn rows(&self) -> Vec<LoadedPlugin> {
        let mut rows: Vec<LoadedPlugin> = self
            .plugins
            .values()
            .map(|linked| LoadedPlugin {
                version: self
                    .abouts
                    .get(&linked.row.name)
                    .map_or_else(String::new, |about| about.version.clone()),
                ..linked.row.clone()
            })
            .collect();
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        rows
    }
}
