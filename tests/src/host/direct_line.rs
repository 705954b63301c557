//! A Direct Line 3.0 client: a person's side of a conversation, by REST or by the websocket.

use std::collections::VecDeque;
use std::net::TcpStream;

use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest as _;
use tungstenite::{Message, WebSocket};

use super::web::{Answer, Web};
use super::{PATIENCE, eventually};

/// The secret `webchat/secret`, which another server would present to get tokens for its users.
pub const SECRET: &str = "the secret of a server of the tests";

/// One conversation.
pub struct Chat {
    web: Web,
    url: String,
    token: String,
    /// The conversation's id.
    pub conversation: String,
    stream: String,
    watermark: String,
    heard: VecDeque<Value>,
    said: u32,
}

impl Chat {
    /// Begins a conversation with a channel of tenant `demo`, team `default`, as somebody with a name or without.
    #[must_use]
    pub fn begin(origin: &str, channel: &str, name: Option<&str>) -> Self {
        Self::with_token(origin, channel, None, &json!({"user": {"name": name}}))
    }

    /// The same as a user that another server names.
    #[must_use]
    pub fn begin_as(origin: &str, channel: &str, user: &str) -> Self {
        Self::with_token(
            origin,
            channel,
            Some(SECRET),
            &json!({"user": {"id": user}}),
        )
    }

    fn with_token(origin: &str, channel: &str, secret: Option<&str>, wanted: &Value) -> Self {
        let web = Web::new();
        let url = format!("{origin}/v1/messaging/webchat/demo/default/{channel}/v3/directline");
        let made = post(&web, &format!("{url}/tokens/generate"), secret, wanted);
        assert_eq!(made.status, 200, "{made:?}");
        let token = text(&made.json()["token"]);
        let begun = post(
            &web,
            &format!("{url}/conversations"),
            Some(&token),
            &json!({}),
        );
        assert_eq!(begun.status, 201, "{begun:?}");
        let begun = begun.json();
        Self {
            web,
            url,
            token: text(&begun["token"]),
            conversation: text(&begun["conversationId"]),
            stream: text(&begun["streamUrl"]),
            watermark: String::new(),
            heard: VecDeque::new(),
            said: 0,
        }
    }

    /// The same conversation over another connection. What was heard is heard again there.
    #[must_use]
    pub fn elsewhere(&self) -> Self {
        Self {
            web: Web::new(),
            url: self.url.clone(),
            token: self.token.clone(),
            conversation: self.conversation.clone(),
            stream: self.stream.clone(),
            watermark: String::new(),
            heard: VecDeque::new(),
            said: 0,
        }
    }

    /// The same conversation through another host.
    ///
    /// # Panics
    /// When this one's address has no origin.
    #[must_use]
    pub fn at(&self, origin: &str) -> Self {
        let path = self.url.find("/v1/").unwrap();
        Self {
            url: format!("{origin}{}", &self.url[path..]),
            ..self.elsewhere()
        }
    }

    /// Sends an activity and gives the whole answer.
    #[must_use]
    pub fn post(&self, activity: &Value) -> Answer {
        let url = format!(
            "{}/conversations/{}/activities",
            self.url, self.conversation
        );
        post(&self.web, &url, Some(&self.token), activity)
    }

    /// Says something, and expects that it is taken.
    pub fn say(&mut self, text: &str) {
        self.said += 1;
        let client_id = format!("{text}-{}", self.said);
        self.take(&json!({
            "type": "message", "text": text, "channelData": {"clientActivityID": client_id},
        }));
    }

    /// Presses a button of a card: the answers of its form come as the activity's value.
    pub fn submit(&mut self, value: &Value) {
        self.take(&json!({"type": "message", "value": value, "channelData": {"postBack": true}}));
    }

    fn take(&self, activity: &Value) {
        let answer = self.post(activity);
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.json()["id"].is_string(), "{answer:?}");
    }

    /// Everything after a watermark, and the next watermark.
    #[must_use]
    pub fn activities(&self, watermark: &str) -> (Vec<Value>, String) {
        let url = format!(
            "{}/conversations/{}/activities?watermark={watermark}",
            self.url, self.conversation
        );
        let bearer = format!("Bearer {}", self.token);
        let answer = self
            .web
            .call("GET", &url, &[("authorization", &bearer)], &[]);
        assert_eq!(answer.status, 200, "{answer:?}");
        let set = answer.json();
        let activities = set["activities"].as_array().unwrap().clone();
        (activities, text(&set["watermark"]))
    }

    /// The whole conversation until now, page by page.
    #[must_use]
    pub fn history(&self) -> Vec<Value> {
        let (mut all, mut watermark) = self.activities("");
        loop {
            let (more, next) = self.activities(&watermark);
            if more.is_empty() {
                return all;
            }
            all.extend(more);
            watermark = next;
        }
    }

    /// The next message of the other side, by polling.
    #[must_use]
    pub fn hear(&mut self) -> Value {
        eventually("the next message", || {
            if self.heard.is_empty() {
                let (activities, watermark) = self.activities(&self.watermark);
                self.watermark = watermark;
                self.heard
                    .extend(activities.into_iter().filter(is_from_bot));
            }
            self.heard.pop_front()
        })
    }

    /// The text of the next message of the other side.
    #[must_use]
    pub fn hear_text(&mut self) -> String {
        let message = self.hear();
        text(&message["text"])
    }

    /// Whether everything that came was heard.
    #[must_use]
    pub fn is_all_heard(&mut self) -> bool {
        let (activities, _) = self.activities(&self.watermark);
        self.heard.is_empty() && !activities.iter().any(is_from_bot)
    }

    /// Follows the conversation by the websocket from its beginning.
    #[must_use]
    pub fn follow(&self) -> Stream {
        Self::open(&self.stream)
    }

    /// Follows it from a watermark on, at the address a reconnecting client is given.
    #[must_use]
    pub fn follow_after(&self, watermark: &str) -> Stream {
        let url = format!(
            "{}/conversations/{}?watermark={watermark}",
            self.url, self.conversation
        );
        let bearer = format!("Bearer {}", self.token);
        let answer = self
            .web
            .call("GET", &url, &[("authorization", &bearer)], &[]);
        assert_eq!(answer.status, 200, "{answer:?}");
        Self::open(&text(&answer.json()["streamUrl"]))
    }

    fn open(url: &str) -> Stream {
        let address = url
            .trim_start_matches("ws://")
            .split('/')
            .next()
            .unwrap()
            .to_owned();
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = url.into_client_request().unwrap();
        let (socket, _) =
            tungstenite::client(request, stream).unwrap_or_else(|error| panic!("{url}: {error}"));
        Stream {
            socket,
            waiting: VecDeque::new(),
            watermark: String::new(),
        }
    }
}

/// A websocket that follows a conversation.
pub struct Stream {
    socket: WebSocket<TcpStream>,
    waiting: VecDeque<Value>,
    /// The last watermark that came.
    pub watermark: String,
}

impl Stream {
    /// The next activity, of either side.
    #[must_use]
    pub fn activity(&mut self) -> Value {
        loop {
            if let Some(activity) = self.waiting.pop_front() {
                return activity;
            }
            match self.socket.read().unwrap() {
                Message::Text(frame) if !frame.is_empty() => {
                    let set: Value = serde_json::from_str(&frame).unwrap();
                    self.waiting
                        .extend(set["activities"].as_array().unwrap().iter().cloned());
                    if let Some(watermark) = set["watermark"].as_str() {
                        self.watermark = watermark.to_owned();
                    }
                }
                Message::Close(frame) => panic!("the stream was closed: {frame:?}"),
                _ => {}
            }
        }
    }

    /// The text of the next message of the other side.
    #[must_use]
    pub fn hear_text(&mut self) -> String {
        loop {
            let activity = self.activity();
            if is_from_bot(&activity) {
                return text(&activity["text"]);
            }
        }
    }

    /// Waits until the other side closes the socket, and says with which code.
    #[must_use]
    pub fn closed(&mut self) -> Option<u16> {
        loop {
            match self.socket.read() {
                Ok(Message::Close(frame)) => return frame.map(|frame| frame.code.into()),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }
}

fn is_from_bot(activity: &Value) -> bool {
    activity["type"] == "message" && activity["from"]["role"] == "bot"
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("no text: {value}"))
        .to_owned()
}

fn post(web: &Web, url: &str, token: Option<&str>, body: &Value) -> Answer {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let mut headers = vec![("content-type", "application/json")];
    if let Some(bearer) = &bearer {
        headers.push(("authorization", bearer));
    }
    web.call("POST", url, &headers, body.to_string().as_bytes())
}
