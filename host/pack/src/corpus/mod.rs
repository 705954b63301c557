//! Bad packs, each made in code and each with the refusal it must meet; and random changes of a good one.

mod content;
mod mutation;
mod structure;
mod trust;

use std::time::SystemTime;

use crate::sample::ring;
use crate::{Pack, Policy};

/// A bad pack: what is bad, the code of its refusal, its bytes, and the policy it is opened under.
struct Case {
    what: &'static str,
    code: &'static str,
    bytes: Vec<u8>,
    policy: Policy,
}

impl Case {
    /// A case under the strict policy of the sample's ring.
    fn new(what: &'static str, code: &'static str, bytes: Vec<u8>) -> Self {
        Self {
            what,
            code,
            bytes,
            policy: Policy::strict(ring(1)).at(SystemTime::UNIX_EPOCH),
        }
    }

    fn under(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }
}

#[test]
fn every_bad_pack_is_refused_for_the_reason_it_was_made_for() {
    let cases: Vec<Case> = structure::cases()
        .into_iter()
        .chain(trust::cases())
        .chain(content::cases())
        .collect();
    assert!(cases.len() >= 60, "{} cases", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        match Pack::open_named("bad.gtpack", case.bytes.clone(), &case.policy) {
            Ok(_) => wrong.push(format!("{}: accepted, wanted {}", case.what, case.code)),
            Err(error) if error.refusal.code() != case.code => {
                wrong.push(format!("{}: {}, wanted {}", case.what, error, case.code));
            }
            Err(error) => {
                let text = error.to_string();
                assert!(
                    text.contains("bad.gtpack") && text.contains(error.remedy()),
                    "{text}"
                );
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}
