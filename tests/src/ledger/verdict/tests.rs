//! A verdict that finds nothing wrong with everything would be worthless: each kind of broken promise is found where it is.

use std::time::Duration;

use super::{Disturbance, Ledger, Message, Reply, Verdict};

fn reply(text: &str, delivery: &str, second: u64) -> Reply {
    Reply {
        conversation: "c".into(),
        text: text.into(),
        delivery: delivery.into(),
        at: Duration::from_secs(second),
    }
}

/// Four messages, the third not acknowledged and not answered.
fn good() -> Ledger {
    let message = |number| Message {
        conversation: "c".into(),
        number,
        acked: number != 3,
    };
    Ledger {
        messages: (1..=4).map(message).collect(),
        replies: vec![
            reply("1: 1", "a", 1),
            reply("2: 2", "b", 2),
            reply("3: 4", "d", 9),
        ],
        disturbances: Vec::new(),
    }
}

fn broken(ledger: &Ledger) -> Vec<String> {
    Verdict::of(ledger).broken()
}

#[test]
fn a_ledger_without_fault_is_kept_and_counted() {
    let verdict = Verdict::of(&good());
    assert!(verdict.is_kept(), "{:?}", verdict.broken());
    assert_eq!((verdict.sent, verdict.acked, verdict.replies), (4, 3, 3));
    assert_eq!(verdict.silence, Duration::from_secs(7));
}

#[test]
fn an_acknowledged_message_without_a_reply_is_lost() {
    let mut ledger = good();
    ledger.replies.pop();
    assert_eq!(broken(&ledger), ["lost: c: 4"]);
    // Nobody was told that this one was taken.
    ledger.messages[3].acked = false;
    assert!(broken(&ledger).is_empty());
}

#[test]
fn a_second_reply_is_a_double_and_a_wrong_count() {
    let mut ledger = good();
    ledger.replies.push(reply("4: 4", "e", 10));
    assert_eq!(broken(&ledger), ["doubled: c: 4 (2 replies)"]);
    // A turn done twice from the same state, which both commits say.
    ledger.replies[3].text = "3: 4".into();
    let found = broken(&ledger);
    assert_eq!(found.len(), 2, "{found:?}");
    // The same of a message that was never acknowledged.
    let mut ledger = good();
    ledger.replies.push(reply("4: 3", "e", 10));
    assert!(broken(&ledger).is_empty());
    ledger.replies.push(reply("5: 3", "f", 11));
    assert_eq!(broken(&ledger), ["doubled: c: 3 (2 replies)"]);
}

#[test]
fn one_delivery_with_two_texts_is_two_replies() {
    let mut ledger = good();
    ledger.replies.push(reply("4: 4", "d", 10));
    assert_eq!(broken(&ledger), ["doubled: c: 4 (2 replies)"]);
}

#[test]
fn two_replies_that_change_places_are_out_of_order() {
    let mut ledger = good();
    ledger.replies.swap(0, 1);
    let found = Verdict::of(&ledger);
    assert_eq!(found.out_of_order, ["c: `1: 1` after 2"]);
    assert!(!found.miscounted.is_empty() && !found.is_kept());
    // Also where the flow heard them in the wrong order, so that the counts are right.
    let mut ledger = good();
    ledger.replies[0].text = "1: 2".into();
    ledger.replies[1].text = "2: 1".into();
    assert_eq!(broken(&ledger), ["out of order: c: `2: 1` after 2"]);
}

#[test]
fn a_count_that_begins_anew_is_state_that_was_lost() {
    let mut ledger = good();
    ledger.replies[2].text = "1: 4".into();
    assert_eq!(broken(&ledger), ["miscounted: c: `1: 4` after 2"]);
}

#[test]
fn a_reply_to_nothing_is_strange() {
    let mut ledger = good();
    ledger.replies.push(reply("4: 17", "e", 10));
    ledger.replies.push(reply("That went wrong.", "f", 10));
    assert_eq!(Verdict::of(&ledger).strange.len(), 2);
}

#[test]
fn a_call_made_again_is_seen_once_and_needs_a_fault_that_explains_it() {
    let mut ledger = good();
    ledger.replies.insert(2, reply("2: 2", "b", 3));
    assert_eq!(broken(&ledger), ["called again without a fault: c: `2: 2`"]);
    let fault = |from, to| Disturbance {
        what: "host killed".into(),
        from: Duration::from_secs(from),
        to: Duration::from_secs(to),
    };
    // One that came later explains nothing.
    ledger.disturbances.push(fault(4, 5));
    assert!(!broken(&ledger).is_empty());
    ledger.disturbances.push(fault(2, 3));
    let verdict = Verdict::of(&ledger);
    assert!(verdict.is_kept(), "{:?}", verdict.broken());
    assert_eq!(verdict.again, ["c: `2: 2`: host killed"]);
    assert_eq!(verdict.replies, 3);
}

#[test]
fn a_dead_letter_is_a_broken_promise() {
    let mut verdict = Verdict::of(&good());
    verdict.dead_letters = 1;
    assert!(!verdict.is_kept());
}
