//! A store that is closed and opened anew, after whatever calls, is the store it was.

use std::path::Path;

use greentic_sdk::model::Error;
use greentic_sdk::session::{ClaimError, Expect, PutOp, Write, WriteOp};
use greentic_sdk_journal::Damage;
use greentic_sdk_journal::keeper::Keeper;
use greentic_sdk_memory::store::Memory;
use proptest::prelude::*;

use crate::record::Record;
use crate::state::Kept;

const MAX: u64 = 1 << 20;

fn keeper(folder: &Path) -> Keeper<Kept> {
    Keeper::new(folder.into(), Damage::Refuse, || Kept::new(MAX))
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(work)
}

fn put(name: &str, value: &[u8], ttl_ms: Option<u64>) -> Write {
    Write {
        name: name.into(),
        expect: Expect::Any,
        op: WriteOp::Put(PutOp {
            value: value.into(),
            ttl_ms,
        }),
    }
}

/// What a store holds, in an order of its own.
fn content(memory: &Memory, now: u64) -> Vec<String> {
    let mut parts = Vec::new();
    memory.parts(now, |part| parts.push(format!("{part:?}")));
    parts.sort();
    parts
}

#[derive(Debug, Clone)]
enum Step {
    Commit(u8, Vec<(u8, Option<Vec<u8>>, Option<u64>)>),
    Delete(u8, u8),
    Touch(u8, u8, u64),
    Append(u8, u8, u32, u64),
    Pass(u64),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let value = || prop::option::weighted(0.8, prop::collection::vec(any::<u8>(), 0..20));
    let ttl = || prop::option::of(1..200_u64);
    prop_oneof![
        4 => (0..3_u8, prop::collection::btree_map(0..4_u8, (value(), ttl()), 1..4)).prop_map(|(partition, writes)| {
            Step::Commit(partition, writes.into_iter().map(|(name, (value, ttl))| (name, value, ttl)).collect())
        }),
        1 => (0..3_u8, 0..4_u8).prop_map(|(partition, name)| Step::Delete(partition, name)),
        1 => (0..3_u8, 0..4_u8, 1..200_u64).prop_map(|(partition, name, ttl)| Step::Touch(partition, name, ttl)),
        3 => (0..3_u8, 0..6_u8, 1..4_u32, 1..200_u64).prop_map(|(partition, id, most, ttl)| Step::Append(partition, id, most, ttl)),
        2 => (1..100_u64).prop_map(Step::Pass),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_store_opened_anew_holds_what_one_in_memory_holds(steps in prop::collection::vec(step(), 1..60)) {
        let folder = tempfile::tempdir().unwrap();
        let mut store = keeper(folder.path());
        let mut memory = Memory::new(MAX);
        let mut now = 1000;
        for step in steps {
            match step {
                Step::Commit(partition, writes) => {
                    let partition = partition.to_string();
                    let writes: Vec<Write> = writes
                        .iter()
                        .map(|(name, value, ttl)| match value {
                            Some(value) => put(&name.to_string(), value, *ttl),
                            None => Write { name: name.to_string(), expect: Expect::Any, op: WriteOp::Delete },
                        })
                        .collect();
                    let expected = memory.commit(now, &partition, None, writes.clone(), false);
                    let found = wait(store.call(|kept, changes| kept.commit(now, changes, &partition, None, writes, false)));
                    prop_assert_eq!(found.unwrap(), expected);
                }
                Step::Delete(partition, name) => {
                    let (partition, name) = (partition.to_string(), name.to_string());
                    let expected = memory.delete(now, &partition, &name, &Expect::Any);
                    let found = wait(store.call(|kept, changes| kept.delete(now, changes, &partition, &name, &Expect::Any)));
                    prop_assert_eq!(found.unwrap(), expected);
                }
                Step::Touch(partition, name, ttl) => {
                    let (partition, name) = (partition.to_string(), name.to_string());
                    let expected = memory.touch(now, &partition, &name, ttl);
                    let found = wait(store.call(|kept, changes| kept.touch(now, changes, &partition, &name, ttl)));
                    prop_assert_eq!(found.unwrap(), expected);
                }
                Step::Append(partition, id, most, ttl) => {
                    let partition = partition.to_string();
                    let (id, value) = (id.to_string(), vec![id]);
                    let expected = memory.append(now, &partition, "log", id.clone(), value.clone(), most, ttl);
                    let found = wait(store.call(|kept, changes| kept.append(now, changes, &partition, "log", id, value, most, ttl)));
                    prop_assert_eq!(found.unwrap(), expected);
                }
                Step::Pass(time) => now += time,
                Step::Reopen => store = keeper(folder.path()),
            }
            let found = wait(store.call(|kept, _| content(kept.memory(), now))).unwrap();
            prop_assert_eq!(found, content(&memory, now));
        }
    }
}

#[test]
fn a_lease_of_an_earlier_run_is_over_and_its_fence_stays_stale() {
    let folder = tempfile::tempdir().unwrap();
    let first = keeper(folder.path());
    let claim = |store: &Keeper<Kept>, owner: &'static str| {
        wait(store.call(|kept, _| kept.claim(1, "p", owner, 1_000_000, &[]))).unwrap()
    };
    let old = claim(&first, "a").unwrap();
    assert!(matches!(claim(&first, "b"), Err(ClaimError::Held(_))));
    let second = keeper(folder.path());
    let new = claim(&second, "b").unwrap();
    assert!(new.fence > old.fence);
    let stale = wait(second.call(|kept, changes| {
        kept.commit(
            2,
            changes,
            "p",
            Some(old.fence),
            vec![put("n", b"x", None)],
            true,
        )
    }));
    assert_eq!(stale, Ok(Err(Error::Conflict)));
    // The first one's folder is gone: what it would say now could not be kept.
    let late = wait(first.call(|kept, changes| {
        kept.commit(
            2,
            changes,
            "p",
            Some(old.fence),
            vec![put("n", b"x", None)],
            true,
        )
    }));
    let Err(Error::UnknownOutcome(text)) = late else {
        panic!("{late:?}")
    };
    assert!(text.contains("taken over"), "{text}");
    let later = wait(first.call(|kept, _| kept.get(3, "p", &[])));
    assert!(matches!(later, Err(Error::Unavailable(_))), "{later:?}");
}

#[test]
fn revisions_go_on_behind_what_was_deleted_before_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let write = |store: &Keeper<Kept>| {
        wait(store.call(|kept, changes| {
            kept.commit(1, changes, "p", None, vec![put("n", b"x", None)], false)
        }))
        .unwrap()
        .unwrap()[0]
    };
    let store = keeper(folder.path());
    let first = write(&store);
    wait(store.call(|kept, changes| kept.delete(1, changes, "p", "n", &Expect::Any)))
        .unwrap()
        .unwrap();
    drop(keeper(folder.path()));
    let again = keeper(folder.path());
    wait(again.call(|kept, _| kept.get(1, "p", &[])))
        .unwrap()
        .unwrap();
    let third = keeper(folder.path());
    assert!(write(&third) > first);
}

#[test]
fn a_folder_that_is_missing_is_an_error_until_it_is_there() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("sessions");
    let store = keeper(&folder);
    let get = || wait(store.call(|kept, _| kept.get(1, "p", &[])));
    let Err(Error::Unavailable(text)) = get() else {
        panic!("it is not there")
    };
    assert!(text.contains("sessions"), "{text}");
    std::fs::create_dir(&folder).unwrap();
    assert!(get().is_err(), "not before a pause is over");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    assert_eq!(get(), Ok(Ok(vec![])));
}

#[test]
fn a_record_is_read_as_it_was_written_and_nonsense_is_refused() {
    let record = Record::Entry {
        partition: "p",
        name: "log",
        position: 7,
        id: "i",
        max_len: 3,
        expires: 9,
        value: &[0, 255],
    };
    assert_eq!(Record::read(&record.bytes()), Ok(record));
    for bytes in [&[][..], &[99], &[1, 200]] {
        assert!(Record::read(bytes).is_err(), "{bytes:?}");
    }
}
