//! Telling the server that the host is done with messages.
//!
//! The server knows a message by its number alone. One that was killed may have forgotten the number and given it to another message;
//! acknowledging that one would remove what nobody has seen yet. So what was delivered by a server that was started again since is
//! looked up first, and acknowledged only if it is still the message under its number.

use std::rc::Rc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use greentic_sdk::bus::Outcome;
use greentic_sdk_network::asked::Lost;
use greentic_sdk_network::tcp::Fault;
use serde_json::{Value, json};

use crate::carried::ID;
use crate::client::{Client, Request};
use crate::consumer::Consumer;
use crate::headers::{status, value};
use crate::jetstream::{ApiError, NO_MESSAGE, read, start};

/// What came of it.
#[derive(Debug, Default)]
pub struct Told {
    /// Deliveries that are not ours any more.
    pub unknown: u32,
    /// Why some could not be told; they are told on the next connection.
    pub lost: Option<ApiError>,
}

/// Acknowledges deliveries. What cannot be told to the server now stays doubtful: the host is done with it.
pub async fn acknowledge(
    consumer: &Consumer,
    client: Option<&Rc<Client>>,
    prefix: &str,
    tags: Vec<u64>,
) -> Told {
    let mut told = Told::default();
    let Some(client) = client else {
        told.lost = tags.first().map(|_| {
            ApiError::Lost(Lost::NotSent(Fault::Failed(
                "there is no connection".into(),
            )))
        });
        tags.into_iter().for_each(|tag| consumer.doubt(tag));
        return told;
    };
    let mut requests: Vec<(u64, Request)> = Vec::with_capacity(tags.len());
    for tag in still_there(consumer, client, prefix, tags, &mut told).await {
        let Some(reply) = consumer.reply(tag) else {
            told.unknown += 1;
            continue;
        };
        match client.request(&reply.subject, b"", b"+ACK") {
            Ok(request) => requests.push((tag, request)),
            Err(error) => {
                consumer.doubt(tag);
                told.lost = Some(ApiError::Lost(error));
            }
        }
    }
    for (tag, request) in requests {
        match request.wait().await {
            // Nobody took it: the server is starting, or the consumer is gone.
            Ok(answer) if status(&answer.headers).is_some() => {
                consumer.doubt(tag);
                told.lost = Some(ApiError::Nobody);
            }
            // The next of its key goes out only when the server has taken it.
            Ok(_) => told.unknown += u32::from(!consumer.settle(tag, Outcome::Ack)),
            Err(error) => {
                consumer.doubt(tag);
                told.lost = Some(ApiError::Lost(error));
            }
        }
    }
    told
}

/// Those of the deliveries that can be acknowledged: of what another start of the server delivered, what is still there. The rest of
/// that needs no acknowledgement, and is settled.
async fn still_there(
    consumer: &Consumer,
    client: &Rc<Client>,
    prefix: &str,
    tags: Vec<u64>,
    told: &mut Told,
) -> Vec<u64> {
    let mut there = Vec::with_capacity(tags.len());
    let mut requests = Vec::new();
    for tag in tags {
        match consumer.reply(tag) {
            Some(reply) if reply.server != *client.server() => {
                let call = format!("STREAM.MSG.GET.{prefix}");
                match start(client, &call, &json!({ "seq": reply.number })) {
                    Ok(request) => requests.push((tag, reply.id, request)),
                    Err(error) => {
                        consumer.doubt(tag);
                        told.lost = Some(error);
                    }
                }
            }
            _ => there.push(tag),
        }
    }
    for (tag, id, request) in requests {
        match read(request.wait().await) {
            Ok(answer) if id_of(&answer).as_ref() == Some(&id) => {
                consumer.trust(tag, client);
                there.push(tag);
            }
            Err(error) if error.code() != Some(NO_MESSAGE) => {
                consumer.doubt(tag);
                told.lost = Some(error);
            }
            _ => told.unknown += u32::from(!consumer.settle(tag, Outcome::Ack)),
        }
    }
    there
}

/// The id of a message of the stream, as the API answers with one.
fn id_of(answer: &Value) -> Option<String> {
    let headers = answer.pointer("/message/hdrs")?.as_str()?;
    value(&STANDARD.decode(headers).ok()?, ID)
}
