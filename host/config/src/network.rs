//! What a plugin may reach: rules for HTTP hosts and for sockets, and whether they cover a destination.
//!
//! A rule that covers everything cannot be written. Rules judge names and literal addresses only; the sandbox judges the
//! resolved address as well.

use std::fmt;
use std::net::IpAddr;

/// A host a plugin may send HTTP requests to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostRule {
    /// The host.
    pub host: HostPattern,
    /// The port; absent: the scheme's own (443 for https, 80 for http).
    pub port: Option<u16>,
}

/// Which hosts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// This name, in lower case.
    Name(String),
    /// `*.name`: every name below it, not the name itself. In lower case, without `*.`.
    Below(String),
    /// This address.
    Address(IpAddr),
}

/// An address a plugin may open sockets to: a name or address, and a port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SocketRule {
    /// The host; never [`HostPattern::Below`].
    pub host: HostPattern,
    /// The port.
    pub port: u16,
}

/// Why a text is no rule, and what to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub reason: &'static str,
    pub remedy: &'static str,
}

const REMEDY: &str = "write `api.example.com`, `*.example.com`, `127.0.0.1:8080` or `[::1]:8080`";

impl HostRule {
    pub(crate) fn parse(text: &str) -> Result<Self, Refused> {
        let refuse = |reason, remedy| Err(Refused { reason, remedy });
        if text.contains("://") {
            return refuse(
                "a grant names a host, not a URL",
                "leave out the scheme and the path",
            );
        }
        if text.contains('/') {
            return refuse(
                "a grant names a host, without a path or a network mask",
                "name each host",
            );
        }
        let (host, port) = split_port(text)?;
        let host = match host.strip_prefix("*.") {
            _ if host == "*" => {
                return refuse("`*` would grant every host there is", "name each host");
            }
            Some(below) if !below.contains('.') => {
                return refuse(
                    "this wildcard would grant a whole top-level domain",
                    "name a domain: `*.example.com`",
                );
            }
            Some(below) if below.parse::<IpAddr>().is_ok() => {
                return refuse("addresses have no wildcard", "name each address");
            }
            Some(below) => HostPattern::Below(name(below)?),
            None if host.contains('*') => {
                return refuse(
                    "a `*` may only stand for whole labels at the start",
                    "write `*.example.com`",
                );
            }
            None => exact(host)?,
        };
        Ok(Self { host, port })
    }

    /// Whether a request to this host and port is granted. `host` is as in the URL, without brackets; `default_port` is
    /// the scheme's own.
    #[must_use]
    pub fn covers(&self, host: &str, port: u16, default_port: u16) -> bool {
        self.port.unwrap_or(default_port) == port && self.host.covers(host)
    }
}

impl SocketRule {
    pub(crate) fn parse(text: &str) -> Result<Self, Refused> {
        let refuse = |reason, remedy| Err(Refused { reason, remedy });
        if text.contains("://") {
            return refuse(
                "a socket grant names a host and a port, not a URL",
                "write `127.0.0.1:6379`",
            );
        }
        let (host, port) = split_port(text)?;
        if host.contains('*') {
            return refuse(
                "a socket grant has no wildcard",
                "name each host: `cache.example.com:6379`",
            );
        }
        let Some(port) = port else {
            return refuse(
                "the port is missing",
                "write `127.0.0.1:6379` or `cache.example.com:6379`",
            );
        };
        Ok(Self {
            host: exact(host)?,
            port,
        })
    }

    /// Whether a connection to this name or address and port is granted.
    #[must_use]
    pub fn covers(&self, host: &str, port: u16) -> bool {
        self.port == port && self.host.covers(host)
    }
}

impl HostPattern {
    /// Whether it covers a name (in any case, one dot at the end allowed) or a literal address.
    #[must_use]
    pub fn covers(&self, host: &str) -> bool {
        let address = host
            .parse::<IpAddr>()
            .ok()
            .map(|address| address.to_canonical());
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        match self {
            Self::Address(granted) => address == Some(granted.to_canonical()),
            Self::Name(granted) => address.is_none() && host == *granted,
            Self::Below(granted) => {
                address.is_none()
                    && host
                        .strip_suffix(granted.as_str())
                        .and_then(|rest| rest.strip_suffix('.'))
                        .is_some_and(|rest| !rest.is_empty())
            }
        }
    }
}

fn split_port(text: &str) -> Result<(&str, Option<u16>), Refused> {
    let bad_port = || Refused {
        reason: "the port is not a number from 1 to 65535",
        remedy: REMEDY,
    };
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or(Refused {
                reason: "the `]` is missing",
                remedy: REMEDY,
            })?;
            (
                host,
                if after.is_empty() {
                    None
                } else {
                    Some(after.strip_prefix(':').ok_or_else(bad_port)?)
                },
            )
        }
        // More than one colon without brackets is an address of version 6.
        None if text.matches(':').count() > 1 => (text, None),
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = match port {
        Some(port) => Some(
            port.parse::<u16>()
                .ok()
                .filter(|port| *port > 0)
                .ok_or_else(bad_port)?,
        ),
        None => None,
    };
    Ok((host, port))
}

fn exact(host: &str) -> Result<HostPattern, Refused> {
    match host.parse::<IpAddr>() {
        Ok(address) if address.is_unspecified() => Err(Refused {
            reason: "the unspecified address stands for every interface of this machine",
            remedy: "name the address that is meant, such as `127.0.0.1`",
        }),
        Ok(address) => Ok(HostPattern::Address(address)),
        Err(_) => name(host).map(HostPattern::Name),
    }
}

/// A DNS name (RFC 1123): labels of letters, digits and inner hyphens, at most 63 each and 253 in all. A last label of
/// digits only would be an address written badly.
fn name(text: &str) -> Result<String, Refused> {
    let label_holds = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last_is_number = text
        .rsplit('.')
        .next()
        .is_some_and(|label| label.bytes().all(|byte| byte.is_ascii_digit()));
    if text.len() > 253 || last_is_number || !text.split('.').all(label_holds) {
        return Err(Refused {
            reason: "this is not a host name or an address",
            remedy: REMEDY,
        });
    }
    Ok(text.to_ascii_lowercase())
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Below(name) => write!(f, "*.{name}"),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Address(address) => address.fmt(f),
        }
    }
}

impl fmt::Display for HostRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.host.fmt(f)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl fmt::Display for SocketRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_covers_what_it_names_and_nothing_else() {
        for (rule, host, port, granted) in [
            ("Slack.com", "slack.com", 443, true),
            ("slack.com", "SLACK.com.", 443, true),
            ("slack.com", "slack.com", 8443, false),
            ("slack.com", "files.slack.com", 443, false),
            ("slack.com", "evilslack.com", 443, false),
            ("*.slack.com", "files.slack.com", 443, true),
            ("*.slack.com", "a.b.slack.com", 443, true),
            ("*.slack.com", "slack.com", 443, false),
            ("*.slack.com", "evilslack.com", 443, false),
            ("*.slack.com", ".slack.com", 443, false),
            ("localhost:8080", "localhost", 8080, true),
            ("localhost:8080", "localhost", 443, false),
            ("127.0.0.1:80", "127.0.0.1", 80, true),
            ("127.0.0.1:80", "127.0.0.2", 80, false),
            ("127.0.0.1:80", "::ffff:127.0.0.1", 80, true),
            ("[::1]:80", "::1", 80, true),
            ("::1", "::1", 443, true),
        ] {
            let parsed = HostRule::parse(rule).unwrap();
            assert_eq!(
                parsed.covers(host, port, 443),
                granted,
                "{rule} {host}:{port}"
            );
        }
        let socket = SocketRule::parse("cache.example.com:6379").unwrap();
        assert!(
            socket.covers("cache.example.com", 6379) && !socket.covers("cache.example.com", 6380)
        );
    }

    #[test]
    fn rules_that_are_too_wide_or_malformed_are_refused() {
        for (rule, reason) in [
            ("*", "every host"),
            ("*:443", "every host"),
            ("*.com", "top-level"),
            ("*.0.0.1", "not a host name"),
            ("api.*.com", "whole labels"),
            ("https://slack.com", "not a URL"),
            ("10.0.0.0/8", "network mask"),
            ("slack.com:0", "port"),
            ("slack.com:https", "port"),
            ("[::1", "`]`"),
            ("0.0.0.0", "unspecified"),
            ("256.1.1.1", "not a host name"),
            ("-a.com", "not a host name"),
            ("a..b", "not a host name"),
            ("", "not a host name"),
        ] {
            let refused = HostRule::parse(rule).unwrap_err();
            assert!(
                refused.reason.contains(reason),
                "{rule}: {}",
                refused.reason
            );
        }
        for (rule, reason) in [
            ("localhost", "port is missing"),
            ("*.a.b:1", "no wildcard"),
            ("redis://a:1", "not a URL"),
        ] {
            assert!(
                SocketRule::parse(rule).unwrap_err().reason.contains(reason),
                "{rule}"
            );
        }
    }

    #[test]
    fn rules_are_shown_as_they_are_written() {
        for rule in ["slack.com", "*.slack.com:8443", "127.0.0.1:80", "[::1]:80"] {
            assert_eq!(HostRule::parse(rule).unwrap().to_string(), rule);
        }
    }
}
