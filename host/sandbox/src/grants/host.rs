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

use ipnet::IpNet;

use super::reach::Reach;

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
                "a socket grant has no wildcard; name each host: `redis.example.com:6379`".into(),
            );
        }
        let port =
            port.ok_or("the port is missing; write `127.0.0.1:6379` or `redis.example.com:6379`")?;
        let reach = reach_of(&host, reach, names_reach)?;
        Ok(Self { host, port, reach })
    }
}

/// What stands in the parentheses behind a host.
enum Written {
    Private,
    Networks(Vec<IpNet>),
}

fn split_reach(text: &str) -> Result<(&str, Option<Written>), String> {
    let text = text.trim();
    let Some((host, rest)) = text.split_once('(') else {
        return Ok((text, None));
    };
    let inner = rest.strip_suffix(')').ok_or("the `)` is missing")?.trim();
    if inner == "private" {
        return Ok((host.trim_end(), Some(Written::Private)));
    }
    let network = |part: &str| {
        let part = part.trim();
        let parsed = part
            .parse::<IpNet>()
            .ok()
            .or_else(|| part.parse::<IpAddr>().ok().map(IpNet::from));
        parsed.ok_or_else(|| format!("`{part}` is no network; write `(private)` or networks such as `(10.1.0.0/16, 127.0.0.1)`"))
    };
    let nets = inner
        .split(',')
        .map(network)
        .collect::<Result<Vec<_>, _>>()?;
    Ok((host.trim_end(), Some(Written::Networks(nets))))
}

fn reach_of(
    host: &HostPattern,
    written: Option<Written>,
    names_reach: &Reach,
) -> Result<Reach, String> {
    match (host, written) {
        (HostPattern::Address(address), None) => Ok(Reach::exactly(*address)),
        (HostPattern::Address(_), Some(_)) => {
            Err("an address reaches itself; `(…)` belongs behind a name".into())
        }
        (HostPattern::Name(name), None) if name == "localhost" => Ok(Reach::loopback()),
        (_, None) => Ok(names_reach.clone()),
        (_, Some(Written::Private)) => Ok(Reach::private()),
        (_, Some(Written::Networks(nets))) => Ok(Reach::networks(nets)),
    }
}

fn host_and_port(text: &str) -> Result<(HostPattern, Option<u16>), String> {
    if text.contains(['/', '?', '#']) {
        return Err("a grant names a host, without a path or a network mask".into());
    }
    if text.contains('@') {
        return Err("a grant names a host, without a user".into());
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((host, "")) => (host, None),
            Some((host, port)) => (
                host,
                Some(
                    port.strip_prefix(':')
                        .ok_or("after `]` only `:port` may follow")?,
                ),
            ),
            None => return Err("the `]` is missing".into()),
        },
        // More than one colon without brackets is an address of version 6.
        None if text.matches(':').count() > 1 => (text, None),
        None => text
            .split_once(':')
            .map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let port = port
        .map(|port| {
            port.parse::<u16>()
                .ok()
                .filter(|port| *port > 0)
                .ok_or("the port is not a number from 1 to 65535")
        })
        .transpose()?;
    if let Ok(address) = host.parse::<IpAddr>() {
        if address.to_canonical().is_unspecified() {
            return Err("the unspecified address stands for every interface; write the one that is meant, such as `127.0.0.1`".into());
        }
        return Ok((HostPattern::Address(address), port));
    }
    let pattern = match host.strip_prefix("*.") {
        _ if host == "*" => return Err("`*` would grant every host there is; name each".into()),
        Some(below) if !below.trim_end_matches('.').contains('.') => {
            return Err(
                "this wildcard would grant a whole top-level domain; write `*.example.com`".into(),
            );
        }
        Some(below) => dns_name(below).map(HostPattern::Below),
        None if host.contains('*') => {
            return Err("a `*` stands only for the labels at the start: `*.example.com`".into());
        }
        None => dns_name(host).map(HostPattern::Name),
    };
    let pattern = pattern.ok_or_else(|| {
        format!("`{host}` is no host; write `api.example.com`, `*.example.com`, `127.0.0.1:8080` or `[::1]:8080`")
    })?;
    Ok((pattern, port))
}

/// A DNS name (RFC 1123, and `_`) in lower case without the dot at its end. A last label that starts like a number is
/// refused: resolvers read `127.1` and `0x7f000001` as addresses.
fn dns_name(text: &str) -> Option<String> {
    let text = text.strip_suffix('.').unwrap_or(text);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = text.rsplit('.').next()?;
    let numeric = last.bytes().all(|byte| byte.is_ascii_digit())
        || last
            .get(..2)
            .is_some_and(|two| two.eq_ignore_ascii_case("0x"));
    (text.len() <= 253 && !numeric && text.split('.').all(label)).then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
#[path = "host_tests.rs"]
mod tests;
