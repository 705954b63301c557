//! Tenant context, identifiers, subjects and message ids: the few words every other crate speaks.
//!
//! No I/O and no WebAssembly here. The event and message model itself is not repeated in Rust: it is the contract in `wit/`,
//! and `greentic-interfaces` and the plugin SDK make their types from it.

mod ids;
mod message_id;
mod subject;

pub use ids::{ChannelRef, Id, InvalidId, TenantCtx};
pub use message_id::MessageId;
pub use subject::{Direction, Subject};
