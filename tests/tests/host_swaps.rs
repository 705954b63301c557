//! Bundles edited under load: three hosts on one NATS and Redis, with the ledger of the delivery tests beside.
// The lints know a test by its attribute; here the helpers of tests are meant too.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::time::Duration;

use greentic_tests::ledger::verdict::Verdict;
use greentic_tests::ledger::{Settings, run};

fn talk(swaps: u32) -> Verdict {
    run(&Settings {
        seed: 50,
        lasting: Duration::from_secs(20),
        conversations: 24,
        faults: false,
        swaps,
        progress: Duration::from_secs(10),
    })
}

/// The figures are printed, not judged: a machine that is busy is slow.
#[test]
fn fifty_swaps_lose_and_double_nothing_and_no_caller_sees_an_error() {
    let (without, with) = (talk(0), talk(50));
    for (verdict, swaps) in [(&without, 0), (&with, 50)] {
        eprintln!(
            "{swaps} swaps: {} acknowledged, 99 of 100 within {} ms",
            verdict.acked,
            verdict.p99().as_millis()
        );
        assert_eq!(verdict.broken(), Vec::<String>::new(), "{swaps} swaps");
        assert_eq!(verdict.refused, 0, "{swaps} swaps");
        // A ledger of nothing proves nothing.
        assert!(verdict.acked > 100, "{} were acknowledged", verdict.acked);
    }
}
