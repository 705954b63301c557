//! The semantics against a model that is too simple to be wrong.

use std::collections::{BTreeMap, BTreeSet};

use greentic_sdk::model::Error;
use greentic_sdk::session::{ClaimError, Expect, WriteOp};
use proptest::prelude::*;

use crate::store::tests::{delete, put, store};

/// One step of the random life of a store.
#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Commit {
        partition: u8,
        writes: Vec<(u8, u8, u8, Option<u64>)>,
        fence: Option<bool>,
        release: bool,
    },
    Delete {
        partition: u8,
        name: u8,
        expect: u8,
    },
    Touch {
        partition: u8,
        name: u8,
        ttl: u64,
    },
    Claim {
        partition: u8,
        owner: u8,
        ttl: u64,
    },
    Renew {
        partition: u8,
        newest: bool,
        ttl: u64,
    },
    Release {
        partition: u8,
        newest: bool,
    },
    List,
}

fn step() -> impl Strategy<Value = Step> {
    let ttl = 0_u64..30;
    // (name, operation, expectation, ttl)
    let write = (
        0_u8..40,
        0_u8..4,
        0_u8..4,
        proptest::option::of(ttl.clone()),
    );
    prop_oneof![
        (0_u64..15).prop_map(Step::Wait),
        (
            0_u8..3,
            proptest::collection::vec(write, 0..4),
            proptest::option::of(any::<bool>()),
            any::<bool>()
        )
            .prop_map(|(partition, writes, fence, release)| Step::Commit {
                partition,
                writes,
                fence,
                release
            }),
        (0_u8..3, 0_u8..40, 0_u8..4).prop_map(|(partition, name, expect)| Step::Delete {
            partition,
            name,
            expect
        }),
        (0_u8..3, 0_u8..40, ttl.clone()).prop_map(|(partition, name, ttl)| Step::Touch {
            partition,
            name,
            ttl
        }),
        (0_u8..3, 0_u8..2, ttl.clone()).prop_map(|(partition, owner, ttl)| Step::Claim {
            partition,
            owner,
            ttl
        }),
        (0_u8..3, any::<bool>(), ttl).prop_map(|(partition, newest, ttl)| Step::Renew {
            partition,
            newest,
            ttl
        }),
        (0_u8..3, any::<bool>())
            .prop_map(|(partition, newest)| Step::Release { partition, newest }),
        Just(Step::List),
    ]
}

/// Bytes, revision, and when it is gone.
type Known = (Vec<u8>, u64, Option<u64>);

/// The model: everything in plain maps, nothing ever purged.
#[derive(Default)]
struct Model {
    values: BTreeMap<(String, String), Known>,
    highest: BTreeMap<(String, String), u64>,
    leases: BTreeMap<String, (u64, String, u64)>,
}

impl Model {
    fn live(&self, now: u64, partition: &str, name: &str) -> Option<&Known> {
        self.values
            .get(&(partition.to_owned(), name.to_owned()))
            .filter(|(_, _, expires)| expires.is_none_or(|expires| now < expires))
    }

    fn expectation(&self, now: u64, partition: &str, name: &str, kind: u8) -> (Expect, bool) {
        let current = self
            .live(now, partition, name)
            .map(|(_, revision, _)| *revision);
        match kind {
            0 => (Expect::Any, true),
            1 => (Expect::Absent, current.is_none()),
            2 => current.map_or((Expect::Any, true), |revision| {
                (Expect::Revision(revision), true)
            }),
            _ => (Expect::Revision(u64::MAX), false),
        }
    }

    fn fence(&self, partition: &str, newest: bool) -> u64 {
        let fence = self.leases.get(partition).map_or(0, |(fence, _, _)| *fence);
        if newest {
            fence
        } else {
            fence.saturating_sub(1)
        }
    }

    fn held(&self, now: u64, partition: &str, fence: u64) -> bool {
        self.leases
            .get(partition)
            .is_some_and(|(newest, _, expires)| *newest == fence && now < *expires)
    }
}

fn run(steps: Vec<Step>) {
    let mut store = store();
    let mut model = Model::default();
    let mut now = 0;
    for step in steps {
        match step {
            Step::Wait(time) => now += time,
            Step::Commit {
                partition,
                writes,
                fence,
                release,
            } => {
                let partition = format!("p{partition}");
                let fence = fence.map(|newest| model.fence(&partition, newest));
                let mut names = BTreeSet::new();
                let mut expected = fence.is_none_or(|fence| model.held(now, &partition, fence));
                let mut planned = Vec::new();
                for (index, (name, kind, expect, ttl)) in writes.into_iter().enumerate() {
                    let name = format!("n{name}");
                    if !names.insert(name.clone()) {
                        continue;
                    }
                    let (expect, holds) = model.expectation(now, &partition, &name, expect);
                    expected &= holds;
                    let bytes = vec![u8::try_from(index).unwrap(); 3];
                    planned.push(if kind == 0 {
                        delete(&name, expect)
                    } else {
                        put(&name, &bytes, expect, ttl)
                    });
                }
                let release = release && fence.is_some();
                let outcome = store.commit(now, &partition, fence, planned.clone(), release);
                if !expected {
                    assert_eq!(outcome, Err(Error::Conflict));
                    continue;
                }
                for (write, revision) in planned
                    .into_iter()
                    .zip(outcome.expect("a commit whose expectations hold"))
                {
                    let key = (partition.clone(), write.name);
                    match write.op {
                        WriteOp::Delete => {
                            assert_eq!(revision, 0);
                            model.values.remove(&key);
                        }
                        WriteOp::Put(op) => {
                            let highest = model.highest.insert(key.clone(), revision).unwrap_or(0);
                            assert!(revision > highest);
                            model
                                .values
                                .insert(key, (op.value, revision, op.ttl_ms.map(|ttl| now + ttl)));
                        }
                    }
                }
                if release && let Some(lease) = model.leases.get_mut(&partition) {
                    lease.2 = 0;
                }
            }
            Step::Delete {
                partition,
                name,
                expect,
            } => {
                let (partition, name) = (format!("p{partition}"), format!("n{name}"));
                let there = model.live(now, &partition, &name).is_some();
                let (expect, holds) = model.expectation(now, &partition, &name, expect);
                let outcome = store.delete(now, &partition, &name, &expect);
                assert_eq!(
                    outcome,
                    if !there {
                        Err(Error::NotFound)
                    } else if holds {
                        Ok(())
                    } else {
                        Err(Error::Conflict)
                    }
                );
                if outcome.is_ok() {
                    model.values.remove(&(partition, name));
                }
            }
            Step::Touch {
                partition,
                name,
                ttl,
            } => {
                let (partition, name) = (format!("p{partition}"), format!("n{name}"));
                let there = model.live(now, &partition, &name).is_some();
                assert_eq!(store.touch(now, &partition, &name, ttl).is_ok(), there);
                if there && let Some(value) = model.values.get_mut(&(partition, name)) {
                    value.2 = Some(now + ttl);
                }
            }
            Step::Claim {
                partition,
                owner,
                ttl,
            } => {
                let (partition, owner) = (format!("p{partition}"), format!("o{owner}"));
                let before = model.leases.get(&partition).cloned().unwrap_or_default();
                match store.claim(now, &partition, &owner, ttl, &["n1".into()]) {
                    Ok(lease) => {
                        assert!(
                            now >= before.2 || before.1 == owner,
                            "taken from its holder"
                        );
                        assert!(lease.fence > before.0);
                        let read = lease
                            .entries
                            .into_iter()
                            .next()
                            .flatten()
                            .map(|entry| (entry.value, entry.revision));
                        assert_eq!(
                            read,
                            model
                                .live(now, &partition, "n1")
                                .map(|(value, revision, _)| (value.clone(), *revision))
                        );
                        model
                            .leases
                            .insert(partition, (lease.fence, owner, now + ttl));
                    }
                    Err(ClaimError::Held(left)) => {
                        assert!(before.1 != owner && now + left == before.2)
                    }
                    Err(other) => panic!("{other:?}"),
                }
            }
            Step::Renew {
                partition,
                newest,
                ttl,
            } => {
                let partition = format!("p{partition}");
                let fence = model.fence(&partition, newest);
                let held = model.held(now, &partition, fence);
                assert_eq!(store.renew(now, &partition, fence, ttl).is_ok(), held);
                if held && let Some(lease) = model.leases.get_mut(&partition) {
                    lease.2 = now + ttl;
                }
            }
            Step::Release { partition, newest } => {
                let partition = format!("p{partition}");
                let fence = model.fence(&partition, newest);
                let held = model.held(now, &partition, fence);
                assert_eq!(store.release(now, &partition, fence).is_ok(), held);
                if held && let Some(lease) = model.leases.get_mut(&partition) {
                    lease.2 = 0;
                }
            }
            Step::List => {
                let mut keys = Vec::new();
                let mut cursor = None;
                loop {
                    let page = store.list(now, "p", cursor.as_deref(), 3).unwrap();
                    keys.extend(page.keys.into_iter().map(|key| (key.partition, key.name)));
                    cursor = page.cursor;
                    if cursor.is_none() {
                        break;
                    }
                }
                let expected: Vec<_> = model
                    .values
                    .keys()
                    .filter(|(partition, name)| model.live(now, partition, name).is_some())
                    .cloned()
                    .collect();
                assert_eq!(keys, expected);
            }
        }
        for (partition, name) in model.values.keys() {
            let read = store
                .get(now, partition, std::slice::from_ref(name))
                .unwrap()
                .remove(0);
            let expected = model
                .live(now, partition, name)
                .map(|(value, revision, _)| (value.clone(), *revision));
            assert_eq!(
                read.map(|entry| (entry.value, entry.revision)),
                expected,
                "{partition} {name} at {now}"
            );
        }
    }
    // Whatever was left is deleted or expires: then nothing is counted, queued or kept.
    for ((partition, name), _) in std::mem::take(&mut model.values) {
        drop(store.delete(now, &partition, &name, &Expect::Any));
    }
    store.purge(now + 1000, usize::MAX);
    assert_eq!((store.used(), store.sizes()), (0, (0, 0, 0)));
}

/// Keys added and taken away while a listing goes on.
fn list_under_change(kept: BTreeSet<u8>, changes: Vec<(u8, bool)>, limit: u32) {
    let mut store = store();
    let at = |n: u8| (format!("p{}", n / 16), format!("n{:02}", n % 16));
    for n in &kept {
        let (partition, name) = at(*n);
        store
            .put(0, &partition, name, vec![], &Expect::Any, None)
            .unwrap();
    }
    let mut seen = BTreeMap::new();
    let mut changes = changes.into_iter();
    let mut cursor = None;
    loop {
        let page = store.list(0, "p", cursor.as_deref(), limit).unwrap();
        for key in page.keys {
            *seen.entry((key.partition, key.name)).or_insert(0) += 1;
        }
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
        if let Some((n, add)) = changes.next()
            && !kept.contains(&n)
        {
            let (partition, name) = at(n);
            if add {
                drop(store.put(0, &partition, name, vec![], &Expect::Any, None));
            } else {
                drop(store.delete(0, &partition, &name, &Expect::Any));
            }
        }
    }
    for n in kept {
        assert_eq!(seen.get(&at(n)), Some(&1), "{n}");
    }
    assert!(seen.values().all(|times| *times == 1));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_store_does_what_the_model_does(steps in proptest::collection::vec(step(), 0..80)) {
        run(steps);
    }

    #[test]
    fn what_is_there_during_a_whole_listing_is_in_it_exactly_once(
        kept in proptest::collection::btree_set(any::<u8>(), 0..40),
        changes in proptest::collection::vec((any::<u8>(), any::<bool>()), 0..40),
        limit in 1_u32..5,
    ) {
        list_under_change(kept, changes, limit);
    }
}
