//! Publishing, pulling and acknowledging messages.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, ensure};
use async_nats::jetstream::consumer::pull::Config as ConsumerConfig;
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer};
use async_nats::jetstream::context::Context;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{Config as StreamConfig, RetentionPolicy};
use futures_util::StreamExt as _;
use greentic_conformance::sandbox::{MemoryServices, Stage};
use greentic_sandbox::client::{Client, Policy};
use greentic_sandbox::scope::CallScope;
use greentic_sandbox::worlds::BusWorld;
use greentic_sandbox::worlds::bus_types::{Consumer, Message, Outcome, Settlement};
use greentic_test_servers::Server;
use tokio::task::JoinSet;

use super::{IN_FLIGHT, Measured, VALUE, given, per_second};

/// The consumer's name.
const NAME: &str = "bench";
/// How long messages may take to come before the measurement fails.
const PATIENCE: Duration = Duration::from_secs(20);

pub fn measure(
    stage: &Stage,
    component: &Path,
    time: Duration,
    repeats: usize,
) -> anyhow::Result<Measured> {
    let server = Server::nats("");
    let loaded = stage.load(component)?;
    let services = MemoryServices::default();
    let given = given("nats", server.port());
    let bus = stage.bind::<BusWorld>(&loaded, &given, Policy::Shared, &services)?;
    let bus = Arc::new(bus);
    stage.wait(open(&bus))?;
    let native = stage.wait(Native::connect(server.address()))?;
    stage.wait(component_round(&bus, "warm", time / 4))?;
    stage.wait(native.round("warm", time / 4))?;
    let mut rounds = Vec::new();
    for round in 0..repeats {
        let round = round.to_string();
        rounds.push((
            stage.wait(native.round(&round, time))?,
            stage.wait(component_round(&bus, &round, time))?,
        ));
    }
    Ok(Measured::of("bus: publish, pull and acknowledge", &rounds))
}

async fn open(bus: &Client<BusWorld>) -> anyhow::Result<()> {
    let consumer = Consumer {
        name: NAME.into(),
        filter: "bench.>".into(),
        durable: true,
        inactive_ms: 60_000,
        max_in_flight: 1_000,
        ack_wait_ms: 30_000,
    };
    let opened = bus.open_consumer(CallScope::default(), consumer).await?;
    opened.map_err(|error| anyhow!("{error:?}"))
}

/// Batches of [`IN_FLIGHT`] messages of as many keys, one after the other: published, then pulled, then acknowledged.
async fn component_round(
    bus: &Client<BusWorld>,
    round: &str,
    time: Duration,
) -> anyhow::Result<f64> {
    let began = Instant::now();
    let mut done = 0;
    while began.elapsed() < time {
        let messages = (0..IN_FLIGHT).map(|place| Message {
            subject: "bench.m".into(),
            id: format!("{round}-{done}-{place}"),
            key: place.to_string(),
            trace: String::new(),
            payload: vec![b'x'; VALUE],
        });
        let answers = bus
            .publish(CallScope::default(), messages.collect())
            .await?;
        for answer in answers {
            answer.map_err(|error| anyhow!("{error:?}"))?;
        }
        let (mut come, asked) = (0, Instant::now());
        while come < IN_FLIGHT {
            ensure!(asked.elapsed() < PATIENCE, "only {come} messages came");
            let call = bus.pull(CallScope::default(), NAME.into(), 256, 1_000);
            let batch = call.await?.map_err(|error| anyhow!("{error:?}"))?;
            come += batch.deliveries.len();
            let settle = batch.deliveries.iter().map(|delivery| Settlement {
                tag: delivery.tag,
                outcome: Outcome::Ack,
            });
            let call = bus.settle(CallScope::default(), NAME.into(), settle.collect());
            call.await?.map_err(|error| anyhow!("{error:?}"))?;
        }
        done += IN_FLIGHT;
    }
    Ok(per_second(done, began.elapsed()))
}

struct Native {
    context: Context,
    consumer: PullConsumer,
}

impl Native {
    async fn connect(address: String) -> anyhow::Result<Self> {
        let client = async_nats::connect(address).await?;
        let context = async_nats::jetstream::new(client);
        let stream = StreamConfig {
            name: NAME.into(),
            subjects: vec!["native.>".into()],
            retention: RetentionPolicy::Interest,
            ..StreamConfig::default()
        };
        let stream = context.create_stream(stream).await?;
        let consumer = ConsumerConfig {
            durable_name: Some(NAME.into()),
            ack_policy: AckPolicy::Explicit,
            ..ConsumerConfig::default()
        };
        let consumer = stream.create_consumer(consumer).await?;
        Ok(Self { context, consumer })
    }

    /// The same batches as [`component_round`].
    async fn round(&self, round: &str, time: Duration) -> anyhow::Result<f64> {
        let began = Instant::now();
        let mut done = 0;
        while began.elapsed() < time {
            let mut acks = Vec::with_capacity(IN_FLIGHT);
            for place in 0..IN_FLIGHT {
                let message = PublishMessage::build()
                    .message_id(format!("{round}-{done}-{place}"))
                    .payload(vec![b'x'; VALUE].into());
                acks.push(self.context.send_publish("native.m", message).await?);
            }
            for ack in acks {
                ack.await?;
            }
            let fetch = self.consumer.fetch().max_messages(IN_FLIGHT);
            let mut batch = fetch.expires(PATIENCE).messages().await?;
            let mut settled = JoinSet::new();
            for come in 0..IN_FLIGHT {
                let message = batch.next().await;
                let message = message.with_context(|| format!("only {come} messages came"))?;
                let message = message.map_err(|error| anyhow!("{error}"))?;
                settled.spawn(async move { message.double_ack().await });
            }
            while let Some(settled) = settled.join_next().await {
                settled?.map_err(|error| anyhow!("{error}"))?;
            }
            done += IN_FLIGHT;
        }
        Ok(per_second(done, began.elapsed()))
    }
}
