//! What came of a run, for people and for machines.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::case::Outcome;

/// One line of the table.
#[must_use]
pub fn line(outcome: &Outcome) -> String {
    let mut line = format!(
        "{:<12} {:<40} {:>6} ms",
        outcome.word(),
        outcome.id,
        outcome.took.as_millis()
    );
    if outcome.is_failure() {
        // Writing to a string does not fail.
        let _ = write!(line, "\n    demand: {}", outcome.demand);
    }
    if let Some(detail) = outcome.detail() {
        let _ = write!(line, "\n    {}", detail.replace('\n', "\n    "));
    }
    line
}

/// How many passed, failed, and were not declared.
#[must_use]
pub fn summary(outcomes: &[Outcome]) -> String {
    let count = |word| {
        outcomes
            .iter()
            .filter(|outcome| outcome.word() == word)
            .count()
    };
    format!(
        "{} passed, {} failed, {} not declared",
        count("passed"),
        count("failed"),
        count("not declared")
    )
}

/// The whole run as JSON.
#[must_use]
pub fn json(world: &str, component: &str, outcomes: &[Outcome]) -> Value {
    let cases: Vec<_> = outcomes
        .iter()
        .map(|outcome| {
            json!({
                "id": outcome.id,
                "demand": outcome.demand,
                "result": outcome.word(),
                "detail": outcome.detail(),
                "milliseconds": u64::try_from(outcome.took.as_millis()).unwrap_or(u64::MAX),
            })
        })
        .collect();
    json!({"world": world, "component": component, "cases": cases})
}
