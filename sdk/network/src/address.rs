//! The `url` of a plugin's configuration: `scheme://[user@]host[:port][,host[:port]…][/path]`, with a scheme of its own for TLS.

use greentic_sdk::model::Error;

use crate::tcp::host_and_port;

/// How addresses of a kind of server are written.
#[derive(Debug, Clone, Copy)]
pub struct Scheme {
    /// The scheme without TLS.
    pub plain: &'static str,
    /// The scheme with TLS.
    pub tls: &'static str,
    /// The port when none is said.
    pub port: u16,
    /// The configuration key that names the secret by which we prove who we are.
    pub secret: &'static str,
}

/// Where the servers are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Host and port of each, in the order in which they are tried.
    pub servers: Vec<(String, u16)>,
    /// Whether they are spoken to through TLS, and through nothing else.
    pub tls: bool,
    /// The user.
    pub user: Option<String>,
    /// What follows the slash.
    pub path: String,
}

impl Address {
    /// Reads it.
    ///
    /// # Errors
    /// `invalid` with what is wrong in it.
    pub fn parse(text: &str, scheme: &Scheme) -> Result<Self, Error> {
        let invalid = |why: &str| Error::Invalid(format!("config `url`: {why}"));
        let (tls, rest) = match text.split_once("://") {
            Some((name, rest)) if name == scheme.plain => (false, rest),
            Some((name, rest)) if name == scheme.tls => (true, rest),
            _ => {
                return Err(invalid(&format!(
                    "it begins with `{0}://`, or with `{1}://` for TLS, such as {0}://127.0.0.1:{2}",
                    scheme.plain, scheme.tls, scheme.port
                )));
            }
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, hosts) = match authority.rsplit_once('@') {
            Some((user, hosts)) => (Some(user), hosts),
            None => (None, authority),
        };
        if user.is_some_and(|user| user.contains(':')) {
            return Err(invalid(&format!(
                "a password does not stand in the bundle: grant a secret and name it in `{}`",
                scheme.secret
            )));
        }
        let servers = hosts
            .split(',')
            .map(|server| {
                host_and_port(server.trim(), scheme.port)
                    .ok_or_else(|| invalid(&format!("`{server}` is not `host` or `host:port`")))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            servers,
            tls,
            user: user.filter(|user| !user.is_empty()).map(str::to_owned),
            path: path.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, Scheme};

    const SCHEME: Scheme = Scheme {
        plain: "redis",
        tls: "rediss",
        port: 6379,
        secret: "password",
    };

    #[test]
    fn servers_user_path_and_tls_are_read() {
        let text = "rediss://bot@a.example:7000, b,[::1]:7001/3";
        let address = Address::parse(text, &SCHEME).unwrap();
        assert_eq!(
            address.servers,
            [
                ("a.example".into(), 7000),
                ("b".into(), 6379),
                ("::1".into(), 7001)
            ]
        );
        assert_eq!(address.user.as_deref(), Some("bot"));
        assert!(address.tls && address.path == "3");
        let plain = Address::parse("redis://h/", &SCHEME).unwrap();
        assert!(!plain.tls && plain.path.is_empty() && plain.user.is_none());
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, word) in [
            ("127.0.0.1:6379", "redis://"),
            ("http://h", "rediss://"),
            ("redis://", "host:port"),
            ("redis://h:x", "host:port"),
            ("redis://u:p@h", "`password`"),
        ] {
            let error = format!("{:?}", Address::parse(text, &SCHEME).unwrap_err());
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
