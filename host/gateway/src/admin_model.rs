//! What the admin API speaks of: dead letters, generations, and the ways an admin call fails.

use serde::Serialize;

/// Which dead letters to list. What is `None` is not asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeadLetterQuery {
    /// Of this tenant.
    pub tenant: Option<String>,
    /// Of the channel with this key.
    pub channel: Option<String>,
    /// Given up at this stage: `ingress`, `runner` or `egress`.
    pub stage: Option<String>,
    /// Where to go on: [`DeadLetterPage::next`] of the page before.
    pub cursor: Option<String>,
    /// At most so many; within the admin endpoint's bound.
    pub limit: usize,
}

/// A page of dead letters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DeadLetterPage {
    /// The letters, newest first.
    pub letters: Vec<DeadLetter>,
    /// The cursor of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A message that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeadLetter {
    /// Its id, of letters, digits, `-`, `_`, `.`, `~` and `:`.
    pub id: String,
    /// The tenant.
    pub tenant: String,
    /// The team.
    pub team: String,
    /// The channel's key.
    pub channel: String,
    /// Where it was given up: `ingress`, `runner` or `egress`.
    pub stage: String,
    /// Why, in a word: the label of the metric.
    pub reason: String,
    /// When it was given up, in milliseconds since 1970.
    pub at_ms: u64,
    /// How often it was tried.
    pub attempts: u32,
}

/// A dead letter with all that is kept of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeadLetterDetail {
    /// What the list shows too.
    #[serde(flatten)]
    pub letter: DeadLetter,
    /// The last error.
    pub error: String,
    /// The attempts, oldest first.
    pub history: Vec<Attempt>,
    /// The event or message itself.
    pub event: serde_json::Value,
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// When it ended, in milliseconds since 1970.
    pub at_ms: u64,
    /// How.
    pub error: String,
}

/// What a reload or a rollback did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reloaded {
    /// The generation that runs now.
    pub generation: u64,
    /// Whether it is a new one: when nothing has changed, the one that ran goes on.
    pub swapped: bool,
    /// What changed, a line each.
    pub changes: Vec<String>,
    /// What takes effect at the next start of the process only, and what else to look at, a line each.
    pub notes: Vec<String>,
}

/// One generation of the process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GenerationRow {
    /// Its number.
    pub number: u64,
    /// When it began to serve, in milliseconds since 1970.
    pub at_ms: u64,
    /// The digest of its bundle and packs.
    pub digest: String,
    /// `running`, `draining` or `ended`.
    pub state: String,
    /// What it changed about the one before, a line each.
    pub changes: Vec<String>,
    /// Buses it still empties.
    pub buses: Vec<String>,
    /// Whether a rollback can go back to it.
    pub kept: bool,
    /// The generation it brought back, when it is a rollback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rolled_back_to: Option<u64>,
}

/// The generations of the process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Generations {
    /// Newest first.
    pub generations: Vec<GenerationRow>,
    /// Why the last edit was not taken over; absent when it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// Why an admin call failed. The text goes to the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdminError {
    /// 400: the call itself is wrong, such as a cursor that was never given.
    #[error("{0}")]
    Invalid(String),
    /// 404: nothing has this id.
    #[error("{0}")]
    NotFound(String),
    /// 409: not now, such as a reload while one runs.
    #[error("{0}")]
    Conflict(String),
    /// 422: the new bundle was refused; the old one goes on.
    #[error("{detail}")]
    Refused {
        /// One sentence.
        detail: String,
        /// All faults, each with its place.
        faults: Vec<String>,
    },
    /// 503: something needed does not answer.
    #[error("{0}")]
    Unavailable(String),
    /// 500: a fault of the host.
    #[error("{0}")]
    Internal(String),
}
