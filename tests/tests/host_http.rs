//! Bad requests at the public endpoint: a problem document each, nothing at level error, and the next good one is served.
// The lints know a test by its attribute; here the helpers of tests are meant too.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use greentic_tests::host::Host;
use greentic_tests::host::folder::Folder;
use greentic_tests::host::web::{Web, send_cut, send_raw};
use greentic_tests::host::webhook::{self, Webhook};

#[test]
fn bad_requests_are_answered_with_a_problem_and_logged_below_error() {
    let folder = Folder::of("talk");
    let host = Host::start(&folder);
    let web = Web::new();
    let hook = format!(
        "{}/v1/messaging/ingress/echo/demo/default/echo",
        host.origin
    );
    let status = |method: &str, url: &str, body: &[u8]| web.call(method, url, &[], body).problem();

    for unknown in [
        "echo/demo/default/ecko",
        "echo/demo/other/echo",
        "webchat/demo/default/echo",
        "echo/demo/default",
    ] {
        assert_eq!(
            status(
                "POST",
                &format!("{}/v1/messaging/ingress/{unknown}", host.origin),
                b"{}"
            ),
            404,
            "{unknown}"
        );
    }
    assert_eq!(status("GET", &format!("{}/nothing", host.origin), b""), 404);
    // A webhook is not the channel's API nor its page.
    assert_eq!(
        status(
            "GET",
            &format!("{}/v1/web/echo/demo/default/echo/", host.origin),
            b""
        ),
        404
    );
    for path in ["/healthz", "/metrics"] {
        let answer = web.call("POST", &format!("{}{path}", host.origin), &[], b"x");
        assert_eq!(answer.problem(), 405);
        assert!(answer.header("allow").contains("GET"), "{answer:?}");
    }
    assert_eq!(status("POST", &hook, &vec![b'x'; (1 << 20) + 1]), 413);
    assert_eq!(
        status("GET", &format!("{hook}/{}", "x".repeat(9_000)), b""),
        414
    );
    assert_eq!(status("POST", &format!("{hook}/%zz"), b"{}"), 400);

    // What no client sends.
    let place = "/v1/messaging/ingress/echo/demo/default/echo";
    for (bytes, expected) in [
        ("NONSENSE\r\n\r\n".to_owned(), "HTTP/1.1 400"),
        (
            format!(
                "POST {place} HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello"
            ),
            "HTTP/1.1 400",
        ),
        (
            format!(
                "POST {place} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n"
            ),
            "HTTP/1.1 400",
        ),
        (
            format!("POST {place} HTTP/1.1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"),
            "HTTP/1.1 400",
        ),
    ] {
        let answer = send_raw(&host.origin, bytes.as_bytes());
        assert!(answer.starts_with(expected), "{bytes:?} gave {answer:?}");
    }
    // A body that ends before its time is nobody's request; there is nobody to answer.
    let cut = send_cut(
        &host.origin,
        format!("POST {place} HTTP/1.1\r\nhost: a\r\ncontent-length: 50\r\n\r\nhello").as_bytes(),
    );
    assert!(!cut.contains("HTTP/1.1 2"), "{cut}");

    // Signed and not readable: taken, kept as a dead letter, no turn.
    let webhook = Webhook::new(&host.origin);
    let unreadable = r#"{"id": 1"#;
    assert_eq!(
        webhook
            .send(unreadable, Some(&webhook::signature(unreadable)))
            .status,
        200
    );
    let letters = host.administer("GET", "/dead-letters?stage=ingress").json();
    assert_eq!(
        letters["letters"].as_array().map(Vec::len),
        Some(1),
        "{letters}"
    );

    webhook.say("m1", "c1", "hello");
    host.reaches(
        "greentic_messages_total",
        &[("channel", "echo"), ("direction", "out")],
        1.0,
    );
    assert_eq!(host.metrics().sum("greentic_turns_total", &[]), 1.0);
    let ended = host.stop();
    let errors: Vec<_> = ended
        .log
        .iter()
        .filter(|line| line.contains("\"ERROR\""))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let logged: Vec<_> = ended
        .log
        .iter()
        .filter(|line| line.starts_with('{'))
        .collect();
    assert!(!logged.is_empty());
    for line in logged {
        assert!(
            serde_json::from_str::<serde_json::Value>(line).is_ok(),
            "not JSON: {line}"
        );
    }
    assert_eq!(ended.code, Some(0));
}

#[test]
fn health_readiness_and_metrics_are_served() {
    let folder = Folder::of("talk");
    let host = Host::start(&folder);
    assert_eq!(host.get("/healthz").status, 200);
    let ready = host.get("/readyz");
    assert_eq!(ready.status, 200, "{ready:?}");
    let metrics = host.metrics();
    assert!(metrics.len() > 20);
    assert_eq!(metrics.sum("greentic_ready", &[]), 1.0);
    assert_eq!(metrics.sum("greentic_generation", &[]), 1.0);
}

#[test]
fn a_hostile_channel_gets_the_caller_a_500_and_serves_the_next_request() {
    let folder = Folder::of("talk");
    let host = Host::start(&folder);
    let web = Web::new();
    let hook = format!("{}/v1/messaging/ingress/bad/demo/default/bad", host.origin);
    let call = |mode: &str| web.call("POST", &format!("{hook}/{mode}"), &[], b"x");
    for mode in [
        "trap",
        "panic",
        "exit",
        "loop",
        "recurse",
        "memory",
        "bad-status",
        "bad-header",
        "internal",
        "events",
    ] {
        assert_eq!(call(mode).problem(), 500, "{mode}");
        let fine = call("ok");
        assert_eq!(
            (fine.status, fine.text().as_str()),
            (200, "ok"),
            "after {mode}"
        );
    }
    assert_eq!(call("unverified").problem(), 401);
    let busy = call("unavailable");
    assert_eq!(busy.problem(), 503);
    assert!(!busy.header("retry-after").is_empty());
    assert_eq!(host.metrics().sum("greentic_turns_total", &[]), 0.0);
    assert_eq!(host.stop().code, Some(0));
}
