//! The bundle: one file that says which components are loaded, what each may touch, and who is bound to what.
//!
//! [`Bundle::load`] reads it, fills in variables, checks every key, value and name, and reports all faults at once, each
//! with its line and column. What comes back is typed and whole: every default is in it, every name that is mentioned is
//! declared. Whether a pack can be read, a component fits its role or a request is granted is for later stages to find;
//! [`Loaded::error`] lets them point at the line in question.
//!
//! [`limits`] is the one table of every timeout, limit and queue length of the host.

mod include;
pub mod limits;
mod load;
mod model;
mod network;
mod read;
mod schema;
mod shape;
mod variables;

pub use load::Loaded;
pub use model::{
    Admin, Bindings, Bundle, CellPolicy, Channel, Defaults, EVENT_KINDS, FlowRef, Grants,
    KeySource, LogFormat, Login, Origin, Pack, Password, Plugin, Registry, Rule, Team, Telemetry,
    Tenant, Threshold, Token, Trust, TrustKey,
};
pub use network::{HostPattern, HostRule, SocketRule};
pub use schema::schema;
