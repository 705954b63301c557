//! The rules of the protocol, each broken once. A check that never fails shows nothing: these show what each rule is for, and that the
//! checks see it missing.

use crate::explore::{Found, explore};
use crate::world::{Budget, Fault, Setup};

/// How a runner keeps the protocol.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rule {
    /// As it is.
    Kept,
    /// Commits without naming its fence.
    NoFence,
    /// Commits over whatever is there.
    Blind,
    /// Acknowledges before it commits.
    AckFirst,
    /// Marks an event as handled before its turn.
    MarkFirst,
    /// Forgets which events were handled.
    Forgetful,
    /// Publishes replies under an id of its own at each attempt.
    FreshIds,
    /// Publishes nothing for an event that it finds handled.
    OutboxLost,
    /// Publishes before it commits.
    PublishFirst,
    /// Publishes events without a key, so that the bus does not hold a session's later ones back.
    NoKey,
    /// Leaves an event to whoever holds its session.
    LeftToHolder,
    /// Records a failure before it keeps the dead letter.
    LetterLast,
}

/// Two hosts, two events of one session, and a little of everything that goes wrong.
pub fn small() -> Setup {
    Setup {
        hosts: vec![0, 1],
        events: vec![0, 0],
        poison: None,
        budget: Budget {
            crashes: 1,
            waits: 2,
            lost: 0,
            repeats: 0,
            failures: 0,
        },
    }
}

fn broken(rule: Rule, setup: &Setup) -> Found {
    match explore(setup, rule) {
        Err(found) => found,
        Ok(size) => panic!("{rule:?} was not found: {size:?}"),
    }
}

#[test]
fn a_commit_without_its_fence_is_found() {
    assert_eq!(broken(Rule::NoFence, &small()).fault, Fault::StaleFence);
    assert_eq!(broken(Rule::Blind, &small()).fault, Fault::StaleFence);
}

#[test]
fn an_acknowledgement_before_the_commit_is_found() {
    let found = broken(Rule::AckFirst, &small());
    assert!(matches!(found.fault, Fault::Turns { .. }), "{found:?}");
}

#[test]
fn incident_02_a_mark_before_the_turn_is_found() {
    let found = broken(Rule::MarkFirst, &small());
    assert!(matches!(found.fault, Fault::Turns { .. }), "{found:?}");
}

#[test]
fn a_record_that_forgets_handled_events_is_found() {
    let found = broken(Rule::Forgetful, &small());
    assert!(matches!(found.fault, Fault::Turns { .. }), "{found:?}");
}

#[test]
fn replies_with_ids_that_are_not_derived_are_found() {
    let found = broken(Rule::FreshIds, &small());
    assert_eq!(found.fault, Fault::Published { event: 0, times: 2 });
}

#[test]
fn an_outbox_that_is_not_published_again_is_found() {
    let found = broken(Rule::OutboxLost, &small());
    assert_eq!(found.fault, Fault::Published { event: 0, times: 0 });
}

#[test]
fn a_reply_before_its_commit_is_found() {
    let found = broken(Rule::PublishFirst, &small());
    assert!(matches!(found.fault, Fault::Unsaid(_)), "{found:?}");
}

#[test]
fn events_without_their_key_are_found() {
    let found = broken(Rule::NoKey, &small());
    assert!(matches!(found.fault, Fault::Turns { .. }), "{found:?}");
}

#[test]
fn a_failure_recorded_before_its_dead_letter_is_found() {
    let mut setup = small();
    setup.poison = Some(0);
    assert_eq!(broken(Rule::LetterLast, &setup).fault, Fault::NoLetter(0));
}

#[test]
fn incident_05_an_event_left_to_the_holder_of_its_session_is_found() {
    let found = broken(Rule::LeftToHolder, &small());
    assert!(matches!(found.fault, Fault::Turns { .. }), "{found:?}");
}
