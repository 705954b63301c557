//! Engine, cells, limits, grants, composition and the cache of compiled code: everything between a component's bytes and a call to it.
//!
//! A component is inspected ([`inspect`]), composed with what it may share its fate with ([`compose`]), compiled through the
//! cache ([`cache`]), linked against exactly what it imports and may have ([`grants`]), and run in cells whose
//! faults are their own ([`cell`], [`pool`], [`shared`]).

mod at_once;
pub mod cache;
pub mod carry;
pub mod cell;
pub mod client;
pub mod compose;
mod ctx;
pub mod engine;
pub mod fault;
pub mod grants;
pub mod http;
mod imports;
pub mod inspect;
pub mod limits;
pub mod measures;
mod meter;
pub mod net;
mod output;
pub mod plugin;
pub mod pool;
pub mod scope;
pub mod secrets;
pub mod services;
pub mod shared;
pub mod worlds;

pub use ctx::Ctx;
pub use wasmtime::component::Val;
