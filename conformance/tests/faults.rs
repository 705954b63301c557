//! The cases find what they are there for: a channel that is wrong in one way fails the cases that demand it, and no others.

#![allow(clippy::unwrap_used, clippy::panic)] // Only tests are here; where it fails the test has failed.

mod built;

use greentic_conformance::case::{Outcome, run};
use greentic_conformance::cases::channel;
use greentic_conformance::platform;

#[test]
fn each_fault_of_the_faulty_channel_fails_its_cases_and_no_others() {
    let stage = built::stage();
    let loaded = built::component(&stage, "faulty-channel");
    let table: [(&str, &[&str]); 14] = [
        (
            "accepts-altered",
            &[
                "channel.ingress.verify.other-key",
                "channel.ingress.verify.empty-key",
                "channel.ingress.verify.altered-body",
            ],
        ),
        ("accepts-truncated", &["channel.ingress.verify.truncated"]),
        (
            "takes-empty-secret",
            &["channel.ingress.verify.empty-secret"],
        ),
        ("first-of-batch", &["channel.ingress.batch"]),
        ("key-from-text", &["channel.ingress.dedupe.different"]),
        (
            "refuses-malformed",
            &["channel.ingress.malformed", "channel.ingress.mutations"],
        ),
        ("unknown-is-malformed", &["channel.ingress.unknown"]),
        ("swallows-retry-after", &["channel.trouble.rate-limited"]),
        (
            "broken-is-retry",
            &["channel.trouble.broken", "channel.trouble.broken-before"],
        ),
        ("repeats-parts", &["channel.trouble.parts"]),
        ("cuts-long-text", &["channel.deliver.too-long"]),
        (
            "silent-downgrade",
            &[
                "channel.deliver.threads",
                "channel.deliver.typing",
                "channel.deliver.markdown",
                "channel.deliver.buttons",
                "channel.deliver.buttons-many",
                "channel.deliver.quick-replies",
                "channel.deliver.card",
                "channel.deliver.form",
                "channel.deliver.file",
                "channel.deliver.image",
                "channel.deliver.edit",
                "channel.deliver.delete",
                "channel.deliver.reaction",
            ],
        ),
        (
            "claims-typing",
            &["channel.describe.pure", "channel.deliver.typing"],
        ),
        (
            "believes-anything",
            &[
                "channel.trouble.rate-limited",
                "channel.trouble.rejected",
                "channel.trouble.outage",
                "channel.trouble.broken",
                "channel.trouble.broken-before",
                "channel.trouble.unreachable",
                "channel.trouble.nonsense",
                "channel.trouble.parts",
                "channel.trouble.recovers",
            ],
        ),
    ];
    let mut wrong = Vec::new();
    for (fault, expected) in table {
        let bench = channel::Bench {
            stage: &stage,
            loaded: &loaded,
            platform: platform::named("echo").unwrap(),
            config: vec![("fault".into(), fault.into())],
        };
        let outcomes = run(&channel::cases(), &bench, None, |_| {});
        let failed: Vec<_> = outcomes
            .iter()
            .filter(|outcome| outcome.is_failure())
            .collect();
        let ids: Vec<_> = failed.iter().map(|outcome| outcome.id).collect();
        if ids != expected {
            let why: Vec<_> = failed.iter().map(|outcome| reason(outcome)).collect();
            wrong.push(format!(
                "{fault}: expected {expected:?}, failed:\n{}",
                why.join("\n")
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

fn reason(outcome: &Outcome) -> String {
    format!("  {}: {}", outcome.id, outcome.detail().unwrap_or_default())
}
