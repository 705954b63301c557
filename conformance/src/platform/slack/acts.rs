//! What people do, and how Slack tells the app.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::workspace::{
    APP, BOT_USER, Message, Stored, TEAM, Workspace, channel_type, conversation,
};
use super::{emoji, part, put, rendering, web_api};
use crate::platform::{Act, Action, Author, CannotDo, Conversation, Desk, Done, Place, Webhook};

type Outcome = Result<Done, CannotDo>;

fn not_now(why: &str) -> CannotDo {
    CannotDo::NotNow(why.to_owned())
}

/// Escapes a text as Slack does before it tells it.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// An act under way.
pub struct Acting<'a> {
    desk: &'a Desk,
    workspace: &'a mut Workspace,
    act: &'a Act,
    user: String,
    channel: String,
}

impl<'a> Acting<'a> {
    /// Who and where.
    pub fn new(desk: &'a Desk, workspace: &'a mut Workspace, act: &'a Act) -> Self {
        let user = workspace.user(&act.user);
        let channel = workspace.channel(&act.place, &act.user);
        Self {
            desk,
            workspace,
            act,
            user,
            channel,
        }
    }

    /// Does it.
    pub fn run(mut self) -> Outcome {
        match &self.act.action {
            Action::Say(text) => self.say(text, None, &[]),
            Action::Reply { to, text } => {
                let parent = self.existing(to)?.thread.clone();
                self.say(text, Some(parent.unwrap_or_else(|| to.clone())), &[])
            }
            Action::SendFile { file, text } => {
                let id = format!("F{}", self.workspace.next());
                let stored = Stored {
                    file: file.clone(),
                    uploaded: true,
                    announced: file.bytes.len(),
                    shared: true,
                };
                self.workspace.files.insert(id.clone(), stored);
                self.say(text, None, &[id])
            }
            Action::Press { message, button } => self.press(message, *button, &BTreeMap::new()),
            Action::Submit {
                message,
                values,
                button,
            } => match self.workspace.views.get(&self.user) {
                Some(view) if view.id == *message => self.submit(values),
                _ => self.press(message, *button, values),
            },
            Action::Command { name, arguments } => self.command(name, arguments),
            Action::Edit { message, text } => self.edit(message, text),
            Action::Delete { message } => self.delete(message),
            Action::React {
                message,
                emoji,
                added,
            } => self.react(message, emoji, *added),
            Action::Join => self.membership("member_joined_channel"),
            Action::Leave => self.membership("member_left_channel"),
            Action::Read { .. } => Err(CannotDo::NoSuchThing),
        }
    }

    fn done(&self, message: Option<String>, thread: Option<&str>, webhook: Webhook) -> Done {
        Done {
            message,
            conversation: self.conversation(thread),
            sender: self.user.clone(),
            webhooks: vec![webhook],
        }
    }

    fn conversation(&self, thread: Option<&str>) -> Conversation {
        conversation(&self.act.place, &self.act.user, thread)
    }

    fn existing(&mut self, ts: &str) -> Result<&mut Message, CannotDo> {
        let channel = self.channel.clone();
        self.workspace
            .message(&channel, ts)
            .ok_or_else(|| not_now("there is no such message"))
    }

    fn own(&mut self, ts: &str) -> Result<&mut Message, CannotDo> {
        let name = self.act.user.clone();
        let message = self.existing(ts)?;
        if message.author != Author::Person(name) {
            return Err(not_now("it is somebody else's message"));
        }
        Ok(message)
    }

    /// The inner event of a message.
    fn told(&self, message: &Message) -> Value {
        let mut event = json!({
            "type": "message", "user": self.user, "ts": message.ts, "team": TEAM, "text": message.text,
            "channel": self.channel, "channel_type": channel_type(&self.act.place), "event_ts": message.ts,
            "client_msg_id": format!("00000000-0000-4000-8000-{:0>12}", message.ts.replace('.', "").get(4..).unwrap_or_default()),
        });
        if let Some(thread) = &message.thread {
            put(&mut event, "thread_ts", json!(thread));
        }
        if !message.files.is_empty() {
            put(&mut event, "subtype", json!("file_share"));
            let files = message.files.iter().filter_map(|id| {
                let stored = self.workspace.files.get(id)?;
                Some(web_api::told(self.desk, id, stored))
            });
            put(&mut event, "files", files.collect());
        }
        event
    }

    fn say(&mut self, text: &str, thread: Option<String>, files: &[String]) -> Outcome {
        let escaped = escape(text);
        // In a channel the bot is addressed.
        let text = match self.act.place {
            Place::Channel(_) => format!("<@{BOT_USER}> {escaped}"),
            _ => escaped,
        };
        let ts = self.workspace.ts(self.desk.now_ms());
        let message = Message {
            author: Author::Person(self.act.user.clone()),
            text: text.trim().to_owned(),
            thread,
            files: files.to_vec(),
            ..web_api::blank(&ts, &self.channel, "")
        };
        self.workspace.messages.push(message.clone());
        let webhook = event(self.workspace, self.desk.now_ms(), &self.told(&message));
        Ok(self.done(Some(ts), message.thread.as_deref(), webhook))
    }

    fn edit(&mut self, ts: &str, text: &str) -> Outcome {
        let escaped = escape(text);
        let message = self.own(ts)?;
        let before = message.clone();
        message.text = escaped;
        message.edited = true;
        let after = message.clone();
        let changed = self.workspace.ts(self.desk.now_ms());
        let mut now = self.told(&after);
        put(
            &mut now,
            "edited",
            json!({"user": self.user, "ts": changed}),
        );
        let told = json!({
            "type": "message", "subtype": "message_changed", "hidden": true, "channel": self.channel,
            "channel_type": channel_type(&self.act.place), "ts": changed, "event_ts": changed,
            "message": now, "previous_message": self.told(&before),
        });
        let webhook = event(self.workspace, self.desk.now_ms(), &told);
        Ok(self.done(Some(ts.to_owned()), after.thread.as_deref(), webhook))
    }

    fn delete(&mut self, ts: &str) -> Outcome {
        let message = self.own(ts)?;
        message.deleted = true;
        let before = message.clone();
        let changed = self.workspace.ts(self.desk.now_ms());
        let told = json!({
            "type": "message", "subtype": "message_deleted", "hidden": true, "channel": self.channel,
            "channel_type": channel_type(&self.act.place), "ts": changed, "event_ts": changed,
            "deleted_ts": ts, "previous_message": self.told(&before),
        });
        let webhook = event(self.workspace, self.desk.now_ms(), &told);
        Ok(self.done(Some(ts.to_owned()), before.thread.as_deref(), webhook))
    }

    fn react(&mut self, ts: &str, emoji: &str, added: bool) -> Outcome {
        let name = emoji::name(emoji).ok_or_else(|| not_now("Slack has no such emoji"))?;
        let reaction = (name.to_owned(), self.user.clone());
        let message = self.existing(ts)?;
        message.reactions.retain(|other| *other != reaction);
        if added {
            message.reactions.push(reaction);
        }
        let author = match &message.author {
            Author::Bot => BOT_USER.to_owned(),
            Author::Person(name) => name.clone(),
        };
        let at = self.workspace.ts(self.desk.now_ms());
        let told = json!({
            "type": if added { "reaction_added" } else { "reaction_removed" }, "user": self.user, "reaction": name,
            "item_user": author, "item": {"type": "message", "channel": self.channel, "ts": ts}, "event_ts": at,
        });
        let webhook = event(self.workspace, self.desk.now_ms(), &told);
        Ok(self.done(Some(ts.to_owned()), None, webhook))
    }

    fn membership(&mut self, kind: &str) -> Outcome {
        if self.act.place == Place::Direct {
            return self.open_assistant(kind);
        }
        let at = self.workspace.ts(self.desk.now_ms());
        let letter = self.channel.get(..1).unwrap_or_default().to_owned();
        let told = json!({
            "type": kind, "user": self.user, "channel": self.channel, "channel_type": letter, "team": TEAM, "event_ts": at,
        });
        let webhook = event(self.workspace, self.desk.now_ms(), &told);
        Ok(self.done(None, None, webhook))
    }

    /// Who comes into the direct conversation opens the app's assistant: a thread, where the bot may show that it is at work.
    fn open_assistant(&mut self, kind: &str) -> Outcome {
        if kind != "member_joined_channel" {
            return Err(CannotDo::NoSuchThing);
        }
        let ts = self.workspace.ts(self.desk.now_ms());
        let place = (self.channel.clone(), ts.clone());
        self.workspace.assistant.push(place);
        let told = json!({
            "type": "assistant_thread_started", "event_ts": ts,
            "assistant_thread": {"user_id": self.user, "channel_id": self.channel, "thread_ts": ts, "context": {}},
        });
        let webhook = event(self.workspace, self.desk.now_ms(), &told);
        Ok(self.done(None, Some(&ts), webhook))
    }

    fn command(&mut self, name: &str, arguments: &str) -> Outcome {
        let now = self.desk.now_ms();
        let trigger = self.workspace.trigger(&self.user, now);
        let respond = self
            .workspace
            .answerable(&self.channel, &self.user, None, now);
        let respond = format!("{}/response/{respond}", self.desk.origin());
        let channel_name = match &self.act.place {
            Place::Direct => "directmessage",
            Place::Group(_) => "privategroup",
            Place::Channel(name) => name,
        };
        let name = format!("/{name}");
        let text = escape(arguments);
        let webhook = Webhook::form(
            format!("command/{trigger}"),
            &[
                ("token", "legacy"),
                ("team_id", TEAM),
                ("team_domain", "workspace"),
                ("channel_id", &self.channel),
                ("channel_name", channel_name),
                ("user_id", &self.user),
                ("user_name", &self.act.user),
                ("command", &name),
                ("text", &text),
                ("api_app_id", APP),
                ("is_enterprise_install", "false"),
                ("response_url", &respond),
                ("trigger_id", &trigger),
            ],
        );
        Ok(self.done(None, None, webhook))
    }

    /// The fields all interactions have.
    fn interaction(&mut self, kind: &str) -> Value {
        let trigger = self.workspace.trigger(&self.user, self.desk.now_ms());
        json!({
            "type": kind, "api_app_id": APP, "token": "legacy", "trigger_id": trigger,
            "team": {"id": TEAM, "domain": "workspace"}, "enterprise": null, "is_enterprise_install": false,
            "user": {"id": self.user, "username": self.act.user, "name": self.act.user, "team_id": TEAM},
        })
    }

    fn press(&mut self, ts: &str, button: usize, values: &BTreeMap<String, String>) -> Outcome {
        let message = self.existing(ts)?.clone();
        if message
            .only_for
            .as_ref()
            .is_some_and(|user| *user != self.user)
        {
            return Err(not_now("this person does not see that message"));
        }
        let pressable = rendering::pressable(&message.blocks);
        let (block, element) = pressable
            .get(button)
            .ok_or_else(|| not_now("there is no such button"))?;
        let now = self.desk.now_ms();
        let respond = self
            .workspace
            .answerable(&self.channel, &self.user, Some(ts), now);
        let mut payload = self.interaction("block_actions");
        let action_ts = self.workspace.ts(now);
        let mut action = json!({
            "type": "button", "action_id": part(element, "/action_id"), "block_id": block.get("block_id").cloned().unwrap_or(json!("x1y2")),
            "text": part(element, "/text"), "action_ts": action_ts,
        });
        if let Some(value) = element.get("value") {
            put(&mut action, "value", value.clone());
        }
        let place = match self.act.place {
            Place::Direct => "directmessage".to_owned(),
            Place::Group(_) => "privategroup".to_owned(),
            Place::Channel(ref name) => name.clone(),
        };
        put(
            &mut payload,
            "container",
            json!({"type": "message", "message_ts": ts, "channel_id": self.channel, "is_ephemeral": message.only_for.is_some()}),
        );
        put(
            &mut payload,
            "channel",
            json!({"id": self.channel, "name": place}),
        );
        put(
            &mut payload,
            "response_url",
            json!(format!("{}/response/{respond}", self.desk.origin())),
        );
        put(
            &mut payload,
            "state",
            json!({"values": state(&message.blocks, values)}),
        );
        put(&mut payload, "actions", json!([action]));
        if let (Some(thread), Some(container)) = (&message.thread, payload.get_mut("container")) {
            put(container, "thread_ts", json!(thread));
        }
        // What only one person sees is not told again.
        if message.only_for.is_none() {
            put(
                &mut payload,
                "message",
                json!({
                    "type": "message", "user": BOT_USER, "ts": ts, "text": message.text, "blocks": message.blocks, "thread_ts": message.thread,
                }),
            );
        }
        let webhook = interactivity(&format!("press/{action_ts}"), &payload);
        Ok(self.done(Some(ts.to_owned()), message.thread.as_deref(), webhook))
    }

    fn submit(&mut self, values: &BTreeMap<String, String>) -> Outcome {
        let open = self.workspace.views.get(&self.user).cloned();
        let open = open.ok_or_else(|| not_now("no form is open"))?;
        let blocks = part(&open.view, "/blocks")
            .as_array()
            .cloned()
            .unwrap_or_default();
        let empty = blocks.iter().any(|block| {
            let id = part(block, "/element/action_id")
                .as_str()
                .unwrap_or_default();
            let filled = values
                .get(id)
                .is_some_and(|value| !value.is_empty() && value != "false");
            part(block, "/type") == "input" && part(block, "/optional") != true && !filled
        });
        if empty {
            return Err(not_now(
                "a required field is empty, and Slack itself says so",
            ));
        }
        let mut payload = self.interaction("view_submission");
        let mut view = open.view.clone();
        put(&mut view, "id", json!(open.id));
        put(&mut view, "team_id", json!(TEAM));
        put(
            &mut view,
            "hash",
            json!(format!("{}.h", self.workspace.next())),
        );
        put(
            &mut view,
            "state",
            json!({"values": state(&blocks, values)}),
        );
        put(&mut payload, "view", view);
        put(&mut payload, "response_urls", json!([]));
        let key = format!("view/{}/{}", open.id, self.user);
        let webhook = interactivity(&key, &payload);
        // The form belongs to the message whose button opened it; only the app knows which.
        Ok(self.done(Some(open.id), None, webhook))
    }
}

/// `state.values` with these inputs filled in.
fn state(blocks: &[Value], values: &BTreeMap<String, String>) -> Value {
    let mut state = Map::new();
    for block in blocks
        .iter()
        .filter(|block| part(block, "/type") == "input")
    {
        let element = part(block, "/element");
        let (Some(block_id), Some(id)) = (
            part(block, "/block_id").as_str(),
            part(element, "/action_id").as_str(),
        ) else {
            continue;
        };
        let value = values
            .get(id)
            .map(String::as_str)
            .filter(|value| !value.is_empty());
        let kind = part(element, "/type").as_str().unwrap_or_default();
        let option = |wanted: &str| {
            let groups = part(element, "/option_groups")
                .as_array()
                .into_iter()
                .flatten();
            let grouped =
                groups.flat_map(|group| part(group, "/options").as_array().into_iter().flatten());
            let mut all = part(element, "/options")
                .as_array()
                .into_iter()
                .flatten()
                .chain(grouped);
            all.find(|option| part(option, "/value") == wanted).cloned()
        };
        let options = |wanted: &str| -> Vec<Value> {
            // A single box is a yes or no.
            match part(element, "/options").as_array().map(Vec::as_slice) {
                Some([one]) if wanted == "true" => vec![one.clone()],
                Some([_]) if wanted == "false" => Vec::new(),
                _ => wanted.split(',').filter_map(option).collect(),
            }
        };
        let filled = match kind {
            "datepicker" => json!({"type": kind, "selected_date": value}),
            "timepicker" => json!({"type": kind, "selected_time": value}),
            "static_select" | "radio_buttons" => {
                json!({"type": kind, "selected_option": value.and_then(option)})
            }
            "checkboxes" | "multi_static_select" => {
                json!({"type": kind, "selected_options": value.map(options).unwrap_or_default()})
            }
            _ => json!({"type": kind, "value": value}),
        };
        state
            .entry(block_id)
            .or_insert_with(|| json!({}))
            .as_object_mut()
            .map(|elements| elements.insert(id.to_owned(), filled));
    }
    Value::Object(state)
}

/// An event in its envelope.
pub fn event(workspace: &mut Workspace, now_ms: u64, event: &Value) -> Webhook {
    let id = format!("Ev{:08}", workspace.next());
    Webhook::json(
        id.clone(),
        &json!({
            "token": "legacy", "team_id": TEAM, "context_team_id": TEAM, "context_enterprise_id": null, "api_app_id": APP,
            "event": event, "type": "event_callback", "event_id": id, "event_time": now_ms / 1000,
            "authorizations": [{"enterprise_id": null, "team_id": TEAM, "user_id": BOT_USER, "is_bot": true, "is_enterprise_install": false}],
            "is_ext_shared_channel": false, "event_context": "4-context",
        }),
    )
}

/// An interaction.
pub fn interactivity(key: &str, payload: &Value) -> Webhook {
    Webhook::form(key, &[("payload", &payload.to_string())])
}
