//! Faults under load, and a ledger of every message: what was acknowledged has exactly one visible reply, in its order.
//! `cargo xtask chaos` runs this for minutes; its variables say for how long and with which seed.
// The lints know a test by its attribute; here the helpers of tests are meant too.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::time::Duration;

use greentic_tests::ledger::{Settings, run};

/// Whole number of a variable, if it is set.
fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{name}={text} is no whole number")))
}

#[test]
fn every_acknowledged_message_has_exactly_one_reply_in_order_whatever_breaks() {
    let settings = Settings {
        // In the twenty seconds of this one a host and both servers are killed, both are paused, and ways break in four manners.
        seed: variable("GREENTIC_CHAOS_SEED").unwrap_or(273),
        lasting: Duration::from_secs(variable("GREENTIC_CHAOS_SECONDS").unwrap_or(20)),
        conversations: 24,
        faults: true,
        swaps: 0,
        progress: Duration::from_secs(10),
    };
    let verdict = run(&settings);
    let broken = verdict.broken();
    assert!(
        broken.is_empty(),
        "seed {}: {} promises broken, the first: {}",
        settings.seed,
        broken.len(),
        broken[0]
    );
    // A ledger of nothing proves nothing.
    assert!(verdict.acked > 100, "{} were acknowledged", verdict.acked);
}
