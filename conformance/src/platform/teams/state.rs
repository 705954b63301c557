//! Who and what there is: people, conversations, messages, files.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::super::{Author, Conversation, File, Place, Shown};
use super::identity::{APP, TENANT};
use super::{card, text};

/// The bot among the participants.
pub fn bot_id() -> String {
    format!("28:{APP}")
}

/// The bot's name.
pub const BOT_NAME: &str = "Simulated Desk";

/// A message.
pub struct Message {
    /// The platform's identifier.
    pub id: String,
    /// The conversation without its thread.
    pub conversation: String,
    /// In channels: the message its thread began with.
    pub thread: Option<String>,
    /// Whose.
    pub author: Author,
    /// The activity as it was sent, or `{"text"}` of a person's.
    pub activity: Value,
    /// The message it answers.
    pub reply_to: Option<String>,
    /// The one person who sees it, by the Connector's identifier.
    pub only_for: Option<String>,
    /// Files of a person's message.
    pub files: Vec<File>,
    /// Its text was changed.
    pub edited: bool,
    /// It was deleted.
    pub deleted: bool,
    /// Names of reactions, and whose.
    pub reactions: Vec<(String, Author)>,
}

/// Everything.
#[derive(Default)]
pub struct State {
    /// In the order in which they came.
    pub messages: Vec<Message>,
    /// Everybody the platform has heard of.
    pub people: BTreeSet<String>,
    /// Conversations, with what each is.
    pub conversations: BTreeMap<String, Kind>,
    /// Where the bot is shown to be typing.
    pub typing: BTreeSet<String>,
    /// Files in people's drives, by identifier.
    pub drive: BTreeMap<String, File>,
    /// Uploads that were opened by a consent: session and name.
    pub uploads: BTreeMap<String, String>,
    /// Open dialogues, by person.
    pub dialogues: BTreeMap<String, (String, Value)>,
    /// What the client said in passing, by person.
    pub notices: Vec<(String, String)>,
    /// When the bot sent to a conversation, for its rates.
    pub sent: BTreeMap<String, Vec<u64>>,
    count: u64,
}

/// What a conversation is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One person and the bot.
    Personal,
    /// Several and the bot.
    Group,
    /// A team's channel.
    Channel,
}

impl Kind {
    /// `conversationType`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Personal => "personal",
            Self::Group => "groupChat",
            Self::Channel => "channel",
        }
    }
}

/// Sets a member of an object.
pub fn put(object: &mut Value, name: &str, value: impl Into<Value>) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(name.to_owned(), value.into());
    }
}

/// Sets a member of an object that is a member of another.
pub fn put_in(object: &mut Value, name: &str, inner: &str, value: impl Into<Value>) {
    if let Some(member) = object.get_mut(name) {
        put(member, inner, value);
    }
}

/// The Connector's identifier of a person.
pub fn person_id(name: &str) -> String {
    format!("29:1{name}")
}

/// The identifier of Entra.
pub fn entra_id(name: &str) -> String {
    // FNV-1a: a name always has the same identity.
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("e07a0000-0000-4000-8000-{:012x}", hash & 0xffff_ffff_ffff)
}

/// Identifier and kind of a place's conversation.
pub fn conversation_of(place: &Place, user: &str) -> (String, Kind) {
    match place {
        Place::Direct => (format!("a:1{user}"), Kind::Personal),
        Place::Group(name) => (format!("19:{name}@thread.v2"), Kind::Group),
        Place::Channel(name) => (format!("19:{name}@thread.tacv2"), Kind::Channel),
    }
}

impl State {
    /// The next identifier of a message: milliseconds, never the same twice.
    pub fn next_id(&mut self, now_ms: u64) -> String {
        self.count += 1;
        (now_ms + self.count).to_string()
    }

    /// The conversation of a place, which is there from now on.
    pub fn enter(&mut self, place: &Place, user: &str) -> (String, Kind) {
        self.people.insert(user.to_owned());
        let (id, kind) = conversation_of(place, user);
        self.conversations.insert(id.clone(), kind);
        (id, kind)
    }

    /// A conversation as a channel names it.
    pub fn named(id: &str, thread: Option<&str>, kind: Kind) -> Conversation {
        Conversation {
            id: id.to_owned(),
            thread: thread.map(str::to_owned),
            direct: kind == Kind::Personal,
        }
    }

    /// The name of a person known by any of their identifiers.
    pub fn person(&self, id: &str) -> Option<&String> {
        self.people
            .iter()
            .find(|name| person_id(name) == id || entra_id(name) == id)
    }

    /// A message of a conversation.
    pub fn message(&mut self, conversation: &str, id: &str) -> Option<&mut Message> {
        self.messages
            .iter_mut()
            .find(|message| message.conversation == conversation && message.id == id)
    }

    /// As a person sees it.
    pub fn shown(&self, message: &Message) -> Shown {
        let mut shown = Shown::new(&message.id, message.author.clone(), "");
        let activity = &message.activity;
        let said = activity
            .get("text")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if activity.get("textFormat").and_then(Value::as_str) == Some("markdown") {
            text::markdown(said, &mut shown);
        } else {
            shown.text = said.to_owned();
        }
        let attachments = activity.get("attachments").and_then(Value::as_array);
        for attachment in attachments.into_iter().flatten() {
            self.attach(attachment, &mut shown);
        }
        card::suggested(activity, &mut shown);
        shown.files.extend(message.files.iter().cloned());
        shown.reply_to.clone_from(&message.reply_to);
        shown.thread.clone_from(&message.thread);
        shown.edited = message.edited;
        shown.deleted = message.deleted;
        let emoji =
            |(name, author): &(String, Author)| (text::emoji(name).to_owned(), author.clone());
        shown.reactions = message.reactions.iter().map(emoji).collect();
        let only = message.only_for.as_deref().and_then(|id| self.person(id));
        shown.only_for = only.cloned();
        shown
    }

    fn attach(&self, attachment: &Value, shown: &mut Shown) {
        let field = |name: &str| {
            attachment
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let content = attachment.get("content").unwrap_or(&Value::Null);
        match field("contentType") {
            card::ADAPTIVE => card::show(content, shown),
            card::CONSENT => card::offer(field("name"), shown),
            card::FILE_INFO => {
                let id = content.get("uniqueId").and_then(Value::as_str);
                if let Some(file) = id.and_then(|id| self.drive.get(id)) {
                    shown.files.push(file.clone());
                }
            }
            kind => {
                let encoded = field("contentUrl")
                    .split_once(";base64,")
                    .map(|(_, data)| data);
                shown.files.push(File {
                    name: field("name").to_owned(),
                    content_type: kind.to_owned(),
                    bytes: encoded.and_then(text::base64).unwrap_or_default(),
                });
            }
        }
    }

    /// An account as activities write it.
    pub fn account(name: &str) -> Value {
        json!({"id": person_id(name), "name": name, "aadObjectId": entra_id(name)})
    }

    /// `conversation` of an activity.
    pub fn place(id: &str, thread: Option<&str>, kind: Kind) -> Value {
        let id = match thread {
            Some(thread) => format!("{id};messageid={thread}"),
            None => id.to_owned(),
        };
        let mut place = json!({"id": id, "conversationType": kind.name(), "tenantId": TENANT});
        if let Some(fields) = place.as_object_mut().filter(|_| kind != Kind::Personal) {
            fields.insert("isGroup".into(), true.into());
        }
        place
    }
}
