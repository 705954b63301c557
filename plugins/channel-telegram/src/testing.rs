//! A stand-in for Telegram and the host, for the unit tests.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use greentic_sdk::channel::{Delivery, IngressError, IngressOutcome, Request, Surface};
use greentic_sdk::http::{self, Fault};
use greentic_sdk::model::{Conversation, ConversationKind, Event, Header, Outbound, OutboundBody};
use greentic_sdk::native::{self, Table};
use serde_json::{Value, json};

use crate::settings::Settings;
use crate::webhook::{self, SECRET_HEADER};

/// The token. It must never be seen.
pub const TOKEN: &str = "4242:the-token-itself";
/// The webhook's secret.
pub const SECRET: &str = "webhook-secret_1";
/// The bot's id.
pub const BOT: i64 = 4242;
/// When it is.
pub const NOW: u64 = 1_800_000_000_000;

/// What Telegram answers to the next calls that are not `getMe`; a success after that.
#[derive(Clone, Default)]
pub struct Answers(Rc<RefCell<VecDeque<Result<http::Response, Fault>>>>);

impl Answers {
    /// The next answer.
    pub fn push(&self, answer: Result<http::Response, Fault>) -> &Self {
        self.0.borrow_mut().push_back(answer);
        self
    }

    /// The next answer is a refusal.
    pub fn refuse(&self, code: u16, description: &str) -> &Self {
        self.push(Ok(refusal(code, description, &json!(null))))
    }

    /// The next answer is this result.
    pub fn result(&self, result: &Value) -> &Self {
        self.push(Ok(http::Response::of_json(
            200,
            &json!({"ok": true, "result": result}),
        )))
    }
}

/// Telegram's way of refusing.
pub fn refusal(code: u16, description: &str, parameters: &Value) -> http::Response {
    let mut body = json!({"ok": false, "error_code": code, "description": description});
    if !parameters.is_null() {
        body["parameters"] = parameters.clone();
    }
    http::Response::of_json(code, &body)
}

/// Installs the stand-in: messages get the ids 1001, 1002, ….
pub fn telegram() -> Answers {
    let answers = Answers::default();
    let script = answers.clone();
    let mut last = 1000;
    let table = Table::new()
        .secret("telegram/bot-token", TOKEN.as_bytes())
        .secret("telegram/webhook-secret", SECRET.as_bytes())
        .http(move |request| {
            assert!(
                request.url.starts_with("https://api.telegram.org/"),
                "{}",
                request.url
            );
            assert!(request.url.contains("/botgtsec_telegram.bot-token/"), "{}", request.url);
            if request.url.ends_with("/getMe") {
                let bot = json!({"ok": true, "result": {"id": BOT, "is_bot": true, "first_name": "B", "username": "sample_bot"}});
                return Ok(http::Response::of_json(200, &bot));
            }
            if let Some(answer) = script.0.borrow_mut().pop_front() {
                return answer;
            }
            let method = request.url.rsplit('/').next().unwrap_or_default();
            let result = if method.starts_with("send") && method != "sendChatAction" {
                last += 1;
                json!({"message_id": last, "date": 0, "chat": {"id": parameters(request)["chat_id"], "type": "private"}})
            } else {
                json!(true)
            };
            Ok(http::Response::of_json(200, &json!({"ok": true, "result": result})))
        });
    native::install(table);
    native::set_clock(NOW);
    answers
}

/// The parameters of a call: JSON, or the text parts of an upload.
pub fn parameters(request: &http::Request) -> Value {
    if let Ok(body) = serde_json::from_slice(&request.body) {
        return body;
    }
    let kind = request.header_value("content-type").unwrap_or_default();
    let parts = greentic_sdk::multipart::read(kind, &request.body, 64).unwrap();
    let mut fields = json!({});
    for part in parts {
        let name = part.name().unwrap();
        fields[name] = match part.file_name() {
            Some(file) => {
                json!({"file": file, "type": part.media_type(), "bytes": part.body.len()})
            }
            None => {
                let text = String::from_utf8(part.body.to_vec()).unwrap();
                serde_json::from_str(&text).unwrap_or_else(|_| Value::from(text))
            }
        };
    }
    fields
}

/// The calls since the stand-in was installed but `getMe`: the method and its parameters.
pub fn calls() -> Vec<(String, Value)> {
    native::requests()
        .iter()
        .filter(|request| !request.url.ends_with("/getMe"))
        .map(|request| {
            let method = request.url.rsplit('/').next().unwrap_or_default();
            (method.to_owned(), parameters(request))
        })
        .collect()
}

/// A request to the webhook with these bytes and this secret.
pub fn request(body: &[u8], secret: Option<&str>) -> Request {
    Request {
        surface: Surface::Webhook,
        method: "POST".into(),
        origin: "https://host.example".into(),
        base: "/v1/messaging/ingress/telegram/acme/support/main".into(),
        path: String::new(),
        query: None,
        headers: secret
            .map(|secret| Header::new(SECRET_HEADER, secret))
            .into_iter()
            .collect(),
        body: body.to_vec(),
    }
}

/// What the channel makes of an update.
pub fn receive(update: &Value) -> Result<IngressOutcome, IngressError> {
    receive_with(&Settings::default(), update)
}

/// The same under other settings.
pub fn receive_with(settings: &Settings, update: &Value) -> Result<IngressOutcome, IngressError> {
    webhook::serve(
        settings,
        &request(update.to_string().as_bytes(), Some(SECRET)),
    )
}

/// The events of an update, which is acknowledged.
pub fn events(update: &Value) -> Vec<Event> {
    let outcome = receive(update).unwrap();
    assert_eq!(outcome.response.status, 200);
    assert_eq!(outcome.malformed, None);
    outcome.events
}

/// An update of a message of Ada's in her private chat, with more fields.
pub fn message(more: &Value) -> Value {
    let mut message = json!({
        "message_id": 55,
        "from": ada(),
        "chat": {"id": 5_200_000_001_i64, "type": "private", "first_name": "Ada"},
        "date": 1_700_000_000,
    });
    merge(&mut message, more);
    json!({"update_id": 9001, "message": message})
}

/// The same in a group.
pub fn in_group(more: &Value) -> Value {
    let mut update = message(more);
    update["message"]["chat"] =
        json!({"id": -1_001_234_567_890_i64, "type": "supergroup", "title": "Square"});
    merge(&mut update["message"], more);
    update
}

/// Sets fields of an object.
pub fn merge(value: &mut Value, more: &Value) {
    for (name, field) in more.as_object().into_iter().flatten() {
        value[name] = field.clone();
    }
}

/// Who writes.
pub fn ada() -> Value {
    json!({"id": 5_200_000_001_i64, "is_bot": false, "first_name": "Ada", "last_name": "L", "username": "ada", "language_code": "de"})
}

/// Ada's chat with the bot.
pub fn direct() -> Conversation {
    Conversation::direct("5200000001")
}

/// A group.
pub fn group(thread: Option<&str>) -> Conversation {
    Conversation {
        id: "-1001234567890".into(),
        thread: thread.map(str::to_owned),
        kind: ConversationKind::Group,
    }
}

/// A delivery to Ada.
pub fn delivery(id: &str, body: OutboundBody) -> Delivery {
    to(id, &direct(), body)
}

/// A delivery.
pub fn to(id: &str, conversation: &Conversation, body: OutboundBody) -> Delivery {
    Delivery {
        id: id.into(),
        attempt: 1,
        message: Outbound::new(conversation, body),
    }
}
