//! Groups take twenty messages a minute. The contract's rates are the same for every conversation, so the host keeps to one
//! message a second everywhere and this channel keeps to what holds in groups alone: Telegram would refuse the rest, and holds a bot
//! that goes on for longer than a minute.

use greentic_sdk::channel::memory;
use greentic_sdk::log;
use greentic_sdk::time;

use crate::place::Place;

/// As many messages …
const MESSAGES: usize = 20;
/// … in any so many milliseconds.
const WINDOW_MS: u64 = 60_000;

/// Takes a place for one message. `Err` says after how many milliseconds to ask again.
///
/// # Errors
/// When the group has had its messages of this minute.
pub fn take(place: &Place) -> Result<(), u64> {
    // People have positive ids, and what is said to them is not limited by the minute.
    if place.chat > 0 {
        return Ok(());
    }
    let name = format!("pace/{}", place.chat);
    let now = time::now_ms();
    let kept = memory::get(&name).ok().flatten();
    let mut sent: Vec<u64> = kept
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    sent.retain(|at| now.saturating_sub(*at) < WINDOW_MS);
    if let Some(oldest) = sent.first().filter(|_| sent.len() >= MESSAGES) {
        return Err((oldest + WINDOW_MS).saturating_sub(now).max(1));
    }
    sent.push(now);
    let kept = serde_json::to_vec(&sent).unwrap_or_default();
    if let Err(error) = memory::put(&name, &kept, Some(WINDOW_MS)) {
        // Telegram counts too.
        log::debug!("pace", "a group's messages cannot be counted: {error:?}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use greentic_sdk::native;

    use super::*;
    use crate::place::Line;
    use crate::testing::{NOW, telegram};

    fn chat(chat: i64) -> Place {
        Place {
            chat,
            line: Line::Main,
        }
    }

    #[test]
    fn a_group_has_twenty_messages_in_any_minute_and_a_person_as_many_as_there_are() {
        telegram();
        for second in 0..20 {
            native::set_clock(NOW + second * 1000);
            assert_eq!(take(&chat(-5)), Ok(()));
        }
        assert_eq!(take(&chat(-5)), Err(41_000));
        assert_eq!(take(&chat(-6)), Ok(()), "another group");
        native::set_clock(NOW + 60_000);
        assert_eq!(take(&chat(-5)), Ok(()));
        assert_eq!(take(&chat(-5)), Err(1_000));
        for _ in 0..50 {
            assert_eq!(take(&chat(5)), Ok(()));
        }
    }
}
