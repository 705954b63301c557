//! What people do, as activities for the bot.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::{Act, Action, Author, CannotDo, Desk, Done, File, Webhook};
use super::card;
use super::identity::TENANT;
use super::state::{BOT_NAME, Kind, Message, State, bot_id, entra_id, person_id, put, put_in};
use super::text;

/// One act at work.
pub struct Acting<'a> {
    desk: &'a Desk,
    state: &'a mut State,
    act: &'a Act,
    conversation: String,
    kind: Kind,
}

type Outcome = Result<Done, CannotDo>;

fn not_now(why: impl Into<String>) -> CannotDo {
    CannotDo::NotNow(why.into())
}

/// RFC 3339 with seven digits of a second, as the platform writes it.
pub fn stamp(ms: u64) -> String {
    let (seconds, millis) = (ms / 1000, ms % 1000);
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Days since 0000-03-01 by the civil calendar.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{millis:03}0000Z",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

impl<'a> Acting<'a> {
    /// Ready to be run.
    pub fn new(desk: &'a Desk, state: &'a mut State, act: &'a Act) -> Self {
        let (conversation, kind) = state.enter(&act.place, &act.user);
        Self {
            desk,
            state,
            act,
            conversation,
            kind,
        }
    }

    /// Does it.
    pub fn run(mut self) -> Outcome {
        match &self.act.action {
            Action::Say(text) => self.say(text, None, Vec::new()),
            Action::Reply { to, text } => {
                let known = self.state.message(&self.conversation, to).is_some();
                known
                    .then_some(())
                    .ok_or_else(|| not_now("no such message"))?;
                self.say(text, Some(to), Vec::new())
            }
            Action::Command { name, arguments } => {
                self.say(format!("/{name} {arguments}").trim_end(), None, Vec::new())
            }
            Action::SendFile { file, text } => self.send_file(file, text),
            Action::Press { message, button } => self.press(message, *button, &BTreeMap::new()),
            Action::Submit {
                message,
                values,
                button,
            } => self.press(message, *button, values),
            Action::Edit { message, text } => self.edit(message, text),
            Action::Delete { message } => self.delete(message),
            Action::React {
                message,
                emoji,
                added,
            } => self.react(message, emoji, *added),
            Action::Read { message } => self.read(message),
            Action::Join => self.moved("membersAdded", "teamMemberAdded"),
            Action::Leave => self.moved("membersRemoved", "teamMemberRemoved"),
        }
    }

    /// An activity with what every one has.
    fn activity(&mut self, kind: &str, id: &str, thread: Option<&str>) -> Value {
        let mut channel_data = json!({"tenant": {"id": TENANT}});
        if self.kind == Kind::Channel {
            put(
                &mut channel_data,
                "channel",
                json!({"id": self.conversation}),
            );
            put(
                &mut channel_data,
                "team",
                json!({"id": "19:team@thread.tacv2"}),
            );
        }
        json!({
            "type": kind,
            "id": id,
            "timestamp": stamp(self.desk.now_ms()),
            "localTimezone": "Europe/Zurich",
            "channelId": "msteams",
            "serviceUrl": format!("{}/amer/", self.desk.origin()),
            "from": State::account(&self.act.user),
            "recipient": {"id": bot_id(), "name": BOT_NAME},
            "conversation": State::place(&self.conversation, thread, self.kind),
            "channelData": channel_data,
            "locale": "en-US"
        })
    }

    fn done(&self, message: Option<String>, thread: Option<&str>, webhooks: Vec<Webhook>) -> Done {
        Done {
            message,
            conversation: State::named(&self.conversation, thread, self.kind),
            sender: entra_id(&self.act.user),
            webhooks,
        }
    }

    fn keep(
        &mut self,
        id: &str,
        thread: Option<&str>,
        text: &str,
        reply_to: Option<&str>,
        files: Vec<File>,
    ) {
        self.state.messages.push(Message {
            id: id.to_owned(),
            conversation: self.conversation.clone(),
            thread: thread.map(str::to_owned),
            author: Author::Person(self.act.user.clone()),
            activity: json!({ "text": text }),
            reply_to: reply_to.map(str::to_owned),
            only_for: None,
            files,
            edited: false,
            deleted: false,
            reactions: Vec::new(),
        });
    }

    /// A message's thread: in a channel that of what it answers, or its own.
    fn thread(&mut self, id: &str, reply_to: Option<&str>) -> Option<String> {
        if self.kind != Kind::Channel {
            return None;
        }
        let conversation = self.conversation.clone();
        let answered = reply_to.and_then(|to| self.state.message(&conversation, to));
        let thread = answered.and_then(|message| message.thread.clone());
        Some(thread.unwrap_or_else(|| id.to_owned()))
    }

    /// A person's message. In groups the bot is mentioned, or it would not hear.
    fn say(
        &mut self,
        said: &str,
        reply_to: Option<&str>,
        attachments: Vec<(Value, File)>,
    ) -> Outcome {
        let id = self.state.next_id(self.desk.now_ms());
        let thread = self.thread(&id, reply_to);
        let (attached, files): (Vec<_>, Vec<_>) = attachments.into_iter().unzip();
        self.keep(&id, thread.as_deref(), said, reply_to, files);
        let mut activity = self.activity("message", &id, thread.as_deref());
        put(&mut activity, "text", said);
        put(&mut activity, "textFormat", "plain");
        let mut entities =
            vec![json!({"type": "clientInfo", "locale": "en-US", "platform": "Web"})];
        if self.kind != Kind::Personal {
            let markup = format!("<at>{BOT_NAME}</at>");
            put(&mut activity, "text", format!("{markup} {said}"));
            entities.push(json!({
                "type": "mention", "text": markup, "mentioned": {"id": bot_id(), "name": BOT_NAME}
            }));
        }
        put(&mut activity, "entities", entities);
        if let Some(to) = reply_to {
            put(&mut activity, "replyToId", to);
        }
        let mut attachments =
            vec![json!({"contentType": "text/html", "content": format!("<p>{}</p>", said.len())})];
        attachments.extend(attached);
        put(&mut activity, "attachments", attachments);
        let webhook = Webhook::json(&id, &activity);
        Ok(self.done(Some(id), thread.as_deref(), vec![webhook]))
    }

    fn send_file(&mut self, file: &File, said: &str) -> Outcome {
        let key = format!("f-{}", self.state.next_id(self.desk.now_ms()));
        let origin = self.desk.origin();
        let attachment = if file.content_type.starts_with("image/") {
            json!({
                "contentType": "image/*",
                "contentUrl": format!("{origin}/amer/v3/attachments/{key}/views/original"),
                "name": file.name
            })
        } else if self.kind == Kind::Personal {
            let (_, extension) = file.name.rsplit_once('.').unwrap_or(("", ""));
            json!({
                "contentType": "application/vnd.microsoft.teams.file.download.info",
                "contentUrl": format!("{origin}/onedrive/{key}"),
                "name": file.name,
                "content": {
                    "downloadUrl": format!("{origin}/onedrive/{key}?tempauth={key}"),
                    "uniqueId": key,
                    "fileType": extension
                }
            })
        } else {
            return Err(CannotDo::NoSuchThing);
        };
        self.state.drive.insert(key, file.clone());
        self.say(said, None, vec![(attachment, file.clone())])
    }

    fn own(&mut self, id: &str) -> Result<&mut Message, CannotDo> {
        let me = Author::Person(self.act.user.clone());
        let message = self.state.message(&self.conversation, id);
        message
            .filter(|message| message.author == me && !message.deleted)
            .ok_or_else(|| not_now("no such message of this person"))
    }

    fn edit(&mut self, id: &str, said: &str) -> Outcome {
        let message = self.own(id)?;
        message.activity = json!({ "text": said });
        message.edited = true;
        let thread = message.thread.clone();
        let mut activity = self.activity("messageUpdate", id, thread.as_deref());
        put(&mut activity, "text", said);
        put(&mut activity, "textFormat", "plain");
        put_in(&mut activity, "channelData", "eventType", "editMessage");
        let key = format!("edit/{}", self.state.next_id(0));
        let webhook = Webhook::json(key, &activity);
        Ok(self.done(Some(id.to_owned()), thread.as_deref(), vec![webhook]))
    }

    fn delete(&mut self, id: &str) -> Outcome {
        let message = self.own(id)?;
        message.deleted = true;
        let thread = message.thread.clone();
        let mut activity = self.activity("messageDelete", id, thread.as_deref());
        put_in(
            &mut activity,
            "channelData",
            "eventType",
            "softDeleteMessage",
        );
        let webhook = Webhook::json(format!("delete/{id}"), &activity);
        Ok(self.done(Some(id.to_owned()), thread.as_deref(), vec![webhook]))
    }

    fn react(&mut self, id: &str, emoji: &str, added: bool) -> Outcome {
        let name = text::reaction(emoji).ok_or_else(|| not_now("no such reaction"))?;
        let mine = (name.to_owned(), Author::Person(self.act.user.clone()));
        let message = self.state.message(&self.conversation, id);
        let message = message.ok_or_else(|| not_now("no such message"))?;
        message.reactions.retain(|other| *other != mine);
        if added {
            message.reactions.push(mine);
        }
        let thread = message.thread.clone();
        let event = format!("f:{}", self.state.next_id(self.desk.now_ms()));
        let mut activity = self.activity("messageReaction", &event, thread.as_deref());
        put(&mut activity, "replyToId", id);
        let list = if added {
            "reactionsAdded"
        } else {
            "reactionsRemoved"
        };
        put(&mut activity, list, json!([{ "type": name }]));
        let webhook = Webhook::json(event, &activity);
        Ok(self.done(Some(id.to_owned()), thread.as_deref(), vec![webhook]))
    }

    fn read(&mut self, id: &str) -> Outcome {
        if self.kind == Kind::Channel {
            return Err(CannotDo::NoSuchThing);
        }
        let known = self.state.message(&self.conversation, id).is_some();
        known
            .then_some(())
            .ok_or_else(|| not_now("no such message"))?;
        let event = format!("f:{}", self.state.next_id(self.desk.now_ms()));
        let mut activity = self.activity("event", &event, None);
        put(
            &mut activity,
            "name",
            "application/vnd.microsoft.readReceipt",
        );
        put(&mut activity, "value", json!({ "lastReadMessageId": id }));
        let webhook = Webhook::json(event, &activity);
        Ok(self.done(Some(id.to_owned()), None, vec![webhook]))
    }

    fn moved(&mut self, list: &str, event_type: &str) -> Outcome {
        if self.kind == Kind::Personal && list == "membersRemoved" {
            return Err(CannotDo::NoSuchThing);
        }
        let event = format!("f:{}", self.state.next_id(self.desk.now_ms()));
        let mut activity = self.activity("conversationUpdate", &event, None);
        put(
            &mut activity,
            list,
            json!([{"id": person_id(&self.act.user), "aadObjectId": entra_id(&self.act.user)}]),
        );
        if self.kind == Kind::Channel {
            put_in(&mut activity, "channelData", "eventType", event_type);
        }
        let webhook = Webhook::json(event, &activity);
        Ok(self.done(None, None, vec![webhook]))
    }

    /// A button of a message or of the open dialogue.
    fn press(&mut self, id: &str, button: usize, values: &BTreeMap<String, String>) -> Outcome {
        let open = self.state.dialogues.get(&self.act.user);
        if let Some((_, content)) = open.filter(|(dialogue, _)| dialogue == id) {
            let action = card::actions(content).get(button).copied().cloned();
            let action = action.ok_or_else(|| not_now("no such button"))?;
            let value = json!({"data": filled(&action, values), "context": {"theme": "default"}});
            return self.invoke("task/submit", value, None, None);
        }
        let message = self.state.message(&self.conversation, id);
        let message = message.ok_or_else(|| not_now("no such message"))?;
        let (activity, thread) = (message.activity.clone(), message.thread.clone());
        let attachment = activity
            .pointer("/attachments/0")
            .cloned()
            .unwrap_or_default();
        let content = attachment.get("content").cloned().unwrap_or_default();
        if attachment.get("contentType").and_then(Value::as_str) == Some(card::CONSENT) {
            return self.consent(id, button == 0, &attachment, &content);
        }
        let (buttons, suggested) = (card::actions(&content), card::suggestions(&activity));
        let action = buttons.iter().chain(&suggested).nth(button);
        let action = (*action.ok_or_else(|| not_now("no such button"))?).clone();
        let field = |name: &str| action.get(name).and_then(Value::as_str).unwrap_or_default();
        match (field("type"), card::client_part(&action, "type")) {
            // A suggested action.
            ("imBack", _) => self.say(field("value"), None, Vec::new()),
            (_, "imBack") => self.say(card::client_part(&action, "value"), None, Vec::new()),
            ("Action.OpenUrl", _) => {
                Ok(self.done(Some(id.to_owned()), thread.as_deref(), Vec::new()))
            }
            ("Action.Execute", _) => {
                let verb = field("verb");
                let value = json!({
                    "action": {"type": "Action.Execute", "verb": verb, "data": filled(&action, values)},
                    "trigger": "manual"
                });
                self.invoke("adaptiveCard/action", value, Some(id), thread.as_deref())
            }
            (_, "task/fetch") => {
                let value =
                    json!({"data": filled(&action, values), "context": {"theme": "default"}});
                self.invoke("task/fetch", value, Some(id), thread.as_deref())
            }
            _ => self.submit(id, &filled(&action, values), thread.as_deref()),
        }
    }

    /// `Action.Submit` comes as a message with a value and no text.
    fn submit(&mut self, id: &str, value: &Value, thread: Option<&str>) -> Outcome {
        let event = format!("f:{}", self.state.next_id(self.desk.now_ms()));
        let mut activity = self.activity("message", &event, thread);
        put(&mut activity, "value", value.clone());
        put(&mut activity, "replyToId", id);
        put_in(
            &mut activity,
            "channelData",
            "source",
            json!({"name": "message"}),
        );
        let webhook = Webhook::json(event, &activity);
        Ok(self.done(Some(id.to_owned()), thread, vec![webhook]))
    }

    fn invoke(
        &mut self,
        name: &str,
        value: Value,
        about: Option<&str>,
        thread: Option<&str>,
    ) -> Outcome {
        let event = format!("f:{}", self.state.next_id(self.desk.now_ms()));
        let mut activity = self.activity("invoke", &event, thread);
        put(&mut activity, "name", name);
        put(&mut activity, "value", value);
        if let Some(id) = about {
            put(&mut activity, "replyToId", id);
        }
        let key = format!("invoke|{name}|{}|{event}", self.act.user);
        let webhook = Webhook::json(key, &activity);
        Ok(self.done(about.map(str::to_owned), thread, vec![webhook]))
    }

    fn consent(&mut self, id: &str, accepted: bool, offer: &Value, content: &Value) -> Outcome {
        let field = |name: &str| content.get(name).cloned().unwrap_or_default();
        let name = offer.get("name").cloned().unwrap_or_default();
        let mut value = json!({
            "type": "fileUpload",
            "action": if accepted { "accept" } else { "decline" },
            "context": field(if accepted { "acceptContext" } else { "declineContext" })
        });
        if accepted {
            let session = format!("u-{}", self.state.next_id(self.desk.now_ms()));
            let shown = name.as_str().unwrap_or_default().to_owned();
            let (_, extension) = shown.rsplit_once('.').unwrap_or(("", "bin"));
            let origin = self.desk.origin();
            put(
                &mut value,
                "uploadInfo",
                json!({
                    "contentUrl": format!("{origin}/onedrive/{session}"),
                    "name": shown,
                    "uploadUrl": format!("{origin}/onedrive/{session}/upload?session={session}"),
                    "uniqueId": session,
                    "fileType": extension
                }),
            );
            self.state.uploads.insert(session, shown);
        }
        self.invoke("fileConsent/invoke", value, Some(id), None)
    }
}

/// What a button carries, with the values of the fields around it.
fn filled(action: &Value, values: &BTreeMap<String, String>) -> Value {
    let mut data = action.get("data").cloned().unwrap_or_default();
    if values.is_empty() {
        return data;
    }
    if !data.is_object() {
        data = json!({});
    }
    for (name, value) in values {
        put(&mut data, name, value.as_str());
    }
    data
}
