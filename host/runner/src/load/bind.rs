//! Binding: shared backends are started, then for each team its flows, nodes, tools and channels are put together.

use std::collections::HashMap;
use std::sync::Arc;

use greentic_config::{Bindings, Channel as ChannelEntry, FlowRef, Loaded, Team, Tenant};
use greentic_diagnostics::{Diagnostics, Span, Spanned};
use greentic_interfaces::imports::greentic::channel::types::Descriptor;
use greentic_interfaces::model::About;
use greentic_mcp::{Catalogue, Server, Tool};
use greentic_sandbox::client::{Client, Policy};
use greentic_sandbox::fault::{Fault, FaultKind};
use greentic_sandbox::inspect::World;
use greentic_sandbox::plugin::Surroundings;
use greentic_sandbox::pool::Prepare;
use greentic_sandbox::scope::{Binding, CallScope};
use greentic_sandbox::secrets::Secrets;
use greentic_sandbox::worlds::{
    BusWorld, ChannelWorld, FlowWorld, SecretsWorld, StoreWorld, ToolWorld,
};
use greentic_session::Sessions;
use greentic_state::{State, StateLimits};
use greentic_types::{ChannelRef, Direction, Id, Subject, TenantCtx};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::Foundation;
use super::components::Components;
use super::link::{Linked, check_config, flatten, limits, link};
use super::packs::{Packs, Source};
use super::secrets::SecretBackends;
use crate::backends::Backends;
use crate::bus::{Bus, BusBounds};
use crate::channel::{ChannelMetrics, ChannelRuntime, UnknownOutcome};
use crate::chores::Chores;
use crate::conversation_log::ConversationLogs;
use crate::dead_letter::DeadLetters;
use crate::generation::Generation;
use crate::loaded::LoadedPlugin;
use crate::node::NodeClient;
use crate::quota::Quota;
use crate::router::{FlowRuntime, Router, Rule};
use crate::services::GenerationServices;
use crate::team::TeamRuntime;
use crate::turn::millis;

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

    async fn start_secret_backends(&mut self) {
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

    fn check_shared(&mut self, name: &Spanned<Id>, about: &About) {
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

    async fn grant_secrets(&mut self) {
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
    async fn backends_of(&mut self, bindings: &Bindings) -> Option<Arc<Backends>> {
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
            letters: DeadLetters::new(store, env, millis(limits.dead_letters.ttl)),
        });
        self.backends.push(Arc::clone(&backends));
        Some(backends)
    }

    async fn store(&mut self, name: &Spanned<Id>) -> Option<Arc<Client<StoreWorld>>> {
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

    async fn bus(&mut self, name: &Spanned<Id>) -> Option<Arc<Bus>> {
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

    /// Makes a flow, and with it every flow of its pack, so that one can hand on to another.
    async fn flow(
        &mut self,
        place: &TenantCtx,
        tenant: &Tenant,
        wanted: &Spanned<FlowRef>,
        flows: &mut HashMap<String, Arc<FlowRuntime>>,
        nodes: &mut HashMap<String, Arc<NodeClient>>,
    ) {
        if flows.contains_key(&wanted.value.to_string()) {
            return;
        }
        let none = Value::Object(serde_json::Map::new());
        match &wanted.value {
            FlowRef::Plugin(plugin) => {
                let name = Spanned::new(plugin.clone(), wanted.span);
                let Some((linked, policy)) = self.of_world(&name, World::Flow, "a flow") else {
                    return;
                };
                let binding = self.team_binding(plugin.as_str(), place, None, &none);
                let Some(client) = self
                    .client::<FlowWorld>(linked, binding, policy, None, wanted.span)
                    .await
                else {
                    return;
                };
                if self.tested.insert(plugin.to_string()) {
                    match client.describe(CallScope::default()).await {
                        Ok(descriptor) => self.note_about(plugin.as_str(), &descriptor.about),
                        Err(fault) => self.fault(wanted.span, "start", fault.to_string()),
                    }
                }
                let seconds = self.foundation.metrics.turn_seconds.with([plugin.as_str()]);
                let flow = FlowRuntime {
                    name: plugin.to_string(),
                    definition: String::new(),
                    flow: plugin.to_string(),
                    client,
                    seconds,
                };
                flows.insert(plugin.to_string(), Arc::new(flow));
            }
            FlowRef::Pack { pack, flow } => {
                let Some(Source::Pack(opened)) = self
                    .loaded
                    .bundle
                    .packs
                    .get(pack)
                    .and_then(|entry| self.packs.get(&entry.from.value))
                    .cloned()
                else {
                    self.fault(
                        wanted.span,
                        "flow",
                        format!("`{pack}` is no pack with flows"),
                    );
                    return;
                };
                let ids: Vec<String> = opened
                    .manifest()
                    .flows
                    .iter()
                    .map(|flow| flow.id.clone())
                    .collect();
                if !ids.contains(flow) {
                    let help =
                        match greentic_diagnostics::suggest(flow, ids.iter().map(String::as_str)) {
                            Some(near) => format!("did you mean `{pack}/{near}`?"),
                            None => format!("it has {}", ids.join(", ")),
                        };
                    let fault = self
                        .loaded
                        .error(
                            wanted.span,
                            "flow",
                            format!("pack `{pack}` has no flow `{flow}`"),
                        )
                        .help(help);
                    self.faults.push(fault);
                    return;
                }
                let Some(engine) = tenant.bindings.flows.clone() else {
                    self.fault(wanted.span, "flow", format!("`{}` is written in a `.ygtc` file, and no engine is bound; add `use: {{ flows: … }}`", wanted.value));
                    return;
                };
                let Some(definition) = opened.flow_definition() else {
                    self.fault(
                        wanted.span,
                        "flow",
                        format!("pack `{pack}` holds no compiled flows; build it again"),
                    );
                    return;
                };
                let Some((linked, policy)) = self.of_world(&engine, World::Flow, "the flow engine")
                else {
                    return;
                };
                let binding = self.team_binding(engine.value.as_str(), place, None, &none);
                let prepare = load_definition(pack.to_string(), definition.to_vec().into());
                let Some(client) = self
                    .client::<FlowWorld>(linked, binding, policy, Some(prepare), wanted.span)
                    .await
                else {
                    return;
                };
                // One instance shows that the engine takes the definition; it is warm for the first message too.
                if self.tested.insert(format!("{pack}/")) {
                    if let Err(fault) = client.warm().await {
                        self.fault(
                            wanted.span,
                            "flow",
                            format!("the engine does not take the flows of pack `{pack}`: {fault}"),
                        );
                    }
                    match client.describe(CallScope::default()).await {
                        Ok(descriptor) => self.note_about(engine.value.as_str(), &descriptor.about),
                        Err(fault) => self.fault(wanted.span, "start", fault.to_string()),
                    }
                }
                for id in ids {
                    let name = format!("{pack}/{id}");
                    let seconds = self.foundation.metrics.turn_seconds.with([&name]);
                    let flow = FlowRuntime {
                        name: name.clone(),
                        definition: pack.to_string(),
                        flow: id,
                        client: Arc::clone(&client),
                        seconds,
                    };
                    flows.insert(name, Arc::new(flow));
                }
                for component in &opened.manifest().components {
                    self.node(
                        place,
                        &format!("{pack}/{}", component.name),
                        &component.name,
                        nodes,
                    );
                }
            }
        }
    }

    /// Every plugin of the bundle that is a node can be called by its name.
    fn plugin_nodes(&mut self, place: &TenantCtx, nodes: &mut HashMap<String, Arc<NodeClient>>) {
        let names: Vec<String> = self
            .loaded
            .bundle
            .plugins
            .keys()
            .map(ToString::to_string)
            .collect();
        for name in names {
            self.node(place, &name, &name, nodes);
        }
    }

    fn node(
        &mut self,
        place: &TenantCtx,
        plugin: &str,
        name: &str,
        nodes: &mut HashMap<String, Arc<NodeClient>>,
    ) {
        let Some(linked) = self.plugins.get(plugin) else {
            return;
        };
        let none = Value::Object(serde_json::Map::new());
        let keep = !matches!(linked.policy, Policy::PerCall);
        let (linked_plugin, worlds) = (Arc::clone(&linked.plugin), linked.worlds.clone());
        let binding = self.team_binding(plugin, place, None, &none);
        let node = if worlds.contains(&World::Node) {
            NodeClient::Node(Client::Pool(greentic_sandbox::pool::Pool::new(
                linked_plugin,
                binding,
                None,
                keep,
            )))
        } else if worlds.contains(&World::MinimalNode) {
            NodeClient::Minimal(Client::Pool(greentic_sandbox::pool::Pool::new(
                linked_plugin,
                binding,
                None,
                keep,
            )))
        } else {
            return;
        };
        let node = Arc::new(node);
        let shrinking = Arc::clone(&node);
        self.chores.shrink_with(move || match &*shrinking {
            NodeClient::Node(client) => client.shrink(),
            NodeClient::Minimal(client) => client.shrink(),
        });
        nodes.insert(name.to_owned(), node);
    }

    async fn tools(&mut self, place: &TenantCtx, tenant: &Tenant, team: &Team) -> Catalogue {
        let mut servers = Vec::new();
        let none = Value::Object(serde_json::Map::new());
        for name in tenant.tools.iter().chain(&team.tools) {
            let Some((plugin, policy)) = self.of_world(name, World::McpTool, "tools") else {
                continue;
            };
            let binding = self.team_binding(name.value.as_str(), place, None, &none);
            let client = match Client::<ToolWorld>::new(plugin, binding, policy, None).await {
                Ok(client) => client,
                Err(fault) => {
                    self.fault(name.span, "start", fault.to_string());
                    continue;
                }
            };
            let listed = async {
                let descriptor = client.describe(CallScope::default()).await?;
                let tools = client.list_tools(CallScope::default()).await?;
                Ok::<_, Fault>((descriptor, tools))
            };
            match listed.await {
                Ok((descriptor, described)) => {
                    self.check_shared(name, &descriptor.about);
                    let mut tools = Vec::new();
                    for tool in described {
                        match Tool::new(tool) {
                            Ok(tool) => tools.push(tool),
                            Err(reason) => self.fault(
                                name.span,
                                "tool",
                                format!("plugin `{}`: {reason}", name.value),
                            ),
                        }
                    }
                    let server = Arc::new(Server {
                        name: name.value.to_string(),
                        client,
                        tools,
                    });
                    let shrinking = Arc::clone(&server);
                    self.chores.shrink_with(move || shrinking.client.shrink());
                    servers.push(server);
                }
                Err(fault) => self.fault(name.span, "start", fault.to_string()),
            }
        }
        Catalogue::new(servers)
    }

    async fn channel(
        &mut self,
        place: &TenantCtx,
        reference: ChannelRef,
        entry: &ChannelEntry,
        flows: &HashMap<String, Arc<FlowRuntime>>,
        (backends, quota): (&Arc<Backends>, &Arc<Quota>),
    ) -> Option<ChannelRuntime> {
        let (plugin, policy) =
            self.of_world(&entry.provider, World::ChannelProvider, "a channel")?;
        let provider = entry.provider.value.to_string();
        let (own, unknown_outcome) = self.own_settings(entry);
        let binding = self.team_binding(&provider, place, Some(reference.clone()), &own);
        let client = self
            .client::<ChannelWorld>(plugin, binding, policy, None, entry.provider.span)
            .await?;
        let descriptor = match self.described.get(&provider) {
            Some(descriptor) => descriptor.clone(),
            None => match client.describe(CallScope::default()).await {
                Ok(descriptor) => {
                    self.note_about(&provider, &descriptor.about);
                    self.described.insert(provider.clone(), descriptor.clone());
                    descriptor
                }
                Err(fault) => {
                    self.fault(entry.provider.span, "start", fault.to_string());
                    return None;
                }
            },
        };
        let whole = merged(&self.config_of(&provider), &own);
        check_config(
            self.loaded,
            entry.config.span,
            &format!("{provider}` of channel `{reference}"),
            &descriptor.about.config_schema,
            &whole,
            &mut self.faults,
        );
        let mut rules = Vec::new();
        for rule in &entry.rules {
            if let Some(condition) = &rule.condition {
                let fault = self
                    .loaded
                    .error(
                        condition.span,
                        "condition",
                        "a rule cannot have a condition yet",
                    )
                    .help(
                        "let the flow branch by the condition, or choose by `event` or `command`",
                    );
                self.faults.push(fault);
            }
            let flow = flows.get(&rule.flow.value.to_string())?;
            rules.push(Rule {
                kind: rule.event.as_ref().map(|event| event.value),
                command: rule.command.as_ref().map(|command| command.value.clone()),
                condition: None,
                flow: Arc::clone(flow),
            });
        }
        let default = Arc::clone(flows.get(&entry.flow.value.to_string())?);
        let has_sockets = self
            .plugins
            .get(&provider)
            .is_some_and(|linked| linked.has_sockets);
        let metrics = &self.foundation.metrics;
        let egress = self.loaded.bundle.limits.egress.clone();
        let rest = format!(
            "{provider}/{}/{}/{}",
            reference.tenant, reference.team, reference.channel
        );
        Some(ChannelRuntime {
            bases: [
                format!("/v1/messaging/ingress/{rest}"),
                format!("/v1/messaging/{rest}"),
                format!("/v1/web/{rest}"),
            ],
            ingress_subject: Subject::of(Direction::Ingress, &reference),
            egress_subject: Subject::of(Direction::Egress, &reference),
            pace: Mutex::new(ChannelRuntime::pace_of(&descriptor)),
            metrics: ChannelMetrics {
                received: metrics.messages.with([provider.as_str(), "in"]),
                delivered: metrics.messages.with([provider.as_str(), "out"]),
                unverified: metrics.ingress_unverified.with([provider.as_str()]),
                egress_seconds: metrics.egress_seconds.with([provider.as_str()]),
                message_seconds: metrics.message_seconds.with([provider.as_str()]),
                over_quota: metrics.ingress_shed.with(["quota"]),
                throttled: metrics.egress_throttled.with([provider.as_str()]),
            },
            reference,
            provider,
            descriptor,
            client,
            has_sockets,
            alias: entry.path.as_ref().map(|path| path.value.clone()),
            failure_text: entry.failure_text.clone(),
            locale: entry.locale.clone(),
            router: Router { rules, default },
            backends: Arc::clone(backends),
            quota: Arc::clone(quota),
            deliveries: Semaphore::new(egress.in_flight.max(1)),
            unknown_outcome,
            egress_limits: egress,
        })
    }

    /// The host's own settings of a channel are taken out of its configuration; the rest is the plugin's.
    fn own_settings(&mut self, entry: &ChannelEntry) -> (Value, UnknownOutcome) {
        let mut config = entry.config.value.clone();
        let policy = config
            .as_object_mut()
            .and_then(|config| config.shift_remove("unknown-outcome"));
        let policy = match policy.as_ref().map(Value::as_str) {
            None | Some(Some("at-least-once")) => UnknownOutcome::AtLeastOnce,
            Some(Some("at-most-once")) => UnknownOutcome::AtMostOnce,
            Some(_) => {
                let fault = self
                    .loaded
                    .error(entry.config.span, "config", "`unknown-outcome` is `at-least-once` or `at-most-once`")
                    .help("`at-most-once` never sends twice and may lose a message into the dead letters; `at-least-once` is the opposite");
                self.faults.push(fault);
                UnknownOutcome::AtLeastOnce
            }
        };
        (config, policy)
    }

    async fn client<E: greentic_sandbox::cell::Exports>(
        &mut self,
        plugin: Arc<greentic_sandbox::plugin::Plugin>,
        binding: Arc<Binding>,
        policy: Policy,
        prepare: Option<Prepare<E>>,
        span: Span,
    ) -> Option<Arc<Client<E>>> {
        // A tenant's data never meets another's in one instance: only backends are shared, and those by the host's own hand.
        let policy = if policy == Policy::Shared {
            Policy::PerTenant
        } else {
            policy
        };
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

/// Loads a pack's flows into each new instance of the engine.
fn load_definition(name: String, definition: Arc<[u8]>) -> Prepare<FlowWorld> {
    Arc::new(move |cell| {
        let (name, definition) = (name.clone(), Arc::clone(&definition));
        Box::pin(async move {
            match cell.load(name, definition.to_vec()).await? {
                Ok(_) => Ok(()),
                Err(error) => Err(FaultKind::NotStarted(format!("{error:?}"))),
            }
        })
    })
}

/// A configuration with another laid over it, key by key.
fn merged(base: &Value, over: &Value) -> Value {
    let mut merged = base.clone();
    if let (Some(merged), Some(over)) = (merged.as_object_mut(), over.as_object()) {
        for (key, value) in over {
            merged.insert(key.clone(), value.clone());
        }
    }
    merged
}
