//! The address in the configuration: `redis://[user@]host[:port][,host[:port]…][/database]`, with `rediss` for TLS.

use greentic_sdk::model::Error;

/// The port a server listens on when none is said.
pub const PORT: u16 = 6379;

/// Where the servers are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Host and port of each, in the order in which they are tried.
    pub servers: Vec<(String, u16)>,
    /// The ACL user.
    pub user: Option<String>,
    /// The number of the database.
    pub database: u32,
}

impl Address {
    /// Reads it.
    ///
    /// # Errors
    /// `invalid` with what is wrong in it.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let invalid = |why: &str| Error::Invalid(format!("config `url`: {why}"));
        let rest = match text.split_once("://") {
            Some(("redis", rest)) => rest,
            Some(("rediss", _)) => {
                return Err(invalid(
                    "`rediss` is not supported yet: connect through a TLS proxy on this machine",
                ));
            }
            _ => {
                return Err(invalid(
                    "it begins with `redis://`, such as redis://127.0.0.1:6379",
                ));
            }
        };
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let database = match database {
            "" => 0,
            number => number
                .parse()
                .map_err(|_| invalid("what follows the slash is the number of a database"))?,
        };
        let (user, hosts) = match authority.rsplit_once('@') {
            Some((user, hosts)) => (Some(user), hosts),
            None => (None, authority),
        };
        if user.is_some_and(|user| user.contains(':')) {
            return Err(invalid(
                "a password does not stand in the bundle: grant a secret and name it in `password`",
            ));
        }
        let servers = hosts
            .split(',')
            .map(|server| {
                greentic_sdk_network::tcp::host_and_port(server.trim(), PORT)
                    .ok_or_else(|| invalid(&format!("`{server}` is not `host` or `host:port`")))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            servers,
            user: user.filter(|user| !user.is_empty()).map(str::to_owned),
            database,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn servers_user_and_database_are_read() {
        let address = Address::parse("redis://bot@a.example:7000, b,[::1]:7001/3").unwrap();
        assert_eq!(
            address.servers,
            [
                ("a.example".into(), 7000),
                ("b".into(), 6379),
                ("::1".into(), 7001)
            ]
        );
        assert_eq!(
            (address.user.as_deref(), address.database),
            (Some("bot"), 3)
        );
        assert_eq!(Address::parse("redis://h/").unwrap().database, 0);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, word) in [
            ("127.0.0.1:6379", "redis://"),
            ("http://h", "redis://"),
            ("redis://", "host:port"),
            ("redis://h:x", "host:port"),
            ("redis://h/x", "database"),
            ("redis://u:p@h", "password"),
            ("rediss://h", "TLS"),
        ] {
            let error = format!("{:?}", Address::parse(text).unwrap_err());
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
