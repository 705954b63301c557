//! Flows and the nodes they call.

use std::collections::HashMap;
use std::sync::Arc;

use greentic_config::{FlowRef, Tenant};
use greentic_diagnostics::Spanned;
use greentic_sandbox::client::{Client, Policy};
use greentic_sandbox::fault::FaultKind;
use greentic_sandbox::inspect::World;
use greentic_sandbox::pool::Prepare;
use greentic_sandbox::scope::CallScope;
use greentic_sandbox::worlds::FlowWorld;
use greentic_types::TenantCtx;
use serde_json::Value;

use super::super::packs::Source;
use super::Binder;
use crate::fingerprint::Print;
use crate::node::NodeClient;
use crate::router::FlowRuntime;

impl Binder<'_> {
    /// Makes a flow, and with it every flow of its pack, so that one can hand on to another.
    pub(super) async fn flow(
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
                    version: self.flow_version(plugin.as_str(), None),
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
                let version =
                    self.flow_version(engine.value.as_str(), Some((pack.as_str(), &definition)));
                for id in ids {
                    let name = format!("{pack}/{id}");
                    let seconds = self.foundation.metrics.turn_seconds.with([&name]);
                    let flow = FlowRuntime {
                        version,
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
    pub(super) fn plugin_nodes(
        &mut self,
        place: &TenantCtx,
        nodes: &mut HashMap<String, Arc<NodeClient>>,
    ) {
        // What only another tenant's keys vouch for is not there for this one.
        let vouched = |entry: &greentic_config::Plugin| {
            let only = self.packs.only_for(&entry.from.value);
            only.is_none_or(|only| only.contains(&place.tenant_id))
        };
        let plugins = self.loaded.bundle.plugins.iter();
        let names: Vec<String> = plugins
            .filter(|(_, entry)| vouched(entry))
            .map(|(name, _)| name.to_string())
            .collect();
        for name in names {
            self.node(place, &name, &name, nodes);
        }
    }

    pub(super) fn node(
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
        nodes.insert(name.to_owned(), Arc::new(node));
    }

    /// The version of a flow: of the code that runs it, and, where it came in a pack, of the pack's flows and components. A
    /// conversation goes on with the version it began with.
    fn flow_version(&self, runs: &str, pack: Option<(&str, &[u8])>) -> u64 {
        let code = |name: &str| self.plugins.get(name).map(|linked| linked.code);
        let mut print = Print::new("flow");
        if let Some(code) = code(runs) {
            print = print.part(&code);
        }
        if let Some((pack, definition)) = pack {
            print = print.bytes(definition);
            let mut components: Vec<&String> = self
                .plugins
                .keys()
                .filter(|name| name.split_once('/').is_some_and(|(of, _)| of == pack))
                .collect();
            components.sort();
            for component in components.into_iter().filter_map(|name| code(name)) {
                print = print.part(&component);
            }
        }
        print.done().short()
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
