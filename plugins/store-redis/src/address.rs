//! The address in the configuration: `redis://[user@]host[:port][,host[:port]…][/database]`, with `rediss` for TLS.

use greentic_sdk::model::Error;
use greentic_sdk_network::address::{Address, Scheme};

/// How Redis servers are written.
pub const SCHEME: Scheme = Scheme {
    plain: "redis",
    tls: "rediss",
    port: 6379,
    secret: "password",
};

/// The number of the database in an address.
///
/// # Errors
/// `invalid` for what is no number.
pub fn database(address: &Address) -> Result<u32, Error> {
    match address.path.as_str() {
        "" => Ok(0),
        number => number.parse().map_err(|_| {
            Error::Invalid(
                "config `url`: what follows the slash is the number of a database".into(),
            )
        }),
    }
}

#[cfg(test)]
mod tests {
    use greentic_sdk_network::address::Address;

    use super::{SCHEME, database};

    #[test]
    fn the_database_is_a_number() {
        for (url, expected) in [
            ("redis://h", Some(0)),
            ("redis://h/", Some(0)),
            ("rediss://u@h,g:1/3", Some(3)),
            ("redis://h/x", None),
            ("redis://h/3/4", None),
        ] {
            let address = Address::parse(url, &SCHEME).unwrap();
            assert_eq!(database(&address).ok(), expected, "{url}");
        }
    }
}
