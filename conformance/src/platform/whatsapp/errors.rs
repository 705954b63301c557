//! The Graph API's errors, as they are answered.

use serde_json::json;

use crate::platform::Answer;

/// An error of a code.
pub fn error(status: u16, code: u32, message: &str, details: &str) -> Answer {
    Answer::json(
        status,
        &json!({ "error": {
            "message": format!("(#{code}) {message}"),
            "type": "OAuthException",
            "code": code,
            "error_data": { "messaging_product": "whatsapp", "details": details },
            "fbtrace_id": "AkVZ3simulatedTrace",
        } }),
    )
}

/// The token is not taken.
pub fn token() -> Answer {
    Answer::json(
        401,
        &json!({ "error": {
            "message": "Error validating access token: Session has expired",
            "type": "OAuthException",
            "code": 190,
            "error_subcode": 463,
            "fbtrace_id": "AkVZ3simulatedTrace",
        } }),
    )
}

/// There is no such thing, or not for this token.
pub fn no_such_object(id: &str) -> Answer {
    Answer::json(
        400,
        &json!({ "error": {
            "message": format!("Unsupported request. Object with ID '{id}' does not exist, cannot be loaded due to missing permissions, or does not support this operation"),
            "type": "GraphMethodException",
            "code": 100,
            "error_subcode": 33,
            "fbtrace_id": "AkVZ3simulatedTrace",
        } }),
    )
}

/// A field is missing.
pub fn missing(details: &str) -> Answer {
    error(400, 131_008, "Required parameter is missing", details)
}

/// A field has a value it cannot have.
pub fn invalid(details: &str) -> Answer {
    error(400, 131_009, "Parameter value is not valid", details)
}

/// A field's form is wrong.
pub fn parameter(details: &str) -> Answer {
    error(400, 100, "Invalid parameter", details)
}

/// The person cannot get it.
pub fn undeliverable() -> Answer {
    error(
        400,
        131_026,
        "Message undeliverable",
        "Message Undeliverable.",
    )
}

/// Too much of the number.
pub fn rate_of_number() -> Answer {
    error(
        429,
        130_429,
        "Rate limit hit",
        "Cloud API message throughput has been reached.",
    )
}

/// Too much for one person.
pub fn rate_of_pair() -> Answer {
    error(
        400,
        131_056,
        "(Business Account, Consumer Account) pair rate limit hit",
        "Message failed to send because there were too many messages sent from this phone number to the same phone number in a short period of time.",
    )
}

/// Out of order.
pub fn unavailable() -> Answer {
    error(
        503,
        131_016,
        "Service unavailable",
        "A service is temporarily unavailable.",
    )
}
