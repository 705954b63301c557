//! Which addresses the channel calls.
//!
//! An activity says where it wants to be answered, and the answer carries the bot's access token: whoever chooses that address
//! gets the token. So an address is used only after the activity's own token was checked, and only on one of these hosts.

/// A list of hosts, each with its scheme.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts(Vec<Host>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Host {
    scheme: &'static str,
    /// Lower-case; with a port where one is written. Begins with a dot where every name below it is meant.
    authority: String,
}

/// Scheme and authority of an address, when it has nothing in it that two readers could read in two ways.
fn origin(url: &str) -> Option<(&'static str, String)> {
    let (scheme, rest) = if let Some(rest) = url.strip_prefix("https://") {
        ("https", rest)
    } else {
        ("http", url.strip_prefix("http://")?)
    };
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
    if !rest.bytes().all(plain) {
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let named = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    if authority.is_empty() || !authority.bytes().all(named) {
        return None;
    }
    let default = if scheme == "https" { ":443" } else { ":80" };
    let authority = authority.strip_suffix(default).unwrap_or(authority);
    Some((scheme, authority.to_ascii_lowercase()))
}

impl Hosts {
    /// From names such as `smba.trafficmanager.net`, `*.botframework.com` or `http://127.0.0.1:8080`. HTTPS where no scheme is written.
    pub fn of(names: &[impl AsRef<str>]) -> Self {
        Self(
            names
                .iter()
                .map(|name| {
                    let name = name.as_ref().trim().trim_end_matches('/');
                    let (scheme, name) = match name.strip_prefix("http://") {
                        Some(name) => ("http", name),
                        None => ("https", name.strip_prefix("https://").unwrap_or(name)),
                    };
                    let authority = name.strip_prefix('*').unwrap_or(name).to_ascii_lowercase();
                    Host { scheme, authority }
                })
                .filter(|host| !matches!(host.authority.as_str(), "" | "."))
                .collect(),
        )
    }

    /// Adds scheme, host and port of an address the operator wrote.
    pub fn trust_origin_of(&mut self, url: &str) {
        if let Some((scheme, authority)) = origin(url) {
            let host = Host { scheme, authority };
            if !self.0.contains(&host) {
                self.0.push(host);
            }
        }
    }

    /// Whether an address is on one of these hosts.
    #[must_use]
    pub fn trusts(&self, url: &str) -> bool {
        let Some((scheme, authority)) = origin(url) else {
            return false;
        };
        self.0.iter().any(|host| {
            host.scheme == scheme
                && if host.authority.starts_with('.') {
                    authority.len() > host.authority.len() && authority.ends_with(&host.authority)
                } else {
                    authority == host.authority
                }
        })
    }
}

/// The base of the Connector's paths, without a trailing slash; `None` for an address that has a query or a fragment.
#[must_use]
pub fn base(service_url: &str) -> Option<&str> {
    (!service_url.contains(['?', '#'])).then(|| service_url.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::{Hosts, base};

    #[test]
    fn only_the_listed_hosts_are_trusted_however_an_address_is_dressed_up() {
        let hosts = Hosts::of(&[
            "smba.trafficmanager.net",
            "*.botframework.com",
            "http://127.0.0.1:8080",
        ]);
        for url in [
            "https://smba.trafficmanager.net",
            "https://smba.trafficmanager.net/amer/",
            "https://SMBA.trafficmanager.net:443/amer/",
            "https://webchat.botframework.com/",
            "https://a.b.botframework.com/",
            "http://127.0.0.1:8080/x",
        ] {
            assert!(hosts.trusts(url), "{url}");
        }
        for url in [
            "",
            "https://",
            "http://smba.trafficmanager.net/",
            "https://smba.trafficmanager.net:8443/",
            "https://smba.trafficmanager.net.evil.example/",
            "https://smba.trafficmanager.net@evil.example/",
            "https://evil.example/smba.trafficmanager.net",
            "https://evil.example#@smba.trafficmanager.net",
            "https://evil.example?.botframework.com",
            "https://evil.example\\.botframework.com/",
            "https://evil.example/\\@smba.trafficmanager.net",
            "https://smba.trafficmanager.net \n.evil.example",
            "https://botframework.com/",
            "https://.botframework.com/",
            "https://evilbotframework.com/",
            "https://127.0.0.1:8080/",
            "http://127.0.0.1/",
            "ftp://smba.trafficmanager.net/",
            "//smba.trafficmanager.net/",
            "smba.trafficmanager.net",
        ] {
            assert!(!hosts.trusts(url), "{url}");
        }
        assert!(!Hosts::of(&["", "*", "*."]).trusts("https://evil.example/"));
    }

    #[test]
    fn a_base_has_no_trailing_slash_and_no_query() {
        assert_eq!(base("https://a.example/x//"), Some("https://a.example/x"));
        assert_eq!(base("https://a.example/?x"), None);
        assert_eq!(base("https://a.example/#x"), None);
    }
}
