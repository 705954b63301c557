//! The bus on a real server: what the contract promises, on one host and on two, and what is said when something breaks. The plugin
//! runs natively here; inside the sandbox it is tested with the other backends.

mod cluster;
mod core;
mod hosts;
mod tls;

use std::future::Future;
use std::rc::Rc;
use std::time::{Duration, Instant};

use greentic_sdk::model::Error;
use greentic_sdk::native::{Table, install, lines};
use greentic_sdk_network::bus::{Consumer, Delivery, Message, Outcome, Settlement};
use greentic_test_servers::{Proxy, Server, Weather, free_port};

use crate::broker::Broker;
use crate::credentials::tests::pair;
use crate::settings::Settings;

fn on(port: u16, more: &[(&str, &str)]) -> Table {
    let table = Table::new()
        .config("url", &format!("nats://127.0.0.1:{port}"))
        .config("connect-ms", "1000")
        .config("timeout-ms", "1000")
        .config("partitions", "4");
    more.iter()
        .fold(table, |table, (key, value)| table.config(key, value))
}

fn broker(table: Table) -> Rc<Broker> {
    install(table);
    Rc::new(Broker::new(Settings::read().unwrap()))
}

fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, work)
}

fn consumer(name: &str) -> Consumer {
    Consumer {
        name: name.into(),
        filter: "t.>".into(),
        durable: true,
        inactive_ms: 0,
        max_in_flight: 100,
        ack_wait_ms: 30_000,
    }
}

fn message(subject: &str, key: &str, id: &str) -> Message {
    Message {
        subject: subject.into(),
        id: id.into(),
        key: key.into(),
        trace: "00-trace".into(),
        payload: id.as_bytes().to_vec(),
    }
}

async fn publish(broker: &Broker, key: &str, ids: &[&str]) {
    let messages = ids.iter().map(|id| message("t.a", key, id)).collect();
    for result in broker.publish(messages).await {
        result.unwrap();
    }
}

/// Pulls until there are `count`, or until a while has passed.
async fn pull(broker: &Broker, name: &str, count: usize) -> Vec<Delivery> {
    let mut got = Vec::new();
    let end = Instant::now() + Duration::from_secs(20);
    while got.len() < count && Instant::now() < end {
        got.extend(broker.pull(name, 256, 500).await.unwrap().deliveries);
    }
    got
}

async fn settle(broker: &Broker, name: &str, delivery: &Delivery, outcome: Outcome) -> u32 {
    let tag = delivery.tag;
    broker
        .settle(name, vec![Settlement { tag, outcome }])
        .await
        .unwrap()
}

fn ids(deliveries: &[Delivery]) -> Vec<&str> {
    deliveries
        .iter()
        .map(|delivery| delivery.message.id.as_str())
        .collect()
}

#[test]
fn a_message_arrives_as_it_was_sent_once_and_a_keys_next_waits_for_it() {
    let server = Server::nats("");
    run(async {
        let bus = broker(on(server.port(), &[]));
        bus.open(consumer("c")).await.unwrap();
        publish(&bus, "k 1%\r\n", &["a", "b"]).await;
        publish(&bus, "other", &["x"]).await;
        let again = bus.publish(vec![message("t.a", "k 1%\r\n", "a")]).await;
        assert!(again[0].as_ref().unwrap().duplicate);
        let mut first = pull(&bus, "c", 2).await;
        first.sort_by(|a, b| a.message.id.cmp(&b.message.id));
        assert_eq!(ids(&first), ["a", "x"]);
        let sent = &first[0];
        assert_eq!(sent.message, message("t.a", "k 1%\r\n", "a"));
        assert!(sent.attempt == 1 && sent.time_ms > 1_600_000_000_000);
        let depth = bus.depth("c").await.unwrap();
        assert_eq!((depth.pending, depth.in_flight), (1, 2));
        assert_eq!(settle(&bus, "c", sent, Outcome::Ack).await, 0);
        assert_eq!(
            settle(&bus, "c", sent, Outcome::Ack).await,
            1,
            "settled already"
        );
        let second = pull(&bus, "c", 1).await;
        assert_eq!(ids(&second), ["b"]);
        settle(&bus, "c", &second[0], Outcome::Drop).await;
        settle(&bus, "c", &first[1], Outcome::Ack).await;
        let depth = bus.depth("c").await.unwrap();
        assert_eq!((depth.pending, depth.in_flight), (0, 0));
        assert!(bus.pull("c", 10, 100).await.unwrap().deliveries.is_empty());
    });
}

#[test]
fn a_key_is_kept_in_order_over_its_subjects() {
    let server = Server::nats("");
    run(async {
        let bus = broker(on(server.port(), &[]));
        bus.open(consumer("c")).await.unwrap();
        for (subject, id) in [("t.a", "1"), ("t.b", "2"), ("t.c.d", "3")] {
            let sent = bus.publish(vec![message(subject, "k", id)]).await;
            assert!(sent[0].is_ok());
        }
        for id in ["1", "2", "3"] {
            let next = pull(&bus, "c", 1).await;
            assert_eq!(ids(&next), [id]);
            settle(&bus, "c", &next[0], Outcome::Ack).await;
        }
    });
}

#[test]
fn a_retry_waits_and_holds_its_key_and_what_is_not_settled_comes_again() {
    let server = Server::nats("");
    run(async {
        let bus = broker(on(server.port(), &[]));
        let short = Consumer {
            ack_wait_ms: 400,
            ..consumer("c")
        };
        bus.open(short).await.unwrap();
        publish(&bus, "k", &["a", "b"]).await;
        let first = pull(&bus, "c", 1).await;
        let begun = Instant::now();
        settle(&bus, "c", &first[0], Outcome::Retry(600)).await;
        let second = pull(&bus, "c", 1).await;
        assert_eq!((ids(&second), second[0].attempt), (vec!["a"], 2));
        assert!(begun.elapsed() >= Duration::from_millis(600));
        // Extended, it does not come again; left alone, it does.
        for _ in 0..4 {
            tokio::time::sleep(Duration::from_millis(200)).await;
            bus.extend("c", &[second[0].tag]).unwrap();
        }
        assert!(bus.pull("c", 10, 50).await.unwrap().deliveries.is_empty());
        let third = pull(&bus, "c", 1).await;
        assert_eq!((ids(&third), third[0].attempt), (vec!["a"], 3));
        assert_eq!(
            settle(&bus, "c", &second[0], Outcome::Ack).await,
            1,
            "a stale tag"
        );
        assert_eq!(settle(&bus, "c", &third[0], Outcome::Ack).await, 0);
        assert_eq!(ids(&pull(&bus, "c", 1).await), ["b"]);
    });
}

#[test]
fn consumers_have_settings_a_bound_and_an_end() {
    let server = Server::nats("");
    run(async {
        let bus = broker(on(server.port(), &[]));
        let few = Consumer {
            max_in_flight: 2,
            ..consumer("c")
        };
        bus.open(few.clone()).await.unwrap();
        bus.open(few.clone()).await.unwrap();
        let other = broker(on(server.port(), &[]));
        assert_eq!(other.open(consumer("c")).await, Err(Error::Conflict));
        for n in 0..5 {
            publish(&bus, &n.to_string(), &[&n.to_string()]).await;
        }
        let out = pull(&bus, "c", 2).await;
        assert_eq!(out.len(), 2);
        assert!(bus.pull("c", 10, 300).await.unwrap().deliveries.is_empty());
        settle(&bus, "c", &out[0], Outcome::Ack).await;
        assert_eq!(pull(&bus, "c", 1).await.len(), 1);
        assert_eq!(bus.close("c").await, Ok(()));
        assert_eq!(bus.close("c").await, Err(Error::NotFound));
        assert!(bus.pull("c", 1, 0).await.is_err());
        let wrong = Consumer {
            name: "Bad.Name".into(),
            ..consumer("x")
        };
        assert!(matches!(bus.open(wrong).await, Err(Error::Invalid(_))));
        let bad = bus
            .publish(vec![message("t..a", "k", "1"), message("t.a", "k", "")])
            .await;
        assert!(
            bad.iter()
                .all(|result| matches!(result, Err(Error::Invalid(_))))
        );
    });
}

#[test]
fn a_consumer_that_is_not_durable_begins_with_what_comes_and_ends_with_its_last_pull() {
    let server = Server::nats("");
    run(async {
        let bus = broker(on(server.port(), &[]));
        bus.open(consumer("kept")).await.unwrap();
        publish(&bus, "k", &["before"]).await;
        let passing = Consumer {
            durable: false,
            inactive_ms: 1_000,
            ..consumer("passing")
        };
        bus.open(passing).await.unwrap();
        publish(&bus, "k", &["after"]).await;
        assert_eq!(ids(&pull(&bus, "passing", 1).await), ["after"]);
        tokio::time::sleep(Duration::from_millis(2_000)).await;
        assert!(matches!(
            bus.pull("passing", 1, 0).await,
            Err(Error::NotFound)
        ));
    });
}

#[test]
fn a_connection_that_falls_silent_is_noticed_and_made_again() {
    let server = Server::nats("");
    let proxy = Proxy::before(server.port());
    run(async {
        let bus = broker(on(proxy.port(), &[]));
        bus.open(consumer("c")).await.unwrap();
        publish(&bus, "k", &["a"]).await;
        proxy.set(Weather::Deaf);
        let lost = bus.publish(vec![message("t.a", "k", "b")]).await;
        assert!(matches!(lost[0], Err(Error::UnknownOutcome(_))), "{lost:?}");
        proxy.set(Weather::Clear);
        let begun = Instant::now();
        // Published again under its id it is known.
        loop {
            let again = bus.publish(vec![message("t.a", "k", "b")]).await;
            if let Ok(ack) = &again[0] {
                assert!(ack.duplicate);
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(15), "{again:?}");
        }
        let first = pull(&bus, "c", 1).await;
        assert_eq!(ids(&first), ["a"]);
        settle(&bus, "c", &first[0], Outcome::Ack).await;
        assert_eq!(ids(&pull(&bus, "c", 1).await), ["b"]);
    });
}

#[test]
fn credentials_are_given_and_wrong_ones_are_named() {
    let (seed, key) = pair([9; 32]);
    let by_key = Server::nats(&format!("authorization {{ users: [ {{ nkey: {key} }} ] }}"));
    let by_user = Server::nats("authorization { user: bot, password: pw }");
    let by_token = Server::nats("authorization { token: s3cr3t }");
    let named = [("credentials", "nats/credentials")];
    run(async {
        for (server, secret) in [
            (&by_key, seed.as_str()),
            (&by_user, "bot:pw"),
            (&by_token, "s3cr3t"),
        ] {
            let table = on(server.port(), &named).secret("nats/credentials", secret.as_bytes());
            assert_eq!(broker(table).open(consumer("c")).await, Ok(()), "{secret}");
            for table in [
                on(server.port(), &named).secret("nats/credentials", b"bot:wrong"),
                on(server.port(), &named),
                on(server.port(), &[]),
            ] {
                let refused = broker(table).open(consumer("c")).await;
                assert!(
                    matches!(&refused, Err(Error::Denied(text)) if text.contains("secret")),
                    "{refused:?}"
                );
                assert!(!format!("{refused:?} {:?}", lines()).contains(secret));
            }
        }
    });
}

#[test]
fn incident_17_a_server_that_cannot_be_used_is_named_with_what_to_do() {
    let redis = Server::redis(&[]);
    let nats = Server::nats("");
    let nobody = free_port();
    run(async {
        for (port, more, word) in [
            (redis.port(), vec![], "no NATS"),
            (nobody, vec![], "127.0.0.1"),
            (
                nats.port(),
                vec![("durability", "replicated")],
                "durability",
            ),
        ] {
            let refused = broker(on(port, &more)).open(consumer("c")).await;
            assert!(
                matches!(&refused, Err(Error::Unavailable(text)) if text.contains(word)),
                "{word}: {refused:?}"
            );
        }
        // Hosts must agree on the partitions, and the next server of the list is tried.
        let url = format!("nats://127.0.0.1:{nobody},127.0.0.1:{}", nats.port());
        let good = broker(on(0, &[("url", &url)]));
        assert_eq!(good.open(consumer("c")).await, Ok(()));
        assert!(
            lines().iter().any(|line| line.contains("sync_interval")),
            "{:?}",
            lines()
        );
        let other = broker(on(nats.port(), &[("partitions", "5")]))
            .open(consumer("c"))
            .await;
        assert!(
            matches!(&other, Err(Error::Unavailable(text)) if text.contains("partitions")),
            "{other:?}"
        );
    });
}
