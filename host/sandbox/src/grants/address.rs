//! What kind of place an IP address is: the public internet, or somewhere a name must not lead a plugin by itself.
//!
//! A name is chosen by whoever runs its DNS zone, so a grant by name is judged again on the address the name led to
//! (incident 26). The ranges are those of the IANA special-purpose registries (RFC 6890 and its updates); an IPv6 form that
//! carries an IPv4 address (mapped, compatible, NAT64) is judged as that IPv4 address.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What kind of place an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressClass {
    /// A public unicast address.
    Public,
    /// This machine: `127.0.0.0/8`, `::1`.
    Loopback,
    /// A private network: RFC 1918, carrier-grade NAT (`100.64.0.0/10`), unique local (`fc00::/7`).
    Private,
    /// `169.254.0.0/16`, `fe80::/10`, and the deprecated site-local `fec0::/10`.
    LinkLocal,
    /// Where cloud providers serve a machine's own credentials, whatever range the address lies in.
    Metadata,
    /// Multicast and broadcast.
    Multicast,
    /// `0.0.0.0/8` and `::`: on many systems another name of this machine.
    Unspecified,
    /// Documentation, benchmarking, deprecated transition mechanisms, and everything not assigned as global unicast.
    Reserved,
}

/// Metadata services of the large clouds that answer on plain addresses: `169.254.169.254` is common to most,
/// `169.254.170.2` serves ECS task credentials, `100.100.100.200` is Alibaba's, `168.63.129.16` Azure's host agent,
/// `192.0.0.192` Oracle's older one.
const METADATA_V4: [Ipv4Addr; 5] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(192, 0, 0, 192),
];

/// EC2's metadata service over IPv6.
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254);

impl AddressClass {
    /// The class of `address`.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match canonical(address) {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        if METADATA_V4.contains(&address) {
            return Self::Metadata;
        }
        match address.octets() {
            [0, ..] => Self::Unspecified,
            [127, ..] => Self::Loopback,
            [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => Self::Private,
            [169, 254, ..] => Self::LinkLocal,
            [224..=239, ..] | [255, 255, 255, 255] => Self::Multicast,
            // Protocol assignments, three documentation nets, 6to4 relays, benchmarking, and class E.
            [192, 0, 0 | 2, _]
            | [198, 51, 100, _]
            | [203, 0, 113, _]
            | [192, 88, 99, _]
            | [198, 18 | 19, ..]
            | [240..=255, ..] => Self::Reserved,
            _ => Self::Public,
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        if address == METADATA_V6 {
            return Self::Metadata;
        }
        match address.segments() {
            [0, 0, 0, 0, 0, 0, 0, 0] => Self::Unspecified,
            [0, 0, 0, 0, 0, 0, 0, 1] => Self::Loopback,
            [0xfc00..=0xfdff, ..] => Self::Private,
            [0xfe80..=0xfeff, ..] => Self::LinkLocal,
            [0xff00..=0xffff, ..] => Self::Multicast,
            // 2001::/23 (Teredo, ORCHID, benchmarking), 2001:db8::/32 and 3fff::/20 (documentation), 2002::/16 (6to4).
            [0x2001, 0..=0x01ff, ..]
            | [0x2001, 0x0db8, ..]
            | [0x3fff, 0..=0x0fff, ..]
            | [0x2002, ..] => Self::Reserved,
            [0x2000..=0x3fff, ..] => Self::Public,
            _ => Self::Reserved,
        }
    }
}

/// The address meant by `address`: the IPv4 address inside a mapped, compatible or NAT64 (`64:ff9b::/96`) one, or itself.
#[must_use]
pub fn canonical(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else {
        return address;
    };
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x0064, 0xff9b, 0, 0, 0, 0, high, low] => {
            embedded(high, low)
        }
        // RFC 4291's deprecated compatible form, except `::` and `::1`, which are addresses of their own.
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 || low > 1 => embedded(high, low),
        _ => address,
    }
}

impl fmt::Display for AddressClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::LinkLocal => "link-local",
            Self::Metadata => "cloud metadata",
            Self::Multicast => "multicast",
            Self::Unspecified => "unspecified",
            Self::Reserved => "reserved",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn incident_26_every_special_range_is_told_from_the_public_internet() {
        use AddressClass::*;
        for (address, class) in [
            ("8.8.8.8", Public),
            ("172.15.255.255", Public),
            ("172.32.0.0", Public),
            ("100.63.255.255", Public),
            ("100.128.0.0", Public),
            ("2606:4700::1111", Public),
            ("::ffff:8.8.8.8", Public),
            ("64:ff9b::8.8.8.8", Public),
            ("127.0.0.1", Loopback),
            ("127.255.255.255", Loopback),
            ("::1", Loopback),
            ("::ffff:127.0.0.1", Loopback),
            ("::127.0.0.1", Loopback),
            ("64:ff9b::7f00:1", Loopback),
            ("10.0.0.1", Private),
            ("172.16.0.1", Private),
            ("172.31.255.255", Private),
            ("192.168.1.1", Private),
            ("100.64.0.1", Private),
            ("100.127.255.255", Private),
            ("fc00::1", Private),
            ("fd12:3456::1", Private),
            ("::ffff:10.0.0.1", Private),
            ("64:ff9b::10.0.0.1", Private),
            ("169.254.1.1", LinkLocal),
            ("fe80::1", LinkLocal),
            ("fec0::1", LinkLocal),
            ("169.254.169.254", Metadata),
            ("::ffff:169.254.169.254", Metadata),
            ("64:ff9b::169.254.169.254", Metadata),
            ("fd00:ec2::254", Metadata),
            ("100.100.100.200", Metadata),
            ("168.63.129.16", Metadata),
            ("224.0.0.1", Multicast),
            ("255.255.255.255", Multicast),
            ("ff02::1", Multicast),
            ("0.0.0.0", Unspecified),
            ("0.1.2.3", Unspecified),
            ("::", Unspecified),
            ("::ffff:0.0.0.0", Unspecified),
            ("192.0.2.1", Reserved),
            ("198.51.100.7", Reserved),
            ("203.0.113.9", Reserved),
            ("198.18.0.1", Reserved),
            ("198.19.255.255", Reserved),
            ("240.0.0.1", Reserved),
            ("192.0.0.8", Reserved),
            ("192.88.99.1", Reserved),
            ("2001:db8::1", Reserved),
            ("3fff::1", Reserved),
            ("2001::1", Reserved),
            ("2002:7f00:1::", Reserved),
            ("64:ff9b:1::1", Reserved),
            ("4000::1", Reserved),
        ] {
            assert_eq!(
                AddressClass::of(address.parse().unwrap()),
                class,
                "{address}"
            );
        }
    }

    proptest! {
        #[test]
        fn an_ipv4_address_has_the_same_class_in_every_form_that_carries_it(bits in any::<u32>()) {
            let v4 = Ipv4Addr::from_bits(bits);
            let nat64 = Ipv6Addr::from_bits((0x0064_ff9b_u128 << 96) | u128::from(bits));
            let class = AddressClass::of(v4.into());
            prop_assert_eq!(AddressClass::of(v4.to_ipv6_mapped().into()), class);
            prop_assert_eq!(AddressClass::of(nat64.into()), class);
        }

        #[test]
        fn nothing_outside_global_unicast_is_public(bits in any::<u128>()) {
            let v6 = Ipv6Addr::from_bits(bits);
            if AddressClass::of(v6.into()) == AddressClass::Public && canonical(v6.into()).is_ipv6() {
                prop_assert_eq!(bits >> 125, 1);
            }
        }
    }
}
