//! Leases on partitions, and commits under a fence.

use greentic_interfaces::model::Error;
use greentic_sandbox::worlds::store_types::{ClaimError, Expect, Lease};

use super::{Bench, scope, write};
use crate::case::{Stop, Verdict, ensure};

crate::cases::cases! {
    "store.claim.exclusive", "A partition that one owner has is `held` for others, for at most the rest of its time.", exclusive;
    "store.claim.reads", "A claim reads the values asked for in that order.", reads;
    "store.claim.fences", "Fences grow with every claim, also with the same owner's, over a release and over the end of a lease.", fences;
    "store.claim.expires", "A lease that is not renewed ends after its time, and another owner gets the partition.", expires;
    "store.lease.renew", "A lease that is renewed goes on; renewing with a stale fence, or after the end, is `conflict`.", renew;
    "store.lease.release", "A released partition is free; releasing with a stale fence changes nothing and is `conflict`.", release;
    "store.commit.fence", "A commit with a stale fence, or after the lease ended, is `conflict` and writes nothing.", fence;
    "store.commit.release", "A commit can end the lease in the same step; one that fails does not.", commit_release;
    "store.claim.together", "Of owners that claim at the same time exactly one gets the partition.", together;
}

fn claim(
    bench: &Bench<'_>,
    p: &str,
    owner: &str,
    ttl_ms: u64,
) -> Result<Result<Lease, ClaimError>, Stop> {
    let call = bench
        .store
        .claim(scope(), p.into(), owner.into(), ttl_ms, Vec::new());
    bench
        .stage
        .wait(call)
        .map_err(|fault| Stop::Failed(fault.to_string()))
}

fn fence_of(bench: &Bench<'_>, p: &str, owner: &str, ttl_ms: u64) -> Result<u64, Stop> {
    match claim(bench, p, owner, ttl_ms)? {
        Ok(lease) => Ok(lease.fence),
        Err(error) => Err(Stop::Failed(format!(
            "claiming for `{owner}` came to {error:?}"
        ))),
    }
}

fn exclusive(bench: &Bench<'_>) -> Verdict {
    let p = bench.partition();
    fence_of(bench, &p, "one", 5_000)?;
    match claim(bench, &p, "two", 5_000)? {
        Err(ClaimError::Held(ms)) => ensure((1..=5_000).contains(&ms), || {
            format!("held for {ms} ms more")
        })?,
        other => {
            return Err(Stop::Failed(format!(
                "a second owner's claim came to {other:?}"
            )));
        }
    }
    fence_of(bench, &bench.partition(), "two", 5_000).map(|_| ())
}

fn reads(bench: &Bench<'_>) -> Verdict {
    let p = bench.partition();
    let revision = bench.put(&p, "b", b"2")?;
    let names = ["a", "b"].map(str::to_owned).to_vec();
    let call = bench.store.claim(scope(), p, "one".into(), 5_000, names);
    let lease = bench
        .stage
        .wait(call)
        .map_err(|fault| Stop::Failed(fault.to_string()))?;
    let lease = lease.map_err(|error| Stop::Failed(format!("{error:?}")))?;
    let read: Vec<_> = lease
        .entries
        .into_iter()
        .map(|entry| entry.map(|entry| (entry.value, entry.revision)))
        .collect();
    ensure(read == [None, Some((b"2".to_vec(), revision))], || {
        format!("read is {read:?}")
    })
}

fn fences(bench: &Bench<'_>) -> Verdict {
    let p = bench.partition();
    let first = fence_of(bench, &p, "one", 5_000)?;
    let again = fence_of(bench, &p, "one", 100)?;
    bench.sleep(200);
    let other = fence_of(bench, &p, "two", 5_000)?;
    bench.done("release", bench.store.release(scope(), p.clone(), other))?;
    let last = fence_of(bench, &p, "one", 5_000)?;
    let fences = [first, again, other, last];
    ensure(fences.is_sorted_by(|one, next| one < next), || {
        format!("the fences were {fences:?}")
    })
}

fn expires(bench: &Bench<'_>) -> Verdict {
    let p = bench.partition();
    fence_of(bench, &p, "one", 200)?;
    ensure(claim(bench, &p, "two", 200)?.is_err(), || {
        "it was free at once".into()
    })?;
    bench.sleep(300);
    fence_of(bench, &p, "two", 200).map(|_| ())
}

fn renew(bench: &Bench<'_>) -> Verdict {
    let p = bench.partition();
    let renew = |fence| bench.answer(bench.store.renew(scope(), p.clone(), fence, 250));
    let stale = fence_of(bench, &p, "one", 250)?;
    let fence = fence_of(bench, &p, "one", 250)?;
    for _ in 0..3 {
        bench.sleep(150);
        let outcome = renew(fence)?;
        ensure(outcome == Ok(()), || {
            format!("renewing in time came to {outcome:?}")
        })?;
        ensure(claim(bench, &p, "two", 250)?.is_err(), || {
            "a renewed lease was taken".into()
        })?;
    }
    let outcome = renew(stale)?;
    ensure(outcome == Err(Error::Conflict), || {
        format!("renewing with a stale fence came to {outcome:?}")
    })?;
    bench.sleep(350);
    let outcome = renew(fence)?;
    ensure(outcome == Err(Error::Conflict), || {
        format!("renewing after the end came to {outcome:?}")
    })
}

fn release(bench: &Bench<'_>) -> Verdict {
    let p = bench.partition();
    let release = |fence| bench.answer(bench.store.release(scope(), p.clone(), fence));
    let stale = fence_of(bench, &p, "one", 5_000)?;
    let fence = fence_of(bench, &p, "one", 5_000)?;
    let outcome = release(stale)?;
    ensure(outcome == Err(Error::Conflict), || {
        format!("with a stale fence it came to {outcome:?}")
    })?;
    ensure(claim(bench, &p, "two", 5_000)?.is_err(), || {
        "a stale fence released it".into()
    })?;
    ensure(release(fence)? == Ok(()), || "it was not released".into())?;
    fence_of(bench, &p, "two", 5_000).map(|_| ())
}

/// Incident 4: the lease of a slow turn ran out, and its commit was written beside another's.
fn fence(bench: &Bench<'_>) -> Verdict {
    let p = bench.partition();
    let commit = |fence, value: &[u8]| {
        let writes = vec![write("n", value, Expect::Any)];
        bench.answer(
            bench
                .store
                .commit(scope(), p.clone(), Some(fence), writes, false),
        )
    };
    let stale = fence_of(bench, &p, "one", 5_000)?;
    let fence = fence_of(bench, &p, "one", 200)?;
    let outcome = commit(fence, b"good")?;
    ensure(outcome.is_ok(), || {
        format!("with the fence it came to {outcome:?}")
    })?;
    let outcome = commit(stale, b"stale")?;
    ensure(outcome == Err(Error::Conflict), || {
        format!("with a stale fence it came to {outcome:?}")
    })?;
    bench.sleep(300);
    let outcome = commit(fence, b"late")?;
    ensure(outcome == Err(Error::Conflict), || {
        format!("after the end it came to {outcome:?}")
    })?;
    let value = bench.value(&p, "n")?;
    ensure(value.as_deref() == Some(b"good"), || {
        format!("the value is {value:?}")
    })
}

fn commit_release(bench: &Bench<'_>) -> Verdict {
    let p = bench.partition();
    let fence = fence_of(bench, &p, "one", 5_000)?;
    let commit = |expect| {
        let writes = vec![write("n", b"1", expect)];
        bench.answer(
            bench
                .store
                .commit(scope(), p.clone(), Some(fence), writes, true),
        )
    };
    let outcome = commit(Expect::Revision(999))?;
    ensure(outcome == Err(Error::Conflict), || {
        format!("with a wrong revision it came to {outcome:?}")
    })?;
    ensure(claim(bench, &p, "two", 5_000)?.is_err(), || {
        "a commit that failed ended the lease".into()
    })?;
    ensure(commit(Expect::Absent)?.is_ok(), || {
        "the commit failed".into()
    })?;
    fence_of(bench, &p, "two", 5_000).map(|_| ())
}

/// Incident 10: two turns of one session ran at once, and the last write won.
fn together(bench: &Bench<'_>) -> Verdict {
    for _ in 0..10 {
        let p = bench.partition();
        let works = (0..6).map(|owner| {
            let store = std::sync::Arc::clone(&bench.store);
            let p = p.clone();
            async move {
                store
                    .claim(scope(), p, format!("owner{owner}"), 5_000, Vec::new())
                    .await
            }
        });
        let answers = bench.together(works.collect())?;
        let got = answers
            .iter()
            .filter(|answer| matches!(answer, Ok(Ok(_))))
            .count();
        let held = answers
            .iter()
            .filter(|answer| matches!(answer, Ok(Err(ClaimError::Held(_)))))
            .count();
        ensure((got, held) == (1, 5), || {
            format!("six claims at once came to {answers:?}")
        })?;
    }
    Ok(())
}
