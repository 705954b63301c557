//! What wit-bindgen makes of `wit/` for plugins that wait: every `async func` is lifted and lowered as one.

#![allow(
    missing_docs,
    unsafe_code,
    clippy::all,
    clippy::pedantic,
    clippy::restriction
)]

/// Connections and clocks.
#[cfg(target_arch = "wasm32")]
pub mod net {
    greentic_sdk::wit_bindgen::generate!({
        inline: "
            package greentic:sdk-network;
            world net {
                import wasi:sockets/types@0.3.0;
                import wasi:sockets/ip-name-lookup@0.3.0;
                import wasi:clocks/monotonic-clock@0.3.0;
            }
        ",
        path: ["../../wit/clocks", "../../wit/sockets"],
        runtime_path: "greentic_sdk::wit_bindgen::rt",
        generate_all,
    });
}

/// World `session-store`.
pub mod session {
    greentic_sdk::wit_bindgen::generate!({
        inline: "package greentic:sdk-network; world session { export greentic:session/store@0.1.0; }",
        path: ["../../wit/types", "../../wit/config", "../../wit/logging", "../../wit/secrets", "../../wit/session"],
        with: { "greentic:types/types@0.1.0": greentic_sdk::bindings::model::greentic::types::types },
        additional_derives: [PartialEq],
        pub_export_macro: true,
        runtime_path: "greentic_sdk::wit_bindgen::rt",
        bitflags_path: "greentic_sdk::wit_bindgen::bitflags",
        generate_unused_types: true,
        generate_all,
    });
}

/// World `message-bus`.
pub mod bus {
    greentic_sdk::wit_bindgen::generate!({
        inline: "package greentic:sdk-network; world bus { export greentic:bus/bus@0.1.0; }",
        path: ["../../wit/types", "../../wit/config", "../../wit/logging", "../../wit/secrets", "../../wit/bus"],
        with: { "greentic:types/types@0.1.0": greentic_sdk::bindings::model::greentic::types::types },
        additional_derives: [PartialEq],
        pub_export_macro: true,
        runtime_path: "greentic_sdk::wit_bindgen::rt",
        bitflags_path: "greentic_sdk::wit_bindgen::bitflags",
        generate_unused_types: true,
        generate_all,
    });
}
