//! The semantics, by cases.

use greentic_sdk::bus::{Batch, Consumer, Message, Outcome, Settlement};
use greentic_sdk::model::Error;

use crate::bus::broker::{Broker, Limits, Now};

pub(crate) fn limits() -> Limits {
    Limits {
        max_messages: 10_000,
        max_bytes: 64 * 1024 * 1024,
        dedupe_window_ms: 1000,
        dedupe_max: 100_000,
    }
}

pub(crate) fn at(steady: u64) -> Now {
    Now {
        steady,
        wall: 1_000_000 + steady,
    }
}

pub(crate) fn message(subject: &str, id: &str, key: &str) -> Message {
    Message {
        subject: subject.into(),
        id: id.into(),
        key: key.into(),
        trace: String::new(),
        payload: id.into(),
    }
}

pub(crate) fn consumer(name: &str, filter: &str) -> Consumer {
    Consumer {
        name: name.into(),
        filter: filter.into(),
        durable: true,
        inactive_ms: 0,
        max_in_flight: 100,
        ack_wait_ms: 50,
    }
}

pub(crate) fn publish(broker: &mut Broker, now: u64, message: Message) -> bool {
    !broker
        .publish(at(now), vec![message])
        .remove(0)
        .unwrap()
        .duplicate
}

fn open(consumers: &[Consumer]) -> Broker {
    let mut broker = Broker::new(limits());
    for consumer in consumers {
        broker.open(at(0), consumer.clone()).unwrap();
    }
    broker
}

fn pull(broker: &mut Broker, now: u64, name: &str) -> Batch {
    broker.pull(at(now), name, 256).unwrap()
}

fn ids(batch: &Batch) -> Vec<&str> {
    batch
        .deliveries
        .iter()
        .map(|delivery| delivery.message.id.as_str())
        .collect()
}

fn settle(broker: &mut Broker, now: u64, name: &str, tag: u64, outcome: Outcome) -> u32 {
    broker
        .settle(at(now), name, &[Settlement { tag, outcome }])
        .unwrap()
}

#[test]
fn every_consumer_gets_what_its_filter_selects_and_a_settled_message_is_gone() {
    let mut broker = open(&[consumer("a", "in.*"), consumer("b", ">")]);
    publish(&mut broker, 0, message("in.x", "1", "k"));
    publish(&mut broker, 0, message("out.x", "2", "k"));
    let (a, b) = (pull(&mut broker, 0, "a"), pull(&mut broker, 0, "b"));
    assert_eq!((ids(&a), ids(&b)), (vec!["1"], vec!["1", "2"]));
    assert_eq!(a.deliveries[0].message, message("in.x", "1", "k"));
    assert_eq!(a.deliveries[0].message, b.deliveries[0].message);
    assert_eq!(a.deliveries[0].time_ms, 1_000_000);
    assert_eq!(
        settle(&mut broker, 0, "a", a.deliveries[0].tag, Outcome::Ack),
        0
    );
    assert_eq!(broker.sizes().0, 2);
    for delivery in &b.deliveries {
        settle(&mut broker, 0, "b", delivery.tag, Outcome::Drop);
    }
    assert_eq!(broker.sizes(), (0, 0));
    assert!(ids(&pull(&mut broker, 1000, "a")).is_empty());
}

#[test]
fn the_next_message_of_a_key_waits_until_the_one_before_is_settled() {
    let mut broker = open(&[consumer("c", ">")]);
    for (id, key) in [("1", "k"), ("2", "k"), ("3", "other"), ("4", "k")] {
        publish(&mut broker, 0, message("s", id, key));
    }
    publish(&mut broker, 0, message("t", "5", "k"));
    let first = pull(&mut broker, 0, "c");
    assert_eq!(ids(&first), ["1", "3", "5"], "a key is one of its subject");
    assert!(ids(&pull(&mut broker, 0, "c")).is_empty());
    settle(
        &mut broker,
        0,
        "c",
        first.deliveries[0].tag,
        Outcome::Retry(10),
    );
    assert!(
        ids(&pull(&mut broker, 9, "c")).is_empty(),
        "a delayed message holds those behind it"
    );
    let again = pull(&mut broker, 10, "c");
    assert_eq!((ids(&again), again.deliveries[0].attempt), (vec!["1"], 2));
    settle(&mut broker, 10, "c", again.deliveries[0].tag, Outcome::Drop);
    let second = pull(&mut broker, 10, "c");
    assert_eq!(ids(&second), ["2"]);
    settle(&mut broker, 10, "c", second.deliveries[0].tag, Outcome::Ack);
    assert_eq!(ids(&pull(&mut broker, 10, "c")), ["4"]);
}

#[test]
fn a_delivery_nobody_settles_comes_again_and_its_old_tag_means_nothing() {
    let mut broker = open(&[consumer("c", ">")]);
    publish(&mut broker, 0, message("s", "1", "k"));
    let first = pull(&mut broker, 0, "c");
    assert_eq!(first.next_ms, Some(50));
    assert_eq!(pull(&mut broker, 20, "c").next_ms, Some(30));
    broker
        .extend(at(30), "c", &[first.deliveries[0].tag])
        .unwrap();
    assert!(
        ids(&pull(&mut broker, 79, "c")).is_empty(),
        "extended at 30"
    );
    let second = pull(&mut broker, 80, "c");
    assert_eq!((ids(&second), second.deliveries[0].attempt), (vec!["1"], 2));
    assert_ne!(first.deliveries[0].tag, second.deliveries[0].tag);
    assert_eq!(
        settle(&mut broker, 81, "c", first.deliveries[0].tag, Outcome::Ack),
        1
    );
    broker
        .extend(at(81), "c", &[first.deliveries[0].tag])
        .unwrap();
    assert_eq!(
        pull(&mut broker, 81, "c").next_ms,
        Some(49),
        "an old tag extends nothing"
    );
    assert_eq!(
        settle(&mut broker, 81, "c", second.deliveries[0].tag, Outcome::Ack),
        0
    );
    assert_eq!(
        settle(&mut broker, 81, "c", second.deliveries[0].tag, Outcome::Ack),
        1
    );
    assert_eq!(
        pull(&mut broker, 500, "c"),
        Batch {
            deliveries: vec![],
            next_ms: None
        }
    );
}

#[test]
fn extending_one_delivery_moves_no_other() {
    let mut broker = open(&[consumer("c", ">")]);
    for id in ["1", "2", "3"] {
        publish(&mut broker, 0, message("s", id, id));
    }
    let first = pull(&mut broker, 0, "c");
    broker
        .extend(at(10), "c", &[first.deliveries[1].tag])
        .unwrap();
    broker
        .extend(at(20), "c", &[first.deliveries[0].tag])
        .unwrap();
    for (now, expected) in [
        (49, vec![]),
        (50, vec!["3"]),
        (59, vec![]),
        (60, vec!["2"]),
        (70, vec!["1"]),
    ] {
        assert_eq!(ids(&pull(&mut broker, now, "c")), expected, "{now}");
    }
}

#[test]
fn a_retry_without_delay_is_ready_at_once_and_next_ms_tells_of_one_with_a_delay() {
    let mut broker = open(&[consumer("c", ">")]);
    publish(&mut broker, 0, message("s", "1", "k"));
    let batch = pull(&mut broker, 0, "c");
    settle(
        &mut broker,
        0,
        "c",
        batch.deliveries[0].tag,
        Outcome::Retry(0),
    );
    let batch = pull(&mut broker, 0, "c");
    assert_eq!(batch.deliveries[0].attempt, 2);
    settle(
        &mut broker,
        5,
        "c",
        batch.deliveries[0].tag,
        Outcome::Retry(20),
    );
    let waiting = pull(&mut broker, 10, "c");
    assert_eq!((ids(&waiting).len(), waiting.next_ms), (0, Some(15)));
}

#[test]
fn no_more_is_out_than_the_limit_and_one_pull_takes_no_more_than_asked() {
    let mut broker = open(&[Consumer {
        max_in_flight: 3,
        ..consumer("c", ">")
    }]);
    for n in 0..10 {
        publish(&mut broker, 0, message("s", &n.to_string(), &n.to_string()));
    }
    let first = broker.pull(at(0), "c", 2).unwrap();
    assert_eq!(
        (first.deliveries.len(), first.next_ms),
        (2, Some(0)),
        "there is more"
    );
    let second = broker.pull(at(0), "c", 2).unwrap();
    assert_eq!(
        (second.deliveries.len(), second.next_ms),
        (1, Some(50)),
        "only the end of the ack wait makes room by itself"
    );
    assert_eq!(pull(&mut broker, 0, "c").deliveries.len(), 0);
    let depth = broker.depth(at(0), "c").unwrap();
    assert_eq!((depth.pending, depth.in_flight), (7, 3));
    settle(&mut broker, 0, "c", first.deliveries[0].tag, Outcome::Ack);
    assert_eq!(pull(&mut broker, 0, "c").deliveries.len(), 1);
}

#[test]
fn an_id_is_accepted_once_inside_the_window_also_after_it_was_settled() {
    let mut broker = open(&[consumer("c", ">")]);
    assert!(publish(&mut broker, 0, message("s", "1", "k")));
    assert!(!publish(&mut broker, 1, message("s", "1", "k")));
    let batch = pull(&mut broker, 1, "c");
    assert_eq!(ids(&batch), ["1"]);
    settle(&mut broker, 1, "c", batch.deliveries[0].tag, Outcome::Ack);
    assert!(!publish(&mut broker, 999, message("s", "1", "k")));
    assert!(publish(&mut broker, 1000, message("s", "1", "k")));
    assert_eq!(ids(&pull(&mut broker, 1000, "c")), ["1"]);
}

#[test]
fn a_full_bus_refuses_counts_and_does_not_remember_what_it_refused() {
    for (messages, bytes) in [(3, u64::MAX), (usize::MAX, 1000)] {
        let mut broker = Broker::new(Limits {
            max_messages: messages,
            max_bytes: bytes,
            ..limits()
        });
        broker.open(at(0), consumer("c", ">")).unwrap();
        let mut stored = 0;
        let refused = loop {
            match broker
                .publish(at(0), vec![message("s", &stored.to_string(), "k")])
                .remove(0)
            {
                Ok(_) => stored += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(refused, Error::Unavailable(_)));
        assert_eq!((stored, broker.counts().0), (3, 1));
        let batch = pull(&mut broker, 0, "c");
        settle(&mut broker, 0, "c", batch.deliveries[0].tag, Outcome::Ack);
        assert!(
            publish(&mut broker, 0, message("s", &stored.to_string(), "k")),
            "it is new, for it was refused"
        );
    }
}

#[test]
fn opening_again_needs_the_same_settings() {
    let mut broker = open(&[consumer("c", "a.>")]);
    publish(&mut broker, 0, message("a.b", "1", "k"));
    assert_eq!(broker.open(at(0), consumer("c", "a.>")), Ok(()));
    assert_eq!(
        broker.open(at(0), consumer("c", "b.>")),
        Err(Error::Conflict)
    );
    assert_eq!(ids(&pull(&mut broker, 0, "c")), ["1"]);
    assert_eq!(broker.close(at(0), "c"), Ok(()));
    assert_eq!(broker.close(at(0), "c"), Err(Error::NotFound));
    assert_eq!(broker.sizes(), (0, 0), "what waited for it is forgotten");
    assert_eq!(broker.pull(at(0), "c", 1), Err(Error::NotFound));
    assert_eq!(broker.settle(at(0), "c", &[]), Err(Error::NotFound));
    assert_eq!(broker.extend(at(0), "c", &[]), Err(Error::NotFound));
    assert!(broker.depth(at(0), "c").is_err());
}

#[test]
fn a_consumer_that_is_not_durable_starts_at_the_newest_and_ends_when_nobody_pulls() {
    let passing = |name| Consumer {
        durable: false,
        inactive_ms: 100,
        ..consumer(name, ">")
    };
    let mut broker = open(&[consumer("kept", ">")]);
    publish(&mut broker, 0, message("s", "1", "a"));
    broker.open(at(0), passing("p")).unwrap();
    broker.open(at(0), passing("q")).unwrap();
    publish(&mut broker, 0, message("s", "2", "b"));
    assert_eq!(ids(&pull(&mut broker, 90, "p")), ["2"]);
    publish(&mut broker, 100, message("s", "3", "c"));
    assert_eq!(broker.pull(at(100), "q", 1), Err(Error::NotFound));
    assert_eq!(ids(&pull(&mut broker, 189, "p")), ["2", "3"]);
    assert_eq!(broker.depth(at(289), "p").map(drop), Err(Error::NotFound));
    assert_eq!(ids(&pull(&mut broker, 1_000_000, "kept")), ["1", "2", "3"]);
}

#[test]
fn a_subject_seen_before_reaches_a_consumer_opened_later() {
    let mut broker = open(&[consumer("a", "s")]);
    publish(&mut broker, 0, message("s", "1", "k"));
    broker.open(at(0), consumer("b", "s")).unwrap();
    publish(&mut broker, 0, message("s", "2", "k"));
    assert_eq!(ids(&pull(&mut broker, 0, "b")), ["2"]);
    broker.close(at(0), "a").unwrap();
    publish(&mut broker, 0, message("s", "3", "other"));
    assert_eq!(ids(&pull(&mut broker, 0, "b")), ["3"]);
}

#[test]
fn more_subjects_than_are_remembered_lose_nothing() {
    let mut broker = Broker::new(Limits {
        max_messages: 50_000,
        ..limits()
    });
    broker
        .open(
            at(0),
            Consumer {
                max_in_flight: 50_000,
                ..consumer("c", "s.*")
            },
        )
        .unwrap();
    for n in 0..20_000 {
        assert!(publish(
            &mut broker,
            0,
            message(&format!("s.{n}"), &n.to_string(), "k")
        ));
    }
    publish(&mut broker, 0, message("s.0", "again", "k"));
    let mut seen = Vec::new();
    loop {
        let batch = pull(&mut broker, 0, "c");
        if batch.deliveries.is_empty() {
            break;
        }
        seen.extend(
            batch
                .deliveries
                .into_iter()
                .map(|delivery| delivery.message.id),
        );
    }
    assert_eq!(
        seen.len(),
        20_000,
        "the second of `s.0` waits for the first, however many subjects came between"
    );
    assert!(!seen.contains(&"again".to_owned()));
}

#[test]
fn wrong_input_is_the_callers_fault() {
    let mut broker = open(&[]);
    let invalid = |outcome: Result<(), Error>| {
        assert!(matches!(outcome, Err(Error::Invalid(_))), "{outcome:?}")
    };
    for wrong in [
        message("", "1", "k"),
        message("a..b", "1", "k"),
        message("a.*", "1", "k"),
        message("a", "", "k"),
        message("a", &"i".repeat(513), "k"),
        message("a", "1", &"k".repeat(513)),
        Message {
            payload: vec![0; 8 * 1024 * 1024 + 1],
            ..message("a", "1", "k")
        },
    ] {
        invalid(broker.publish(at(0), vec![wrong]).remove(0).map(drop));
    }
    let outcomes = broker.publish(
        at(0),
        (0..257)
            .map(|n: u32| message("a", &n.to_string(), "k"))
            .collect(),
    );
    assert_eq!(outcomes.len(), 257);
    outcomes
        .into_iter()
        .for_each(|outcome| invalid(outcome.map(drop)));
    for wrong in [
        consumer("", ">"),
        consumer("A", ">"),
        consumer("a b", ">"),
        consumer("a", "a.>.b"),
        Consumer {
            max_in_flight: 0,
            ..consumer("a", ">")
        },
        Consumer {
            ack_wait_ms: 0,
            ..consumer("a", ">")
        },
        Consumer {
            durable: false,
            ..consumer("a", ">")
        },
    ] {
        invalid(broker.open(at(0), wrong));
    }
}
