//! Several clients at once: nothing is lost, and what they saw can have happened one after another.

use std::sync::Arc;
use std::time::Instant;

use greentic_interfaces::model::Error;
use greentic_sandbox::client::Client;
use greentic_sandbox::worlds::StoreWorld;
use greentic_sandbox::worlds::store_types::Expect;

use super::linear::{Ask, Got, Op, is_linearizable};
use super::{Bench, scope};
use crate::case::{Stop, Verdict, ensure};

crate::cases::cases! {
    "store.history.counter", "A number that several clients raise by compare-and-swap is the number of their successes.", counter;
    "store.history.linearizable", "What several clients read, put and swapped at one name can have happened one after another.", linearizable;
}

type Shared = Arc<Client<StoreWorld>>;

/// Reads one value and its revision; no value has revision 0.
async fn read(store: &Shared, p: &str) -> Result<(u32, u64), String> {
    let answer = store.get(scope(), p.into(), vec!["n".into()]).await;
    let entries = answer
        .map_err(|fault| fault.to_string())?
        .map_err(|error| format!("get: {error:?}"))?;
    let Some(Some(entry)) = entries.into_iter().next() else {
        return Ok((0, 0));
    };
    let value = <[u8; 4]>::try_from(entry.value.as_slice()).map(u32::from_be_bytes);
    Ok((
        value.map_err(|_| "another value than was written")?,
        entry.revision,
    ))
}

/// Sets a value. `Ok(None)` is a conflict.
async fn set(store: &Shared, p: &str, expect: Expect, value: u32) -> Result<Option<u64>, String> {
    let call = store.put(
        scope(),
        p.into(),
        "n".into(),
        value.to_be_bytes().into(),
        expect,
        None,
    );
    match call.await.map_err(|fault| fault.to_string())? {
        Ok(revision) => Ok(Some(revision)),
        Err(Error::Conflict) => Ok(None),
        Err(error) => Err(format!("put: {error:?}")),
    }
}

fn expecting(revision: u64) -> Expect {
    if revision == 0 {
        Expect::Absent
    } else {
        Expect::Revision(revision)
    }
}

fn counter(bench: &Bench<'_>) -> Verdict {
    let p = bench.partition();
    let works = (0..4).map(|_| {
        let (store, p) = (Arc::clone(&bench.store), p.clone());
        async move {
            let mut successes = 0;
            for _ in 0..40 {
                let (value, revision) = read(&store, &p).await?;
                let raised = set(&store, &p, expecting(revision), value + 1).await?;
                successes += u32::from(raised.is_some());
            }
            Ok::<_, String>(successes)
        }
    });
    let mut successes = 0;
    for answer in bench.together(works.collect())? {
        successes += answer.map_err(Stop::Failed)?;
    }
    let (value, _) = bench
        .stage
        .wait(read(&bench.store, &p))
        .map_err(Stop::Failed)?;
    ensure(value == successes && successes > 0, || {
        format!("{successes} times it was raised, and it is {value}")
    })
}

/// A client's operations, from a seed.
async fn client(store: Shared, p: String, began: Instant, seed: u32) -> Result<Vec<Op>, String> {
    let mut ops = Vec::new();
    let mut known = 0;
    let mut random = seed;
    let clock = || u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
    for number in 0..8 {
        // Knuth's multiplier: any spread will do.
        random = random.wrapping_mul(2_654_435_761).wrapping_add(number);
        let value = seed * 100 + number;
        let ask = match (random >> 16) % 3 {
            0 => Ask::Read,
            1 => Ask::Put(value),
            _ => Ask::Swap(known, value),
        };
        let start = clock();
        let got = match ask {
            Ask::Read => {
                let (value, revision) = read(&store, &p).await?;
                known = revision;
                Got::Value(value, revision)
            }
            Ask::Put(value) => match set(&store, &p, Expect::Any, value).await? {
                Some(revision) => Got::Set(revision),
                None => Got::Conflict,
            },
            Ask::Swap(revision, value) => {
                match set(&store, &p, expecting(revision), value).await? {
                    Some(revision) => Got::Set(revision),
                    None => Got::Conflict,
                }
            }
        };
        ops.push(Op {
            began: start,
            ended: clock(),
            ask,
            got,
        });
    }
    Ok(ops)
}

fn linearizable(bench: &Bench<'_>) -> Verdict {
    for round in 0..30 {
        let p = bench.partition();
        let began = Instant::now();
        let works =
            (1..=4).map(|n| client(Arc::clone(&bench.store), p.clone(), began, round * 10 + n));
        let mut history = Vec::new();
        for ops in bench.together(works.collect())? {
            history.extend(ops.map_err(Stop::Failed)?);
        }
        history.sort_by_key(|op| op.began);
        ensure(is_linearizable(&history), || {
            format!("round {round}: no order explains what was seen: {history:?}")
        })?;
    }
    Ok(())
}
