//! What a delivery came to: HTTP statuses as delivery errors, and several calls that make up one delivery.

use crate::channel::{Delivery, DeliveryError, Retry, memory};
use crate::http::{Fault, Response};

/// Most characters of a response's body that go into a reason.
const SHOWN: usize = 300;

/// How long the steps of a delivery are remembered: as long as the host may try it again, and a day for whoever replays a dead letter.
const REMEMBERED_MS: u64 = 24 * 60 * 60 * 1000;

/// What a status means where the platform says nothing more exact in its body. `None` for 2xx.
///
/// | status | meaning |
/// |---|---|
/// | 408, 425, 429 | `retry`, after what was asked for |
/// | 503 with a time to wait | `retry`: a server that plans says it took nothing |
/// | other 5xx | `unknown`: it may have been done before it failed |
/// | 1xx, 3xx, other 4xx | `rejected` |
#[must_use]
pub fn of_status(status: u16, retry_after_ms: Option<u64>, body: &str) -> Option<DeliveryError> {
    if (200..300).contains(&status) {
        return None;
    }
    let mut reason = format!("HTTP {status}");
    let body = body.trim();
    if !body.is_empty() {
        reason.push_str(": ");
        reason.extend(body.chars().take(SHOWN));
    }
    Some(match status {
        408 | 425 | 429 => retry(reason, retry_after_ms),
        503 if retry_after_ms.is_some() => retry(reason, retry_after_ms),
        500.. => DeliveryError::Unknown(reason),
        _ => DeliveryError::Rejected(reason),
    })
}

/// A call's response where its status is 2xx, and the delivery error of anything else.
///
/// # Errors
/// As [`of_status`] and [`Fault::delivery_error`].
pub fn answered(outcome: Result<Response, Fault>) -> Result<Response, DeliveryError> {
    let response = outcome.map_err(Fault::delivery_error)?;
    match of_status(response.status, response.retry_after_ms(), &response.text()) {
        None => Ok(response),
        Some(error) => Err(error),
    }
}

/// Surely not sent; try again after what the platform asked for.
#[must_use]
pub fn retry(reason: impl Into<String>, after_ms: Option<u64>) -> DeliveryError {
    DeliveryError::Retry(Retry {
        reason: reason.into(),
        after_ms,
    })
}

/// The calls that make up one delivery, each made once however often the delivery is tried.
///
/// A long text becomes several messages, a card a picture and a text. When a later call fails the host delivers the whole again under
/// the same id; the calls that had succeeded are then not made again but answered from the channel's memory. A delivery of one
/// call uses no memory.
pub struct Steps {
    key: String,
    total: usize,
    at: usize,
    done: Vec<Vec<String>>,
}

impl Steps {
    /// Begins a delivery of `total` calls, or goes on with it.
    ///
    /// # Errors
    /// `retry` when the memory cannot be read: without it a call could be made twice.
    pub fn of(delivery: &Delivery, total: usize) -> Result<Self, DeliveryError> {
        let key = format!("delivery/{}", delivery.id);
        let done = if total > 1 {
            let kept = memory::get(&key)
                .map_err(|error| retry(format!("the channel's memory: {error:?}"), None))?;
            // What cannot be read was not written by this code.
            kept.and_then(|bytes| serde_json::from_slice(&bytes).ok())
                .unwrap_or_default()
        } else {
            Vec::new()
        };
        Ok(Self {
            key,
            total,
            at: 0,
            done,
        })
    }

    /// Makes the next call, unless it was made on an earlier attempt, and returns the identifiers the platform gave for it.
    ///
    /// # Errors
    /// Those of the call.
    pub fn step(
        &mut self,
        call: impl FnOnce() -> Result<Vec<String>, DeliveryError>,
    ) -> Result<Vec<String>, DeliveryError> {
        let at = self.at;
        self.at += 1;
        if let Some(ids) = self.done.get(at) {
            return Ok(ids.clone());
        }
        let ids = call()?;
        self.done.push(ids.clone());
        if self.total > 1 {
            let kept = serde_json::to_vec(&self.done).unwrap_or_default();
            if let Err(error) = memory::put(&self.key, &kept, Some(REMEMBERED_MS)) {
                crate::log::warn!(
                    "deliver",
                    "a call that was made cannot be remembered, a further attempt would repeat it: {error:?}"
                );
            }
        }
        Ok(ids)
    }

    /// The identifiers of all calls so far, in order.
    #[must_use]
    pub fn message_ids(&self) -> Vec<String> {
        self.done.iter().take(self.at).flatten().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Steps, answered, of_status, retry};
    use crate::channel::{Delivery, DeliveryError};
    use crate::http::{Fault, Response};
    use crate::model::{Conversation, Outbound};
    use crate::native::{Table, install, set_clock};

    #[test]
    fn a_status_says_whether_to_try_again() {
        let kind = |status, after| match of_status(status, after, " busy ") {
            None => "taken".to_owned(),
            Some(DeliveryError::Rejected(reason)) => format!("rejected {reason}"),
            Some(DeliveryError::Retry(retry)) => {
                format!("retry {:?} {}", retry.after_ms, retry.reason)
            }
            Some(DeliveryError::Unknown(reason)) => format!("unknown {reason}"),
        };
        for (status, after, meant) in [
            (200, None, "taken"),
            (204, Some(1), "taken"),
            (302, None, "rejected HTTP 302: busy"),
            (400, None, "rejected HTTP 400: busy"),
            (404, Some(5), "rejected HTTP 404: busy"),
            (408, None, "retry None HTTP 408: busy"),
            (429, Some(5), "retry Some(5) HTTP 429: busy"),
            (500, None, "unknown HTTP 500: busy"),
            (502, Some(5), "unknown HTTP 502: busy"),
            (503, None, "unknown HTTP 503: busy"),
            (503, Some(5), "retry Some(5) HTTP 503: busy"),
        ] {
            assert_eq!(kind(status, after), meant);
        }
        let long = "x".repeat(10_000);
        let Some(DeliveryError::Rejected(reason)) = of_status(400, None, &long) else {
            panic!()
        };
        assert_eq!(reason.len(), "HTTP 400: ".len() + 300);
    }

    #[test]
    fn an_answer_is_taken_and_everything_else_is_a_delivery_error() {
        assert_eq!(
            answered(Ok(Response::of(201, "text/plain", "x")))
                .unwrap()
                .body,
            b"x"
        );
        let limited = Response::of(429, "text/plain", "").with_header("retry-after", "2");
        assert!(matches!(
            answered(Ok(limited)),
            Err(DeliveryError::Retry(retry)) if retry.after_ms == Some(2000)
        ));
        assert!(matches!(
            answered(Err(Fault::Unknown("u".into()))),
            Err(DeliveryError::Unknown(_))
        ));
    }

    fn delivery(id: &str) -> Delivery {
        Delivery {
            id: id.into(),
            attempt: 1,
            message: Outbound::text(&Conversation::direct("c"), "hello"),
        }
    }

    /// Delivers three parts, of which the platform takes the first `taken`; returns what was sent and what came of it.
    fn attempt(id: &str, taken: usize) -> (Vec<usize>, Result<Vec<String>, DeliveryError>) {
        let mut sent = Vec::new();
        let outcome = Steps::of(&delivery(id), 3).and_then(|mut steps| {
            for part in 0..3 {
                steps.step(|| {
                    if part >= taken {
                        return Err(retry("busy", None));
                    }
                    sent.push(part);
                    Ok(vec![format!("m{part}")])
                })?;
            }
            Ok(steps.message_ids())
        });
        (sent, outcome)
    }

    #[test]
    fn a_part_that_was_sent_is_not_sent_again_when_a_later_one_failed() {
        install(Table::new());
        let (sent, outcome) = attempt("d", 1);
        assert_eq!(sent, [0]);
        assert!(outcome.is_err());
        assert_eq!(attempt("d", 2).0, [1]);
        let (sent, outcome) = attempt("d", 3);
        assert_eq!(sent, [2]);
        assert_eq!(outcome.unwrap(), ["m0", "m1", "m2"]);
        // A further attempt, because the host ended before it noted the receipt, sends nothing.
        let (sent, outcome) = attempt("d", 3);
        assert!(sent.is_empty());
        assert_eq!(outcome.unwrap(), ["m0", "m1", "m2"]);
        assert_eq!(attempt("other", 3).0, [0, 1, 2]);
    }

    #[test]
    fn what_was_sent_is_forgotten_after_a_day() {
        install(Table::new());
        set_clock(1_000);
        assert_eq!(attempt("d", 3).0, [0, 1, 2]);
        set_clock(1_000 + 24 * 60 * 60 * 1000);
        assert_eq!(attempt("d", 3).0, [0, 1, 2]);
    }
}
