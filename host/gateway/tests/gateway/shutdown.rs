//! Stopping in order.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{BASE, PATIENCE, read_all, start};

#[tokio::test]
async fn what_is_in_flight_is_finished_and_idle_connections_and_sockets_are_closed() {
    let server = start(|_| {});
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    let socket = TcpStream::connect(server.address).await.unwrap();
    let (mut socket, _) = client_async(format!("ws://{}{BASE}", server.address), socket)
        .await
        .unwrap();
    let mut held = TcpStream::connect(server.address).await.unwrap();
    held.write_all(format!("GET {BASE}/hold HTTP/1.1\r\nhost: a\r\n\r\n").as_bytes())
        .await
        .unwrap();
    server
        .until("it is held", |server| {
            server.echo.calls.load(Ordering::Relaxed) == 1
        })
        .await;
    server.stop.send(true).unwrap();
    assert_eq!(read_all(&mut idle).await.status, 200);
    let code = loop {
        match timeout(PATIENCE, socket.next()).await.unwrap() {
            Some(Ok(Message::Close(frame))) => break frame.map(|frame| u16::from(frame.code)),
            Some(Ok(_)) => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(code, Some(1_001));
    while let Some(Ok(_)) = socket.next().await {}
    assert!(
        TcpStream::connect(server.address).await.is_err(),
        "nothing new is taken"
    );
    assert!(!server.task.is_finished(), "one request is in flight");
    server.echo.release.notify_one();
    assert_eq!(read_all(&mut held).await.status, 200);
    timeout(PATIENCE, server.task)
        .await
        .expect("it ends")
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn what_does_not_finish_is_cut_at_the_deadline() {
    let server = start(|limits| limits.drain = Duration::from_millis(200));
    let mut held = TcpStream::connect(server.address).await.unwrap();
    held.write_all(format!("GET {BASE}/never HTTP/1.1\r\nhost: a\r\n\r\n").as_bytes())
        .await
        .unwrap();
    let socket = TcpStream::connect(server.address).await.unwrap();
    // A client that never answers the close: it is not polled any more.
    let (_socket, _) = client_async(format!("ws://{}{BASE}", server.address), socket)
        .await
        .unwrap();
    server
        .until("it is held", |server| {
            server.echo.calls.load(Ordering::Relaxed) == 1
        })
        .await;
    let begun = std::time::Instant::now();
    drop(server.stop);
    timeout(Duration::from_secs(15), server.task)
        .await
        .expect("it ends")
        .unwrap()
        .unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(190));
    assert_eq!(read_all(&mut held).await.status, 0);
    assert_eq!(server.echo.sockets_dropped.load(Ordering::Relaxed), 1);
}
