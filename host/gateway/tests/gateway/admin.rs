//! The admin API: who may call, and each call.

use greentic_gateway::{Admin, AdminSetup, AdminSetupError, DeadLetterQuery};
use serde_json::json;

use crate::support::{Got, Server, TOKEN, limits, start_admin};

async fn call(server: &Server, method: &str, path: &str) -> Got {
    let headers = format!(
        "host: {}\r\nauthorization: Bearer {TOKEN}\r\n",
        server.address
    );
    with(server, method, path, &headers).await
}

async fn with(server: &Server, method: &str, path: &str, headers: &str) -> Got {
    server
        .raw(format!(
            "{method} {path} HTTP/1.1\r\nconnection: close\r\n{headers}\r\n"
        ))
        .await
}

#[tokio::test]
async fn there_is_no_admin_endpoint_without_a_usable_token() {
    let metrics = std::sync::Arc::new(greentic_telemetry::HostMetrics::default());
    let server = start_admin(|_| {});
    for (token, expected) in [
        ("", AdminSetupError::NoToken),
        (" \t", AdminSetupError::NoToken),
        ("two words", AdminSetupError::UnusableToken),
        ("ü", AdminSetupError::UnusableToken),
    ] {
        let setup = AdminSetup {
            token: token.into(),
            hosts: Vec::new(),
        };
        let made = Admin::new(server.fake.clone(), setup, limits(), metrics.clone());
        assert_eq!(made.err(), Some(expected), "{token:?}");
    }
}

#[tokio::test]
async fn only_the_token_opens_and_nothing_is_told_without_it() {
    let server = start_admin(|_| {});
    for authorization in [
        "",
        "authorization: Bearer let-me-i\r\n",
        "authorization: Bearer let-me-in!\r\n",
        "authorization: Bearer \r\n",
        "authorization: Basic let-me-in\r\n",
        "authorization: let-me-in\r\n",
    ] {
        for path in ["/admin/v1/status", "/metrics", "/nowhere"] {
            let got = with(
                &server,
                "GET",
                path,
                &format!("host: localhost\r\n{authorization}"),
            )
            .await;
            got.is_problem(401);
            assert_eq!(
                got.header("www-authenticate"),
                Some("Bearer realm=\"admin\"")
            );
        }
    }
    let got = with(
        &server,
        "GET",
        "/admin/v1/status",
        &format!("host: localhost\r\nauthorization: bearer {TOKEN}\r\n"),
    )
    .await;
    assert_eq!(got.status, 200, "the scheme's case does not matter");
    assert_eq!(
        server.metric("greentic_http_requests_total{route=\"admin\",class=\"4xx\"}"),
        18.0
    );
}

#[tokio::test]
async fn a_web_page_cannot_call_even_with_the_token() {
    let server = start_admin(|_| {});
    let token = format!("authorization: Bearer {TOKEN}\r\n");
    for (host, status) in [
        ("127.0.0.1:8081", 200),
        ("[::1]", 200),
        ("LOCALHOST:1", 200),
        ("admin.internal", 200),
        ("rebound.example", 421),
        ("127.0.0.1.example", 421),
    ] {
        let got = with(
            &server,
            "GET",
            "/admin/v1/status",
            &format!("host: {host}\r\n{token}"),
        )
        .await;
        assert_eq!(got.status, status, "{host}");
    }
    let got = with(
        &server,
        "GET",
        "/admin/v1/status",
        &format!("host: localhost\r\norigin: http://localhost\r\n{token}"),
    )
    .await;
    got.is_problem(403);
    assert_eq!(got.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn each_call_reaches_the_host() {
    let server = start_admin(|_| {});
    assert_eq!(
        call(&server, "GET", "/admin/v1/status").await.json(),
        json!({ "generation": 3 })
    );
    assert_eq!(
        call(&server, "GET", "/admin/v1/ready").await.json()["plugins"][0]["detail"],
        "url of the store"
    );
    assert!(
        call(&server, "GET", "/metrics")
            .await
            .body
            .contains("# TYPE greentic_ready gauge")
    );
    let page = call(
        &server,
        "GET",
        "/admin/v1/dead-letters?tenant=demo&stage=egress&cursor=a%2Fb&limit=3",
    )
    .await
    .json();
    assert_eq!(
        (&page["letters"][0]["id"], &page["next"]),
        (&json!("d1"), &json!("n"))
    );
    let text = |text: &str| Some(text.to_owned());
    let asked = DeadLetterQuery {
        tenant: text("demo"),
        stage: text("egress"),
        cursor: text("a/b"),
        limit: 3,
        channel: None,
    };
    assert_eq!(server.fake.asked.lock().unwrap().take(), Some(asked));
    assert_eq!(
        call(&server, "GET", "/admin/v1/dead-letters?limit=5000")
            .await
            .status,
        200
    );
    assert_eq!(
        server.fake.asked.lock().unwrap().take().unwrap().limit,
        10,
        "cut to the bound"
    );
    let letter = call(&server, "GET", "/admin/v1/dead-letters/d1")
        .await
        .json();
    assert_eq!(
        (
            &letter["id"],
            &letter["event"]["text"],
            &letter["history"][0]["error"]
        ),
        (&json!("d1"), &json!("hi"), &json!("refused"))
    );
    assert_eq!(
        call(&server, "POST", "/admin/v1/dead-letters/d1/replay")
            .await
            .status,
        204
    );
    assert_eq!(
        call(&server, "DELETE", "/admin/v1/dead-letters/d1")
            .await
            .status,
        204
    );
    for (method, path) in [
        ("GET", "/admin/v1/dead-letters/d2"),
        ("POST", "/admin/v1/dead-letters/d2/replay"),
        ("DELETE", "/admin/v1/dead-letters/d2"),
    ] {
        call(&server, method, path).await.is_problem(404);
    }
    let set_up = call(&server, "POST", "/admin/v1/channels/p/t/m/c/setup").await;
    assert_eq!(set_up.json(), json!(["registered p/t/m/c"]));
    call(&server, "POST", "/admin/v1/channels/p/t/m/c/teardown")
        .await
        .is_problem(404);
    let refused = call(&server, "POST", "/admin/v1/reload").await;
    refused.is_problem(422);
    assert_eq!(
        refused.json()["faults"],
        json!(["demo.yaml:3:1 unknown key"])
    );
}

#[tokio::test]
async fn wrong_calls_are_told_apart() {
    let server = start_admin(|_| {});
    for (method, path, allow) in [
        ("POST", "/admin/v1/status", "GET, HEAD"),
        ("GET", "/admin/v1/reload", "POST"),
        ("GET", "/admin/v1/channels/p/t/m/c/setup", "POST"),
        ("DELETE", "/admin/v1/channels/p/t/m/c/teardown", "POST"),
        ("DELETE", "/admin/v1/dead-letters", "GET, HEAD"),
        ("GET", "/admin/v1/dead-letters/d1/replay", "POST"),
        ("POST", "/admin/v1/dead-letters/d1", "GET, HEAD, DELETE"),
    ] {
        let got = call(&server, method, path).await;
        got.is_problem(405);
        assert_eq!(got.header("allow"), Some(allow), "{path}");
    }
    for path in [
        "/",
        "/admin",
        "/admin/v1/",
        "/admin/v1/status/",
        "/admin/v1/dead-letters/",
        "/admin/v1/dead-letters/a/b",
        "/admin/v1/dead-letters/a%2Fb",
        "/admin/v1/channels/p/t/m/setup",
        "/admin/v1/channels/p/t/m/c/d/setup",
        "/admin/v1/channels/p/t//c/setup",
        "/admin/v1/channels/p/t/m/c/other",
    ] {
        call(&server, "GET", path).await.is_problem(404);
    }
    for query in [
        "limit=0",
        "limit=x",
        "tennant=demo",
        "tenant=a&tenant=b",
        "cursor=%zz",
    ] {
        call(&server, "GET", &format!("/admin/v1/dead-letters?{query}"))
            .await
            .is_problem(400);
    }
    let token =
        format!("host: localhost\r\nauthorization: Bearer {TOKEN}\r\ncontent-length: 101\r\n");
    with(&server, "POST", "/admin/v1/reload", &token)
        .await
        .is_problem(413);
}
