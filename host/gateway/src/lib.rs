//! HTTP in: the public endpoint, websockets, and the admin endpoint on a listener of its own.
//!
//! The gateway knows no channel and no sandbox. It sees the rest of the host through [`Backend`], [`Channel`] and [`Socket`], turns
//! bytes from strangers into a checked [`Request`] under the limits of [`GatewayLimits`], and gives back what the channel answers.
//! What a client does wrong is answered with problem details (RFC 9457), counted by class and never logged at error.
//!
//! [`Gateway::serve`] is run once for each worker thread, each with a current-thread runtime and its own listener of [`bind`]:
//! a connection, its requests and its websockets stay on the thread that accepted it, and nothing on the way of a request takes a
//! lock. Counters that bound the whole process (connections, requests in flight) are shared atomics.

mod admin;
mod admin_answer;
mod admin_model;
mod answer;
mod backend;
mod channel;
mod connection;
mod counts;
mod deadline;
mod drain;
mod intake;
mod limits;
mod linger;
mod listener;
mod origin;
mod problem;
mod public;
mod query;
mod route;
mod socket;
mod wire;

pub use admin::{Admin, AdminSetup, AdminSetupError};
pub use admin_model::{
    AdminError, Attempt, DeadLetter, DeadLetterDetail, DeadLetterPage, DeadLetterQuery,
    GenerationRow, Generations, Reloaded,
};
pub use backend::{Backend, Readiness, ReadinessRow};
pub use channel::{
    Answer, Channel, ChannelFacts, Frame, InvalidFacts, Place, Received, Request, Socket, Surface,
};
pub use futures_util::future::BoxFuture;
pub use limits::{AdminLimits, GatewayLimits, RequestLimits, WebsocketLimits};
pub use listener::bind;
pub use origin::{InvalidPublicUrl, PublicUrl};
pub use public::Gateway;
