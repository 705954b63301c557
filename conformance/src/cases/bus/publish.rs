//! Publishing.

use greentic_interfaces::model::Error;
use greentic_sandbox::scope::CallScope;

use super::{Bench, texts};
use crate::case::{Verdict, ensure};

crate::cases::cases! {
    "bus.describe.pure", "`describe` says the same on every call, with a largest payload of at least 64 KiB.", describe;
    "bus.publish.whole", "A message is delivered as it was published, for the first time, with the time of its publishing.", whole;
    "bus.publish.duplicate", "A message whose identifier is known is called a duplicate and delivered once.", duplicate;
    "bus.publish.many", "Up to 256 messages of one call are published; more are `invalid` each.", many;
    "bus.publish.largest", "A payload of the declared largest size is taken; a larger one is `invalid`, and the others of its call are published.", largest;
}

fn describe(bench: &Bench<'_>) -> Verdict {
    let describe = || bench.answer(bench.bus.describe(CallScope::default()));
    let (first, second) = (describe()?, describe()?);
    ensure(format!("{first:?}") == format!("{second:?}"), || {
        "a second call says something else".into()
    })?;
    ensure(first.max_payload >= 64 << 10, || {
        format!("the largest payload is {} bytes", first.max_payload)
    })
}

fn whole(bench: &Bench<'_>) -> Verdict {
    let lane = bench.lane();
    lane.open(lane.consumer("c", ">"))?;
    let mut message = lane.message("slack.in", "k", "");
    message.payload = (0..=255).collect();
    message.trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into();
    lane.publish(vec![message.clone()])?;
    let deliveries = lane.take("c", 1)?;
    let [delivery] = deliveries.as_slice() else {
        return Ok(());
    };
    let (sent, got) = (format!("{message:?}"), format!("{:?}", delivery.message));
    ensure(sent == got, || {
        format!("{sent} was published, and {got} delivered")
    })?;
    ensure(delivery.attempt == 1, || {
        format!("the first attempt has the number {}", delivery.attempt)
    })?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    });
    ensure(now.abs_diff(delivery.time_ms) < 60_000, || {
        format!("it was published at {}, and now is {now}", delivery.time_ms)
    })?;
    lane.ack("c", &deliveries)?;
    lane.silent("c", 100)
}

fn duplicate(bench: &Bench<'_>) -> Verdict {
    let lane = bench.lane();
    lane.open(lane.consumer("c", ">"))?;
    let message = lane.message("x", "k", "once");
    let mut acks = lane.publish(vec![message.clone(), message.clone()])?;
    acks.extend(lane.publish(vec![message.clone()])?);
    let deliveries = lane.take("c", 1)?;
    lane.ack("c", &deliveries)?;
    acks.extend(lane.publish(vec![message])?);
    let duplicates: Vec<_> = acks.into_iter().map(|ack| ack.duplicate).collect();
    ensure(duplicates == [false, true, true, true], || {
        format!("duplicates were {duplicates:?}")
    })?;
    lane.silent("c", 200)
}

fn many(bench: &Bench<'_>) -> Verdict {
    let lane = bench.lane();
    lane.open(lane.consumer("c", ">"))?;
    let words: Vec<_> = (0..257).map(|n| n.to_string()).collect();
    // Each with a key of its own, so that they need not wait for each other.
    let all = words.iter().map(|word| lane.message("x", word, word));
    let answers = bench.answer(bench.bus.publish(CallScope::default(), all.collect()))?;
    ensure(
        !answers.is_empty()
            && answers
                .iter()
                .all(|answer| matches!(answer, Err(Error::Invalid(_)))),
        || format!("257 messages came to {:?}", answers.first()),
    )?;
    let most = words
        .iter()
        .take(256)
        .map(|word| lane.message("x", word, word));
    lane.publish(most.collect())?;
    let deliveries = lane.take("c", 256)?;
    // Order is promised within a key, and each has its own.
    let mut got = texts(&deliveries);
    got.sort_unstable();
    let mut sent: Vec<_> = words.iter().take(256).cloned().collect();
    sent.sort_unstable();
    ensure(got == sent, || format!("delivered was {got:?}"))?;
    lane.ack("c", &deliveries)
}

fn largest(bench: &Bench<'_>) -> Verdict {
    let lane = bench.lane();
    lane.open(lane.consumer("c", ">"))?;
    let most = bench
        .answer(bench.bus.describe(CallScope::default()))?
        .max_payload;
    let most = usize::try_from(most).unwrap_or(usize::MAX).min(4 << 20);
    let of = |key: &str, length: usize| {
        let mut message = lane.message("x", key, "");
        message.payload = vec![7; length];
        message
    };
    let declared = bench
        .answer(bench.bus.describe(CallScope::default()))?
        .max_payload;
    let call = bench.bus.publish(CallScope::default(), vec![of("a", most)]);
    let first = bench.answer(call)?;
    ensure(first.iter().all(Result::is_ok), || {
        format!("{most} bytes came to {first:?}")
    })?;
    let deliveries = lane.take("c", 1)?;
    ensure(
        deliveries
            .iter()
            .all(|delivery| delivery.message.payload.len() == most),
        || "it is not whole".into(),
    )?;
    lane.ack("c", &deliveries)?;
    if declared > 4 << 20 {
        return Ok(());
    }
    let call = bench
        .bus
        .publish(CallScope::default(), vec![of("b", most + 1), of("c", 1)]);
    let answers = bench.answer(call)?;
    let right = matches!(answers.as_slice(), [Err(Error::Invalid(_)), Ok(_)]);
    ensure(right, || {
        format!("one too large and one small came to {answers:?}")
    })?;
    let deliveries = lane.take("c", 1)?;
    lane.ack("c", &deliveries)
}
