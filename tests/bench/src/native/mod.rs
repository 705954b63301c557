//! The same pipeline as the host's in native code: the plugins' own code, compiled for the machine and called directly.
//!
//! The steps are the host's, in its order and with its encodings: channel, publish, pull, claim, turn, commit with outbox,
//! publish, pull, deliver, settle, all in batches of 64. Left out is what makes a host of it: sandbox, limits, telemetry,
//! validation, leases that are renewed, tries again. In memory and in files each thread has its own bus and store, as the plugins
//! keep them in thread-locals; so this side pays for no lock, and the ratio is the harder one. On servers it uses the clients that
//! native programs use.

mod files;
mod memory;
mod servers;

pub use files::Files;
pub use memory::Memory;
pub use servers::Servers;

use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use echo_channel::Echo as Platform;
use flow_echo::Echo as Chat;
use futures_util::future::join_all;
use greentic_sdk::bus::{Consumer, Delivery, Message, Outcome, Settlement};
use greentic_sdk::channel::{Channel, Delivery as ToDeliver, IngressError, Request, Surface};
use greentic_sdk::flow::{Flow, TurnInput};
use greentic_sdk::model::{Event, Header, Outbound, TenantCtx};
use greentic_sdk::native::{Table, install};
use greentic_sdk::session::{Expect, Lease, PutOp, Write, WriteOp};
use greentic_types::{ChannelRef, Id, MessageId};
use hyper::StatusCode;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
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

/// Replies delivered on all threads.
static DELIVERED: AtomicU64 = AtomicU64::new(0);

/// The two ways of a message over the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// From the channel to the flow.
    Ingress,
    /// From the flow to the channel.
    Egress,
}

impl Side {
    const BOTH: [Self; 2] = [Self::Ingress, Self::Egress];

    fn subject(self) -> &'static str {
        match self {
            Self::Ingress => "bench.ingress.t0.default.web",
            Self::Egress => "bench.egress.t0.default.web",
        }
    }

    /// The name of the consumer.
    fn consumer(self) -> &'static str {
        match self {
            Self::Ingress => "runner",
            Self::Egress => "egress",
        }
    }

    /// The consumer as the host opens it.
    fn to_open(self) -> Consumer {
        Consumer {
            name: self.consumer().into(),
            filter: self.subject().into(),
            durable: true,
            inactive_ms: 0,
            max_in_flight: 1024,
            ack_wait_ms: 30_000,
        }
    }
}

/// The store and the bus of one thread. What fails is not counted as delivered, and then the measurement says that replies are
/// missing.
trait Backing: 'static {
    /// Whether all were accepted.
    async fn publish(&self, side: Side, messages: Vec<Message>) -> bool;

    /// Waits for messages. Each list is worked off in its order, the lists beside each other.
    async fn pull(&self, side: Side) -> Option<Vec<Vec<Delivery>>>;

    /// Whether the deliveries were settled.
    async fn settle(&self, side: Side, settlements: Vec<Settlement>) -> bool;

    /// Leases a partition and reads its record.
    async fn claim(&self, partition: &str) -> Option<Lease>;

    /// Writes, and ends the lease.
    async fn commit(&self, partition: &str, fence: u64, writes: Vec<Write>) -> Option<()>;
}

/// Wakes the consumers of a thread.
#[derive(Default)]
struct Wake {
    ingress: Notify,
    egress: Notify,
}

impl Wake {
    fn of(&self, side: Side) -> &Notify {
        match side {
            Side::Ingress => &self.ingress,
            Side::Egress => &self.egress,
        }
    }
}

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
pub struct Native<B> {
    channel: ChannelRef,
    backing: Rc<B>,
}

#[allow(private_bounds)] // What a backing does is this module's own affair.
impl<B: Backing> Native<B> {
    /// For the calling thread, whose runtime must be running: starts its two consumers.
    ///
    /// # Errors
    /// Never in practice: the channel's name is a name.
    pub fn on(backing: B) -> anyhow::Result<Self> {
        install(Table::new().secret(SECRET, KEY.as_bytes()));
        let backing = Rc::new(backing);
        for side in Side::BOTH {
            tokio::task::spawn_local(consume(side, Rc::clone(&backing)));
        }
        let channel = channel()?;
        Ok(Self { channel, backing })
    }
}

impl<B: Backing> Answer for Native<B> {
    async fn webhook(&self, signature: &str, body: Bytes) -> StatusCode {
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
                subject: Side::Ingress.subject().into(),
                id: id.to_string(),
                key: partition(&event),
                trace: TRACE.into(),
                payload: encode(&Inbound { id, event })?,
            })
        });
        let messages: Vec<_> = messages.collect();
        if !messages.is_empty() && !self.backing.publish(Side::Ingress, messages).await {
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        StatusCode::from_u16(outcome.response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn delivered(&self) -> u64 {
        DELIVERED.load(Ordering::Relaxed)
    }
}

/// Works off batch after batch.
async fn consume<B: Backing>(side: Side, backing: Rc<B>) {
    while let Some(lists) = backing.pull(side).await {
        let lists = lists.into_iter().map(|list| work(side, &*backing, list));
        let settlements = join_all(lists).await.concat();
        if !backing.settle(side, settlements).await {
            eprintln!("a batch of `{}` could not be settled", side.consumer());
        }
        tokio::task::yield_now().await;
    }
    eprintln!("`{}` gets no more messages", side.consumer());
}

/// Works off messages in their order.
async fn work<B: Backing>(side: Side, backing: &B, list: Vec<Delivery>) -> Vec<Settlement> {
    let mut settlements = Vec::with_capacity(list.len());
    for delivery in list {
        let tag = delivery.tag;
        let done = match side {
            Side::Ingress => turn(delivery, backing).await,
            Side::Egress => deliver(delivery),
        };
        let outcome = done.map_or(Outcome::Drop, |()| Outcome::Ack);
        settlements.push(Settlement { tag, outcome });
    }
    settlements
}

/// One event: claim, flow, commit, publish.
async fn turn<B: Backing>(delivery: Delivery, backing: &B) -> Option<()> {
    let inbound: Inbound = decode(&delivery.message.payload)?;
    let partition = partition(&inbound.event);
    let lease = backing.claim(&partition).await?;
    let (mut record, expect) = match lease.entries.into_iter().next().flatten() {
        Some(entry) => (decode(&entry.value)?, Expect::Revision(entry.revision)),
        None => (Record::default(), Expect::Absent),
    };
    if record.seen.iter().rev().any(|(id, _)| *id == inbound.id) {
        return backing.commit(&partition, lease.fence, Vec::new()).await;
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
    backing.commit(&partition, lease.fence, vec![write]).await?;
    let messages = record.outbox.into_iter().map(|kept| Message {
        subject: Side::Egress.subject().into(),
        id: kept.id.to_string(),
        key: partition.clone(),
        trace: delivery.message.trace.clone(),
        payload: kept.payload,
    });
    let messages = messages.collect();
    backing.publish(Side::Egress, messages).await.then_some(())
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

/// The name of the owner of leases.
fn owner() -> String {
    format!("bench-{}#0", std::process::id())
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
