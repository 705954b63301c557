//! Host bindings generated from `wit/`.
//!
//! The contract is the one thing plugins and host share, and these modules are made from it at compile time: what is documented
//! there is not repeated here. `imports` holds what the host offers to components together with every shared type; one module
//! for each exported interface holds what the host calls. Exported interfaces are bound one by one, because a component may
//! export the optional ones or not.

#![allow(missing_docs, clippy::all, clippy::pedantic, clippy::restriction)]

/// The event and message model. Serialisable, because it travels over the bus.
pub mod model {
    wasmtime::component::bindgen!({
        inline: "package greentic:host; world model { import greentic:types/types@0.1.0; }",
        path: ["../../wit/types"],
        additional_derives: [serde::Serialize, serde::Deserialize, PartialEq],
    });
    pub use greentic::types::types::*;
}

/// What the host offers, and the types the interfaces share beside the model.
pub mod imports {
    wasmtime::component::bindgen!({
        inline: "
            package greentic:host;
            world imports {
                import greentic:channel/types@0.1.0;
                import greentic:channel/log@0.1.0;
                import greentic:channel/memory@0.1.0;
                import greentic:secrets/secret-store@0.1.0;
                import greentic:mcp/types@0.1.0;
                import greentic:flow/types@0.1.0;
                import greentic:flow/nodes@0.1.0;
                import greentic:flow/tools@0.1.0;
                import greentic:flow/state@0.1.0;
                import wasi:config/store@0.2.0-rc.1;
                import wasi:logging/logging@0.1.0-draft;
            }
        ",
        path: ["../../wit/types", "../../wit/config", "../../wit/logging", "../../wit/secrets", "../../wit/channel", "../../wit/mcp", "../../wit/flow"],
        with: { "greentic:types/types": crate::model::greentic::types::types, "greentic:secrets/secret-store.secret": crate::SecretHandle },
    });
}

/// What a guest can do with a `secret` it holds. The sandbox implements it; this crate knows no secrets.
pub trait SecretUse: Send + Sync {
    /// HMAC-SHA256 of `data` under the secret; empty when the secret has no value any more.
    fn hmac_sha256(&self, data: &[u8]) -> Vec<u8>;
    /// Whether `tag` is that HMAC, in constant time.
    fn verify_hmac(&self, data: &[u8], tag: &[u8]) -> bool;
    /// Whether `candidate` is the secret, in constant time.
    fn equals(&self, candidate: &[u8]) -> bool;
    /// The text the host replaces in outgoing requests.
    fn placeholder(&self) -> String;
    /// The bytes, where the bundle grants seeing them.
    fn reveal(&self) -> Option<Vec<u8>>;
    /// Changes when the value does.
    fn version(&self) -> String;
}

/// What stands behind a guest's `secret` resource.
pub struct SecretHandle(pub std::sync::Arc<dyn SecretUse>);

/// Binds one exported interface in a world of its own.
macro_rules! exported {
    ($(#[$doc:meta])* $module:ident, $world:literal, $path:tt, { $($with:tt)* }) => {
        $(#[$doc])*
        pub mod $module {
            wasmtime::component::bindgen!({
                inline: $world,
                path: $path,
                with: { $($with)* },
            });
        }
    };
}

exported!(channel, "package greentic:host; world channel { export greentic:channel/channel@0.1.0; }",
    ["../../wit/types", "../../wit/config", "../../wit/logging", "../../wit/secrets", "../../wit/channel"],
    { "greentic:types/types": crate::model::greentic::types::types, "greentic:channel/types": crate::imports::greentic::channel::types });
exported!(sockets, "package greentic:host; world sockets { export greentic:channel/sockets@0.1.0; }",
    ["../../wit/types", "../../wit/config", "../../wit/logging", "../../wit/secrets", "../../wit/channel"],
    { "greentic:types/types": crate::model::greentic::types::types, "greentic:channel/types": crate::imports::greentic::channel::types });
exported!(lifecycle, "package greentic:host; world lifecycle { export greentic:channel/lifecycle@0.1.0; }",
    ["../../wit/types", "../../wit/config", "../../wit/logging", "../../wit/secrets", "../../wit/channel"],
    { "greentic:types/types": crate::model::greentic::types::types });
exported!(session, "package greentic:host; world session { export greentic:session/store@0.1.0; }",
    ["../../wit/types", "../../wit/config", "../../wit/logging", "../../wit/secrets", "../../wit/session"],
    { "greentic:types/types": crate::model::greentic::types::types });
exported!(bus, "package greentic:host; world bus { export greentic:bus/bus@0.1.0; }",
    ["../../wit/types", "../../wit/config", "../../wit/logging", "../../wit/secrets", "../../wit/bus"],
    { "greentic:types/types": crate::model::greentic::types::types });
exported!(secrets, "package greentic:host; world secrets { export greentic:secrets/provider@0.1.0; }",
    ["../../wit/types", "../../wit/config", "../../wit/logging", "../../wit/secrets"],
    { "greentic:types/types": crate::model::greentic::types::types });
exported!(mcp, "package greentic:host; world mcp { export greentic:mcp/tools@0.1.0; }",
    ["../../wit/types", "../../wit/config", "../../wit/logging", "../../wit/secrets", "../../wit/mcp"],
    { "greentic:types/types": crate::model::greentic::types::types, "greentic:mcp/types": crate::imports::greentic::mcp::types });
exported!(flow, "package greentic:host; world flow { export greentic:flow/flow@0.1.0; }",
    ["../../wit/types", "../../wit/config", "../../wit/logging", "../../wit/secrets", "../../wit/mcp", "../../wit/flow"],
    { "greentic:types/types": crate::model::greentic::types::types, "greentic:flow/types": crate::imports::greentic::flow::types });
exported!(node, "package greentic:host; world node { export greentic:component/node@0.1.0; }",
    ["../../wit/types", "../../wit/config", "../../wit/logging", "../../wit/secrets", "../../wit/component"],
    { "greentic:types/types": crate::model::greentic::types::types });
exported!(
    minimal,
    "package greentic:host; world minimal { export greentic:component/component; }",
    ["../../wit/component-minimal"],
    {}
);
