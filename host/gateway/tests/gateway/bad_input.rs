//! What strangers send, and what they get for it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::support::{BASE, HOOK, Server, read_all, start};

const SHORT: Duration = Duration::from_millis(150);

fn calls(server: &Server) -> usize {
    server.echo.calls.load(Ordering::Relaxed)
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_however_its_length_is_told() {
    let server = start(|_| {});
    let fits = "x".repeat(1_000);
    assert_eq!(
        server.ask("POST", HOOK, "", &fits).await.json()["body"]
            .as_str()
            .unwrap()
            .len(),
        1_000
    );
    server
        .ask("POST", HOOK, "", &"x".repeat(1_001))
        .await
        .is_problem(413);
    // Told, and never sent: the answer does not wait for it.
    server
        .raw(format!(
            "POST {HOOK} HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999\r\n\r\n"
        ))
        .await
        .is_problem(413);
    let chunk = format!("190\r\n{}\r\n", "x".repeat(400));
    let chunked = format!(
        "POST {HOOK} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    let two = server
        .raw(format!("{chunked}{chunk}{chunk}0\r\n\r\n"))
        .await;
    assert_eq!(two.json()["body"].as_str().unwrap().len(), 800);
    server
        .raw(format!("{chunked}{chunk}{chunk}{chunk}0\r\n\r\n"))
        .await
        .is_problem(413);
    assert_eq!(calls(&server), 2);
}

#[tokio::test]
async fn a_client_that_goes_on_sending_still_reads_the_refusal() {
    let server = start(|_| {});
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!("POST {HOOK} HTTP/1.1\r\nhost: a\r\ncontent-length: 12000000\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![b'x'; 12_000_000]).await.unwrap();
    read_all(&mut stream).await.is_problem(413);
}

#[tokio::test]
async fn the_larger_limit_holds_on_upload_paths_only() {
    let server = start(|_| {});
    let upload = format!("{BASE}/upload");
    assert_eq!(
        server
            .ask("POST", &upload, "", &"x".repeat(1_500))
            .await
            .json()["path"],
        "/upload"
    );
    server
        .ask("POST", &upload, "", &"x".repeat(4_001))
        .await
        .is_problem(413);
    server
        .ask("POST", &format!("{BASE}/upload/x"), "", &"x".repeat(1_500))
        .await
        .is_problem(413);
}

#[tokio::test]
async fn a_slow_body_gets_408_by_pause_and_by_whole_time() {
    for whole in [false, true] {
        let server = start(|limits| {
            let bound = if whole {
                &mut limits.request.body_time
            } else {
                &mut limits.request.body_pause
            };
            *bound = SHORT;
        });
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let head = format!("POST {HOOK} HTTP/1.1\r\nhost: a\r\ncontent-length: 900\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        if whole {
            // Always a little: no pause is long, the whole is.
            let (mut read, mut write) = stream.into_split();
            let drip = tokio::spawn(async move {
                while write.write_all(b"x").await.is_ok() {
                    tokio::time::sleep(SHORT / 10).await
                }
            });
            let mut bytes = Vec::new();
            let _ = tokio::time::timeout(
                crate::support::PATIENCE,
                tokio::io::AsyncReadExt::read_to_end(&mut read, &mut bytes),
            )
            .await
            .unwrap();
            drip.abort();
            crate::support::parse(&bytes).is_problem(408);
        } else {
            read_all(&mut stream).await.is_problem(408);
        }
        assert_eq!(calls(&server), 0);
    }
}

#[tokio::test]
async fn slow_headers_close_the_connection_and_an_idle_one_stays() {
    let server = start(|limits| limits.request.header_time = SHORT);
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nhost:")
        .await
        .unwrap();
    assert_eq!(read_all(&mut slow).await.status, 0);
    // The second request of a connection is timed from its own first byte.
    let mut again = TcpStream::connect(server.address).await.unwrap();
    again
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    tokio::time::sleep(SHORT * 3).await;
    again.write_all(b"GET /hea").await.unwrap();
    assert_eq!(read_all(&mut again).await.status, 200);
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    assert_eq!(read_all(&mut idle).await.status, 200);
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let server = start(|limits| limits.request.idle = SHORT);
    let mut new = TcpStream::connect(server.address).await.unwrap();
    assert_eq!(read_all(&mut new).await.status, 0);
    let mut used = TcpStream::connect(server.address).await.unwrap();
    used.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    assert_eq!(read_all(&mut used).await.status, 200);
}

#[tokio::test]
async fn a_wrong_method_gets_405_with_allow() {
    let server = start(|_| {});
    for (method, path, allow) in [
        ("DELETE", HOOK, "GET, HEAD, POST"),
        ("BREW", HOOK, "GET, HEAD, POST"),
        ("PUT", "/v1/web/chat/demo/team/web", "GET, HEAD, POST"),
        (
            "TRACE",
            BASE,
            "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
        ),
    ] {
        let got = server.ask(method, path, "", "").await;
        got.is_problem(405);
        assert_eq!(got.header("allow"), Some(allow));
    }
    assert_eq!(calls(&server), 0);
    for method in ["PUT", "PATCH", "DELETE", "OPTIONS"] {
        assert_eq!(
            server.ask(method, BASE, "", "").await.json()["method"],
            method
        );
    }
}

#[tokio::test]
async fn malformed_requests_get_400_with_a_problem() {
    let server = start(|_| {});
    for raw in [
        "nonsense\r\n\r\n".to_owned(),
        "GET / HTTP/7.0\r\n\r\n".to_owned(),
        format!("GET {BASE} HTTP/1.1\r\nhost: a\r\nbad header: x\r\n\r\n"),
        format!("POST {HOOK} HTTP/1.1\r\nhost: a\r\ncontent-length: ten\r\n\r\n"),
        format!(
            "POST {HOOK} HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"
        ),
        format!("GET {BASE} HTTP/1.1\r\nconnection: close\r\n\r\n"),
        format!("GET {BASE} HTTP/1.1\r\nhost: a\r\nhost: b\r\nconnection: close\r\n\r\n"),
        format!("GET {BASE} HTTP/1.1\r\nhost: a/b\r\nconnection: close\r\n\r\n"),
        format!("GET {BASE}/%4 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"),
        format!("GET {BASE}/%zz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"),
        format!(
            "POST {HOOK} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"
        ),
    ] {
        let got = server.raw(&raw).await;
        assert_eq!(got.status, 400, "{raw:?}: {got:?}");
        got.is_problem(400);
    }
    let bytes = [
        format!("GET {BASE} HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-first: ").as_bytes(),
        b"\xff\xfe\r\n\r\n",
    ]
    .concat();
    server.raw(bytes).await.is_problem(400);
    assert_eq!(calls(&server), 0);
    server
        .until("all are counted", |server| {
            ["unmatched", "api", "webhook"]
                .map(|route| {
                    server.metric(&format!(
                        "greentic_http_requests_total{{route=\"{route}\",class=\"4xx\"}}"
                    ))
                })
                .iter()
                .sum::<f64>()
                == 12.0
        })
        .await;
}

#[tokio::test]
async fn header_bombs_and_long_targets_are_refused() {
    let server = start(|_| {});
    server
        .ask("GET", BASE, &"x: y\r\n".repeat(30), "")
        .await
        .is_problem(431);
    server
        .ask("GET", BASE, &format!("x: {}\r\n", "y".repeat(9_000)), "")
        .await
        .is_problem(431);
    server
        .ask("GET", BASE, &format!("x: {}\r\n", "y".repeat(90_000)), "")
        .await
        .is_problem(431);
    server
        .get(&format!("{BASE}?{}", "q".repeat(300)))
        .await
        .is_problem(414);
    server
        .get(&format!("/{}", "q".repeat(300)))
        .await
        .is_problem(414);
    server
        .get(&format!("/{}", "q".repeat(70_000)))
        .await
        .is_problem(431);
    assert_eq!(calls(&server), 0);
}

#[tokio::test]
async fn what_is_too_much_at_once_is_shed_with_retry_after() {
    let server = start(|limits| limits.request.in_flight = 1);
    let hold = format!("{BASE}/hold");
    let held = server.get(&hold);
    let shed = async {
        server
            .until("one is in flight", |server| calls(server) == 1)
            .await;
        let got = server.get(BASE).await;
        assert_eq!(
            server.get("/healthz").await.status,
            200,
            "probes are not shed"
        );
        server.echo.release.notify_one();
        got
    };
    let (held, shed) = tokio::join!(held, shed);
    assert_eq!(held.status, 200);
    shed.is_problem(503);
    assert_eq!(shed.header("retry-after"), Some("2"));
    assert_eq!(
        server.metric("greentic_ingress_shed_total{reason=\"in_flight\"}"),
        1.0
    );
    assert_eq!(
        server.get(BASE).await.status,
        200,
        "the place is free again"
    );
}

#[tokio::test]
async fn connections_beyond_their_number_wait() {
    let server = start(|limits| limits.request.connections = 1);
    let first = TcpStream::connect(server.address).await.unwrap();
    server
        .until("it is open", |server| {
            server.metric("greentic_http_connections") == 1.0
        })
        .await;
    let second = async { server.get("/healthz").await };
    let free = async {
        tokio::time::sleep(SHORT).await;
        let open = server.metric("greentic_http_connections");
        drop(first);
        open
    };
    let (second, open) = tokio::join!(second, free);
    assert_eq!((second.status, open), (200, 1.0));
}

#[tokio::test]
async fn a_channel_that_does_not_answer_in_time_is_given_up_with_503() {
    let server = start(|limits| limits.request.answer = SHORT);
    let got = server.get(&format!("{BASE}/never")).await;
    got.is_problem(503);
    assert_eq!(got.header("retry-after"), Some("2"));
    assert_eq!(
        server.metric("greentic_ingress_shed_total{reason=\"deadline\"}"),
        1.0
    );
}

#[tokio::test]
async fn an_answer_that_cannot_be_sent_becomes_a_500_without_detail() {
    let server = start(|_| {});
    for path in ["/status", "/large", "/split"] {
        let got = server.get(&format!("{BASE}{path}")).await;
        got.is_problem(500);
        assert!(!got.body.contains("2000"));
    }
    assert_eq!(
        server.metric("greentic_ingress_answers_total{channel=\"chat\",class=\"5xx\"}"),
        3.0
    );
}
