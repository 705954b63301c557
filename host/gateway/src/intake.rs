//! Reading a request under its limits: size of target and headers, the headers a channel wants, the body.

use std::time::Instant;

use http::{HeaderMap, Method, StatusCode, Uri, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

use crate::channel::{ChannelFacts, Surface};
use crate::deadline::within;
use crate::limits::RequestLimits;
use crate::problem::Problem;

/// The most that is reserved for a body on the client's word alone.
const TRUSTED_LENGTH: usize = 64 << 10;

/// The body is too large, said by its length or by its bytes.
pub(crate) const TOO_LARGE: Problem = Problem::new(
    StatusCode::PAYLOAD_TOO_LARGE,
    "The body is larger than this path takes.",
);

const TOO_SLOW: Problem = Problem::new(
    StatusCode::REQUEST_TIMEOUT,
    "The body did not arrive in time.",
);

/// Bounds on target and headers that hold for every path.
pub(crate) fn check_head(
    uri: &Uri,
    headers: &HeaderMap,
    limits: &RequestLimits,
) -> Result<(), Problem> {
    let target = uri
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    if target > limits.target {
        return Err(Problem::new(
            StatusCode::URI_TOO_LONG,
            "Path and query are too long.",
        ));
    }
    let bytes: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    if headers.len() > limits.header_count || bytes > limits.header_bytes {
        let detail = "There are too many headers, or they are too large.";
        return Err(Problem::new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            detail,
        ));
    }
    Ok(())
}

/// The method as the channel gets it, or the refusal.
pub(crate) fn method(surface: Surface, method: &Method) -> Result<&str, Problem> {
    match (surface, method) {
        (_, &Method::HEAD | &Method::GET) => Ok("GET"),
        (_, &Method::POST) => Ok("POST"),
        (Surface::Api, &Method::PUT | &Method::PATCH | &Method::DELETE | &Method::OPTIONS) => {
            Ok(method.as_str())
        }
        (Surface::Api, _) => Err(Problem::method(
            "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
        )),
        (Surface::Webhook | Surface::Page, _) => Err(Problem::method("GET, HEAD, POST")),
    }
}

/// The headers the channel declared, in its order.
pub(crate) fn wanted(
    facts: &ChannelFacts,
    headers: &HeaderMap,
) -> Result<Vec<(String, String)>, Problem> {
    let mut wanted = Vec::with_capacity(facts.headers().len());
    for (name, text) in facts.headers() {
        for value in headers.get_all(name) {
            let value = std::str::from_utf8(value.as_bytes())
                .map_err(|_| Problem::bad_request("A header's value is not UTF-8."))?;
            wanted.push((text.clone(), value.to_owned()));
        }
    }
    Ok(wanted)
}

/// The whole body, in one allocation where its length is told and small.
/// `since` is the end of the headers.
pub(crate) async fn body(
    mut incoming: Incoming,
    most: usize,
    since: Instant,
    limits: &RequestLimits,
) -> Result<Vec<u8>, Problem> {
    if incoming.is_end_stream() {
        return Ok(Vec::new());
    }
    let told = incoming.size_hint().lower();
    let told = usize::try_from(told).unwrap_or(usize::MAX);
    if told > most {
        return Err(TOO_LARGE);
    }
    let mut body = Vec::with_capacity(told.min(TRUSTED_LENGTH));
    let mut left = limits.body_time;
    loop {
        let Some(piece) = within(limits.body_pause.min(left), incoming.frame()).await else {
            return Err(TOO_SLOW);
        };
        match piece {
            None => return Ok(body),
            Some(Err(_)) => {
                return Err(Problem::bad_request(
                    "The body is not framed as its headers say.",
                ));
            }
            Some(Ok(frame)) => {
                // Trailers are read over: no channel asks for them.
                if let Some(data) = frame.data_ref() {
                    if data.len() > most.saturating_sub(body.len()) {
                        return Err(TOO_LARGE);
                    }
                    body.extend_from_slice(data);
                }
            }
        }
        if incoming.is_end_stream() {
            return Ok(body);
        }
        left = limits.body_time.saturating_sub(since.elapsed());
    }
}

/// Whether the request asks for a websocket (RFC 6455 section 4.2.1): what else is wrong with it is told apart later.
pub(crate) fn asks_for_websocket(headers: &HeaderMap) -> bool {
    has_token(headers, &header::UPGRADE, "websocket")
}

/// Whether a comma-separated header has a token, whatever its case.
pub(crate) fn has_token(headers: &HeaderMap, name: &http::HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|found| found.trim().eq_ignore_ascii_case(token))
}
