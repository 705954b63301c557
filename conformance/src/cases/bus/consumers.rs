//! Consumers: what they get, and how long they are.

use greentic_interfaces::model::Error;
use greentic_sandbox::scope::CallScope;

use super::{Bench, texts};
use crate::case::{Verdict, ensure};

crate::cases::cases! {
    "bus.consumer.filter", "A consumer gets what its filter covers: `*` is one token, a final `>` one or more.", filter;
    "bus.consumer.group", "Instances that name the same consumer share its messages: each goes to one of them.", group;
    "bus.consumer.independent", "Consumers of different names each get every message.", independent;
    "bus.consumer.durable", "A durable consumer keeps what was published while nobody pulled.", durable;
    "bus.consumer.newest", "A consumer that is not durable starts at the newest message and ends after its time.", newest;
    "bus.consumer.same", "Opening a consumer again with the same settings is done; with others it is `conflict`.", same;
    "bus.consumer.close", "A closed consumer is gone: pulling from it and closing it again are `not-found`.", close;
    "bus.consumer.in-flight", "No more than the consumer's limit is delivered and not settled.", in_flight;
    "bus.consumer.depth", "The depth tells what waits and what is in flight.", depth;
    "bus.pull.most", "A pull gives no more than it was asked for.", most;
}

fn filter(bench: &Bench<'_>) -> Verdict {
    let lane = bench.lane();
    for (name, filter) in [
        ("one", "a.*.c"),
        ("rest", "a.>"),
        ("exact", "a.b.c"),
        ("all", ">"),
    ] {
        lane.open(lane.consumer(name, filter))?;
    }
    let subjects = ["a.b.c", "a.x.c", "a", "a.b", "a.b.c.d", "b.b.c"];
    let messages = subjects.iter().map(|rest| lane.message(rest, rest, rest));
    lane.publish(messages.collect())?;
    for (name, expected) in [
        ("one", &["a.b.c", "a.x.c"][..]),
        ("rest", &["a.b", "a.b.c", "a.b.c.d", "a.x.c"]),
        ("exact", &["a.b.c"]),
        ("all", &["a", "a.b", "a.b.c", "a.b.c.d", "a.x.c", "b.b.c"]),
    ] {
        let deliveries = lane.take(name, expected.len())?;
        let mut got = texts(&deliveries);
        got.sort();
        ensure(got == expected, || {
            format!("`{name}` got {got:?} and not {expected:?}")
        })?;
        lane.ack(name, &deliveries)?;
        lane.silent(name, 30)?;
    }
    Ok(())
}

fn group(bench: &Bench<'_>) -> Verdict {
    let lane = bench.lane();
    lane.open(lane.consumer("c", ">"))?;
    lane.open(lane.consumer("c", ">"))?;
    for key in ["a", "b", "c", "d"] {
        lane.say(key, &[key])?;
    }
    let mut got = texts(&lane.take("c", 2)?);
    got.extend(texts(&lane.take("c", 2)?));
    got.sort();
    ensure(got == ["a", "b", "c", "d"], || {
        format!("two that share a consumer got {got:?}")
    })?;
    lane.silent("c", 50)
}

fn independent(bench: &Bench<'_>) -> Verdict {
    let lane = bench.lane();
    lane.open(lane.consumer("c", ">"))?;
    lane.open(lane.consumer("d", ">"))?;
    lane.say("a", &["1"])?;
    for name in ["c", "d"] {
        let got = lane.take(name, 1)?;
        ensure(texts(&got) == ["1"], || {
            format!("`{name}` got {:?}", texts(&got))
        })?;
        lane.ack(name, &got)?;
    }
    Ok(())
}

fn durable(bench: &Bench<'_>) -> Verdict {
    let lane = bench.lane();
    let mut consumer = lane.consumer("c", ">");
    consumer.inactive_ms = 100;
    lane.open(consumer)?;
    lane.say("a", &["1"])?;
    bench.sleep(400);
    lane.say("a", &["2"])?;
    for expected in ["1", "2"] {
        let got = lane.take("c", 1)?;
        ensure(texts(&got) == [expected], || {
            format!("{expected} was to come, and {:?} came", texts(&got))
        })?;
        lane.ack("c", &got)?;
    }
    Ok(())
}

fn newest(bench: &Bench<'_>) -> Verdict {
    let lane = bench.lane();
    lane.open(lane.consumer("other", ">"))?;
    lane.say("a", &["before"])?;
    let mut consumer = lane.consumer("c", ">");
    consumer.durable = false;
    consumer.inactive_ms = 1_000;
    lane.open(consumer)?;
    lane.say("b", &["after"])?;
    let got = lane.take("c", 1)?;
    ensure(texts(&got) == ["after"], || {
        format!("it got {:?}", texts(&got))
    })?;
    lane.ack("c", &got)?;
    bench.sleep(2_500);
    let call = bench
        .bus
        .pull(CallScope::default(), lane.consumer_name("c"), 1, 0);
    let outcome = bench.answer(call)?;
    ensure(matches!(outcome, Err(Error::NotFound)), || {
        format!("pulling after its time came to {outcome:?}")
    })
}

fn same(bench: &Bench<'_>) -> Verdict {
    let lane = bench.lane();
    lane.open(lane.consumer("c", "a.>"))?;
    lane.open(lane.consumer("c", "a.>"))?;
    let mut other = lane.consumer("c", "b.>");
    let outcome = bench.answer(bench.bus.open_consumer(CallScope::default(), other.clone()))?;
    ensure(outcome == Err(Error::Conflict), || {
        format!("another filter came to {outcome:?}")
    })?;
    other.filter = lane.subject("a.>");
    other.max_in_flight = 7;
    let outcome = bench.answer(bench.bus.open_consumer(CallScope::default(), other))?;
    ensure(outcome == Err(Error::Conflict), || {
        format!("another limit came to {outcome:?}")
    })
}

fn close(bench: &Bench<'_>) -> Verdict {
    let lane = bench.lane();
    let name = || lane.consumer_name("c");
    let close = || bench.answer(bench.bus.close_consumer(CallScope::default(), name()));
    let outcome = close()?;
    ensure(outcome == Err(Error::NotFound), || {
        format!("closing what is not there came to {outcome:?}")
    })?;
    lane.open(lane.consumer("c", ">"))?;
    lane.say("a", &["forgotten"])?;
    ensure(close()? == Ok(()), || "it was not closed".into())?;
    let pull = bench.answer(bench.bus.pull(CallScope::default(), name(), 1, 0))?;
    ensure(matches!(pull, Err(Error::NotFound)), || {
        format!("pulling came to {pull:?}")
    })?;
    let outcome = close()?;
    ensure(outcome == Err(Error::NotFound), || {
        format!("closing again came to {outcome:?}")
    })
}

fn in_flight(bench: &Bench<'_>) -> Verdict {
    let lane = bench.lane();
    let mut consumer = lane.consumer("c", ">");
    consumer.max_in_flight = 3;
    lane.open(consumer)?;
    for key in ["a", "b", "c", "d", "e"] {
        lane.say(key, &[key])?;
    }
    let first = lane.take("c", 3)?;
    lane.silent("c", 150)?;
    lane.ack("c", first.get(..2).unwrap_or_default())?;
    let next = lane.take("c", 2)?;
    lane.silent("c", 50)?;
    let mut got = texts(&first);
    got.extend(texts(&next));
    got.sort();
    ensure(got == ["a", "b", "c", "d", "e"], || {
        format!("delivered was {got:?}")
    })
}

fn depth(bench: &Bench<'_>) -> Verdict {
    let lane = bench.lane();
    lane.open(lane.consumer("c", ">"))?;
    let depth = || -> Result<(u64, u64), crate::case::Stop> {
        let depth = bench.done(
            "depth",
            bench
                .bus
                .depth(CallScope::default(), lane.consumer_name("c")),
        )?;
        Ok((depth.pending, depth.in_flight))
    };
    for key in ["a", "b", "c"] {
        lane.say(key, &[key])?;
    }
    ensure(depth()? == (3, 0), || {
        format!("of three published: {:?}", depth())
    })?;
    let taken = lane.take("c", 2)?;
    ensure(depth()? == (1, 2), || {
        format!("with two taken: {:?}", depth())
    })?;
    lane.ack("c", &taken)?;
    ensure(depth()? == (1, 0), || {
        format!("with two acknowledged: {:?}", depth())
    })
}

fn most(bench: &Bench<'_>) -> Verdict {
    let lane = bench.lane();
    lane.open(lane.consumer("c", ">"))?;
    for n in 0..10 {
        lane.say(&n.to_string(), &["x"])?;
    }
    for max in [1, 3] {
        let got = lane.pull("c", max)?.deliveries.len();
        ensure(u32::try_from(got).is_ok_and(|got| got <= max), || {
            format!("asked for {max}, it gave {got}")
        })?;
    }
    Ok(())
}
