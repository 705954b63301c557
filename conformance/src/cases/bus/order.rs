//! Order by key.

use greentic_sandbox::worlds::bus_types::Outcome;

use super::{Bench, texts};
use crate::case::{Verdict, ensure};

crate::cases::cases! {
    "bus.order.key", "Messages of one key are delivered in the order of their publishing.", key;
    "bus.order.held", "The next message of a key is delivered when the one before is settled, and not earlier; other keys go on.", held;
    "bus.order.retry", "While a message waits for its retry the later ones of its key wait behind it.", retry;
    "bus.order.subjects", "The order of a key holds over its subjects.", subjects;
}

fn key(bench: &Bench<'_>) -> Verdict {
    let lane = bench.lane();
    lane.open(lane.consumer("c", ">"))?;
    for n in 0..15 {
        for key in ["a", "b", "c"] {
            lane.say(key, &[&format!("{key}{n:02}")])?;
        }
    }
    let mut all = Vec::new();
    while all.len() < 45 {
        let deliveries = lane.take("c", 1)?;
        lane.ack("c", &deliveries)?;
        all.extend(texts(&deliveries));
    }
    for key in ["a", "b", "c"] {
        let own: Vec<_> = all.iter().filter(|text| text.starts_with(key)).collect();
        ensure(own.is_sorted() && own.len() == 15, || {
            format!("of the key {key} came {own:?}")
        })?;
    }
    lane.silent("c", 50)
}

/// Incident 10: two turns of one session ran at once, and the last write won.
fn held(bench: &Bench<'_>) -> Verdict {
    let lane = bench.lane();
    lane.open(lane.consumer("c", ">"))?;
    lane.say("a", &["a1", "a2", "a3"])?;
    lane.say("b", &["b1", "b2"])?;
    let first = lane.take("c", 2)?;
    let mut got = texts(&first);
    got.sort();
    ensure(got == ["a1", "b1"], || format!("first came {got:?}"))?;
    lane.silent("c", 150)?;
    let (of_a, of_b): (Vec<_>, Vec<_>) = first
        .into_iter()
        .partition(|delivery| delivery.message.payload.starts_with(b"a"));
    lane.ack("c", &of_b)?;
    let next = lane.take("c", 1)?;
    ensure(texts(&next) == ["b2"], || {
        format!("after b1 came {:?}", texts(&next))
    })?;
    lane.ack("c", &of_a)?;
    let last = lane.take("c", 1)?;
    ensure(texts(&last) == ["a2"], || {
        format!("after a1 came {:?}", texts(&last))
    })
}

fn retry(bench: &Bench<'_>) -> Verdict {
    let lane = bench.lane();
    lane.open(lane.consumer("c", ">"))?;
    lane.say("a", &["a1", "a2"])?;
    lane.say("b", &["b1"])?;
    let mut first = lane.take("c", 2)?;
    first.retain(|delivery| delivery.message.payload.starts_with(b"a"));
    lane.settle("c", &first, &Outcome::Retry(400))?;
    lane.silent("c", 250)?;
    for expected in ["a1", "a2"] {
        let next = lane.take("c", 1)?;
        ensure(texts(&next) == [expected], || {
            format!("{expected} was to come, and {:?} came", texts(&next))
        })?;
        lane.ack("c", &next)?;
    }
    Ok(())
}

fn subjects(bench: &Bench<'_>) -> Verdict {
    let lane = bench.lane();
    lane.open(lane.consumer("c", ">"))?;
    let messages = ["p.q", "r", "p.s", "r"].iter().enumerate();
    let messages = messages.map(|(n, rest)| lane.message(rest, "k", &n.to_string()));
    lane.publish(messages.collect())?;
    for n in 0..4 {
        let next = lane.take("c", 1)?;
        ensure(texts(&next) == [n.to_string()], || {
            format!("{n} was to come, and {:?} came", texts(&next))
        })?;
        lane.ack("c", &next)?;
    }
    Ok(())
}
