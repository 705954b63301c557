//! Reading the texts of grants for hosts; how they are written stands in [`super::host`].

use std::net::IpAddr;

use ipnet::IpNet;

use super::host::HostPattern;
use super::reach::Reach;

/// What stands in the parentheses behind a host.
pub(super) enum Written {
    Private,
    Networks(Vec<IpNet>),
}

pub(super) fn split_reach(text: &str) -> Result<(&str, Option<Written>), String> {
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

pub(super) fn reach_of(
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

pub(super) fn host_and_port(text: &str) -> Result<(HostPattern, Option<u16>), String> {
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
pub(super) fn dns_name(text: &str) -> Option<String> {
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
