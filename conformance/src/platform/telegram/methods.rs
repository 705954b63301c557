//! The Bot API's methods that are about anything but sending.

use serde_json::{Value, json};

use super::Telegram;
use super::parameters::Parameters;
use super::refusal::Refused;
use super::state::{BOT, BOT_NAME, Hook, State};
use crate::platform::{Author, Desk, desk::lock};

/// The largest file a bot is given.
pub const DOWNLOAD: usize = 20 << 20;

impl Telegram {
    /// Carries out a method.
    pub(super) fn method(&self, name: &str, parameters: &Parameters) -> Result<Value, Refused> {
        let mut state = lock(&self.state);
        let state = &mut *state;
        match name.to_ascii_lowercase().as_str() {
            "getme" => Ok(json!({
                "id": BOT, "is_bot": true, "first_name": "Sample", "username": BOT_NAME,
                "can_join_groups": true, "can_read_all_group_messages": true, "supports_inline_queries": false,
            })),
            "setwebhook" => set_webhook(&self.desk, state, parameters),
            "deletewebhook" => {
                state.hook = None;
                self.desk.set_target(None);
                Ok(json!(true))
            }
            "getwebhookinfo" => Ok(json!({
                "url": self.desk.target().unwrap_or_default(), "has_custom_certificate": false, "pending_update_count": 0,
            })),
            "setmycommands" => set_commands(state, parameters),
            "setchatmenubutton" => {
                let kind = parameters.json("menu_button")?.unwrap_or_default();
                match kind.get("type").and_then(Value::as_str) {
                    Some("commands" | "default") => Ok(json!(true)),
                    Some("web_app")
                        if kind
                            .pointer("/web_app/url")
                            .and_then(Value::as_str)
                            .is_some_and(|url| url.starts_with("https://")) =>
                    {
                        Ok(json!(true))
                    }
                    _ => Err(Refused::wrong("menu-button", "can't parse menu button")),
                }
            }
            "answercallbackquery" => answer_query(state, parameters),
            "answerprecheckoutquery" | "answershippingquery" => Ok(json!(true)),
            "sendchataction" => {
                let (chat, _) = self.target(state, parameters)?;
                match parameters.needed("action")?.as_str() {
                    "typing" => {
                        state.typing.insert(chat, self.desk.now_ms() + 5_000);
                    }
                    action if action.starts_with("upload_") || action.starts_with("record_") => {}
                    "choose_sticker" | "find_location" => {}
                    _ => {
                        return Err(Refused::wrong(
                            "chat-action",
                            "wrong parameter action in request",
                        ));
                    }
                }
                Ok(json!(true))
            }
            "setmessagereaction" => self.set_reaction(state, parameters),
            "deletemessage" => self.delete(state, parameters),
            "editmessagetext" => self.edit(state, parameters, "text"),
            "editmessagecaption" => self.edit(state, parameters, "caption"),
            "editmessagereplymarkup" => self.edit(state, parameters, "markup"),
            "getfile" => get_file(state, parameters),
            "sendmessage" => self.send_text(state, parameters),
            "sendphoto" => self.send_file(state, parameters, "photo", 10 << 20),
            "senddocument" => self.send_file(state, parameters, "document", 50 << 20),
            "sendvideo" => self.send_file(state, parameters, "video", 50 << 20),
            "sendaudio" => self.send_file(state, parameters, "audio", 50 << 20),
            "sendvoice" => self.send_file(state, parameters, "voice", 50 << 20),
            "sendanimation" => self.send_file(state, parameters, "animation", 50 << 20),
            _ => Err(Refused {
                code: 404,
                description: "Not Found: method not found".into(),
                parameters: None,
                violation: Some("unknown-method"),
            }),
        }
    }

    /// The chat and topic a method is about.
    pub(super) fn target(
        &self,
        state: &State,
        parameters: &Parameters,
    ) -> Result<(i64, Option<i64>), Refused> {
        let given = parameters.needed("chat_id")?;
        let id: i64 = given
            .parse()
            .map_err(|_| Refused::wrong("chat-id", "chat not found"))?;
        let chat = state.known(id)?;
        let topic = parameters.number("message_thread_id");
        if let Some(topic) = topic
            && !state.has_topic(chat, topic)
        {
            return Err(Refused::wrong("topic", "message thread not found"));
        }
        Ok((chat, topic))
    }

    fn set_reaction(&self, state: &mut State, parameters: &Parameters) -> Result<Value, Refused> {
        let (chat, _) = self.target(state, parameters)?;
        let id = parameters.needed("message_id")?;
        let reactions = parameters.json("reaction")?.unwrap_or_else(|| json!([]));
        let reactions = reactions.as_array().cloned().unwrap_or_default();
        if reactions.len() > 1 {
            return Err(Refused::wrong("reaction-count", "REACTIONS_TOO_MANY"));
        }
        let mut emoji = Vec::new();
        for reaction in &reactions {
            let given = reaction
                .get("emoji")
                .and_then(Value::as_str)
                .unwrap_or_default();
            if !REACTIONS.contains(&given) {
                return Err(Refused::wrong("reaction", "REACTION_INVALID"));
            }
            emoji.push(given.to_owned());
        }
        let post = state
            .post(chat, &id)
            .ok_or_else(|| Refused::stands("message to react not found"))?;
        post.shown
            .reactions
            .retain(|(_, author)| *author != Author::Bot);
        post.shown
            .reactions
            .extend(emoji.into_iter().map(|emoji| (emoji, Author::Bot)));
        Ok(json!(true))
    }

    fn delete(&self, state: &mut State, parameters: &Parameters) -> Result<Value, Refused> {
        let (chat, _) = self.target(state, parameters)?;
        let id = parameters.needed("message_id")?;
        let now = self.desk.now_ms();
        let post = state
            .post(chat, &id)
            .ok_or_else(|| Refused::stands("message to delete not found"))?;
        if now.saturating_sub(post.at_ms) > 48 * 3_600_000 {
            return Err(Refused::stands("message can't be deleted"));
        }
        post.shown.deleted = true;
        Ok(json!(true))
    }
}

fn set_webhook(desk: &Desk, state: &mut State, parameters: &Parameters) -> Result<Value, Refused> {
    let url = parameters.text("url").unwrap_or_default();
    if url.is_empty() {
        state.hook = None;
        desk.set_target(None);
        return Ok(json!(true));
    }
    // The platform itself takes https alone; a simulated one is reached on the loopback.
    let is_local = url.starts_with("http://127.0.0.1") || url.starts_with("http://localhost");
    if !url.starts_with("https://") && !is_local {
        return Err(Refused::wrong(
            "webhook-url",
            "bad webhook: An HTTPS URL must be provided for webhook",
        ));
    }
    let secret = parameters.text("secret_token");
    if let Some(secret) = &secret {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if secret.is_empty() || secret.len() > 256 || !secret.bytes().all(allowed) {
            return Err(Refused::wrong(
                "secret-token",
                "secret token contains unallowed characters",
            ));
        }
    }
    if parameters
        .number("max_connections")
        .is_some_and(|count| !(1..=100).contains(&count))
    {
        return Err(Refused::wrong(
            "max-connections",
            "max_connections must be between 1 and 100",
        ));
    }
    let allowed = parameters.json("allowed_updates")?.map(|list| {
        let names = list.as_array().cloned().unwrap_or_default();
        names
            .iter()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect::<Vec<_>>()
    });
    state.hook = Some(Hook {
        secret,
        allowed: allowed.filter(|list| !list.is_empty()),
    });
    desk.set_target(Some(url));
    Ok(json!(true))
}

fn set_commands(state: &mut State, parameters: &Parameters) -> Result<Value, Refused> {
    let list = parameters.json("commands")?.unwrap_or_default();
    let list = list
        .as_array()
        .ok_or_else(|| Refused::wrong("commands", "can't parse commands"))?;
    if list.len() > 100 {
        return Err(Refused::wrong("commands", "BOT_COMMANDS_TOO_MUCH"));
    }
    let mut commands = Vec::new();
    for entry in list {
        let text = |name: &str| {
            entry
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let (command, description) = (text("command"), text("description"));
        let is_letter =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if command.is_empty() || command.len() > 32 || !command.bytes().all(is_letter) {
            return Err(Refused::wrong("commands", "BOT_COMMAND_INVALID"));
        }
        if description.is_empty() || description.chars().count() > 256 {
            return Err(Refused::wrong(
                "commands",
                "BOT_COMMAND_DESCRIPTION_INVALID",
            ));
        }
        commands.push((command, description));
    }
    state.commands = commands;
    Ok(json!(true))
}

fn answer_query(state: &mut State, parameters: &Parameters) -> Result<Value, Refused> {
    let id = parameters.needed("callback_query_id")?;
    let text = parameters.text("text").unwrap_or_default();
    if text.chars().count() > 200 {
        return Err(Refused::wrong("callback-text", "MESSAGE_TOO_LONG"));
    }
    let chat = state.waiting.remove(&id).ok_or_else(|| {
        Refused::stands("query is too old and response timeout expired or query ID is invalid")
    })?;
    if !text.is_empty() {
        state.notices.push((chat, text));
    }
    Ok(json!(true))
}

fn get_file(state: &State, parameters: &Parameters) -> Result<Value, Refused> {
    let id = parameters.needed("file_id")?;
    let file = state
        .files
        .iter()
        .find(|file| file.id == id)
        .ok_or_else(|| Refused::stands("wrong file_id or the file is temporarily unavailable"))?;
    if file.bytes.len() > DOWNLOAD {
        return Err(Refused::stands("file is too big"));
    }
    Ok(json!({
        "file_id": id, "file_unique_id": format!("u{}", file.path.len()),
        "file_size": file.bytes.len(), "file_path": file.path,
    }))
}

/// Emoji that can be reactions (`ReactionTypeEmoji`).
const REACTIONS: [&str; 73] = [
    "❤",
    "👍",
    "👎",
    "🔥",
    "🥰",
    "👏",
    "😁",
    "🤔",
    "🤯",
    "😱",
    "🤬",
    "😢",
    "🎉",
    "🤩",
    "🤮",
    "💩",
    "🙏",
    "👌",
    "🕊",
    "🤡",
    "🥱",
    "🥴",
    "😍",
    "🐳",
    "❤‍🔥",
    "🌚",
    "🌭",
    "💯",
    "🤣",
    "⚡",
    "🍌",
    "🏆",
    "💔",
    "🤨",
    "😐",
    "🍓",
    "🍾",
    "💋",
    "🖕",
    "😈",
    "😴",
    "😭",
    "🤓",
    "👻",
    "👨‍💻",
    "👀",
    "🎃",
    "🙈",
    "😇",
    "😨",
    "🤝",
    "✍",
    "🤗",
    "🫡",
    "🎅",
    "🎄",
    "☃",
    "💅",
    "🤪",
    "🗿",
    "🆒",
    "💘",
    "🙉",
    "🦄",
    "😘",
    "💊",
    "🙊",
    "😎",
    "👾",
    "🤷‍♂",
    "🤷",
    "🤷‍♀",
    "😡",
];
