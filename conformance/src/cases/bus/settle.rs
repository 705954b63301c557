//! Settling: acknowledged, to be tried again, dropped, or not settled at all.

use std::time::Instant;

use greentic_sandbox::scope::CallScope;
use greentic_sandbox::worlds::bus_types::Outcome;

use super::{Bench, texts};
use crate::case::{Verdict, ensure};

crate::cases::cases! {
    "bus.settle.ack", "What is acknowledged is not delivered again.", ack;
    "bus.settle.retry", "What is to be tried again comes after its delay and not earlier, with the next attempt's number.", retry;
    "bus.settle.drop", "What is dropped is not delivered again.", drop_it;
    "bus.settle.unknown", "Tags that are settled already are ignored and counted.", unknown;
    "bus.ack-wait.again", "What is neither settled nor extended within the ack wait is delivered again, with the next attempt's number.", again;
    "bus.ack-wait.late", "Settling a delivery that was given again meanwhile is ignored and counted.", late;
    "bus.ack-wait.extend", "Extending starts the ack wait again.", extend;
}

fn ack(bench: &Bench<'_>) -> Verdict {
    let lane = bench.lane();
    let mut consumer = lane.consumer("c", ">");
    consumer.ack_wait_ms = 1_000;
    lane.open(consumer)?;
    lane.say("a", &["1"])?;
    lane.ack("c", &lane.take("c", 1)?)?;
    lane.silent("c", 1_300)
}

fn retry(bench: &Bench<'_>) -> Verdict {
    let lane = bench.lane();
    lane.open(lane.consumer("c", ">"))?;
    lane.say("a", &["1"])?;
    let first = lane.take("c", 1)?;
    let settled = Instant::now();
    lane.settle("c", &first, &Outcome::Retry(300))?;
    lane.silent("c", 200)?;
    let second = lane.take("c", 1)?;
    let waited = settled.elapsed().as_millis();
    ensure((290..2_000).contains(&waited), || {
        format!("a retry after 300 ms came after {waited} ms")
    })?;
    lane.settle("c", &second, &Outcome::Retry(0))?;
    let third = lane.take("c", 1)?;
    let attempts: Vec<_> = [first, second, third.clone()]
        .iter()
        .flatten()
        .map(|delivery| delivery.attempt)
        .collect();
    ensure(attempts == [1, 2, 3], || {
        format!("the attempts have the numbers {attempts:?}")
    })?;
    lane.ack("c", &third)
}

fn drop_it(bench: &Bench<'_>) -> Verdict {
    let lane = bench.lane();
    lane.open(lane.consumer("c", ">"))?;
    lane.say("a", &["1", "2"])?;
    lane.settle("c", &lane.take("c", 1)?, &Outcome::Drop)?;
    let next = lane.take("c", 1)?;
    ensure(texts(&next) == ["2"], || {
        format!("after the dropped one came {:?}", texts(&next))
    })?;
    lane.ack("c", &next)?;
    lane.silent("c", 100)
}

fn unknown(bench: &Bench<'_>) -> Verdict {
    let lane = bench.lane();
    lane.open(lane.consumer("c", ">"))?;
    lane.say("a", &["1"])?;
    let delivery = lane.take("c", 1)?;
    lane.ack("c", &delivery)?;
    let unknown = lane.settle("c", &delivery, &Outcome::Retry(0))?;
    ensure(unknown == 1, || {
        format!("of one settled tag {unknown} were unknown")
    })?;
    lane.silent("c", 100)
}

fn again(bench: &Bench<'_>) -> Verdict {
    let lane = bench.lane();
    let mut consumer = lane.consumer("c", ">");
    consumer.ack_wait_ms = 1_000;
    lane.open(consumer)?;
    lane.say("a", &["1", "2"])?;
    let taken = Instant::now();
    lane.take("c", 1)?;
    lane.silent("c", 600)?;
    let second = lane.take("c", 1)?;
    let waited = taken.elapsed().as_millis();
    ensure((900..4_000).contains(&waited), || {
        format!("with an ack wait of 1 s it came after {waited} ms")
    })?;
    let attempt = second.first().map(|delivery| delivery.attempt);
    ensure(texts(&second) == ["1"] && attempt == Some(2), || {
        format!("{:?} came, attempt {attempt:?}", texts(&second))
    })?;
    lane.ack("c", &second)?;
    let next = lane.take("c", 1)?;
    ensure(texts(&next) == ["2"], || {
        format!("then came {:?}", texts(&next))
    })?;
    lane.ack("c", &next)
}

fn late(bench: &Bench<'_>) -> Verdict {
    let lane = bench.lane();
    let mut consumer = lane.consumer("c", ">");
    consumer.ack_wait_ms = 1_000;
    lane.open(consumer)?;
    lane.say("a", &["1"])?;
    let first = lane.take("c", 1)?;
    bench.sleep(1_100);
    let second = lane.take("c", 1)?;
    let unknown = lane.settle("c", &first, &Outcome::Ack)?;
    ensure(unknown == 1, || {
        format!("of one tag that was given again {unknown} were unknown")
    })?;
    lane.ack("c", &second)?;
    lane.silent("c", 50)
}

fn extend(bench: &Bench<'_>) -> Verdict {
    let lane = bench.lane();
    let mut consumer = lane.consumer("c", ">");
    consumer.ack_wait_ms = 1_000;
    lane.open(consumer)?;
    lane.say("a", &["1"])?;
    let delivery = lane.take("c", 1)?;
    let tags: Vec<_> = delivery.iter().map(|delivery| delivery.tag).collect();
    for _ in 0..3 {
        lane.silent("c", 600)?;
        let call = bench
            .bus
            .extend(CallScope::default(), lane.consumer_name("c"), tags.clone());
        bench.done("extend", call)?;
    }
    lane.ack("c", &delivery)?;
    lane.silent("c", 50)
}
