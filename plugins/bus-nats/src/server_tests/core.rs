//! The bus without a stream, on one host and on several.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use greentic_sdk::model::Error;
use greentic_sdk::native::install;
use greentic_sdk_network::bus::{Consumer, Delivery, Outcome, Settlement};
use greentic_sdk_network::spawn;
use greentic_test_servers::{Proxy, Server, Weather};

use super::{consumer, ids, message, on, run};
use crate::core_nats::Core;
use crate::settings::Settings;

fn bus(port: u16) -> Rc<Core> {
    // Publishing waits so long for a partition that changes hands.
    install(on(port, &[("jetstream", "false"), ("timeout-ms", "5000")]));
    Rc::new(Core::new(Settings::read().unwrap()))
}

async fn publish(bus: &Core, key: &str, ids: &[&str]) {
    let messages = ids.iter().map(|id| message("t.a", key, id)).collect();
    for result in bus.publish(messages).await {
        result.unwrap();
    }
}

async fn pull(bus: &Core, count: usize) -> Vec<Delivery> {
    let mut got = Vec::new();
    let end = Instant::now() + Duration::from_secs(10);
    while got.len() < count && Instant::now() < end {
        got.extend(bus.pull("c", 256, 300).await.unwrap().deliveries);
    }
    got
}

fn settle(bus: &Core, delivery: &Delivery, outcome: Outcome) -> u32 {
    let tag = delivery.tag;
    bus.settle("c", vec![Settlement { tag, outcome }]).unwrap()
}

#[test]
fn a_message_arrives_once_in_its_order_and_without_a_consumer_it_is_refused() {
    let server = Server::nats("");
    run(async {
        let bus = bus(server.port());
        let refused = bus.publish(vec![message("t.a", "k", "early")]).await;
        assert!(
            matches!(&refused[0], Err(Error::Unavailable(text)) if text.contains("jetstream")),
            "{refused:?}"
        );
        bus.open(consumer("c")).await.unwrap();
        publish(&bus, "k", &["a", "b"]).await;
        let again = bus.publish(vec![message("t.a", "k", "a")]).await;
        assert!(again[0].as_ref().unwrap().duplicate);
        let first = pull(&bus, 1).await;
        assert_eq!(ids(&first), ["a"]);
        assert_eq!(first[0].message, message("t.a", "k", "a"));
        settle(&bus, &first[0], Outcome::Retry(0));
        let second = pull(&bus, 1).await;
        assert_eq!((ids(&second), second[0].attempt), (vec!["a"], 2));
        assert_eq!(settle(&bus, &second[0], Outcome::Ack), 0);
        assert_eq!(settle(&bus, &second[0], Outcome::Ack), 1);
        assert_eq!(ids(&pull(&bus, 1).await), ["b"]);
        assert_eq!(bus.close("c").await, Ok(()));
        assert_eq!(bus.close("c").await, Err(Error::NotFound));
    });
}

#[test]
fn another_host_with_other_settings_is_refused_and_a_close_ends_it_everywhere() {
    let server = Server::nats("");
    run(async {
        let (a, b) = (bus(server.port()), bus(server.port()));
        a.open(consumer("c")).await.unwrap();
        let few = Consumer {
            max_in_flight: 2,
            ..consumer("c")
        };
        assert_eq!(b.open(few).await, Err(Error::Conflict));
        assert_eq!(b.open(consumer("c")).await, Ok(()));
        assert_eq!(b.close("c").await, Ok(()));
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(a.depth("c"), Err(Error::NotFound));
    });
}

/// Works until it is told to stop; `seen` gets, by key, what was settled by whom.
async fn work(bus: Rc<Core>, name: &'static str, seen: Rc<RefCell<Seen>>) {
    while !seen.borrow().stopped {
        let Ok(batch) = bus.pull("c", 16, 100).await else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        for delivery in batch.deliveries {
            let (bus, seen) = (Rc::clone(&bus), Rc::clone(&seen));
            spawn(async move {
                tokio::time::sleep(Duration::from_millis(3)).await;
                let message = &delivery.message;
                let order = (message.key.clone(), name, message.id.clone());
                seen.borrow_mut().done.push(order);
                settle(&bus, &delivery, Outcome::Ack);
            });
        }
    }
}

#[derive(Default)]
struct Seen {
    done: Vec<(String, &'static str, String)>,
    stopped: bool,
}

/// Publishes as a host does: what is refused, as while a partition changes hands, is published again before what comes after it.
async fn feed(bus: &Core, from: u64, to: u64) {
    for number in from..to {
        for attempt in 0.. {
            let messages = (0..12)
                .map(|key| message("t.a", &format!("k{key}"), &format!("k{key}-{number}")))
                .collect();
            let results = bus.publish(messages).await;
            if results.iter().all(Result::is_ok) {
                break;
            }
            assert!(attempt < 10, "{results:?}");
        }
    }
}

fn in_order(seen: &Seen, each: u64) {
    let mut orders: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (key, _, id) in &seen.done {
        orders.entry(key).or_default().push(id);
    }
    assert_eq!(orders.len(), 12);
    for (key, order) in orders {
        let expected: Vec<String> = (0..each).map(|number| format!("{key}-{number}")).collect();
        assert_eq!(order, expected);
    }
}

#[test]
fn hosts_that_come_and_go_share_the_work_in_order_and_one_that_never_pulls_hands_over() {
    let server = Server::nats("");
    run(async {
        // A gateway: it opens and publishes.
        let gateway = bus(server.port());
        gateway.open(consumer("c")).await.unwrap();
        feed(&gateway, 0, 5).await;
        let (a, b) = (bus(server.port()), bus(server.port()));
        let seen = Rc::new(RefCell::new(Seen::default()));
        a.open(consumer("c")).await.unwrap();
        spawn(work(Rc::clone(&a), "a", Rc::clone(&seen)));
        feed(&gateway, 5, 20).await;
        b.open(consumer("c")).await.unwrap();
        spawn(work(Rc::clone(&b), "b", Rc::clone(&seen)));
        for number in 20..80 {
            feed(&gateway, number, number + 1).await;
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        let begun = Instant::now();
        while seen.borrow().done.len() < 12 * 80 && begun.elapsed() < Duration::from_secs(20) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        seen.borrow_mut().stopped = true;
        let seen = seen.borrow();
        in_order(&seen, 80);
        for host in ["a", "b"] {
            let by = seen.done.iter().filter(|(_, by, _)| *by == host).count();
            assert!(by > 50, "{host} did {by}");
        }
    });
}

#[test]
fn when_a_host_is_gone_without_a_word_the_other_goes_on_and_what_it_had_is_lost() {
    let server = Server::nats("");
    let proxy = Proxy::before(server.port());
    run(async {
        let (a, b) = (bus(proxy.port()), bus(server.port()));
        a.open(consumer("c")).await.unwrap();
        publish(&b, "k", &["lost"]).await;
        assert_eq!(ids(&pull(&a, 1).await), ["lost"]);
        b.open(consumer("c")).await.unwrap();
        proxy.set(Weather::Closed);
        proxy.reset();
        tokio::time::sleep(Duration::from_millis(200)).await;
        let begun = Instant::now();
        // Nobody works on the partition for a while; publishing waits for somebody.
        publish(&b, "k", &["next"]).await;
        assert_eq!(ids(&pull(&b, 1).await), ["next"]);
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "{:?}",
            begun.elapsed()
        );
    });
}

#[test]
fn a_server_that_is_gone_is_told_and_afterwards_messages_pass_again() {
    let mut server = Server::nats("");
    run(async {
        let bus = bus(server.port());
        bus.open(consumer("c")).await.unwrap();
        publish(&bus, "k", &["a"]).await;
        server.kill();
        tokio::time::sleep(Duration::from_millis(200)).await;
        let refused = bus.publish(vec![message("t.a", "k", "b")]).await;
        assert!(refused[0].is_err(), "{refused:?}");
        // It is here, server or not.
        assert_eq!(ids(&pull(&bus, 1).await), ["a"]);
        server.restart();
        for attempt in 0.. {
            let sent = bus.publish(vec![message("t.a", "l", "c")]).await;
            if sent[0].is_ok() {
                break;
            }
            assert!(attempt < 50, "{sent:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(ids(&pull(&bus, 1).await), ["c"]);
    });
}
