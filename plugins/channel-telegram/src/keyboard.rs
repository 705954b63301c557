//! Inline keyboards, and what a pressed button stands for.
//!
//! Telegram gives 64 bytes back when a button is pressed. They begin with two characters that say what follows; what is longer
//! is kept in the channel's memory and stands there under a key.
//!
//! | data | stands for |
//! |---|---|
//! | `~r` and a text | a quick reply: comes as a message of that text |
//! | `~d` and JSON | a button's data: comes as a postback |
//! | `~k` and a key | one of the two, kept |
//! | `~f` key `.` n | the n-th submit button of a form |
//! | `~c` key `.` n `.` m | the m-th choice of the n-th question of a form; `s` skips it |
//! | anything else | a button of another program |

use greentic_sdk::channel::{DeliveryError, Retry, memory};
use greentic_sdk::hex;
use greentic_sdk::model::Error;
use greentic_sdk::secret::Secret;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::settings::Settings;

/// Most bytes of a button's data.
const DATA_BYTES: usize = 64;
/// Most buttons of one message; more are refused.
pub const BUTTONS: usize = 100;
/// Most characters in a row of several buttons, so that none is cut on a narrow screen.
const ROW_CHARS: usize = 28;
/// Most buttons in a row.
const ROW_BUTTONS: usize = 4;
/// Most characters of a title; clients show far fewer.
const TITLE_CHARS: usize = 128;

/// What a button does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Comes back as a message of this text.
    Reply(String),
    /// Comes back as a postback of this JSON.
    Data(String),
    /// Opens an address.
    Url(String),
    /// Comes back as a step of a form.
    Form(Step),
}

/// A button.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Button {
    /// What stands on it.
    pub title: String,
    /// What it does.
    pub action: Action,
}

/// A press that belongs to a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A submit button: the questions begin.
    Submit {
        /// The form's key.
        form: String,
        /// Which submit button.
        action: usize,
    },
    /// A choice; `None` skips the question.
    Choose {
        /// The form's key.
        form: String,
        /// Which question.
        question: usize,
        /// Which of its choices.
        choice: Option<usize>,
    },
}

/// What a pressed button stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pressed {
    /// A quick reply's text.
    Reply(String),
    /// A button's JSON.
    Data(String),
    /// A step of a form.
    Form(Step),
    /// It was kept and is no more.
    Gone,
    /// It is not one of this channel's.
    Foreign,
}

/// What is kept for a button whose data is too long.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kept {
    Reply(String),
    Data(String),
}

/// Whether Telegram takes an address for a button.
#[must_use]
pub fn is_button_url(url: &str) -> bool {
    let host = |rest: &str| {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = host.rsplit('@').next().unwrap_or_default();
        let name = host.split(':').next().unwrap_or_default();
        name.contains('.') && !name.starts_with('.') && !name.ends_with('.')
    };
    let clean = url.len() <= 2048 && !url.contains(char::is_whitespace);
    let scheme = |prefix: &str| {
        url.get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
            .then(|| url.get(prefix.len()..).unwrap_or_default())
    };
    clean
        && (scheme("https://")
            .or_else(|| scheme("http://"))
            .is_some_and(host)
            || scheme("tg://").is_some_and(|rest| !rest.is_empty()))
}

/// A key that is the same on every attempt of a delivery and that nobody can guess.
#[must_use]
pub fn key(signing: &Secret, delivery: &str, part: &str) -> String {
    let tag = signing.hmac_sha256(format!("greentic-button\n{delivery}\n{part}").as_bytes());
    hex::encode(tag.get(..16).unwrap_or(&tag))
}

/// The `reply_markup` of these buttons, at most [`BUTTONS`]. Data too long for Telegram goes into the channel's memory first.
///
/// # Errors
/// `rejected` for data that is too long even for the memory, `retry` where the memory cannot be reached.
pub fn markup(
    settings: &Settings,
    signing: &Secret,
    delivery: &str,
    buttons: &[Button],
) -> Result<Value, DeliveryError> {
    let mut rows: Vec<Vec<Value>> = Vec::new();
    let mut width = usize::MAX;
    for (place, button) in buttons.iter().enumerate() {
        let title: String = button.title.trim().chars().take(TITLE_CHARS).collect();
        let title = if title.is_empty() {
            "…".to_owned()
        } else {
            title
        };
        let chars = title.chars().count();
        let written = match &button.action {
            Action::Url(url) => json!({"text": title, "url": url}),
            action => {
                let part = format!("{place}\n{}", button.title);
                let data = data(settings, signing, delivery, &part, action)?;
                json!({"text": title, "callback_data": data})
            }
        };
        width = width.saturating_add(chars);
        match rows.last_mut() {
            Some(row) if width <= ROW_CHARS && row.len() < ROW_BUTTONS => row.push(written),
            _ => {
                rows.push(vec![written]);
                width = chars;
            }
        }
    }
    Ok(json!({"inline_keyboard": rows}))
}

fn data(
    settings: &Settings,
    signing: &Secret,
    delivery: &str,
    part: &str,
    action: &Action,
) -> Result<String, DeliveryError> {
    let (short, kept) = match action {
        Action::Reply(text) => (format!("~r{text}"), Kept::Reply(text.clone())),
        Action::Data(json) => (format!("~d{json}"), Kept::Data(json.clone())),
        Action::Form(Step::Submit { form, action }) => return Ok(format!("~f{form}.{action}")),
        Action::Form(Step::Choose {
            form,
            question,
            choice,
        }) => {
            let choice = choice.map_or_else(|| "s".to_owned(), |choice| choice.to_string());
            return Ok(format!("~c{form}.{question}.{choice}"));
        }
        Action::Url(_) => return Ok(String::new()),
    };
    if short.len() <= DATA_BYTES {
        return Ok(short);
    }
    let key = key(signing, delivery, part);
    let kept = serde_json::to_vec(&kept).unwrap_or_default();
    memory::put(&format!("button/{key}"), &kept, Some(settings.button_ms)).map_err(|error| {
        match error {
            Error::Invalid(reason) => {
                DeliveryError::Rejected(format!("a button's data cannot be kept: {reason}"))
            }
            error => DeliveryError::Retry(Retry {
                reason: format!("a button's data cannot be kept now: {error:?}"),
                after_ms: None,
            }),
        }
    })?;
    Ok(format!("~k{key}"))
}

/// What a button's data stands for.
///
/// # Errors
/// When it is kept and the memory cannot be read now.
pub fn pressed(data: &str) -> Result<Pressed, String> {
    let is_json = |text: &str| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    let Some((kind, rest)) = data.split_at_checked(2) else {
        return Ok(Pressed::Foreign);
    };
    Ok(match kind {
        "~r" => Pressed::Reply(rest.to_owned()),
        "~d" if is_json(rest) => Pressed::Data(rest.to_owned()),
        "~k" if is_key(rest) => {
            let kept = memory::get(&format!("button/{rest}"))
                .map_err(|error| format!("a button's data cannot be read now: {error:?}"))?;
            match kept.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
                Some(Kept::Reply(text)) => Pressed::Reply(text),
                Some(Kept::Data(json)) => Pressed::Data(json),
                None => Pressed::Gone,
            }
        }
        "~f" | "~c" => step(kind, rest).map_or(Pressed::Foreign, Pressed::Form),
        _ => Pressed::Foreign,
    })
}

fn step(kind: &str, rest: &str) -> Option<Step> {
    let mut parts = rest.split('.');
    let form = parts.next().filter(|key| is_key(key))?.to_owned();
    let first = parts.next()?.parse().ok()?;
    let second = parts.next();
    if parts.next().is_some() {
        return None;
    }
    match (kind, second) {
        ("~f", None) => Some(Step::Submit {
            form,
            action: first,
        }),
        ("~c", Some(choice)) => Some(Step::Choose {
            form,
            question: first,
            choice: match choice {
                "s" => None,
                number => Some(number.parse().ok()?),
            },
        }),
        _ => None,
    }
}

fn is_key(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests;
