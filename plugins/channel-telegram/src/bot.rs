//! Who the bot is. Its id is part of every dedupe key and its name decides whose commands are whose.
//!
//! `getMe` is asked once a token: the answer is kept in the channel's memory under the token's version and in the instance.

use std::cell::RefCell;

use greentic_sdk::channel::memory;
use greentic_sdk::log;
use serde::{Deserialize, Serialize};
use serde_json::Map;

use crate::api::{Api, ApiError};
use crate::settings::Settings;

/// The bot as `getMe` tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bot {
    /// Its id as a user.
    pub id: i64,
    /// Without the at sign.
    #[serde(default)]
    pub username: String,
}

thread_local! {
    /// The token's version and the bot it belongs to.
    static KNOWN: RefCell<Option<(String, Bot)>> = const { RefCell::new(None) };
}

/// The bot of the token, asked for where it is not known yet.
///
/// # Errors
/// When Telegram cannot be asked now.
pub fn known(settings: &Settings) -> Result<Bot, ApiError> {
    let api = Api::open(settings)?.within(crate::api::WHILE_ASKED);
    let version = api.token_version();
    let held = KNOWN.with_borrow(|known| {
        known
            .as_ref()
            .filter(|(of, _)| *of == version)
            .map(|(_, bot)| bot.clone())
    });
    if let Some(bot) = held {
        return Ok(bot);
    }
    let kept = memory::get(&name(&version)).ok().flatten();
    if let Some(bot) = kept.and_then(|bytes| serde_json::from_slice::<Bot>(&bytes).ok()) {
        KNOWN.set(Some((version, bot.clone())));
        return Ok(bot);
    }
    ask(&api)
}

/// Asks Telegram and remembers.
///
/// # Errors
/// As the call; `unknown` for an answer that names nobody.
pub fn ask(api: &Api<'_>) -> Result<Bot, ApiError> {
    let version = api.token_version();
    let answer = api.call("getMe", Map::new())?;
    let bot: Bot = serde_json::from_value(answer)
        .map_err(|fault| ApiError::Unknown(format!("getMe: {fault}")))?;
    let kept = serde_json::to_vec(&bot).unwrap_or_default();
    if let Err(error) = memory::put(&name(&version), &kept, None) {
        log::debug!("bot", "who the bot is cannot be remembered: {error:?}");
    }
    KNOWN.set(Some((version, bot.clone())));
    Ok(bot)
}

fn name(version: &str) -> String {
    format!("bot/{}", crate::bounds::cut(version.to_owned(), 200))
}
