//! What the API answers: JSON bodies, Direct Line's error bodies, and the headers browsers of other origins ask for (CORS).

use greentic_sdk::channel::{Request, Response};
use serde_json::json;

use crate::host::HostError;
use crate::settings::Settings;

/// Why a call is refused. Status and code follow Direct Line 3.0: 401 without or with malformed authorization, 403 when it does not
/// hold, 404 for what is not there; the body is `{"error":{"code","message"}}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// The short name that clients decide by.
    pub code: &'static str,
    /// What is wrong and what to do.
    pub message: String,
    /// Seconds for Retry-After.
    pub retry_after: Option<u64>,
    /// The methods for Allow, with a 405.
    pub allow: Option<&'static str>,
}

impl Refusal {
    /// A refusal without further headers.
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            retry_after: None,
            allow: None,
        }
    }

    /// 400: the request cannot be understood.
    pub fn bad(message: impl Into<String>) -> Self {
        Self::new(400, "BadArgument", message)
    }

    /// 401: no token, or not in the form `Bearer …`.
    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(401, "Unauthorized", message)
    }

    /// 403: a token or origin that does not open this.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(403, "Forbidden", message)
    }

    /// 404.
    pub fn not_found() -> Self {
        Self::new(404, "NotFound", "there is nothing at this address")
    }

    /// 413.
    pub fn too_large(what: &str, limit: usize) -> Self {
        Self::new(
            413,
            "MessageSizeTooBig",
            format!("{what} is larger than {limit} bytes"),
        )
    }

    /// The whole answer.
    pub fn response(&self) -> Response {
        let body = json!({"error": {"code": self.code, "message": self.message}});
        let mut response = Response::json(self.status, body.to_string());
        if let Some(seconds) = self.retry_after {
            response = response.with_header("retry-after", &seconds.to_string());
        }
        if let Some(methods) = self.allow {
            response = response.with_header("allow", methods);
        }
        if self.status == 401 {
            response = response.with_header("www-authenticate", "Bearer");
        }
        response
    }
}

/// A log that cannot be used now: the client tries again. What the host refuses for good is the client's fault here, because all it
/// gets is what the client sent.
impl From<HostError> for Refusal {
    fn from(error: HostError) -> Self {
        match error {
            HostError::Unavailable { after_ms, .. } => Self {
                retry_after: Some(after_ms.unwrap_or(1000).div_ceil(1000).max(1)),
                ..Self::new(
                    503,
                    "ServiceUnavailable",
                    "the conversation cannot be reached now; try again",
                )
            },
            HostError::Refused(_) => Self::bad("the conversation does not take this"),
        }
    }
}

/// 200 or 201 with a JSON value. Answers carry tokens, so nobody may keep them.
pub fn json_answer(status: u16, value: &serde_json::Value) -> Response {
    Response::json(status, value.to_string()).with_header("cache-control", "no-store")
}

/// Refuses a page of an origin that is not trusted. Callers that are no browsers send no Origin.
pub fn check_origin(
    request: &Request,
    settings: &Settings,
    bound: &[String],
) -> Result<(), Refusal> {
    let Some(origin) = request.header("origin") else {
        return Ok(());
    };
    let bound = bound.is_empty() || bound.iter().any(|one| one.eq_ignore_ascii_case(origin));
    if bound && settings.trusts(origin, &request.origin) {
        Ok(())
    } else {
        Err(Refusal::forbidden(
            "pages of this origin may not use the channel; add it to trusted-origins",
        ))
    }
}

/// The answer to a preflight: the headers that botframework-webchat 4.18 asks for.
pub fn preflight() -> Response {
    Response::empty(204)
        .with_header("access-control-allow-methods", "GET, POST")
        .with_header(
            "access-control-allow-headers",
            "authorization, content-type, x-ms-bot-agent, x-requested-with",
        )
        .with_header("access-control-max-age", "600")
}

/// Lets a trusted page of another origin read the answer, Retry-After included.
pub fn with_cors(response: Response, request: &Request, settings: &Settings) -> Response {
    let response = response.with_header("vary", "origin");
    match request.header("origin") {
        Some(origin) if settings.trusts(origin, &request.origin) => response
            .with_header("access-control-allow-origin", origin)
            .with_header("access-control-expose-headers", "retry-after"),
        _ => response,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_has_the_body_and_headers_that_direct_line_clients_read() {
        let response = Refusal {
            retry_after: Some(3),
            ..Refusal::new(503, "ServiceUnavailable", "later")
        }
        .response();
        assert_eq!(response.status, 503);
        assert_eq!(
            response.body,
            br#"{"error":{"code":"ServiceUnavailable","message":"later"}}"#
        );
        assert!(
            response
                .headers
                .iter()
                .any(|header| header.name == "retry-after" && header.value == "3")
        );
    }

    #[test]
    fn an_unavailable_log_asks_the_client_to_wait_whole_seconds() {
        for (after_ms, seconds) in [(None, 1), (Some(0), 1), (Some(1), 1), (Some(1500), 2)] {
            let refusal = Refusal::from(HostError::Unavailable {
                reason: "redis".into(),
                after_ms,
            });
            assert_eq!(
                (refusal.status, refusal.retry_after),
                (503, Some(seconds)),
                "{after_ms:?}"
            );
            assert!(
                !refusal.message.contains("redis"),
                "the operator's reason is not for the client"
            );
        }
    }
}
