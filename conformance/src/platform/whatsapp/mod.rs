//! WhatsApp's Cloud API with one business number: its webhook, and the part of the Graph API a bot uses.
//!
//! Written from developers.facebook.com/documentation/business-messaging/whatsapp. Webhooks are signed over their bytes, which are
//! written as the platform writes them (what is not ASCII is escaped), and sent again for seven days. Statuses follow each message.

mod account;
mod acts;
mod errors;
mod graph;
mod marks;
mod media;
mod message;
mod notify;
mod rates;
mod shape;
mod status;
mod strange;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;

use self::account::Account;
use super::desk::lock;
use super::{
    Act, Answer, Call, CannotDo, Conversation, Desk, Done, Handshake, Place, Platform, Profile,
    Refusal, Retry, Screen, Signing, Webhook,
};

/// The identifier of the business number.
const NUMBER_ID: &str = "106540352242922";
/// The number itself.
const NUMBER: &str = "15550783881";
/// The business account.
const ACCOUNT: &str = "102290129340398";
/// The bot's token.
const TOKEN: &str = "EAAGsimulated";
/// The app's secret.
const KEY: &[u8] = b"0a1b2c3d4e5f60718293a4b5c6d7e8f9";
/// The token of the handshake.
const VERIFY_TOKEN: &str = "simulated verify token";

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// The platform.
pub struct WhatsApp {
    desk: Arc<Desk>,
    account: Mutex<Account>,
}

/// Makes it.
#[must_use]
pub fn make(desk: Arc<Desk>) -> Arc<dyn Platform> {
    Arc::new(WhatsApp {
        desk,
        account: Mutex::default(),
    })
}

/// Sets a member of an object.
fn put(object: &mut Value, name: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

impl Platform for WhatsApp {
    fn profile(&self) -> Profile {
        let config = [
            ("api-url", self.desk.origin()),
            ("phone-number-id", NUMBER_ID),
            ("template.name", message::TEMPLATE),
            ("template.language", message::TEMPLATE_LANGUAGE),
        ];
        Profile {
            component: "channel-whatsapp",
            config: config
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .to_vec(),
            secrets: vec![
                ("whatsapp/app-secret".into(), KEY.into()),
                ("whatsapp/verify-token".into(), VERIFY_TOKEN.into()),
                ("whatsapp/access-token".into(), TOKEN.into()),
            ],
            verified_by: "whatsapp/app-secret",
            http: vec![self.desk.authority().into()],
            path: "",
            tells_retry_time: false,
        }
    }

    fn answer(&self, call: &Call) -> Answer {
        graph::answer(&self.desk, &mut lock(&self.account), call)
    }

    fn act(&self, act: &Act) -> Result<Done, CannotDo> {
        let told = acts::run(&self.desk, &mut lock(&self.account), act)?;
        let webhooks = told
            .iter()
            .map(|told| notify::webhook(&told.key, &notify::one(told)))
            .collect();
        Ok(acts::done(act, &mut lock(&self.account), told, webhooks))
    }

    fn screen(&self, place: &Place, user: &str) -> Screen {
        let mut account = lock(&self.account);
        let conversation = account.conversation(place, user).id;
        Screen {
            messages: account.shown(&conversation),
            typing: account.typing.contains(&conversation),
            commands: account.commands.clone(),
            ..Screen::default()
        }
    }

    fn conversation(&self, place: &Place, user: &str) -> Conversation {
        lock(&self.account).conversation(place, user)
    }

    fn sign(&self, webhook: &mut Webhook, signing: Signing, _: u64) {
        // A handshake is not signed: it shows a token.
        if webhook.method == "GET" {
            return;
        }
        let key: &[u8] = match signing {
            Signing::OtherKey => b"another app's secret",
            Signing::EmptyKey => b"",
            _ => KEY,
        };
        let tag = Hmac::<Sha256>::new_from_slice(key)
            .map(|mac| mac.chain_update(&webhook.body).finalize().into_bytes());
        let tag = format!("sha256={}", tag.map(hex::encode).unwrap_or_default());
        match signing {
            Signing::Missing => {}
            Signing::Garbage => webhook.set("x-hub-signature-256", "sha256=signed"),
            Signing::Truncated => {
                let most = tag.len() - 2;
                webhook.set("x-hub-signature-256", tag.get(..most).unwrap_or_default());
            }
            Signing::Special("sha1") => webhook.set("x-hub-signature", tag),
            _ => webhook.set("x-hub-signature-256", tag),
        }
    }

    fn forgeries(&self) -> Vec<Signing> {
        use Signing::{Altered, EmptyKey, Garbage, Missing, OtherKey, Special, Truncated};
        vec![
            Missing,
            Garbage,
            Truncated,
            OtherKey,
            EmptyKey,
            Altered,
            Special("sha1"),
        ]
    }

    /// "With decreasing frequency over the next 7 days".
    fn retry(&self, _: &Webhook) -> Retry {
        Retry {
            delays: vec![
                Duration::from_secs(5),
                Duration::from_secs(20),
                MINUTE,
                5 * MINUTE,
                20 * MINUTE,
                HOUR,
                3 * HOUR,
                6 * HOUR,
            ],
            then: Some((12 * HOUR, 13)),
            timeout: Duration::from_secs(10),
            honours_retry_after: false,
        }
    }

    fn refusal(&self, refusal: Refusal) -> Answer {
        match refusal {
            Refusal::RateLimited(_) => errors::rate_of_number(),
            Refusal::Permanent => errors::undeliverable(),
            Refusal::Outage => errors::unavailable(),
            Refusal::Unauthorised => errors::token(),
        }
    }

    fn sends(&self, call: &Call) -> bool {
        call.method == "POST"
            && call.path.ends_with("/messages")
            && call.json().is_ok_and(|body| body.get("status").is_none())
    }

    fn batch(&self, acts: &[Act]) -> Option<(Vec<Done>, Webhook)> {
        let mut done = Vec::new();
        let mut all = Vec::new();
        for act in acts {
            let Ok(told) = acts::run(&self.desk, &mut lock(&self.account), act) else {
                break;
            };
            all.extend(told.clone());
            done.push(acts::done(act, &mut lock(&self.account), told, Vec::new()));
        }
        let key = all.first()?.key.clone();
        Some((done, notify::webhook(&key, &notify::batch(&all))))
    }

    fn handshakes(&self) -> Vec<Handshake> {
        strange::handshakes()
    }

    fn unknown(&self) -> Vec<Webhook> {
        strange::unknown()
    }

    fn uninteresting(&self) -> Vec<Webhook> {
        strange::uninteresting()
    }

    fn malformed(&self) -> Vec<Webhook> {
        strange::malformed()
    }
}
