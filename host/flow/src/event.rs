//! What comes in: one event of a conversation, as channels report it.
//!
//! The shapes mirror `greentic:types` of the contract. A flow sees an event as JSON under `entry` (and `in`), and the
//! part a user answered with under `response`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Id given by the platform.
    pub id: String,
    /// What stays the same when the platform sends the event again.
    pub dedupe_key: String,
    /// When it happened, milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// Where.
    pub conversation: Conversation,
    /// Who.
    pub sender: Participant,
    /// The message this one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// What.
    pub body: EventBody,
}

/// Where an event happened.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Conversation {
    /// Platform's id.
    pub id: String,
    /// Thread in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// `direct`, `group` or `channel`.
    pub kind: String,
}

/// Who caused an event.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Participant {
    /// Platform's id.
    pub id: String,
    /// Display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// BCP 47 tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// Whether it is a machine.
    #[serde(default)]
    pub is_bot: bool,
}

/// A file that came with a message.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct InboundAttachment {
    /// File name.
    pub name: String,
    /// Media type.
    pub content_type: String,
    /// Where its bytes are, when they did not come along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Size in bytes, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum EventBody {
    /// The user wrote something.
    Message {
        /// The text; empty when only files came.
        text: String,
        /// Files.
        #[serde(default)]
        attachments: Vec<InboundAttachment>,
    },
    /// A button was pressed or a card submitted.
    Postback {
        /// What the button or form carries.
        data: Value,
        /// What the platform shows for it.
        text: Option<String>,
        /// The message it belongs to.
        message_id: Option<String>,
    },
    /// `/name arguments`.
    Command {
        /// Without the slash.
        name: String,
        /// The rest of the line.
        arguments: String,
    },
    /// A message was changed.
    Edited {
        /// Which.
        message_id: String,
        /// Its new text.
        text: String,
    },
    /// A message was taken back.
    Deleted {
        /// Which.
        message_id: String,
    },
    /// A reaction was added or removed.
    Reaction {
        /// To which message.
        message_id: String,
        /// Emoji or its name.
        emoji: String,
        /// True when set, false when taken away.
        added: bool,
    },
    /// Somebody came.
    Joined {
        /// Who.
        members: Vec<Participant>,
    },
    /// Somebody went.
    Left {
        /// Who.
        members: Vec<Participant>,
    },
    /// The user is typing.
    Typing,
    /// What became of a message we sent.
    DeliveryStatus {
        /// Which.
        message_id: String,
        /// `sent`, `delivered`, `read` or `failed`.
        state: String,
        /// Why, when it failed.
        error: Option<String>,
    },
    /// Anything else, by name.
    Custom {
        /// Its name.
        name: String,
        /// Its data.
        data: Value,
    },
}

/// Kinds of events, as names in files and entrypoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// See [`EventBody::Message`].
    Message,
    /// See [`EventBody::Postback`].
    Postback,
    /// See [`EventBody::Command`].
    Command,
    /// See [`EventBody::Edited`].
    Edited,
    /// See [`EventBody::Deleted`].
    Deleted,
    /// See [`EventBody::Reaction`].
    Reaction,
    /// See [`EventBody::Joined`].
    Joined,
    /// See [`EventBody::Left`].
    Left,
    /// See [`EventBody::Typing`].
    Typing,
    /// See [`EventBody::DeliveryStatus`].
    DeliveryStatus,
    /// See [`EventBody::Custom`].
    Custom,
}

impl EventKind {
    /// Every kind with its name in files.
    pub const NAMES: [(&'static str, Self); 11] = [
        ("message", Self::Message),
        ("postback", Self::Postback),
        ("command", Self::Command),
        ("edited", Self::Edited),
        ("deleted", Self::Deleted),
        ("reaction", Self::Reaction),
        ("joined", Self::Joined),
        ("left", Self::Left),
        ("typing", Self::Typing),
        ("delivery-status", Self::DeliveryStatus),
        ("custom", Self::Custom),
    ];

    /// The name in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES
            .iter()
            .find(|(_, kind)| *kind == self)
            .map_or("custom", |(name, _)| name)
    }

    /// The kind of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, kind)| *kind)
    }

    /// Kinds by which a person speaks to a flow: they start it and end a wait without being named.
    #[must_use]
    pub fn speaks(self) -> bool {
        matches!(
            self,
            Self::Message | Self::Postback | Self::Command | Self::Custom
        )
    }
}

impl Event {
    /// The kind of the body.
    #[must_use]
    pub fn kind(&self) -> EventKind {
        match &self.body {
            EventBody::Message { .. } => EventKind::Message,
            EventBody::Postback { .. } => EventKind::Postback,
            EventBody::Command { .. } => EventKind::Command,
            EventBody::Edited { .. } => EventKind::Edited,
            EventBody::Deleted { .. } => EventKind::Deleted,
            EventBody::Reaction { .. } => EventKind::Reaction,
            EventBody::Joined { .. } => EventKind::Joined,
            EventBody::Left { .. } => EventKind::Left,
            EventBody::Typing => EventKind::Typing,
            EventBody::DeliveryStatus { .. } => EventKind::DeliveryStatus,
            EventBody::Custom { .. } => EventKind::Custom,
        }
    }

    /// Fields at the top of `entry`, for checks at load.
    pub const ENTRY_FIELDS: [&'static str; 19] = [
        "id",
        "at",
        "kind",
        "conversation",
        "user",
        "reply_to",
        "text",
        "attachments",
        "action",
        "data",
        "command",
        "arguments",
        "message_id",
        "emoji",
        "added",
        "members",
        "status",
        "name",
        "from",
    ];

    /// The event as flows see it under `entry` and `in`.
    #[must_use]
    pub fn entry(&self) -> Value {
        let mut entry = Map::with_capacity(10);
        entry.insert("kind".into(), self.kind().name().into());
        entry.insert("id".into(), self.id.as_str().into());
        entry.insert("at".into(), self.time_ms.into());
        let user = person(&self.sender);
        entry.insert("from".into(), self.sender.id.as_str().into());
        entry.insert("user".into(), user);
        entry.insert(
            "conversation".into(),
            json!({"id": self.conversation.id, "thread": self.conversation.thread, "kind": self.conversation.kind}),
        );
        if let Some(reply_to) = &self.reply_to {
            entry.insert("reply_to".into(), reply_to.as_str().into());
        }
        self.add_body(&mut entry);
        Value::Object(entry)
    }

    fn add_body(&self, entry: &mut Map<String, Value>) {
        let mut put = |name: &str, value: Value| {
            entry.insert(name.into(), value);
        };
        match &self.body {
            EventBody::Message { text, attachments } => {
                put("text", text.as_str().into());
                if !attachments.is_empty() {
                    let list = attachments
                        .iter()
                        .map(|file| json!({"name": file.name, "content_type": file.content_type, "url": file.url, "size": file.size}));
                    put("attachments", list.collect());
                }
            }
            EventBody::Postback {
                data,
                text,
                message_id,
            } => {
                if let Some(message_id) = message_id {
                    put("message_id", message_id.as_str().into());
                }
                put("action", self.action().map_or(Value::Null, Value::from));
                put("data", data.clone());
                put("text", text.as_deref().unwrap_or_default().into());
            }
            EventBody::Command { name, arguments } => {
                put("command", name.as_str().into());
                put("arguments", arguments.as_str().into());
                put(
                    "text",
                    if arguments.is_empty() {
                        format!("/{name}")
                    } else {
                        format!("/{name} {arguments}")
                    }
                    .into(),
                );
            }
            EventBody::Edited { message_id, text } => {
                put("message_id", message_id.as_str().into());
                put("text", text.as_str().into());
            }
            EventBody::Deleted { message_id } => put("message_id", message_id.as_str().into()),
            EventBody::Reaction {
                message_id,
                emoji,
                added,
            } => {
                put("message_id", message_id.as_str().into());
                put("emoji", emoji.as_str().into());
                put("added", (*added).into());
            }
            EventBody::Joined { members } | EventBody::Left { members } => {
                put("members", members.iter().map(person).collect());
            }
            EventBody::Typing => {}
            EventBody::DeliveryStatus {
                message_id, state, ..
            } => {
                put("message_id", message_id.as_str().into());
                put("status", state.as_str().into());
            }
            EventBody::Custom { name, data } => {
                put("name", name.as_str().into());
                put("data", data.clone());
            }
        }
    }

    /// What the user chose: the field `action` of a postback's data, the data itself when it is a text, or a command.
    fn action(&self) -> Option<&str> {
        match &self.body {
            EventBody::Postback {
                data: Value::String(data),
                ..
            } => Some(data),
            EventBody::Postback { data, .. } => data.get("action").and_then(Value::as_str),
            EventBody::Command { name, .. } => Some(name),
            _ => None,
        }
    }

    /// What the user answered, as flows see it under `response`: the fields of the data, then `text`, `action` and
    /// `data`; the later win.
    #[must_use]
    pub fn response(&self) -> Value {
        let mut response = Map::with_capacity(4);
        match &self.body {
            EventBody::Message { text, .. } | EventBody::Edited { text, .. } => {
                response.insert("text".into(), text.as_str().into());
            }
            EventBody::Postback { data, text, .. } => {
                spread(data, &mut response);
                if let Some(text) = text {
                    response.insert("text".into(), text.as_str().into());
                } else if let Value::String(text) = data {
                    response.insert("text".into(), text.as_str().into());
                }
                response.insert("data".into(), data.clone());
            }
            EventBody::Command { name, arguments } => {
                response.insert("command".into(), name.as_str().into());
                response.insert("text".into(), arguments.as_str().into());
            }
            EventBody::Custom { name, data } => {
                spread(data, &mut response);
                response.insert("name".into(), name.as_str().into());
                response.insert("data".into(), data.clone());
            }
            _ => {}
        }
        if let Some(action) = self.action() {
            response.insert("action".into(), action.into());
        }
        Value::Object(response)
    }
}

fn person(who: &Participant) -> Value {
    json!({"id": who.id, "name": who.name, "locale": who.locale, "is_bot": who.is_bot})
}

fn spread(data: &Value, into: &mut Map<String, Value>) {
    if let Value::Object(fields) = data {
        for (name, value) in fields {
            into.insert(name.clone(), value.clone());
        }
    }
}
