//! What one team of one tenant can use inside a turn: its flows, nodes, tools and state.

use std::collections::HashMap;
use std::sync::Arc;

use greentic_mcp::Catalogue;
use greentic_sandbox::Val;
use greentic_sandbox::carry::{AnyWorld, Carried};
use greentic_sandbox::client::Client;
use greentic_sandbox::scope::CallScope;

use crate::backends::Backends;
use crate::node::NodeClient;
use crate::router::FlowRuntime;

/// A team's means. It stays the same in the next generation when nothing it is made of changed.
pub struct TeamRuntime {
    /// Flows by name (`pack/flow` or plugin).
    pub flows: HashMap<String, Arc<FlowRuntime>>,
    /// Nodes by name: components of its packs and plugins of the bundle.
    pub nodes: HashMap<String, Arc<NodeClient>>,
    /// Tools it was given.
    pub tools: Catalogue,
    /// Which of them which plugin may call.
    pub(crate) tool_grants: Arc<ToolGrants>,
    /// Where its data lies.
    pub backends: Arc<Backends>,
    /// Who answers the own interfaces of its components.
    pub(crate) carries: Carries,
}

/// Which of a team's tools a plugin may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ToolGrant {
    /// All the team has: a flow's own, when the bundle names none.
    AllOfTeam,
    /// Those of these plugins.
    Named(Vec<String>),
}

/// The grants of all plugins. A component of a flow pack has no entry in the bundle and is granted nothing.
#[derive(Debug, Default)]
pub(crate) struct ToolGrants(pub HashMap<String, ToolGrant>);

impl ToolGrants {
    /// Whether a plugin may call a tool of a server; otherwise what to do about it.
    pub(crate) fn check(&self, plugin: &str, server: &str) -> Result<(), String> {
        match self.0.get(plugin) {
            Some(ToolGrant::AllOfTeam) => Ok(()),
            Some(ToolGrant::Named(servers)) if servers.iter().any(|one| one == server) => Ok(()),
            Some(ToolGrant::Named(_)) => Err(format!(
                "plugin `{plugin}` may not call tools of `{server}`; add it to `plugins.{plugin}.grants.tools`"
            )),
            None => Err(format!(
                "`{plugin}` came with a pack and may not call tools; name it under `plugins` and grant it `{server}` there"
            )),
        }
    }
}

/// For each plugin and import: the plugin that exports it, and under which name.
#[derive(Default)]
pub(crate) struct Carries {
    pub clients: HashMap<String, Arc<Client<AnyWorld>>>,
    pub targets: HashMap<(String, String), (String, String)>,
}

impl Carries {
    /// Makes a call.
    pub(crate) async fn call(
        &self,
        plugin: &str,
        scope: CallScope,
        call: Carried,
    ) -> Result<Vec<Val>, String> {
        let key = (plugin.to_owned(), call.import.to_string());
        let target = self
            .targets
            .get(&key)
            .and_then(|(provider, export)| Some((self.clients.get(provider)?, export)));
        let Some((client, export)) = target else {
            return Err(format!(
                "`{plugin}` calls `{}`, and nobody gives it here",
                call.import
            ));
        };
        client
            .call_values(scope, export, &call.function, &call.params)
            .await
            .map_err(|fault| format!("`{}` of `{}`: {fault}", call.function, call.import))
    }
}

impl TeamRuntime {
    /// Drops instances that were idle for too long.
    pub(crate) fn shrink(&self) {
        for flow in self.flows.values() {
            flow.client.shrink();
        }
        for node in self.nodes.values() {
            node.shrink();
        }
        for server in self.tools.servers() {
            server.client.shrink();
        }
        for client in self.carries.clients.values() {
            client.shrink();
        }
    }
}
