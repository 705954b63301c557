//! Engine, cells, limits, grants, composition and the cache of compiled code: everything between a component's bytes and a call to it.
//!
//! A component is inspected ([`inspect`]), composed with what it may share its fate with ([`compose`]), compiled through the
//! cache ([`cache`]), linked against exactly what it imports and may have ([`grants`], [`imports`]), and run in cells whose
//! faults are their own ([`cell`], [`pool`], [`shared`]).

pub mod cache;
pub mod compose;
pub mod grants;
pub mod http;
pub mod inspect;
pub mod net;
