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
//! `thread_local!`. What the host offers is in `config`, `log`, `secret`, `http`, `channel::{log, memory}`,
//! `flow::{nodes, tools, state}`. What channels share is here once: `signature`, `form`, `multipart`, `text`, `markdown`, `card`,
//! `downgrade`, `delivery`, `channel::files`.
//! The crate also compiles for the machine itself, where `native` stands in for the host: so a plugin's tests and a native
//! measurement run the same code.

// The generated code names its runtime by this crate's name, here and in the plugins that expand its export macros.
extern crate self as greentic_sdk;

#[doc(hidden)]
pub mod bindings;
pub mod bus;
pub mod card;
pub mod channel;
pub mod component;
pub mod config;
pub mod delivery;
pub mod downgrade;
mod exports;
pub mod flow;
pub mod form;
pub mod hash;
pub mod hex;
pub mod http;
pub mod log;
pub mod markdown;
pub mod model;
pub mod multipart;
#[cfg(not(target_arch = "wasm32"))]
pub mod native;
pub mod node;
pub mod percent;
pub mod secret;
pub mod secrets;
pub mod session;
pub mod signature;
pub mod started;
pub mod text;
pub mod time;
pub mod tool;

#[doc(hidden)]
pub use wit_bindgen;
