//! Who the bot itself is, so that it does not answer itself.
//!
//! The rule is Bolt's: an event is our own when its user is the bot's user or its `bot_id` is the bot's, except that the bot hears of
//! its own joining and leaving. Both ids come from `auth.test` and are kept for the token they belong to.

use std::cell::RefCell;

use serde_json::{Value, json};

use crate::api::{Api, Failure};
use crate::fields;
use crate::remembered::{self, DAY_MS};

/// The bot's own identifiers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// User id of the bot, `U…`.
    pub user: Option<String>,
    /// Bot id, `B…`.
    pub bot: Option<String>,
}

thread_local! {
    /// That of the token with this version. An instance is bound to one channel, so it can be kept for the instance's life.
    static KNOWN: RefCell<Option<(String, Identity)>> = const { RefCell::new(None) };
}

impl Identity {
    /// Asks the instance, then the channel's memory, then Slack.
    ///
    /// # Errors
    /// When Slack has to be asked and does not answer.
    pub fn of(api: &Api) -> Result<Self, Failure> {
        let version = api.token_version();
        let known = KNOWN.with_borrow(|known| {
            known
                .as_ref()
                .filter(|(of, _)| *of == version)
                .map(|(_, identity)| identity.clone())
        });
        if let Some(identity) = known {
            return Ok(identity);
        }
        let name = ["self", version.as_str()];
        let identity = match remembered::get(&name) {
            Some(kept) => Self::read(&kept),
            None => {
                let answer = api.call("auth.test", &json!({}))?;
                let identity = Self::read(&answer);
                remembered::put(
                    &name,
                    &json!({"user_id": identity.user, "bot_id": identity.bot}),
                    DAY_MS,
                );
                identity
            }
        };
        KNOWN.set(Some((version, identity.clone())));
        Ok(identity)
    }

    /// From the answer of `auth.test`.
    fn read(answer: &Value) -> Self {
        let text = |pointer| fields::text(answer, pointer).map(str::to_owned);
        Self {
            user: text("/user_id"),
            bot: text("/bot_id"),
        }
    }

    /// What an event's envelope says of the installation it is sent to. It lacks the bot id, so it serves only where `auth.test` is
    /// out of reach.
    pub fn authorized(envelope: &Value) -> Self {
        let user = fields::list(envelope, "/authorizations")
            .iter()
            .find(|one| fields::flag(one, "/is_bot"))
            .and_then(|one| fields::text(one, "/user_id"));
        Self {
            user: user.map(str::to_owned),
            bot: None,
        }
    }

    /// Whether the inner event was caused by the bot itself.
    pub fn caused(&self, event: &Value) -> bool {
        let kind = fields::text(event, "/type").unwrap_or_default();
        if matches!(kind, "member_joined_channel" | "member_left_channel") {
            return false;
        }
        // Changes and deletions carry the message they are about.
        let ours = |pointers: &[&str], own: &Option<String>| {
            own.is_some() && fields::first(event, pointers) == own.as_deref()
        };
        ours(&USER, &self.user) || ours(&BOT, &self.bot)
    }

    /// Whether the event carries a bot's id, so that only `auth.test` can tell whose it is.
    pub fn is_of_a_bot(event: &Value) -> bool {
        fields::first(event, &BOT).is_some()
    }

    #[cfg(test)]
    pub fn forget() {
        KNOWN.set(None);
    }
}

const USER: [&str; 5] = [
    "/user",
    "/user/id",
    "/user_id",
    "/message/user",
    "/previous_message/user",
];
const BOT: [&str; 3] = ["/bot_id", "/message/bot_id", "/previous_message/bot_id"];

#[cfg(test)]
mod tests {
    use greentic_sdk::http::Response;
    use greentic_sdk::native::{Table, install, requests};

    use super::*;

    fn ours() -> Identity {
        Identity {
            user: Some("UBOT".into()),
            bot: Some("BBOT".into()),
        }
    }

    #[test]
    fn an_event_is_our_own_by_user_or_by_bot_id_except_joining_and_leaving() {
        for (event, own) in [
            (json!({"type": "message", "user": "UBOT"}), true),
            (
                json!({"type": "message", "bot_id": "BBOT", "subtype": "bot_message"}),
                true,
            ),
            (
                json!({"type": "message", "user": "U1", "bot_id": "B2"}),
                false,
            ),
            (json!({"type": "message", "user": "U1"}), false),
            (
                json!({"type": "reaction_added", "user": "UBOT", "item_user": "U1"}),
                true,
            ),
            (
                json!({"type": "reaction_added", "user": "U1", "item_user": "UBOT"}),
                false,
            ),
            (json!({"type": "team_join", "user": {"id": "UBOT"}}), true),
            (
                json!({"type": "message", "subtype": "message_changed", "message": {"user": "UBOT"}}),
                true,
            ),
            (
                json!({"type": "message", "subtype": "message_deleted", "previous_message": {"bot_id": "BBOT"}}),
                true,
            ),
            (
                json!({"type": "message", "subtype": "message_changed", "message": {"user": "U1"}}),
                false,
            ),
            (
                json!({"type": "member_joined_channel", "user": "UBOT"}),
                false,
            ),
            (
                json!({"type": "member_left_channel", "user": "UBOT"}),
                false,
            ),
            (json!({"type": "message"}), false),
        ] {
            assert_eq!(ours().caused(&event), own, "{event}");
            assert!(!Identity::default().caused(&event), "{event}");
        }
    }

    #[test]
    fn slack_is_asked_once_a_token_and_not_for_each_event() {
        Identity::forget();
        install(Table::new().secret("slack/bot-token", b"xoxb-1").http(|_| {
            Ok(Response::of_json(
                200,
                &json!({"ok": true, "user_id": "UBOT", "bot_id": "BBOT"}),
            ))
        }));
        let api = || Api::open("https://slack.com/api", "slack/bot-token").unwrap();
        assert_eq!(Identity::of(&api()), Ok(ours()));
        assert_eq!(Identity::of(&api()), Ok(ours()));
        // Another instance of the channel finds it in the channel's memory.
        Identity::forget();
        assert_eq!(Identity::of(&api()), Ok(ours()));
        assert_eq!(requests().len(), 1);
    }

    #[test]
    fn the_envelope_tells_the_bots_user() {
        let envelope = json!({"authorizations": [{"user_id": "UBOT", "is_bot": true}]});
        assert_eq!(
            Identity::authorized(&envelope).user.as_deref(),
            Some("UBOT")
        );
        for envelope in [
            json!({}),
            json!({"authorizations": [{"user_id": "U1", "is_bot": false}]}),
        ] {
            assert_eq!(Identity::authorized(&envelope), Identity::default());
        }
    }
}
