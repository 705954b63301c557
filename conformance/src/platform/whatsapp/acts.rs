//! What people do, and how the bot is told.

use serde_json::{Value, json};

use super::account::{Account, Stored};
use super::media;
use super::notify::Told;
use super::put;
use super::status;
use crate::platform::{Act, Action, Author, CannotDo, Desk, Done, File, Place, Pressed, Webhook};

/// Does it and says what the bot is told.
///
/// # Errors
/// When the platform has no such thing, or it is not possible here.
pub fn run(desk: &Desk, account: &mut Account, act: &Act) -> Result<Vec<Told>, CannotDo> {
    if matches!(act.place, Place::Channel(_)) {
        return Err(CannotDo::NoSuchThing);
    }
    let mut acting = Acting {
        now_ms: desk.now_ms(),
        conversation: account.conversation(&act.place, &act.user).id,
        account,
        act,
    };
    acting.run()
}

/// What came of it.
pub fn done(act: &Act, account: &mut Account, told: Vec<Told>, webhooks: Vec<Webhook>) -> Done {
    let person = account.person(&act.user);
    Done {
        message: told
            .first()
            .and_then(|told| told.message.clone())
            .or_else(|| match &act.action {
                Action::Read { message } | Action::Press { message, .. } => Some(message.clone()),
                _ => None,
            }),
        conversation: account.conversation(&act.place, &act.user),
        sender: person.user_id,
        webhooks,
    }
}

struct Acting<'a> {
    now_ms: u64,
    conversation: String,
    account: &'a mut Account,
    act: &'a Act,
}

impl Acting<'_> {
    fn run(&mut self) -> Result<Vec<Told>, CannotDo> {
        match &self.act.action {
            Action::Say(text) => Ok(self.text(text, None)),
            Action::Command { name, arguments } => {
                Ok(self.text(format!("/{name} {arguments}").trim_end(), None))
            }
            Action::Reply { to, text } => {
                self.known(to)?;
                Ok(self.text(text, Some(to)))
            }
            Action::Press { message, button } => self.press(message, *button),
            Action::SendFile { file, text } => Ok(self.file(file, text)),
            Action::Edit { message, text } => {
                self.own(message)?;
                if let Some(kept) = self.account.message_mut(message) {
                    kept.shown.text.clone_from(text);
                    kept.shown.edited = true;
                }
                let edit = json!({
                    "original_message_id": message,
                    "message": { "type": "text", "text": { "body": text } },
                });
                Ok(self.about(message, "edit", edit))
            }
            Action::Delete { message } => {
                self.own(message)?;
                if let Some(kept) = self.account.message_mut(message) {
                    kept.shown.deleted = true;
                }
                let revoke = json!({ "original_message_id": message });
                Ok(self.about(message, "revoke", revoke))
            }
            Action::React {
                message,
                emoji,
                added,
            } => {
                self.known(message)?;
                let person = Author::Person(self.act.user.clone());
                if let Some(kept) = self.account.message_mut(message) {
                    kept.shown.reactions.retain(|(_, who)| *who != person);
                    if *added {
                        kept.shown.reactions.push((emoji.clone(), person));
                    }
                }
                // What was taken away is not named.
                let mut reaction = json!({ "message_id": message });
                if *added {
                    put(&mut reaction, "emoji", json!(emoji));
                }
                self.account
                    .heard_ms
                    .insert(self.conversation.clone(), self.now_ms);
                Ok(self.about(message, "reaction", reaction))
            }
            Action::Read { message } => self.read(message),
            Action::Join if self.act.place == Place::Direct => {
                self.account
                    .heard_ms
                    .insert(self.conversation.clone(), self.now_ms);
                let id = self.account.message_id();
                Ok(self.told(&id, "request_welcome", None, &[]))
            }
            Action::Submit { .. } | Action::Join | Action::Leave => Err(CannotDo::NoSuchThing),
        }
    }

    fn known(&self, message: &str) -> Result<(), CannotDo> {
        self.account
            .message(message)
            .filter(|kept| kept.conversation == self.conversation)
            .map(drop)
            .ok_or_else(|| CannotDo::NotNow(format!("there is no message {message} here")))
    }

    fn own(&self, message: &str) -> Result<(), CannotDo> {
        let author = Author::Person(self.act.user.clone());
        self.account
            .message(message)
            .filter(|kept| kept.shown.author == author && !kept.shown.deleted)
            .map(drop)
            .ok_or_else(|| CannotDo::NotNow(format!("{message} is not {}'s", self.act.user)))
    }

    /// A message of a kind, told with these fields more.
    fn told(
        &mut self,
        id: &str,
        kind: &str,
        body: Option<Value>,
        more: &[(&str, Value)],
    ) -> Vec<Told> {
        let person = self.account.person(&self.act.user);
        let mut message = json!({
            "from_user_id": person.user_id,
            "id": id,
            "timestamp": (self.now_ms / 1000).to_string(),
            "type": kind,
        });
        if let Some(number) = &person.wa_id {
            put(&mut message, "from", json!(number));
        }
        if self.act.place != Place::Direct {
            put(&mut message, "group_id", json!(self.conversation));
        }
        if let Some(body) = body {
            put(&mut message, kind, body);
        }
        for (name, value) in more {
            put(&mut message, name, value.clone());
        }
        vec![Told {
            key: id.to_owned(),
            message: Some(id.to_owned()),
            fields: json!({ "contacts": [person.contact()], "messages": [message] }),
        }]
    }

    /// Something that happened to a message, which has an identifier of its own.
    fn about(&mut self, message: &str, kind: &str, body: Value) -> Vec<Told> {
        let id = self.account.message_id();
        let mut told = self.told(&id, kind, Some(body), &[]);
        for told in &mut told {
            told.message = Some(message.to_owned());
        }
        told
    }

    fn context(&self, of: &str) -> Value {
        let from = match self.account.message(of).map(|kept| &kept.shown.author) {
            Some(Author::Person(name)) => name.clone(),
            _ => super::NUMBER.to_owned(),
        };
        json!({ "from": from, "id": of })
    }

    fn text(&mut self, text: &str, to: Option<&str>) -> Vec<Told> {
        let id = self
            .account
            .wrote(&self.conversation, &self.act.user, text, self.now_ms);
        if let Some(kept) = self.account.message_mut(&id) {
            kept.shown.reply_to = to.map(str::to_owned);
        }
        let context: Vec<_> = to
            .map(|to| ("context", self.context(to)))
            .into_iter()
            .collect();
        self.told(&id, "text", Some(json!({ "body": text })), &context)
    }

    fn press(&mut self, message: &str, button: usize) -> Result<Vec<Told>, CannotDo> {
        self.known(message)?;
        let no_button = || CannotDo::NotNow(format!("{message} has no button {button}"));
        let kept = self.account.message(message).ok_or_else(no_button)?;
        let shown = kept
            .shown
            .buttons
            .get(button)
            .ok_or_else(no_button)?
            .clone();
        let reply = kept.replies.get(button).cloned().unwrap_or(Value::Null);
        if matches!(shown.does, Pressed::Opens(_)) {
            return Ok(Vec::new());
        }
        // The chat shows the answer as something the person wrote.
        let id = self.account.wrote(
            &self.conversation,
            &self.act.user,
            &shown.title,
            self.now_ms,
        );
        let context = [("context", self.context(message))];
        let kind = match reply.get("type").and_then(Value::as_str) {
            Some("button") => "button",
            _ => "interactive",
        };
        let body = match kind {
            "button" => json!({ "payload": shown.title, "text": shown.title }),
            _ => reply,
        };
        Ok(self.told(&id, kind, Some(body), &context))
    }

    fn file(&mut self, file: &File, text: &str) -> Vec<Told> {
        let media_id = self.account.media_id();
        self.account.media.insert(
            media_id.clone(),
            Stored {
                name: file.name.clone(),
                content_type: file.content_type.clone(),
                bytes: file.bytes.clone(),
            },
        );
        let kind = media::kind(&file.content_type);
        let mut body =
            json!({ "mime_type": file.content_type, "sha256": "c2ltdWxhdGVk", "id": media_id });
        if kind == "document" {
            put(&mut body, "filename", json!(file.name));
        }
        if kind == "audio" {
            put(&mut body, "voice", json!(false));
        }
        // Sounds and stickers have no caption: what is written with them is a message of its own.
        let captioned = !matches!(kind, "audio" | "sticker");
        if captioned && !text.is_empty() {
            put(&mut body, "caption", json!(text));
        }
        let shown = if captioned { text } else { "" };
        let id = self
            .account
            .wrote(&self.conversation, &self.act.user, shown, self.now_ms);
        if let Some(kept) = self.account.message_mut(&id) {
            kept.shown.files.push(file.clone());
        }
        let mut told = self.told(&id, kind, Some(body), &[]);
        if !captioned && !text.is_empty() {
            told.extend(self.text(text, None));
        }
        told
    }

    fn read(&mut self, message: &str) -> Result<Vec<Told>, CannotDo> {
        self.known(message)?;
        let up_to = self
            .account
            .messages
            .iter()
            .position(|kept| kept.shown.id == message);
        let read: Vec<String> = self
            .account
            .messages
            .iter()
            .take(up_to.map_or(0, |at| at + 1))
            .filter(|kept| {
                kept.conversation == self.conversation && kept.shown.author == Author::Bot
            })
            .map(|kept| kept.shown.id.clone())
            .collect();
        let told = read
            .iter()
            .rev()
            .take(1)
            .map(|id| status::told(self.account, id, "read", self.now_ms, None))
            .collect();
        Ok(told)
    }
}
