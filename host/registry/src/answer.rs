//! What a registry says when it does not do what it was asked.

use http::Response;
use hyper::body::Incoming;
use serde::Deserialize;

use crate::error::Reason;
use crate::http::Http;

/// Bytes of an error's body that are looked at.
const ANSWER: u64 = 64 * 1024;
/// Letters of it that are told.
const TOLD: usize = 300;

#[derive(Deserialize)]
struct Errors {
    errors: Vec<One>,
}

#[derive(Deserialize)]
struct One {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// The registry's own words, one line of them.
pub(crate) async fn detail(http: &Http, response: Response<Incoming>) -> String {
    let status = response.status();
    let body = http.whole(response.into_body(), ANSWER, "no key").await;
    let said = words(&body.unwrap_or_default());
    if said.is_empty() {
        return status.canonical_reason().unwrap_or("no reason").to_owned();
    }
    said
}

fn words(body: &[u8]) -> String {
    let text = match serde_json::from_slice::<Errors>(body) {
        Ok(errors) => {
            let errors = errors.errors.iter();
            let errors = errors.map(|one| format!("{} {}", one.code, one.message));
            errors.collect::<Vec<_>>().join(", ")
        }
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    let clean = text
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter });
    clean.take(TOLD).collect::<String>().trim().to_owned()
}

/// What an answer that is no success means; `shown` says which credentials were shown.
pub(crate) async fn refusal(
    http: &Http,
    response: Response<Incoming>,
    shown: impl FnOnce() -> String,
) -> Reason {
    let status = response.status().as_u16();
    let detail = detail(http, response).await;
    match status {
        401 => Reason::Unauthorized {
            detail,
            shown: shown(),
        },
        403 => Reason::Denied {
            detail,
            shown: shown(),
        },
        404 => Reason::NotFound(detail),
        300..=399 => Reason::Redirected(format!(
            "where the specification knows no redirect ({status})"
        )),
        _ => Reason::Status { status, detail },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registrys_words_are_one_short_line() {
        let known =
            br#"{"errors":[{"code":"BLOB_UNKNOWN","message":"blob unknown","detail":{"x":1}}]}"#;
        assert_eq!(words(known), "BLOB_UNKNOWN blob unknown");
        assert_eq!(words(b"<html>\n\x1b[31mno\n"), "<html>  [31mno");
        assert_eq!(words("x".repeat(5_000).as_bytes()).len(), TOLD);
        assert_eq!(words(b""), "");
    }
}
