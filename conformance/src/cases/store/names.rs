//! Names of partitions and values: they do not run into each other, and can be listed.

use greentic_sandbox::worlds::store_types::{Expect, Key};

use super::{Bench, scope};
use crate::case::{Stop, Verdict, ensure};

crate::cases::cases! {
    "store.names.apart", "Partitions and names do not run into each other, whatever separators they have in them.", apart;
    "store.list.order", "A listing has every name below the prefix once, in byte order, in pages of at most the limit.", order;
    "store.list.prefix", "A prefix is taken letter by letter; a mark that other systems read as a wildcard stands for itself.", prefix;
    "store.list.alive", "A listing leaves out what was deleted or has expired.", alive;
    "store.list.moving", "What is there during a whole listing is in it exactly once, though other names come and go meanwhile.", moving;
}

fn apart(bench: &Bench<'_>) -> Verdict {
    let p = bench.partition();
    let places = [
        (format!("{p}/a"), "b/c"),
        (format!("{p}/a/b"), "c"),
        (format!("{p}:a"), "b"),
        (p.to_string(), ":a:b"),
        (format!("{p}/a\0"), "b"),
        (format!("{p}/é"), "n"),
        (format!("{p}/{{x}}"), "n"),
    ];
    for (number, (partition, name)) in places.iter().enumerate() {
        bench.put(partition, name, number.to_string().as_bytes())?;
    }
    for (number, (partition, name)) in places.iter().enumerate() {
        let read = bench.value(partition, name)?;
        ensure(read == Some(number.to_string().into_bytes()), || {
            format!("`{partition:?}`, `{name}` has the value {read:?} and not {number}")
        })?;
    }
    Ok(())
}

/// All keys below a prefix, by pages.
fn listed(
    bench: &Bench<'_>,
    prefix: &str,
    limit: u32,
    mut between: impl FnMut(usize) -> Verdict,
) -> Result<Vec<(String, String)>, Stop> {
    let mut keys = Vec::new();
    let mut cursor = None;
    for page in 0..1_000 {
        let call = bench.store.list(scope(), prefix.into(), cursor, limit);
        let answer = bench.done("list", call)?;
        let length = answer.keys.len();
        ensure(
            u32::try_from(length).is_ok_and(|length| length <= limit),
            || format!("a page of at most {limit} has {length} keys"),
        )?;
        keys.extend(
            answer
                .keys
                .into_iter()
                .map(|Key { partition, name }| (partition, name)),
        );
        between(page)?;
        cursor = answer.cursor;
        if cursor.is_none() {
            return Ok(keys);
        }
    }
    Err(Stop::failed("a listing has no end"))
}

fn order(bench: &Bench<'_>) -> Verdict {
    let p = bench.partition();
    let mut expected = Vec::new();
    for partition in ["b", "a", "a/x", "é", "B"] {
        for name in ["2", "10", "1", "z"] {
            let partition = format!("{p}/{partition}");
            bench.put(&partition, name, b"")?;
            expected.push((partition, name.to_owned()));
        }
    }
    expected.sort();
    for limit in [1, 3, 20, 1_000] {
        let keys = listed(bench, &format!("{p}/"), limit, |_| Ok(()))?;
        ensure(keys == expected, || {
            format!("in pages of {limit}: {keys:?} and not {expected:?}")
        })?;
    }
    Ok(())
}

fn prefix(bench: &Bench<'_>) -> Verdict {
    let p = bench.partition();
    for partition in ["a*", "ab", "a?", "a[b]", "a\\b", "a"] {
        bench.put(&format!("{p}/{partition}"), "n", b"")?;
    }
    for (prefix, count) in [
        ("a*", 1),
        ("a?", 1),
        ("a[b]", 1),
        ("a\\b", 1),
        ("a", 6),
        ("*", 0),
        ("", 6),
    ] {
        let keys = listed(bench, &format!("{p}/{prefix}"), 100, |_| Ok(()))?;
        ensure(keys.len() == count, || {
            format!("below `{prefix}` are {count} keys, and listed {keys:?}")
        })?;
    }
    Ok(())
}

fn alive(bench: &Bench<'_>) -> Verdict {
    let p = bench.partition();
    for name in ["deleted", "stays"] {
        bench.put(&p, name, b"")?;
    }
    bench.done(
        "put",
        bench.try_put(&p, "expired", b"", Expect::Any, Some(50)),
    )?;
    bench.done(
        "delete",
        bench
            .store
            .delete(scope(), p.clone(), "deleted".into(), Expect::Any),
    )?;
    bench.sleep(150);
    let keys = listed(bench, &p, 100, |_| Ok(()))?;
    ensure(keys == [(p, "stays".into())], || {
        format!("listed is {keys:?}")
    })
}

fn moving(bench: &Bench<'_>) -> Verdict {
    let p = bench.partition();
    let stable: Vec<_> = (0..60).map(|n| format!("stable{n:03}")).collect();
    for name in &stable {
        bench.put(&p, name, b"")?;
    }
    let keys = listed(bench, &p, 7, |page| {
        for n in 0..5 {
            bench.put(&p, &format!("new{page:03}{n}"), b"")?;
            bench.put(&p, &format!("stable{page:03}x{n}"), b"")?;
        }
        let gone = format!("new{page:03}0");
        bench.done(
            "delete",
            bench.store.delete(scope(), p.clone(), gone, Expect::Any),
        )
    })?;
    for name in &stable {
        let times = keys.iter().filter(|(_, other)| other == name).count();
        ensure(times == 1, || format!("`{name}` is listed {times} times"))?;
    }
    Ok(())
}
