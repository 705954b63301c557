//! What reaches the channel, and the gateway's own paths.

use std::sync::atomic::Ordering;

use serde_json::json;

use crate::support::{BASE, HOOK, start, start_at};

#[tokio::test]
async fn each_surface_reaches_the_channel_with_its_base_and_the_untouched_rest() {
    let server = start(|_| {});
    for (base, surface) in [
        (HOOK, "Webhook"),
        ("/messaging/ingress/chat/demo/team/web", "Webhook"),
        ("/v1/messaging/ingress/chat/demo/team/hook", "Webhook"),
        (BASE, "Api"),
        ("/messaging/chat/demo/team/web", "Api"),
        ("/v1/web/chat/demo/team/web", "Page"),
        ("/web/chat/demo/team/web", "Page"),
    ] {
        for rest in ["", "/", "/a%2Fb/../c"] {
            let got = server.get(&format!("{base}{rest}?q=%20&q=2")).await;
            assert_eq!(got.status, 200, "{got:?}");
            let seen = got.json();
            assert_eq!(seen["surface"], surface);
            assert_eq!(
                (&seen["base"], &seen["path"], &seen["query"]),
                (&json!(base), &json!(rest), &json!("q=%20&q=2"))
            );
            assert_eq!(seen["origin"], "http://test.example:81");
        }
    }
    let seen = server.ask("POST", "/api/messages", "", "{}").await.json();
    assert_eq!(
        (
            &seen["surface"],
            &seen["base"],
            &seen["path"],
            &seen["body"]
        ),
        (
            &json!("Webhook"),
            &json!("/api/messages"),
            &json!(""),
            &json!("{}")
        )
    );
    assert_eq!(
        server.metric("greentic_http_requests_total{route=\"webhook\",class=\"2xx\"}"),
        10.0
    );
    assert_eq!(
        server.metric("greentic_ingress_answers_total{channel=\"chat\",class=\"2xx\"}"),
        22.0
    );
}

#[tokio::test]
async fn what_the_bundle_does_not_have_is_not_found() {
    let server = start(|_| {});
    for path in [
        "/",
        "/v1/messaging/chat/demo/team/other",
        "/v1/messaging/chat/demo/team/hook",
        "/v1/web/chat/demo/../web",
        "/api/messages/x",
    ] {
        server.get(path).await.is_problem(404);
    }
    assert_eq!(server.echo.calls.load(Ordering::Relaxed), 0);
    assert_eq!(
        server.metric("greentic_http_requests_total{route=\"unmatched\",class=\"4xx\"}"),
        5.0
    );
}

#[tokio::test]
async fn only_declared_headers_are_passed_in_the_declared_order_with_repeats() {
    let server = start(|_| {});
    let sent = "X-First: 1\r\ncookie: secret\r\nx-second: 2\r\nx-first: 3\r\n";
    let seen = server.ask("GET", BASE, sent, "").await.json();
    assert_eq!(
        seen["headers"],
        json!([["x-second", "2"], ["x-first", "1"], ["x-first", "3"]])
    );
}

#[tokio::test]
async fn the_public_url_is_the_origin_whatever_host_is_asked() {
    let server = start_at(|_| {}, Some("https://chat.example.com/"));
    assert_eq!(
        server.get(BASE).await.json()["origin"],
        "https://chat.example.com"
    );
}

#[tokio::test]
async fn an_incoming_trace_is_continued() {
    let server = start(|_| {});
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let sent = format!("traceparent: 00-{trace}-b7ad6b7169203331-00\r\n");
    let seen = server.ask("POST", HOOK, &sent, "x").await.json();
    assert!(seen["trace"].as_str().unwrap().contains(trace), "{seen}");
}

#[tokio::test]
async fn a_head_reaches_the_channel_as_get_and_gets_the_length_without_the_body() {
    let server = start(|_| {});
    let get = server.get(BASE).await;
    let head = server.ask("HEAD", BASE, "", "").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(
        head.header("content-length"),
        Some(get.body.len().to_string().as_str())
    );
    assert_eq!(get.json()["method"], "GET");
    assert_eq!(server.ask("HEAD", "/healthz", "", "").await.status, 200);
    assert_eq!(
        server
            .ask("HEAD", &format!("{BASE}/nothing"), "", "")
            .await
            .status,
        204
    );
}

#[tokio::test]
async fn the_gateways_own_paths_answer() {
    let server = start(|_| {});
    assert_eq!(server.get("/healthz").await.status, 200);
    let ready = server.get("/readyz").await;
    assert_eq!(ready.status, 200);
    assert_eq!(
        ready.json(),
        json!({ "ready": true, "plugins": [{ "name": "memory", "role": "sessions", "up": true }] })
    );
    server.fake.ready.store(false, Ordering::Relaxed);
    let ready = server.get("/readyz").await;
    assert_eq!(
        (ready.status, ready.json()["ready"].clone()),
        (503, json!(false))
    );
    assert!(
        !ready.body.contains("url of the store"),
        "details are for the operator"
    );
    assert_eq!(
        server.get("/healthz").await.status,
        200,
        "a process that is not ready lives"
    );
    let metrics = server.get("/metrics").await;
    assert!(
        metrics
            .body
            .contains("greentic_http_requests_total{route=\"probe\",class=\"2xx\"} 3"),
        "{}",
        metrics.body
    );
    assert!(
        metrics
            .header("content-type")
            .unwrap()
            .starts_with("text/plain; version=0.0.4")
    );
    for path in ["/healthz", "/readyz", "/metrics"] {
        let got = server.ask("POST", path, "", "").await;
        got.is_problem(405);
        assert_eq!(got.header("allow"), Some("GET, HEAD"));
    }
}

#[tokio::test]
async fn a_connection_is_used_again() {
    use tokio::io::AsyncWriteExt as _;
    let server = start(|_| {});
    let mut stream = tokio::net::TcpStream::connect(server.address)
        .await
        .unwrap();
    let first = format!("POST {HOOK} HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{{}}");
    let last = format!("GET {BASE}/nothing HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    stream
        .write_all([first.as_str(), &first, &last].concat().as_bytes())
        .await
        .unwrap();
    let got = crate::support::read_all(&mut stream).await;
    let all = format!("{}\r\n\r\n{}", got.head, got.body);
    assert_eq!(
        (
            all.matches("HTTP/1.1 200").count(),
            all.matches("HTTP/1.1 204").count()
        ),
        (2, 1),
        "{all}"
    );
    server
        .until("the connection is gone", |server| {
            server.metric("greentic_http_connections") == 0.0
        })
        .await;
}

#[tokio::test]
async fn a_second_process_cannot_share_the_address() {
    let first = greentic_gateway::bind("127.0.0.1:0".parse().unwrap(), 2).unwrap();
    let address = first[0].local_addr().unwrap();
    assert_eq!(first[1].local_addr().unwrap(), address);
    assert_eq!(
        greentic_gateway::bind(address, 1).unwrap_err().kind(),
        std::io::ErrorKind::AddrInUse
    );
    drop(first);
    assert!(greentic_gateway::bind(address, 1).is_ok());
}
