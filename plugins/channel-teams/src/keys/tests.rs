use greentic_sdk::channel::IngressError;
use greentic_sdk::native;

use super::{HOUR_MS, find};
use crate::testing::{NOW, Platform, activity, ingress, install, settings};

/// How often the key set was fetched.
fn fetches() -> usize {
    native::requests()
        .iter()
        .filter(|call| call.url.ends_with("/keys"))
        .count()
}

fn found(kid: &str, now_ms: u64) -> Result<bool, String> {
    native::set_clock(now_ms);
    find(&settings(), kid, now_ms).map(|key| key.is_some())
}

#[test]
fn the_set_is_fetched_once_and_then_kept_for_a_day() {
    install(Platform::default());
    for hours in [0, 1, 19] {
        assert_eq!(found("k1", NOW + hours * HOUR_MS), Ok(true));
        assert_eq!(fetches(), 1, "after {hours} h");
    }
    assert_eq!(found("k1", NOW + 20 * HOUR_MS), Ok(true));
    assert_eq!(fetches(), 2, "renewed before its end");
    assert_eq!(found("k1", NOW + 39 * HOUR_MS), Ok(true));
    assert_eq!(fetches(), 2);
}

#[test]
fn an_old_set_is_used_while_the_login_service_is_out_and_never_longer_than_a_day() {
    let (_, platform) = install(Platform::default());
    assert_eq!(found("k1", NOW), Ok(true));
    platform.borrow_mut().login_down = true;
    assert_eq!(found("k1", NOW + 23 * HOUR_MS), Ok(true));
    assert!(native::lines().iter().any(|line| line.contains("used on")));
    assert!(found("k1", NOW + 24 * HOUR_MS).is_err());
    platform.borrow_mut().login_down = false;
    assert!(
        found("k1", NOW + 24 * HOUR_MS + 1).is_err(),
        "not tried again at once"
    );
    assert_eq!(found("k1", NOW + 24 * HOUR_MS + 2_000), Ok(true));
}

#[test]
fn a_new_key_is_found_at_once_and_invented_names_cause_one_fetch_an_hour() {
    let (_, platform) = install(Platform::default());
    assert_eq!(found("k1", NOW), Ok(true));
    platform.borrow_mut().kids = vec!["k2"];
    assert_eq!(found("k2", NOW + 1), Ok(true), "rotated");
    assert_eq!(found("k1", NOW + 2), Ok(false), "withdrawn");
    assert_eq!(fetches(), 2);
    for at in 3..50 {
        assert_eq!(found("invented", NOW + at), Ok(false));
    }
    assert_eq!(fetches(), 2);
    assert_eq!(found("invented", NOW + HOUR_MS + 1), Ok(false));
    assert_eq!(found("another", NOW + HOUR_MS + 2), Ok(false));
    assert_eq!(fetches(), 3);
}

#[test]
fn a_key_that_may_be_new_is_not_refused_while_the_login_service_is_out() {
    let (_, platform) = install(Platform::default());
    assert_eq!(found("k1", NOW), Ok(true));
    platform.borrow_mut().login_down = true;
    assert!(found("k2", NOW + 1).is_err());
    platform.borrow_mut().login_down = false;
    platform.borrow_mut().kids.push("k2");
    assert_eq!(found("k2", NOW + 3000), Ok(true));
}

#[test]
fn without_keys_a_request_is_neither_taken_nor_refused() {
    let (_, platform) = install(Platform {
        login_down: true,
        ..Platform::default()
    });
    let outcome = ingress(&activity(serde_json::json!({})));
    assert!(
        matches!(outcome, Err(IngressError::Unavailable(_))),
        "{outcome:?}"
    );
    platform.borrow_mut().login_down = false;
    platform.borrow_mut().kids = Vec::new();
    let outcome = crate::testing::ingress_at(&activity(serde_json::json!({})), NOW + 5000);
    assert!(
        matches!(outcome, Err(IngressError::Unavailable(_))),
        "an empty set: {outcome:?}"
    );
}
