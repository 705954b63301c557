//! Websockets: opening, frames both ways, and every way they end.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::support::{BASE, HOOK, PATIENCE, Server, start};

const SHORT: Duration = Duration::from_millis(150);

type Client = WebSocketStream<TcpStream>;

async fn open(server: &Server, path: &str) -> Result<Client, Error> {
    let stream = TcpStream::connect(server.address).await.unwrap();
    let mut request = format!("ws://{}{BASE}{path}", server.address)
        .into_client_request()
        .unwrap();
    request
        .headers_mut()
        .insert("origin", "https://page.example".parse().unwrap());
    client_async(request, stream)
        .await
        .map(|(client, _)| client)
}

async fn greeted(server: &Server, path: &str) -> Client {
    let mut client = open(server, path).await.unwrap();
    let hello = next(&mut client).await;
    assert_eq!(
        hello,
        Message::text("[[\"origin\",\"https://page.example\"]]"),
        "declared headers reach the channel"
    );
    assert_eq!(
        next(&mut client).await,
        Message::text(""),
        "an empty frame is one"
    );
    client
}

async fn next(client: &mut Client) -> Message {
    timeout(PATIENCE, client.next())
        .await
        .expect("a message comes")
        .expect("the socket is open")
        .unwrap()
}

/// The code of the close frame that comes, whatever comes before it.
async fn closed(client: &mut Client) -> u16 {
    loop {
        if let Message::Close(frame) = next(client).await {
            return frame.map_or(1005, |frame| frame.code.into());
        }
    }
}

#[tokio::test]
async fn frames_go_both_ways_and_pings_are_answered() {
    let server = start(|_| {});
    let mut client = greeted(&server, "/stream").await;
    for message in [
        Message::text("hi"),
        Message::text(""),
        Message::binary(vec![0, 255]),
        Message::text("ä".repeat(512)),
    ] {
        client.send(message.clone()).await.unwrap();
        assert_eq!(next(&mut client).await, message);
    }
    client
        .send(Message::Ping(b"p".to_vec().into()))
        .await
        .unwrap();
    assert_eq!(next(&mut client).await, Message::Pong(b"p".to_vec().into()));
    assert_eq!(
        server.metric("greentic_websocket_connections{channel=\"chat\"}"),
        1.0
    );
    assert_eq!(
        server.metric("greentic_http_requests_total{route=\"websocket\",class=\"1xx\"}"),
        1.0
    );
    client.close(None).await.unwrap();
    while let Some(Ok(_)) = client.next().await {}
    server
        .until("it is let go", |server| {
            server.echo.sockets_dropped.load(Ordering::Relaxed) == 1
                && server.metric("greentic_websocket_connections{channel=\"chat\"}") == 0.0
                && server.metric("greentic_http_connections") == 0.0
        })
        .await;
}

#[tokio::test]
async fn a_refusal_is_an_ordinary_answer_and_takes_no_seat() {
    let server = start(|_| {});
    for _ in 0..3 {
        match open(&server, "/refuse").await {
            Err(Error::Http(response)) => assert_eq!(response.status(), 403),
            other => panic!("{other:?}"),
        }
    }
    greeted(&server, "/stream").await;
}

#[tokio::test]
async fn an_opening_that_is_none_is_refused() {
    let server = start(|_| {});
    let good = "upgrade: websocket\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let got = server.raw(format!("GET {BASE} HTTP/1.1\r\nhost: a\r\nconnection: close, upgrade\r\nsec-websocket-version: 8\r\n{good}\r\n")).await;
    got.is_problem(426);
    assert_eq!(got.header("sec-websocket-version"), Some("13"));
    server
        .ask(
            "POST",
            HOOK,
            &format!("sec-websocket-version: 13\r\n{good}"),
            "",
        )
        .await
        .is_problem(405);
    server
        .ask(
            "GET",
            BASE,
            &format!("sec-websocket-version: 13\r\n{good}"),
            "",
        )
        .await
        .is_problem(400);
}

#[tokio::test]
async fn sockets_beyond_their_number_get_503() {
    let server = start(|_| {});
    let held = (greeted(&server, "").await, greeted(&server, "").await);
    match open(&server, "").await {
        Err(Error::Http(response)) => {
            assert_eq!(response.status(), 503);
            assert_eq!(response.headers()["retry-after"], "2");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(
        server.metric("greentic_ingress_shed_total{reason=\"sockets\"}"),
        1.0
    );
    drop(held);
    server
        .until("seats are free", |server| {
            server.metric("greentic_websocket_connections{channel=\"chat\"}") == 0.0
        })
        .await;
    greeted(&server, "").await;
}

#[tokio::test]
async fn the_channel_closes_with_its_code_after_its_frames() {
    let server = start(|_| {});
    let mut client = greeted(&server, "").await;
    client.send(Message::text("bye")).await.unwrap();
    assert_eq!(next(&mut client).await, Message::text("bye"));
    assert_eq!(closed(&mut client).await, 4_000);
    let mut client = greeted(&server, "/end").await;
    assert_eq!(closed(&mut client).await, 1_012);
}

#[tokio::test]
async fn a_frame_over_the_limit_closes_with_1009() {
    let server = start(|_| {});
    let mut client = greeted(&server, "").await;
    client.send(Message::binary(vec![0; 1_025])).await.unwrap();
    assert_eq!(closed(&mut client).await, 1_009);
}

#[tokio::test]
async fn a_client_against_the_protocol_is_closed_with_1002() {
    use tokio::io::AsyncWriteExt as _;
    let server = start(|_| {});
    let mut client = greeted(&server, "").await;
    // A frame that is not masked (RFC 6455 section 5.1).
    client
        .get_mut()
        .write_all(&[0x81, 0x01, b'x'])
        .await
        .unwrap();
    assert_eq!(closed(&mut client).await, 1_002);
}

#[tokio::test]
async fn a_silent_client_is_closed_and_one_that_answers_pings_is_not() {
    let server = start(|limits| {
        limits.websocket.ping = Duration::from_millis(100);
        limits.websocket.idle = Duration::from_millis(3_000);
    });
    let mut lively = greeted(&server, "").await;
    let silent = greeted(&server, "").await;
    let begun = std::time::Instant::now();
    // Reading answers pings; the silent one is not read.
    let reading = tokio::spawn(async move {
        let ended = timeout(Duration::from_millis(4_500), lively.next()).await;
        match ended {
            Ok(Some(Ok(Message::Ping(_)))) => {}
            other => return (lively, Some(format!("{other:?}"))),
        }
        let until = tokio::time::Instant::now() + Duration::from_millis(4_500);
        loop {
            match tokio::time::timeout_at(until, lively.next()).await {
                Err(_) => return (lively, None),
                Ok(Some(Ok(Message::Ping(_)))) => {}
                Ok(other) => return (lively, Some(format!("{other:?}"))),
            }
        }
    });
    server
        .until("the silent one is closed", |server| {
            server.echo.sockets_dropped.load(Ordering::Relaxed) == 1
        })
        .await;
    assert!(
        begun.elapsed() >= Duration::from_millis(2_900),
        "{:?}",
        begun.elapsed()
    );
    let (mut lively, wrong) = reading.await.unwrap();
    assert_eq!(wrong, None);
    lively.send(Message::text("still here")).await.unwrap();
    while next(&mut lively).await != Message::text("still here") {}
    drop(silent);
}

#[tokio::test]
async fn a_slow_client_is_closed_with_1013() {
    let server = start(|_| {});
    let mut client = open(&server, "/flood").await.unwrap();
    // Nothing is read until the server has given up queueing, which drops nothing of what the kernel has already.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(closed(&mut client).await, 1_013);
}

#[tokio::test]
async fn a_channel_that_hangs_on_a_frame_is_left_with_1013() {
    let server = start(|limits| limits.request.answer = SHORT);
    let mut client = open(&server, "").await.unwrap();
    client.send(Message::text("hang")).await.unwrap();
    assert_eq!(closed(&mut client).await, 1_013);
}
