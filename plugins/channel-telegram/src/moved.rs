//! Groups that became supergroups have another id since. The channel remembers which, so that what is said to the old one
//! arrives. Where it is forgotten Telegram tells it again in the error of the next call.

use greentic_sdk::channel::memory;
use greentic_sdk::log;

use crate::place::Place;

fn name(chat: i64) -> String {
    format!("moved/{chat}")
}

/// Remembers that a group has a new id.
pub fn remember(old: i64, new: i64) {
    if let Err(error) = memory::put(&name(old), new.to_string().as_bytes(), None) {
        log::warn!(
            "moved",
            "the new id of group {old} cannot be remembered: {error:?}"
        );
    }
}

/// The same place under the id the chat has now.
#[must_use]
pub fn follow(mut place: Place) -> Place {
    if place.may_move()
        && let Ok(Some(bytes)) = memory::get(&name(place.chat))
        && let Some(new) = std::str::from_utf8(&bytes)
            .ok()
            .and_then(|text| text.parse().ok())
    {
        place.chat = new;
    }
    place
}
