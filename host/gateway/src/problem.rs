//! Refusals as problem details (RFC 9457): `application/problem+json` with type, title, status and detail. The details are written
//! here or by the backend and never repeat what the client sent.

use std::time::Duration;

use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::answer::Full;
use crate::channel::Answer;

/// The media type of a problem.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// A refusal, small enough to be returned on the way of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) detail: &'static str,
    pub(crate) extra: Extra,
}

/// The one header a refusal may need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extra {
    None,
    Allow(&'static str),
    RetryAfter(Duration),
    WebsocketVersion,
    Bearer,
}

impl Problem {
    pub(crate) const fn new(status: StatusCode, detail: &'static str) -> Self {
        Self {
            status,
            detail,
            extra: Extra::None,
        }
    }

    pub(crate) const fn bad_request(detail: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub(crate) const fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Nothing is served at this path.")
    }

    pub(crate) const fn method(allow: &'static str) -> Self {
        Self {
            status: StatusCode::METHOD_NOT_ALLOWED,
            detail: "This path does not take the method; the Allow header lists those it takes.",
            extra: Extra::Allow(allow),
        }
    }

    pub(crate) const fn busy(detail: &'static str, retry_after: Duration) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            detail,
            extra: Extra::RetryAfter(retry_after),
        }
    }

    pub(crate) fn response(self) -> Response<Full> {
        let mut response = json_response(self.status, MEDIA_TYPE, &body(self.status, self.detail));
        let headers = response.headers_mut();
        match self.extra {
            Extra::None => {}
            Extra::Allow(methods) => {
                headers.insert(header::ALLOW, HeaderValue::from_static(methods));
            }
            Extra::RetryAfter(after) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(whole_seconds(after)));
            }
            Extra::WebsocketVersion => {
                headers.insert(
                    header::SEC_WEBSOCKET_VERSION,
                    HeaderValue::from_static("13"),
                );
                headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
            }
            Extra::Bearer => {
                headers.insert(
                    header::WWW_AUTHENTICATE,
                    HeaderValue::from_static("Bearer realm=\"admin\""),
                );
            }
        }
        response
    }
}

impl Answer {
    /// An answer with problem details: `status` with its standard title, `detail` in one sentence for the caller, and Retry-After
    /// where one is given.
    #[must_use]
    pub fn problem(status: u16, detail: &str, retry_after: Option<Duration>) -> Self {
        let known = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut headers = vec![("content-type".to_owned(), MEDIA_TYPE.to_owned())];
        if let Some(after) = retry_after {
            headers.push(("retry-after".to_owned(), whole_seconds(after).to_string()));
        }
        Self {
            status: known.as_u16(),
            headers,
            body: body(known, detail).to_string().into_bytes(),
        }
    }
}

/// The members of a problem.
pub(crate) fn body(status: StatusCode, detail: &str) -> Value {
    let title = status.canonical_reason().unwrap_or("Error");
    json!({ "type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail })
}

/// A JSON response that no browser takes for anything else and no cache keeps.
pub(crate) fn json_response(
    status: StatusCode,
    media_type: &'static str,
    body: &Value,
) -> Response<Full> {
    let mut response = Response::new(Full::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

/// Retry-After counts in seconds (RFC 9110 section 10.2.3): rounded up, at least one.
fn whole_seconds(after: Duration) -> u64 {
    (after.as_secs() + u64::from(after.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_never_shorter_than_what_was_asked_for_and_never_zero() {
        for (millis, seconds) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (90_000, 90)] {
            assert_eq!(whole_seconds(Duration::from_millis(millis)), seconds);
        }
    }

    #[test]
    fn an_answer_with_a_problem_has_the_standard_members() {
        let answer = Answer::problem(
            503,
            "The bus does not answer.",
            Some(Duration::from_millis(1_500)),
        );
        assert_eq!(answer.status, 503);
        assert!(
            answer
                .headers
                .contains(&("content-type".into(), MEDIA_TYPE.into()))
        );
        assert!(answer.headers.contains(&("retry-after".into(), "2".into())));
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(
            body,
            body_of(503, "Service Unavailable", "The bus does not answer.")
        );
        assert_eq!(Answer::problem(7, "x", None).status, 500);
    }

    fn body_of(status: u16, title: &str, detail: &str) -> Value {
        json!({ "type": "about:blank", "title": title, "status": status, "detail": detail })
    }
}
