//! Which resolved addresses a grant leads to.
//!
//! A [`Reach`] is what remains of a grant once the name has been matched. It is also the key under which the HTTP client
//! keeps its connections: two plugins share a pooled connection only when the same addresses are allowed to both.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::address::{AddressClass, canonical};

/// The addresses a destination may resolve to. The default reaches nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct Reach {
    public: bool,
    private: bool,
    loopback: bool,
    link_local: bool,
    nets: BTreeSet<IpNet>,
}

impl Reach {
    /// Public addresses: what a grant by name gives.
    #[must_use]
    pub fn public() -> Self {
        Self {
            public: true,
            ..Self::default()
        }
    }

    /// Private networks only: what `(private)` behind a name gives.
    #[must_use]
    pub fn private() -> Self {
        Self {
            private: true,
            ..Self::default()
        }
    }

    /// This machine only: what `localhost` gives.
    #[must_use]
    pub fn loopback() -> Self {
        Self {
            loopback: true,
            ..Self::default()
        }
    }

    /// Everything but metadata services, multicast, unspecified and reserved addresses: what the bundle's
    /// `private-addresses: true` gives to every name of a plugin.
    #[must_use]
    pub fn public_and_local() -> Self {
        Self {
            public: true,
            private: true,
            loopback: true,
            link_local: true,
            nets: BTreeSet::new(),
        }
    }

    /// Exactly one address: what a literal address gives.
    #[must_use]
    pub fn exactly(address: IpAddr) -> Self {
        Self::networks([IpNet::from(canonical(address))])
    }

    /// Exactly these networks: what a list of networks behind a name gives.
    #[must_use]
    pub fn networks(nets: impl IntoIterator<Item = IpNet>) -> Self {
        Self {
            nets: nets.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Whether a connection to `address` is allowed.
    #[must_use]
    pub fn allows(&self, address: IpAddr) -> bool {
        let by_class = match AddressClass::of(address) {
            AddressClass::Public => self.public,
            AddressClass::Private => self.private,
            AddressClass::Loopback => self.loopback,
            AddressClass::LinkLocal => self.link_local,
            AddressClass::Metadata
            | AddressClass::Multicast
            | AddressClass::Unspecified
            | AddressClass::Reserved => false,
        };
        by_class
            || self
                .nets
                .iter()
                .any(|net| net.contains(&canonical(address)))
    }

    /// What either of two grants reaches.
    #[must_use]
    pub fn or(mut self, other: &Self) -> Self {
        self.public |= other.public;
        self.private |= other.private;
        self.loopback |= other.loopback;
        self.link_local |= other.link_local;
        self.nets.extend(other.nets.iter().copied());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_name_reaches_public_addresses_only() {
        assert!(Reach::public().allows(ip("8.8.8.8")));
        for address in [
            "127.0.0.1",
            "10.0.0.1",
            "169.254.169.254",
            "::ffff:127.0.0.1",
            "fd00::1",
            "0.0.0.0",
            "192.0.2.1",
        ] {
            assert!(!Reach::public().allows(ip(address)), "{address}");
        }
    }

    #[test]
    fn private_reaches_neither_this_machine_nor_metadata_nor_the_internet() {
        assert!(Reach::private().allows(ip("10.2.3.4")));
        for address in [
            "127.0.0.1",
            "169.254.169.254",
            "100.100.100.200",
            "fd00:ec2::254",
            "8.8.8.8",
        ] {
            assert!(!Reach::private().allows(ip(address)), "{address}");
        }
    }

    #[test]
    fn the_wide_switch_still_keeps_metadata_out() {
        let reach = Reach::public_and_local();
        for address in ["8.8.8.8", "127.0.0.1", "10.0.0.1", "169.254.1.1"] {
            assert!(reach.allows(ip(address)), "{address}");
        }
        for address in ["169.254.169.254", "224.0.0.1", "0.0.0.0"] {
            assert!(!reach.allows(ip(address)), "{address}");
        }
    }

    #[test]
    fn networks_reach_exactly_what_they_hold_in_every_form() {
        let reach = Reach::networks(["127.0.0.0/8".parse().unwrap()]);
        assert!(reach.allows(ip("127.9.9.9")) && reach.allows(ip("::ffff:127.0.0.1")));
        assert!(!reach.allows(ip("128.0.0.1")) && !reach.allows(ip("::1")));
        let one = Reach::exactly(ip("::ffff:10.0.0.1"));
        assert!(one.allows(ip("10.0.0.1")) && !one.allows(ip("10.0.0.2")));
    }

    #[test]
    fn two_grants_reach_what_either_reaches() {
        let both = Reach::public().or(&Reach::exactly(ip("10.0.0.1")));
        assert!(
            both.allows(ip("8.8.8.8"))
                && both.allows(ip("10.0.0.1"))
                && !both.allows(ip("10.0.0.2"))
        );
    }
}
