//! What a plugin written in Rust builds on.
//!
//! A plugin implements one trait of the world it belongs to and exports the type that does:
//!
//! ```
//! use greentic_sdk::component::{Component, Message, Outcome};
//!
//! struct Greeter;
//!
//! impl Component for Greeter {
//!     fn execute(input: Message) -> Outcome {
//!         Outcome::success(format!("hello {}", input.sender))
//!     }
//! }
//!
//! greentic_sdk::export_component!(Greeter);
//! ```
//!
//! The traits' functions have no `self`: an instance of a component is a module of its own, and what it keeps it keeps in a
//! `thread_local!`. What the host offers is in `config`, `log`, `secret`, `channel::log`, `flow::{nodes, tools, state}`.
//! The crate also compiles for the machine itself, where `native` stands in for the host: so a plugin's tests and a native
//! measurement run the same code.

// The generated code names its runtime by this crate's name, here and in the plugins that expand its export macros.
extern crate self as greentic_sdk;

#[doc(hidden)]
pub mod bindings;
pub mod bus;
pub mod channel;
pub mod component;
pub mod config;
mod exports;
pub mod flow;
pub mod hash;
pub mod log;
pub mod model;
#[cfg(not(target_arch = "wasm32"))]
pub mod native;
pub mod node;
pub mod secret;
pub mod secrets;
pub mod session;
pub mod tool;

#[doc(hidden)]
pub use wit_bindgen;
