//! A case: one demand of a world, with a stable identifier, and how a component is asked for it.

use std::time::{Duration, Instant};

/// One demand on components that are run in a bench `B`.
pub struct Case<B: ?Sized> {
    /// Stable: reports, documentation and attestations name cases by it.
    pub id: &'static str,
    /// What is demanded, in one sentence.
    pub demand: &'static str,
    /// Asks the component.
    pub run: fn(&B) -> Verdict,
}

/// What a case finds.
pub type Verdict = Result<(), Stop>;

/// Why a case does not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// The demand is not met; why.
    Failed(String),
    /// The component does not declare what the demand is about, or its platform does not have it; what is done in its place.
    Absent(String),
}

impl Stop {
    /// A failure.
    pub fn failed(reason: impl Into<String>) -> Self {
        Self::Failed(reason.into())
    }

    /// Something that is not declared.
    pub fn absent(instead: impl Into<String>) -> Self {
        Self::Absent(instead.into())
    }
}

impl From<anyhow::Error> for Stop {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(format!("{error:#}"))
    }
}

/// Fails unless something holds.
///
/// # Errors
/// A failure for this reason.
pub fn ensure(holds: bool, reason: impl FnOnce() -> String) -> Verdict {
    if holds {
        Ok(())
    } else {
        Err(Stop::Failed(reason()))
    }
}

/// What came of a case.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The case.
    pub id: &'static str,
    /// Its demand.
    pub demand: &'static str,
    /// What it found.
    pub verdict: Verdict,
    /// How long it took.
    pub took: Duration,
}

impl Outcome {
    /// `passed`, `failed` or `not declared`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self.verdict {
            Ok(()) => "passed",
            Err(Stop::Failed(_)) => "failed",
            Err(Stop::Absent(_)) => "not declared",
        }
    }

    /// Why it failed, or what is done in place of what is not declared.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        match &self.verdict {
            Ok(()) => None,
            Err(Stop::Failed(text) | Stop::Absent(text)) => Some(text),
        }
    }

    /// The demand is not met.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        matches!(self.verdict, Err(Stop::Failed(_)))
    }
}

/// Runs the cases whose identifier is `only`, or lies below it (`channel.ingress`), or all.
pub fn run<B: ?Sized>(
    cases: &[Case<B>],
    bench: &B,
    only: Option<&str>,
    mut seen: impl FnMut(&Outcome),
) -> Vec<Outcome> {
    cases
        .iter()
        .filter(|case| only.is_none_or(|only| is_below(case.id, only)))
        .map(|case| {
            let began = Instant::now();
            let outcome = Outcome {
                id: case.id,
                demand: case.demand,
                verdict: (case.run)(bench),
                took: began.elapsed(),
            };
            seen(&outcome);
            outcome
        })
        .collect()
}

/// `channel.ingress` covers `channel.ingress.batch`, and not `channel.ingressive`.
#[must_use]
pub fn is_below(id: &str, only: &str) -> bool {
    id.strip_prefix(only)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::{Case, Stop, ensure, is_below, run};

    #[test]
    fn only_what_was_asked_for_runs_and_each_verdict_has_its_word() {
        let cases: [Case<u32>; 3] = [
            Case {
                id: "a.small",
                demand: "",
                run: |n| ensure(*n < 3, || format!("{n} is large")),
            },
            Case {
                id: "a.even",
                demand: "",
                run: |_| Err(Stop::absent("odd")),
            },
            Case {
                id: "ab",
                demand: "",
                run: |_| Ok(()),
            },
        ];
        let words = |n, only| -> Vec<_> {
            run(&cases, &n, only, |_| {})
                .iter()
                .map(|outcome| (outcome.word(), outcome.detail().map(str::to_owned)))
                .collect()
        };
        assert_eq!(
            words(5, Some("a")),
            [
                ("failed", Some("5 is large".into())),
                ("not declared", Some("odd".into()))
            ]
        );
        assert_eq!(words(2, None)[0], ("passed", None));
        assert_eq!(words(2, Some("ab")).len(), 1);
        assert!(is_below("a.b", "a.b") && !is_below("a", "a.b"));
    }
}
