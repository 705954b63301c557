//! The floor: what any receiver of a signed webhook pays. It checks the HMAC, reads the JSON and answers; nothing is passed on.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use hyper::StatusCode;
use serde::Deserialize;
use sha2::Sha256;

use crate::events::KEY;
use crate::server::Answer;

/// Answered with 200 on all threads.
static ANSWERED: AtomicU64 = AtomicU64::new(0);

/// The handler of one thread.
pub struct Floor;

#[derive(Deserialize)]
struct Incoming {
    id: String,
    conversation: String,
    user: String,
    text: String,
}

impl Floor {
    /// For one thread.
    ///
    /// # Errors
    /// Never.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self)
    }
}

impl Answer for Floor {
    async fn webhook(&self, signature: &str, body: Bytes) -> StatusCode {
        let mut tag = [0; 32];
        if hex::decode_to_slice(signature, &mut tag).is_err() {
            return StatusCode::UNAUTHORIZED;
        }
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()) else {
            return StatusCode::INTERNAL_SERVER_ERROR;
        };
        mac.update(&body);
        if mac.verify_slice(&tag).is_err() {
            return StatusCode::UNAUTHORIZED;
        }
        let Ok(incoming) = serde_json::from_slice::<Incoming>(&body) else {
            return StatusCode::BAD_REQUEST;
        };
        // Read on purpose: what nobody looks at the compiler may leave out.
        let parts = [
            incoming.id,
            incoming.conversation,
            incoming.user,
            incoming.text,
        ];
        if parts.iter().any(String::is_empty) {
            return StatusCode::BAD_REQUEST;
        }
        ANSWERED.fetch_add(1, Ordering::Relaxed);
        StatusCode::OK
    }

    fn delivered(&self) -> u64 {
        ANSWERED.load(Ordering::Relaxed)
    }
}
