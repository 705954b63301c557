//! The opening handshake, from the server's side (RFC 6455 section 4.2).

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Version, header};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::answer::Full;
use crate::intake::has_token;
use crate::problem::{Extra, Problem};

/// The key to answer, or why this is no proper opening.
pub(crate) fn check<'a>(
    method: &Method,
    version: Version,
    headers: &'a HeaderMap,
) -> Result<&'a HeaderValue, Problem> {
    if method != Method::GET {
        return Err(Problem::method("GET"));
    }
    if version != Version::HTTP_11 {
        return Err(Problem::bad_request("A websocket is opened over HTTP/1.1."));
    }
    if !has_token(headers, &header::CONNECTION, "upgrade") {
        return Err(Problem::bad_request(
            "A websocket is opened with `Connection: Upgrade`.",
        ));
    }
    if headers
        .get(header::SEC_WEBSOCKET_VERSION)
        .is_none_or(|version| version != "13")
    {
        return Err(Problem {
            status: StatusCode::UPGRADE_REQUIRED,
            detail: "The websocket version is not 13.",
            extra: Extra::WebsocketVersion,
        });
    }
    let mut keys = headers.get_all(header::SEC_WEBSOCKET_KEY).iter();
    match (keys.next(), keys.next()) {
        (Some(key), None) if is_key(key.as_bytes()) => Ok(key),
        _ => Err(Problem::bad_request(
            "The Sec-WebSocket-Key is not 16 bytes in base64.",
        )),
    }
}

/// 16 bytes in base64: 22 digits and two pads, the last digit with four zero bits.
fn is_key(key: &[u8]) -> bool {
    let digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    match key {
        [digits @ .., b'A' | b'Q' | b'g' | b'w', b'=', b'='] => {
            digits.len() == 21 && digits.iter().all(digit)
        }
        _ => false,
    }
}

/// The 101 that opens the socket.
pub(crate) fn accept(key: &HeaderValue) -> Response<Full> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    // Base64 is always a header value.
    if let Ok(accept) = HeaderValue::try_from(derive_accept_key(key.as_bytes())) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opening(changes: &[(&'static str, Option<&'static str>)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        for (name, value) in changes {
            headers.remove(*name);
            if let Some(value) = value {
                headers.insert(*name, HeaderValue::from_static(value));
            }
        }
        headers
    }

    #[test]
    fn the_key_is_answered_as_the_standard_computes_it() {
        // RFC 6455 section 1.3.
        let headers = opening(&[]);
        let key = check(&Method::GET, Version::HTTP_11, &headers).unwrap();
        assert_eq!(
            accept(key).headers()["sec-websocket-accept"],
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }

    #[test]
    fn an_improper_opening_is_refused() {
        let status = |method, version, headers: &HeaderMap| {
            check(&method, version, headers)
                .unwrap_err()
                .status
                .as_u16()
        };
        assert_eq!(status(Method::POST, Version::HTTP_11, &opening(&[])), 405);
        assert_eq!(status(Method::GET, Version::HTTP_10, &opening(&[])), 400);
        for (changes, expected) in [
            (("connection", Some("keep-alive")), 400),
            (("connection", None), 400),
            (("sec-websocket-version", Some("12")), 426),
            (("sec-websocket-version", None), 426),
            (("sec-websocket-key", None), 400),
            (("sec-websocket-key", Some("short==")), 400),
            (("sec-websocket-key", Some("dGhlIHNhbXBsZSBub25jZR==")), 400),
            (("sec-websocket-key", Some("dGhlIHNhbXBsZSBub25j!Q==")), 400),
        ] {
            assert_eq!(
                status(Method::GET, Version::HTTP_11, &opening(&[changes])),
                expected,
                "{changes:?}"
            );
        }
    }
}
