//! A bus that is closed and opened anew, after whatever calls, has the messages it had.

use std::collections::HashMap;
use std::path::Path;

use greentic_sdk::bus::{Consumer, Delivery, Message, Outcome, Settlement};
use greentic_sdk_journal::Damage;
use greentic_sdk_journal::keeper::Keeper;
use greentic_sdk_memory::bus::Limits;
use proptest::prelude::*;

use crate::record::{Record, Stored};
use crate::state::Kept;

const LIMITS: Limits = Limits {
    max_messages: 1000,
    max_bytes: 1 << 20,
    dedupe_window_ms: 500,
    dedupe_max: 100,
};

fn keeper(folder: &Path) -> Keeper<Kept> {
    Keeper::new(folder.into(), Damage::Refuse, || Kept::new(LIMITS))
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(work)
}

fn message(id: &str, key: &str) -> Message {
    Message {
        subject: "a.b".into(),
        id: id.into(),
        key: key.into(),
        trace: String::new(),
        payload: id.as_bytes().into(),
    }
}

fn consumer(name: &str) -> Consumer {
    Consumer {
        name: name.into(),
        filter: "a.>".into(),
        durable: true,
        inactive_ms: 7,
        max_in_flight: 100,
        ack_wait_ms: 100_000,
    }
}

fn open(bus: &Keeper<Kept>, now: u64, name: &str) {
    wait(bus.call(|kept, changes| kept.open(now, changes, consumer(name))))
        .unwrap()
        .unwrap();
}

fn publish(bus: &Keeper<Kept>, now: u64, id: &str, key: &str) -> bool {
    let message = message(id, key);
    let mut acks =
        wait(bus.call(|kept, changes| kept.publish(now, changes, vec![message]))).unwrap();
    acks.pop().unwrap().unwrap().duplicate
}

fn pull(bus: &Keeper<Kept>, now: u64, name: &str, max: u32) -> Vec<Delivery> {
    wait(bus.call(|kept, changes| kept.pull(now, changes, name, max)))
        .unwrap()
        .unwrap()
        .deliveries
}

fn settle(bus: &Keeper<Kept>, now: u64, name: &str, tag: u64, outcome: Outcome) {
    let settlements = [Settlement { tag, outcome }];
    let unknown = wait(bus.call(|kept, changes| kept.settle(now, changes, name, &settlements)));
    assert_eq!(unknown, Ok(Ok(0)));
}

fn content(bus: &Keeper<Kept>) -> Vec<String> {
    wait(bus.call(|kept, _| {
        let mut waiting = Vec::new();
        kept.broker()
            .waiting(|message| waiting.push(format!("{message:?}")));
        waiting
    }))
    .unwrap()
}

#[derive(Debug, Clone)]
enum Step {
    Publish(u8, u8),
    Pull(bool, u32),
    Settle(bool, u8),
    CloseSecond,
    OpenSecond,
    Pass(u64),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..40_u8, 0..3_u8).prop_map(|(id, key)| Step::Publish(id, key)),
        4 => (any::<bool>(), 1..4_u32).prop_map(|(second, max)| Step::Pull(second, max)),
        4 => (any::<bool>(), 0..3_u8).prop_map(|(second, outcome)| Step::Settle(second, outcome)),
        1 => Just(Step::CloseSecond),
        2 => Just(Step::OpenSecond),
        1 => (1..200_u64).prop_map(Step::Pass),
        2 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_bus_opened_anew_has_the_messages_the_ids_and_the_attempts_it_had(steps in prop::collection::vec(step(), 1..60)) {
        let folder = tempfile::tempdir().unwrap();
        let mut bus = keeper(folder.path());
        let mut now = 1000;
        let mut out: HashMap<bool, Vec<u64>> = HashMap::new();
        let mut accepted: HashMap<u8, u64> = HashMap::new();
        let mut second_is_open = false;
        let name = |second: bool| if second { "second" } else { "first" };
        open(&bus, now, "first");
        for step in steps {
            match step {
                Step::Publish(id, key) => {
                    let duplicate = publish(&bus, now, &id.to_string(), &key.to_string());
                    let known = accepted.get(&id).is_some_and(|since| now < since + LIMITS.dedupe_window_ms);
                    prop_assert_eq!(duplicate, known, "{}", id);
                    if !known {
                        accepted.insert(id, now);
                    }
                }
                Step::Pull(second, max) if !second || second_is_open => {
                    let tags = pull(&bus, now, name(second), max).into_iter().map(|delivery| delivery.tag);
                    out.entry(second).or_default().extend(tags);
                }
                Step::Settle(second, outcome) => {
                    if let Some(tag) = out.entry(second).or_default().pop() {
                        let outcome = [Outcome::Ack, Outcome::Drop, Outcome::Retry(50)][usize::from(outcome)];
                        settle(&bus, now, name(second), tag, outcome);
                    }
                }
                Step::CloseSecond if second_is_open => {
                    wait(bus.call(|kept, changes| kept.close(now, changes, "second"))).unwrap().unwrap();
                    second_is_open = false;
                    out.remove(&true);
                }
                Step::OpenSecond => {
                    open(&bus, now, "second");
                    second_is_open = true;
                }
                Step::Pass(time) => now += time,
                Step::Reopen => {
                    let before = content(&bus);
                    bus = keeper(folder.path());
                    prop_assert_eq!(content(&bus), before);
                    out.clear();
                }
                Step::Pull(..) | Step::CloseSecond => {}
            }
        }
    }
}

#[test]
fn what_was_out_comes_again_in_the_order_of_its_key_with_its_attempts() {
    let folder = tempfile::tempdir().unwrap();
    let bus = keeper(folder.path());
    open(&bus, 1, "c");
    for id in ["1", "2", "3"] {
        assert!(!publish(&bus, 1, id, "k"));
    }
    let first = pull(&bus, 1, "c", 10);
    assert_eq!(first.len(), 1);
    settle(&bus, 1, "c", first[0].tag, Outcome::Ack);
    assert_eq!(pull(&bus, 1, "c", 10)[0].message.id, "2");
    let bus = keeper(folder.path());
    for (id, attempt) in [("2", 2), ("3", 1)] {
        let found = pull(&bus, 2, "c", 10);
        assert_eq!(
            (found.len(), found[0].message.id.as_str(), found[0].attempt),
            (1, id, attempt)
        );
        assert_eq!(found[0].time_ms, 1);
        settle(&bus, 2, "c", found[0].tag, Outcome::Ack);
    }
    assert!(
        publish(&bus, 3, "1", "k"),
        "its id is known inside the window"
    );
    assert!(!publish(&bus, 1000, "1", "k"), "and not after it");
}

#[test]
fn a_consumer_that_is_not_durable_ends_with_its_run() {
    let folder = tempfile::tempdir().unwrap();
    let bus = keeper(folder.path());
    let passing = Consumer {
        durable: false,
        ..consumer("passing")
    };
    wait(bus.call(|kept, changes| kept.open(1, changes, passing)))
        .unwrap()
        .unwrap();
    publish(&bus, 1, "1", "k");
    let bus = keeper(folder.path());
    assert_eq!(content(&bus), Vec::<String>::new());
    let missing = wait(bus.call(|kept, changes| kept.pull(1, changes, "passing", 1))).unwrap();
    assert!(missing.is_err());
}

#[test]
fn a_record_is_read_as_it_was_written_and_nonsense_is_refused() {
    let whole = message("i", "k");
    let record = Record::Waiting {
        message: Stored::new(&whole, 7, 9),
        consumers: vec![("c", 3)],
    };
    assert_eq!(Record::read(&record.bytes()), Ok(record));
    for bytes in [&[][..], &[99], &[1, 200]] {
        assert!(Record::read(bytes).is_err(), "{bytes:?}");
    }
}
