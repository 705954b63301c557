//! On Redis and NATS JetStream, by the clients that native programs use.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::{AtomicUsize, Ordering};

use async_nats::jetstream::consumer::pull::{Config as ConsumerConfig, Stream as Pulled};
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer};
use async_nats::jetstream::context::Context;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{Config as StreamConfig, RetentionPolicy};
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream::ReadyChunks;
use greentic_sdk::bus::{Delivery, Message, Settlement};
use greentic_sdk::session::{Lease, Write};
use tokio::sync::Mutex;

use super::{BATCH, Backing, LEASE_MS, RECORD, Side, now_ms, owner};
use crate::redis_client::Redis;

/// The stream's name, and what its subjects and the keys of sessions begin with.
const STREAM: &str = "native";
/// Header of a message's key.
const KEY: &str = "bench-key";
/// Header of a message's trace.
const TRACE: &str = "bench-trace";

/// Numbers the threads.
static THREADS: AtomicUsize = AtomicUsize::new(0);

/// The clients of one thread, which works off a part of the keys.
pub struct Servers {
    redis: Redis,
    nats: Context,
    threads: usize,
    ingress: Incoming,
    egress: Incoming,
    /// Messages that are out, by their tag.
    out: RefCell<HashMap<u64, async_nats::jetstream::Message>>,
    tag: Cell<u64>,
}

type Incoming = Mutex<ReadyChunks<Pulled>>;

impl Servers {
    /// Connects, and makes the stream and every thread's consumers, of which this thread listens to its own.
    ///
    /// # Errors
    /// When a server does not answer.
    pub async fn connect(redis: &str, nats: &str) -> anyhow::Result<Self> {
        let threads = std::thread::available_parallelism().map_or(1, Into::into);
        let number = THREADS.fetch_add(1, Ordering::Relaxed);
        let redis = Redis::connect(redis, STREAM).await?;
        let nats = async_nats::jetstream::new(async_nats::connect(nats).await?);
        let stream = StreamConfig {
            name: STREAM.into(),
            subjects: vec![format!("{STREAM}.>")],
            retention: RetentionPolicy::Interest,
            ..StreamConfig::default()
        };
        let stream = nats.get_or_create_stream(stream).await?;
        let mut own = Vec::new();
        for thread in 0..threads {
            for side in Side::BOTH {
                let name = format!("{}-{thread}", side.consumer());
                let config = ConsumerConfig {
                    durable_name: Some(name.clone()),
                    filter_subject: subject(side, thread),
                    ack_policy: AckPolicy::Explicit,
                    max_ack_pending: 1024,
                    ..ConsumerConfig::default()
                };
                let consumer: PullConsumer = stream.get_or_create_consumer(&name, config).await?;
                if thread == number {
                    own.push(incoming(&consumer).await?);
                }
            }
        }
        let [ingress, egress] = <[Incoming; 2]>::try_from(own)
            .map_err(|own| anyhow::anyhow!("{} consumers of thread {number}", own.len()))?;
        Ok(Self {
            redis,
            nats,
            threads,
            ingress,
            egress,
            out: RefCell::default(),
            tag: Cell::new(0),
        })
    }

    fn subject_of(&self, side: Side, key: &str) -> String {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let threads = u64::try_from(self.threads).unwrap_or(1);
        subject(
            side,
            usize::try_from(hasher.finish() % threads).unwrap_or_default(),
        )
    }

    fn delivery(&self, message: async_nats::jetstream::Message) -> Delivery {
        let header = |name: &str| {
            let headers = message.headers.as_ref();
            let value = headers.and_then(|headers| headers.get(name));
            value
                .map(|value| value.as_str().to_owned())
                .unwrap_or_default()
        };
        let tag = self.tag.get();
        self.tag.set(tag + 1);
        let delivery = Delivery {
            tag,
            attempt: 1,
            time_ms: now_ms(),
            message: Message {
                subject: message.subject.to_string(),
                id: header("Nats-Msg-Id"),
                key: header(KEY),
                trace: header(TRACE),
                payload: message.payload.to_vec(),
            },
        };
        self.out.borrow_mut().insert(tag, message);
        delivery
    }
}

impl Backing for Servers {
    async fn publish(&self, side: Side, messages: Vec<Message>) -> bool {
        let published = messages.into_iter().map(|message| async move {
            let to = self.subject_of(side, &message.key);
            let message = PublishMessage::build()
                .message_id(message.id)
                .header(KEY, message.key.as_str())
                .header(TRACE, message.trace.as_str())
                .payload(message.payload.into());
            let sent = self.nats.send_publish(to, message).await;
            match sent {
                Ok(ack) => ack.await.is_ok(),
                Err(_) => false,
            }
        });
        join_all(published).await.into_iter().all(|done| done)
    }

    async fn pull(&self, side: Side) -> Option<Vec<Vec<Delivery>>> {
        let incoming = match side {
            Side::Ingress => &self.ingress,
            Side::Egress => &self.egress,
        };
        let messages = incoming.lock().await.next().await?;
        let mut by_key: HashMap<String, Vec<Delivery>> = HashMap::new();
        for message in messages {
            let delivery = self.delivery(message.ok()?);
            by_key
                .entry(delivery.message.key.clone())
                .or_default()
                .push(delivery);
        }
        Some(by_key.into_values().collect())
    }

    async fn settle(&self, _side: Side, settlements: Vec<Settlement>) -> bool {
        let messages: Vec<_> = {
            let mut out = self.out.borrow_mut();
            let tags = settlements.iter().map(|settlement| settlement.tag);
            tags.filter_map(|tag| out.remove(&tag)).collect()
        };
        let settled = messages.iter().map(|message| message.double_ack());
        join_all(settled).await.iter().all(Result::is_ok)
    }

    async fn claim(&self, partition: &str) -> Option<Lease> {
        self.redis
            .claim(partition, &owner(), LEASE_MS, RECORD)
            .await
    }

    async fn commit(&self, partition: &str, fence: u64, writes: Vec<Write>) -> Option<()> {
        self.redis.commit(partition, Some(fence), writes).await
    }
}

async fn incoming(consumer: &PullConsumer) -> anyhow::Result<Incoming> {
    let batch = usize::try_from(BATCH)?;
    let messages = consumer.stream().max_messages_per_batch(4 * batch);
    Ok(Mutex::new(messages.messages().await?.ready_chunks(batch)))
}

fn subject(side: Side, thread: usize) -> String {
    format!("{STREAM}.{}.{thread}", side.consumer())
}
