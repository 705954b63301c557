//! What must be known of a conversation to say something in it unasked: where its Connector is, the tenant, who the bot is there.
//!
//! Learned from each verified activity and kept in the channel's memory, which forgets after 30 days without a word. Then the
//! configured Connector is used, which finds most conversations too.

use greentic_sdk::channel::{Request, memory};
use greentic_sdk::model::{Conversation, ConversationKind, Error};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::activity::Activity;
use crate::settings::Settings;
use crate::trust;

/// How old a reference may be before it is written again although nothing changed.
const REWRITE_MS: u64 = 24 * 60 * 60 * 1000;

/// Longest part of a name in memory that is taken as it stands, in bytes.
const NAME_BYTES: usize = 200;

/// A conversation, as far as sending needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// Base of the Connector's paths, without a trailing slash.
    pub service: String,
    /// The Entra tenant.
    pub tenant: Option<String>,
    /// The bot's identifier there.
    pub bot: String,
    /// The person's identifier there, in a conversation of one person and the bot.
    pub person: Option<String>,
    /// Where this host was reached: scheme and authority, and the path of the channel's webhook. For links to files.
    pub reached: Option<(String, String)>,
    /// When this was written.
    written_ms: u64,
}

/// A name for the channel's memory made of something of any length.
pub fn name(kind: &str, id: &str) -> String {
    if id.len() <= NAME_BYTES {
        return format!("{kind}/{id}");
    }
    format!("{kind}/#{}", digest(id))
}

/// 128 bits of a text's SHA-256, in hexadecimal.
pub fn digest(text: &str) -> String {
    let hash = Sha256::digest(text.as_bytes());
    greentic_sdk::hex::encode(hash.get(..16).unwrap_or_default())
}

impl Reference {
    /// Of an activity that was verified.
    pub fn of(activity: &Activity, request: &Request, now_ms: u64) -> Option<Self> {
        let service = trust::base(activity.service_url.as_deref()?)?;
        let direct = activity.conversation.conversation().kind == ConversationKind::Direct;
        let person = &activity.from.id;
        let is_person = !person.is_empty() && *person != activity.recipient.id;
        Some(Self {
            service: service.to_owned(),
            tenant: activity.tenant().map(str::to_owned),
            bot: activity.recipient.id.clone(),
            person: (direct && is_person).then(|| person.clone()),
            reached: Some((request.origin.clone(), request.base.clone())),
            written_ms: now_ms,
        })
    }

    /// What is said of a conversation that was never heard from.
    fn unknown(settings: &Settings) -> Self {
        Self {
            service: settings.api_url.clone(),
            tenant: Some(settings.tenant_id.clone()).filter(|tenant| tenant != "botframework.com"),
            bot: format!("28:{}", settings.app_id),
            person: None,
            reached: None,
            written_ms: 0,
        }
    }

    /// Whether the conversation was heard from.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.written_ms > 0
    }

    /// Keeps it, and under which identifier the Connector knows the sender. Writes only what is new.
    ///
    /// # Errors
    /// When the memory cannot be reached.
    pub fn remember(mut self, activity: &Activity) -> Result<(), Error> {
        let conversation = activity.conversation.conversation();
        let name = name("conversation", &conversation.id);
        let before = load(&name)?;
        if let Some(before) = &before {
            // A direct conversation keeps its person through activities that are not that person's.
            self.person = self.person.or_else(|| before.person.clone());
        }
        let same = before.is_some_and(|before| {
            self.written_ms.saturating_sub(before.written_ms) < REWRITE_MS
                && before
                    == Self {
                        written_ms: before.written_ms,
                        ..self.clone()
                    }
        });
        if !same {
            let bytes = serde_json::to_vec(&self).unwrap_or_default();
            memory::put(&name, &bytes, None)?;
        }
        let from = &activity.from;
        if from.stable_id() != from.id && !from.id.is_empty() {
            let name = member_name(from.stable_id());
            if memory::get(&name)?.as_deref() != Some(from.id.as_bytes()) {
                memory::put(&name, from.id.as_bytes(), None)?;
            }
        }
        Ok(())
    }

    /// The reference of a conversation; the configured Connector where there is none or where it is not trusted any more.
    ///
    /// # Errors
    /// When the memory cannot be reached.
    pub fn find(settings: &Settings, conversation: &Conversation) -> Result<Self, Error> {
        let known = load(&name("conversation", &conversation.id))?
            .filter(|reference| settings.service_hosts.trusts(&reference.service));
        Ok(known.unwrap_or_else(|| Self::unknown(settings)))
    }
}

fn load(name: &str) -> Result<Option<Reference>, Error> {
    Ok(memory::get(name)?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

fn member_name(stable_id: &str) -> String {
    name("member", stable_id)
}

/// The Connector's identifier of a person, where one was seen.
///
/// # Errors
/// When the memory cannot be reached.
pub fn member(stable_id: &str) -> Result<Option<String>, Error> {
    if stable_id.starts_with("29:") || stable_id.starts_with("28:") {
        return Ok(Some(stable_id.to_owned()));
    }
    Ok(memory::get(&member_name(stable_id))?.and_then(|bytes| String::from_utf8(bytes).ok()))
}
