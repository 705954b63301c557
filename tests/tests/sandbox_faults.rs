//! A plugin that does harm ends its own call with a fault that is named, and nobody else notices.

#![allow(clippy::expect_used, clippy::panic)] // In the helpers: where one fails the test has failed.

use std::time::{Duration, Instant};

use greentic_interfaces::imports::greentic::channel::types::IngressOutcome;
use greentic_sandbox::client::{Client, Policy};
use greentic_sandbox::fault::FaultKind;
use greentic_sandbox::limits::Limits;
use greentic_sandbox::scope::CallScope;
use greentic_tests::sandbox::{Bench, Guest, Heard, binding, limits, secret};

/// Does harm as one tenant while another goes on calling, and gives the fault. The harmed tenant's next call finds a fresh
/// instance, the other's the one it had.
async fn contained(path: &str, limits: Limits) -> FaultKind {
    let plugin = Bench::default().plugin("hostile_channel", limits);
    let ours = Guest::bound(
        &plugin,
        binding("acme", [secret("k", b"value", false)]),
        Policy::PerTenant,
    )
    .await;
    let theirs = Guest::of(&plugin, "globex").await;
    assert_eq!(ours.ask("/count").await, Ok("1".into()));
    assert_eq!(theirs.ask("/count").await, Ok("1".into()));
    let kind = ours.ask(path).await.expect_err("harm was answered");
    assert_eq!(
        ours.ask("/count").await,
        Ok("1".into()),
        "the instance that failed was used again"
    );
    assert_eq!(
        theirs.ask("/count").await,
        Ok("2".into()),
        "another tenant lost its instance"
    );
    assert_eq!((ours.started(), theirs.started()), (2, 1));
    assert_eq!((ours.client.live(), theirs.client.live()), (1, 1));
    kind
}

#[tokio::test]
async fn an_endless_loop_ends_by_its_processor_time() {
    let limits = limits();
    let begun = Instant::now();
    assert_eq!(
        contained("/loop", limits.clone()).await,
        FaultKind::Cpu(limits.cpu_per_call)
    );
    assert!(
        begun.elapsed() < limits.call_timeout,
        "it ended by something else: {:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn work_within_the_limit_is_not_ended() {
    let limits = Limits {
        cpu_per_call: Duration::from_secs(3),
        ..limits()
    };
    let guest = Guest::of(&Bench::default().plugin("hostile_channel", limits), "acme").await;
    assert_eq!(guest.ask("/busy?ms=200").await, Ok("done".into()));
    assert_eq!(guest.ask("/count").await, Ok("2".into()));
}

#[tokio::test]
async fn processor_time_is_counted_for_each_call_anew() {
    let guest = Guest::of(
        &Bench::default().plugin("hostile_channel", limits()),
        "acme",
    )
    .await;
    for _ in 0..5 {
        assert_eq!(guest.ask("/busy?ms=100").await, Ok("done".into()));
    }
    assert_eq!(guest.started(), 1);
}

#[tokio::test]
async fn others_on_the_same_thread_go_on_while_one_loops() {
    let plugin = Bench::default().plugin("hostile_channel", limits());
    let (ours, theirs) = (
        Guest::of(&plugin, "acme").await,
        Guest::of(&plugin, "globex").await,
    );
    let going_on = async {
        let begun = Instant::now();
        let mut answered = 0;
        while begun.elapsed() < Duration::from_millis(200) {
            theirs.ask("/ok").await.expect("an answer");
            answered += 1;
        }
        answered
    };
    let (fault, answered) = tokio::join!(ours.ask("/loop"), going_on);
    assert!(matches!(fault, Err(FaultKind::Cpu(_))), "{fault:?}");
    assert!(
        answered >= 5,
        "{answered} calls were answered in 200 ms beside the loop"
    );
}

#[tokio::test]
async fn memory_without_end_ends_at_the_limit() {
    let limits = limits();
    assert_eq!(
        contained("/memory", limits.clone()).await,
        FaultKind::Memory(limits.memory)
    );
}

#[tokio::test]
async fn each_way_to_stop_is_a_trap() {
    for path in ["/trap", "/panic", "/exit"] {
        let kind = contained(path, limits()).await;
        assert!(matches!(kind, FaultKind::Trap(_)), "{path}: {kind:?}");
    }
}

#[tokio::test]
async fn recursion_without_end_is_a_trap_and_not_the_hosts_stack() {
    let kind = contained("/recurse", limits()).await;
    assert!(matches!(kind, FaultKind::Trap(_)), "{kind:?}");
}

#[tokio::test]
async fn a_flood_of_host_calls_ends_by_processor_time() {
    for path in [
        "/log-flood",
        "/secret-flood",
        "/config-flood",
        "/stdout-flood",
        "/clock",
        "/handles",
    ] {
        let limits = limits();
        let kind = contained(path, limits.clone()).await;
        assert_eq!(kind, FaultKind::Cpu(limits.cpu_per_call), "{path}");
    }
}

#[tokio::test]
async fn what_is_too_large_to_cross_the_boundary_does_not() {
    let limits = limits();
    for path in [
        "/big-body?n=2000000",
        "/big-header?n=2000000",
        "/big-text?n=2000000",
        "/long-log?n=2000000",
        "/events?n=20000",
    ] {
        let kind = contained(path, limits.clone()).await;
        assert_eq!(
            kind,
            FaultKind::TooMuchData(limits.host_call_bytes),
            "{path}"
        );
    }
}

#[tokio::test]
async fn what_fits_crosses_the_boundary() {
    let guest = Guest::of(
        &Bench::default().plugin("hostile_channel", limits()),
        "acme",
    )
    .await;
    assert_eq!(
        guest.ask("/big-body?n=900000").await.map(|body| body.len()),
        Ok(900_000)
    );
    assert_eq!(guest.started(), 1);
}

#[tokio::test]
async fn more_random_bytes_than_the_host_gives_are_a_trap() {
    let kind = contained("/random", limits()).await;
    assert!(matches!(kind, FaultKind::Trap(_)), "{kind:?}");
}

#[tokio::test]
async fn one_that_sleeps_for_ever_is_given_up_and_holds_up_nobody() {
    let limits = Limits {
        call_timeout: Duration::from_millis(300),
        ..limits()
    };
    let plugin = Bench::default().plugin("hostile_channel", limits.clone());
    let (ours, theirs) = (
        Guest::of(&plugin, "acme").await,
        Guest::of(&plugin, "globex").await,
    );
    let begun = Instant::now();
    let others = async {
        for _ in 0..20 {
            theirs.ask("/ok").await.expect("an answer");
        }
        begun.elapsed()
    };
    let (slept, others) = tokio::join!(ours.ask("/sleep"), others);
    assert_eq!(slept, Err(FaultKind::Timeout(limits.call_timeout)));
    assert!(
        others < limits.call_timeout,
        "twenty calls took {others:?}: they waited for the sleeper"
    );
    assert_eq!(ours.ask("/count").await, Ok("1".into()));
    assert_eq!(
        ours.client.live(),
        1,
        "the instance that slept is still counted"
    );
}

#[tokio::test]
async fn sleeping_is_not_processor_time() {
    let limits = Limits {
        cpu_per_call: Duration::from_millis(100),
        ..limits()
    };
    let guest = Guest::of(&Bench::default().plugin("hostile_channel", limits), "acme").await;
    assert_eq!(guest.ask("/sleep?ms=400").await, Ok("awake".into()));
}

#[tokio::test]
async fn log_lines_are_cut_and_counted_when_there_are_too_many() {
    let plugin = Bench::default().plugin("hostile_channel", limits());
    let guest = Guest::of(&plugin, "acme").await;
    let heard = Heard::begin();
    assert_eq!(guest.ask("/log-flood?n=5000").await, Ok("done".into()));
    let lines = heard.of_plugins();
    assert!(
        (1..=100).contains(&lines.len()),
        "{} of 5000 lines were kept",
        lines.len()
    );
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(guest.ask("/long-log?n=500000").await, Ok("logged".into()));
    let text = heard.text();
    let longest = text.lines().map(str::len).max();
    assert!(
        longest.is_some_and(|longest| (8_000..10_000).contains(&longest)),
        "the longest line has {longest:?} bytes"
    );
    assert!(
        text.contains("were dropped"),
        "nobody was told of the lines that were dropped"
    );
}

#[tokio::test]
async fn output_without_a_line_break_is_not_kept_without_end() {
    let plugin = Bench::default().plugin("hostile_channel", limits());
    let guest = Guest::of(&plugin, "acme").await;
    let heard = Heard::begin();
    assert_eq!(guest.ask("/stdout-flood?n=1000").await, Ok("done".into()));
    let logged: usize = heard.of_plugins().iter().map(String::len).sum();
    assert!(
        logged < 100_000,
        "{logged} of four million bytes were logged"
    );
    assert_eq!(guest.ask("/count").await, Ok("2".into()));
}

#[tokio::test]
async fn what_a_guest_answers_wrongly_reaches_the_host_as_it_is() {
    let guest = Guest::of(
        &Bench::default().plugin("hostile_channel", limits()),
        "acme",
    )
    .await;
    let status = |outcome: &IngressOutcome| outcome.response.status;
    let outcome = guest
        .send(CallScope::default(), "/bad-status", Vec::new(), "")
        .await;
    assert_eq!(
        outcome.expect("no fault").as_ref().map(status).ok(),
        Some(999)
    );
    let Client::Pool(pool) = &guest.client else {
        panic!("a pool")
    };
    assert_eq!(
        pool.started(),
        1,
        "an answer of the plugin's own, however wrong, is no fault"
    );
}
