//! What the host does for a guest beyond the sandbox: conversation logs, nodes, tools, state. The crates above implement it;
//! the sandbox adds who is calling, which no guest can say.

use std::pin::Pin;
use std::sync::Arc;

use greentic_interfaces::imports::greentic::channel::log::Page;
use greentic_interfaces::imports::greentic::flow::nodes::NodeError;
use greentic_interfaces::imports::greentic::flow::state::Scope;
use greentic_interfaces::imports::greentic::flow::types::CallPolicy;
use greentic_interfaces::imports::greentic::mcp::types::ToolResult;
use greentic_interfaces::model::Error;

use wasmtime::component::Val;

use crate::carry::Carried;
use crate::scope::{Binding, CallScope};

/// A future of a service.
pub type Answer<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Who is calling: the plugin, what its instance is bound to, and what the current call belongs to.
#[derive(Clone)]
pub struct Caller {
    /// The plugin's name in the bundle.
    pub plugin: Arc<str>,
    /// What the instance is bound to.
    pub binding: Arc<Binding>,
    /// What the call belongs to.
    pub scope: CallScope,
}

impl std::fmt::Debug for dyn Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Services")
    }
}

/// Services behind the imports that hold authority. Each method is one function of the contract in `wit/`.
pub trait Services: Send + Sync + 'static {
    /// `greentic:channel/log.append`
    fn log_append(
        &self,
        caller: Caller,
        conversation: String,
        id: String,
        data: Vec<u8>,
    ) -> Answer<Result<u64, Error>>;
    /// `greentic:channel/log.read`
    fn log_read(
        &self,
        caller: Caller,
        conversation: String,
        after: u64,
        limit: u32,
    ) -> Answer<Result<Page, Error>>;
    /// `greentic:channel/log.publish`
    fn log_publish(
        &self,
        caller: Caller,
        conversation: String,
        data: Vec<u8>,
    ) -> Answer<Result<(), Error>>;
    /// `greentic:channel/memory.get`
    fn memory_get(&self, caller: Caller, name: String) -> Answer<Result<Option<Vec<u8>>, Error>>;
    /// `greentic:channel/memory.put`
    fn memory_put(
        &self,
        caller: Caller,
        name: String,
        value: Vec<u8>,
        ttl_ms: Option<u64>,
    ) -> Answer<Result<(), Error>>;
    /// `greentic:channel/memory.add`
    fn memory_add(
        &self,
        caller: Caller,
        name: String,
        value: Vec<u8>,
        ttl_ms: Option<u64>,
    ) -> Answer<Result<bool, Error>>;
    /// `greentic:channel/memory.delete`
    fn memory_delete(&self, caller: Caller, name: String) -> Answer<Result<(), Error>>;
    /// `greentic:flow/nodes.invoke`
    fn node_invoke(
        &self,
        caller: Caller,
        component: String,
        operation: String,
        input: String,
        policy: CallPolicy,
    ) -> Answer<Result<String, NodeError>>;
    /// `greentic:flow/tools.call`
    fn tool_call(
        &self,
        caller: Caller,
        server: String,
        tool: String,
        arguments: String,
        policy: CallPolicy,
    ) -> Answer<Result<ToolResult, NodeError>>;
    /// `greentic:flow/state.get`
    fn state_get(
        &self,
        caller: Caller,
        scope: Scope,
        key: String,
    ) -> Answer<Result<Option<String>, Error>>;
    /// `greentic:flow/state.set`
    fn state_set(
        &self,
        caller: Caller,
        scope: Scope,
        key: String,
        value: String,
        ttl_ms: Option<u64>,
    ) -> Answer<Result<(), Error>>;
    /// A call of a component's own interface, carried to the component that exports it. The error's text is for the operator.
    fn carried(&self, caller: Caller, call: Carried) -> Answer<Result<Vec<Val>, String>> {
        let text = format!(
            "`{}` calls `{}` of `{}`, and nobody carries that here",
            caller.plugin, call.function, call.import
        );
        Box::pin(std::future::ready(Err(text)))
    }
    /// `greentic:flow/state.delete`
    fn state_delete(&self, caller: Caller, scope: Scope, key: String) -> Answer<Result<(), Error>>;
}
