//! The worlds of the contract as the host calls them: for each, what it exports and one method for each function.

use greentic_interfaces::imports::greentic::channel::types as channel_types;
use greentic_interfaces::imports::greentic::flow::types as flow_types;
use greentic_interfaces::imports::greentic::mcp::types as mcp_types;
use greentic_interfaces::model::Error;
use greentic_interfaces::{
    bus, channel, flow, lifecycle, mcp, minimal, node, secrets, session, sockets,
};
use wasmtime::Store;
use wasmtime::component::{Instance, TypedFunc};

use crate::cell::Exports;
use crate::client::Client;
use crate::ctx::Ctx;
use crate::fault::Fault;
use crate::scope::CallScope;

/// Types of `greentic:bus/bus`.
pub use bus::exports::greentic::bus::bus as bus_types;
/// Types of `greentic:flow/flow`.
pub use flow::exports::greentic::flow::flow as flow_export_types;
/// Types of `greentic:mcp/tools`.
pub use mcp::exports::greentic::mcp::tools as tool_types;
/// Types of the smallest `greentic:component/component`.
pub use minimal::exports::greentic::component::component as minimal_types;
/// Types of `greentic:component/node`.
pub use node::exports::greentic::component::node as node_types;
/// Types of `greentic:secrets/provider`.
pub use secrets::exports::greentic::secrets::provider as secret_types;
/// Types of `greentic:session/store`.
pub use session::exports::greentic::session::store as store_types;
/// Types of `greentic:channel/sockets`.
pub use sockets::exports::greentic::channel::sockets as socket_types;

/// Makes an [`Exports`] of one exported interface.
macro_rules! world {
    ($(#[$doc:meta])* $name:ident, $world:literal, $bound:path) => {
        $(#[$doc])*
        pub struct $name($bound);

        impl Exports for $name {
            const WORLD: &'static str = $world;

            fn bind(store: &mut Store<Ctx>, instance: &Instance) -> wasmtime::Result<Self> {
                Ok(Self(<$bound>::new(store, instance)?))
            }
        }
    };
}

/// Makes a method of a [`Client`] for each function: its name, parameters and result as in `wit/`.
macro_rules! functions {
    ($world:ident, |$exports:ident| $guest:expr; $( $(#[$doc:meta])* $name:ident = $func:ident ( $($arg:ident : $ty:ty),* ) -> $result:ty; )*) => {
        impl Client<$world> {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// The outer error is a fault of the plugin: there was no answer.
                // As many parameters as the contract's function has.
                #[allow(clippy::too_many_arguments)]
                pub async fn $name(&self, scope: CallScope $(, $arg: $ty)*) -> Result<$result, Fault> {
                    let (result,) = self
                        .call(scope, stringify!($name), |$exports: &$world| $guest.map(|guest| guest.$func()), ($($arg,)*))
                        .await?;
                    Ok(result)
                }
            )*
        }
    };
}

/// A channel: its main interface and the optional ones it exports.
pub struct ChannelWorld {
    channel: channel::Channel,
    sockets: Option<sockets::Sockets>,
    lifecycle: Option<lifecycle::Lifecycle>,
}

impl Exports for ChannelWorld {
    const WORLD: &'static str = "channel-provider";

    fn bind(store: &mut Store<Ctx>, instance: &Instance) -> wasmtime::Result<Self> {
        Ok(Self {
            channel: channel::Channel::new(&mut *store, instance)?,
            sockets: sockets::Sockets::new(&mut *store, instance).ok(),
            lifecycle: lifecycle::Lifecycle::new(&mut *store, instance).ok(),
        })
    }
}

functions!(ChannelWorld, |exports| Some(exports.channel.greentic_channel_channel());
    /// `describe`
    describe = func_describe() -> channel_types::Descriptor;
    /// `ingress`
    ingress = func_ingress(request: channel_types::Request) -> Result<channel_types::IngressOutcome, channel_types::IngressError>;
    /// `deliver`
    deliver = func_deliver(delivery: channel_types::Delivery) -> Result<channel_types::Receipt, channel_types::DeliveryError>;
);

functions!(ChannelWorld, |exports| exports.sockets.as_ref().map(|sockets| sockets.greentic_channel_sockets());
    /// `sockets.open`
    open_socket = func_open(request: channel_types::Request) -> Result<socket_types::Accepted, channel_types::Response>;
    /// `sockets.push`
    push = func_push(state: Vec<u8>, entries: Vec<channel_types::LogEntry>, transient: Vec<Vec<u8>>) -> Vec<socket_types::Frame>;
    /// `sockets.receive`
    receive = func_receive(state: Vec<u8>, frame: socket_types::Frame) -> socket_types::Received;
);

functions!(ChannelWorld, |exports| exports.lifecycle.as_ref().map(|lifecycle| lifecycle.greentic_channel_lifecycle());
    /// `lifecycle.setup`
    setup = func_setup(url: String) -> Result<Vec<String>, Error>;
    /// `lifecycle.teardown`
    teardown = func_teardown() -> Result<(), Error>;
);

world!(
    /// A session store.
    StoreWorld,
    "session-store",
    session::Session
);

functions!(StoreWorld, |exports| Some(exports.0.greentic_session_store());
    /// `describe`
    describe = func_describe() -> store_types::Descriptor;
    /// `get`
    get = func_get(partition: String, names: Vec<String>) -> Result<Vec<Option<store_types::Entry>>, Error>;
    /// `put`
    put = func_put(partition: String, name: String, value: Vec<u8>, expect: store_types::Expect, ttl_ms: Option<u64>) -> Result<u64, Error>;
    /// `delete`
    delete = func_delete(partition: String, name: String, expect: store_types::Expect) -> Result<(), Error>;
    /// `touch`
    touch = func_touch(partition: String, name: String, ttl_ms: u64) -> Result<(), Error>;
    /// `list`
    list = func_list(prefix: String, cursor: Option<String>, limit: u32) -> Result<store_types::KeyPage, Error>;
    /// `append`
    append = func_append(partition: String, name: String, id: String, value: Vec<u8>, max_len: u32, ttl_ms: u64) -> Result<u64, Error>;
    /// `range`
    range = func_range(partition: String, name: String, after: u64, limit: u32) -> Result<store_types::LogPage, Error>;
    /// `claim`
    claim = func_claim(partition: String, owner: String, ttl_ms: u64, read: Vec<String>) -> Result<store_types::Lease, store_types::ClaimError>;
    /// `renew`
    renew = func_renew(partition: String, fence: u64, ttl_ms: u64) -> Result<(), Error>;
    /// `release`
    release = func_release(partition: String, fence: u64) -> Result<(), Error>;
    /// `commit`
    commit = func_commit(partition: String, fence: Option<u64>, writes: Vec<store_types::Write>, release: bool) -> Result<Vec<u64>, Error>;
);

world!(
    /// A message bus.
    BusWorld,
    "message-bus",
    bus::Bus
);

functions!(BusWorld, |exports| Some(exports.0.greentic_bus_bus());
    /// `describe`
    describe = func_describe() -> bus_types::Descriptor;
    /// `publish`
    publish = func_publish(messages: Vec<bus_types::Message>) -> Vec<Result<bus_types::Ack, Error>>;
    /// `open`
    open_consumer = func_open(consumer: bus_types::Consumer) -> Result<(), Error>;
    /// `close`
    close_consumer = func_close(name: String) -> Result<(), Error>;
    /// `pull`
    pull = func_pull(consumer: String, max: u32, wait_ms: u32) -> Result<bus_types::Batch, Error>;
    /// `settle`
    settle = func_settle(consumer: String, settlements: Vec<bus_types::Settlement>) -> Result<u32, Error>;
    /// `extend`
    extend = func_extend(consumer: String, tags: Vec<u64>) -> Result<(), Error>;
    /// `depth`
    depth = func_depth(consumer: String) -> Result<bus_types::QueueDepth, Error>;
);

world!(
    /// A secrets backend.
    SecretsWorld,
    "secrets-provider",
    secrets::Secrets
);

functions!(SecretsWorld, |exports| Some(exports.0.greentic_secrets_provider());
    /// `describe`
    describe = func_describe() -> secret_types::Descriptor;
    /// `fetch`
    fetch = func_fetch(name: String) -> Result<secret_types::SecretBytes, Error>;
);

world!(
    /// MCP tools.
    ToolWorld,
    "mcp-tool",
    mcp::Mcp
);

functions!(ToolWorld, |exports| Some(exports.0.greentic_mcp_tools());
    /// `describe`
    describe = func_describe() -> tool_types::Descriptor;
    /// `list-tools`
    list_tools = func_list_tools() -> Vec<mcp_types::Tool>;
    /// `call-tool`
    call_tool = func_call_tool(name: String, arguments: String) -> Result<mcp_types::ToolResult, Error>;
);

world!(
    /// A flow.
    FlowWorld,
    "flow-provider",
    flow::Flow
);

functions!(FlowWorld, |exports| Some(exports.0.greentic_flow_flow());
    /// `describe`
    describe = func_describe() -> flow_export_types::Descriptor;
    /// `load`
    load = func_load(name: String, definition: Vec<u8>) -> Result<flow_types::FlowInfo, flow_types::FlowError>;
    /// `turn`
    turn = func_turn(input: flow_types::TurnInput) -> Result<flow_types::TurnOutput, flow_types::FlowError>;
);

impl crate::cell::Cell<FlowWorld> {
    /// Makes a definition ready on this instance.
    ///
    /// # Errors
    /// The kind of fault, or the flow's own refusal as a trap's text.
    pub async fn load(
        &mut self,
        name: String,
        definition: Vec<u8>,
    ) -> Result<Result<flow_types::FlowInfo, flow_types::FlowError>, crate::fault::FaultKind> {
        let (result,) = self
            .call(
                CallScope::default(),
                |exports: &FlowWorld| Some(exports.0.greentic_flow_flow().func_load()),
                (name, definition),
            )
            .await?;
        Ok(result)
    }
}

world!(
    /// A node.
    NodeWorld,
    "node",
    node::Node
);

functions!(NodeWorld, |exports| Some(exports.0.greentic_component_node());
    /// `describe`
    describe = func_describe() -> node_types::Descriptor;
    /// `invoke`
    invoke = func_invoke(operation: String, input: node_types::Value) -> Result<node_types::Value, node_types::NodeError>;
);

/// The smallest component of the ecosystem: `execute`, in the unversioned interface or by itself.
pub struct MinimalWorld(TypedFunc<(minimal_types::Message,), (minimal_types::Outcome,)>);

impl Exports for MinimalWorld {
    const WORLD: &'static str = "component";

    fn bind(store: &mut Store<Ctx>, instance: &Instance) -> wasmtime::Result<Self> {
        let interface =
            instance.get_export_index(&mut *store, None, "greentic:component/component");
        let execute = instance
            .get_export_index(&mut *store, interface.as_ref(), "execute")
            .ok_or_else(|| wasmtime::Error::msg("there is no function `execute`"))?;
        Ok(Self(instance.get_typed_func(&mut *store, execute)?))
    }
}

impl Client<MinimalWorld> {
    /// `execute`
    ///
    /// # Errors
    /// A fault of the plugin: there was no answer.
    pub async fn execute(
        &self,
        scope: CallScope,
        message: minimal_types::Message,
    ) -> Result<minimal_types::Outcome, Fault> {
        let (outcome,) = self
            .call(
                scope,
                "execute",
                |exports: &MinimalWorld| Some(exports.0),
                (message,),
            )
            .await?;
        Ok(outcome)
    }
}
