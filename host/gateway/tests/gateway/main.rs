//! The gateway over real sockets, before a backend made for these tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod admin;
mod bad_input;
mod got;
mod http2;
mod routes;
mod shutdown;
mod support;
mod websocket;
