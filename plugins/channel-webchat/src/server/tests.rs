//! Whole calls against a host in memory.

use greentic_sdk::channel::{Frame, LogEntry};
use greentic_sdk::model::Header;

use super::*;
use crate::stream;
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

#[test]
fn a_conversation_begins_once_and_tells_who_joined() {
    let host = MemoryHost::at(0);
    let (_, made, events) = call(
        &host,
        &anonymous(),
        &request(
            "POST",
            "/v3/directline/tokens/generate",
            None,
            json!({"user": {"id": "admin", "name": " Ada\n"}}),
        ),
    );
    assert!(
        events.is_empty() && host.logs.borrow().is_empty(),
        "making a token starts nothing"
    );
    assert_eq!(made["expires_in"], 1800);
    let start = request(
        "POST",
        "/conversations",
        made["token"].as_str(),
        json!({"locale": "de"}),
    );
    let (status, begun, events) = call(&host, &anonymous(), &start);
    assert_eq!(status, 201);
    assert!(begun["streamUrl"].as_str().unwrap().starts_with(&format!(
        "wss://chat.example.com{BASE}/v3/directline/conversations/"
    )));
    let EventBody::Joined(people) = &events[0].body else {
        panic!("{events:?}")
    };
    assert!(
        people[0].id.starts_with("dl_"),
        "an anonymous user never chooses the id"
    );
    assert_eq!(
        (people[0].name.as_deref(), people[0].locale.as_deref()),
        (Some("Ada"), Some("de"))
    );

    let (status, _, again) = call(&host, &anonymous(), &start);
    assert_eq!(
        (status, &again[0].dedupe_key),
        (200, &events[0].dedupe_key),
        "the event may have been lost with the first answer"
    );
    let (conversation, token) = (
        begun["conversationId"].as_str().unwrap(),
        begun["token"].as_str().unwrap(),
    );
    call(&host, &anonymous(), &say(conversation, token, "hi", "1"));
    assert!(
        call(&host, &anonymous(), &start).2.is_empty(),
        "later nobody joins again"
    );
}

#[test]
fn a_message_is_echoed_with_the_clients_id_and_becomes_one_event_however_often_it_is_sent() {
    let host = MemoryHost::at(5000);
    let (conversation, token) = begin(&host, &anonymous());
    let (status, first, events) = call(
        &host,
        &anonymous(),
        &say(&conversation, &token, "hello", "abc"),
    );
    assert_eq!(
        (status, &first["id"]),
        (200, &json!(format!("{conversation}|0000002")))
    );
    let (_, second, repeated) = call(
        &host,
        &anonymous(),
        &say(&conversation, &token, "hello", "abc"),
    );
    assert_eq!(
        (first, &events[0].dedupe_key, &events[0].id),
        (second, &repeated[0].dedupe_key, &repeated[0].id)
    );
    let (_, _, other) = call(
        &host,
        &anonymous(),
        &say(&conversation, &token, "hello", "abd"),
    );
    assert_ne!(events[0].dedupe_key, other[0].dedupe_key);

    let seen = history(&host, &conversation, &token, "");
    assert_eq!(
        (
            seen["activities"].as_array().unwrap().len(),
            &seen["watermark"]
        ),
        (2, &json!("3"))
    );
    let echo = &seen["activities"][0];
    assert_eq!(
        (
            &echo["channelData"]["clientActivityID"],
            &echo["from"]["role"],
            &echo["from"]["name"]
        ),
        (&json!("abc"), &json!("user"), &json!("Ada"))
    );
    assert_eq!(
        (&echo["timestamp"], &echo["conversation"]["id"]),
        (&json!("1970-01-01T00:00:05.000Z"), &json!(conversation))
    );
    assert_ne!(echo["from"]["id"], "spoofed");
    assert_eq!(
        history(&host, &conversation, &token, "2")["activities"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        history(&host, &conversation, &token, "3"),
        json!({"activities": [], "watermark": "3"})
    );
}

#[test]
fn who_may_call_is_decided_by_the_token_its_conversation_and_its_time() {
    let host = MemoryHost::at(0);
    let (conversation, token) = begin(&host, &anonymous());
    let (other, _) = begin(&host, &anonymous());
    let get = |conversation: &str, token: Option<&str>| {
        request(
            "GET",
            &format!("/conversations/{conversation}/activities"),
            token,
            Value::Null,
        )
    };
    let basic = with(get(&conversation, None), "authorization", "Basic abc");
    let elsewhere = Request {
        base: "/v1/messaging/webchat/demo/default/two".into(),
        ..get(&conversation, Some(&token))
    };
    for (request, status) in [
        (get(&conversation, Some(&token)), 200),
        (get(&conversation, None), 401),
        (basic, 401),
        (get(&conversation, Some("rubbish")), 403),
        (get(&other, Some(&token)), 403),
        (elsewhere, 403),
        (say(&other, &token, "x", "1"), 403),
    ] {
        assert_eq!(call(&host, &anonymous(), &request).0, status, "{request:?}");
    }
    host.now.set(1_800_000);
    let (status, body, _) = call(&host, &anonymous(), &get(&conversation, Some(&token)));
    assert_eq!(
        (status, &body["error"]["code"]),
        (403, &json!("TokenExpired"))
    );
    assert_eq!(
        call(
            &host,
            &anonymous(),
            &request("POST", "/tokens/refresh", Some(&token), Value::Null)
        )
        .0,
        403
    );
}

#[test]
fn a_token_is_refreshed_while_it_holds() {
    let host = MemoryHost::at(0);
    let (conversation, token) = begin(&host, &anonymous());
    host.now.set(1_799_000);
    let (status, renewed, _) = call(
        &host,
        &anonymous(),
        &request("POST", "/tokens/refresh", Some(&token), Value::Null),
    );
    assert_eq!(
        (status, &renewed["conversationId"]),
        (200, &json!(conversation))
    );
    host.now.set(3_000_000);
    assert_eq!(
        history(&host, &conversation, renewed["token"].as_str().unwrap(), "")["watermark"],
        "1"
    );
}

#[test]
fn without_anonymous_chat_only_the_secret_gets_tokens_and_names_their_users() {
    let host = MemoryHost::at(0);
    let settings = with_secret();
    let generate =
        |token: Option<&str>, body: Value| request("POST", "/tokens/generate", token, body);
    assert_eq!(call(&host, &settings, &generate(None, Value::Null)).0, 401);
    assert_eq!(
        call(&host, &settings, &generate(Some("wrong"), Value::Null)).0,
        403
    );
    assert_eq!(
        call(&host, &anonymous(), &generate(Some("s3cret"), Value::Null)).0,
        403,
        "a secret that is not configured opens nothing"
    );
    assert_eq!(
        call(
            &host,
            &settings,
            &generate(Some("s3cret"), json!({"user": {"id": "a\nb"}}))
        )
        .0,
        400
    );
    let (status, made, _) = call(
        &host,
        &settings,
        &generate(
            Some("s3cret"),
            json!({"user": {"id": "crm-7", "name": "Ada"}, "trustedOrigins": ["https://shop.example.com/"]}),
        ),
    );
    assert_eq!(status, 200);
    assert_eq!(
        call(
            &host,
            &settings,
            &generate(made["token"].as_str(), Value::Null)
        )
        .0,
        403,
        "a token makes no tokens"
    );

    let start = request(
        "POST",
        "/conversations",
        made["token"].as_str(),
        Value::Null,
    );
    assert_eq!(
        call(
            &host,
            &settings,
            &with(start.clone(), "origin", "https://b.example")
        )
        .0,
        403,
        "the token is bound to another origin"
    );
    let (status, _, events) = call(
        &host,
        &settings,
        &with(start, "origin", "https://shop.example.com"),
    );
    assert_eq!((status, events[0].sender.id.as_str()), (201, "crm-7"));

    let (status, begun, _) = call(
        &host,
        &settings,
        &request(
            "POST",
            "/conversations",
            Some("s3cret"),
            json!({"user": {"id": "crm-8"}}),
        ),
    );
    assert_eq!(status, 201);
    let path = format!(
        "/conversations/{}/activities",
        begun["conversationId"].as_str().unwrap()
    );
    let (_, _, events) = call(
        &host,
        &settings,
        &request(
            "POST",
            &path,
            Some("s3cret"),
            json!({"type": "message", "text": "a", "from": {"id": "crm-8"}}),
        ),
    );
    assert_eq!(events[0].sender.id, "crm-8");
    assert_eq!(
        call(
            &host,
            &settings,
            &request(
                "POST",
                &path,
                Some("s3cret"),
                json!({"type": "message", "text": "a"})
            )
        )
        .0,
        400
    );
}

#[test]
fn pages_of_other_origins_get_cors_only_where_they_are_trusted() {
    let host = MemoryHost::at(0);
    let preflight = |origin: &str| {
        with(
            request("OPTIONS", "/v3/directline/conversations", None, Value::Null),
            "origin",
            origin,
        )
    };
    let answer = serve(
        &host,
        &with_secret(),
        &preflight("https://shop.example.com"),
    )
    .response;
    assert_eq!(
        (
            answer.status,
            header(&answer, "access-control-allow-origin")
        ),
        (204, Some("https://shop.example.com"))
    );
    for wanted in [
        "authorization",
        "content-type",
        "x-ms-bot-agent",
        "x-requested-with",
    ] {
        assert!(
            header(&answer, "access-control-allow-headers")
                .unwrap()
                .contains(wanted)
        );
    }
    let refused = serve(&host, &with_secret(), &preflight("https://evil.example")).response;
    assert_eq!(
        (
            refused.status,
            header(&refused, "access-control-allow-origin")
        ),
        (403, None)
    );
    let generate = with(
        request("POST", "/tokens/generate", None, Value::Null),
        "origin",
        "https://evil.example",
    );
    assert_eq!(
        call(&host, &anonymous(), &generate).0,
        403,
        "anonymous tokens are for our own page"
    );
    assert_eq!(
        call(
            &host,
            &anonymous(),
            &with(
                request("POST", "/tokens/generate", None, Value::Null),
                "origin",
                OWN
            )
        )
        .0,
        200
    );
    let missing = serve(
        &host,
        &with_secret(),
        &with(
            request("GET", "/nowhere", None, Value::Null),
            "origin",
            "https://shop.example.com",
        ),
    )
    .response;
    assert_eq!(
        (
            missing.status,
            header(&missing, "access-control-allow-origin"),
            header(&missing, "access-control-expose-headers")
        ),
        (404, Some("https://shop.example.com"), Some("retry-after"))
    );
}

#[test]
fn a_reconnect_replays_after_the_watermark_and_without_one_only_what_is_new() {
    let host = MemoryHost::at(0);
    let (conversation, token) = begin(&host, &anonymous());
    for text in ["a", "b", "c"] {
        call(&host, &anonymous(), &say(&conversation, &token, text, text));
    }
    for (query, after) in [
        ("?watermark=2", 2),
        ("", 4),
        ("?watermark=null", 4),
        ("?watermark=999", 0),
    ] {
        let (status, found, _) = call(
            &host,
            &anonymous(),
            &request(
                "GET",
                &format!("/conversations/{conversation}{query}"),
                Some(&token),
                Value::Null,
            ),
        );
        assert_eq!(status, 200);
        let accepted = stream::open(
            &host,
            &anonymous(),
            &open_request(found["streamUrl"].as_str().unwrap()),
        )
        .unwrap();
        assert_eq!(
            (accepted.conversation.as_str(), accepted.after),
            (conversation.as_str(), after),
            "{query}"
        );
    }
    let (_, made, _) = call(
        &host,
        &anonymous(),
        &request("POST", "/tokens/generate", None, Value::Null),
    );
    let path = format!(
        "/conversations/{}",
        made["conversationId"].as_str().unwrap()
    );
    assert_eq!(
        call(
            &host,
            &anonymous(),
            &request("GET", &path, made["token"].as_str(), Value::Null)
        )
        .0,
        404,
        "it was never started"
    );
    assert_eq!(
        call(
            &host,
            &anonymous(),
            &request(
                "GET",
                &format!("/conversations/{conversation}?watermark=x"),
                Some(&token),
                Value::Null
            )
        )
        .0,
        400
    );
}

#[test]
fn a_stream_opens_for_a_minute_in_its_conversation_and_from_a_trusted_origin_only() {
    let host = MemoryHost::at(0);
    let settings = anonymous();
    let (conversation, token) = begin(&host, &settings);
    let (_, found, _) = call(
        &host,
        &settings,
        &request(
            "GET",
            &format!("/conversations/{conversation}?watermark=0"),
            Some(&token),
            Value::Null,
        ),
    );
    let open = open_request(found["streamUrl"].as_str().unwrap());
    let status = |request: &Request| {
        stream::open(&host, &settings, request).map_or_else(|response| response.status, |_| 101)
    };
    assert_eq!(status(&open), 101);
    assert_eq!(status(&with(open.clone(), "origin", OWN)), 101);
    assert_eq!(
        status(&with(open.clone(), "origin", "https://evil.example")),
        403
    );
    assert_eq!(
        status(&Request {
            path: open.path.replace(&conversation, "other"),
            ..open.clone()
        }),
        403
    );
    assert_eq!(
        status(&Request {
            query: Some("watermark=0".into()),
            ..open.clone()
        }),
        401
    );
    assert_eq!(
        status(&Request {
            query: Some(format!("t={token}")),
            ..open.clone()
        }),
        403,
        "a token for calls opens no stream"
    );
    assert_eq!(
        status(&request("GET", "/conversations", None, Value::Null)),
        405
    );
    assert_eq!(
        call(&host, &settings, &open).0,
        426,
        "without an upgrade there is no stream"
    );
    host.now.set(60_000);
    assert_eq!(status(&open), 403);
}

#[test]
fn frames_hold_what_was_said_and_what_is_passing_and_frames_of_the_client_become_events() {
    let host = MemoryHost::at(0);
    let settings = anonymous();
    let (conversation, token) = begin(&host, &settings);
    let (_, found, _) = call(
        &host,
        &settings,
        &request(
            "GET",
            &format!("/conversations/{conversation}?watermark=0"),
            Some(&token),
            Value::Null,
        ),
    );
    let state = stream::open(
        &host,
        &settings,
        &open_request(found["streamUrl"].as_str().unwrap()),
    )
    .unwrap()
    .state;
    assert!(state.len() <= 4096);
    call(&host, &settings, &say(&conversation, &token, "hi", "1"));
    let entries: Vec<LogEntry> = host.read(&conversation, 0, 10).unwrap().entries;
    let frames = stream::push(&state, &entries, &[br#"{"type":"typing"}"#.to_vec()]);
    let [Frame::Text(typing), Frame::Text(said)] = frames.as_slice() else {
        panic!("{frames:?}")
    };
    assert_eq!(
        serde_json::from_str::<Value>(typing).unwrap(),
        json!({"activities": [{"type": "typing"}]})
    );
    let said: Value = serde_json::from_str(said).unwrap();
    assert_eq!(
        (
            &said["watermark"],
            &said["activities"][0]["text"],
            said["activities"].as_array().unwrap().len()
        ),
        (&json!("2"), &json!("hi"), 1)
    );

    let receive = |frame: Frame| stream::receive(&host, state.clone(), &frame);
    let idle = receive(Frame::Text(String::new()));
    assert_eq!(
        (idle.state.clone(), idle.events.len(), idle.close),
        (state.clone(), 0, None)
    );
    let spoken = receive(Frame::Text(
        r#"{"type":"message","text":"over the socket","channelData":{"clientActivityID":"s1"}}"#
            .into(),
    ));
    assert_eq!((spoken.events.len(), spoken.close), (1, None));
    assert_eq!(spoken.events[0].sender.name.as_deref(), Some("Ada"));
    assert_eq!(
        receive(Frame::Text(
            r#"{"activities":[{"type":"typing"},{"type":"event","name":"e"}]}"#.into()
        ))
        .events
        .len(),
        2
    );
    assert_eq!(
        host.read(&conversation, 0, 10).unwrap().last,
        4,
        "typing is not kept"
    );
    for (frame, code) in [
        (Frame::Binary(vec![1]), 1003),
        (Frame::Text("{".into()), 1007),
        (Frame::Text(format!("\"{}\"", "x".repeat(300_000))), 1009),
    ] {
        assert_eq!(receive(frame).close, Some(code));
    }
}

#[test]
fn an_upload_is_kept_under_an_address_and_echoed_with_its_activity() {
    let host = MemoryHost::at(0);
    let (conversation, token) = begin(&host, &anonymous());
    let body = "--B\r\nContent-Disposition: form-data; name=\"activity\"; filename=\"blob\"\r\nContent-Type: application/vnd.microsoft.activity\r\n\r\n\
        {\"type\":\"message\",\"text\":\"see\",\"channelData\":{\"clientActivityID\":\"u1\"}}\r\n\
        --B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\nPNG\r\n--B--\r\n";
    let mut upload = with(
        request(
            "POST",
            &format!("/conversations/{conversation}/upload?userId=u-1"),
            Some(&token),
            Value::Null,
        ),
        "content-type",
        "multipart/form-data; boundary=B",
    );
    upload.body = body.into();
    let (status, first, events) = call(&host, &anonymous(), &upload);
    assert_eq!(status, 200, "{first}");
    let EventBody::Message(message) = &events[0].body else {
        panic!("{events:?}")
    };
    let url = message.attachments[0].url.clone().unwrap();
    assert_eq!(
        (
            message.text.as_str(),
            message.attachments[0].name.as_str(),
            message.attachments[0].size
        ),
        ("see", "a.png", Some(3))
    );
    assert_eq!(
        call(&host, &anonymous(), &upload).1,
        first,
        "sent again it is the same activity"
    );
    let seen = history(&host, &conversation, &token, "");
    assert_eq!(
        (
            &seen["activities"][0]["attachments"][0]["contentUrl"],
            &seen["activities"][0]["channelData"]["clientActivityID"]
        ),
        (&json!(url), &json!("u1"))
    );

    let path = url.strip_prefix(OWN).unwrap().strip_prefix(BASE).unwrap();
    let file = serve(
        &host,
        &anonymous(),
        &request("GET", path, None, Value::Null),
    )
    .response;
    assert_eq!(
        (
            file.status,
            file.body.as_slice(),
            header(&file, "content-type")
        ),
        (200, &b"PNG"[..], Some("image/png"))
    );

    let limited = Settings {
        upload_limit: 10,
        ..anonymous()
    };
    assert_eq!(call(&host, &limited, &upload).0, 413);
    let logs = host.logs.borrow().len();
    upload.body = body.replace("\"text\":\"see\"", "\"text\":7").into();
    assert_eq!(call(&host, &anonymous(), &upload).0, 400);
    assert_eq!(
        host.logs.borrow().len(),
        logs,
        "what is refused leaves no file behind"
    );
}

#[test]
fn while_the_log_is_away_clients_are_told_to_try_again_and_nothing_happens() {
    let host = MemoryHost::at(0);
    let (conversation, token) = begin(&host, &anonymous());
    *host.down.borrow_mut() = Some(HostError::Unavailable {
        reason: "redis at 10.0.0.1".into(),
        after_ms: Some(2500),
    });
    let outcome = serve(&host, &anonymous(), &say(&conversation, &token, "a", "1"));
    assert_eq!(
        (
            outcome.response.status,
            header(&outcome.response, "retry-after"),
            outcome.events.len()
        ),
        (503, Some("3"), 0)
    );
    assert!(
        !String::from_utf8(outcome.response.body)
            .unwrap()
            .contains("10.0.0.1")
    );
}
