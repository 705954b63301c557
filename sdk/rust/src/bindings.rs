//! What wit-bindgen makes of `wit/`, once for every plugin.
//!
//! Each exported interface has a world of its own here, because a component may export the optional ones or not and because
//! wit-component joins the worlds a plugin uses. Every `async func` is lifted and lowered synchronously: a plugin that never
//! waits is called without a fiber. The shared types are bound once, in `model`, and every other world refers to them.

#![allow(
    missing_docs,
    unsafe_code,
    clippy::all,
    clippy::pedantic,
    clippy::restriction
)]

/// The shared types.
pub mod model {
    wit_bindgen::generate!({
        inline: "package greentic:sdk; world model { import greentic:types/types@0.1.0; }",
        path: ["../../wit/types"],
        additional_derives: [PartialEq, serde::Serialize, serde::Deserialize],
        generate_unused_types: true,
        generate_all,
        async: false,
    });
}

/// What the host offers to components, and the types that interfaces share beside the model.
pub mod imports {
    wit_bindgen::generate!({
        inline: "
            package greentic:sdk;
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
        with: { "greentic:types/types@0.1.0": crate::bindings::model::greentic::types::types },
        additional_derives: [PartialEq],
        generate_unused_types: true,
        generate_all,
        async: false,
    });
}

/// Binds one exported interface in a world of its own, with an `export!` macro that other crates can use.
macro_rules! exported {
    ($(#[$doc:meta])* $module:ident, $world:literal, $path:tt, { $($with:tt)* }) => {
        $(#[$doc])*
        pub mod $module {
            wit_bindgen::generate!({
                inline: $world,
                path: $path,
                with: { $($with)* },
                additional_derives: [PartialEq],
                pub_export_macro: true,
                runtime_path: "greentic_sdk::wit_bindgen::rt",
                bitflags_path: "greentic_sdk::wit_bindgen::bitflags",
                generate_unused_types: true,
                generate_all,
                async: false,
            });
        }
    };
}

exported!(channel, "package greentic:sdk; world channel { export greentic:channel/channel@0.1.0; }",
    ["../../wit/types", "../../wit/config", "../../wit/logging", "../../wit/secrets", "../../wit/channel"],
    { "greentic:types/types@0.1.0": crate::bindings::model::greentic::types::types,
      "greentic:channel/types@0.1.0": crate::bindings::imports::greentic::channel::types });
exported!(sockets, "package greentic:sdk; world sockets { export greentic:channel/sockets@0.1.0; }",
    ["../../wit/types", "../../wit/config", "../../wit/logging", "../../wit/secrets", "../../wit/channel"],
    { "greentic:types/types@0.1.0": crate::bindings::model::greentic::types::types,
      "greentic:channel/types@0.1.0": crate::bindings::imports::greentic::channel::types });
exported!(lifecycle, "package greentic:sdk; world lifecycle { export greentic:channel/lifecycle@0.1.0; }",
    ["../../wit/types", "../../wit/config", "../../wit/logging", "../../wit/secrets", "../../wit/channel"],
    { "greentic:types/types@0.1.0": crate::bindings::model::greentic::types::types });
exported!(session, "package greentic:sdk; world session { export greentic:session/store@0.1.0; }",
    ["../../wit/types", "../../wit/config", "../../wit/logging", "../../wit/secrets", "../../wit/session"],
    { "greentic:types/types@0.1.0": crate::bindings::model::greentic::types::types });
exported!(bus, "package greentic:sdk; world bus { export greentic:bus/bus@0.1.0; }",
    ["../../wit/types", "../../wit/config", "../../wit/logging", "../../wit/secrets", "../../wit/bus"],
    { "greentic:types/types@0.1.0": crate::bindings::model::greentic::types::types });
exported!(secrets, "package greentic:sdk; world secrets { export greentic:secrets/provider@0.1.0; }",
    ["../../wit/types", "../../wit/config", "../../wit/logging", "../../wit/secrets"],
    { "greentic:types/types@0.1.0": crate::bindings::model::greentic::types::types });
exported!(tool, "package greentic:sdk; world tool { export greentic:mcp/tools@0.1.0; }",
    ["../../wit/types", "../../wit/config", "../../wit/logging", "../../wit/secrets", "../../wit/mcp"],
    { "greentic:types/types@0.1.0": crate::bindings::model::greentic::types::types,
      "greentic:mcp/types@0.1.0": crate::bindings::imports::greentic::mcp::types });
exported!(flow, "package greentic:sdk; world flow { export greentic:flow/flow@0.1.0; }",
    ["../../wit/types", "../../wit/config", "../../wit/logging", "../../wit/secrets", "../../wit/mcp", "../../wit/flow"],
    { "greentic:types/types@0.1.0": crate::bindings::model::greentic::types::types,
      "greentic:flow/types@0.1.0": crate::bindings::imports::greentic::flow::types });
exported!(node, "package greentic:sdk; world node { export greentic:component/node@0.1.0; }",
    ["../../wit/types", "../../wit/config", "../../wit/logging", "../../wit/secrets", "../../wit/component"],
    { "greentic:types/types@0.1.0": crate::bindings::model::greentic::types::types });
exported!(
    minimal,
    "package greentic:sdk; world minimal { export greentic:component/component; }",
    ["../../wit/component-minimal"],
    {}
);
/// The smallest component as something a plugin calls, for flows that are joined with one.
pub mod minimal_import {
    wit_bindgen::generate!({
        inline: "package greentic:sdk; world minimal-import { import greentic:component/component; }",
        path: ["../../wit/component-minimal"],
        additional_derives: [PartialEq],
        generate_all,
        async: false,
    });
}
