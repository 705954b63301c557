//! By which address the client reached the host: the configured public URL, or the scheme and a checked Host header.
//!
//! The Host header is a stranger's text that channels put into links and signatures are computed over, so only what can be a
//! name or an address with a port passes. Behind a proxy the public URL must be configured: forwarding headers are not believed.

use http::{HeaderMap, Uri, Version, header};

use crate::problem::Problem;

/// The longest authority taken: a DNS name has at most 253 characters, a port five.
const MAX_AUTHORITY: usize = 260;

/// The URL the world reaches the public endpoint by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(String);

/// Why a text is no public URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the public URL must be `http://` or `https://` with a host and perhaps a port, such as `https://chat.example.com`"
)]
pub struct InvalidPublicUrl;

impl PublicUrl {
    /// Takes `https://chat.example.com` or `http://127.0.0.1:8080`, with or without a slash at the end.
    ///
    /// # Errors
    /// [`InvalidPublicUrl`] for anything else, a path included.
    pub fn new(url: &str) -> Result<Self, InvalidPublicUrl> {
        let url = url.strip_suffix('/').unwrap_or(url);
        let authority = url
            .strip_prefix("https://")
            .or_else(|| url.strip_prefix("http://"));
        match authority {
            Some(authority) if is_authority(authority) => Ok(Self(url.to_owned())),
            _ => Err(InvalidPublicUrl),
        }
    }

    /// The URL without a slash at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The authority the client asked for: `:authority` or an absolute target before the Host header (RFC 9112 section 3.2.2).
pub(crate) fn authority<'a>(
    uri: &'a Uri,
    headers: &'a HeaderMap,
    version: Version,
) -> Result<Option<&'a str>, Problem> {
    const WRONG: Problem =
        Problem::bad_request("The Host header is not one host with an optional port.");
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(WRONG);
    }
    let named = match (uri.authority(), host) {
        (Some(authority), _) => authority.as_str(),
        (None, Some(host)) => host.to_str().map_err(|_| WRONG)?,
        (None, None) if version == Version::HTTP_10 => return Ok(None),
        (None, None) => return Err(Problem::bad_request("The request has no Host header.")),
    };
    if is_authority(named) {
        Ok(Some(named))
    } else {
        Err(WRONG)
    }
}

/// `name`, `name:port`, `1.2.3.4:port`, `[::1]:port`.
pub(crate) fn is_authority(text: &str) -> bool {
    let (host, port) = split(text);
    let port_good = port
        .is_none_or(|port| port.parse::<u16>().is_ok() && port.bytes().all(|b| b.is_ascii_digit()));
    let host_good = match host.strip_prefix('[') {
        Some(inner) => inner
            .strip_suffix(']')
            .is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok()),
        None => {
            !host.is_empty()
                && host
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
        }
    };
    text.len() <= MAX_AUTHORITY && port_good && host_good
}

/// Host and port of an authority; brackets stay on an IPv6 address.
pub(crate) fn split(authority: &str) -> (&str, Option<&str>) {
    match authority.rfind(':') {
        Some(colon) if !authority.ends_with(']') => {
            let (host, port) = authority.split_at(colon);
            (host, port.strip_prefix(':'))
        }
        _ => (authority, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_host_with_an_optional_port_passes() {
        for (text, good) in [
            ("chat.example.com", true),
            ("localhost:8080", true),
            ("127.0.0.1:80", true),
            ("[::1]:8080", true),
            ("[::1]", true),
            ("", false),
            (":80", false),
            ("a:b", false),
            ("a:+1", false),
            ("a:70000", false),
            ("::1", false),
            ("[::1", false),
            ("user@host", false),
            ("host/path", false),
            ("host\"onload=", false),
            ("a b", false),
            (&"x".repeat(261), false),
        ] {
            assert_eq!(is_authority(text), good, "{text}");
        }
    }

    #[test]
    fn a_public_url_has_scheme_and_host_and_nothing_else() {
        assert_eq!(
            PublicUrl::new("https://chat.example.com/")
                .unwrap()
                .as_str(),
            "https://chat.example.com"
        );
        assert!(PublicUrl::new("http://127.0.0.1:8080").is_ok());
        for wrong in [
            "",
            "chat.example.com",
            "ftp://a",
            "https://a/b",
            "https://",
            "https://u@h",
            "https://a//",
        ] {
            assert_eq!(PublicUrl::new(wrong), Err(InvalidPublicUrl), "{wrong}");
        }
    }

    #[test]
    fn a_request_names_one_host_in_one_way() {
        let uri = |text: &str| text.parse::<Uri>().unwrap();
        let hosts = |values: &[&'static str]| {
            let mut map = HeaderMap::new();
            for value in values {
                map.append(header::HOST, value.parse().unwrap());
            }
            map
        };
        let v11 = Version::HTTP_11;
        assert_eq!(
            authority(&uri("/x"), &hosts(&["a:1"]), v11),
            Ok(Some("a:1"))
        );
        assert_eq!(
            authority(&uri("http://b:2/x"), &hosts(&["a:1"]), v11),
            Ok(Some("b:2"))
        );
        assert_eq!(
            authority(&uri("/x"), &hosts(&[]), Version::HTTP_10),
            Ok(None)
        );
        assert!(authority(&uri("/x"), &hosts(&[]), v11).is_err());
        assert!(authority(&uri("/x"), &hosts(&["a", "b"]), v11).is_err());
        assert!(authority(&uri("/x"), &hosts(&["a/b"]), v11).is_err());
    }
}
