//! Addresses by which an interaction can be answered: five times within 30 minutes, also where the bot is no member
//! (docs.slack.dev/interactivity/handling-user-interaction).

use serde_json::Value;

use crate::fields;
use crate::remembered::{self, RESPONSE_URL_MS};

/// Keeps the newest address of a person in a channel.
pub fn remember(channel: &str, user: &str, url: &str) {
    for name in [["respond", channel, user], ["respond", channel, ""]] {
        remembered::put(&name, &Value::from(url), RESPONSE_URL_MS);
    }
}

/// The address by which this person can be answered in this channel; without a person the newest of anybody.
pub fn find(channel: &str, user: Option<&str>) -> Option<String> {
    remembered::get(&["respond", channel, user.unwrap_or_default()])
        .as_ref()
        .and_then(|kept| fields::text(kept, ""))
        .map(str::to_owned)
}

/// Forgets an address that Slack takes no more.
pub fn forget(channel: &str, user: Option<&str>) {
    remembered::forget(&["respond", channel, user.unwrap_or_default()]);
}
