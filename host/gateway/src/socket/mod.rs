//! Websockets of channels: the handshake, and the task that carries frames both ways.

mod handshake;
mod pump;

pub(crate) use handshake::{accept, check};
pub(crate) use pump::{Upgrade, run};
