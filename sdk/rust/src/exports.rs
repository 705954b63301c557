//! The macros by which a plugin says which of its types is the component.
//!
//! They expand to nothing outside wasm, where there is nobody to export to.

/// Makes one export macro over the macro wit-bindgen generated for that world.
macro_rules! export_macro {
    ($(#[$doc:meta])* $name:ident, $module:ident, $dollar:tt) => {
        $(#[$doc])*
        #[macro_export]
        macro_rules! $name {
            ($dollar type:ident) => {
                #[cfg(target_arch = "wasm32")]
                #[allow(unsafe_code, missing_docs, clippy::all, clippy::pedantic, clippy::restriction)]
                const _: () = {
                    $dollar crate::bindings::$module::export!($dollar type with_types_in $dollar crate::bindings::$module);
                };
            };
        }
    };
}

export_macro!(
    /// Exports a type that implements [`channel::Channel`](crate::channel::Channel).
    export_channel, channel, $
);
export_macro!(
    /// Exports a type that implements [`channel::Sockets`](crate::channel::Sockets), beside `export_channel!`.
    export_sockets, sockets, $
);
export_macro!(
    /// Exports a type that implements [`channel::Lifecycle`](crate::channel::Lifecycle), beside `export_channel!`.
    export_lifecycle, lifecycle, $
);
export_macro!(
    /// Exports a type that implements [`session::Store`](crate::session::Store).
    export_store, session, $
);
export_macro!(
    /// Exports a type that implements [`bus::Bus`](crate::bus::Bus).
    export_bus, bus, $
);
export_macro!(
    /// Exports a type that implements [`secrets::Provider`](crate::secrets::Provider).
    export_secrets, secrets, $
);
export_macro!(
    /// Exports a type that implements [`tool::Tools`](crate::tool::Tools).
    export_tools, tool, $
);
export_macro!(
    /// Exports a type that implements [`flow::Flow`](crate::flow::Flow).
    export_flow, flow, $
);
export_macro!(
    /// Exports a type that implements [`node::Node`](crate::node::Node).
    export_node, node, $
);
export_macro!(
    /// Exports a type that implements [`component::Component`](crate::component::Component).
    export_component, minimal, $
);
