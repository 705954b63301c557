//! Three servers that keep each message three times: one of them may go at any time.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use greentic_sdk_network::spawn;
use greentic_test_servers::{Server, free_port};
use serde_json::Value;

use super::hosts::{Seen, feed, in_order, until, work};
use super::{broker, consumer, on, run};
use crate::jetstream::ask;

/// Three servers that know each other.
fn cluster() -> Vec<Server> {
    let routes: Vec<u16> = (0..3).map(|_| free_port()).collect();
    let urls: Vec<String> = routes
        .iter()
        .map(|port| format!("\"nats://127.0.0.1:{port}\""))
        .collect();
    let start = |(number, port): (usize, &u16)| {
        Server::nats(&format!(
            "server_name: \"n{number}\"\ncluster {{ name: \"c\", listen: \"127.0.0.1:{port}\", routes: [{}] }}",
            urls.join(", ")
        ))
    };
    routes.iter().enumerate().map(start).collect()
}

#[test]
fn any_server_of_three_may_be_killed_and_no_message_is_lost_or_out_of_order() {
    let mut servers = cluster();
    let addresses: Vec<String> = servers
        .iter()
        .map(|server| format!("127.0.0.1:{}", server.port()))
        .collect();
    let url = format!("nats://{}", addresses.join(","));
    run(async {
        let bus = broker(on(
            0,
            &[
                ("url", &url),
                ("replicas", "3"),
                ("durability", "replicated"),
                ("timeout-ms", "3000"),
            ],
        ));
        // They have to elect who leads first.
        let begun = Instant::now();
        while let Err(error) = bus.open(consumer("c")).await {
            assert!(begun.elapsed() < Duration::from_secs(30), "{error:?}");
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        let seen = Rc::new(RefCell::new(Seen::default()));
        spawn(work(Rc::clone(&bus), "a", Rc::clone(&seen)));
        let mut each = 0;
        for server in &mut servers {
            feed(&bus, each, each + 10).await;
            server.kill();
            feed(&bus, each + 10, each + 15).await;
            server.restart();
            each += 15;
            // The next goes only when this one has what it missed.
            let begun = Instant::now();
            while !is_whole(&bus).await {
                assert!(begun.elapsed() < Duration::from_secs(30), "{each}");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
        let count = usize::try_from(each).unwrap() * 12;
        until(&seen, count, Duration::from_secs(30)).await;
        in_order(&seen.borrow(), 12, each);
    });
}

/// Whether every replica of the stream is there and has everything.
async fn is_whole(bus: &crate::broker::Broker) -> bool {
    let Ok(connected) = bus.connected().await else {
        return false;
    };
    let Ok(info) = ask(&connected, "STREAM.INFO.greentic", &Value::Null).await else {
        return false;
    };
    let replicas = info.pointer("/cluster/replicas").and_then(Value::as_array);
    let is_current = |replica: &Value| replica["current"] == true && replica["offline"] != true;
    replicas.is_some_and(|replicas| replicas.len() == 2 && replicas.iter().all(is_current))
}
