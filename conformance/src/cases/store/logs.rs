//! Ordered logs.

use std::collections::HashSet;

use greentic_sandbox::worlds::store_types::LogPage;

use super::{Bench, scope};
use crate::case::{Stop, Verdict, ensure};

crate::cases::cases! {
    "store.log.positions", "Entries have positions from 1 on, in the order of appending, and are read as they were written.", positions;
    "store.log.same-id", "An identifier that is in the log is not appended again: its position is given.", same_id;
    "store.log.range", "Reading begins after a position and ends at the limit; an empty log has the newest position 0.", range;
    "store.log.newest", "A log keeps its newest entries; positions go on.", newest;
    "store.log.ttl", "A log lives for its time from the last append.", ttl;
    "store.log.together", "Clients that append at the same time get different positions without a gap.", together;
    "store.log.together-same-id", "Clients that append one identifier at the same time get one position.", together_same_id;
}

const DAY: u64 = 86_400_000;

fn append(bench: &Bench<'_>, p: &str, id: &str, max_len: u32, ttl_ms: u64) -> Result<u64, Stop> {
    let value = format!("value of {id}").into_bytes();
    let call = bench.store.append(
        scope(),
        p.into(),
        "log".into(),
        id.into(),
        value,
        max_len,
        ttl_ms,
    );
    bench.done("append", call)
}

fn read(
    bench: &Bench<'_>,
    p: &str,
    after: u64,
    limit: u32,
) -> Result<(Vec<(u64, String)>, u64), Stop> {
    let call = bench
        .store
        .range(scope(), p.into(), "log".into(), after, limit);
    let LogPage { entries, last } = bench.done("range", call)?;
    let entries = entries
        .into_iter()
        .map(|entry| {
            (
                entry.position,
                String::from_utf8_lossy(&entry.value).into_owned(),
            )
        })
        .collect();
    Ok((entries, last))
}

fn expected(numbers: std::ops::RangeInclusive<u64>) -> Vec<(u64, String)> {
    numbers.map(|n| (n, format!("value of {n}"))).collect()
}

fn fill(bench: &Bench<'_>, p: &str, count: u64, max_len: u32) -> Verdict {
    for n in 1..=count {
        let position = append(bench, p, &n.to_string(), max_len, DAY)?;
        ensure(position == n, || {
            format!("entry {n} got the position {position}")
        })?;
    }
    Ok(())
}

fn positions(bench: &Bench<'_>) -> Verdict {
    let p = bench.partition();
    fill(bench, &p, 5, 1_000)?;
    let all = read(bench, &p, 0, 100)?;
    ensure(all == (expected(1..=5), 5), || format!("read is {all:?}"))
}

fn same_id(bench: &Bench<'_>) -> Verdict {
    let p = bench.partition();
    fill(bench, &p, 3, 1_000)?;
    let position = append(bench, &p, "2", 1_000, DAY)?;
    ensure(position == 2, || {
        format!("the second entry got the position {position} the second time")
    })?;
    let all = read(bench, &p, 0, 100)?;
    ensure(all == (expected(1..=3), 3), || format!("read is {all:?}"))
}

fn range(bench: &Bench<'_>) -> Verdict {
    let p = bench.partition();
    let none = read(bench, &p, 0, 10)?;
    ensure(none == (Vec::new(), 0), || {
        format!("an empty log is read as {none:?}")
    })?;
    fill(bench, &p, 9, 1_000)?;
    for (after, limit, numbers) in [
        (0, 3, 1..=3),
        (3, 3, 4..=6),
        (8, 3, 9..=9),
        (0, 1_000, 1..=9),
    ] {
        let page = read(bench, &p, after, limit)?;
        ensure(page == (expected(numbers), 9), || {
            format!("after {after}, at most {limit}: {page:?}")
        })?;
    }
    let beyond = read(bench, &p, 9, 10)?;
    ensure(beyond == (Vec::new(), 9), || {
        format!("after the newest: {beyond:?}")
    })
}

fn newest(bench: &Bench<'_>) -> Verdict {
    let p = bench.partition();
    fill(bench, &p, 12, 5)?;
    let all = read(bench, &p, 0, 100)?;
    ensure(all == (expected(8..=12), 12), || {
        format!("of 12 entries with room for 5: {all:?}")
    })
}

fn ttl(bench: &Bench<'_>) -> Verdict {
    let p = bench.partition();
    append(bench, &p, "1", 10, 300)?;
    bench.sleep(150);
    append(bench, &p, "2", 10, 300)?;
    bench.sleep(220);
    let alive = read(bench, &p, 0, 10)?;
    ensure(alive.0.len() == 2, || {
        format!("370 ms after the first and 220 ms after the last append: {alive:?}")
    })?;
    bench.sleep(200);
    let over = read(bench, &p, 0, 10)?;
    ensure(over.0.is_empty(), || format!("after its time: {over:?}"))
}

fn appends(bench: &Bench<'_>, ids: impl Fn(usize, usize) -> String) -> Result<Vec<u64>, Stop> {
    let p = bench.partition();
    let works = (0..4).map(|client| {
        let store = std::sync::Arc::clone(&bench.store);
        let p = p.clone();
        let ids: Vec<_> = (0..25).map(|n| ids(client, n)).collect();
        async move {
            let mut positions = Vec::new();
            for id in ids {
                let call =
                    store.append(scope(), p.clone(), "log".into(), id, Vec::new(), 1_000, DAY);
                positions.push(call.await);
            }
            positions
        }
    });
    let mut all = Vec::new();
    for answer in bench.together(works.collect())?.into_iter().flatten() {
        match answer {
            Ok(Ok(position)) => all.push(position),
            other => return Err(Stop::Failed(format!("append came to {other:?}"))),
        }
    }
    Ok(all)
}

fn together(bench: &Bench<'_>) -> Verdict {
    let mut positions = appends(bench, |client, n| format!("{client}-{n}"))?;
    positions.sort_unstable();
    ensure(positions == (1..=100).collect::<Vec<_>>(), || {
        format!("the positions were {positions:?}")
    })
}

fn together_same_id(bench: &Bench<'_>) -> Verdict {
    let positions = appends(bench, |_, n| n.to_string())?;
    let different: HashSet<_> = positions.iter().collect();
    ensure(
        different.len() == 25 && different.iter().all(|position| **position <= 25),
        || format!("25 identifiers got the positions {positions:?}"),
    )
}
