//! Where a message stands: a chat, and inside it the line of talk.
//!
//! A conversation's id is the chat's id as Telegram gives it. Its thread says which line of talk is meant, because each of
//! them is answered in another way:
//!
//! | thread | what it is |
//! |---|---|
//! | none | the chat itself, the general topic of a forum included |
//! | `123` | a topic of a forum, or of a private chat that has topics (`message_thread_id`) |
//! | `direct:123` | a topic of a channel's direct messages (`direct_messages_topic_id`) |
//! | `business:ID` | a chat of a business account, through that connection |
//! | `guest:ID` | a chat the bot is no member of and was called in; it has one answer |

use greentic_sdk::model::{Conversation, ConversationKind};
use serde_json::{Map, Value, json};

use crate::bounds;
use crate::update::{Chat, Message};

const DIRECT: &str = "direct:";
const BUSINESS: &str = "business:";
const GUEST: &str = "guest:";

/// A line of talk inside a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// The chat itself.
    Main,
    /// A topic.
    Topic(i64),
    /// A topic of a channel's direct messages.
    Direct(i64),
    /// Through a connection to a business account.
    Business(String),
    /// A call from a chat the bot is no member of.
    Guest(String),
}

/// A chat and a line of talk in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The chat's id.
    pub chat: i64,
    /// Which line of talk.
    pub line: Line,
}

impl Place {
    /// Reads a conversation's id and thread.
    ///
    /// # Errors
    /// When they are not of this channel's form.
    pub fn of(conversation: &Conversation) -> Result<Self, String> {
        let chat = conversation.id.parse().map_err(|_| {
            format!(
                "conversation `{}`: a chat's id is a number",
                conversation.id
            )
        })?;
        let line = match conversation.thread.as_deref() {
            None | Some("") => Line::Main,
            Some(thread) => read_thread(thread)
                .ok_or_else(|| format!("thread `{thread}`: neither a topic nor a connection"))?,
        };
        Ok(Self { chat, line })
    }

    /// Whether it is a group of the older kind, the only one whose id can change.
    #[must_use]
    pub fn may_move(&self) -> bool {
        self.chat < 0 && self.chat > -1_000_000_000_000
    }

    /// Writes where to send into a method's parameters.
    pub fn put(&self, parameters: &mut Map<String, Value>) {
        parameters.insert("chat_id".into(), self.chat.into());
        match &self.line {
            Line::Topic(id) => parameters.insert("message_thread_id".into(), (*id).into()),
            Line::Direct(id) => parameters.insert("direct_messages_topic_id".into(), (*id).into()),
            Line::Business(id) => parameters.insert("business_connection_id".into(), json!(id)),
            Line::Main | Line::Guest(_) => None,
        };
    }

    /// Writes which message's chat is meant, for methods that change a message and know no topics.
    pub fn put_chat(&self, parameters: &mut Map<String, Value>) {
        parameters.insert("chat_id".into(), self.chat.into());
        if let Line::Business(id) = &self.line {
            parameters.insert("business_connection_id".into(), json!(id));
        }
    }
}

fn read_thread(thread: &str) -> Option<Line> {
    if let Some(id) = thread.strip_prefix(DIRECT) {
        return id.parse().ok().map(Line::Direct);
    }
    let named = |prefix| {
        thread
            .strip_prefix(prefix)
            .filter(|id: &&str| !id.is_empty())
            .map(str::to_owned)
    };
    named(BUSINESS)
        .map(Line::Business)
        .or_else(|| named(GUEST).map(Line::Guest))
        .or_else(|| thread.parse().ok().map(Line::Topic))
}

/// The conversation a chat is.
#[must_use]
pub fn conversation(chat: &Chat, thread: Option<String>) -> Conversation {
    Conversation {
        id: chat.id.to_string(),
        thread: thread.map(|thread| bounds::cut(thread, bounds::ID_BYTES)),
        kind: match chat.kind.as_str() {
            "group" | "supergroup" => ConversationKind::Group,
            "channel" => ConversationKind::Channel,
            _ => ConversationKind::Direct,
        },
    }
}

/// The conversation through a connection to a business account.
#[must_use]
pub fn business(chat: &Chat, connection: &str) -> Conversation {
    conversation(chat, Some(format!("{BUSINESS}{connection}")))
}

/// The conversation a message stands in.
///
/// `message_thread_id` alone says nothing: in groups without topics it names the message a chain of replies began with.
#[must_use]
pub fn of_message(message: &Message) -> Conversation {
    let thread = if let Some(query) = &message.guest_query_id {
        Some(format!("{GUEST}{query}"))
    } else if let Some(connection) = &message.business_connection_id {
        Some(format!("{BUSINESS}{connection}"))
    } else if let Some(topic) = &message.direct_messages_topic {
        Some(format!("{DIRECT}{}", topic.topic_id))
    } else if message.is_topic_message {
        message.message_thread_id.map(|id| id.to_string())
    } else {
        None
    };
    conversation(&message.chat, thread)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(id: &str, thread: Option<&str>) -> Result<Place, String> {
        Place::of(&Conversation {
            id: id.into(),
            thread: thread.map(str::to_owned),
            kind: ConversationKind::Group,
        })
    }

    #[test]
    fn every_line_of_talk_is_written_as_the_parameter_telegram_wants_for_it() {
        for (thread, parameter) in [
            (None, json!({"chat_id": -1001})),
            (
                Some("33"),
                json!({"chat_id": -1001, "message_thread_id": 33}),
            ),
            (
                Some("direct:7"),
                json!({"chat_id": -1001, "direct_messages_topic_id": 7}),
            ),
            (
                Some("business:Ab_1"),
                json!({"chat_id": -1001, "business_connection_id": "Ab_1"}),
            ),
            (Some("guest:q"), json!({"chat_id": -1001})),
        ] {
            let mut parameters = Map::new();
            read("-1001", thread).unwrap().put(&mut parameters);
            assert_eq!(Value::Object(parameters), parameter, "{thread:?}");
        }
    }

    #[test]
    fn what_is_no_chat_or_no_line_of_talk_is_refused_by_name() {
        assert!(read("@channel", None).unwrap_err().contains("@channel"));
        assert!(read("", None).is_err());
        for thread in ["x", "direct:", "direct:x", "business:", "guest:"] {
            assert!(read("1", Some(thread)).unwrap_err().contains(thread));
        }
    }

    #[test]
    fn only_groups_of_the_older_kind_may_move() {
        for (chat, moves) in [
            ("-4021", true),
            ("-1001234567890", false),
            ("52998800", false),
        ] {
            assert_eq!(read(chat, None).unwrap().may_move(), moves, "{chat}");
        }
    }
}
