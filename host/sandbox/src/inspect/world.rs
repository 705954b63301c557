//! Which worlds of the contract a component implements.

use super::{InterfaceName, Shape};
use std::fmt;

/// A world of the contract, by what it exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum World {
    /// `greentic:channel/channel`
    ChannelProvider,
    /// `greentic:session/store`
    SessionStore,
    /// `greentic:bus/bus`
    MessageBus,
    /// `greentic:secrets/provider`
    SecretsProvider,
    /// `greentic:mcp/tools`
    McpTool,
    /// `greentic:flow/flow`
    Flow,
    /// `greentic:component/node`
    Node,
    /// The ecosystem's smallest component: unversioned `greentic:component/component` with `execute`, or `execute` by itself.
    MinimalNode,
}

impl World {
    /// Every world, in the order of the contract.
    pub const ALL: [Self; 8] = [
        Self::ChannelProvider,
        Self::SessionStore,
        Self::MessageBus,
        Self::SecretsProvider,
        Self::McpTool,
        Self::Flow,
        Self::Node,
        Self::MinimalNode,
    ];

    /// The interface whose export makes a component one of this world, in the version this host speaks.
    #[must_use]
    pub fn interface(self) -> InterfaceName {
        let (package, interface, version) = match self {
            Self::ChannelProvider => ("channel", "channel", true),
            Self::SessionStore => ("session", "store", true),
            Self::MessageBus => ("bus", "bus", true),
            Self::SecretsProvider => ("secrets", "provider", true),
            Self::McpTool => ("mcp", "tools", true),
            Self::Flow => ("flow", "flow", true),
            Self::Node => ("component", "node", true),
            Self::MinimalNode => ("component", "component", false),
        };
        InterfaceName {
            namespace: "greentic".into(),
            package: package.into(),
            interface: interface.into(),
            version: version.then(|| semver::Version::new(0, 1, 0)),
        }
    }

    /// The world's name, as in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ChannelProvider => "channel-provider",
            Self::SessionStore => "session-store",
            Self::MessageBus => "message-bus",
            Self::SecretsProvider => "secrets-provider",
            Self::McpTool => "mcp-tool",
            Self::Flow => "flow",
            Self::Node => "node",
            Self::MinimalNode => "component",
        }
    }
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

pub(super) fn implemented(shape: &Shape) -> Vec<World> {
    World::ALL
        .into_iter()
        .filter(|world| {
            let wanted = world.interface();
            let mut exported = shape
                .exports
                .iter()
                .filter(|export| export.name.compatible(&wanted));
            match world {
                World::MinimalNode => {
                    exported.any(|export| export.has("execute"))
                        || shape.root_exports.iter().any(|f| f.name == "execute")
                }
                _ => exported.next().is_some(),
            }
        })
        .collect()
}

pub(super) fn unserved(shape: &Shape) -> Vec<(World, &InterfaceName)> {
    World::ALL
        .into_iter()
        .flat_map(|world| {
            let wanted = world.interface();
            shape
                .exports
                .iter()
                .filter(move |export| {
                    export.name.same_interface(&wanted) && !export.name.compatible(&wanted)
                })
                .map(move |export| (world, &export.name))
        })
        .collect()
}
