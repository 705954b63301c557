//! Sending and changing messages.

use serde_json::{Value, json};

use super::Telegram;
use super::formatting::{self, Formatted};
use super::markup;
use super::parameters::Parameters;
use super::refusal::Refused;
use super::state::{Post, State};
use crate::platform::{Author, File, Shown};

/// Longest text, in UTF-16 units.
const TEXT: usize = 4096;
/// Longest caption.
const CAPTION: usize = 1024;

impl Telegram {
    pub(super) fn send_text(
        &self,
        state: &mut State,
        parameters: &Parameters,
    ) -> Result<Value, Refused> {
        let (chat, topic) = self.target(state, parameters)?;
        let formatted = formatting::read(parameters, ("text", "entities"), TEXT, false)?;
        self.post(state, parameters, (chat, topic), formatted, None)
    }

    pub(super) fn send_file(
        &self,
        state: &mut State,
        parameters: &Parameters,
        field: &'static str,
        limit: usize,
    ) -> Result<Value, Refused> {
        let (chat, topic) = self.target(state, parameters)?;
        let formatted =
            formatting::read(parameters, ("caption", "caption_entities"), CAPTION, true)?;
        let file = if let Some(part) = parameters.file(field) {
            if part.bytes.is_empty() {
                return Err(Refused::wrong("file-empty", "file must be non-empty"));
            }
            if part.bytes.len() > limit {
                return Err(Refused::wrong("file-too-large", "file is too big"));
            }
            let content_type = part.content_type.clone().unwrap_or_default();
            if field == "photo" && !content_type.starts_with("image/") {
                return Err(Refused::wrong("photo", "IMAGE_PROCESS_FAILED"));
            }
            File {
                name: part.file_name.clone().unwrap_or_default(),
                content_type,
                bytes: part.bytes.clone(),
            }
        } else {
            by_reference(state, &parameters.needed(field)?)?
        };
        self.post(state, parameters, (chat, topic), formatted, Some(file))
    }

    fn post(
        &self,
        state: &mut State,
        parameters: &Parameters,
        (chat, topic): (i64, Option<i64>),
        formatted: Formatted,
        file: Option<File>,
    ) -> Result<Value, Refused> {
        let markup = markup::read(parameters.json("reply_markup")?)?;
        let reply_to = self.reply(state, parameters, chat)?;
        self.hold_rates(state, chat)?;
        let id = state.message_id(chat);
        let mut shown = Shown::new(id.to_string(), Author::Bot, formatted.text);
        shown.styles = formatted.styles;
        shown.thread = topic.map(|topic| topic.to_string());
        shown.reply_to = reply_to;
        shown.buttons = markup
            .keys
            .iter()
            .map(|(button, _)| button.clone())
            .collect();
        shown.files.extend(file.iter().cloned());
        let post = Post {
            chat,
            shown,
            keys: markup.keys,
            is_media: file.is_some(),
            forces_reply: markup.forces_reply,
            at_ms: self.desk.now_ms(),
        };
        let message = state.message_json(&post, None);
        state.posts.push(post);
        state.typing.remove(&chat);
        Ok(message)
    }

    fn reply(
        &self,
        state: &mut State,
        parameters: &Parameters,
        chat: i64,
    ) -> Result<Option<String>, Refused> {
        let Some(reply) = parameters.json("reply_parameters")? else {
            return Ok(None);
        };
        let id = reply
            .get("message_id")
            .and_then(Value::as_i64)
            .ok_or_else(|| {
                Refused::wrong(
                    "field-missing",
                    "can't parse reply parameters: message_id is required",
                )
            })?
            .to_string();
        if state.post(chat, &id).is_some() {
            return Ok(Some(id));
        }
        if reply.get("allow_sending_without_reply") == Some(&json!(true)) {
            return Ok(None);
        }
        Err(Refused::stands("message to be replied not found"))
    }

    /// About one message a second in a chat, 20 a minute in a group, 30 a second in all. The platform lets short bursts through.
    fn hold_rates(&self, state: &mut State, chat: i64) -> Result<(), Refused> {
        let now = self.desk.now_ms();
        state
            .sent
            .retain(|(_, at)| now.saturating_sub(*at) < 60_000);
        let within = |ms: u64, only: Option<i64>| {
            let recent = state.sent.iter().filter(|(of, at)| {
                now.saturating_sub(*at) < ms && only.is_none_or(|only| only == *of)
            });
            recent.count()
        };
        if self.desk.enforces_rates() {
            if within(1_000, Some(chat)) >= 3 || within(1_000, None) >= 30 {
                return Err(Refused::too_many(1));
            }
            if chat < 0 && within(60_000, Some(chat)) >= 20 {
                let oldest = state
                    .sent
                    .iter()
                    .find(|(of, _)| *of == chat)
                    .map_or(now, |(_, at)| *at);
                return Err(Refused::too_many(
                    (60_000 - now.saturating_sub(oldest)).div_ceil(1_000),
                ));
            }
        }
        state.sent.push((chat, now));
        Ok(())
    }

    pub(super) fn edit(
        &self,
        state: &mut State,
        parameters: &Parameters,
        what: &str,
    ) -> Result<Value, Refused> {
        let (chat, _) = self.target(state, parameters)?;
        let id = parameters.needed("message_id")?;
        let markup = markup::read(parameters.json("reply_markup")?)?;
        let post = state
            .post(chat, &id)
            .ok_or_else(|| Refused::stands("message to edit not found"))?;
        if post.shown.author != Author::Bot {
            return Err(Refused::wrong("edit-foreign", "message can't be edited"));
        }
        let formatted = match (what, post.is_media) {
            ("text", true) => {
                return Err(Refused::stands("there is no text in the message to edit"));
            }
            ("caption", false) => {
                return Err(Refused::stands(
                    "there is no caption in the message to edit",
                ));
            }
            ("text", false) => Some(formatting::read(
                parameters,
                ("text", "entities"),
                TEXT,
                false,
            )?),
            ("caption", true) => Some(formatting::read(
                parameters,
                ("caption", "caption_entities"),
                CAPTION,
                true,
            )?),
            _ => None,
        };
        let is_same = formatted.as_ref().is_none_or(|formatted| {
            formatted.text == post.shown.text && formatted.styles == post.shown.styles
        });
        if is_same && markup.keys == post.keys {
            return Err(Refused::stands(
                "message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message",
            ));
        }
        if let Some(formatted) = formatted {
            post.shown.text = formatted.text;
            post.shown.styles = formatted.styles;
            post.shown.edited = true;
        }
        post.shown.buttons = markup
            .keys
            .iter()
            .map(|(button, _)| button.clone())
            .collect();
        post.keys = markup.keys;
        let post = post.clone();
        Ok(state.message_json(&post, None))
    }
}

/// A file by its identifier, or by an address the platform fetches. Nothing is fetched here: the bytes stay empty.
fn by_reference(state: &State, text: &str) -> Result<File, Refused> {
    if let Some(stored) = state.files.iter().find(|file| file.id == text) {
        return Ok(File {
            name: stored.path.clone(),
            content_type: stored.content_type.clone(),
            bytes: stored.bytes.clone(),
        });
    }
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
        .ok_or_else(|| {
            Refused::wrong(
                "file-reference",
                "wrong remote file identifier specified: wrong string length",
            )
        })?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    if !host.contains('.') || host.starts_with("127.") {
        return Err(Refused::stands("failed to get HTTP URL content"));
    }
    let name = path.split(['?', '#']).next().unwrap_or_default();
    Ok(File {
        name: name.rsplit('/').next().unwrap_or_default().to_owned(),
        content_type: String::new(),
        bytes: Vec::new(),
    })
}
