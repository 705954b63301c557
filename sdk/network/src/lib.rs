//! What a plugin builds on that waits for a network: connections, clocks, background tasks, and the worlds `session-store` and
//! `message-bus` with functions that are `async`.
//!
//! The host keeps many calls of such a plugin in flight in one instance, and they all run on one thread. What a call starts with
//! [`spawn`] goes on after the call was answered, for as long as the instance lives: that is how a connection outlives the call
//! that opened it. The instance ends without notice.
//!
//! It stands apart from `greentic-sdk` because wit-bindgen lifts a world in one way for each crate, and there these worlds are
//! lifted synchronously, for plugins that never wait.
//!
//! Outside the sandbox the same code runs on tokio, inside a `LocalSet`: tests talk to real servers without a host, and a
//! measurement compares the component with itself.

pub mod access;
pub mod address;
pub mod asked;
pub mod backoff;
#[doc(hidden)]
pub mod bindings;
pub mod bus;
pub mod convert;
pub mod kept;
pub mod link;
pub mod session;
pub mod signal;
pub mod tcp;
pub mod timer;
pub mod tls;

/// Runs a future beside the calls, until it ends. It starts with the next turn of the caller's task.
pub fn spawn(task: impl Future<Output = ()> + 'static) {
    #[cfg(target_arch = "wasm32")]
    greentic_sdk::wit_bindgen::spawn_local(task);
    // Nobody waits for it: it ends by itself or with the set it runs in.
    #[cfg(not(target_arch = "wasm32"))]
    drop(tokio::task::spawn_local(task));
}

/// A number nobody can foretell well enough to make many do the same at once: for jitter and names, not for keys.
#[must_use]
pub fn random() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0_u8)
}

/// Exports a type that implements [`session::Store`].
#[macro_export]
macro_rules! export_store {
    ($type:ident) => {
        #[cfg(target_arch = "wasm32")]
        #[allow(
            unsafe_code,
            missing_docs,
            clippy::all,
            clippy::pedantic,
            clippy::restriction
        )]
        const _: () = {
    $crate::bindings::session::export!($type with_types_in $crate::bindings::session);
        };
    };
}

/// Exports a type that implements [`bus::Bus`].
#[macro_export]
macro_rules! export_bus {
    ($type:ident) => {
        #[cfg(target_arch = "wasm32")]
        #[allow(
            unsafe_code,
            missing_docs,
            clippy::all,
            clippy::pedantic,
            clippy::restriction
        )]
        const _: () = {
    $crate::bindings::bus::export!($type with_types_in $crate::bindings::bus);
        };
    };
}
