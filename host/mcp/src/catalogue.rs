//! The tools of one team.

use std::sync::Arc;

use greentic_interfaces::imports::greentic::mcp::types::ToolResult;
use greentic_sandbox::client::Client;
use greentic_sandbox::scope::CallScope;
use greentic_sandbox::worlds::ToolWorld;

use crate::tool::{Tool, ToolError};

/// A plugin with tools.
pub struct Server {
    /// The plugin's name in the bundle.
    pub name: String,
    /// Calls to it.
    pub client: Client<ToolWorld>,
    /// What it offers.
    pub tools: Vec<Tool>,
}

/// The tools a team was given. The default is none.
#[derive(Default)]
pub struct Catalogue {
    servers: Vec<Arc<Server>>,
}

impl Catalogue {
    /// The tools of these plugins.
    #[must_use]
    pub fn new(servers: Vec<Arc<Server>>) -> Self {
        Self { servers }
    }

    /// The plugins.
    #[must_use]
    pub fn servers(&self) -> &[Arc<Server>] {
        &self.servers
    }

    /// Calls a tool. `server` names the plugin; empty finds the tool wherever it is.
    ///
    /// # Errors
    /// [`ToolError`]
    pub async fn call(
        &self,
        server: &str,
        tool: &str,
        scope: CallScope,
        arguments: String,
    ) -> Result<ToolResult, ToolError> {
        let (server, tool) = self.find(server, tool)?;
        tool.call(&server.client, scope, arguments).await
    }

    /// The plugin a call would go to; none where it would go to nobody.
    #[must_use]
    pub fn server_of(&self, server: &str, tool: &str) -> Option<&str> {
        let (server, _) = self.find(server, tool).ok()?;
        Some(&server.name)
    }

    fn find(&self, server: &str, tool: &str) -> Result<(&Server, &Tool), ToolError> {
        let mut found = self
            .servers
            .iter()
            .filter(|candidate| server.is_empty() || candidate.name == server)
            .flat_map(|server| {
                server
                    .tools
                    .iter()
                    .filter(|candidate| candidate.described().name == tool)
                    .map(move |tool| (&**server, tool))
            });
        match (found.next(), found.next()) {
            (Some(one), None) => Ok(one),
            (Some((first, _)), Some((second, _))) => Err(ToolError::Unknown(format!(
                "tool `{tool}` is offered by `{}` and by `{}`: say which server",
                first.name, second.name
            ))),
            (None, _) => {
                let mut all: Vec<_> = self
                    .servers
                    .iter()
                    .flat_map(|server| {
                        server
                            .tools
                            .iter()
                            .map(|tool| format!("{}/{}", server.name, tool.described().name))
                    })
                    .collect();
                all.sort();
                let wanted = if server.is_empty() {
                    tool.to_owned()
                } else {
                    format!("{server}/{tool}")
                };
                let given = if all.is_empty() {
                    "none: add `tools: […]` to the team or tenant".to_owned()
                } else {
                    all.join(", ")
                };
                Err(ToolError::Unknown(format!(
                    "there is no tool `{wanted}` among those the team was given ({given})"
                )))
            }
        }
    }
}
