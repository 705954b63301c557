//! `ingress` alone: the same code of a channel, compiled for the machine and called directly, and as a component in the
//! sandbox with limits and epochs on. Both on one thread, in turns, by the thread's own processor time.

use std::path::Path;

use anyhow::{Context as _, anyhow, bail, ensure};
use greentic_conformance::sandbox::{Given, MemoryServices, Stage as Sandbox};
use greentic_interfaces::imports::greentic::channel::types as wire;
use greentic_interfaces::model as wire_model;
use greentic_sandbox::client::{Client, Policy};
use greentic_sandbox::scope::CallScope;
use greentic_sandbox::worlds::ChannelWorld;
use greentic_sdk::channel::{Channel, IngressError, IngressOutcome, Request, Surface};
use greentic_sdk::http::{self, Fault};
use greentic_sdk::model::Header;
use greentic_sdk::native::{Table, install};

use super::Stage;
use crate::statistics::Spread;

/// Webhooks of one round.
const ROUND: usize = 2_000;
/// Webhooks before anything is counted: people and keys are looked up and kept.
const WARM_UP: usize = 400;
/// The address under which the host is reached.
const ORIGIN: &str = "http://127.0.0.1";

/// Microseconds of processor time of one call.
pub struct Reading {
    pub native: Spread,
    pub sandbox: Spread,
}

type Ingress = fn(Request) -> Result<IngressOutcome, IngressError>;

/// The channel's own code.
fn native(channel: &str) -> anyhow::Result<Ingress> {
    Ok(match channel {
        "slack" => channel_slack::Slack::ingress,
        "teams" => channel_teams::Teams::ingress,
        "telegram" => channel_telegram::Telegram::ingress,
        "whatsapp" => channel_whatsapp::WhatsApp::ingress,
        other => bail!("no native code of `{other}`"),
    })
}

pub fn measure(stage: &Stage, plugins: &Path, repeats: usize) -> anyhow::Result<Reading> {
    let ingress = native(stage.channel)?;
    let base = format!("/v1/messaging/ingress/{}/t0/default/web", stage.channel);
    let webhooks = stage.webhooks(WARM_UP + ROUND * repeats)?;
    let requests: Vec<Request> = webhooks
        .into_iter()
        .map(|webhook| Request {
            surface: Surface::Webhook,
            method: webhook.method,
            origin: ORIGIN.into(),
            base: base.clone(),
            path: String::new(),
            query: None,
            headers: webhook
                .headers
                .iter()
                .map(|(name, value)| Header::new(name, value))
                .collect(),
            body: webhook.body,
        })
        .collect();

    install(table(stage)?);
    let sandbox = Sandbox::new(&plugins.join("bench-cache"))?;
    let client = client(stage, &sandbox, plugins)?;
    let (warm, rounds) = requests.split_at(WARM_UP);
    for request in warm {
        one_native(ingress, request.clone())?;
        sandbox.wait(one_sandboxed(&client, wired(request)))?;
    }
    let (mut natively, mut sandboxed) = (Vec::new(), Vec::new());
    for round in rounds.chunks(ROUND) {
        let own: Vec<_> = round.to_vec();
        let begun = thread_nanos()?;
        for request in own {
            one_native(ingress, request)?;
        }
        natively.push(per_call(begun, round.len())?);
        let theirs: Vec<_> = round.iter().map(wired).collect();
        let took = sandbox.wait(async {
            let begun = thread_nanos()?;
            for request in theirs {
                one_sandboxed(&client, request).await?;
            }
            per_call(begun, round.len())
        })?;
        sandboxed.push(took);
    }
    Ok(Reading {
        native: Spread::of(natively),
        sandbox: Spread::of(sandboxed),
    })
}

/// What the native code has around it.
fn table(stage: &Stage) -> anyhow::Result<Table> {
    let mut table = Table::new();
    for (key, value) in &stage.profile.config {
        table = table.config(key, value);
    }
    for (name, value) in &stage.profile.secrets {
        table = table.secret(name, value);
    }
    // As the host does it: a secret is put in where its placeholder stands.
    let placed: Vec<_> = stage
        .profile
        .secrets
        .iter()
        .map(|(name, value)| {
            let placeholder = format!("gtsec_{}", name.replace('/', "."));
            (placeholder, String::from_utf8_lossy(value).into_owned())
        })
        .collect();
    let place = move |text: &str| {
        placed.iter().fold(text.to_owned(), |text, (name, value)| {
            text.replace(name, value)
        })
    };
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    Ok(table.http(move |request| send(&agent, request, &place)))
}

/// Sends a request to the simulated platform: few, and all of them before anything is counted.
fn send(
    agent: &ureq::Agent,
    request: &http::Request,
    place: &impl Fn(&str) -> String,
) -> Result<http::Response, Fault> {
    let failed = |error: String| Fault::Refused(error);
    let mut builder = ureq::http::Request::builder()
        .method(request.method.as_str())
        .uri(place(&request.url));
    for header in &request.headers {
        builder = builder.header(&header.name, place(&header.value));
    }
    let body = place(&String::from_utf8_lossy(&request.body));
    let request = builder
        .body(body.into_bytes())
        .map_err(|error| failed(error.to_string()))?;
    let mut response = agent
        .run(request)
        .map_err(|error| failed(error.to_string()))?;
    let body = response
        .body_mut()
        .read_to_vec()
        .map_err(|error| failed(error.to_string()))?;
    let headers = response.headers().iter().map(|(name, value)| {
        Header::new(name.as_str(), &String::from_utf8_lossy(value.as_bytes()))
    });
    Ok(http::Response {
        status: response.status().as_u16(),
        headers: headers.collect(),
        body,
    })
}

fn client(
    stage: &Stage,
    sandbox: &Sandbox,
    plugins: &Path,
) -> anyhow::Result<Client<ChannelWorld>> {
    let given = Given {
        config: stage.profile.config.clone(),
        secrets: stage
            .profile
            .secrets
            .iter()
            .map(|(name, value)| (name.clone(), Some(value.clone())))
            .collect(),
        http: stage.profile.http.clone(),
        reveal: stage.reveal.iter().map(|name| (*name).to_owned()).collect(),
        ..Given::default()
    };
    let loaded = sandbox.load(&plugins.join(stage.file()))?;
    sandbox.bind(
        &loaded,
        &given,
        Policy::PerTenant,
        &MemoryServices::default(),
    )
}

fn wired(request: &Request) -> wire::Request {
    wire::Request {
        surface: wire::Surface::Webhook,
        method: request.method.clone(),
        origin: request.origin.clone(),
        base: request.base.clone(),
        path: request.path.clone(),
        query: None,
        headers: request
            .headers
            .iter()
            .map(|header| wire_model::Header {
                name: header.name.clone(),
                value: header.value.clone(),
            })
            .collect(),
        body: request.body.clone(),
    }
}

fn one_native(ingress: Ingress, request: Request) -> anyhow::Result<()> {
    let outcome = ingress(request).map_err(|error| anyhow!("natively: {error:?}"))?;
    ensure!(outcome.events.len() == 1, "natively: {outcome:?}");
    Ok(())
}

async fn one_sandboxed(
    client: &Client<ChannelWorld>,
    request: wire::Request,
) -> anyhow::Result<()> {
    let outcome = client
        .ingress(CallScope::default(), request)
        .await?
        .map_err(|error| anyhow!("in the sandbox: {error:?}"))?;
    ensure!(outcome.events.len() == 1, "in the sandbox: {outcome:?}");
    Ok(())
}

/// Processor time of this thread so far, in nanoseconds (proc(5), `schedstat`).
fn thread_nanos() -> anyhow::Result<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let first = text.split_whitespace().next().context("schedstat")?;
    Ok(first.parse()?)
}

/// Microseconds of each of `count` calls since `begun`.
fn per_call(begun: u64, count: usize) -> anyhow::Result<f64> {
    let nanos = thread_nanos()?.saturating_sub(begun);
    Ok(nanos as f64 / 1_000.0 / count.max(1) as f64)
}
