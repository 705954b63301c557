//! World `flow-provider`: implement [`Flow`] and export the type with `export_flow!`.
//!
//! [`nodes`], [`tools`] and [`state`] are what a turn may ask of the host.

use crate::model::Outbound;

pub use crate::bindings::flow::exports::greentic::flow::flow::{Descriptor, Guest as Flow};
pub use crate::bindings::imports::greentic::flow::types::{
    CallPolicy, FlowError, FlowInfo, NodeFailure, TurnInput, TurnOutput, Wait, Wake,
};

impl TurnOutput {
    /// Says something and waits for the next event with this snapshot.
    #[must_use]
    pub fn wait(outbound: Vec<Outbound>, snapshot: Vec<u8>) -> Self {
        Self {
            snapshot: Some(snapshot),
            outbound,
            wait: Some(Wait {
                ttl_ms: None,
                wake: Wake::Never,
            }),
            goto: None,
            path: Vec::new(),
        }
    }

    /// Says something and ends the conversation.
    #[must_use]
    pub fn end(outbound: Vec<Outbound>) -> Self {
        Self {
            snapshot: None,
            outbound,
            wait: None,
            goto: None,
            path: Vec::new(),
        }
    }
}

/// Calls to the node components the pack or the bundle offers.
pub mod nodes {
    pub use crate::bindings::imports::greentic::flow::nodes::NodeError;
    use crate::flow::CallPolicy;

    /// Input and output are JSON.
    ///
    /// # Errors
    /// What the node or the host says; `code` is stable.
    pub fn invoke(
        component: &str,
        operation: &str,
        input: &str,
        policy: CallPolicy,
    ) -> Result<String, NodeError> {
        #[cfg(target_arch = "wasm32")]
        {
            crate::bindings::imports::greentic::flow::nodes::invoke(
                component, operation, input, policy,
            )
        }
        #[cfg(not(target_arch = "wasm32"))]
        {
            crate::native::with(|host| host.invoke(component, operation, input, policy))
        }
    }
}

/// Calls to the tools the team was given.
pub mod tools {
    use super::nodes::NodeError;
    use crate::flow::CallPolicy;
    use crate::tool::ToolResult;

    /// `server` is the plugin's name in the bundle; empty finds the tool in any the team has. `arguments` is a JSON object.
    ///
    /// # Errors
    /// What the host says; `code` is stable.
    pub fn call(
        server: &str,
        tool: &str,
        arguments: &str,
        policy: CallPolicy,
    ) -> Result<ToolResult, NodeError> {
        #[cfg(target_arch = "wasm32")]
        {
            crate::bindings::imports::greentic::flow::tools::call(server, tool, arguments, policy)
        }
        #[cfg(not(target_arch = "wasm32"))]
        {
            crate::native::with(|host| host.call(server, tool, arguments, policy))
        }
    }
}

/// Values that outlive a conversation, as JSON.
pub mod state {
    pub use crate::bindings::imports::greentic::flow::state::Scope;
    use crate::model::Error;

    /// The value, or `None` when there is none.
    ///
    /// # Errors
    /// `unavailable` when the store cannot be asked.
    pub fn get(scope: Scope, key: &str) -> Result<Option<String>, Error> {
        #[cfg(target_arch = "wasm32")]
        {
            crate::bindings::imports::greentic::flow::state::get(scope, key)
        }
        #[cfg(not(target_arch = "wasm32"))]
        {
            crate::native::with(|host| host.state_get(scope, key))
        }
    }

    /// Sets the value, for so many milliseconds or for ever.
    ///
    /// # Errors
    /// `unavailable` when the store cannot be asked.
    pub fn set(scope: Scope, key: &str, value: &str, ttl_ms: Option<u64>) -> Result<(), Error> {
        #[cfg(target_arch = "wasm32")]
        {
            crate::bindings::imports::greentic::flow::state::set(scope, key, value, ttl_ms)
        }
        #[cfg(not(target_arch = "wasm32"))]
        {
            crate::native::with(|host| host.state_set(scope, key, value, ttl_ms))
        }
    }

    /// Takes the value away.
    ///
    /// # Errors
    /// `unavailable` when the store cannot be asked.
    pub fn delete(scope: Scope, key: &str) -> Result<(), Error> {
        #[cfg(target_arch = "wasm32")]
        {
            crate::bindings::imports::greentic::flow::state::delete(scope, key)
        }
        #[cfg(not(target_arch = "wasm32"))]
        {
            crate::native::with(|host| host.state_delete(scope, key))
        }
    }
}
