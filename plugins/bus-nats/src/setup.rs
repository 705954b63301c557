//! The server's consumers behind one of ours: one for each partition.

use std::rc::Rc;

use greentic_sdk::bus::check as bounds;
use greentic_sdk::bus::subject::filter_fault;
use greentic_sdk::model::Error;
use greentic_sdk_network::bus::Consumer;
use serde_json::{Value, json};

use crate::client::{Client, Request};
use crate::jetstream::{CONSUMER_NOT_FOUND, ask, read, start};
use crate::primer::prime;

/// How long the server waits for an acknowledgement. What is worked on is extended three times in that time, so it is short: after
/// a host ended without a word, its messages are delivered again so much later.
pub const ACK_WAIT_MS: u64 = 5_000;
/// Messages of one partition that are out at most; a host holds fewer.
const MAX_OUT: u64 = 65_536;

/// The bounds of a consumer's settings.
///
/// # Errors
/// `invalid` with what is wrong.
pub fn check(consumer: &Consumer) -> Result<(), Error> {
    let name = &consumer.name;
    bounds::consumer_name(name, 200)?;
    if let Some(fault) = filter_fault(&consumer.filter) {
        return Err(Error::Invalid(format!("consumer `{name}`: {fault}")));
    }
    let inactive = (!consumer.durable).then_some(consumer.inactive_ms);
    bounds::consumer_bounds(name, consumer.max_in_flight, consumer.ack_wait_ms, inactive)
}

/// Our settings, as the server keeps them with its consumer.
#[must_use]
pub fn description(consumer: &Consumer) -> String {
    json!({
        "filter": consumer.filter,
        "durable": consumer.durable,
        "inactive-ms": consumer.inactive_ms,
        "max-in-flight": consumer.max_in_flight,
        "ack-wait-ms": consumer.ack_wait_ms,
    })
    .to_string()
}

/// Creates what is not there, or checks that what is there is the same. The first partition is created last: where it is, all are.
///
/// # Errors
/// `conflict` when there is one with other settings; the server's answer.
pub async fn ensure(
    client: &Rc<Client>,
    prefix: &str,
    consumer: &Consumer,
    partitions: u32,
) -> Result<(), Error> {
    let call = format!("CONSUMER.INFO.{prefix}.{}-0", consumer.name);
    let there = match ask(client, &call, &Value::Null).await {
        Ok(info) => {
            let there = info.pointer("/config/description").and_then(Value::as_str);
            if there == Some(description(consumer).as_str()) {
                Ok(())
            } else {
                Err(Error::Conflict)
            }
        }
        Err(error) if error.code() == Some(CONSUMER_NOT_FOUND) => {
            let others = (1..usize::try_from(partitions).unwrap_or(1))
                .map(|place| begin(client, prefix, consumer, place, partitions))
                .collect::<Result<Vec<_>, _>>()?;
            for request in others {
                created(request).await?;
            }
            created(begin(client, prefix, consumer, 0, partitions)?).await
        }
        Err(error) => Err(error.into_error(false)),
    };
    there?;
    let primed = prime(client, prefix, &consumer.name).await;
    primed.map_err(|error| error.into_error(false))
}

/// Creates the consumer of one partition.
///
/// # Errors
/// The server's answer.
pub async fn create(
    client: &Rc<Client>,
    prefix: &str,
    consumer: &Consumer,
    place: usize,
    partitions: u32,
) -> Result<(), Error> {
    created(begin(client, prefix, consumer, place, partitions)?).await?;
    let primed = prime(client, prefix, &consumer.name).await;
    primed.map_err(|error| error.into_error(false))
}

async fn created(request: Request) -> Result<(), Error> {
    let answer = read(request.wait().await);
    answer.map(drop).map_err(|error| error.into_error(false))
}

/// Begins to create one, so that several are created together.
fn begin(
    client: &Rc<Client>,
    prefix: &str,
    consumer: &Consumer,
    place: usize,
    partitions: u32,
) -> Result<Request, Error> {
    let name = format!("{}-{place}", consumer.name);
    let filter = filter(consumer, prefix, place, partitions);
    let mut config = json!({
        "name": name,
        "description": description(consumer),
        "deliver_policy": if consumer.durable { "all" } else { "new" },
        "ack_policy": "explicit",
        "ack_wait": ACK_WAIT_MS * 1_000_000,
        "max_deliver": -1,
        "max_ack_pending": MAX_OUT,
        "max_waiting": 512,
        "filter_subject": filter,
        "replay_policy": "instant",
    });
    if let Some(config) = config.as_object_mut() {
        if consumer.durable {
            config.insert("durable_name".into(), name.clone().into());
        } else {
            let inactive = consumer.inactive_ms.max(5_000).saturating_mul(1_000_000);
            config.insert("inactive_threshold".into(), inactive.into());
            config.insert("mem_storage".into(), true.into());
        }
    }
    let body = json!({ "stream_name": prefix, "config": config });
    let call = format!("CONSUMER.CREATE.{prefix}.{name}");
    start(client, &call, &body).map_err(|error| error.into_error(false))
}

/// What a partition's consumer gets of the stream. One that is not durable is not spread over hosts, so it needs no partitions of its own.
#[must_use]
pub fn filter(consumer: &Consumer, prefix: &str, place: usize, partitions: u32) -> String {
    if partitions == 1 && !consumer.durable {
        format!("{prefix}.m.*.{}", consumer.filter)
    } else {
        format!("{prefix}.m.{place}.{}", consumer.filter)
    }
}

/// Deletes all of them. Whether there was one.
///
/// # Errors
/// The server's answer.
pub async fn delete(
    client: &Rc<Client>,
    prefix: &str,
    name: &str,
    partitions: u32,
) -> Result<bool, Error> {
    let requests = (0..partitions)
        .map(|place| {
            let call = format!("CONSUMER.DELETE.{prefix}.{name}-{place}");
            start(client, &call, &Value::Null).map_err(|error| error.into_error(true))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let mut there = false;
    for request in requests {
        match read(request.wait().await) {
            Ok(_) => there = true,
            Err(error) if error.code() == Some(CONSUMER_NOT_FOUND) => {}
            Err(error) => return Err(error.into_error(true)),
        }
    }
    Ok(there)
}
