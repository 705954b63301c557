//! Activities as the Connector sends them: the fields this channel reads, by the names of the Bot Framework's Activity schema.
//!
//! A field of another type than the schema's makes the whole activity unreadable; fields that are not named here are nobody's
//! business.

use greentic_sdk::model::{Conversation, ConversationKind, Participant};
use serde::Deserialize;
use serde_json::Value;

/// Longest identifier the contract takes, in bytes.
const ID_BYTES: usize = 512;

/// Who or what takes part.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// `29:…` for people, `28:…` for bots: differs from bot to bot.
    #[serde(default)]
    pub id: String,
    /// To show.
    pub name: Option<String>,
    /// The person's identity in Entra: the same for every bot.
    pub aad_object_id: Option<String>,
    /// `bot` or `user`.
    pub role: Option<String>,
}

impl Account {
    /// The identifier to know somebody by: that of Entra where there is one.
    #[must_use]
    pub fn stable_id(&self) -> &str {
        self.aad_object_id
            .as_deref()
            .filter(|id| !id.is_empty())
            .unwrap_or(&self.id)
    }

    /// As the contract has it. `me` is the bot's own identifier.
    #[must_use]
    pub fn participant(&self, me: &str, locale: Option<&str>) -> Participant {
        Participant {
            id: self.stable_id().to_owned(),
            name: self.name.clone().filter(|name| !name.is_empty()),
            locale: locale.map(str::to_owned),
            is_bot: self.id == me
                || self.id.starts_with("28:")
                || self.role.as_deref() == Some("bot"),
        }
    }
}

/// Where it happened.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// `19:…@thread.tacv2;messageid=…` in channels.
    pub id: String,
    /// `personal`, `groupChat`, `channel`.
    pub conversation_type: Option<String>,
    /// Tells groups apart where there is no type.
    pub is_group: Option<bool>,
    /// The tenant.
    pub tenant_id: Option<String>,
}

/// What stands between a channel's identifier and the message its thread begins with.
pub const THREAD: &str = ";messageid=";

impl Place {
    /// As the contract has it: the thread is taken out of the identifier.
    #[must_use]
    pub fn conversation(&self) -> Conversation {
        let (id, thread) = match self.id.split_once(THREAD) {
            Some((id, thread)) if !thread.is_empty() => (id, Some(thread.to_owned())),
            Some((id, _)) => (id, None),
            None => (self.id.as_str(), None),
        };
        let kind = match self.conversation_type.as_deref() {
            Some("personal") => ConversationKind::Direct,
            Some("channel") => ConversationKind::Channel,
            Some(_) => ConversationKind::Group,
            None if id.contains("@thread.tacv2") => ConversationKind::Channel,
            None if self.is_group == Some(true) => ConversationKind::Group,
            None => ConversationKind::Direct,
        };
        Conversation {
            id: id.to_owned(),
            thread,
            kind,
        }
    }
}

/// Something about the text, such as a mention.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Entity {
    /// `mention`, `clientInfo`, …
    #[serde(rename = "type", default)]
    pub kind: String,
    /// Who is mentioned.
    pub mentioned: Option<Account>,
    /// The mention as it stands in the text.
    pub text: Option<String>,
}

/// A file, a card, or the text once more as HTML.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attached {
    /// Media type, or the kind of a card.
    #[serde(default)]
    pub content_type: String,
    /// Where the bytes are.
    pub content_url: Option<String>,
    /// What the kind defines.
    pub content: Option<Value>,
    /// The file's name.
    pub name: Option<String>,
}

/// A reaction of one kind.
#[derive(Clone, Debug, Deserialize)]
pub struct Reaction {
    /// `like`, `heart`, …
    #[serde(rename = "type")]
    pub kind: String,
}

/// One activity.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Activity {
    /// What kind.
    #[serde(rename = "type")]
    pub kind: String,
    /// The platform's identifier; an edit has that of the message.
    pub id: Option<String>,
    /// By the platform's clock.
    pub timestamp: Option<String>,
    /// Where it is answered.
    pub service_url: Option<String>,
    /// Who sends.
    #[serde(default)]
    pub from: Account,
    /// The bot.
    #[serde(default)]
    pub recipient: Account,
    /// Where.
    pub conversation: Place,
    /// The message it is about or answers.
    pub reply_to_id: Option<String>,
    /// The text.
    pub text: Option<String>,
    /// `plain`, `markdown`, `xml`.
    pub text_format: Option<String>,
    /// The sender's language.
    pub locale: Option<String>,
    /// Of an event or invoke.
    pub name: Option<String>,
    /// Of a card's button, an event or an invoke.
    pub value: Option<Value>,
    /// Of `installationUpdate`, `contactRelationUpdate`: `add`, `remove`.
    pub action: Option<String>,
    /// Files and cards.
    pub attachments: Option<Vec<Attached>>,
    /// Mentions.
    pub entities: Option<Vec<Entity>>,
    /// Who came.
    pub members_added: Option<Vec<Account>>,
    /// Who went.
    pub members_removed: Option<Vec<Account>>,
    /// Set.
    pub reactions_added: Option<Vec<Reaction>>,
    /// Taken away.
    pub reactions_removed: Option<Vec<Reaction>>,
    /// The platform's own.
    pub channel_data: Option<Value>,
}

impl Activity {
    /// Reads one whose JSON is known to be JSON.
    ///
    /// # Errors
    /// What is wrong with it, in the operator's words.
    pub fn read(value: Value) -> Result<Self, String> {
        let activity: Self = serde_json::from_value(value).map_err(|fault| fault.to_string())?;
        let ids = [
            Some(&activity.conversation.id),
            activity.id.as_ref(),
            activity.reply_to_id.as_ref(),
            Some(&activity.from.id),
            activity.from.aad_object_id.as_ref(),
        ];
        if ids.into_iter().flatten().any(|id| id.len() > ID_BYTES) {
            return Err(format!("an identifier is longer than {ID_BYTES} bytes"));
        }
        if activity.conversation.conversation().id.is_empty() {
            return Err("the conversation has no id".into());
        }
        Ok(activity)
    }

    /// `channelData.eventType`.
    #[must_use]
    pub fn event_type(&self) -> Option<&str> {
        self.channel_data.as_ref()?.get("eventType")?.as_str()
    }

    /// The tenant, from the conversation or from the platform's own data.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.conversation.tenant_id.as_deref().or_else(|| {
            self.channel_data
                .as_ref()?
                .get("tenant")?
                .get("id")?
                .as_str()
        })
    }

    /// The sender's language, where it has the form of a language tag.
    #[must_use]
    pub fn language(&self) -> Option<&str> {
        self.locale.as_deref().filter(|tag| {
            (2..=35).contains(&tag.len())
                && tag
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
    }

    /// The text without mentions of the bot.
    #[must_use]
    pub fn said(&self) -> String {
        crate::mention::strip(
            self.text.as_deref().unwrap_or_default(),
            self.entities.as_deref().unwrap_or_default(),
            &self.recipient,
        )
    }
}

#[cfg(test)]
mod tests {
    use greentic_sdk::model::ConversationKind;
    use serde_json::json;

    use super::{Account, Activity, Place};

    #[test]
    fn the_thread_is_taken_out_of_a_channels_identifier() {
        for (id, kind, is_group, meant) in [
            (
                "19:a@thread.tacv2;messageid=17",
                Some("channel"),
                None,
                ("19:a@thread.tacv2", Some("17"), ConversationKind::Channel),
            ),
            (
                "19:a@thread.tacv2;messageid=17",
                None,
                Some(true),
                ("19:a@thread.tacv2", Some("17"), ConversationKind::Channel),
            ),
            (
                "19:a@thread.tacv2",
                Some("channel"),
                None,
                ("19:a@thread.tacv2", None, ConversationKind::Channel),
            ),
            (
                "19:a@thread.tacv2;messageid=",
                Some("channel"),
                None,
                ("19:a@thread.tacv2", None, ConversationKind::Channel),
            ),
            (
                "19:m@thread.v2",
                Some("groupChat"),
                None,
                ("19:m@thread.v2", None, ConversationKind::Group),
            ),
            (
                "19:m@thread.v2",
                None,
                Some(true),
                ("19:m@thread.v2", None, ConversationKind::Group),
            ),
            (
                "a:1x",
                Some("personal"),
                None,
                ("a:1x", None, ConversationKind::Direct),
            ),
            ("a:1x", None, None, ("a:1x", None, ConversationKind::Direct)),
        ] {
            let place = Place {
                id: id.into(),
                conversation_type: kind.map(str::to_owned),
                is_group,
                tenant_id: None,
            };
            let conversation = place.conversation();
            assert_eq!(
                (
                    conversation.id.as_str(),
                    conversation.thread.as_deref(),
                    conversation.kind
                ),
                meant,
                "{id}"
            );
        }
    }

    #[test]
    fn a_person_is_known_by_the_identity_of_entra_where_there_is_one() {
        let account = |aad: Option<&str>| Account {
            id: "29:x".into(),
            aad_object_id: aad.map(str::to_owned),
            ..Account::default()
        };
        assert_eq!(account(Some("e-1")).stable_id(), "e-1");
        assert_eq!(account(Some("")).stable_id(), "29:x");
        assert_eq!(account(None).participant("28:b", None).id, "29:x");
        assert!(!account(None).participant("28:b", None).is_bot);
        assert!(account(None).participant("29:x", None).is_bot);
    }

    #[test]
    fn an_activity_of_the_wrong_shape_says_what_is_wrong() {
        let whole = json!({"type": "message", "conversation": {"id": "c"}});
        assert!(Activity::read(whole).is_ok());
        for (value, says) in [
            (json!([]), "expected struct"),
            (json!({"conversation": {"id": "c"}}), "`type`"),
            (json!({"type": "message"}), "`conversation`"),
            (
                json!({"type": "message", "conversation": {"id": ""}}),
                "no id",
            ),
            (
                json!({"type": "message", "conversation": {"id": ";messageid=1"}}),
                "no id",
            ),
            (
                json!({"type": "message", "conversation": {"id": 7}}),
                "string",
            ),
            (
                json!({"type": "message", "id": 7, "conversation": {"id": "c"}}),
                "string",
            ),
            (
                json!({"type": "message", "conversation": {"id": "c"}, "attachments": {}}),
                "sequence",
            ),
            (
                json!({"type": "message", "conversation": {"id": "x".repeat(600)}}),
                "longer",
            ),
        ] {
            let error = Activity::read(value.clone()).unwrap_err();
            assert!(error.contains(says), "{value}: {error}");
        }
    }
}
