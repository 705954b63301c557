//! Grants for hosts: how `http` and `tcp` grants are written, and what they match.
//!
//! An `http` grant is `[scheme://]host[:port][ (reach)]`.
//!
//! - `host` is a name (`slack.com`), every name below one (`*.example.com`, not `example.com` itself), `localhost`, or a
//!   literal address (`127.0.0.1`, `[::1]`). `*` and `*.com` are refused: they name nobody.
//! - Without a scheme it is `https`. A literal address or `localhost` with a port and no scheme is both `https` and `http`,
//!   for there is seldom a certificate for those.
//! - Without a port it is the scheme's own: 443 or 80.
//! - A name reaches public addresses only. `(private)` behind it reaches private networks instead, and a list of networks,
//!   `(10.1.0.0/16, 127.0.0.1)`, exactly those. `localhost` reaches this machine, a literal address itself.
//!   Two grants of one host reach what either reaches.
//!
//! A `tcp` grant is `host:port[ (reach)]`, without scheme and wildcard: a socket is opened to an address, and no address
//! says which of the names below a domain led to it.

use std::fmt;
use std::net::IpAddr;

use super::reach::Reach;
use super::text::{dns_name, host_and_port, reach_of, split_reach};

/// Which hosts a grant names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostPattern {
    /// This name, in lower case, without a dot at its end.
    Name(String),
    /// Every name below this one.
    Below(String),
    /// This address.
    Address(IpAddr),
}

/// The two schemes of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Over TLS.
    Https,
    /// In the clear.
    Http,
}

impl Scheme {
    /// `https` or `http`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
        }
    }

    /// 443 or 80.
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Https => 443,
            Self::Http => 80,
        }
    }
}

/// A host a plugin may send HTTP requests to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpGrant {
    /// The hosts.
    pub host: HostPattern,
    /// The port.
    pub port: u16,
    /// The scheme; absent: either.
    pub scheme: Option<Scheme>,
    /// The addresses the host may resolve to.
    pub reach: Reach,
}

/// A host and port a plugin may open sockets to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TcpGrant {
    /// The host; never [`HostPattern::Below`].
    pub host: HostPattern,
    /// The port.
    pub port: u16,
    /// The addresses the host may resolve to.
    pub reach: Reach,
}

/// A host as a request or a socket names it, in the one form everything here compares.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A name in lower case without a dot at its end.
    Name(String),
    /// A literal address.
    Address(IpAddr),
}

impl Host {
    /// Reads the host of an authority: `Slack.com.`, `127.0.0.1`, `[::1]`. `None` when it is neither a DNS name nor an address.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(inner) = text.strip_prefix('[') {
            return inner
                .strip_suffix(']')?
                .parse()
                .ok()
                .map(|address| Self::Address(IpAddr::V6(address)));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Some(Self::Address(address));
        }
        dns_name(text).map(Self::Name)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Address(address) => address.fmt(f),
        }
    }
}

impl HostPattern {
    /// Whether it names `host`.
    #[must_use]
    pub fn names(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::Name(granted), Host::Name(asked)) => granted == asked,
            (Self::Below(granted), Host::Name(asked)) => asked
                .strip_suffix(granted.as_str())
                .and_then(|rest| rest.strip_suffix('.'))
                .is_some_and(|rest| !rest.is_empty()),
            (Self::Address(granted), Host::Address(asked)) => {
                granted.to_canonical() == asked.to_canonical()
            }
            _ => false,
        }
    }
}

impl HttpGrant {
    /// Reads a grant as the bundle writes it. `names_reach` is what a name without `(…)` reaches.
    ///
    /// # Errors
    /// What is wrong with the text and what to write.
    pub fn parse(text: &str, names_reach: &Reach) -> Result<Self, String> {
        let (text, reach) = split_reach(text)?;
        let (scheme, rest) = match text.split_once("://") {
            Some(("https", rest)) => (Some(Scheme::Https), rest),
            Some(("http", rest)) => (Some(Scheme::Http), rest),
            Some((other, _)) => {
                return Err(format!(
                    "`{other}` is no scheme of HTTP; write `https` or `http`, or none"
                ));
            }
            None => (None, text),
        };
        let (host, port) = host_and_port(rest)?;
        let local = matches!(&host, HostPattern::Address(_))
            || host == HostPattern::Name("localhost".into());
        let scheme = match (scheme, port) {
            (None, Some(_)) if local => None,
            (scheme, _) => Some(scheme.unwrap_or(Scheme::Https)),
        };
        let port = port.unwrap_or(scheme.map_or(443, Scheme::default_port));
        let reach = reach_of(&host, reach, names_reach)?;
        Ok(Self {
            host,
            port,
            scheme,
            reach,
        })
    }

    /// Whether it covers requests to this scheme, host and port; the address is judged by [`HttpGrant::reach`].
    #[must_use]
    pub fn covers(&self, scheme: Scheme, host: &Host, port: u16) -> bool {
        self.port == port
            && self.scheme.is_none_or(|granted| granted == scheme)
            && self.host.names(host)
    }
}

impl TcpGrant {
    /// Reads a grant as the bundle writes it. `names_reach` is what a name without `(…)` reaches.
    ///
    /// # Errors
    /// What is wrong with the text and what to write.
    pub fn parse(text: &str, names_reach: &Reach) -> Result<Self, String> {
        let (text, reach) = split_reach(text)?;
        if text.contains("://") {
            return Err(
                "a socket grant is a host and a port, not a URL; write `127.0.0.1:6379`".into(),
            );
        }
        let (host, port) = host_and_port(text)?;
        if matches!(host, HostPattern::Below(_)) {
            return Err(
                "a socket grant has no wildcard; name each host: `cache.example.com:6379`".into(),
            );
        }
        let port =
            port.ok_or("the port is missing; write `127.0.0.1:6379` or `cache.example.com:6379`")?;
        let reach = reach_of(&host, reach, names_reach)?;
        Ok(Self { host, port, reach })
    }
}

#[cfg(test)]
#[path = "host_tests.rs"]
mod tests;
