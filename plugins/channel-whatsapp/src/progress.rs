//! What became of a message whose answer never came.
//!
//! The platform takes no idempotency key, so a message whose outcome is unknown could arrive twice when it is sent again. But every
//! message carries the delivery's id as `biz_opaque_callback_data`, and its statuses bring that back: a message that has a
//! status was taken.

use greentic_sdk::model::Error;

use crate::limits::{CALLBACK_DATA, PROGRESS_MS};
use crate::remember;

const TAKEN: &str = "taken";

/// What a message carries along: the delivery's id, and for a later part of it its number.
pub fn callback_data(delivery: &str, part: usize) -> String {
    let data = match part {
        0 => delivery.to_owned(),
        part => format!("{delivery}#{part}"),
    };
    data.chars().take(CALLBACK_DATA).collect()
}

/// A status came with this: the platform has the message.
///
/// # Errors
/// When the memory cannot be asked.
pub fn confirm(callback_data: &str, message_id: &str) -> Result<(), Error> {
    remember::put(TAKEN, callback_data, &message_id, PROGRESS_MS)
}

/// The identifier of the message that carries this, where a status told that the platform has it.
///
/// # Errors
/// When the memory cannot be asked.
pub fn taken(callback_data: &str) -> Result<Option<String>, Error> {
    remember::get(TAKEN, callback_data)
}
