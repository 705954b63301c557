//! Every shipped component goes through the cases of its world.

#![allow(clippy::unwrap_used, clippy::panic)] // Only tests are here; where it fails the test has failed.

mod built;

use greentic_conformance::case::{Case, Outcome, run};
use greentic_conformance::cases::{bus, channel, store};
use greentic_conformance::platform;
use greentic_conformance::report;
use greentic_conformance::sandbox::Given;

/// Fails with the table of what failed.
fn all_pass(component: &str, outcomes: &[Outcome]) {
    let failed: Vec<_> = outcomes
        .iter()
        .filter(|outcome| outcome.is_failure())
        .map(report::line)
        .collect();
    assert!(
        failed.is_empty(),
        "{component}: {}\n{}",
        report::summary(outcomes),
        failed.join("\n")
    );
    let passed = outcomes.iter().filter(|outcome| outcome.verdict.is_ok());
    assert!(
        passed.count() > 10,
        "{component}: {}",
        report::summary(outcomes)
    );
}

fn through<B>(component: &str, cases: &[Case<B>], bench: &B) {
    all_pass(component, &run(cases, bench, None, |_| {}));
}

/// A channel and its simulated platform.
fn channel(component: &str, platform: &str) {
    let stage = built::stage();
    let loaded = built::component(&stage, component);
    let bench = channel::Bench {
        stage: &stage,
        loaded: &loaded,
        platform: platform::named(platform).unwrap(),
        config: Vec::new(),
    };
    through(component, &channel::cases(), &bench);
}

#[test]
fn the_channel_of_the_invented_platform_passes() {
    channel("faulty-channel", "echo");
}

/// What is listed here is tested below; a platform that is added needs its test.
#[test]
fn every_platform_has_its_channel_tested() {
    let tested = ["echo", "slack", "teams", "telegram", "whatsapp"];
    let missing: Vec<_> = platform::names()
        .filter(|name| !tested.contains(name))
        .collect();
    assert!(missing.is_empty(), "no test here for {missing:?}");
}

#[test]
fn slack_passes() {
    channel("channel-slack", "slack");
}

#[test]
fn teams_passes() {
    channel("channel-teams", "teams");
}

#[test]
fn telegram_passes() {
    channel("channel-telegram", "telegram");
}

#[test]
fn whatsapp_passes() {
    channel("channel-whatsapp", "whatsapp");
}

#[test]
fn sessions_in_memory_pass() {
    let stage = built::stage();
    let loaded = built::component(&stage, "store-memory");
    let bench = store::Bench::new(&stage, &loaded, &Given::default()).unwrap();
    through("store-memory", &store::cases(), &bench);
}

#[test]
fn the_bus_in_memory_passes() {
    let stage = built::stage();
    let loaded = built::component(&stage, "bus-memory");
    let bench = bus::Bench::new(&stage, &loaded, &Given::default()).unwrap();
    through("bus-memory", &bus::cases(), &bench);
}

/// A folder a component may write, which it sees under this name.
fn folder(name: &str) -> (tempfile::TempDir, Given) {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join(name);
    std::fs::create_dir(&path).unwrap();
    let given = Given {
        write: vec![path],
        ..Given::default()
    };
    (parent, given)
}

#[test]
fn sessions_in_a_folder_pass_and_once_more_after_a_restart() {
    let stage = built::stage();
    let loaded = built::component(&stage, "store-file");
    let (_parent, given) = folder("sessions");
    for _ in 0..2 {
        let bench = store::Bench::new(&stage, &loaded, &given).unwrap();
        through("store-file", &store::cases(), &bench);
    }
}

#[test]
fn the_bus_in_a_folder_passes_and_once_more_after_a_restart() {
    let stage = built::stage();
    let loaded = built::component(&stage, "bus-file");
    let (_parent, given) = folder("messages");
    for _ in 0..2 {
        let bench = bus::Bench::new(&stage, &loaded, &given).unwrap();
        through("bus-file", &bus::cases(), &bench);
    }
}

#[test]
fn every_case_has_an_identifier_of_its_own_and_a_demand() {
    let mut ids = Vec::new();
    let mut add = |id: &'static str, demand: &str| {
        assert!(demand.ends_with('.') && demand.len() > 20, "{id}: {demand}");
        ids.push(id);
    };
    channel::cases()
        .iter()
        .for_each(|case| add(case.id, case.demand));
    store::cases()
        .iter()
        .for_each(|case| add(case.id, case.demand));
    bus::cases()
        .iter()
        .for_each(|case| add(case.id, case.demand));
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
    assert!(count > 100);
}
