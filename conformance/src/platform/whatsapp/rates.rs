//! How much the platform takes: 80 messages a second of a number, and one in six seconds to one person after a burst of 45.

use std::collections::VecDeque;

use super::account::Account;
use super::errors;
use crate::platform::{Answer, Desk};

/// Counts a message, or says that it is too much.
pub fn take(desk: &Desk, account: &mut Account, conversation: &str) -> Result<(), Answer> {
    if !desk.enforces_rates() {
        return Ok(());
    }
    let now = desk.now_ms();
    if !within(&mut account.all_sent_ms, now, 80, 1_000) {
        desk.violation("number-rate", "more than 80 messages in a second");
        return Err(errors::rate_of_number());
    }
    let pair = account.sent_ms.entry(conversation.to_owned()).or_default();
    if !within(pair, now, 45, 45 * 6_000) {
        desk.violation(
            "pair-rate",
            format!("more than one message in 6 seconds to {conversation}"),
        );
        return Err(errors::rate_of_pair());
    }
    account.all_sent_ms.push_back(now);
    account
        .sent_ms
        .entry(conversation.to_owned())
        .or_default()
        .push_back(now);
    Ok(())
}

fn within(sent: &mut VecDeque<u64>, now: u64, most: usize, window_ms: u64) -> bool {
    while sent
        .front()
        .is_some_and(|at| at.saturating_add(window_ms) <= now)
    {
        sent.pop_front();
    }
    sent.len() < most
}
