//! The same pipeline as the host's in native code: the plugins' own code, compiled for the machine and called directly.
//!
//! The steps are the host's, in its order and with its encodings: channel, publish, pull, claim, turn, commit with outbox,
//! publish, pull, deliver, settle, all in batches of 64. Left out is what makes a host of it: sandbox, limits, telemetry,
//! validation, leases that are renewed, tries again. Each thread has its own bus and store, as the plugins keep them in
//! thread-locals; so this side pays for no lock, and the ratio is the harder one.

use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use bus_memory::BusMemory;
use bytes::Bytes;
use echo_channel::Echo as Platform;
use flow_echo::Echo as Chat;
use greentic_sdk::bus::{Bus, Consumer, Delivery, Message, Outcome, Settlement};
use greentic_sdk::channel::{Channel, Delivery as ToDeliver, IngressError, Request, Surface};
use greentic_sdk::flow::{Flow, TurnInput};
use greentic_sdk::model::{Event, Header, Outbound, TenantCtx};
use greentic_sdk::native::{Table, install};
use greentic_sdk::session::{Expect, PutOp, Store, Write, WriteOp};
use greentic_types::{ChannelRef, Id, MessageId};
use hyper::StatusCode;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use store_memory::StoreMemory;
use tokio::sync::Notify;

use crate::events::{KEY, SECRET};
use crate::server::Answer;

/// Messages pulled in one call; the host's default.
const BATCH: u32 = 64;
/// The host's default lease.
const LEASE_MS: u64 = 15_000;
/// The host's default time that a session lives.
const SESSION_MS: u64 = 24 * 60 * 60 * 1000;
/// Handled events remembered in a record; the host's default.
const REMEMBERED: usize = 128;
/// The name of the record in a session's partition.
const RECORD: &str = "record";
/// Stands where the host writes the trace of a message.
const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

const INGRESS: &str = "bench.ingress.t0.default.web";
const EGRESS: &str = "bench.egress.t0.default.web";

/// Replies delivered on all threads.
static DELIVERED: AtomicU64 = AtomicU64::new(0);

/// An event on its way to the flow, as the host's runner has it.
#[derive(Serialize, Deserialize)]
struct Inbound {
    id: MessageId,
    event: Event,
}

/// A message on its way to the platform, as the host's runner has it.
#[derive(Serialize, Deserialize)]
struct Outgoing {
    id: MessageId,
    message: Outbound,
    since_ms: u64,
}

/// A message in a session's outbox.
#[derive(Serialize, Deserialize)]
struct Kept {
    id: MessageId,
    payload: Vec<u8>,
}

/// A session's record, as the host keeps it.
#[derive(Default, Serialize, Deserialize)]
struct Record {
    flow: String,
    snapshot: Option<Vec<u8>>,
    failures: u32,
    seen: Vec<(MessageId, u64)>,
    outbox: Vec<Kept>,
}

/// The pipeline of one thread.
pub struct Native {
    channel: ChannelRef,
    wake: Rc<Wake>,
}

/// Wakes the two consumers of a thread.
#[derive(Default)]
struct Wake {
    ingress: Notify,
    egress: Notify,
}

impl Native {
    /// For the calling thread, whose runtime must be running: starts its two consumers.
    ///
    /// # Errors
    /// When the bus opens no consumer.
    pub fn new() -> anyhow::Result<Self> {
        install(Table::new().secret(SECRET, KEY.as_bytes()));
        let native = Self {
            channel: channel()?,
            wake: Rc::default(),
        };
        for (name, filter) in [("runner", "bench.ingress.>"), ("egress", "bench.egress.>")] {
            let opened = BusMemory::open(Consumer {
                name: name.into(),
                filter: filter.into(),
                durable: true,
                inactive_ms: 0,
                max_in_flight: 1024,
                ack_wait_ms: 30_000,
            });
            opened.map_err(|error| anyhow::anyhow!("the consumer `{name}`: {error:?}"))?;
        }
        let wake = Rc::clone(&native.wake);
        tokio::task::spawn_local(async move {
            loop {
                if consume("runner", |delivery| turn(delivery, &wake)) == 0 {
                    wake.ingress.notified().await;
                }
                tokio::task::yield_now().await;
            }
        });
        let wake = Rc::clone(&native.wake);
        tokio::task::spawn_local(async move {
            loop {
                if consume("egress", deliver) == 0 {
                    wake.egress.notified().await;
                }
                tokio::task::yield_now().await;
            }
        });
        Ok(native)
    }
}

impl Answer for Native {
    fn webhook(&self, signature: &str, body: Bytes) -> StatusCode {
        let outcome = Platform::ingress(Request {
            surface: Surface::Webhook,
            method: "POST".into(),
            origin: "http://127.0.0.1".into(),
            base: "/v1/messaging/ingress/echo/t0/default/web".into(),
            path: String::new(),
            query: None,
            headers: vec![Header::new("x-signature", signature)],
            body: body.into(),
        });
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(IngressError::Unverified(_)) => return StatusCode::UNAUTHORIZED,
            Err(_) => return StatusCode::INTERNAL_SERVER_ERROR,
        };
        let messages = outcome.events.into_iter().filter_map(|event| {
            let id = MessageId::of_event(&self.channel, &event.dedupe_key);
            Some(Message {
                subject: INGRESS.into(),
                id: id.to_string(),
                key: partition(&event),
                trace: TRACE.into(),
                payload: encode(&Inbound { id, event })?,
            })
        });
        let messages: Vec<_> = messages.collect();
        if !messages.is_empty() {
            if BusMemory::publish(messages).iter().any(Result::is_err) {
                return StatusCode::SERVICE_UNAVAILABLE;
            }
            self.wake.ingress.notify_one();
        }
        StatusCode::from_u16(outcome.response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn delivered(&self) -> u64 {
        DELIVERED.load(Ordering::Relaxed)
    }
}

/// Works off one batch; gives how many there were.
fn consume(name: &str, work: impl Fn(Delivery) -> Option<()>) -> usize {
    let Ok(batch) = BusMemory::pull(name.into(), BATCH, 0) else {
        return 0;
    };
    let count = batch.deliveries.len();
    let settlements = batch.deliveries.into_iter().map(|delivery| {
        let tag = delivery.tag;
        // What fails is not counted as delivered, and then the measurement says that replies are missing.
        let outcome = work(delivery).map_or(Outcome::Drop, |()| Outcome::Ack);
        Settlement { tag, outcome }
    });
    let settlements: Vec<_> = settlements.collect();
    if !settlements.is_empty() && BusMemory::settle(name.into(), settlements).is_err() {
        eprintln!("a batch of `{name}` could not be settled");
    }
    count
}

/// One event: claim, flow, commit, publish.
fn turn(delivery: Delivery, wake: &Wake) -> Option<()> {
    let inbound: Inbound = decode(&delivery.message.payload)?;
    let partition = partition(&inbound.event);
    let lease = StoreMemory::claim(
        partition.clone(),
        format!("bench-{}#0", std::process::id()),
        LEASE_MS,
        vec![RECORD.into()],
    )
    .ok()?;
    let (mut record, expect) = match lease.entries.into_iter().next().flatten() {
        Some(entry) => (decode(&entry.value)?, Expect::Revision(entry.revision)),
        None => (Record::default(), Expect::Absent),
    };
    if record.seen.iter().rev().any(|(id, _)| *id == inbound.id) {
        return StoreMemory::release(partition, lease.fence).ok();
    }
    let since_ms = inbound.event.time_ms;
    let output = Chat::turn(TurnInput {
        tenant: TenantCtx {
            tenant_id: "t0".into(),
            env_id: "bench".into(),
            team_id: Some("default".into()),
        },
        definition: "flow".into(),
        flow: "echo".into(),
        event: inbound.event,
        snapshot: record.snapshot.take(),
        parameters: "{}".into(),
        now_ms: now_ms(),
        locale: "en".into(),
        seed: inbound.id.seed(),
    })
    .ok()?;
    record.flow = "flow".into();
    record.snapshot = output.snapshot;
    let outbox = (0_u32..)
        .zip(output.outbound)
        .filter_map(|(index, message)| {
            let id = inbound.id.derive(index);
            let payload = encode(&Outgoing {
                id,
                message,
                since_ms,
            })?;
            Some(Kept { id, payload })
        });
    record.outbox = outbox.collect();
    record.seen.push((inbound.id, now_ms() / 1000));
    let surplus = record.seen.len().saturating_sub(REMEMBERED);
    record.seen.drain(..surplus);
    let value = encode(&record)?;
    let write = Write {
        name: RECORD.into(),
        expect,
        op: WriteOp::Put(PutOp {
            value,
            ttl_ms: Some(SESSION_MS),
        }),
    };
    StoreMemory::commit(partition.clone(), Some(lease.fence), vec![write], true).ok()?;
    let messages = record.outbox.into_iter().map(|kept| Message {
        subject: EGRESS.into(),
        id: kept.id.to_string(),
        key: partition.clone(),
        trace: delivery.message.trace.clone(),
        payload: kept.payload,
    });
    let published = BusMemory::publish(messages.collect());
    wake.egress.notify_one();
    published.iter().all(Result::is_ok).then_some(())
}

/// One reply: to the platform.
fn deliver(delivery: Delivery) -> Option<()> {
    let outgoing: Outgoing = decode(&delivery.message.payload)?;
    let receipt = Platform::deliver(ToDeliver {
        id: outgoing.id.to_string(),
        attempt: delivery.attempt,
        message: outgoing.message,
    });
    receipt.ok()?;
    DELIVERED.fetch_add(1, Ordering::Relaxed);
    Some(())
}

fn channel() -> anyhow::Result<ChannelRef> {
    Ok(ChannelRef {
        env: Id::new("bench")?,
        tenant: Id::new("t0")?,
        team: Id::new("default")?,
        channel: Id::new("web")?,
    })
}

fn partition(event: &Event) -> String {
    format!("bench/t0/default/web/session/{}//", event.conversation.id)
}

fn encode<T: Serialize>(value: &T) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(256);
    bytes.push(1);
    postcard::to_extend(value, bytes).ok()
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let (_version, rest) = bytes.split_first()?;
    postcard::from_bytes(rest).ok()
}

fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
}
