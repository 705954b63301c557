//! How far each message of ours has come. Statuses come in any order and again; only a step forward is told.

use greentic_sdk::model::Error;

use crate::limits::REDELIVERY_MS;
use crate::remember;

const STATUS: &str = "status";

/// Takes a step; false when the message was further already. The same step again is true: the first time it may not have reached
/// the bus, and the bus knows events again.
///
/// # Errors
/// When the memory cannot be asked.
pub fn forward(about: &str, rank: u8) -> Result<bool, Error> {
    let known: Option<u8> = remember::get(STATUS, about)?;
    match known {
        Some(known) if known > rank => Ok(false),
        Some(known) if known == rank => Ok(true),
        _ => remember::put(STATUS, about, &rank, REDELIVERY_MS).map(|()| true),
    }
}
