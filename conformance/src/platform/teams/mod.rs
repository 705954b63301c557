//! Microsoft Teams and the Bot Connector: one tenant with one bot in it.
//!
//! Written from the Bot Framework's Activity schema and Connector API, and from Teams' documentation of bots. An activity that is not
//! answered within 15 seconds is sent again; invokes are not, and the person sees that something went wrong.

mod acts;
mod card;
mod connector;
mod identity;
mod state;
#[cfg(test)]
mod tests;
mod text;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use self::acts::{Acting, stamp};
use self::connector::{Api, error};
use self::identity::{APP, Identity, SECRET, TENANT};
use self::state::{State, bot_id, conversation_of};
use super::desk::lock;
use super::{
    Act, Answer, Author, Call, CannotDo, Conversation, Desk, Done, File, Place, Platform, Profile,
    Refusal, Response, Retry, Screen, Shown, Signing, Webhook,
};

/// How long the platform waits for an answer.
const BUDGET: Duration = Duration::from_secs(15);

/// The platform.
pub struct Teams {
    desk: Arc<Desk>,
    state: Mutex<State>,
    identity: Mutex<Identity>,
}

/// Makes it.
#[must_use]
pub fn make(desk: Arc<Desk>) -> Arc<dyn Platform> {
    Arc::new(Teams {
        desk,
        state: Mutex::default(),
        identity: Mutex::default(),
    })
}

impl Teams {
    /// The path of a call that makes the platform change its signing key, for tests: the next webhook is signed by a key of a new name.
    const ROTATE: &'static str = "simulation";

    /// A person's drive: uploads by session, downloads by an address that opens by itself.
    fn drive(&self, call: &Call, id: &str) -> Answer {
        let mut state = lock(&self.state);
        if call.bearer().is_some() {
            self.desk
                .violation("token-given-away", "a file's address opens by itself");
        }
        if call.method == "GET" {
            let found = state.drive.get(id);
            return found.map_or(Answer::empty(404), |file| {
                Answer::of(200, "application/octet-stream", file.bytes.clone())
            });
        }
        let Some(name) = state.uploads.remove(id) else {
            return Answer::empty(404);
        };
        let size = call.body.len();
        let range = format!("bytes 0-{}/{size}", size.saturating_sub(1));
        if call.header("content-range") != Some(range.as_str()) {
            let detail = format!("{:?} for {size} bytes", call.header("content-range"));
            self.desk.violation("content-range", detail);
            return Answer::empty(400);
        }
        let file = File {
            name,
            content_type: "application/octet-stream".into(),
            bytes: call.body.clone(),
        };
        state.drive.insert(id.to_owned(), file);
        Answer::json(201, &json!({ "id": id }))
    }

    fn service_url(&self) -> String {
        format!("{}/amer/", self.desk.origin())
    }

    /// An activity that no person's act causes.
    fn activity(&self, kind: &str, id: &str, changes: Value) -> Webhook {
        let mut state = lock(&self.state);
        let (conversation, of) = state.enter(&Place::Direct, "ada");
        let mut activity = json!({
            "type": kind, "id": id, "timestamp": stamp(self.desk.now_ms()), "channelId": "msteams",
            "serviceUrl": self.service_url(), "from": State::account("ada"), "recipient": {"id": bot_id()},
            "conversation": State::place(&conversation, None, of)
        });
        if let (Some(fields), Value::Object(changes)) = (activity.as_object_mut(), changes) {
            fields.extend(changes);
        }
        Webhook::json(format!("{kind}/{id}"), &activity)
    }
}

impl Platform for Teams {
    fn profile(&self) -> Profile {
        let origin = self.desk.origin();
        let set = |key: &str, value: String| (key.to_owned(), value);
        Profile {
            component: "channel-teams",
            config: vec![
                set("app-id", APP.into()),
                set("tenant-id", TENANT.into()),
                set("api-url", format!("{origin}/amer")),
                set("login-url", origin.into()),
                set(
                    "openid-metadata-url",
                    format!("{origin}/v1/.well-known/openidconfiguration"),
                ),
                set("file-hosts", json!([origin]).to_string()),
            ],
            secrets: vec![("teams/client-secret".into(), SECRET.into())],
            verified_by: "",
            http: vec![self.desk.authority().into()],
            path: "/api/messages",
            tells_retry_time: false,
        }
    }

    /// The access token that the secret is exchanged for is a credential of the channel's own.
    fn reveal(&self) -> &'static [&'static str] {
        &["teams/client-secret"]
    }

    fn answer(&self, call: &Call) -> Answer {
        let segments = call.segments();
        let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
        match (call.method.as_str(), parts.as_slice()) {
            ("GET", ["v1", ".well-known", "openidconfiguration"]) => {
                Identity::metadata(self.desk.origin())
            }
            ("GET", ["v1", ".well-known", "keys"]) => lock(&self.identity).keys(),
            ("POST", [tenant, "oauth2", "v2.0", "token"]) => {
                lock(&self.identity).grant(&self.desk, tenant, call)
            }
            ("POST", [Self::ROTATE, "rotate-key"]) => {
                lock(&self.identity).rotate();
                Answer::empty(204)
            }
            ("GET" | "PUT", ["onedrive", id, ..]) => self.drive(call, id),
            (_, ["amer", "v3", path @ ..]) => {
                if !lock(&self.identity).admits(call, self.desk.now_ms()) {
                    self.desk
                        .violation("token", "a call without a good access token");
                    return self.refusal(Refusal::Unauthorised);
                }
                let api = Api {
                    desk: &self.desk,
                    state: &mut lock(&self.state),
                    call,
                };
                api.answer(path)
            }
            _ => {
                self.desk
                    .violation("unknown-method", format!("{} {}", call.method, call.path));
                Answer::empty(404)
            }
        }
    }

    fn act(&self, act: &Act) -> Result<Done, CannotDo> {
        Acting::new(&self.desk, &mut lock(&self.state), act).run()
    }

    fn screen(&self, place: &Place, user: &str) -> Screen {
        let state = lock(&self.state);
        let (conversation, _) = conversation_of(place, user);
        let visible = state.messages.iter().filter(|message| {
            let only = message.only_for.as_deref();
            message.conversation == conversation
                && only.is_none_or(|only| only == state::person_id(user))
        });
        let dialogue = state.dialogues.get(user).map(|(id, content)| {
            let mut shown = Shown::new(id, Author::Bot, "");
            card::show(content, &mut shown);
            shown
        });
        let notices = state.notices.iter().filter(|(whose, _)| whose == user);
        Screen {
            messages: visible.map(|message| state.shown(message)).collect(),
            typing: state.typing.contains(&conversation),
            commands: Vec::new(),
            dialogue,
            notices: notices.map(|(_, text)| text.clone()).collect(),
        }
    }

    fn conversation(&self, place: &Place, user: &str) -> Conversation {
        let (id, kind) = lock(&self.state).enter(place, user);
        State::named(&id, None, kind)
    }

    fn sign(&self, webhook: &mut Webhook, signing: Signing, now_ms: u64) {
        lock(&self.identity).sign(webhook, signing, now_ms, &self.service_url());
    }

    fn forgeries(&self) -> Vec<Signing> {
        Identity::forgeries()
    }

    fn retry(&self, webhook: &Webhook) -> Retry {
        if webhook.key.starts_with("invoke|") {
            return Retry::never(BUDGET);
        }
        Retry {
            delays: vec![Duration::from_secs(5), Duration::from_secs(15)],
            then: None,
            timeout: BUDGET,
            honours_retry_after: false,
        }
    }

    fn answered(&self, webhook: &Webhook, response: &Response) {
        let Some(rest) = webhook.key.strip_prefix("invoke|") else {
            return;
        };
        let mut parts = rest.split('|');
        let (Some(name), Some(user)) = (parts.next(), parts.next()) else {
            return;
        };
        let mut state = lock(&self.state);
        let said = response.json().unwrap_or(Value::Null);
        let text = |pointer: &str| {
            said.pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        if !response.is_success() {
            let notice = "Something went wrong. Please try again.".to_owned();
            state.notices.push((user.to_owned(), notice));
            return;
        }
        let notice = match name {
            "adaptiveCard/action" if said.get("statusCode") != Some(&json!(200)) => {
                "Something went wrong. Please try again."
            }
            "adaptiveCard/action" => text("/value"),
            "task/fetch" | "task/submit" if text("/task/type") == "continue" => {
                let content = said
                    .pointer("/task/value/card/content")
                    .cloned()
                    .unwrap_or_default();
                if let Some(fault) = card::fault(&content) {
                    self.desk.violation("dialogue", fault);
                }
                let id = format!("d-{}", state.next_id(self.desk.now_ms()));
                state.dialogues.insert(user.to_owned(), (id, content));
                ""
            }
            "task/fetch" | "task/submit" => {
                state.dialogues.remove(user);
                text("/task/value")
            }
            _ => "",
        };
        if !notice.is_empty() {
            let notice = (user.to_owned(), notice.to_owned());
            state.notices.push(notice);
        }
    }

    fn refusal(&self, refusal: Refusal) -> Answer {
        match refusal {
            // The documentation asks for exponential backoff and promises no Retry-After.
            Refusal::RateLimited(_) => error(
                429,
                "TooManyRequests",
                "API calls quota exceeded! maximum admitted 7 per 1s.",
            ),
            Refusal::Permanent => error(
                403,
                "BotDisabledByUser",
                "User has blocked the conversation with the bot.",
            ),
            Refusal::Outage => error(500, "ServiceError", "Unknown"),
            Refusal::Unauthorised => Answer::json(
                401,
                &json!({"message": "Authorization has been denied for this request."}),
            ),
        }
    }

    fn sends(&self, call: &Call) -> bool {
        let body = call.json().unwrap_or_default();
        let typing = body.get("type").and_then(Value::as_str) == Some("typing");
        let acts = call.method != "GET" && call.path.contains("/activities") && !typing;
        acts || (call.path.ends_with("/v3/conversations") && body.get("activity").is_some())
    }

    fn unknown(&self) -> Vec<Webhook> {
        vec![
            self.activity("somethingNew", "f:n1", json!({"value": {"hue": 1}})),
            self.activity(
                "event",
                "f:n2",
                json!({"name": "application/vnd.microsoft.somethingNew", "value": {}}),
            ),
            self.activity(
                "conversationUpdate",
                "f:n3",
                json!({"channelData": {"eventType": "somethingNew"}}),
            ),
            self.activity(
                "invoke",
                "f:n4",
                json!({"name": "something/new", "value": {}}),
            ),
        ]
    }

    fn uninteresting(&self) -> Vec<Webhook> {
        let echo = json!({"from": {"id": bot_id()}, "text": "what the bot said"});
        let token = json!({"name": "tokens/response", "value": {"token": "a person's"}});
        vec![
            self.activity("message", "17", echo),
            self.activity("trace", "f:t", json!({"label": "x"})),
            self.activity("event", "f:e", token),
            self.activity("contactRelationUpdate", "f:c", json!({"action": "add"})),
        ]
    }

    fn malformed(&self) -> Vec<Webhook> {
        vec![
            Webhook::post("cut-off", "application/json", br#"{"type":"mess"#.to_vec()),
            self.activity("message", "m1", json!({"id": 7})),
            self.activity("message", "m2", json!({"conversation": "a"})),
            self.activity(
                "messageReaction",
                "m3",
                json!({"reactionsAdded": {"type": "like"}}),
            ),
        ]
    }
}
