//! Single values: revisions, expectations, lifetimes, atomic commits.

use greentic_interfaces::model::Error;
use greentic_sandbox::worlds::store_types::{Expect, Write, WriteOp};

use super::{Bench, scope, write};
use crate::case::{Stop, Verdict, ensure};

crate::cases::cases! {
    "store.describe.pure", "`describe` says the same on every call, with a largest value of at least 64 KiB.", describe;
    "store.get.absent", "A name without a value is read as absent, beside names that have one, in the order asked for.", absent;
    "store.put.bytes", "Every byte of a value is read as it was written, also none at all.", bytes;
    "store.put.largest", "A value of the declared largest size is kept; a larger one is `invalid` and changes nothing.", largest;
    "store.put.revisions", "Revisions of a name only grow, also over a delete and a new put.", revisions;
    "store.put.expect", "A put whose expectation does not hold is `conflict` and changes nothing; one whose expectation holds is done.", expectations;
    "store.delete.expect", "A delete needs its expectation to hold, and is `not-found` where there is no value.", delete;
    "store.ttl.expires", "A value is gone after its lifetime, and its name counts as absent then.", expires;
    "store.ttl.touch", "`touch` gives a new lifetime from now, and is `not-found` for what is not there or has expired.", touch;
    "store.ttl.replaced", "A put without a lifetime makes a value that had one stay.", replaced;
    "store.commit.all", "A commit makes all its writes and gives their revisions in order, 0 for a delete.", all;
    "store.commit.none", "A commit of which one expectation does not hold is `conflict` and makes none of its writes.", none;
    "store.commit.bounds", "More than 64 names or writes in one call are `invalid`.", bounds;
}

fn describe(bench: &Bench<'_>) -> Verdict {
    let describe = || {
        bench
            .stage
            .wait(bench.store.describe(scope()))
            .map_err(|fault| Stop::Failed(fault.to_string()))
    };
    let (first, second) = (describe()?, describe()?);
    ensure(format!("{first:?}") == format!("{second:?}"), || {
        "a second call says something else".into()
    })?;
    ensure(first.max_value >= 64 << 10, || {
        format!("the largest value is {} bytes", first.max_value)
    })
}

fn absent(bench: &Bench<'_>) -> Verdict {
    let p = bench.partition();
    bench.put(&p, "b", b"2")?;
    let names = ["a", "b", "c", "b"].map(str::to_owned).to_vec();
    let entries = bench.done("get", bench.store.get(scope(), p, names))?;
    let values: Vec<_> = entries
        .into_iter()
        .map(|entry| entry.map(|entry| entry.value))
        .collect();
    let two = || Some(b"2".to_vec());
    ensure(values == [None, two(), None, two()], || {
        format!("read was {values:?}")
    })
}

fn bytes(bench: &Bench<'_>) -> Verdict {
    let p = bench.partition();
    let all: Vec<u8> = (0..=255).cycle().take(10_000).collect();
    for (name, value) in [
        ("all", all.as_slice()),
        ("none", b""),
        ("crlf", b"a\r\n\0b\r\n"),
    ] {
        bench.put(&p, name, value)?;
        let read = bench.value(&p, name)?;
        ensure(read.as_deref() == Some(value), || {
            format!(
                "{} bytes were written, and read was {:?} bytes",
                value.len(),
                read.map(|value| value.len())
            )
        })?;
    }
    Ok(())
}

fn largest(bench: &Bench<'_>) -> Verdict {
    let p = bench.partition();
    let describe = bench.stage.wait(bench.store.describe(scope()));
    let most = describe
        .map_err(|fault| Stop::Failed(fault.to_string()))?
        .max_value;
    // What a component may hand the host at once is the other limit.
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    if most > 8 << 20 {
        return Err(Stop::absent("values beyond 8 MiB are not tried"));
    }
    bench.put(&p, "v", &vec![7; most])?;
    ensure(
        bench
            .value(&p, "v")?
            .is_some_and(|value| value.len() == most),
        || "it is not read again".into(),
    )?;
    let outcome = bench.answer(bench.try_put(&p, "v", &vec![8; most + 1], Expect::Any, None))?;
    ensure(matches!(outcome, Err(Error::Invalid(_))), || {
        format!("a larger one came to {outcome:?}")
    })?;
    ensure(
        bench
            .value(&p, "v")?
            .is_some_and(|value| value.first() == Some(&7)),
        || "it was changed".into(),
    )
}

fn revisions(bench: &Bench<'_>) -> Verdict {
    let p = bench.partition();
    let first = bench.put(&p, "n", b"1")?;
    let second = bench.put(&p, "n", b"2")?;
    let read = bench.get(&p, "n")?.map(|entry| entry.revision);
    ensure(read == Some(second), || {
        format!("put gave {second}, and read is {read:?}")
    })?;
    bench.done(
        "delete",
        bench
            .store
            .delete(scope(), p.clone(), "n".into(), Expect::Any),
    )?;
    let third = bench.put(&p, "n", b"3")?;
    ensure(0 < first && first < second && second < third, || {
        format!("the revisions were {first}, {second}, and after a delete {third}")
    })
}

fn expectations(bench: &Bench<'_>) -> Verdict {
    let p = bench.partition();
    let put = |value: &[u8], expect| bench.answer(bench.try_put(&p, "n", value, expect, None));
    let conflict = |outcome: Result<u64, Error>, what: &str| {
        ensure(outcome == Err(Error::Conflict), || {
            format!("{what} came to {outcome:?}")
        })
    };
    conflict(
        put(b"0", Expect::Revision(1))?,
        "a revision of what is absent",
    )?;
    let first = put(b"1", Expect::Absent)?
        .map_err(|error| Stop::Failed(format!("`absent` came to {error:?}")))?;
    conflict(put(b"x", Expect::Absent)?, "`absent` of what is there")?;
    conflict(
        put(b"x", Expect::Revision(first + 1))?,
        "a revision to come",
    )?;
    let second = put(b"2", Expect::Revision(first))?;
    ensure(second.is_ok(), || {
        format!("the right revision came to {second:?}")
    })?;
    conflict(put(b"x", Expect::Revision(first))?, "a revision that was")?;
    ensure(bench.value(&p, "n")?.as_deref() == Some(b"2"), || {
        "a conflict changed the value".into()
    })
}

fn delete(bench: &Bench<'_>) -> Verdict {
    let p = bench.partition();
    let delete = |expect| bench.answer(bench.store.delete(scope(), p.clone(), "n".into(), expect));
    let outcome = delete(Expect::Any)?;
    ensure(outcome == Err(Error::NotFound), || {
        format!("of nothing it came to {outcome:?}")
    })?;
    let revision = bench.put(&p, "n", b"1")?;
    let outcome = delete(Expect::Revision(revision + 1))?;
    ensure(outcome == Err(Error::Conflict), || {
        format!("of another revision it came to {outcome:?}")
    })?;
    let outcome = delete(Expect::Revision(revision))?;
    ensure(outcome == Ok(()), || {
        format!("of the right revision it came to {outcome:?}")
    })?;
    ensure(bench.value(&p, "n")?.is_none(), || {
        "the value is still there".into()
    })
}

fn expires(bench: &Bench<'_>) -> Verdict {
    let p = bench.partition();
    bench.done("put", bench.try_put(&p, "n", b"1", Expect::Any, Some(200)))?;
    ensure(bench.value(&p, "n")?.is_some(), || {
        "it is gone at once".into()
    })?;
    bench.sleep(300);
    ensure(bench.value(&p, "n")?.is_none(), || {
        "it is there after its lifetime".into()
    })?;
    let outcome = bench.answer(bench.try_put(&p, "n", b"2", Expect::Absent, None))?;
    ensure(outcome.is_ok(), || {
        format!("`absent` of what expired came to {outcome:?}")
    })
}

fn touch(bench: &Bench<'_>) -> Verdict {
    let p = bench.partition();
    let touch =
        |name: &str, ms| bench.answer(bench.store.touch(scope(), p.clone(), name.into(), ms));
    bench.done("put", bench.try_put(&p, "n", b"1", Expect::Any, Some(250)))?;
    let revision = bench.get(&p, "n")?.map(|entry| entry.revision);
    ensure(touch("n", 5_000)? == Ok(()), || "touch failed".into())?;
    bench.sleep(350);
    let entry = bench.get(&p, "n")?;
    ensure(entry.is_some(), || "the new lifetime did not hold".into())?;
    ensure(entry.map(|entry| entry.revision) == revision, || {
        "touch changed the revision".into()
    })?;
    ensure(touch("n", 50)? == Ok(()), || "touch failed".into())?;
    bench.sleep(150);
    for name in ["n", "never"] {
        let outcome = touch(name, 1_000)?;
        ensure(outcome == Err(Error::NotFound), || {
            format!("of what is not there it came to {outcome:?}")
        })?;
    }
    Ok(())
}

fn replaced(bench: &Bench<'_>) -> Verdict {
    let p = bench.partition();
    bench.done("put", bench.try_put(&p, "n", b"1", Expect::Any, Some(150)))?;
    bench.put(&p, "n", b"2")?;
    bench.sleep(250);
    ensure(bench.value(&p, "n")?.as_deref() == Some(b"2"), || {
        "it is gone".into()
    })
}

fn all(bench: &Bench<'_>) -> Verdict {
    let p = bench.partition();
    bench.put(&p, "gone", b"x")?;
    let gone = Write {
        name: "gone".into(),
        expect: Expect::Any,
        op: WriteOp::Delete,
    };
    let writes = vec![
        write("a", b"1", Expect::Absent),
        gone,
        write("b", b"2", Expect::Any),
    ];
    let revisions = bench.done(
        "commit",
        bench.store.commit(scope(), p.clone(), None, writes, false),
    )?;
    let read = [
        bench.get(&p, "a")?,
        bench.get(&p, "gone")?,
        bench.get(&p, "b")?,
    ]
    .map(|entry| entry.map_or(0, |entry| entry.revision));
    ensure(
        revisions == read && read[1] == 0 && read[0] > 0 && read[2] > 0,
        || format!("commit gave {revisions:?}, and read is {read:?}"),
    )
}

fn none(bench: &Bench<'_>) -> Verdict {
    let p = bench.partition();
    let revision = bench.put(&p, "b", b"1")?;
    let writes = vec![
        write("a", b"x", Expect::Absent),
        write("b", b"x", Expect::Revision(revision + 1)),
        write("c", b"x", Expect::Any),
    ];
    let outcome = bench.answer(bench.store.commit(scope(), p.clone(), None, writes, false))?;
    ensure(outcome == Err(Error::Conflict), || {
        format!("it came to {outcome:?}")
    })?;
    let read = [
        bench.value(&p, "a")?,
        bench.value(&p, "b")?,
        bench.value(&p, "c")?,
    ];
    ensure(read == [None, Some(b"1".to_vec()), None], || {
        format!("read is {read:?}")
    })
}

fn bounds(bench: &Bench<'_>) -> Verdict {
    let p = bench.partition();
    let names = |count: usize| (0..count).map(|n| format!("n{n}")).collect::<Vec<_>>();
    let most = bench.answer(bench.store.get(scope(), p.clone(), names(64)))?;
    ensure(
        most.as_ref().is_ok_and(|entries| entries.len() == 64),
        || format!("64 names came to {most:?}"),
    )?;
    let more = bench.answer(bench.store.get(scope(), p.clone(), names(65)))?;
    ensure(matches!(more, Err(Error::Invalid(_))), || {
        format!("65 names came to {more:?}")
    })?;
    let writes = |count| {
        names(count)
            .iter()
            .map(|name| write(name, b"", Expect::Any))
            .collect()
    };
    let most = bench.answer(
        bench
            .store
            .commit(scope(), p.clone(), None, writes(64), false),
    )?;
    ensure(most.is_ok(), || format!("64 writes came to {most:?}"))?;
    let more = bench.answer(bench.store.commit(scope(), p, None, writes(65), false))?;
    ensure(matches!(more, Err(Error::Invalid(_))), || {
        format!("65 writes came to {more:?}")
    })
}
