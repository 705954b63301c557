//! Reconnecting, opening the stream, frames both ways.

use greentic_sdk::channel::{Frame, LogEntry};

use super::*;
use crate::stream;

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
