//! The methods of the Web API that a bot uses, as Slack answers them (docs.slack.dev/reference/methods).
//!
//! Errors of a method come as HTTP 200 with `ok: false`; only rate limits have a status of their own.

mod files;

use serde_json::{Map, Value, json};

pub use files::{download, told, upload};

use super::workspace::{APP, BOT, BOT_USER, Message, TEAM, View, Workspace};
use super::{TOKEN, block_kit, emoji, part, put};
use crate::platform::{Answer, Author, Call, Desk, Place};

/// An error code with what goes beside it.
pub struct Refused(&'static str, Value);

type Outcome = Result<Value, Refused>;

fn refused(code: &'static str) -> Refused {
    Refused(code, json!({}))
}

/// Methods that read their arguments from a query or form only.
const FORMS_ONLY: [&str; 3] = ["users.info", "files.info", "files.getUploadURLExternal"];

/// Slack's caps of a message, in characters.
const TEXT: usize = 40_000;
const BLOCKS: usize = 13_200;

/// One call of a method.
pub struct Method<'a> {
    /// Address, clock, journal.
    pub desk: &'a Desk,
    /// The state.
    pub workspace: &'a mut Workspace,
    /// The arguments.
    arguments: Map<String, Value>,
}

/// Answers `/api/{method}`.
pub fn answer(desk: &Desk, workspace: &mut Workspace, call: &Call, name: &str) -> Answer {
    let token = call.bearer().map(str::to_owned);
    let said = match token.as_deref() {
        None => Err(refused("not_authed")),
        Some(token) if token != TOKEN => Err(refused("invalid_auth")),
        Some(_) => arguments(desk, call, name).and_then(|arguments| {
            Method {
                desk,
                workspace,
                arguments,
            }
            .run(name)
        }),
    };
    match said {
        Ok(mut body) => {
            put(&mut body, "ok", json!(true));
            Answer::json(200, &body)
        }
        Err(Refused("ratelimited", _)) => {
            Answer::json(429, &json!({"ok": false, "error": "ratelimited"}))
                .with("retry-after", "1")
        }
        Err(Refused(code, mut beside)) => {
            put(&mut beside, "ok", json!(false));
            put(&mut beside, "error", json!(code));
            Answer::json(200, &beside)
        }
    }
}

fn arguments(desk: &Desk, call: &Call, name: &str) -> Result<Map<String, Value>, Refused> {
    let content_type = call.header("content-type").unwrap_or_default();
    let pairs = |pairs: Vec<(String, String)>| {
        pairs
            .into_iter()
            .map(|(name, value)| (name, Value::from(value)))
            .collect()
    };
    if call.method == "GET" {
        return Ok(pairs(call.query()));
    }
    if content_type.starts_with("application/json") {
        if FORMS_ONLY.contains(&name) {
            desk.violation("form-expected", name);
            return Err(refused("invalid_arguments"));
        }
        if !content_type.contains("charset") {
            desk.violation("missing-charset", name);
        }
        return match call.json() {
            Ok(Value::Object(map)) => Ok(map),
            Ok(_) => Err(refused("json_not_object")),
            Err(_) => Err(refused("invalid_json")),
        };
    }
    if content_type.starts_with("application/x-www-form-urlencoded") {
        return Ok(pairs(call.form()));
    }
    desk.violation("content-type", content_type);
    Err(refused("invalid_post_type"))
}

impl Method<'_> {
    fn run(&mut self, name: &str) -> Outcome {
        match name {
            "auth.test" => Ok(json!({
                "url": "https://workspace.slack.com/", "team": "Workspace", "user": "bot",
                "team_id": TEAM, "user_id": BOT_USER, "bot_id": BOT, "is_enterprise_install": false,
            })),
            "chat.postMessage" => self.post(),
            "chat.postEphemeral" => self.post_ephemeral(),
            "chat.update" => self.update(),
            "chat.delete" => self.delete(),
            "reactions.add" => self.react(true),
            "reactions.remove" => self.react(false),
            "conversations.open" => self.open_conversation(),
            "users.info" => self.user_info(),
            "views.open" => self.open_view(),
            "assistant.threads.setStatus" => self.set_status(),
            "files.getUploadURLExternal" => self.upload_place(),
            "files.completeUploadExternal" => self.complete_upload(),
            "files.info" => self.file_info(),
            "files.delete" => self.delete_file(),
            _ => {
                self.desk.violation("unknown-method", name);
                Err(refused("unknown_method"))
            }
        }
    }

    fn text(&self, name: &str) -> Option<String> {
        let text = self.arguments.get(name)?.as_str()?;
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn needed(&self, name: &'static str) -> Result<String, Refused> {
        self.text(name).ok_or_else(|| {
            self.desk.violation("field-missing", name);
            Refused(
                "invalid_arguments",
                json!({"response_metadata": {"messages": [format!("[ERROR] missing required field: {name}")]}}),
            )
        })
    }

    /// The channel that is meant: by its id, or by a user's id, which means the direct conversation.
    fn channel(&self) -> Result<String, Refused> {
        let id = self.needed("channel")?;
        if self.workspace.places.contains_key(&id) {
            return Ok(id);
        }
        Err(refused("channel_not_found"))
    }

    /// Text and blocks, checked.
    fn content(&self) -> Result<(String, Option<Vec<Value>>), Refused> {
        let text = self.text("text").unwrap_or_default();
        let blocks = match self.arguments.get("blocks") {
            None | Some(Value::Null) => None,
            // A form carries them as a text.
            Some(Value::String(text)) => serde_json::from_str(text).ok(),
            Some(value) => Some(value.clone()),
        };
        let blocks = match blocks {
            None => None,
            Some(blocks) => {
                let faults = block_kit::faults(&blocks, block_kit::Surface::Message);
                if !faults.is_empty() {
                    self.desk.violation("invalid-blocks", faults.join("; "));
                    return Err(Refused(
                        "invalid_blocks",
                        json!({"errors": faults, "response_metadata": {"messages": faults}}),
                    ));
                }
                let length = blocks.to_string().chars().count();
                if length > BLOCKS {
                    self.desk.violation("blocks-too-long", length.to_string());
                    return Err(refused("msg_blocks_too_long"));
                }
                blocks.as_array().cloned()
            }
        };
        let length = text.chars().count();
        if length > TEXT {
            self.desk.violation("text-too-long", length.to_string());
            return Err(refused("msg_too_long"));
        }
        if text.trim().is_empty() && blocks.as_ref().is_none_or(Vec::is_empty) {
            self.desk.violation("no-text", "");
            return Err(refused("no_text"));
        }
        Ok((text, blocks))
    }

    /// The thread to post to: its parent, which must not be an answer itself.
    fn thread(&mut self, channel: &str) -> Option<String> {
        let thread = self.text("thread_ts")?;
        let answers = self
            .workspace
            .message(channel, &thread)
            .and_then(|found| found.thread.clone());
        if let Some(parent) = answers {
            self.desk.violation(
                "thread-of-an-answer",
                format!("{thread} stands in the thread {parent}"),
            );
        }
        Some(thread)
    }

    fn post(&mut self) -> Outcome {
        let channel = self.channel()?;
        let (text, blocks) = self.content()?;
        let now = self.desk.now_ms();
        if self.desk.enforces_rates() {
            let last = self.workspace.posted_ms.get(&channel).copied().unwrap_or(0);
            if now < last.saturating_add(1_000) {
                self.desk.violation("rate", channel);
                return Err(refused("ratelimited"));
            }
        }
        self.workspace.posted_ms.insert(channel.clone(), now);
        let thread = self.thread(&channel);
        let ts = self.workspace.ts(now);
        // The bot has answered: it is not at work any more.
        if let Some(thread) = &thread {
            self.workspace
                .statuses
                .remove(&(channel.clone(), thread.clone()));
        }
        let message = Message {
            verbatim: self.arguments.get("mrkdwn") == Some(&Value::Bool(false)),
            blocks: blocks.clone().unwrap_or_default(),
            thread,
            ..blank(&ts, &channel, &text)
        };
        self.workspace.messages.push(message);
        Ok(json!({
            "channel": channel, "ts": ts,
            "message": {"type": "message", "user": BOT_USER, "bot_id": BOT, "app_id": APP, "team": TEAM, "ts": ts, "text": text, "blocks": blocks},
        }))
    }

    fn post_ephemeral(&mut self) -> Outcome {
        let channel = self.channel()?;
        let user = self.needed("user")?;
        let (text, blocks) = self.content()?;
        let stranger = channel.starts_with('D') && channel.get(1..) != user.get(1..);
        if stranger || !self.workspace.people.contains_key(&user) {
            return Err(refused("user_not_in_channel"));
        }
        let thread = self.thread(&channel);
        let ts = self.workspace.ts(self.desk.now_ms());
        let message = Message {
            blocks: blocks.unwrap_or_default(),
            thread,
            only_for: Some(user),
            ..blank(&ts, &channel, &text)
        };
        self.workspace.messages.push(message);
        Ok(json!({ "message_ts": ts }))
    }

    fn own_message(&mut self, other: &'static str) -> Result<&mut Message, Refused> {
        let channel = self.channel()?;
        let ts = self.needed("ts")?;
        let found = self.workspace.message(&channel, &ts);
        match found {
            // A message to one person cannot be changed by this method.
            Some(message) if message.only_for.is_some() => Err(refused("message_not_found")),
            Some(message) if message.author == Author::Bot => Ok(message),
            Some(_) => Err(refused(other)),
            None => Err(refused("message_not_found")),
        }
    }

    fn update(&mut self) -> Outcome {
        let (text, blocks) = self.content()?;
        let message = self.own_message("cant_update_message")?;
        message.text.clone_from(&text);
        message.verbatim = false;
        message.edited = true;
        // Left out means kept.
        if let Some(blocks) = blocks {
            message.blocks = blocks;
        }
        Ok(json!({"channel": message.channel, "ts": message.ts, "text": text}))
    }

    fn delete(&mut self) -> Outcome {
        let message = self.own_message("cant_delete_message")?;
        message.deleted = true;
        Ok(json!({"channel": message.channel, "ts": message.ts}))
    }

    fn react(&mut self, added: bool) -> Outcome {
        let channel = self.channel()?;
        let ts = self.needed("timestamp")?;
        let name = self.needed("name")?;
        if emoji::shown(&name).is_none() {
            return Err(refused("invalid_name"));
        }
        let message = self
            .workspace
            .message(&channel, &ts)
            .ok_or_else(|| refused("message_not_found"))?;
        let own = (name, BOT_USER.to_owned());
        let at = message
            .reactions
            .iter()
            .position(|reaction| *reaction == own);
        match (at, added) {
            (Some(_), true) => return Err(refused("already_reacted")),
            (None, false) => return Err(refused("no_reaction")),
            (None, true) => message.reactions.push(own),
            (Some(at), false) => drop(message.reactions.remove(at)),
        }
        Ok(json!({}))
    }

    fn open_conversation(&mut self) -> Outcome {
        let user = self.needed("users")?;
        let Some(name) = self.workspace.people.get(&user).cloned() else {
            return Err(refused("user_not_found"));
        };
        let id = self.workspace.channel(&Place::Direct, &name);
        Ok(json!({"channel": {"id": id}}))
    }

    fn user_info(&mut self) -> Outcome {
        let user = self.needed("user")?;
        let Some(name) = self.workspace.people.get(&user) else {
            return Err(refused("user_not_found"));
        };
        let locale = self.text("include_locale").map(|_| "en-GB");
        Ok(json!({"user": {
            "id": user, "team_id": TEAM, "name": name, "real_name": name, "locale": locale, "is_bot": false,
            "profile": {"real_name": name, "display_name": name, "email": format!("{name}@example.com")},
        }}))
    }

    fn set_status(&mut self) -> Outcome {
        let (channel, thread) = (self.needed("channel_id")?, self.needed("thread_ts")?);
        let status = self
            .arguments
            .get("status")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let place = (channel, thread);
        if !self.workspace.assistant.contains(&place) {
            return Err(refused("invalid_thread_ts"));
        }
        if status.is_empty() {
            self.workspace.statuses.remove(&place);
        } else {
            self.workspace.statuses.insert(place, status.to_owned());
        }
        Ok(json!({}))
    }

    fn open_view(&mut self) -> Outcome {
        let trigger = self.needed("trigger_id")?;
        let view = self.arguments.get("view").cloned().unwrap_or_default();
        let now = self.desk.now_ms();
        let Some(found) = self.workspace.triggers.get_mut(&trigger) else {
            self.desk.violation("trigger", "unknown");
            return Err(refused("invalid_trigger_id"));
        };
        if found.used {
            return Err(refused("exchanged_trigger_id"));
        }
        if now > found.made_ms.saturating_add(3_000) {
            return Err(refused("expired_trigger_id"));
        }
        let faults = view_faults(&view);
        if !faults.is_empty() {
            self.desk.violation("invalid-view", faults.join("; "));
            return Err(Refused(
                "invalid_arguments",
                json!({"response_metadata": {"messages": faults}}),
            ));
        }
        found.used = true;
        let user = found.user.clone();
        let id = format!("V{}", self.workspace.next());
        let open = View {
            id: id.clone(),
            view: view.clone(),
        };
        self.workspace.views.insert(user, open);
        Ok(json!({"view": {"id": id, "type": "modal", "callback_id": part(&view, "/callback_id")}}))
    }
}

/// A message of the bot's.
pub fn blank(ts: &str, channel: &str, text: &str) -> Message {
    Message {
        ts: ts.to_owned(),
        channel: channel.to_owned(),
        author: Author::Bot,
        text: text.to_owned(),
        verbatim: false,
        blocks: Vec::new(),
        thread: None,
        files: Vec::new(),
        only_for: None,
        edited: false,
        deleted: false,
        reactions: Vec::new(),
    }
}

/// A modal's limits (docs.slack.dev/reference/views/modal-views).
fn view_faults(view: &Value) -> Vec<String> {
    let mut faults = block_kit::faults(part(view, "/blocks"), block_kit::Surface::Modal);
    let mut length = |field: &str, most: usize, needed: bool| {
        let given = view.get(field).unwrap_or(&Value::Null);
        let text = given.as_str().or_else(|| part(given, "/text").as_str());
        match text.map(|text| text.chars().count()) {
            None if needed => faults.push(format!("[ERROR] missing required field: {field}")),
            Some(0) if needed => {
                faults.push(format!("[ERROR] must be more than 0 characters: {field}"))
            }
            Some(length) if length > most => {
                faults.push(format!(
                    "[ERROR] must be less than {} characters: {field}",
                    most + 1
                ));
            }
            _ => {}
        }
    };
    length("title", 24, true);
    length("submit", 24, block_kit::has_inputs(part(view, "/blocks")));
    length("close", 24, false);
    length("callback_id", 255, false);
    length("private_metadata", 3000, false);
    if part(view, "/type") != "modal" {
        faults.push("[ERROR] unsupported type of view".to_owned());
    }
    faults
}
