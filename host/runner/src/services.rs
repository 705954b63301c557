//! What guests ask of the host inside a call. Who asks is known from the instance and the call; the guest says only what.

use std::sync::{Arc, OnceLock, Weak};

use greentic_interfaces::imports::greentic::channel::log::Page;
use greentic_interfaces::imports::greentic::flow::nodes::NodeError;
use greentic_interfaces::imports::greentic::flow::state::Scope;
use greentic_interfaces::imports::greentic::flow::types::CallPolicy;
use greentic_interfaces::imports::greentic::mcp::types::ToolResult;
use greentic_interfaces::model::Error;
use greentic_mcp::ToolError;
use greentic_sandbox::Val;
use greentic_sandbox::carry::Carried;
use greentic_sandbox::scope::CallScope;
use greentic_sandbox::services::{Answer, Caller, Services};
use greentic_telemetry::spans;
use greentic_types::ChannelRef;
use tracing::Instrument;

use crate::channel_memory;
use crate::node::{attempts, failed, of_fault};
use crate::team::TeamRuntime;

/// Services of one team, for whatever is bound to it. They are made before the team, which is made of instances that hold them.
///
/// A team that stays as it is across generations keeps its services, and one that is made anew gets new ones: no call of a guest
/// ever reaches nodes, tools or state of another generation than its own.
#[derive(Default)]
pub struct TeamServices {
    team: OnceLock<Weak<TeamRuntime>>,
}

impl TeamServices {
    /// Says whose services these are. Until then, and for a plugin all teams share, every call is answered "not now".
    pub fn belong_to(&self, team: &Arc<TeamRuntime>) {
        let _ = self.team.set(Arc::downgrade(team));
    }

    fn team(&self) -> Option<Arc<TeamRuntime>> {
        self.team.get()?.upgrade()
    }

    /// The channel of a channel plugin's instance, and where its team's data lies.
    fn channel(&self, caller: &Caller) -> Result<(ChannelRef, Arc<TeamRuntime>), Error> {
        let channel = caller.binding.channel.clone().ok_or_else(|| {
            Error::Denied("only a channel has a conversation log and a memory".into())
        })?;
        let team = self.team().ok_or_else(starting)?;
        Ok((channel, team))
    }
}

fn starting() -> Error {
    Error::Unavailable("the host is starting or stopping".into())
}

fn not_now() -> NodeError {
    failed("unavailable", "the host is starting or stopping", true)
}

/// The scope of a call a guest makes: on behalf of its tenant, in the trace and session of the call it is in.
fn inner_scope(caller: &Caller) -> CallScope {
    let mut scope = caller.scope.clone();
    scope.tenant = caller
        .binding
        .tenant
        .as_ref()
        .map(|tenant| tenant.tenant_id.clone());
    scope
}

impl Services for TeamServices {
    fn log_append(
        &self,
        caller: Caller,
        conversation: String,
        id: String,
        data: Vec<u8>,
    ) -> Answer<Result<u64, Error>> {
        let place = self.channel(&caller);
        Box::pin(async move {
            let (channel, team) = place?;
            team.backends
                .logs
                .append(&channel, &conversation, id, data)
                .await
        })
    }

    fn log_read(
        &self,
        caller: Caller,
        conversation: String,
        after: u64,
        limit: u32,
    ) -> Answer<Result<Page, Error>> {
        let place = self.channel(&caller);
        Box::pin(async move {
            let (channel, team) = place?;
            team.backends
                .logs
                .read(&channel, &conversation, after, limit)
                .await
        })
    }

    fn log_publish(
        &self,
        caller: Caller,
        conversation: String,
        data: Vec<u8>,
    ) -> Answer<Result<(), Error>> {
        let place = self.channel(&caller);
        Box::pin(async move {
            let (channel, team) = place?;
            team.backends.logs.publish(&channel, &conversation, data);
            Ok(())
        })
    }

    fn memory_get(&self, caller: Caller, name: String) -> Answer<Result<Option<Vec<u8>>, Error>> {
        let place = self.channel(&caller);
        Box::pin(async move {
            let (channel, team) = place?;
            channel_memory::get(&team.backends.store, &channel, &name).await
        })
    }

    fn memory_put(
        &self,
        caller: Caller,
        name: String,
        value: Vec<u8>,
        ttl_ms: Option<u64>,
    ) -> Answer<Result<(), Error>> {
        let place = self.channel(&caller);
        Box::pin(async move {
            let (channel, team) = place?;
            channel_memory::put(&team.backends.store, &channel, &name, value, ttl_ms).await
        })
    }

    fn memory_add(
        &self,
        caller: Caller,
        name: String,
        value: Vec<u8>,
        ttl_ms: Option<u64>,
    ) -> Answer<Result<bool, Error>> {
        let place = self.channel(&caller);
        Box::pin(async move {
            let (channel, team) = place?;
            channel_memory::add(&team.backends.store, &channel, &name, value, ttl_ms).await
        })
    }

    fn memory_delete(&self, caller: Caller, name: String) -> Answer<Result<(), Error>> {
        let place = self.channel(&caller);
        Box::pin(async move {
            let (channel, team) = place?;
            channel_memory::delete(&team.backends.store, &channel, &name).await
        })
    }

    fn node_invoke(
        &self,
        caller: Caller,
        component: String,
        operation: String,
        input: String,
        policy: CallPolicy,
    ) -> Answer<Result<String, NodeError>> {
        let team = self.team();
        Box::pin(async move {
            let team = team.ok_or_else(not_now)?;
            let Some(node) = team.nodes.get(&component) else {
                let mut names: Vec<_> = team.nodes.keys().map(String::as_str).collect();
                names.sort_unstable();
                return Err(failed(
                    "not-found",
                    &format!(
                        "there is no node `{component}`; there are: {}",
                        names.join(", ")
                    ),
                    false,
                ));
            };
            let scope = inner_scope(&caller);
            let span = scope
                .trace
                .map(|trace| spans::node_span(&trace, &caller.plugin, &operation, &component))
                .unwrap_or_else(tracing::Span::none);
            node.invoke(scope, &operation, &input, policy)
                .instrument(span)
                .await
        })
    }

    fn tool_call(
        &self,
        caller: Caller,
        server: String,
        tool: String,
        arguments: String,
        policy: CallPolicy,
    ) -> Answer<Result<ToolResult, NodeError>> {
        let team = self.team();
        Box::pin(async move {
            let team = team.ok_or_else(not_now)?;
            let scope = inner_scope(&caller);
            let granted = team.tools.server_of(&server, &tool).map(|server| {
                let grants = &team.tool_grants;
                grants.check(&caller.plugin, server)
            });
            if let Some(Err(reason)) = granted {
                return Err(failed("denied", &reason, false));
            }
            attempts(policy, || async {
                team.tools
                    .call(&server, &tool, scope.clone(), arguments.clone())
                    .await
                    .map_err(|error| tool_failed(&error))
            })
            .await
        })
    }

    fn carried(&self, caller: Caller, call: Carried) -> Answer<Result<Vec<Val>, String>> {
        let team = self.team();
        Box::pin(async move {
            let team = team.ok_or("the host is starting or stopping")?;
            let scope = inner_scope(&caller);
            team.carries.call(&caller.plugin, scope, call).await
        })
    }

    fn state_get(
        &self,
        caller: Caller,
        scope: Scope,
        key: String,
    ) -> Answer<Result<Option<String>, Error>> {
        let team = self.team();
        Box::pin(async move { state(&team)?.get(&caller, scope, &key).await })
    }

    fn state_set(
        &self,
        caller: Caller,
        scope: Scope,
        key: String,
        value: String,
        ttl_ms: Option<u64>,
    ) -> Answer<Result<(), Error>> {
        let team = self.team();
        Box::pin(async move { state(&team)?.set(&caller, scope, key, value, ttl_ms).await })
    }

    fn state_delete(&self, caller: Caller, scope: Scope, key: String) -> Answer<Result<(), Error>> {
        let team = self.team();
        Box::pin(async move { state(&team)?.delete(&caller, scope, key).await })
    }
}

fn state(team: &Option<Arc<TeamRuntime>>) -> Result<&greentic_state::State, Error> {
    let team = team.as_ref().ok_or_else(starting)?;
    team.backends.state.as_ref().ok_or_else(|| {
        Error::Denied("the bundle binds no store for state; add `use: { state: … }`".into())
    })
}

fn tool_failed(error: &ToolError) -> NodeError {
    match error {
        ToolError::Unknown(_) => failed("not-found", &error.to_string(), false),
        ToolError::Arguments { .. } => failed("invalid", &error.to_string(), false),
        ToolError::Result { .. } => failed("fault", &error.to_string(), false),
        ToolError::Tool {
            error: Error::Unavailable(_) | Error::Timeout | Error::RateLimited(_),
            ..
        } => failed("unavailable", &error.to_string(), true),
        ToolError::Tool {
            error: Error::Denied(_),
            ..
        } => failed("denied", &error.to_string(), false),
        ToolError::Tool {
            error: Error::NotFound,
            ..
        } => failed("not-found", &error.to_string(), false),
        ToolError::Tool { .. } => failed("failed", &error.to_string(), false),
        ToolError::Fault(fault) => of_fault(fault),
    }
}
