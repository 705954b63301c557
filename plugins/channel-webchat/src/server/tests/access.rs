//! Who gets a token, and how far it goes.

use super::*;

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
