//! The `.ygtc` flow: schema, loader, validator, interpreter.
#[cfg(feature = "compile")]
pub mod compile;
mod engine;
mod eval;
mod event;
#[cfg(feature = "compile")]
pub mod graph;
pub mod ir;
mod outbound;

pub use engine::*;
pub use event::*;
pub use outbound::{Outbound, OutboundBody, QuickReply, outbound, payload_keys};

/// Outcome ports: the success family first, then the error family, then what a skipped node has.
pub const PORTS: [&str; 7] = [
    "on_success",
    "on_complete",
    "on_submit",
    "on_error",
    "on_cancel",
    "on_timeout",
    "skipped",
];
