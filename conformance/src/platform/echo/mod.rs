//! A tiny invented platform: the other side of `tests/plugins/faulty-channel`, and the pattern for a real one.
//!
//! People write texts. The bot is told by a signed webhook, `x-signature: <hex of HMAC-SHA256 over the body>`, with
//! `{"id", "conversation", "user", "text"}`, or a list of such for several at once. The bot sends by `POST /messages` with
//! `{"conversation", "text"}` and gets `{"id"}`.

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::desk::lock;
use super::{
    Act, Action, Answer, Author, Call, CannotDo, Conversation, Desk, Done, Place, Platform,
    Profile, Refusal, Retry, Screen, Shown, Signing, Webhook,
};

/// Longest text of a message, in characters.
const MAX_TEXT: usize = 4096;
const TOKEN: &str = "echo-token";
const KEY: &[u8] = b"echo-signing-key";

/// The platform.
pub struct Echo {
    desk: Arc<Desk>,
    /// Messages with their conversations.
    messages: Mutex<Vec<(String, Shown)>>,
}

/// Makes it.
#[must_use]
pub fn make(desk: Arc<Desk>) -> Arc<dyn Platform> {
    Arc::new(Echo {
        desk,
        messages: Mutex::default(),
    })
}

impl Echo {
    fn add(&self, conversation: &str, author: Author, text: &str) -> String {
        let mut messages = lock(&self.messages);
        let id = format!("m{}", messages.len() + 1);
        let shown = Shown::new(id.clone(), author, text);
        messages.push((conversation.to_owned(), shown));
        id
    }

    /// A person's message: what happened, and how the bot is told.
    fn say(&self, act: &Act) -> Result<(Done, Value), CannotDo> {
        let Action::Say(text) = &act.action else {
            return Err(CannotDo::NoSuchThing);
        };
        let conversation = self.conversation(&act.place, &act.user);
        let id = self.add(&conversation.id, Author::Person(act.user.clone()), text);
        let user = format!("u-{}", act.user);
        let body = json!({"id": id, "conversation": conversation.id, "user": user, "text": text});
        let done = Done {
            message: Some(id),
            conversation,
            sender: user,
            webhooks: Vec::new(),
        };
        Ok((done, body))
    }

    fn send(&self, call: &Call) -> Result<Value, Answer> {
        let refuse = |name: &str, detail: String| {
            self.desk.violation(name, detail.clone());
            Answer::json(400, &json!({"error": name, "detail": detail}))
        };
        let body = call.json().map_err(|error| refuse("not-json", error))?;
        let field = |name: &str| {
            body.get(name)
                .and_then(Value::as_str)
                .ok_or_else(|| refuse("field-missing", name.to_owned()))
        };
        let (conversation, text) = (field("conversation")?, field("text")?);
        let length = text.chars().count();
        if length == 0 || length > MAX_TEXT {
            return Err(refuse("text-length", format!("{length} characters")));
        }
        Ok(json!({"id": self.add(conversation, Author::Bot, text)}))
    }
}

impl Platform for Echo {
    fn profile(&self) -> Profile {
        Profile {
            component: "faulty-channel",
            config: vec![("api-url".into(), self.desk.origin().into())],
            secrets: vec![
                ("signing-key".into(), KEY.into()),
                ("token".into(), TOKEN.into()),
            ],
            verified_by: "signing-key",
            http: vec![self.desk.authority().into()],
            path: "",
            tells_retry_time: true,
        }
    }

    fn answer(&self, call: &Call) -> Answer {
        if call.bearer() != Some(TOKEN) {
            return self.refusal(Refusal::Unauthorised);
        }
        if (call.method.as_str(), call.path.as_str()) != ("POST", "/messages") {
            self.desk
                .violation("unknown-method", format!("{} {}", call.method, call.path));
            return Answer::json(404, &json!({"error": "unknown-method"}));
        }
        match self.send(call) {
            Ok(body) => Answer::json(200, &body),
            Err(answer) => answer,
        }
    }

    fn act(&self, act: &Act) -> Result<Done, CannotDo> {
        let (mut done, body) = self.say(act)?;
        let key = done.message.clone().unwrap_or_default();
        done.webhooks = vec![Webhook::json(key, &body).in_queue(&done.conversation.id)];
        Ok(done)
    }

    fn screen(&self, place: &Place, user: &str) -> Screen {
        let conversation = self.conversation(place, user).id;
        let messages = lock(&self.messages);
        let here = messages.iter().filter(|(other, _)| *other == conversation);
        Screen {
            messages: here.map(|(_, shown)| shown.clone()).collect(),
            ..Screen::default()
        }
    }

    fn conversation(&self, place: &Place, user: &str) -> Conversation {
        Conversation {
            id: match place {
                Place::Direct => format!("d-{user}"),
                Place::Group(name) | Place::Channel(name) => format!("g-{name}"),
            },
            thread: None,
            direct: *place == Place::Direct,
        }
    }

    fn sign(&self, webhook: &mut Webhook, signing: Signing, _: u64) {
        let key: &[u8] = match signing {
            Signing::OtherKey => b"another key",
            Signing::EmptyKey => b"",
            _ => KEY,
        };
        let tag = Hmac::<Sha256>::new_from_slice(key)
            .map(|mac| mac.chain_update(&webhook.body).finalize().into_bytes());
        let tag = tag.map(hex::encode).unwrap_or_default();
        match signing {
            Signing::Missing => {}
            Signing::Garbage => webhook.set("x-signature", "no signature"),
            Signing::Truncated => webhook.set("x-signature", tag.get(..62).unwrap_or_default()),
            _ => webhook.set("x-signature", tag),
        }
    }

    fn forgeries(&self) -> Vec<Signing> {
        use Signing::{Altered, EmptyKey, Garbage, Missing, OtherKey, Truncated};
        vec![Missing, Garbage, Truncated, OtherKey, EmptyKey, Altered]
    }

    fn retry(&self, _: &Webhook) -> Retry {
        Retry {
            delays: vec![
                Duration::ZERO,
                Duration::from_secs(1),
                Duration::from_secs(4),
            ],
            then: None,
            timeout: Duration::from_secs(3),
            honours_retry_after: true,
        }
    }

    fn refusal(&self, refusal: Refusal) -> Answer {
        let say = |status, error: &str| Answer::json(status, &json!({ "error": error }));
        match refusal {
            Refusal::RateLimited(after) => {
                say(429, "rate-limited").with("retry-after", after.as_secs().to_string())
            }
            Refusal::Permanent => say(403, "blocked"),
            Refusal::Outage => say(503, "out-of-order"),
            Refusal::Unauthorised => say(401, "token"),
        }
    }

    fn sends(&self, call: &Call) -> bool {
        call.path == "/messages"
    }

    fn batch(&self, acts: &[Act]) -> Option<(Vec<Done>, Webhook)> {
        let said: Vec<_> = acts.iter().map_while(|act| self.say(act).ok()).collect();
        let (done, bodies): (Vec<_>, Vec<_>) = said.into_iter().unzip();
        let key = done.first()?.message.clone()?;
        Some((done, Webhook::json(key, &Value::Array(bodies))))
    }

    fn unknown(&self) -> Vec<Webhook> {
        vec![Webhook::json("unknown", &json!({"kind": "weather"}))]
    }

    fn malformed(&self) -> Vec<Webhook> {
        vec![
            Webhook::post("cut-off", "application/json", br#"{"id":"m"#.to_vec()),
            Webhook::json(
                "wrong-type",
                &json!({"id": 7, "conversation": "c", "user": "u", "text": "t"}),
            ),
        ]
    }
}
