//! What the platform knows: people, groups, what was written, files.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Value, json};

use crate::platform::{Author, Conversation, Place, Shown};

/// One person.
#[derive(Debug, Clone)]
pub struct Person {
    /// What they call themselves.
    pub name: String,
    /// Their number. One whose name begins with `hidden` shows a username in its place.
    pub wa_id: Option<String>,
    /// The business-scoped user id.
    pub user_id: String,
}

impl Person {
    /// As a webhook's `contacts` name them.
    pub fn contact(&self) -> Value {
        let mut contact = json!({ "profile": { "name": self.name }, "user_id": self.user_id });
        match &self.wa_id {
            Some(number) => super::put(&mut contact, "wa_id", json!(number)),
            None => super::put(
                &mut contact,
                "profile",
                json!({ "name": self.name, "username": self.name }),
            ),
        }
        contact
    }
}

/// One message, as it is kept.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The conversation: a person's user id, or a group.
    pub conversation: String,
    /// What is seen of it.
    pub shown: Shown,
    /// What each of its buttons sends, in the order of the buttons; null for one that sends nothing.
    pub replies: Vec<Value>,
    /// What the bot gave it along, for its statuses.
    pub callback: Option<String>,
}

/// A file.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Its name, where it has one.
    pub name: String,
    /// Its media type.
    pub content_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The business account.
#[derive(Debug, Default)]
pub struct Account {
    people: BTreeMap<String, Person>,
    groups: BTreeMap<String, String>,
    /// What was written, oldest first.
    pub messages: Vec<Kept>,
    /// Files by identifier.
    pub media: BTreeMap<String, Stored>,
    /// Addresses of files, and until when they hold.
    pub addresses: BTreeMap<String, (String, u64)>,
    /// When somebody wrote last, by conversation.
    pub heard_ms: BTreeMap<String, u64>,
    /// Where the bot is shown to be typing.
    pub typing: BTreeSet<String>,
    /// What the chat's menu offers.
    pub commands: Vec<(String, String)>,
    /// What it suggests to say.
    pub prompts: Vec<String>,
    /// When messages went out, by conversation.
    pub sent_ms: BTreeMap<String, VecDeque<u64>>,
    /// When messages went out, of the number as a whole.
    pub all_sent_ms: VecDeque<u64>,
    counter: u64,
}

impl Account {
    fn count(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// An identifier nobody had yet, of a message.
    pub fn message_id(&mut self) -> String {
        // The platform's are base64 of something only it can read.
        use base64::Engine as _;
        let number = self.count();
        let encoded =
            base64::engine::general_purpose::STANDARD.encode(format!("\u{1d}\u{14}{number:012}"));
        format!("wamid.{encoded}")
    }

    /// An identifier nobody had yet, of a file.
    pub fn media_id(&mut self) -> String {
        (1_037_543_291_000_000 + self.count()).to_string()
    }

    /// The person of a name.
    pub fn person(&mut self, name: &str) -> Person {
        if let Some(person) = self.people.get(name) {
            return person.clone();
        }
        let number = self.people.len() + 1;
        let person = Person {
            name: name.to_owned(),
            wa_id: (!name.starts_with("hidden")).then(|| format!("4179000{number:04}")),
            user_id: format!("CH.13491208655302{number:06}"),
        };
        self.people.insert(name.to_owned(), person.clone());
        person
    }

    /// The group of a name.
    pub fn group(&mut self, name: &str) -> String {
        let number = self.groups.len() + 1;
        self.groups
            .entry(name.to_owned())
            .or_insert_with(|| format!("Y2FwaV9ncm91cDox{number:04}"))
            .clone()
    }

    /// The conversation of a place.
    pub fn conversation(&mut self, place: &Place, user: &str) -> Conversation {
        let person = self.person(user);
        match place {
            Place::Direct => Conversation {
                id: person.user_id,
                thread: None,
                direct: true,
            },
            Place::Group(name) | Place::Channel(name) => Conversation {
                id: self.group(name),
                thread: None,
                direct: false,
            },
        }
    }

    /// The conversation a recipient of the bot names: a number, a user id or a group.
    pub fn addressed(&self, recipient: &str) -> Option<String> {
        let plain = recipient.trim_start_matches('+');
        self.people
            .values()
            .find(|person| person.user_id == plain || person.wa_id.as_deref() == Some(plain))
            .map(|person| person.user_id.clone())
            .or_else(|| self.groups.values().find(|id| *id == plain).cloned())
    }

    /// The person of a conversation with one person.
    pub fn person_of(&self, conversation: &str) -> Option<&Person> {
        self.people
            .values()
            .find(|person| person.user_id == conversation)
    }

    /// A message.
    pub fn message(&self, id: &str) -> Option<&Kept> {
        self.messages.iter().find(|kept| kept.shown.id == id)
    }

    /// A message, to change it.
    pub fn message_mut(&mut self, id: &str) -> Option<&mut Kept> {
        self.messages.iter_mut().find(|kept| kept.shown.id == id)
    }

    /// A person's message.
    pub fn wrote(&mut self, conversation: &str, user: &str, text: &str, now_ms: u64) -> String {
        let id = self.message_id();
        self.heard_ms.insert(conversation.to_owned(), now_ms);
        self.messages.push(Kept {
            conversation: conversation.to_owned(),
            shown: Shown::new(id.clone(), Author::Person(user.to_owned()), text),
            replies: Vec::new(),
            callback: None,
        });
        id
    }

    /// What is seen in a conversation.
    pub fn shown(&self, conversation: &str) -> Vec<Shown> {
        self.messages
            .iter()
            .filter(|kept| kept.conversation == conversation)
            .map(|kept| kept.shown.clone())
            .collect()
    }
}
