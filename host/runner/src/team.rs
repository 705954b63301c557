//! What one team of one tenant can use inside a turn: its flows, nodes, tools and state.

use std::collections::HashMap;
use std::sync::Arc;

use greentic_mcp::Catalogue;

use crate::backends::Backends;
use crate::node::NodeClient;
use crate::router::FlowRuntime;

/// A team's means.
pub struct TeamRuntime {
    /// Flows by name (`pack/flow` or plugin).
    pub flows: HashMap<String, Arc<FlowRuntime>>,
    /// Nodes by name: components of its packs and plugins of the bundle.
    pub nodes: HashMap<String, Arc<NodeClient>>,
    /// Tools it was given.
    pub tools: Catalogue,
    /// Where its data lies.
    pub backends: Arc<Backends>,
}
