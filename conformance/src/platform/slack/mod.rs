//! A workspace of Slack with one app in it: the Events API, slash commands, interactivity, and the part of the Web API a bot uses.
//!
//! Written from docs.slack.dev. Events are signed and sent again after nothing, one minute and five minutes; commands and
//! interactivity are not, and the person sees that they failed.

mod acts;
mod block_kit;
mod emoji;
mod rendering;
mod response_url;
#[cfg(test)]
mod tests;
mod web_api;
mod workspace;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use self::acts::{Acting, event, interactivity};
use self::workspace::{APP, BOT, BOT_USER, TEAM, Workspace, channel_id, conversation};
use super::desk::lock;
use super::{
    Act, Answer, Call, CannotDo, Conversation, Desk, Done, Failure, Handshake, Place, Platform,
    Profile, Refusal, Response, Retry, Screen, Signing, Webhook,
};

/// The bot's token.
const TOKEN: &str = "xoxb-simulated-token";
/// The app's signing secret.
const KEY: &[u8] = b"simulated-signing-secret";
/// Slack's budget for an answer.
const BUDGET: Duration = Duration::from_secs(3);

/// The platform.
pub struct Slack {
    desk: Arc<Desk>,
    workspace: Mutex<Workspace>,
}

/// Makes it.
#[must_use]
pub fn make(desk: Arc<Desk>) -> Arc<dyn Platform> {
    Arc::new(Slack {
        desk,
        workspace: Mutex::default(),
    })
}

/// The value at a JSON pointer; null where there is none.
fn part<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

/// Sets a member of an object.
fn put(object: &mut Value, name: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

fn is_event(webhook: &Webhook) -> bool {
    webhook.header("content-type") == Some("application/json")
}

impl Platform for Slack {
    fn profile(&self) -> Profile {
        Profile {
            component: "channel-slack",
            config: vec![("api-url".into(), format!("{}/api", self.desk.origin()))],
            secrets: vec![
                ("slack/signing-secret".into(), KEY.into()),
                ("slack/bot-token".into(), TOKEN.into()),
            ],
            verified_by: "slack/signing-secret",
            http: vec![self.desk.authority().into()],
            path: "/slack/events",
            tells_retry_time: true,
        }
    }

    fn answer(&self, call: &Call) -> Answer {
        let mut workspace = lock(&self.workspace);
        let segments = call.segments();
        let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
        match (call.method.as_str(), parts.as_slice()) {
            (_, ["api", name]) => web_api::answer(&self.desk, &mut workspace, call, name),
            ("POST", ["upload", "v1", id]) => web_api::upload(&self.desk, &mut workspace, call, id),
            ("GET", ["files-pri", id, _]) => web_api::download(&workspace, call, id),
            ("POST", ["response", id]) => {
                response_url::answer(&self.desk, &mut workspace, call, id)
            }
            _ => {
                self.desk
                    .violation("unknown-method", format!("{} {}", call.method, call.path));
                Answer::empty(404)
            }
        }
    }

    fn act(&self, act: &Act) -> Result<Done, CannotDo> {
        Acting::new(&self.desk, &mut lock(&self.workspace), act).run()
    }

    fn screen(&self, place: &Place, user: &str) -> Screen {
        let mut workspace = lock(&self.workspace);
        let id = workspace.user(user);
        let channel = workspace.channel(place, user);
        let visible = workspace.messages.iter().filter(|message| {
            message.channel == channel && message.only_for.as_ref().is_none_or(|only| *only == id)
        });
        let notices = workspace.notices.iter().filter(|(whose, _)| *whose == id);
        Screen {
            messages: visible
                .map(|message| rendering::message(&workspace, message))
                .collect(),
            typing: workspace.statuses.keys().any(|(at, _)| *at == channel),
            commands: Vec::new(),
            dialogue: workspace.views.get(&id).map(rendering::view),
            notices: notices.map(|(_, text)| text.clone()).collect(),
        }
    }

    fn conversation(&self, place: &Place, user: &str) -> Conversation {
        let mut workspace = lock(&self.workspace);
        workspace.user(user);
        workspace.channel(place, user);
        conversation(place, user, None)
    }

    fn sign(&self, webhook: &mut Webhook, signing: Signing, now_ms: u64) {
        let key: &[u8] = match signing {
            Signing::OtherKey => b"another secret",
            Signing::EmptyKey => b"",
            _ => KEY,
        };
        let at = now_ms.saturating_add_signed(signing.clock_offset_ms()) / 1000;
        let tag = Hmac::<Sha256>::new_from_slice(key).map(|mac| {
            let mac = mac
                .chain_update(format!("v0:{at}:"))
                .chain_update(&webhook.body);
            hex::encode(mac.finalize().into_bytes())
        });
        let tag = format!("v0={}", tag.unwrap_or_default());
        if signing != Signing::Special("no-timestamp") {
            webhook.set("x-slack-request-timestamp", at.to_string());
        }
        match signing {
            Signing::Missing => {}
            Signing::Garbage => webhook.set("x-slack-signature", "v0=nothing"),
            Signing::Truncated => {
                webhook.set(
                    "x-slack-signature",
                    tag.get(..tag.len() - 2).unwrap_or_default(),
                );
            }
            Signing::Special("no-version") => {
                webhook.set("x-slack-signature", tag.get(3..).unwrap_or_default());
            }
            _ => webhook.set("x-slack-signature", tag),
        }
    }

    fn forgeries(&self) -> Vec<Signing> {
        const BEYOND_MS: u64 = 305_000;
        vec![
            Signing::Missing,
            Signing::Garbage,
            Signing::Truncated,
            Signing::OtherKey,
            Signing::EmptyKey,
            Signing::Old(BEYOND_MS),
            Signing::Ahead(BEYOND_MS),
            Signing::Altered,
            Signing::Special("no-timestamp"),
            Signing::Special("no-version"),
        ]
    }

    fn retry(&self, webhook: &Webhook) -> Retry {
        if !is_event(webhook) {
            return Retry::never(BUDGET);
        }
        Retry {
            delays: vec![
                Duration::ZERO,
                Duration::from_secs(60),
                Duration::from_secs(300),
            ],
            then: None,
            timeout: BUDGET,
            honours_retry_after: false,
        }
    }

    fn again(&self, webhook: &mut Webhook, attempt: u32, last: &Response) {
        let reason = match last.failure {
            Some(Failure::Timeout) => "http_timeout",
            Some(Failure::Connect) => "connection_failed",
            Some(Failure::Broken) => "unknown_error",
            None => "http_error",
        };
        webhook.set("x-slack-retry-num", attempt.saturating_sub(1).to_string());
        webhook.set("x-slack-retry-reason", reason);
    }

    fn answered(&self, webhook: &Webhook, response: &Response) {
        let mut workspace = lock(&self.workspace);
        if let Some(trigger) = webhook.key.strip_prefix("command/") {
            let user = workspace
                .triggers
                .get(trigger)
                .map(|found| found.user.clone());
            if let (Some(user), false) = (user, response.is_success()) {
                let notice = "the command failed: operation_timeout".to_owned();
                workspace.notices.push((user, notice));
            }
            return;
        }
        let Some((id, user)) = webhook
            .key
            .strip_prefix("view/")
            .and_then(|key| key.split_once('/'))
        else {
            return;
        };
        let said = response.json().unwrap_or(Value::Null);
        if !response.is_success() {
            let notice = "We had some trouble connecting. Try again?".to_owned();
            workspace.notices.push((user.to_owned(), notice));
        } else if part(&said, "/response_action") == "errors" {
            let faults = part(&said, "/errors").as_object().into_iter().flatten();
            let texts: Vec<String> = faults
                .map(|(_, text)| text.as_str().unwrap_or_default().to_owned())
                .collect();
            workspace
                .notices
                .extend(texts.into_iter().map(|text| (user.to_owned(), text)));
        } else if workspace.views.get(user).is_some_and(|view| view.id == id) {
            workspace.views.remove(user);
        }
    }

    fn refusal(&self, refusal: Refusal) -> Answer {
        let say = |code: &str| Answer::json(200, &json!({"ok": false, "error": code}));
        match refusal {
            Refusal::RateLimited(after) => {
                Answer::json(429, &json!({"ok": false, "error": "ratelimited"}))
                    .with("retry-after", after.as_secs().to_string())
            }
            Refusal::Permanent => say("is_archived"),
            Refusal::Outage => Answer::of(503, "text/html", b"<html>down</html>".to_vec()),
            Refusal::Unauthorised => say("invalid_auth"),
        }
    }

    fn sends(&self, call: &Call) -> bool {
        const SENDING: [&str; 7] = [
            "/api/chat.postMessage",
            "/api/chat.postEphemeral",
            "/api/chat.update",
            "/api/chat.delete",
            "/api/reactions.add",
            "/api/reactions.remove",
            "/api/files.completeUploadExternal",
        ];
        SENDING.contains(&call.path.as_str()) || call.path.starts_with("/response/")
    }

    fn handshakes(&self) -> Vec<Handshake> {
        let challenge = "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P";
        let webhook = Webhook::json(
            "url_verification",
            &json!({"token": "legacy", "challenge": challenge, "type": "url_verification"}),
        );
        vec![
            Handshake {
                name: "challenge",
                webhook: webhook.clone(),
                signing: Signing::Honest,
                answer: Some(challenge.into()),
            },
            Handshake {
                name: "challenge-of-somebody-else",
                webhook,
                signing: Signing::OtherKey,
                answer: None,
            },
        ]
    }

    fn unknown(&self) -> Vec<Webhook> {
        let mut workspace = lock(&self.workspace);
        let told = json!({"type": "sky_turned_green", "hue": {"from": 1, "to": 2}, "event_ts": "1.000001"});
        vec![
            event(&mut workspace, self.desk.now_ms(), &told),
            Webhook::json("outer", &json!({"type": "something_new", "team_id": TEAM})),
            interactivity(
                "hologram",
                &json!({"type": "hologram", "user": {"id": "UADA"}}),
            ),
        ]
    }

    fn uninteresting(&self) -> Vec<Webhook> {
        let mut workspace = lock(&self.workspace);
        let now = self.desk.now_ms();
        let ts = workspace.ts(now);
        let channel = channel_id(&Place::Channel("general".into()), "ada");
        let echo = json!({
            "type": "message", "user": BOT_USER, "bot_id": BOT, "app_id": APP, "text": "hello yourself", "ts": ts,
            "channel": channel, "channel_type": "channel", "event_ts": ts,
        });
        let by_response_url = json!({
            "type": "message", "subtype": "bot_message", "bot_id": BOT, "text": "hello", "ts": ts, "channel": channel, "event_ts": ts,
        });
        let own_edit = json!({
            "type": "message", "subtype": "message_changed", "channel": channel, "ts": ts, "event_ts": ts,
            "message": {"type": "message", "user": BOT_USER, "bot_id": BOT, "text": "b", "ts": ts},
            "previous_message": {"type": "message", "user": BOT_USER, "bot_id": BOT, "text": "a", "ts": ts},
        });
        let unfurled = json!({
            "type": "message", "subtype": "message_changed", "channel": channel, "ts": ts, "event_ts": ts,
            "message": {"type": "message", "user": "UADA", "text": "see x.example", "ts": ts, "attachments": [{"id": 1}]},
            "previous_message": {"type": "message", "user": "UADA", "text": "see x.example", "ts": ts},
        });
        let notice = json!({
            "type": "message", "subtype": "channel_topic", "user": "UADA", "text": "set the topic", "topic": "x", "ts": ts,
            "channel": channel, "event_ts": ts,
        });
        let created = json!({"type": "channel_created", "channel": {"id": "CNEW", "name": "new"}, "event_ts": ts});
        let file =
            json!({"type": "file_created", "file_id": "F1", "file": {"id": "F1"}, "event_ts": ts});
        let reaction = json!({
            "type": "reaction_added", "user": BOT_USER, "reaction": "eyes", "item": {"type": "message", "channel": channel, "ts": ts}, "event_ts": ts,
        });
        let mut webhooks: Vec<Webhook> = [
            echo,
            by_response_url,
            own_edit,
            unfurled,
            notice,
            created,
            file,
            reaction,
        ]
        .iter()
        .map(|told| event(&mut workspace, now, told))
        .collect();
        let limited = json!({"token": "legacy", "type": "app_rate_limited", "team_id": TEAM, "minute_rate_limited": now / 60_000, "api_app_id": APP});
        webhooks.push(Webhook::json("limited", &limited));
        let who = json!({"id": "UADA", "name": "ada"});
        for kind in [
            "block_suggestion",
            "view_closed",
            "dialog_submission",
            "dialog_cancellation",
            "interactive_message",
            "workflow_step_edit",
        ] {
            let payload = json!({"type": kind, "user": who, "team": {"id": TEAM}, "channel": {"id": channel, "name": "general"}});
            webhooks.push(interactivity(kind, &payload));
        }
        webhooks
    }

    fn malformed(&self) -> Vec<Webhook> {
        let mut workspace = lock(&self.workspace);
        let now = self.desk.now_ms();
        let nowhere =
            json!({"type": "message", "user": "UADA", "text": "hello", "event_ts": "1.000001"});
        vec![
            Webhook::post(
                "cut-off",
                "application/json",
                br#"{"type":"event_callback","#.to_vec(),
            ),
            Webhook::json(
                "no-event",
                &json!({"type": "event_callback", "team_id": TEAM, "event_id": "Ev0"}),
            ),
            event(&mut workspace, now, &nowhere),
            Webhook::form("no-payload", &[("payload", "{")]),
            Webhook::form(
                "half-a-command",
                &[("command", "/start"), ("team_id", TEAM)],
            ),
        ]
    }
}
