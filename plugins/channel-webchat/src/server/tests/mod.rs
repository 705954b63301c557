//! Whole calls against a host in memory.

mod access;
mod fuzz;
mod streams;
mod talk;

use greentic_sdk::model::Header;

use super::*;
use crate::testing::MemoryHost;

const BASE: &str = "/v1/messaging/webchat/demo/default/web";
const OWN: &str = "https://chat.example.com";

fn anonymous() -> Settings {
    Settings {
        anonymous: true,
        ..Settings::default()
    }
}

fn with_secret() -> Settings {
    Settings {
        secret: Some("direct-line".into()),
        trusted_origins: vec![
            "https://shop.example.com".into(),
            "https://b.example".into(),
        ],
        ..Settings::default()
    }
}

fn request(method: &str, path: &str, token: Option<&str>, body: Value) -> Request {
    let (path, query) = path
        .split_once('?')
        .map_or((path, None), |(path, query)| (path, Some(query.to_owned())));
    let headers = token
        .map(|token| Header::new("authorization", &format!("Bearer {token}")))
        .into_iter()
        .collect();
    let body = if body.is_null() {
        vec![]
    } else {
        body.to_string().into_bytes()
    };
    Request {
        surface: Surface::Api,
        method: method.into(),
        origin: OWN.into(),
        base: BASE.into(),
        path: path.into(),
        query,
        headers,
        body,
    }
}

fn with(mut request: Request, name: &str, value: &str) -> Request {
    request.headers.push(Header::new(name, value));
    request
}

/// Status, JSON body, events.
fn call(host: &MemoryHost, settings: &Settings, request: &Request) -> (u16, Value, Vec<Event>) {
    let outcome = serve(host, settings, request);
    (
        outcome.response.status,
        serde_json::from_slice(&outcome.response.body).unwrap_or(Value::Null),
        outcome.events,
    )
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response
        .headers
        .iter()
        .find(|header| header.name == name)
        .map(|header| header.value.as_str())
}

/// A conversation that has begun: its id and a token.
fn begin(host: &MemoryHost, settings: &Settings) -> (String, String) {
    let (status, made, _) = call(
        host,
        settings,
        &request(
            "POST",
            "/tokens/generate",
            None,
            json!({"user": {"name": "Ada"}}),
        ),
    );
    assert_eq!(status, 200);
    let (status, begun, _) = call(
        host,
        settings,
        &request(
            "POST",
            "/conversations",
            made["token"].as_str(),
            json!({"user": {"id": "u-1"}}),
        ),
    );
    assert_eq!(status, 201);
    assert_eq!(begun["conversationId"], made["conversationId"]);
    (
        begun["conversationId"].as_str().unwrap().into(),
        begun["token"].as_str().unwrap().into(),
    )
}

fn say(conversation: &str, token: &str, text: &str, client_id: &str) -> Request {
    request(
        "POST",
        &format!("/conversations/{conversation}/activities"),
        Some(token),
        json!({"type": "message", "text": text, "from": {"id": "spoofed"}, "channelData": {"clientActivityID": client_id}}),
    )
}

fn history(host: &MemoryHost, conversation: &str, token: &str, watermark: &str) -> Value {
    call(
        host,
        &anonymous(),
        &request(
            "GET",
            &format!("/conversations/{conversation}/activities?watermark={watermark}"),
            Some(token),
            Value::Null,
        ),
    )
    .1
}

/// The request that opens a stream, from its address.
fn open_request(address: &str) -> Request {
    request(
        "GET",
        address
            .strip_prefix("wss://chat.example.com")
            .unwrap()
            .strip_prefix(BASE)
            .unwrap(),
        None,
        Value::Null,
    )
}
