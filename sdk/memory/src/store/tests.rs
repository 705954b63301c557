//! The semantics, by cases.

use greentic_sdk::model::Error;
use greentic_sdk::session::{ClaimError, Expect, PutOp, Write, WriteOp};

use crate::store::memory::Memory;

pub(crate) fn store() -> Memory {
    Memory::new(64 * 1024 * 1024)
}

pub(crate) fn put(name: &str, value: &[u8], expect: Expect, ttl_ms: Option<u64>) -> Write {
    Write {
        name: name.into(),
        expect,
        op: WriteOp::Put(PutOp {
            value: value.into(),
            ttl_ms,
        }),
    }
}

pub(crate) fn delete(name: &str, expect: Expect) -> Write {
    Write {
        name: name.into(),
        expect,
        op: WriteOp::Delete,
    }
}

fn value(store: &mut Memory, now: u64, key: &str, name: &str) -> Option<Vec<u8>> {
    store
        .get(now, key, &[name.to_owned()])
        .unwrap()
        .remove(0)
        .map(|entry| entry.value)
}

#[test]
fn revisions_only_grow_also_over_a_delete_and_a_new_put() {
    let mut store = store();
    let first = store
        .put(0, "p", "n".into(), vec![1], &Expect::Absent, None)
        .unwrap();
    let second = store
        .put(0, "p", "n".into(), vec![2], &Expect::Revision(first), None)
        .unwrap();
    store
        .delete(0, "p", "n", &Expect::Revision(second))
        .unwrap();
    let third = store
        .put(0, "p", "n".into(), vec![3], &Expect::Absent, Some(5))
        .unwrap();
    let fourth = store
        .put(5, "p", "n".into(), vec![4], &Expect::Absent, None)
        .unwrap();
    assert!(first < second && second < third && third < fourth);
    assert_eq!(
        store.put(5, "p", "n".into(), vec![5], &Expect::Revision(third), None),
        Err(Error::Conflict)
    );
    assert_eq!(
        store.put(5, "p", "n".into(), vec![5], &Expect::Absent, None),
        Err(Error::Conflict)
    );
    assert_eq!(value(&mut store, 5, "p", "n"), Some(vec![4]));
}

#[test]
fn a_value_is_there_until_its_last_millisecond_and_not_after() {
    let mut store = store();
    store
        .put(100, "p", "n".into(), vec![1], &Expect::Any, Some(10))
        .unwrap();
    assert_eq!(value(&mut store, 109, "p", "n"), Some(vec![1]));
    assert_eq!(value(&mut store, 110, "p", "n"), None);
    assert_eq!(
        store.delete(110, "p", "n", &Expect::Any),
        Err(Error::NotFound)
    );
    assert_eq!(store.touch(110, "p", "n", 10), Err(Error::NotFound));

    store
        .put(200, "p", "n".into(), vec![2], &Expect::Absent, Some(10))
        .unwrap();
    store.touch(205, "p", "n", 10).unwrap();
    assert_eq!(value(&mut store, 214, "p", "n"), Some(vec![2]));
    store.touch(214, "p", "n", 1).unwrap();
    assert_eq!(value(&mut store, 215, "p", "n"), None);

    store
        .put(300, "p", "n".into(), vec![3], &Expect::Any, Some(1))
        .unwrap();
    store
        .put(300, "p", "n".into(), vec![4], &Expect::Any, None)
        .unwrap();
    assert_eq!(value(&mut store, u64::MAX, "p", "n"), Some(vec![4]));
}

#[test]
fn a_stale_fence_changes_nothing() {
    let mut store = store();
    let first = store.claim(0, "p", "a", 100, &[]).unwrap();
    assert_eq!(
        store.claim(40, "p", "b", 100, &[]),
        Err(ClaimError::Held(60))
    );
    let again = store.claim(40, "p", "a", 100, &[]).unwrap();
    assert!(again.fence > first.fence);
    let old = first.fence;
    assert_eq!(
        store.commit(
            41,
            "p",
            Some(old),
            vec![put("n", b"x", Expect::Any, None)],
            true
        ),
        Err(Error::Conflict)
    );
    assert_eq!(store.renew(41, "p", old, 100), Err(Error::Conflict));
    assert_eq!(store.release(41, "p", old), Err(Error::Conflict));
    assert_eq!(value(&mut store, 41, "p", "n"), None);

    store.renew(139, "p", again.fence, 100).unwrap();
    assert!(
        store
            .commit(
                238,
                "p",
                Some(again.fence),
                vec![put("n", b"x", Expect::Any, None)],
                false
            )
            .is_ok()
    );
    assert_eq!(
        store.commit(239, "p", Some(again.fence), vec![], false),
        Err(Error::Conflict)
    );
    assert_eq!(
        store.renew(239, "p", again.fence, 100),
        Err(Error::Conflict)
    );

    let other = store
        .claim(239, "p", "b", 100, &["n".into(), "m".into()])
        .unwrap();
    assert!(other.fence > again.fence);
    assert_eq!(
        other
            .entries
            .iter()
            .map(Option::is_some)
            .collect::<Vec<_>>(),
        [true, false]
    );
    assert!(
        store
            .commit(240, "p", Some(other.fence), vec![], true)
            .is_ok()
    );
    assert_eq!(store.release(240, "p", other.fence), Err(Error::Conflict));
    let next = store.claim(240, "p", "a", 100, &[]).unwrap();
    assert!(next.fence > other.fence);
}

#[test]
fn a_fence_stays_stale_when_everything_else_about_its_partition_is_forgotten() {
    let mut store = store();
    let first = store.claim(0, "p", "a", 10, &[]).unwrap();
    store.purge(10, 100);
    assert_eq!(store.sizes(), (0, 0, 0));
    let second = store.claim(11, "p", "b", 10, &[]).unwrap();
    assert!(second.fence > first.fence);
    assert_eq!(
        store.commit(12, "p", Some(first.fence), vec![], false),
        Err(Error::Conflict)
    );
}

#[test]
fn all_writes_of_a_commit_happen_or_none() {
    let mut store = store();
    let kept = store
        .put(0, "p", "kept".into(), vec![1], &Expect::Any, None)
        .unwrap();
    let used = store.used();
    let writes = vec![
        put("new", b"1", Expect::Absent, None),
        delete("kept", Expect::Revision(kept)),
        put("other", b"2", Expect::Revision(7), None),
    ];
    assert_eq!(
        store.commit(0, "p", None, writes, false),
        Err(Error::Conflict)
    );
    assert_eq!(value(&mut store, 0, "p", "new"), None);
    assert_eq!(value(&mut store, 0, "p", "kept"), Some(vec![1]));
    assert_eq!(store.used(), used);

    let writes = vec![
        put("new", b"1", Expect::Absent, None),
        delete("kept", Expect::Revision(kept)),
        delete("none", Expect::Any),
    ];
    let revisions = store.commit(0, "p", None, writes, false).unwrap();
    assert_eq!((revisions.len(), &revisions[1..]), (3, &[0, 0][..]));
    assert!(revisions[0] > kept);
    assert_eq!(value(&mut store, 0, "p", "kept"), None);
}

#[test]
fn wrong_input_is_the_callers_fault() {
    let mut store = store();
    let many: Vec<String> = (0..65).map(|n| n.to_string()).collect();
    let writes = many
        .iter()
        .map(|name| put(name, b"", Expect::Any, None))
        .collect();
    let twice = vec![put("n", b"", Expect::Any, None), delete("n", Expect::Any)];
    let large = vec![put("n", &vec![0; 8 * 1024 * 1024 + 1], Expect::Any, None)];
    for outcome in [
        store.get(0, "p", &many).map(drop),
        store.get(0, "", &[]).map(drop),
        store.get(0, "p", &[String::new()]).map(drop),
        store.commit(0, "p", None, writes, false).map(drop),
        store.commit(0, "p", None, twice, false).map(drop),
        store.commit(0, "p", None, large, false).map(drop),
        store.commit(0, "p", None, vec![], true).map(drop),
        store
            .append(0, "p", "log", "id".into(), vec![], 0, 1)
            .map(drop),
        store.list(0, "", None, 0).map(drop),
        store.list(0, "", Some("nonsense"), 1).map(drop),
        store.list(0, "a", Some("1:bx"), 1).map(drop),
    ] {
        assert!(matches!(outcome, Err(Error::Invalid(_))), "{outcome:?}");
    }
}

#[test]
fn a_full_store_refuses_what_is_new_serves_what_is_there_and_recovers() {
    let mut store = Memory::new(20_000);
    let mut stored: u32 = 0;
    while store
        .put(
            0,
            &format!("p{stored}"),
            "n".into(),
            vec![0; 500],
            &Expect::Any,
            Some(1000),
        )
        .is_ok()
    {
        stored += 1;
    }
    assert!((15..30).contains(&stored), "{stored}");
    assert!(matches!(
        store.claim(0, "another", "a", 10, &[]),
        Err(ClaimError::Failed(Error::Unavailable(_)))
    ));
    assert!(
        store
            .put(0, "p0", "n".into(), vec![1; 500], &Expect::Any, Some(1000))
            .is_ok(),
        "the same size again"
    );
    assert!(matches!(
        store.append(0, "p0", "l", "i".into(), vec![0; 5000], 9, 9),
        Err(Error::Unavailable(_))
    ));
    assert!(store.used() <= 20_000);
    assert!(
        store
            .put(
                1000,
                "another",
                "n".into(),
                vec![1; 500],
                &Expect::Any,
                None
            )
            .is_ok(),
        "the expired make room"
    );
}

#[test]
fn what_expired_is_given_back_a_few_at_a_time() {
    let mut store = store();
    for n in 0..1000 {
        store
            .put(
                0,
                &format!("p{n}"),
                "n".into(),
                vec![0; 10],
                &Expect::Any,
                Some(10),
            )
            .unwrap();
    }
    let full = store.used();
    store
        .put(10, "q", "n".into(), vec![], &Expect::Any, None)
        .unwrap();
    assert!(store.used() > full / 2, "one call gives back only a few");
    for _ in 0..100 {
        store.touch(10, "q", "n", 100).unwrap();
    }
    assert_eq!(store.sizes().1, 1);
    store.delete(10, "q", "n", &Expect::Any).unwrap();
    assert_eq!((store.used(), store.sizes()), (0, (0, 0, 0)));
}

#[test]
fn a_value_whose_time_was_shortened_is_given_back_by_the_shorter_one() {
    let mut store = store();
    store
        .put(0, "p", "n".into(), vec![], &Expect::Any, Some(1000))
        .unwrap();
    store.touch(0, "p", "n", 10).unwrap();
    store.purge(10, 100);
    assert_eq!((store.used(), store.sizes()), (0, (0, 0, 0)));
}

#[test]
fn a_value_prolonged_again_and_again_keeps_one_timer() {
    let mut store = store();
    for now in 0..10_000 {
        store
            .put(
                now,
                "p",
                "n".into(),
                vec![],
                &Expect::Any,
                Some(if now % 2 == 0 { 50 } else { 5 }),
            )
            .unwrap();
        assert!(store.sizes().0 <= 1);
    }
}

#[test]
fn a_log_numbers_its_entries_knows_their_ids_and_keeps_the_newest() {
    let mut store = store();
    let entry = |store: &mut Memory, now, id: &str| {
        store
            .append(now, "p", "log", id.into(), id.into(), 3, 100)
            .unwrap()
    };
    assert_eq!(
        [
            entry(&mut store, 0, "a"),
            entry(&mut store, 0, "b"),
            entry(&mut store, 0, "a")
        ],
        [1, 2, 1]
    );
    assert_eq!(
        [entry(&mut store, 50, "c"), entry(&mut store, 50, "d")],
        [3, 4]
    );
    let positions = |store: &mut Memory, now, after, limit| {
        let page = store.range(now, "p", "log", after, limit).unwrap();
        (
            page.entries
                .iter()
                .map(|entry| entry.position)
                .collect::<Vec<_>>(),
            page.last,
        )
    };
    assert_eq!(positions(&mut store, 149, 0, 10), (vec![2, 3, 4], 4));
    assert_eq!(positions(&mut store, 149, 2, 1), (vec![3], 4));
    assert_eq!(positions(&mut store, 149, 4, 10), (vec![], 4));
    assert_eq!(positions(&mut store, 149, u64::MAX, 10), (vec![], 4));
    assert_eq!(
        entry(&mut store, 60, "a"),
        5,
        "an id that left the log is new"
    );
    assert_eq!(
        positions(&mut store, 160, 0, 10),
        (vec![], 0),
        "gone after its time"
    );
    assert_eq!(entry(&mut store, 160, "a"), 1);
    store.purge(1000, 100);
    assert_eq!((store.used(), store.sizes()), (0, (0, 0, 0)));
}

#[test]
fn a_listing_is_in_byte_order_and_skips_what_expired() {
    let mut store = store();
    for (partition, name) in [
        ("a/2", "x"),
        ("a/1", "y"),
        ("a/1", "x"),
        ("b", "x"),
        ("a/1/z", "x"),
        ("a", "x"),
    ] {
        store
            .put(0, partition, name.into(), vec![], &Expect::Any, None)
            .unwrap();
    }
    store
        .put(0, "a/3", "gone".into(), vec![], &Expect::Any, Some(1))
        .unwrap();
    let mut keys = Vec::new();
    let mut cursor = None;
    loop {
        let page = store.list(5, "a/", cursor.as_deref(), 2).unwrap();
        assert!(page.keys.len() <= 2);
        keys.extend(
            page.keys
                .into_iter()
                .map(|key| format!("{} {}", key.partition, key.name)),
        );
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(keys, ["a/1 x", "a/1 y", "a/1/z x", "a/2 x"]);
}

#[test]
fn a_partition_of_many_names_is_listed_read_and_emptied_like_one_of_few() {
    let mut store = store();
    let names: Vec<String> = (0..100).map(|n| format!("n{n:03}")).collect();
    for name in names.iter().rev() {
        store
            .put(
                0,
                "p",
                name.clone(),
                name.clone().into(),
                &Expect::Absent,
                None,
            )
            .unwrap();
    }
    let first = store.list(0, "p", None, 60).unwrap();
    let second = store.list(0, "p", first.cursor.as_deref(), 60).unwrap();
    let listed: Vec<_> = first
        .keys
        .into_iter()
        .chain(second.keys)
        .map(|key| key.name)
        .collect();
    assert_eq!((listed, second.cursor), (names.clone(), None));
    for name in &names {
        assert_eq!(value(&mut store, 0, "p", name), Some(name.clone().into()));
        store.delete(0, "p", name, &Expect::Any).unwrap();
    }
    assert_eq!((store.used(), store.sizes()), (0, (0, 0, 0)));
}
