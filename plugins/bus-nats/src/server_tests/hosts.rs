//! More than one host on the same server, and a server that is killed: what is promised of order across them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use greentic_sdk::model::Error;
use greentic_sdk_network::bus::{Consumer, Delivery, Outcome, Settlement};
use greentic_sdk_network::spawn;
use greentic_test_servers::{Proxy, Server, Weather};
use serde_json::Value;

use super::{broker, consumer, ids, message, on, publish, pull, run, settle};
use crate::broker::Broker;
use crate::jetstream::ask;

/// Two hosts work on one consumer; `seen` gets what each did, in the order in which it was settled.
pub async fn work(bus: Rc<Broker>, name: &'static str, seen: Rc<RefCell<Seen>>) {
    while !seen.borrow().stopped.contains(&name) {
        let Ok(batch) = bus.pull("c", 16, 200).await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        for delivery in batch.deliveries {
            let (bus, seen) = (Rc::clone(&bus), Rc::clone(&seen));
            spawn(async move {
                let key = delivery.message.key.clone();
                seen.borrow_mut().begin(name, &key);
                tokio::time::sleep(Duration::from_millis(3)).await;
                seen.borrow_mut().end(name, &delivery);
                let tag = delivery.tag;
                let outcome = Outcome::Ack;
                let _ = bus.settle("c", vec![Settlement { tag, outcome }]).await;
            });
        }
    }
}

#[derive(Default)]
pub struct Seen {
    working: HashMap<String, &'static str>,
    order: HashMap<String, Vec<u64>>,
    by: HashMap<&'static str, usize>,
    stopped: Vec<&'static str>,
    overlaps: Vec<String>,
    again: usize,
}

impl Seen {
    fn begin(&mut self, host: &'static str, key: &str) {
        if let Some(other) = self.working.insert(key.to_owned(), host) {
            self.overlaps.push(format!("{key}: {other} and {host}"));
        }
    }

    fn end(&mut self, host: &'static str, delivery: &Delivery) {
        let number: u64 = String::from_utf8_lossy(&delivery.message.payload)
            .rsplit('-')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        let key = delivery.message.key.clone();
        self.working.remove(&key);
        let order = self.order.entry(key).or_default();
        if order.contains(&number) {
            self.again += 1;
        } else {
            order.push(number);
        }
        *self.by.entry(host).or_default() += 1;
    }

    fn total(&self) -> usize {
        self.order.values().map(Vec::len).sum()
    }
}

pub async fn feed(bus: &Broker, from: u64, to: u64) {
    for number in from..to {
        for attempt in 0.. {
            let messages = (0..12)
                .map(|key| {
                    let key = format!("k{key}");
                    message("t.a", &key, &format!("{key}-{number}"))
                })
                .collect();
            if bus.publish(messages).await.iter().all(Result::is_ok) {
                break;
            }
            assert!(attempt < 200, "never accepted");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

pub async fn until(seen: &RefCell<Seen>, count: usize, limit: Duration) {
    let begun = Instant::now();
    while seen.borrow().total() < count {
        assert!(
            begun.elapsed() < limit,
            "{} of {count} after {limit:?}",
            seen.borrow().total()
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub fn in_order(seen: &Seen, keys: usize, each: u64) {
    assert_eq!(seen.order.len(), keys);
    for (key, order) in &seen.order {
        let expected: Vec<u64> = (0..each).collect();
        assert_eq!(*order, expected, "key {key}");
    }
}

#[test]
fn two_hosts_share_the_work_and_no_key_is_worked_on_twice_at_a_time_or_out_of_order() {
    let server = Server::nats("");
    run(async {
        let (a, b) = (
            broker(on(server.port(), &[("partitions", "8")])),
            broker(on(server.port(), &[("partitions", "8")])),
        );
        a.open(consumer("c")).await.unwrap();
        let seen = Rc::new(RefCell::new(Seen::default()));
        spawn(work(Rc::clone(&a), "a", Rc::clone(&seen)));
        feed(&a, 0, 20).await;
        // The second comes while the first works, and takes its share over.
        b.open(consumer("c")).await.unwrap();
        spawn(work(Rc::clone(&b), "b", Rc::clone(&seen)));
        for number in 20..120 {
            feed(&a, number, number + 1).await;
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
        until(&seen, 12 * 120, Duration::from_secs(30)).await;
        let seen = seen.borrow();
        in_order(&seen, 12, 120);
        assert_eq!(seen.overlaps, Vec::<String>::new());
        assert_eq!(
            seen.again, 0,
            "a partition that changes hands doubles nothing"
        );
        assert!(
            seen.by.get("b").is_some_and(|count| *count > 50),
            "{:?}",
            seen.by
        );
    });
}

#[test]
fn incident_16_when_a_host_is_gone_without_a_word_the_other_goes_on_in_order_within_seconds() {
    let server = Server::nats("");
    let proxy = Proxy::before(server.port());
    run(async {
        let (a, b) = (
            broker(on(proxy.port(), &[])),
            broker(on(server.port(), &[])),
        );
        a.open(consumer("c")).await.unwrap();
        let seen = Rc::new(RefCell::new(Seen::default()));
        feed(&b, 0, 30).await;
        // The first takes some of each key and dies with them.
        let lost = pull(&a, "c", 12).await;
        assert!(!lost.is_empty());
        proxy.set(Weather::Closed);
        proxy.reset();
        let died = Instant::now();
        b.open(consumer("c")).await.unwrap();
        spawn(work(Rc::clone(&b), "b", Rc::clone(&seen)));
        until(&seen, 12 * 30, Duration::from_secs(25)).await;
        assert!(
            died.elapsed() < Duration::from_secs(15),
            "{:?}",
            died.elapsed()
        );
        in_order(&seen.borrow(), 12, 30);
    });
}

#[test]
fn incident_11_a_killed_server_comes_back_and_nothing_acknowledged_is_lost() {
    let mut server = Server::nats("");
    run(async {
        let bus = broker(on(server.port(), &[]));
        // What was settled while the server was gone must not come again only after the ack wait.
        let patient = Consumer {
            ack_wait_ms: 300_000,
            ..consumer("c")
        };
        bus.open(patient).await.unwrap();
        let seen = Rc::new(RefCell::new(Seen::default()));
        spawn(work(Rc::clone(&bus), "a", Rc::clone(&seen)));
        feed(&bus, 0, 10).await;
        server.kill();
        let refused = bus.publish(vec![message("t.a", "k", "late")]).await;
        assert!(
            matches!(
                refused[0],
                Err(Error::Unavailable(_) | Error::UnknownOutcome(_))
            ),
            "{refused:?}"
        );
        let down = bus.pull("c", 1, 50).await;
        assert!(
            matches!(down, Ok(_) | Err(Error::Unavailable(_))),
            "{down:?}"
        );
        server.restart();
        feed(&bus, 10, 20).await;
        until(&seen, 12 * 20, Duration::from_secs(30)).await;
        in_order(&seen.borrow(), 12, 20);
    });
}

/// How many messages the stream holds.
async fn stored(bus: &Broker) -> u64 {
    let connected = bus.connected().await.unwrap();
    let info = ask(&connected, "STREAM.INFO.greentic", &Value::Null)
        .await
        .unwrap();
    info.pointer("/state/messages")
        .and_then(Value::as_u64)
        .unwrap()
}

/// Publishes until it is accepted: a connection may be over without having been told.
async fn insist(bus: &Broker, key: &str, ids: &[&str]) {
    for id in ids {
        for attempt in 0.. {
            let sent = bus.publish(vec![message("t.a", key, id)]).await;
            if sent.iter().all(Result::is_ok) {
                break;
            }
            assert!(attempt < 100, "{sent:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Where the server keeps the stream, and a place for a copy.
fn folders(server: &Server) -> (PathBuf, PathBuf) {
    let files = server.files();
    let stream = files.join("jetstream/jetstream/$G/streams/greentic");
    (stream, files.join("before"))
}

fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn what_a_killed_server_counts_as_acknowledged_and_still_has_is_handed_out_in_order_and_leaves_the_stream()
 {
    let mut server = Server::nats("");
    let (stream, before) = folders(&server);
    let messages = stream.join("msgs");
    run(async {
        let bus = broker(on(server.port(), &[]));
        bus.open(consumer("c")).await.unwrap();
        publish(&bus, "k", &["1", "2", "3"]).await;
        // Written by then: the server writes behind.
        tokio::time::sleep(Duration::from_millis(500)).await;
        server.kill();
        copy(&messages, &before);
        server.restart();
        for id in ["1", "2", "3"] {
            let next = pull(&bus, "c", 1).await;
            assert_eq!(ids(&next), [id]);
            settle(&bus, "c", &next[0], Outcome::Ack).await;
        }
        assert_eq!(stored(&bus).await, 0);
        tokio::time::sleep(Duration::from_millis(500)).await;
        server.kill();
        // The consumer knows that all are acknowledged; that they were removed never reached the disk.
        copy(&before, &messages);
        server.restart();
        insist(&bus, "k", &["4"]).await;
        for id in ["1", "2", "3", "4"] {
            let next = pull(&bus, "c", 1).await;
            assert_eq!(ids(&next), [id]);
            settle(&bus, "c", &next[0], Outcome::Ack).await;
        }
        assert_eq!(stored(&bus).await, 0);
    });
}

#[test]
fn what_gets_a_number_that_a_killed_server_forgot_is_handed_out_in_order() {
    let mut server = Server::nats("");
    let (stream, before) = folders(&server);
    let messages = stream.join("msgs");
    run(async {
        let bus = broker(on(server.port(), &[]));
        bus.open(consumer("c")).await.unwrap();
        publish(&bus, "k", &["1"]).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        server.kill();
        copy(&messages, &before);
        server.restart();
        insist(&bus, "other", &["2", "3", "4", "5"]).await;
        insist(&bus, "k", &["6", "7", "8", "9"]).await;
        let mut handed = 0;
        while handed < 9 {
            let next = pull(&bus, "c", 1).await;
            assert!(!next.is_empty(), "{handed}");
            for delivery in &next {
                settle(&bus, "c", delivery, Outcome::Ack).await;
            }
            handed += next.len();
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        server.kill();
        // The consumers got number 9, and the stream ends at 1.
        copy(&before, &messages);
        server.restart();
        insist(&bus, "other", &["first"]).await;
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        let new = ["new-0", "new-1", "new-2", "new-3", "new-4"];
        insist(&bus, "k", &new).await;
        let mut order = Vec::new();
        while order.last().is_none_or(|id| id != "new-4") {
            let next = pull(&bus, "c", 1).await;
            assert!(!next.is_empty(), "{order:?}");
            for delivery in &next {
                settle(&bus, "c", delivery, Outcome::Ack).await;
            }
            order.extend(ids(&next).into_iter().map(str::to_owned));
        }
        // The first may come again: that it left the stream was forgotten too.
        order.retain(|id| id.starts_with("new"));
        assert_eq!(order, new);
    });
}

#[test]
fn what_got_a_number_that_a_killed_server_forgot_stays_when_the_one_before_is_acknowledged() {
    let mut server = Server::nats("");
    let (stream, before) = folders(&server);
    let proxy = Proxy::before(server.port());
    run(async {
        let bus = broker(on(proxy.port(), &[]));
        bus.open(consumer("c")).await.unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
        server.kill();
        copy(&stream, &before);
        server.restart();
        insist(&bus, "k", &["old"]).await;
        let old = pull(&bus, "c", 1).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        proxy.set(Weather::Closed);
        proxy.reset();
        server.kill();
        copy(&before, &stream);
        server.restart();
        // Another host is there first, and its message is the first again.
        let other = broker(on(server.port(), &[]));
        insist(&other, "k", &["new"]).await;
        proxy.set(Weather::Clear);
        insist(&bus, "l", &["next"]).await;
        assert_eq!(settle(&bus, "c", &old[0], Outcome::Ack).await, 0);
        assert_eq!(stored(&bus).await, 2);
        let mut left = pull(&bus, "c", 2).await;
        left.sort_by(|a, b| a.message.id.cmp(&b.message.id));
        assert_eq!(ids(&left), ["new", "next"]);
        for delivery in &left {
            settle(&bus, "c", delivery, Outcome::Ack).await;
        }
        assert_eq!(stored(&bus).await, 0);
    });
}

#[test]
fn a_server_that_is_killed_keeps_what_one_partition_still_has_to_get_while_others_never_got_anything()
 {
    let mut server = Server::nats("");
    run(async {
        let bus = broker(on(server.port(), &[("partitions", "16")]));
        bus.open(consumer("c")).await.unwrap();
        let waiting: Vec<String> = (0..20).map(|number| format!("waiting-{number}")).collect();
        let waiting: Vec<&str> = waiting.iter().map(String::as_str).collect();
        publish(&bus, "k", &waiting).await;
        let first = pull(&bus, "c", 1).await;
        assert_eq!(ids(&first), ["waiting-0"]);
        // Which consumers the server looks at in which order is another each time it starts.
        for round in 0..6 {
            let id = format!("done-{round}");
            insist(&bus, "other", &[&id]).await;
            // That the one before was done may be forgotten, so it may come again.
            let mut is_done = false;
            while !is_done {
                let done = pull(&bus, "c", 1).await;
                assert!(!done.is_empty(), "{id}");
                for delivery in &done {
                    settle(&bus, "c", delivery, Outcome::Ack).await;
                }
                is_done = ids(&done).contains(&id.as_str());
            }
            assert_eq!(stored(&bus).await, 20, "{round}");
            tokio::time::sleep(Duration::from_millis(500)).await;
            server.kill();
            server.restart();
        }
        insist(&bus, "other", &["last"]).await;
        assert!(stored(&bus).await >= 21);
    });
}

#[test]
fn a_partition_that_is_left_is_not_asked_for_any_more() {
    let server = Server::nats("");
    run(async {
        let (a, b) = (
            broker(on(server.port(), &[("partitions", "16")])),
            broker(on(server.port(), &[("partitions", "16")])),
        );
        a.open(consumer("c")).await.unwrap();
        feed(&b, 0, 5).await;
        // Each key's first is to be tried later; the others are held behind it. Then half of the partitions go to another host.
        let first = pull(&a, "c", 12).await;
        assert_eq!(first.len(), 12);
        for delivery in &first {
            settle(&a, "c", delivery, Outcome::Retry(60_000)).await;
        }
        b.open(consumer("c")).await.unwrap();
        let mut attempts = Vec::new();
        let end = Instant::now() + Duration::from_secs(4);
        while Instant::now() < end {
            let got = b.pull("c", 256, 200).await.unwrap().deliveries;
            attempts.extend(got.iter().map(|delivery| delivery.attempt));
            let _ = a.pull("c", 256, 10).await;
        }
        assert!(!attempts.is_empty());
        assert!(attempts.iter().all(|attempt| *attempt <= 3), "{attempts:?}");
    });
}

#[test]
fn what_is_in_the_stream_for_another_consumer_alone_is_not_handed_out_again() {
    let server = Server::nats("");
    let proxy = Proxy::before(server.port());
    run(async {
        let bus = broker(on(proxy.port(), &[]));
        bus.open(consumer("c")).await.unwrap();
        bus.open(consumer("slow")).await.unwrap();
        publish(&bus, "k", &["1"]).await;
        publish(&bus, "l", &["2"]).await;
        for delivery in pull(&bus, "c", 2).await {
            settle(&bus, "c", &delivery, Outcome::Ack).await;
        }
        proxy.reset();
        insist(&bus, "k", &["3"]).await;
        assert_eq!(ids(&pull(&bus, "c", 1).await), ["3"]);
        assert_eq!(stored(&bus).await, 3);
    });
}
