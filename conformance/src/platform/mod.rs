//! Simulated platforms: each is a stateful HTTP server that behaves as its platform does towards a bot, written from the
//! platform's side and not from a channel's.
//!
//! A platform implements [`Platform`] and nothing more. [`Simulation`] gives it a server, a webhook sender with retries, a fault
//! script and a journal. What people do and see is told in the words of [`model`], the same for all platforms.

mod call;
mod desk;
pub mod echo;
mod fault;
pub mod model;
mod multipart;
mod sender;
mod server;
mod simulation;
pub mod slack;
pub mod teams;
pub mod telegram;
mod webhook;
pub mod whatsapp;

use std::sync::Arc;

pub use call::{Answer, Call, Part};
pub use desk::{Delivered, Desk, Recorded, Violation};
pub use fault::{Fault, On, Refusal, Trouble};
pub use model::{
    Act, Action, Author, Button, CannotDo, Conversation, Done, Field, File, Input, Place, Pressed,
    Screen, Shown, Style,
};
pub use simulation::{Settings, Simulation};
pub use webhook::{Failure, Response, Retry, Signing, Webhook};

/// Makes a platform that works at this desk.
pub type Make = fn(Arc<Desk>) -> Arc<dyn Platform>;

/// Every platform there is, by name.
const PLATFORMS: &[(&str, Make)] = &[
    ("echo", echo::make),
    ("slack", slack::make),
    ("teams", teams::make),
    ("telegram", telegram::make),
    ("whatsapp", whatsapp::make),
];

/// The platform of a name.
#[must_use]
pub fn named(name: &str) -> Option<Make> {
    PLATFORMS
        .iter()
        .find(|(other, _)| *other == name)
        .map(|(_, make)| *make)
}

/// The names of all platforms.
pub fn names() -> impl Iterator<Item = &'static str> {
    PLATFORMS.iter().map(|(name, _)| *name)
}

/// What a channel needs to be bound to a platform.
#[derive(Debug, Clone)]
pub struct Profile {
    /// The component that speaks to this platform: `channel-slack`.
    pub component: &'static str,
    /// The channel's configuration: the platform's address and what else it needs; a key with a dot for each level.
    pub config: Vec<(String, String)>,
    /// The channel's secrets, by the names it opens them under.
    pub secrets: Vec<(String, Vec<u8>)>,
    /// The one of them that verification rests on; empty where it rests on none.
    pub verified_by: &'static str,
    /// Hosts the bundle must grant: `127.0.0.1:PORT`.
    pub http: Vec<String>,
    /// The path operators usually give to the webhook (`path:` in the bundle), such as `/api/messages`; empty where none is usual.
    pub path: &'static str,
    /// A refusal for too much says after how long to try again.
    pub tells_retry_time: bool,
}

impl Profile {
    /// The configuration as a bundle has it: a level for each dot; lists and tables as such, all else as text.
    #[must_use]
    pub fn config_tree(&self) -> serde_json::Value {
        let mut tree = serde_json::Map::new();
        for (key, text) in &self.config {
            let value = match serde_json::from_str(text) {
                Ok(value @ (serde_json::Value::Array(_) | serde_json::Value::Object(_))) => value,
                _ => serde_json::Value::String(text.clone()),
            };
            put(&mut tree, key, value);
        }
        serde_json::Value::Object(tree)
    }
}

fn put(tree: &mut serde_json::Map<String, serde_json::Value>, key: &str, value: serde_json::Value) {
    let Some((head, rest)) = key.split_once('.') else {
        tree.insert(key.to_owned(), value);
        return;
    };
    let level = tree
        .entry(head)
        .or_insert_with(|| serde_json::Value::Object(serde_json::Map::new()));
    if let serde_json::Value::Object(level) = level {
        put(level, rest, value);
    }
}

/// A request by which a platform makes sure of the bot's webhook, and what it must be answered.
#[derive(Debug, Clone)]
pub struct Handshake {
    /// A short name, such as `challenge`, `wrong-token`.
    pub name: &'static str,
    /// The request.
    pub webhook: Webhook,
    /// How it is signed.
    pub signing: Signing,
    /// What the answer's body must be; `None` when the answer must be a refusal (401 or 403).
    pub answer: Option<Vec<u8>>,
}

/// A platform, from its own side. Methods are called from several threads; none blocks.
pub trait Platform: Send + Sync + 'static {
    /// What a channel needs to be bound to it.
    fn profile(&self) -> Profile;

    /// The secrets that the bundle must grant with `reveal`: the channel sees their bytes, or gets a token of its own by them and
    /// sends that as a credential.
    fn reveal(&self) -> &'static [&'static str] {
        &[]
    }

    /// Answers a call of the bot: checks it as the platform does (limits and required fields, each breach also a
    /// [`Desk::violation`]), changes what people see, and answers with the platform's own bodies. Webhooks that follow go to [`Desk::send`].
    fn answer(&self, call: &Call) -> Answer;

    /// A person does something: changes what people see and composes what the bot is to be told.
    ///
    /// # Errors
    /// When the platform has no such thing, or it is not possible here.
    fn act(&self, act: &Act) -> Result<Done, CannotDo>;

    /// What a person sees in a place.
    fn screen(&self, place: &Place, user: &str) -> Screen;

    /// The conversation that this place is for this person, whether anything was said there or not.
    fn conversation(&self, place: &Place, user: &str) -> Conversation;

    /// Signs a webhook: sets the headers by which the bot verifies it. `now_ms` is the platform's time; an honest signature of
    /// another time is told by [`Signing::clock_offset_ms`]. For [`Signing::Altered`] the signature is honest.
    fn sign(&self, webhook: &mut Webhook, signing: Signing, now_ms: u64);

    /// The ways of signing wrongly that a bot must notice on this platform. A secret that comes in a header without a signature
    /// cannot tell a replay or an altered body, so those are not in its list.
    fn forgeries(&self) -> Vec<Signing>;

    /// How this webhook is repeated.
    fn retry(&self, webhook: &Webhook) -> Retry;

    /// The platform's own answer for a refusal.
    fn refusal(&self, refusal: Refusal) -> Answer;

    /// Whether this call sends something a person would see: a message, a file, an edit, a reaction.
    fn sends(&self, call: &Call) -> bool;

    /// Several acts told in one webhook, in order. `None` where the platform never does that. The acts' own webhooks are left empty.
    fn batch(&self, acts: &[Act]) -> Option<(Vec<Done>, Webhook)> {
        let _ = acts;
        None
    }

    /// What is marked on a webhook that is sent again, such as the number and the reason.
    fn again(&self, webhook: &mut Webhook, attempt: u32, last: &Response) {
        let _ = (webhook, attempt, last);
    }

    /// A webhook was answered: where an answer's body means something, it is taken here.
    fn answered(&self, webhook: &Webhook, response: &Response) {
        let _ = (webhook, response);
    }

    /// Requests by which the platform makes sure of a webhook, good ones and forged ones.
    fn handshakes(&self) -> Vec<Handshake> {
        Vec::new()
    }

    /// Authentic webhooks of kinds that a bot cannot know yet: to be acknowledged, without an event, counted as ignored.
    fn unknown(&self) -> Vec<Webhook> {
        Vec::new()
    }

    /// Authentic webhooks that a bot knows and has no use for, such as the echo of its own message: as above.
    fn uninteresting(&self) -> Vec<Webhook> {
        Vec::new()
    }

    /// Authentic webhooks that cannot be read: to be acknowledged and kept as dead letters.
    fn malformed(&self) -> Vec<Webhook> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::Profile;
    use serde_json::json;

    #[test]
    fn a_profile_s_configuration_is_a_table_as_in_a_bundle() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let profile = Profile {
            component: "x",
            config: vec![
                pair("number", "106"),
                pair("template.name", "news"),
                pair("template.language", "en"),
                pair("hosts", r#"["http://a"]"#),
            ],
            secrets: Vec::new(),
            verified_by: "",
            http: Vec::new(),
            path: "",
            tells_retry_time: false,
        };
        let expected = json!({
            "number": "106",
            "template": {"name": "news", "language": "en"},
            "hosts": ["http://a"],
        });
        assert_eq!(profile.config_tree(), expected);
    }
}
