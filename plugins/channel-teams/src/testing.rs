//! What the tests share: a platform in a few lines, activities of every kind, and requests signed as the platform signs.

pub mod keys;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use greentic_sdk::channel::{IngressError, IngressOutcome, Request, Surface};
use greentic_sdk::http::{Fault, Request as Call, Response};
use greentic_sdk::model::Header;
use greentic_sdk::native::{self, Table};
use serde_json::{Value, json};

use crate::settings::Settings;

/// Where the tests' clock stands, in milliseconds.
pub const NOW: u64 = 1_800_000_000_000;
pub const SERVICE: &str = "https://smba.trafficmanager.net/amer/";
pub const APP: &str = "11111111-2222-3333-4444-555555555555";
pub const TENANT: &str = "99999999-2222-3333-4444-555555555555";
pub const TOKEN: &str = "eyJ.access.token";
pub const SECRET: &[u8] = b"s3cret of the app";

/// What the platform answers next to calls of the Connector, in order; then what it usually does.
#[derive(Clone, Default)]
pub struct Script(Rc<RefCell<VecDeque<Result<Response, Fault>>>>);

impl Script {
    pub fn then(&self, answer: Result<Response, Fault>) -> &Self {
        self.0.borrow_mut().push_back(answer);
        self
    }

    pub fn status(&self, status: u16) -> &Self {
        let body = json!({"error": {"code": "Code", "message": "words"}});
        self.then(Ok(Response::of_json(status, &body)))
    }
}

/// What the rest of the platform is like.
#[derive(Clone)]
pub struct Platform {
    /// Names of the keys in the set, all with the first key's numbers.
    pub kids: Vec<&'static str>,
    pub endorsements: Value,
    /// The login service for incoming tokens does not answer.
    pub login_down: bool,
    pub token_answer: Response,
}

impl Default for Platform {
    fn default() -> Self {
        Self {
            kids: vec!["k1"],
            endorsements: json!(["msteams", "webchat"]),
            login_down: false,
            token_answer: Response::of_json(
                200,
                &json!({"token_type": "Bearer", "expires_in": 3600, "access_token": TOKEN}),
            ),
        }
    }
}

/// Installs a host whose platform can be changed while a test runs.
pub fn install(platform: Platform) -> (Script, Rc<RefCell<Platform>>) {
    let script = Script::default();
    let platform = Rc::new(RefCell::new(platform));
    let (answers, shared) = (script.clone(), Rc::clone(&platform));
    let mut sent = 0;
    let table = Table::new()
        .secret("teams/client-secret", SECRET)
        .http(move |call: &Call| {
            let platform = shared.borrow();
            let host = call.url.split('/').nth(2).unwrap_or_default();
            match host {
                "login.botframework.com" if platform.login_down => {
                    Err(Fault::NotSent("down".into()))
                }
                "login.botframework.com" if call.url.ends_with("openidconfiguration") => {
                    Ok(Response::of_json(200, &json!({
                        "issuer": "https://api.botframework.com",
                        "jwks_uri": "https://login.botframework.com/v1/.well-known/keys"
                    })))
                }
                "login.botframework.com" => {
                    let (n, e) = keys::public(0);
                    let keys: Vec<_> = platform
                        .kids
                        .iter()
                        .map(|kid| json!({"kty": "RSA", "use": "sig", "kid": kid, "n": n, "e": e, "endorsements": platform.endorsements}))
                        .collect();
                    Ok(Response::of_json(200, &json!({ "keys": keys })))
                }
                "login.microsoftonline.com" => Ok(platform.token_answer.clone()),
                _ => answers.0.borrow_mut().pop_front().unwrap_or_else(|| {
                    sent += 1;
                    let id = format!("m{sent}");
                    let status = if call.method == "POST" { 201 } else { 200 };
                    let body = if call.url.ends_with("/v3/conversations") {
                        json!({"id": "a:begun", "activityId": id})
                    } else {
                        json!({ "id": id })
                    };
                    Ok(Response::of_json(status, &body))
                }),
            }
        });
    native::install(table);
    native::set_clock(NOW);
    (script, platform)
}

pub fn settings() -> Settings {
    Settings::read(|key| {
        Ok(match key {
            "app-id" => Some(APP.to_owned()),
            "tenant-id" => Some(TENANT.to_owned()),
            _ => None,
        })
    })
    .unwrap()
}

/// The claims the platform makes for this bot.
pub fn claims() -> Value {
    let now = NOW / 1000;
    json!({"serviceurl": SERVICE, "nbf": now - 60, "exp": now + 3000, "iss": "https://api.botframework.com", "aud": APP})
}

pub fn authorization(claims: &Value) -> String {
    format!("Bearer {}", keys::sign(0, &keys::header("k1"), claims))
}

/// A request to the webhook.
pub fn request(authorization: &[&str], body: impl Into<Vec<u8>>) -> Request {
    Request {
        surface: Surface::Webhook,
        method: "POST".into(),
        origin: "https://bot.example.com".into(),
        base: "/v1/messaging/ingress/teams/demo/default/teams".into(),
        path: String::new(),
        query: None,
        headers: authorization
            .iter()
            .map(|value| Header::new("authorization", value))
            .collect(),
        body: body.into(),
    }
}

/// A whole activity in a chat of one person and the bot, with these fields changed; `null` takes one away.
pub fn activity(changes: Value) -> Value {
    let mut activity = json!({
        "type": "message", "id": "1767224924615", "timestamp": "2026-01-03T02:17:32.3098051Z",
        "channelId": "msteams", "serviceUrl": SERVICE, "text": "hello", "textFormat": "plain", "locale": "en-US",
        "from": {"id": "29:ada", "name": "Ada", "aadObjectId": "e-ada"},
        "recipient": {"id": format!("28:{APP}"), "name": "Help Desk"},
        "conversation": {"id": "a:ada", "conversationType": "personal", "tenantId": TENANT},
        "channelData": {"tenant": {"id": TENANT}}
    });
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            activity.as_object_mut().unwrap().remove(name);
        } else {
            activity[name] = value.clone();
        }
    }
    activity
}

/// The conversation of a channel's thread.
pub fn in_channel() -> Value {
    json!({"id": "19:general@thread.tacv2;messageid=17", "conversationType": "channel", "isGroup": true, "tenantId": TENANT})
}

/// What the channel makes of a signed activity.
pub fn ingress(activity: &Value) -> Result<IngressOutcome, IngressError> {
    ingress_at(activity, NOW)
}

pub fn ingress_at(activity: &Value, now_ms: u64) -> Result<IngressOutcome, IngressError> {
    native::set_clock(now_ms);
    let mut claims = claims();
    claims["exp"] = json!(now_ms / 1000 + 60);
    let request = request(&[&authorization(&claims)], activity.to_string());
    crate::ingress::ingress(&settings(), &request, now_ms)
}

/// The calls of the Connector so far: method, path below the service URL, body.
pub fn calls() -> Vec<(String, String, Value)> {
    native::requests()
        .iter()
        .filter_map(|call| {
            let at = call.url.find("/v3/")?;
            Some((
                call.method.clone(),
                call.url[at..].to_owned(),
                serde_json::from_slice(&call.body).unwrap_or_default(),
            ))
        })
        .collect()
}
