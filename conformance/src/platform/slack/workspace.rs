//! The state of the simulated workspace: who is there, what was posted, what is open.

use std::collections::HashMap;

use serde_json::Value;

use crate::platform::{Author, Conversation, File, Place};

/// The workspace.
pub const TEAM: &str = "T0WORKSPACE";
/// The app.
pub const APP: &str = "A0APP";
/// The bot's user.
pub const BOT_USER: &str = "U0BOT";
/// The bot.
pub const BOT: &str = "B0BOT";

/// A message.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its timestamp, which is its identifier in the channel.
    pub ts: String,
    /// The channel's id.
    pub channel: String,
    /// Whose it is.
    pub author: Author,
    /// The text as it was posted, escaped.
    pub text: String,
    /// The text is not to be read as markup.
    pub verbatim: bool,
    /// The blocks.
    pub blocks: Vec<Value>,
    /// The thread's parent.
    pub thread: Option<String>,
    /// Files, by their ids.
    pub files: Vec<String>,
    /// The user who alone sees it.
    pub only_for: Option<String>,
    /// It was changed.
    pub edited: bool,
    /// It was deleted.
    pub deleted: bool,
    /// Short names, and who reacted by user id.
    pub reactions: Vec<(String, String)>,
}

/// A file.
#[derive(Debug, Clone)]
pub struct Stored {
    /// What it is.
    pub file: File,
    /// Its bytes have come.
    pub uploaded: bool,
    /// How many bytes were announced.
    pub announced: usize,
    /// It was shared, so it cannot be completed again.
    pub shared: bool,
}

/// What lets the bot open a modal.
#[derive(Debug, Clone)]
pub struct Trigger {
    /// Whose action made it.
    pub user: String,
    /// When, in milliseconds.
    pub made_ms: u64,
    /// It was used.
    pub used: bool,
}

/// An address by which an interaction is answered.
#[derive(Debug, Clone)]
pub struct Answerable {
    /// The channel's id.
    pub channel: String,
    /// The user's id.
    pub user: String,
    /// When it was made, in milliseconds.
    pub made_ms: u64,
    /// How often it was used.
    pub uses: u32,
    /// The message the interaction was about.
    pub message: Option<String>,
}

/// An open modal.
#[derive(Debug, Clone)]
pub struct View {
    /// Its id, `V…`.
    pub id: String,
    /// What was opened.
    pub view: Value,
}

/// Everything.
#[derive(Debug, Default)]
pub struct Workspace {
    counter: u64,
    /// Names by user id.
    pub people: HashMap<String, String>,
    /// Places by channel id.
    pub places: HashMap<String, Place>,
    /// In the order of posting.
    pub messages: Vec<Message>,
    /// By id.
    pub files: HashMap<String, Stored>,
    /// By id.
    pub triggers: HashMap<String, Trigger>,
    /// By the last part of their address.
    pub answerable: HashMap<String, Answerable>,
    /// By user id.
    pub views: HashMap<String, View>,
    /// Threads (channel and parent) in which the bot is shown to be at work.
    pub statuses: HashMap<(String, String), String>,
    /// Threads of the assistant.
    pub assistant: Vec<(String, String)>,
    /// What was said in passing, with the user's id.
    pub notices: Vec<(String, String)>,
    /// When the bot last posted to a channel, in milliseconds.
    pub posted_ms: HashMap<String, u64>,
}

fn upper(name: &str) -> String {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|c| c.to_ascii_uppercase()).collect()
}

impl Workspace {
    /// A number nothing else has.
    pub fn next(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// A timestamp that is later than every other.
    pub fn ts(&mut self, now_ms: u64) -> String {
        let number = self.next();
        format!("{}.{:06}", now_ms / 1000, 100_000 + number % 900_000)
    }

    /// The user of a name.
    pub fn user(&mut self, name: &str) -> String {
        let id = format!("U{}", upper(name));
        self.people.insert(id.clone(), name.to_owned());
        id
    }

    /// The name of a user.
    pub fn name(&self, id: &str) -> String {
        self.people
            .get(id)
            .cloned()
            .unwrap_or_else(|| id.to_owned())
    }

    /// The channel of a place, for this person.
    pub fn channel(&mut self, place: &Place, user: &str) -> String {
        let id = channel_id(place, user);
        self.places.insert(id.clone(), place.clone());
        id
    }

    /// The message of that timestamp in a channel.
    pub fn message(&mut self, channel: &str, ts: &str) -> Option<&mut Message> {
        self.messages
            .iter_mut()
            .find(|message| message.channel == channel && message.ts == ts && !message.deleted)
    }

    /// A new trigger of a user's.
    pub fn trigger(&mut self, user: &str, now_ms: u64) -> String {
        let id = format!("{}.{}.{:x}", self.next(), now_ms, now_ms ^ 0x5bd1_e995);
        let trigger = Trigger {
            user: user.to_owned(),
            made_ms: now_ms,
            used: false,
        };
        self.triggers.insert(id.clone(), trigger);
        id
    }

    /// A new `response_url`'s last part.
    pub fn answerable(
        &mut self,
        channel: &str,
        user: &str,
        message: Option<&str>,
        now_ms: u64,
    ) -> String {
        let id = format!("r{}", self.next());
        let answerable = Answerable {
            channel: channel.to_owned(),
            user: user.to_owned(),
            made_ms: now_ms,
            uses: 0,
            message: message.map(str::to_owned),
        };
        self.answerable.insert(id.clone(), answerable);
        id
    }
}

/// The id of a place's channel, for this person.
pub fn channel_id(place: &Place, user: &str) -> String {
    match place {
        Place::Direct => format!("D{}", upper(user)),
        Place::Group(name) => format!("G{}", upper(name)),
        Place::Channel(name) => format!("C{}", upper(name)),
    }
}

/// How Slack names the kind of a place.
pub fn channel_type(place: &Place) -> &'static str {
    match place {
        Place::Direct => "im",
        Place::Group(_) => "group",
        Place::Channel(_) => "channel",
    }
}

/// A place as a channel component names it.
pub fn conversation(place: &Place, user: &str, thread: Option<&str>) -> Conversation {
    Conversation {
        id: channel_id(place, user),
        thread: thread.map(str::to_owned),
        direct: matches!(place, Place::Direct),
    }
}
