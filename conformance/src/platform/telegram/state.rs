//! What the platform knows: chats, people, messages, files, the bot's webhook.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::markup::Keys;
use super::refusal::Refused;
use crate::platform::{Author, Button, Conversation, Place, Shown};

/// The bot's id.
pub const BOT: i64 = 7_000_000_001;
/// The bot's name.
pub const BOT_NAME: &str = "sample_bot";
const PEOPLE: i64 = 5_000_000_000;
const SUPERGROUPS: i64 = -1_002_000_000_000;
const CHANNELS: i64 = -1_003_000_000_000;
const GROUPS: i64 = -4_000_000;
/// Begins the name of a group of the older kind that became a supergroup meanwhile: its old id is refused.
const MOVED: &str = "basic-moved";
/// Ids of groups of the older kind that became supergroups lie below this.
const UPGRADED: i64 = -1_004_000_000_000;

/// A chat: whose it is or what it is called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Chat {
    /// With a person.
    Private(String),
    /// A supergroup; of the older kind while its name begins with `basic`.
    Group(String),
    /// A channel.
    Channel(String),
}

/// A message.
#[derive(Debug, Clone)]
pub struct Post {
    /// The chat.
    pub chat: i64,
    /// What is seen.
    pub shown: Shown,
    /// Its buttons.
    pub keys: Keys,
    /// It has no text but a caption.
    pub is_media: bool,
    /// The person's client opens an answer to it.
    pub forces_reply: bool,
    /// When, in milliseconds.
    pub at_ms: u64,
}

/// A file the platform keeps.
#[derive(Debug, Clone)]
pub struct Stored {
    /// `file_id`.
    pub id: String,
    /// `file_path`.
    pub path: String,
    /// Bytes.
    pub bytes: Vec<u8>,
    /// Media type.
    pub content_type: String,
}

/// What `setWebhook` said.
#[derive(Debug, Clone, Default)]
pub struct Hook {
    /// The secret for the header.
    pub secret: Option<String>,
    /// The kinds that are told; all of the usual ones when empty.
    pub allowed: Option<Vec<String>>,
}

/// Everything.
#[derive(Debug, Default)]
pub struct State {
    chats: Vec<(Chat, i64)>,
    people: Vec<String>,
    topics: Vec<(i64, String)>,
    /// All messages, in the order they came to be.
    pub posts: Vec<Post>,
    last_message: BTreeMap<i64, i64>,
    updates: i64,
    queries: i64,
    /// Files.
    pub files: Vec<Stored>,
    /// The menu.
    pub commands: Vec<(String, String)>,
    /// The webhook.
    pub hook: Option<Hook>,
    /// Pressed buttons that wait for an answer, with the chat.
    pub waiting: BTreeMap<String, i64>,
    /// What clients showed in passing, with the chat.
    pub notices: Vec<(i64, String)>,
    /// Until when the bot is shown to be typing.
    pub typing: BTreeMap<i64, u64>,
    /// People who blocked the bot.
    pub blocked: BTreeSet<i64>,
    /// When something was sent where, for rates.
    pub sent: Vec<(i64, u64)>,
}

impl State {
    /// A person's id.
    pub fn person(&mut self, name: &str) -> i64 {
        let index = self
            .people
            .iter()
            .position(|other| other == name)
            .unwrap_or_else(|| {
                self.people.push(name.to_owned());
                self.people.len() - 1
            });
        PEOPLE + 1 + number(index)
    }

    /// A chat's id.
    pub fn chat(&mut self, chat: &Chat) -> i64 {
        if let Chat::Private(name) = chat {
            return self.person(name);
        }
        if let Some((_, id)) = self.chats.iter().find(|(other, _)| other == chat) {
            return *id;
        }
        let next = number(self.chats.len()) + 1;
        let id = match chat {
            Chat::Group(name) if name.starts_with("basic") => GROUPS - next,
            Chat::Channel(_) => CHANNELS - next,
            _ => SUPERGROUPS - next,
        };
        self.chats.push((chat.clone(), id));
        id
    }

    /// The chat and topic a place is for a person. A group `name#topic` is a topic of a forum.
    pub fn place(&mut self, place: &Place, user: &str) -> (Chat, i64, Option<i64>) {
        let (chat, topic) = match place {
            Place::Direct => (Chat::Private(user.to_owned()), None),
            Place::Channel(name) => (Chat::Channel(name.clone()), None),
            Place::Group(name) => match name.split_once('#') {
                Some((name, topic)) => (Chat::Group(name.to_owned()), Some(topic)),
                None => (Chat::Group(name.clone()), None),
            },
        };
        let id = self.chat(&chat);
        let topic = topic.map(|topic| {
            let entry = (id, topic.to_owned());
            let index = self
                .topics
                .iter()
                .position(|other| *other == entry)
                .unwrap_or_else(|| {
                    self.topics.push(entry);
                    self.topics.len() - 1
                });
            900_000 + number(index)
        });
        (chat, id, topic)
    }

    /// The conversation a place is for a person.
    pub fn conversation(&mut self, place: &Place, user: &str) -> Conversation {
        let (_, id, topic) = self.place(place, user);
        Conversation {
            id: id.to_string(),
            thread: topic.map(|topic| topic.to_string()),
            direct: *place == Place::Direct,
        }
    }

    /// The chat a bot names by its id.
    pub fn known(&self, id: i64) -> Result<i64, Refused> {
        if id > PEOPLE && id - PEOPLE <= number(self.people.len()) {
            if self.blocked.contains(&id) {
                return Err(Refused::forbidden("bot was blocked by the user"));
            }
            return Ok(id);
        }
        // A group that moved is one chat under two ids.
        let old = if id < UPGRADED && id > UPGRADED - 1_000_000 {
            id - UPGRADED + GROUPS
        } else {
            id
        };
        match self.chats.iter().find(|(_, other)| *other == old) {
            Some((Chat::Group(name), _)) if old == id && name.starts_with(MOVED) => {
                Err(Refused::moved(id - GROUPS + UPGRADED))
            }
            Some(_) => Ok(old),
            None => Err(Refused::stands("chat not found")),
        }
    }

    /// Whether there is such a topic.
    pub fn has_topic(&self, chat: i64, topic: i64) -> bool {
        let index = usize::try_from(topic - 900_000).unwrap_or(usize::MAX);
        self.topics.get(index).is_some_and(|(of, _)| *of == chat)
    }

    /// A chat as JSON.
    pub fn chat_json(&self, id: i64) -> Value {
        let found = self.chats.iter().find(|(_, other)| *other == id);
        match found.map(|(chat, _)| chat) {
            Some(Chat::Channel(name)) => json!({"id": id, "type": "channel", "title": name}),
            Some(Chat::Group(name)) if name.starts_with("basic") => {
                json!({"id": id, "type": "group", "title": name, "all_members_are_administrators": true})
            }
            Some(Chat::Group(name)) => {
                let is_forum = self.topics.iter().any(|(of, _)| *of == id);
                json!({"id": id, "type": "supergroup", "title": name, "is_forum": is_forum})
            }
            _ => {
                let name = self.name(id);
                json!({"id": id, "type": "private", "first_name": name, "username": name})
            }
        }
    }

    /// A person as JSON.
    pub fn user_json(&self, id: i64) -> Value {
        if id == BOT {
            return json!({"id": BOT, "is_bot": true, "first_name": "Sample", "username": BOT_NAME});
        }
        let name = self.name(id);
        json!({"id": id, "is_bot": false, "first_name": name, "username": name, "language_code": "en"})
    }

    fn name(&self, id: i64) -> String {
        usize::try_from(id - PEOPLE - 1)
            .ok()
            .and_then(|index| self.people.get(index))
            .cloned()
            .unwrap_or_default()
    }

    /// The next message's id: each chat counts for itself.
    pub fn message_id(&mut self, chat: i64) -> i64 {
        let last = self.last_message.entry(chat).or_insert(100);
        *last += 1;
        *last
    }

    /// The next update's id.
    pub fn update_id(&mut self) -> i64 {
        self.updates += 1;
        834_000_000 + self.updates
    }

    /// The next id of a pressed button or an inline query.
    pub fn query_id(&mut self) -> String {
        self.queries += 1;
        format!("43290000000000{:04}", self.queries)
    }

    /// Keeps a file.
    pub fn keep(&mut self, name: &str, content_type: &str, bytes: Vec<u8>) -> Stored {
        let index = self.files.len() + 1;
        let folder = match content_type.split('/').next() {
            Some("image") => "photos",
            Some("video") => "videos",
            Some("audio") => "voice",
            _ => "documents",
        };
        let ending = name
            .rsplit_once('.')
            .map_or(String::new(), |(_, ending)| format!(".{ending}"));
        let stored = Stored {
            id: format!("BQACAgIAAxkBAAI{index:04}Zk-_x7"),
            path: format!("{folder}/file_{index}{ending}"),
            bytes,
            content_type: content_type.to_owned(),
        };
        self.files.push(stored.clone());
        stored
    }

    /// A message by its chat and id.
    pub fn post(&mut self, chat: i64, id: &str) -> Option<&mut Post> {
        self.posts
            .iter_mut()
            .find(|post| post.chat == chat && post.shown.id == id && !post.shown.deleted)
    }

    /// A message as JSON, as the platform shows it to the bot.
    pub fn message_json(&self, post: &Post, of_person: Option<i64>) -> Value {
        let id: i64 = post.shown.id.parse().unwrap_or_default();
        let from = of_person.map_or_else(|| self.user_json(BOT), |person| self.user_json(person));
        let mut message = json!({
            "message_id": id,
            "from": from,
            "chat": self.chat_json(post.chat),
            "date": post.at_ms / 1000,
        });
        if let Some(fields) = message.as_object_mut() {
            if post.shown.author == Author::Bot {
                let name = if post.is_media { "caption" } else { "text" };
                if !post.shown.text.is_empty() {
                    fields.insert(name.into(), post.shown.text.clone().into());
                }
            }
            if let Some(thread) = post
                .shown
                .thread
                .as_ref()
                .and_then(|thread| thread.parse::<i64>().ok())
            {
                fields.insert("message_thread_id".into(), thread.into());
                fields.insert("is_topic_message".into(), true.into());
            }
            let told: Vec<Value> = post
                .keys
                .iter()
                .filter_map(|(Button { title, .. }, data)| {
                    data.as_ref()
                        .map(|data| json!([{"text": title, "callback_data": data}]))
                })
                .collect();
            if !told.is_empty() {
                fields.insert("reply_markup".into(), json!({"inline_keyboard": told}));
            }
        }
        message
    }

    /// Whether a kind of update is told to the bot.
    pub fn tells(&self, kind: &str) -> bool {
        match self.hook.as_ref().map(|hook| &hook.allowed) {
            None => true,
            Some(None) => !matches!(
                kind,
                "chat_member" | "message_reaction" | "message_reaction_count"
            ),
            Some(Some(allowed)) => allowed.iter().any(|other| other == kind),
        }
    }
}

fn number(index: usize) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX / 2)
}
