//! The host with a channel in front of a flow that listens: webhook, bus, session, turn, commit.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::Stage;
use crate::child::Server;
use crate::events::Events;
use crate::host::{Setup, variable};
use crate::load::{self, Pace};
use crate::scrape;
use crate::statistics::Spread;
use crate::under_load::UnderLoad;

/// Webhooks of one load; it ends by time where the host takes fewer.
const MOST: usize = 40_000;

pub struct Whole {
    pub cpu: Spread,
    pub p50: Spread,
    pub p99: Spread,
}

pub fn measure(
    stage: &Stage,
    setup: &Setup,
    plugins: &Path,
    time: Duration,
    repeats: usize,
) -> anyhow::Result<Whole> {
    setup.copy(plugins, &stage.file())?;
    let bundle = setup.write(&format!("{}.yaml", stage.channel), &bundle(stage))?;
    let (mut cpu, mut p50, mut p99) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..repeats {
        let mut command = setup.command(&bundle);
        secrets(stage, &mut command);
        let server = Server::start(&mut command, "ready after", &setup.log())?;
        let mut load = UnderLoad::new(&server, setup.log(), committed);
        let path = format!("/v1/messaging/ingress/{}/t0/default/web", stage.channel);
        let mut take = |pace: Pace, time: Duration, most: usize| {
            load.take(Events::of(&path, stage.webhooks(most)?), time, pace)
        };
        take(Pace::Closed, Duration::from_secs(1), MOST / 8)?;
        let full = take(Pace::Closed, time, MOST)?;
        cpu.push(full.cpu);
        let half = take(Pace::PerSecond(full.rate / 2.0), time, MOST)?;
        p50.push(half.wait(50));
        p99.push(half.wait(99));
    }
    Ok(Whole {
        cpu: Spread::of(cpu),
        p50: Spread::of(p50),
        p99: Spread::of(p99),
    })
}

/// How many turns were committed.
fn committed(server: &Server) -> anyhow::Result<f64> {
    let text = load::get(server.address, "/metrics")?;
    Ok(scrape::sum(
        &text,
        "greentic_turns_total",
        "outcome=\"done\"",
    ))
}

/// The channel's secrets where `secrets-env` looks for them.
fn secrets(stage: &Stage, command: &mut Command) {
    for (name, value) in &stage.profile.secrets {
        command.env(variable(name), String::from_utf8_lossy(value).as_ref());
    }
}

fn bundle(stage: &Stage) -> String {
    let quoted = |items: Vec<String>| {
        let items: Vec<_> = items.iter().map(|item| format!("{item:?}")).collect();
        items.join(", ")
    };
    let names = || stage.profile.secrets.iter().map(|(name, _)| name.clone());
    format!(
        "version: 1
env: bench
listen: 127.0.0.1:0
cache: cache
trust: {{ allow-unsigned: true }}
limits: {{ quota: {{ events-per-second: 1000000, burst: 10000000 }} }}
plugins:
  {name}:
    from: {file}
    grants: {{ http: [{http}], secrets: [{secrets}], reveal: [{reveal}] }}
    config: {config}
  flow: {{ from: flow_echo.wasm }}
  memory: {{ from: store_memory.wasm, limits: {{ memory: 1GiB }} }}
  bus: {{ from: bus_memory.wasm, limits: {{ memory: 1GiB }} }}
  secrets: {{ from: secrets_env.wasm, grants: {{ env: [{variables}] }} }}
use: {{ sessions: memory, state: memory, bus: bus, secrets: secrets }}
tenants:
  t0: {{ teams: {{ default: {{ channels: {{ web: {{ provider: {name}, flow: flow }} }} }} }} }}
",
        name = stage.channel,
        file = stage.file(),
        http = quoted(stage.profile.http.clone()),
        secrets = quoted(names().collect()),
        reveal = quoted(stage.reveal.iter().map(|name| (*name).to_owned()).collect()),
        config = stage.profile.config_tree(),
        variables = quoted(names().map(|name| variable(&name)).collect()),
    )
}
