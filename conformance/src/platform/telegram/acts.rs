//! What people do, as the updates the bot is told.

use serde_json::{Value, json};

use super::Telegram;
use super::state::{BOT, BOT_NAME, Chat, Post, State};
use crate::platform::{
    Act, Action, Author, CannotDo, Conversation, Done, File, Place, Pressed, Shown, Webhook,
};

/// An act under way.
struct Scene<'a> {
    state: &'a mut State,
    user: i64,
    name: &'a str,
    chat: i64,
    kind: Chat,
    topic: Option<i64>,
    now_ms: u64,
    told: Vec<(&'static str, Value)>,
}

impl Telegram {
    /// Plays an act.
    pub(super) fn play(&self, state: &mut State, act: &Act) -> Result<Done, CannotDo> {
        let (kind, chat, topic) = state.place(&act.place, &act.user);
        let user = state.person(&act.user);
        let mut scene = Scene {
            user,
            name: &act.user,
            chat,
            kind,
            topic,
            now_ms: self.desk.now_ms(),
            told: Vec::new(),
            state,
        };
        let message = scene.action(&act.action)?;
        let sender = if let Chat::Channel(_) = scene.kind {
            chat
        } else {
            user
        };
        let told = std::mem::take(&mut scene.told);
        let mut webhooks = Vec::new();
        for (kind, value) in told {
            if state.tells(kind) {
                webhooks.push(update(state, kind, value).in_queue(chat.to_string()));
            }
        }
        Ok(Done {
            message,
            conversation: Conversation {
                id: chat.to_string(),
                thread: topic.map(|topic| topic.to_string()),
                direct: act.place == Place::Direct,
            },
            sender: sender.to_string(),
            webhooks,
        })
    }
}

/// An update of this kind.
pub fn update(state: &mut State, kind: &str, value: Value) -> Webhook {
    let id = state.update_id();
    let mut body = json!({ "update_id": id });
    if let Some(fields) = body.as_object_mut() {
        fields.insert(kind.into(), value);
    }
    Webhook::json(id.to_string(), &body)
}

impl Scene<'_> {
    fn action(&mut self, action: &Action) -> Result<Option<String>, CannotDo> {
        match action {
            // A client opens an answer where the bot asked for one, so what is written is that answer.
            Action::Say(text) => match self.open_question() {
                Some(to) => self.action(&Action::Reply {
                    to,
                    text: text.clone(),
                }),
                None => Ok(Some(self.say(text, None, json!({"text": text})))),
            },
            Action::Reply { to, text } => {
                let answered = self.found(to)?;
                let of = (answered.shown.author != Author::Bot).then_some(self.user);
                let mut answered_json = self.state.message_json(&answered, of);
                if let (Some(fields), Author::Person(_)) =
                    (answered_json.as_object_mut(), &answered.shown.author)
                {
                    fields.insert("text".into(), answered.shown.text.clone().into());
                }
                let content = json!({"text": text, "reply_to_message": answered_json});
                Ok(Some(self.say(text, Some(to.clone()), content)))
            }
            Action::Command { name, arguments } => {
                let at = match self.kind {
                    Chat::Private(_) => String::new(),
                    _ => format!("@{BOT_NAME}"),
                };
                let head = format!("/{name}{at}");
                let text = format!("{head} {arguments}").trim_end().to_owned();
                let entity = json!({"type": "bot_command", "offset": 0, "length": head.len()});
                Ok(Some(self.say(
                    &text,
                    None,
                    json!({"text": text, "entities": [entity]}),
                )))
            }
            Action::SendFile { file, text } => Ok(Some(self.send_file(file, text))),
            Action::Press { message, button } => self.press(message, *button),
            // Bots are not told what people delete or have read, and there are no forms in a chat.
            Action::Submit { .. } | Action::Read { .. } | Action::Delete { .. } => {
                Err(CannotDo::NoSuchThing)
            }
            Action::Edit { message, text } => {
                let mut post = self.found(message)?;
                self.of_own(&post)?;
                text.clone_into(&mut post.shown.text);
                post.shown.edited = true;
                let mut value = self.message(&post, json!({"text": text}));
                set(&mut value, "edit_date", json!(self.now_ms / 1000));
                self.replace(post);
                let kind = if let Chat::Channel(_) = self.kind {
                    "edited_channel_post"
                } else {
                    "edited_message"
                };
                self.told.push((kind, value));
                Ok(Some(message.clone()))
            }
            Action::React {
                message,
                emoji,
                added,
            } => self.react(message, emoji, *added),
            Action::Join => self.comes_or_goes(true),
            Action::Leave => self.comes_or_goes(false),
        }
    }

    /// The last message here, where it asks for an answer.
    fn open_question(&self) -> Option<String> {
        let topic = self.topic.map(|topic| topic.to_string());
        let mut here = self.state.posts.iter().rev();
        let last = here.find(|post| post.chat == self.chat && post.shown.thread == topic)?;
        last.forces_reply.then(|| last.shown.id.clone())
    }

    fn found(&mut self, id: &str) -> Result<Post, CannotDo> {
        self.state
            .post(self.chat, id)
            .map(|post| post.clone())
            .ok_or_else(|| CannotDo::NotNow(format!("there is no message {id} here")))
    }

    fn of_own(&self, post: &Post) -> Result<(), CannotDo> {
        if post.shown.author == Author::Person(self.name.to_owned()) {
            return Ok(());
        }
        Err(CannotDo::NotNow("it is not their own message".into()))
    }

    fn replace(&mut self, post: Post) {
        if let Some(kept) = self.state.post(self.chat, &post.shown.id.clone()) {
            *kept = post;
        }
    }

    /// A message with its content.
    fn message(&self, post: &Post, content: Value) -> Value {
        let mut message = self.state.message_json(post, Some(self.user));
        for (name, value) in content.as_object().into_iter().flatten() {
            set(&mut message, name, value.clone());
        }
        if let (Chat::Channel(_), Some(fields)) = (&self.kind, message.as_object_mut()) {
            fields.remove("from");
            fields.insert("sender_chat".into(), self.state.chat_json(self.chat));
        }
        message
    }

    fn put(&mut self, shown: Shown, content: Value) -> String {
        let id = shown.id.clone();
        let post = Post {
            chat: self.chat,
            shown,
            keys: Vec::new(),
            is_media: false,
            forces_reply: false,
            at_ms: self.now_ms,
        };
        let value = self.message(&post, content);
        self.state.posts.push(post);
        let kind = if let Chat::Channel(_) = self.kind {
            "channel_post"
        } else {
            "message"
        };
        self.told.push((kind, value));
        id
    }

    fn shown(&mut self, text: &str) -> Shown {
        let id = self.state.message_id(self.chat).to_string();
        let mut shown = Shown::new(id, Author::Person(self.name.to_owned()), text);
        shown.thread = self.topic.map(|topic| topic.to_string());
        shown
    }

    fn say(&mut self, text: &str, reply_to: Option<String>, content: Value) -> String {
        let mut shown = self.shown(text);
        shown.reply_to = reply_to;
        self.put(shown, content)
    }

    fn send_file(&mut self, file: &File, text: &str) -> String {
        let stored = self
            .state
            .keep(&file.name, &file.content_type, file.bytes.clone());
        let common =
            json!({"file_id": stored.id, "file_unique_id": "AgAD", "file_size": file.bytes.len()});
        let with = |more: Value| {
            let mut value = common.clone();
            for (name, field) in more.as_object().into_iter().flatten() {
                set(&mut value, name, field.clone());
            }
            value
        };
        let mime = json!({"file_name": file.name, "mime_type": file.content_type});
        let mut content = match file.content_type.as_str() {
            // Photos come in sizes, smallest first, and have lost their names.
            "image/jpeg" => {
                let small = json!({"file_id": format!("{}s", stored.id), "file_unique_id": "AgADs", "file_size": 900, "width": 90, "height": 67});
                json!({"photo": [small, with(json!({"width": 800, "height": 600}))]})
            }
            "audio/ogg" => json!({"voice": with(json!({"duration": 2, "mime_type": "audio/ogg"}))}),
            "audio/mpeg" => {
                json!({"audio": with(json!({"duration": 2, "file_name": file.name, "mime_type": "audio/mpeg"}))})
            }
            "video/mp4" => {
                json!({"video": with(json!({"duration": 2, "width": 640, "height": 480, "file_name": file.name, "mime_type": "video/mp4"}))})
            }
            "image/webp" => {
                json!({"sticker": with(json!({"type": "regular", "width": 512, "height": 512, "is_animated": false, "is_video": false, "emoji": "🙂"}))})
            }
            _ => json!({"document": with(mime)}),
        };
        if !text.is_empty() && content.get("sticker").is_none() {
            set(&mut content, "caption", json!(text));
        }
        let mut shown = self.shown(text);
        shown.files.push(file.clone());
        self.put(shown, content)
    }

    fn press(&mut self, id: &str, button: usize) -> Result<Option<String>, CannotDo> {
        let post = self.found(id)?;
        let (key, data) = post
            .keys
            .get(button)
            .ok_or_else(|| CannotDo::NotNow(format!("message {id} has no button {button}")))?;
        match &key.does {
            Pressed::Opens(_) => Ok(Some(id.to_owned())),
            Pressed::Says => {
                let title = key.title.clone();
                Ok(Some(self.say(&title, None, json!({"text": title}))))
            }
            Pressed::Tells => {
                let query = self.state.query_id();
                self.state.waiting.insert(query.clone(), self.chat);
                let value = json!({
                    "id": query,
                    "from": self.state.user_json(self.user),
                    "message": self.state.message_json(&post, None),
                    "chat_instance": "-3812345678901234567",
                    "data": data,
                });
                self.told.push(("callback_query", value));
                Ok(Some(id.to_owned()))
            }
        }
    }

    fn react(&mut self, id: &str, emoji: &str, added: bool) -> Result<Option<String>, CannotDo> {
        let mut post = self.found(id)?;
        let author = Author::Person(self.name.to_owned());
        let of = |post: &Post| -> Vec<Value> {
            let own = post
                .shown
                .reactions
                .iter()
                .filter(|(_, other)| *other == author);
            own.map(|(emoji, _)| json!({"type": "emoji", "emoji": emoji}))
                .collect()
        };
        let old = of(&post);
        post.shown
            .reactions
            .retain(|(other, by)| !(*by == author && (added || other == emoji)));
        if added {
            post.shown
                .reactions
                .push((emoji.to_owned(), author.clone()));
        }
        let new = of(&post);
        self.replace(post);
        let message: i64 = id.parse().unwrap_or_default();
        let value = json!({
            "chat": self.state.chat_json(self.chat),
            "message_id": message,
            "user": self.state.user_json(self.user),
            "date": self.now_ms / 1000,
            "old_reaction": old,
            "new_reaction": new,
        });
        self.told.push(("message_reaction", value));
        Ok(Some(id.to_owned()))
    }

    /// People come into groups with a line in the chat; in a private chat they block the bot or take it back.
    fn comes_or_goes(&mut self, comes: bool) -> Result<Option<String>, CannotDo> {
        let status = |is_in: bool, user: Value| json!({"status": if is_in { "member" } else { "left" }, "user": user});
        let person = self.state.user_json(self.user);
        let date = self.now_ms / 1000;
        let chat = self.state.chat_json(self.chat);
        match self.kind {
            Chat::Private(_) => {
                if comes {
                    self.state.blocked.remove(&self.user);
                } else {
                    self.state.blocked.insert(self.user);
                }
                let bot = self.state.user_json(BOT);
                let kept_out = |is_in: bool, bot: Value| {
                    if is_in {
                        json!({"status": "member", "user": bot})
                    } else {
                        json!({"status": "kicked", "user": bot, "until_date": 0})
                    }
                };
                let value = json!({
                    "chat": chat, "from": person, "date": date,
                    "old_chat_member": kept_out(!comes, bot.clone()),
                    "new_chat_member": kept_out(comes, bot),
                });
                self.told.push(("my_chat_member", value));
                Ok(None)
            }
            Chat::Group(_) => {
                if self.state.hook.is_some() && self.state.tells("chat_member") {
                    let value = json!({
                        "chat": chat, "from": person, "date": date,
                        "old_chat_member": status(!comes, person.clone()),
                        "new_chat_member": status(comes, person.clone()),
                    });
                    self.told.push(("chat_member", value));
                }
                let content = if comes {
                    json!({"new_chat_participant": person, "new_chat_member": person, "new_chat_members": [person]})
                } else {
                    json!({"left_chat_participant": person, "left_chat_member": person})
                };
                let text = if comes {
                    "joined the group"
                } else {
                    "left the group"
                };
                Ok(Some(self.say(text, None, content)))
            }
            Chat::Channel(_) => Err(CannotDo::NoSuchThing),
        }
    }
}

fn set(value: &mut Value, name: &str, field: Value) {
    if let Some(fields) = value.as_object_mut() {
        fields.insert(name.to_owned(), field);
    }
}
