//! The ledger: many conversations with several hosts on real servers, while a plan made from a seed kills, pauses and cuts off what
//! it can; and afterwards a verdict on every message that was acknowledged.
//!
//! What a person sees is what the simulated platform was called with. A host that ends between that call and its receipt cannot know
//! what became of it, and by the channel's policy (`unknown-outcome: at-least-once`) the call is made again: with the same delivery
//! id, which the platform is told, as platforms with an idempotency key are. Such a second call is seen once, counted in a row of its
//! own, and is a broken promise where no fault explains it.
// The lints know a test by its attribute; here what tests are made of is meant too.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc
)]

pub mod chance;
pub mod cluster;
pub mod people;
pub mod plan;
pub mod verdict;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use self::cluster::Cluster;
use self::people::People;
use self::plan::Plan;
use self::verdict::{Disturbance, Ledger, Reply, Verdict};

/// How long people go on talking after the last fault has ended.
const CALM: Duration = Duration::from_secs(2);
/// How long the queues have to be emptied once everything is whole again.
const DRAIN: Duration = Duration::from_secs(90);
/// How long a reply too many is waited for when all are there: longer than a delivery waits for its settlement.
const LATE: Duration = Duration::from_secs(7);

/// How a ledger is made.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What faults and messages follow from.
    pub seed: u64,
    /// How long people talk, and faults are made or bundles edited.
    pub lasting: Duration,
    /// Conversations that go on at the same time.
    pub conversations: usize,
    /// Whether the plan of the seed is carried out.
    pub faults: bool,
    /// Edits of the hosts' bundles, each taken over before the next.
    pub swaps: u32,
    /// Every so often a line is printed.
    pub progress: Duration,
}

/// Starts everything, lets people talk while the plan is carried out, heals, and judges.
#[must_use]
pub fn run(settings: &Settings) -> Verdict {
    let plan = if settings.faults {
        Plan::of(settings.seed, settings.lasting)
    } else {
        Plan { faults: Vec::new() }
    };
    eprintln!(
        "ledger: seed {}, {} faults and {} swaps in {} s, {} conversations",
        settings.seed,
        plan.faults.len(),
        settings.swaps,
        settings.lasting.as_secs(),
        settings.conversations
    );
    let cluster = Arc::new(Cluster::start());
    let begun = Instant::now();
    let people = People::begin(
        settings.seed,
        settings.conversations,
        &cluster.origins,
        &cluster.key(),
    );
    let counts = people.counts();
    let talking = Arc::new(AtomicBool::new(true));
    let telling = {
        let (cluster, talking, every) = (
            Arc::clone(&cluster),
            Arc::clone(&talking),
            settings.progress,
        );
        let counts = counts.clone();
        std::thread::spawn(move || {
            let mut next = begun + every;
            while talking.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(200));
                if Instant::now() >= next {
                    next += every;
                    let (sent, acked) = counts.now();
                    let (at, seen, made) = (
                        begun.elapsed().as_secs(),
                        cluster.calls(),
                        cluster.made().len(),
                    );
                    eprintln!(
                        "ledger: {at:4} s: {sent} sent, {acked} acknowledged, {seen} calls at the platform, {made} faults"
                    );
                }
            }
        })
    };
    cluster.carry_out(&plan, begun);
    cluster.swap(settings.swaps, settings.lasting, begun);
    std::thread::sleep((begun + settings.lasting).saturating_duration_since(Instant::now()));
    cluster.heal();
    std::thread::sleep(CALM);
    let messages = people.end();
    let mut verdict;
    let end = Instant::now() + DRAIN;
    let judge = || {
        let replies = replies(&cluster, begun);
        let disturbances = disturbances(&cluster, begun);
        Verdict::of(&Ledger {
            messages: messages.clone(),
            replies,
            disturbances,
        })
    };
    loop {
        verdict = judge();
        if verdict.lost.is_empty() || Instant::now() > end {
            break;
        }
        std::thread::sleep(Duration::from_millis(250));
    }
    if !verdict.lost.is_empty() {
        // Held back for ever is as broken as gone; which of the two it is, says where to look.
        eprintln!(
            "ledger: {} without a reply after {} s; what NATS has: {}",
            verdict.lost.len(),
            DRAIN.as_secs(),
            cluster.on_the_bus()
        );
        let before = cluster.calls();
        cluster.restart_hosts();
        std::thread::sleep(DRAIN / 3);
        eprintln!(
            "ledger: with hosts that were started anew {} more calls came, {} are without a reply; what NATS has: {}",
            cluster.calls().saturating_sub(before),
            judge().lost.len(),
            cluster.on_the_bus()
        );
    }
    std::thread::sleep(LATE);
    let found = judge();
    verdict = Verdict {
        lost: verdict.lost,
        ..found
    };
    verdict.dead_letters = cluster.dead_letters();
    verdict.refused = counts.refused();
    verdict.waits = counts.waits();
    talking.store(false, Ordering::SeqCst);
    let _ = telling.join();
    eprintln!("{}", verdict.table(&cluster.made()));
    if !verdict.is_kept() {
        eprintln!(
            "ledger: a promise was broken; the same again: --seed {}",
            settings.seed
        );
        for line in verdict.broken() {
            eprintln!("  {line}");
        }
        cluster.tell(&verdict.concerned());
    }
    verdict
}

/// What the platform was called with, in its order.
fn replies(cluster: &Cluster, begun: Instant) -> Vec<Reply> {
    let reply = |recorded: greentic_conformance::platform::Recorded| {
        let body = recorded.call.json().unwrap_or_default();
        let field = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        Reply {
            conversation: field("conversation"),
            text: field("text"),
            delivery: recorded
                .call
                .header("x-delivery")
                .unwrap_or_default()
                .to_owned(),
            at: recorded.at.saturating_duration_since(begun),
        }
    };
    cluster.recorded().into_iter().map(reply).collect()
}

fn disturbances(cluster: &Cluster, begun: Instant) -> Vec<Disturbance> {
    let made = cluster.made().into_iter();
    made.map(|made| Disturbance {
        what: made.harm.to_string(),
        from: made.from.saturating_duration_since(begun),
        to: made
            .to
            .unwrap_or_else(Instant::now)
            .saturating_duration_since(begun),
    })
    .collect()
}
