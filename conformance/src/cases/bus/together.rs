//! Several publishers and several consumers at once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use greentic_sandbox::client::Client;
use greentic_sandbox::scope::CallScope;
use greentic_sandbox::worlds::BusWorld;
use greentic_sandbox::worlds::bus_types::{Outcome, Settlement};

use super::{Bench, Lane};
use crate::case::{Stop, Verdict, ensure};

crate::cases::cases! {
    "bus.together.once", "With several publishers and several that share a consumer, every message is delivered once, and each key in order.", once;
}

const KEYS: usize = 8;
const EACH: usize = 25;

fn once(bench: &Bench<'_>) -> Verdict {
    let lane = bench.lane();
    lane.open(lane.consumer("c", ">"))?;
    let publishers = (0..KEYS).map(|key| {
        let messages: Vec<_> = (0..EACH)
            .map(|n| lane.message("x", &key.to_string(), &format!("{key}/{n}")))
            .collect();
        let bus = Arc::clone(&bench.bus);
        async move {
            for message in messages {
                for answer in bus
                    .publish(CallScope::default(), vec![message])
                    .await
                    .map_err(|fault| fault.to_string())?
                {
                    answer.map_err(|error| format!("publish: {error:?}"))?;
                }
            }
            Ok::<Vec<String>, String>(Vec::new())
        }
    });
    let mut works: Vec<std::pin::Pin<Box<dyn Future<Output = _> + Send>>> = Vec::new();
    works.extend(publishers.map(|work| Box::pin(work) as _));
    let got = Arc::new(std::sync::Mutex::new(Vec::new()));
    for _ in 0..3 {
        works.push(Box::pin(puller(
            Arc::clone(&bench.bus),
            lane.consumer_name("c"),
            Arc::clone(&got),
        )));
    }
    for answer in crate::cases::together(bench.stage, works)? {
        answer.map_err(Stop::Failed)?;
    }
    let got = got
        .lock()
        .map_err(|_| Stop::failed("a puller ended early"))?
        .clone();
    judge(&got)?;
    still(&lane)
}

fn still(lane: &Lane<'_>) -> Verdict {
    lane.silent("c", 100)
}

/// Pulls and acknowledges until everything came or nothing comes any more.
async fn puller(
    bus: Arc<Client<BusWorld>>,
    name: String,
    got: Arc<std::sync::Mutex<Vec<String>>>,
) -> Result<Vec<String>, String> {
    let mut last = Instant::now();
    while last.elapsed() < Duration::from_secs(3) {
        let all = got.lock().map_err(|error| error.to_string())?.len();
        if all >= KEYS * EACH {
            break;
        }
        let call = bus.pull(CallScope::default(), name.clone(), 5, 50);
        let batch = call
            .await
            .map_err(|fault| fault.to_string())?
            .map_err(|error| format!("pull: {error:?}"))?;
        if batch.deliveries.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        }
        last = Instant::now();
        let mut settlements = Vec::new();
        for delivery in batch.deliveries {
            let text = String::from_utf8_lossy(&delivery.message.payload).into_owned();
            got.lock().map_err(|error| error.to_string())?.push(text);
            settlements.push(Settlement {
                tag: delivery.tag,
                outcome: Outcome::Ack,
            });
        }
        let call = bus.settle(CallScope::default(), name.clone(), settlements);
        call.await
            .map_err(|fault| fault.to_string())?
            .map_err(|error| format!("settle: {error:?}"))?;
    }
    Ok(Vec::new())
}

fn judge(got: &[String]) -> Verdict {
    ensure(got.len() == KEYS * EACH, || {
        format!(
            "{} messages were published, and {} deliveries came",
            KEYS * EACH,
            got.len()
        )
    })?;
    let mut next: HashMap<&str, usize> = HashMap::new();
    for text in got {
        let (key, number) = text.split_once('/').unwrap_or_default();
        let expected = next.entry(key).or_default();
        ensure(number == expected.to_string(), || {
            format!("of the key {key} number {expected} was to come, and {number} came")
        })?;
        *expected += 1;
    }
    Ok(())
}
