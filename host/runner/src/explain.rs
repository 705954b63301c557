//! Who is wired to whom: what the bundle binds, and where each import of each component comes from.

use std::sync::Arc;

use greentic_sandbox::compose::Source;
use serde::Serialize;

use crate::channel::ChannelRuntime;
use crate::generation::Generation;

/// Everything about the wiring of a generation.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// Plugins, and components of packs as `pack/component`, in the order of their names.
    pub plugins: Vec<ExplainedPlugin>,
    /// Sets of backends, each once.
    pub backends: Vec<ExplainedBackends>,
    /// Channels, in the order of their places.
    pub channels: Vec<ExplainedChannel>,
}

/// A component as it is run.
#[derive(Debug, Clone, Serialize)]
pub struct ExplainedPlugin {
    /// Its name in the bundle.
    pub name: String,
    /// Its worlds.
    pub world: String,
    /// What it was granted, in the words of the bundle.
    pub granted: Vec<String>,
    /// Imports of it and of what is fused into it, but those of plain types.
    pub wires: Vec<ExplainedWire>,
}

/// One import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainedWire {
    /// The component that imports: the plugin itself or one fused into it.
    pub importer: String,
    /// The interface with its version.
    pub interface: String,
    /// Where it comes from.
    pub from: From,
}

/// Where an import comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum From {
    /// The host itself.
    Host,
    /// A component fused into the same one: a call is wasm to wasm.
    Fused(String),
    /// A component in a cell of its own, which the host carries calls to, and why.
    Linked(String, String),
}

/// What a tenant's data lies in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainedBackends {
    /// Sessions and logs.
    pub sessions: String,
    /// State of flows.
    pub state: Option<String>,
    /// The bus.
    pub bus: String,
}

/// A channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainedChannel {
    /// `tenant/team/channel`
    pub channel: String,
    /// The plugin that speaks the platform's protocol.
    pub provider: String,
    /// Each flow it leads to, with the plugin that runs it.
    pub flows: Vec<(String, String)>,
    /// Plugins whose tools its flows can call.
    pub tools: Vec<String>,
    /// Where its data lies.
    pub backends: ExplainedBackends,
}

impl Generation {
    /// Explains the wiring.
    #[must_use]
    pub fn explain(&self) -> Explanation {
        let plugins = self.plugins.iter().map(|row| {
            let prepared = self.parts.components.by_name.get(&row.name);
            let wires = prepared.map_or(&[][..], |prepared| &prepared.composition.wires);
            ExplainedPlugin {
                name: row.name.clone(),
                world: row.world.clone(),
                granted: row.granted.clone(),
                wires: wires.iter().map(wire).collect(),
            }
        });
        let mut channels: Vec<_> = self.channels().values().map(channel).collect();
        channels.sort_by(|a, b| a.channel.cmp(&b.channel));
        Explanation {
            plugins: plugins.collect(),
            backends: self.backends.iter().map(|one| backends(one)).collect(),
            channels,
        }
    }
}

fn wire(wire: &greentic_sandbox::compose::Wire) -> ExplainedWire {
    ExplainedWire {
        importer: wire.importer.clone(),
        interface: wire.interface.to_string(),
        from: match &wire.source {
            Source::Host => From::Host,
            Source::Fused(provider) => From::Fused(provider.clone()),
            Source::Linked(provider, reason) => From::Linked(provider.clone(), reason.to_string()),
        },
    }
}

fn backends(backends: &crate::backends::Backends) -> ExplainedBackends {
    ExplainedBackends {
        sessions: backends.store_name.clone(),
        state: backends.state_name.clone(),
        bus: backends.bus_name.clone(),
    }
}

fn channel(channel: &Arc<ChannelRuntime>) -> ExplainedChannel {
    let reference = &channel.reference;
    let rules = channel.router.rules.iter().map(|rule| &rule.flow);
    let mut flows: Vec<_> = std::iter::once(&channel.router.default)
        .chain(rules)
        .map(|flow| (flow.name.clone(), flow.client.plugin().name().to_string()))
        .collect();
    flows.dedup();
    let servers = channel.team.tools.servers().iter();
    ExplainedChannel {
        channel: format!(
            "{}/{}/{}",
            reference.tenant, reference.team, reference.channel
        ),
        provider: channel.provider.clone(),
        flows,
        tools: servers.map(|server| server.name.clone()).collect(),
        backends: backends(&channel.backends),
    }
}
