//! Telegram's Bot API from its own side, as its documentation (Bot API 10.1) and the source of its server tell it.
//!
//! Updates go out with the secret in a header and wait for each other chat by chat. A method may stand in the answer to an update
//! and is carried out then. A group is a supergroup; a group whose name begins with `basic` is one of the older kind, which the
//! platform also knows under the id it would have as a supergroup, and under that one alone where it begins with `basic-moved`;
//! `name#topic` is a topic of a forum.

mod acts;
mod formatting;
mod markup;
mod methods;
mod parameters;
mod refusal;
mod sending;
mod state;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use self::parameters::Parameters;
use self::refusal::Refused;
use self::state::{BOT, State};
use super::desk::lock;
use super::{
    Act, Answer, Call, CannotDo, Conversation, Desk, Done, Place, Platform, Profile, Refusal,
    Response, Retry, Screen, Signing, Webhook,
};

/// The bot's token; its first part is the bot's id.
const TOKEN: &str = "7000000001:AAH-simulated_token_of_a_bot-35chars";
/// The secret until `setWebhook` says another.
const SECRET: &str = "simulated-webhook-secret_1";
/// The header that carries it.
const SECRET_HEADER: &str = "x-telegram-bot-api-secret-token";

/// The platform.
pub struct Telegram {
    desk: Arc<Desk>,
    state: Mutex<State>,
}

/// Makes it.
#[must_use]
pub fn make(desk: Arc<Desk>) -> Arc<dyn Platform> {
    Arc::new(Telegram {
        desk,
        state: Mutex::default(),
    })
}

impl Telegram {
    fn refuse(&self, refused: &Refused) -> Answer {
        if let Some(name) = refused.violation {
            self.desk.violation(name, refused.description.clone());
        }
        refused.answer()
    }

    fn file(&self, path: &str, call: &Call) -> Answer {
        let state = lock(&self.state);
        let Some(file) = state.files.iter().find(|file| file.path == path) else {
            return Answer::json(
                404,
                &json!({"ok": false, "error_code": 404, "description": "Not Found"}),
            );
        };
        let size = file.bytes.len();
        let range = call.header("range").and_then(|range| {
            let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
            let first: usize = first.parse().ok()?;
            let last = last.parse().unwrap_or(usize::MAX).min(size.checked_sub(1)?);
            Some((first, last, file.bytes.get(first..=last)?.to_vec()))
        });
        match range {
            Some((first, last, bytes)) => Answer::of(206, "application/octet-stream", bytes)
                .with("content-range", format!("bytes {first}-{last}/{size}")),
            None => Answer::of(200, "application/octet-stream", file.bytes.clone()),
        }
    }

    fn service(&self, kind: &'static str, value: Value) -> Webhook {
        acts::update(&mut lock(&self.state), kind, value)
    }

    /// Something a chat shows as a message and nobody said.
    fn chat_line(&self, content: Value) -> Webhook {
        let mut state = lock(&self.state);
        let (_, chat, _) = state.place(&Place::Group("square".into()), "ada");
        let user = state.person("ada");
        let id = state.message_id(chat);
        let mut message = json!({
            "message_id": id,
            "from": state.user_json(user),
            "chat": state.chat_json(chat),
            "date": self.desk.now_ms() / 1000,
        });
        if let (Some(fields), Some(content)) = (message.as_object_mut(), content.as_object()) {
            fields.extend(content.clone());
        }
        acts::update(&mut state, "message", message)
    }
}

impl Platform for Telegram {
    fn profile(&self) -> Profile {
        Profile {
            component: "channel-telegram",
            config: vec![("api-url".into(), self.desk.origin().into())],
            secrets: vec![
                ("telegram/bot-token".into(), TOKEN.into()),
                ("telegram/webhook-secret".into(), SECRET.into()),
            ],
            verified_by: "telegram/webhook-secret",
            http: vec![self.desk.authority().into()],
            path: "",
            tells_retry_time: true,
        }
    }

    fn answer(&self, call: &Call) -> Answer {
        let segments = call.segments();
        let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
        let (token, rest, is_file) = match parts.as_slice() {
            ["file", bot, rest @ ..] => (bot, rest, true),
            [bot, rest @ ..] => (bot, rest, false),
            [] => return Answer::empty(404),
        };
        if token.strip_prefix("bot") != Some(TOKEN) {
            self.desk
                .violation("token", "a call without the bot's token in its path");
            return self.refusal(Refusal::Unauthorised);
        }
        if is_file {
            return self.file(&rest.join("/"), call);
        }
        let [method] = rest else {
            return Answer::json(
                404,
                &json!({"ok": false, "error_code": 404, "description": "Not Found"}),
            );
        };
        let outcome = Parameters::of(call).and_then(|parameters| self.method(method, &parameters));
        match outcome {
            Ok(result) => Answer::json(200, &json!({"ok": true, "result": result})),
            Err(refused) => self.refuse(&refused),
        }
    }

    fn act(&self, act: &Act) -> Result<Done, CannotDo> {
        self.play(&mut lock(&self.state), act)
    }

    fn screen(&self, place: &Place, user: &str) -> Screen {
        let mut state = lock(&self.state);
        let (_, chat, topic) = state.place(place, user);
        let topic = topic.map(|topic| topic.to_string());
        let here = |post: &&state::Post| post.chat == chat && post.shown.thread == topic;
        Screen {
            messages: state
                .posts
                .iter()
                .filter(here)
                .map(|post| post.shown.clone())
                .collect(),
            typing: state
                .typing
                .get(&chat)
                .is_some_and(|until| *until > self.desk.now_ms()),
            commands: state.commands.clone(),
            dialogue: None,
            notices: state
                .notices
                .iter()
                .filter(|(of, _)| *of == chat)
                .map(|(_, text)| text.clone())
                .collect(),
        }
    }

    fn conversation(&self, place: &Place, user: &str) -> Conversation {
        lock(&self.state).conversation(place, user)
    }

    fn sign(&self, webhook: &mut Webhook, signing: Signing, _: u64) {
        let set = lock(&self.state)
            .hook
            .as_ref()
            .and_then(|hook| hook.secret.clone());
        let secret = set.unwrap_or_else(|| SECRET.to_owned());
        match signing {
            Signing::Missing => {}
            Signing::Garbage => webhook.set(SECRET_HEADER, "no secret"),
            Signing::Truncated => {
                webhook.set(
                    SECRET_HEADER,
                    secret.get(..secret.len() - 1).unwrap_or_default(),
                );
            }
            Signing::OtherKey => webhook.set(SECRET_HEADER, "another-webhook-secret_1"),
            Signing::EmptyKey => webhook.set(SECRET_HEADER, ""),
            _ => webhook.set(SECRET_HEADER, secret),
        }
    }

    fn forgeries(&self) -> Vec<Signing> {
        use Signing::{EmptyKey, Garbage, Missing, OtherKey, Truncated};
        vec![Missing, Garbage, Truncated, OtherKey, EmptyKey]
    }

    /// WebhookActor of the official server: at once, then 2, 4, 8 … seconds up to a minute or two, for a day.
    fn retry(&self, _: &Webhook) -> Retry {
        Retry {
            delays: [0, 2, 4, 8, 16, 32, 64].map(Duration::from_secs).to_vec(),
            then: Some((Duration::from_secs(90), 960)),
            timeout: Duration::from_secs(60),
            honours_retry_after: true,
        }
    }

    fn answered(&self, _: &Webhook, response: &Response) {
        let Some(body) = response.json().filter(|_| response.is_success()) else {
            return;
        };
        let Some(method) = body
            .get("method")
            .and_then(Value::as_str)
            .map(str::to_owned)
        else {
            return;
        };
        let name = method.to_ascii_lowercase();
        let is_barred = ["deletewebhook", "setwebhook", "close", "logout"].contains(&name.as_str());
        if is_barred || name.starts_with("get") {
            return;
        }
        let outcome =
            Parameters::of_json(&body).and_then(|parameters| self.method(&method, &parameters));
        // The bot does not hear what came of it.
        if let Err(refused) = outcome {
            let _ = self.refuse(&refused);
        }
    }

    fn refusal(&self, refusal: Refusal) -> Answer {
        match refusal {
            Refusal::RateLimited(after) => Refused::too_many(after.as_secs()).answer(),
            Refusal::Permanent => Refused::forbidden("bot was blocked by the user").answer(),
            Refusal::Outage => Answer::json(
                502,
                &json!({"ok": false, "error_code": 502, "description": "Bad Gateway"}),
            ),
            Refusal::Unauthorised => Answer::json(
                401,
                &json!({"ok": false, "error_code": 401, "description": "Unauthorized"}),
            ),
        }
    }

    fn sends(&self, call: &Call) -> bool {
        let method = call
            .path
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        (method.starts_with("send") && method != "sendchataction")
            || method.starts_with("edit")
            || method == "setmessagereaction"
    }

    fn unknown(&self) -> Vec<Webhook> {
        vec![
            self.service("telepathy", json!({"from": {"id": 1}, "thought": "?"})),
            self.chat_line(json!({"hologram": {"file_id": "x"}})),
        ]
    }

    fn uninteresting(&self) -> Vec<Webhook> {
        let poll = json!({"id": "1", "question": "?", "options": [], "total_voter_count": 0, "is_closed": true, "is_anonymous": true, "type": "regular", "allows_multiple_answers": false});
        let from = json!({"id": 5_000_000_900_i64, "is_bot": false, "first_name": "eve"});
        let inline = json!({"id": "77", "from": from, "query": "cats", "offset": ""});
        vec![
            self.chat_line(json!({"new_chat_title": "Square"})),
            self.chat_line(json!({"pinned_message": {"message_id": 1, "date": 0, "chat": {"id": -1, "type": "group"}}})),
            self.chat_line(json!({"from": {"id": BOT, "is_bot": true, "first_name": "Sample"}, "text": "its own"})),
            self.chat_line(json!({"text": "/help@other_bot", "entities": [{"type": "bot_command", "offset": 0, "length": 15}]})),
            self.service("poll", poll),
            self.service("inline_query", inline),
        ]
    }

    fn malformed(&self) -> Vec<Webhook> {
        vec![
            Webhook::post(
                "cut-off",
                "application/json",
                br#"{"update_id":834000000,"mess"#.to_vec(),
            ),
            Webhook::json("no-id", &json!({"message": {"message_id": 1}})),
            Webhook::json(
                "wrong-type",
                &json!({"update_id": 834_000_000, "message": {"message_id": 1, "chat": "c"}}),
            ),
        ]
    }
}
