//! The demands on components of world `channel-provider`. Each case binds the channel to a fresh simulated platform.

mod change;
mod deliver;
mod describe;
mod events;
mod ingress;
mod rich;
mod secrecy;
mod talk;
mod trouble;
mod verify;

pub use talk::Bench;

use crate::case::Case;

/// All of them, in the order in which they are reported.
#[must_use]
pub fn cases<'a>() -> Vec<Case<Bench<'a>>> {
    [
        describe::cases(),
        verify::cases(),
        ingress::cases(),
        events::cases(),
        deliver::cases(),
        rich::cases(),
        change::cases(),
        trouble::cases(),
        secrecy::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
