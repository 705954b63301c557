//! Which call a request makes. Every path stands with and without the `v3/directline` of Microsoft's service, so that a client needs
//! only another domain.

use crate::answer::Refusal;

/// A call of the Direct Line 3.0 REST surface, or one of the two addresses of our own (a file, the stream).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `OPTIONS` on anything.
    Preflight,
    /// `POST tokens/generate`.
    Generate,
    /// `POST tokens/refresh`.
    Refresh,
    /// `POST conversations`.
    Start,
    /// `GET conversations/{id}`.
    Reconnect(String),
    /// `GET conversations/{id}/activities`.
    Activities(String),
    /// `POST conversations/{id}/activities`.
    Post(String),
    /// `POST conversations/{id}/upload`.
    Upload(String),
    /// `GET conversations/{id}/files/{file}`: where the files of an upload are.
    File(String, String),
    /// `GET conversations/{id}/stream`: where `streamUrl` points.
    Stream(String),
}

/// Finds the call.
///
/// # Errors
/// 404 for an unknown path, 405 with the allowed methods for a known one.
pub fn call(method: &str, path: &str) -> Result<Call, Refusal> {
    if method == "OPTIONS" {
        return Ok(Call::Preflight);
    }
    let path = path
        .strip_prefix("/v3/directline")
        .filter(|rest| rest.starts_with('/'))
        .unwrap_or(path);
    let parts: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
    let id = |raw: &str| {
        decode(raw)
            .filter(|id| is_id(id))
            .ok_or_else(Refusal::not_found)
    };
    let only = |allowed: &'static str, call: Call| {
        if method == allowed {
            Ok(call)
        } else {
            Err(not_allowed(allowed))
        }
    };
    match *parts.as_slice() {
        ["tokens", "generate"] => only("POST", Call::Generate),
        ["tokens", "refresh"] => only("POST", Call::Refresh),
        ["conversations"] => only("POST", Call::Start),
        ["conversations", conversation] => only("GET", Call::Reconnect(id(conversation)?)),
        ["conversations", conversation, "activities"] => match method {
            "GET" => Ok(Call::Activities(id(conversation)?)),
            "POST" => Ok(Call::Post(id(conversation)?)),
            _ => Err(not_allowed("GET, POST")),
        },
        ["conversations", conversation, "upload"] => only("POST", Call::Upload(id(conversation)?)),
        ["conversations", conversation, "stream"] => only("GET", Call::Stream(id(conversation)?)),
        ["conversations", conversation, "files", file] => {
            only("GET", Call::File(id(conversation)?, id(file)?))
        }
        _ => Err(Refusal::not_found()),
    }
}

fn not_allowed(allow: &'static str) -> Refusal {
    Refusal {
        allow: Some(allow),
        ..Refusal::new(405, "MethodNotAllowed", format!("use {allow}"))
    }
}

/// Identifiers are base64url, as made here, so that no name of a log can be built from pieces of another.
fn is_id(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// Percent-decoding as in RFC 3986; none when it is malformed or not UTF-8.
pub fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: u8| {
                char::from(byte)
                    .to_digit(16)
                    .and_then(|digit| u8::try_from(digit).ok())
            };
            bytes.push(digit(rest.next()?)? * 16 + digit(rest.next()?)?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_is_found_with_and_without_the_prefix_of_microsofts_service() {
        let c = || "c1".to_owned();
        for (method, path, expected) in [
            ("POST", "/tokens/generate", Call::Generate),
            ("POST", "/tokens/refresh", Call::Refresh),
            ("POST", "/conversations", Call::Start),
            ("GET", "/conversations/c1", Call::Reconnect(c())),
            ("GET", "/conversations/c1/activities", Call::Activities(c())),
            ("POST", "/conversations/c%31/activities", Call::Post(c())),
            ("POST", "/conversations/c1/upload", Call::Upload(c())),
            ("GET", "/conversations/c1/stream", Call::Stream(c())),
            (
                "GET",
                "/conversations/c1/files/f-1",
                Call::File(c(), "f-1".into()),
            ),
            ("OPTIONS", "/anything", Call::Preflight),
        ] {
            assert_eq!(call(method, path).as_ref(), Ok(&expected), "{path}");
            assert_eq!(
                call(method, &format!("/v3/directline{path}")),
                Ok(expected),
                "{path}"
            );
        }
    }

    #[test]
    fn unknown_paths_are_404_and_wrong_methods_405_with_the_right_ones() {
        for path in [
            "",
            "/",
            "/conversations/",
            "/conversations/a/b",
            "/conversations/a%2Fb/activities",
            "/conversations/%zz",
            "/v3/directlineconversations",
            "/tokens",
            "/conversations/../x",
        ] {
            assert_eq!(call("GET", path).unwrap_err().status, 404, "{path}");
        }
        for (method, path, allow) in [
            ("GET", "/tokens/generate", "POST"),
            ("DELETE", "/conversations/a/activities", "GET, POST"),
            ("POST", "/conversations/a", "GET"),
        ] {
            let refusal = call(method, path).unwrap_err();
            assert_eq!(
                (refusal.status, refusal.allow),
                (405, Some(allow)),
                "{path}"
            );
        }
    }

    #[test]
    fn percent_decoding_takes_utf_8_and_refuses_what_is_cut_off() {
        for (text, decoded) in [
            ("a%20b", Some("a b")),
            ("%C3%A4", Some("ä")),
            ("%c3", None),
            ("%4", None),
            ("%", None),
            ("%+1", None),
        ] {
            assert_eq!(decode(text).as_deref(), decoded, "{text}");
        }
    }
}
