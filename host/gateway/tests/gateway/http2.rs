//! HTTP/2 with prior knowledge.

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::support::{BASE, HOOK, Server, start};

type Sender = hyper::client::conn::http2::SendRequest<Full<Bytes>>;

async fn connect(server: &Server) -> Sender {
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    sender
}

fn request(method: &str, path: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let uri = format!("http://h2.example:99{path}");
    Request::builder()
        .method(method)
        .uri(uri)
        .body(Full::new(body.into()))
        .unwrap()
}

async fn ask(
    sender: &mut Sender,
    request: Request<Full<Bytes>>,
) -> (StatusCode, http::HeaderMap, Bytes) {
    let response = sender.send_request(request).await.unwrap();
    let (head, body) = response.into_parts();
    (
        head.status,
        head.headers,
        body.collect().await.unwrap().to_bytes(),
    )
}

#[tokio::test]
async fn many_requests_share_a_connection_and_the_limits_hold() {
    let server = start(|_| {});
    let mut sender = connect(&server).await;
    let (status, _, body) = ask(&mut sender, request("POST", HOOK, "{}")).await;
    let seen: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(status, 200);
    assert_eq!(
        (&seen["origin"], &seen["body"]),
        (&"http://h2.example:99".into(), &"{}".into())
    );
    assert_eq!(
        ask(&mut sender, request("POST", HOOK, vec![b'x'; 1_001]))
            .await
            .0,
        413
    );
    assert_eq!(ask(&mut sender, request("DELETE", HOOK, "")).await.0, 405);
    assert_eq!(
        ask(&mut sender, request("GET", "/nowhere", "")).await.0,
        404
    );
    assert_eq!(
        ask(
            &mut sender,
            request("GET", &format!("{BASE}?{}", "q".repeat(400)), "")
        )
        .await
        .0,
        414
    );
    let (status, headers, body) = ask(&mut sender, request("HEAD", BASE, "")).await;
    assert_eq!((status, body.len()), (StatusCode::OK, 0));
    assert!(
        headers["content-length"]
            .to_str()
            .unwrap()
            .parse::<usize>()
            .unwrap()
            > 0
    );
    let mut bomb = request("GET", BASE, "");
    for n in 0..30 {
        bomb.headers_mut().append("x", n.into());
    }
    assert_eq!(ask(&mut sender, bomb).await.0, 431);
    // A websocket is not opened over HTTP/2; the header is forbidden there and the client leaves it out.
    let held = sender
        .clone()
        .send_request(request("GET", &format!("{BASE}/hold"), ""));
    let held = tokio::spawn(held);
    server
        .until("it is held", |server| {
            server.echo.calls.load(std::sync::atomic::Ordering::Relaxed) == 3
        })
        .await;
    assert_eq!(
        ask(&mut sender, request("GET", "/healthz", "")).await.0,
        200,
        "one request does not wait for another"
    );
    server.echo.release.notify_one();
    assert_eq!(held.await.unwrap().unwrap().status(), 200);
    assert_eq!(server.metric("greentic_http_connections"), 1.0);
}

#[tokio::test]
async fn an_idle_connection_is_not_taken_for_slow_headers_and_is_closed_when_idle_too_long() {
    let server = start(|limits| {
        limits.request.header_time = std::time::Duration::from_millis(50);
        limits.request.idle = std::time::Duration::from_millis(1_000);
    });
    let mut sender = connect(&server).await;
    assert_eq!(
        ask(&mut sender, request("GET", "/healthz", "")).await.0,
        200
    );
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert_eq!(
        ask(&mut sender, request("GET", "/healthz", "")).await.0,
        200
    );
    server
        .until("it is closed", |server| {
            server.metric("greentic_http_connections") == 0.0
        })
        .await;
    assert!(
        sender
            .send_request(request("GET", "/healthz", ""))
            .await
            .is_err()
    );
}
