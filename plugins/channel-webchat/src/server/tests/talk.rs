//! Beginning a conversation, messages, uploads.

use super::*;

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
