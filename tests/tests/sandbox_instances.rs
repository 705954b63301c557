//! How instances come and go: pools of one binding, a fresh one for each call, and one for the whole host.

#![allow(clippy::expect_used, clippy::panic)] // In the helpers: where one fails the test has failed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use greentic_sandbox::client::{Client, Policy};
use greentic_sandbox::fault::FaultKind;
use greentic_sandbox::limits::{Limits, Supervision};
use greentic_sandbox::scope::CallScope;
use greentic_sandbox::worlds::StoreWorld;
use greentic_sandbox::worlds::store_types::Expect;
use greentic_tests::sandbox::{Bench, Guest, binding, client, id, limits, secret};

async fn guest(limits: Limits, policy: Policy) -> Guest {
    let plugin = Bench::default().plugin("hostile_channel", limits);
    Guest::bound(&plugin, binding("acme", []), policy).await
}

async fn counts(guest: &Guest, calls: usize) -> Vec<String> {
    let mut counts = Vec::new();
    for _ in 0..calls {
        counts.push(guest.ask("/count").await.expect("an answer"));
    }
    counts
}

#[tokio::test]
async fn an_instance_is_used_again_and_never_by_another_tenant() {
    let plugin = Bench::default().plugin("hostile_channel", limits());
    let (ours, theirs) = (
        Guest::of(&plugin, "acme").await,
        Guest::of(&plugin, "globex").await,
    );
    assert_eq!(counts(&ours, 3).await, ["1", "2", "3"]);
    assert_eq!(counts(&theirs, 2).await, ["1", "2"]);
    assert_eq!((ours.started(), theirs.started()), (1, 1));
}

#[tokio::test]
async fn an_instance_is_retired_after_its_calls() {
    let guest = guest(
        Limits {
            calls_per_instance: 3,
            ..limits()
        },
        Policy::PerTenant,
    )
    .await;
    assert_eq!(counts(&guest, 7).await, ["1", "2", "3", "1", "2", "3", "1"]);
    assert_eq!((guest.started(), guest.client.live()), (3, 1));
}

#[tokio::test]
async fn per_call_means_a_fresh_instance_each_time() {
    let guest = guest(limits(), Policy::PerCall).await;
    assert_eq!(counts(&guest, 3).await, ["1", "1", "1"]);
    assert_eq!((guest.started(), guest.client.live()), (3, 0));
}

#[tokio::test]
async fn idle_instances_are_dropped_after_their_time_and_not_before() {
    let patient = guest(limits(), Policy::PerTenant).await;
    counts(&patient, 1).await;
    assert_eq!((patient.client.shrink(), patient.client.live()), (0, 1));
    let hasty = guest(
        Limits {
            idle: Duration::ZERO,
            ..limits()
        },
        Policy::PerTenant,
    )
    .await;
    counts(&hasty, 1).await;
    assert_eq!((hasty.client.shrink(), hasty.client.live()), (1, 0));
    assert_eq!(counts(&hasty, 2).await, ["1", "2"]);
}

#[tokio::test]
async fn after_a_spike_as_many_stay_as_may_be_idle() {
    let guest = guest(
        Limits {
            instances: 2,
            ..limits()
        },
        Policy::PerTenant,
    )
    .await;
    let spike = futures(6, |_| guest.ask("/sleep?ms=100")).await;
    assert!(spike.iter().all(Result::is_ok), "{spike:?}");
    assert_eq!((guest.started(), guest.client.live()), (6, 2));
}

#[tokio::test]
async fn steady_work_beyond_the_idle_number_starts_no_instance_for_each_call() {
    let guest = guest(
        Limits {
            instances: 1,
            calls_in_flight: 4,
            ..limits()
        },
        Policy::PerTenant,
    )
    .await;
    futures(4, |_| async {
        for _ in 0..10 {
            guest.ask("/sleep?ms=5").await.expect("an answer");
        }
    })
    .await;
    assert!(
        guest.started() <= 20,
        "{} instances for 40 calls, four at a time",
        guest.started()
    );
}

#[tokio::test]
async fn more_calls_than_may_wait_are_refused_at_once() {
    let guest = guest(
        Limits {
            calls_in_flight: 1,
            calls_waiting: 2,
            ..limits()
        },
        Policy::PerTenant,
    )
    .await;
    counts(&guest, 1).await;
    let begun = Instant::now();
    let answers = futures(5, |_| async {
        (guest.ask("/sleep?ms=150").await, begun.elapsed())
    })
    .await;
    let refused: Vec<_> = answers
        .iter()
        .filter(|(answer, _)| *answer == Err(FaultKind::Overloaded(2)))
        .collect();
    assert_eq!(refused.len(), 2, "{answers:?}");
    assert!(
        refused
            .iter()
            .all(|(_, after)| *after < Duration::from_millis(140)),
        "{refused:?}"
    );
    assert_eq!(
        answers.iter().filter(|(answer, _)| answer.is_ok()).count(),
        3
    );
    assert_eq!(guest.started(), 1, "calls that wait share one instance");
}

#[tokio::test]
async fn who_waits_too_long_for_a_turn_is_told_so() {
    let guest = guest(
        Limits {
            calls_in_flight: 1,
            queue_wait: Duration::from_millis(50),
            ..limits()
        },
        Policy::PerTenant,
    )
    .await;
    let (first, second) = tokio::join!(guest.ask("/sleep?ms=300"), guest.ask("/ok"));
    assert_eq!(first, Ok("awake".into()));
    assert!(
        matches!(second, Err(FaultKind::Overloaded(_))),
        "{second:?}"
    );
    assert_eq!(guest.ask("/ok").await, Ok("ok".into()));
}

#[tokio::test]
async fn a_call_that_its_caller_drops_gives_back_its_place() {
    let guest = guest(
        Limits {
            calls_in_flight: 1,
            ..limits()
        },
        Policy::PerTenant,
    )
    .await;
    let dropped = tokio::time::timeout(Duration::from_millis(50), guest.ask("/sleep")).await;
    assert!(dropped.is_err());
    assert_eq!(guest.client.live(), 0);
    assert_eq!(counts(&guest, 1).await, ["1"]);
}

/// A shared plugin that may wait, with pauses a test can sit out.
async fn shared(limits: Limits) -> Guest {
    let supervision = Supervision {
        backoff_base: Duration::from_millis(200),
        backoff_cap: Duration::from_millis(400),
        ..limits.supervision.clone()
    };
    guest(
        Limits {
            supervision,
            ..limits
        },
        Policy::Shared,
    )
    .await
}

fn restarts(guest: &Guest) -> u64 {
    match &guest.client {
        Client::Shared(shared) => shared.restarts(),
        Client::Pool(_) => panic!("not shared"),
    }
}

async fn pause() {
    tokio::time::sleep(Duration::from_millis(450)).await;
}

#[tokio::test]
async fn a_shared_plugin_is_restarted_with_pauses_and_who_ends_it_again_and_again_is_refused() {
    let plugin = shared(limits()).await;
    assert_eq!(plugin.ask_for("globex", "/count").await, Ok("1".into()));
    assert_eq!(plugin.ask_for("acme", "/count").await, Ok("2".into()));
    for fault in 1..=3 {
        let kind = plugin.ask_for("acme", "/trap").await;
        assert!(
            matches!(kind, Err(FaultKind::Trap(_))),
            "fault {fault}: {kind:?}"
        );
        assert_eq!(restarts(&plugin), fault);
        let at_once = plugin.ask_for("globex", "/count").await;
        if fault == 1 {
            assert_eq!(at_once, Ok("1".into()), "the first restart is at once");
        } else {
            assert!(
                matches!(at_once, Err(FaultKind::Restarting(_))),
                "{at_once:?}"
            );
            pause().await;
            assert_eq!(plugin.ask_for("globex", "/count").await, Ok("1".into()));
        }
    }
    let refused = plugin.ask_for("acme", "/ok").await;
    assert!(
        matches!(&refused, Err(FaultKind::Restarting(text)) if text.contains("tenant `acme`")),
        "{refused:?}"
    );
    assert_eq!(plugin.ask_for("globex", "/count").await, Ok("2".into()));
    assert_eq!(restarts(&plugin), 3, "a refused call reached the plugin");
}

#[tokio::test]
async fn a_loop_in_a_shared_plugin_ends_by_its_processor_time() {
    let limits = limits();
    let plugin = shared(limits.clone()).await;
    let begun = Instant::now();
    assert_eq!(
        plugin.ask_for("acme", "/loop").await,
        Err(FaultKind::Cpu(limits.cpu_per_call))
    );
    assert!(begun.elapsed() < Duration::from_secs(3));
    assert_eq!(plugin.ask_for("globex", "/count").await, Ok("1".into()));
}

#[tokio::test]
async fn memory_of_a_shared_plugin_is_named_when_it_is_what_ended_it() {
    let limits = limits();
    let plugin = shared(limits.clone()).await;
    assert_eq!(
        plugin.ask_for("acme", "/memory").await,
        Err(FaultKind::Memory(limits.memory))
    );
    assert_eq!(plugin.ask_for("globex", "/count").await, Ok("1".into()));
}

#[tokio::test]
async fn many_short_calls_to_a_shared_plugin_are_not_one_long_one() {
    let plugin = shared(Limits {
        cpu_per_call: Duration::from_millis(150),
        ..limits()
    })
    .await;
    for _ in 0..8 {
        assert_eq!(
            plugin.ask_for("acme", "/busy?ms=50").await,
            Ok("done".into())
        );
    }
    assert_eq!(restarts(&plugin), 0);
}

#[tokio::test]
async fn host_calls_of_a_shared_plugin_are_counted_for_each_call_anew() {
    let plugin = Bench::default().plugin("hostile_channel", limits());
    let bound = binding("host", [secret("k", b"value", false)]);
    let plugin = Guest::bound(&plugin, bound, Policy::Shared).await;
    for _ in 0..3 {
        assert_eq!(
            plugin.ask_for("acme", "/secret-flood?n=90").await,
            Ok("done".into())
        );
        assert_eq!(
            plugin.ask_for("acme", "/secret?name=k").await,
            Ok("1".into())
        );
    }
}

#[tokio::test]
async fn a_shared_plugin_that_sleeps_for_ever_is_replaced() {
    let limits = Limits {
        call_timeout: Duration::from_millis(400),
        calls_in_flight: 2,
        ..limits()
    };
    let plugin = shared(limits.clone()).await;
    let slept = futures(2, |_| plugin.ask_for("acme", "/sleep")).await;
    assert!(
        slept.contains(&Err(FaultKind::Timeout(limits.call_timeout))),
        "{slept:?}"
    );
    pause().await;
    assert_eq!(plugin.ask_for("globex", "/count").await, Ok("1".into()));
}

#[tokio::test]
async fn the_innocent_beside_a_fault_are_told_and_never_blamed_and_the_guilty_is_found() {
    let limits = limits();
    let supervision = Supervision {
        backoff_base: Duration::from_millis(50),
        backoff_cap: Duration::from_secs(5),
        ..limits.supervision.clone()
    };
    let plugin = guest(
        Limits {
            supervision,
            ..limits
        },
        Policy::Shared,
    )
    .await;
    for _ in 0..4 {
        let (innocent, guilty) = tokio::join!(
            plugin.ask_for("globex", "/sleep?ms=20"),
            plugin.ask_for("acme", "/trap")
        );
        assert!(guilty.is_err());
        assert!(
            matches!(innocent, Ok(_) | Err(FaultKind::Collateral)),
            "{innocent:?}"
        );
        pause().await;
    }
    assert_eq!(plugin.ask_for("globex", "/ok").await, Ok("ok".into()));
    let refused = plugin.ask_for("acme", "/ok").await;
    assert!(
        matches!(&refused, Err(FaultKind::Restarting(text)) if text.contains("tenant `acme`")),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_store_that_a_tenant_overfills_is_replaced_and_the_tenant_found() {
    let limits = Limits {
        memory: 8 << 20,
        ..limits()
    };
    let plugin = Bench::default().plugin("store_memory", limits.clone());
    assert!(!plugin.waits(), "this is about a plugin that never waits");
    let store: Arc<Client<StoreWorld>> =
        Arc::new(client(&plugin, binding("host", []), Policy::Shared).await);
    let put = |tenant: &'static str, bytes: usize| {
        let store = Arc::clone(&store);
        async move {
            let scope = CallScope {
                tenant: Some(id(tenant)),
                ..CallScope::default()
            };
            store
                .put(
                    scope,
                    format!("{tenant}/p"),
                    "n".into(),
                    vec![0; bytes],
                    Expect::Any,
                    None,
                )
                .await
                .map_err(|fault| fault.kind)
        }
    };
    assert!(matches!(put("globex", 10).await, Ok(Ok(_))));
    for _ in 0..3 {
        let kind = put("acme", 16 << 20).await.err();
        assert_eq!(kind, Some(FaultKind::Memory(limits.memory)));
        pause().await;
    }
    assert!(matches!(
        put("acme", 10).await,
        Err(FaultKind::Restarting(_))
    ));
    assert!(matches!(put("globex", 10).await, Ok(Ok(_))));
}

/// Runs so many futures together on this thread.
async fn futures<F: Future>(count: usize, make: impl Fn(usize) -> F) -> Vec<F::Output> {
    let mut waiting: Vec<_> = (0..count)
        .map(|index| Some(Box::pin(make(index))))
        .collect();
    let mut done: Vec<_> = (0..count).map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (slot, done) in waiting.iter_mut().zip(&mut done) {
            if let Some(future) = slot
                && let std::task::Poll::Ready(value) = future.as_mut().poll(context)
            {
                *slot = None;
                *done = Some(value);
            }
        }
        if waiting.iter().all(Option::is_none) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    done.into_iter().flatten().collect()
}
