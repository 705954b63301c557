//! Checks of signed requests: HMAC-SHA256 in hexadecimal, and the window in which a signed time is taken.

use crate::hex;
use crate::secret::Secret;

/// Whether two times are at most `window_ms` apart, in either direction: an old request may be a replay, and one from the
/// future would stay valid for longer.
#[must_use]
pub fn within(now_ms: u64, then_ms: u64, window_ms: u64) -> bool {
    now_ms.abs_diff(then_ms) <= window_ms
}

/// Why a signature was not taken. For the operator; a caller hears none of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsigned {
    /// There is no signature.
    Missing,
    /// It does not have the form it should have.
    Malformed,
    /// It is not that of these bytes under this secret.
    Wrong,
    /// The signed time is too far from now.
    Stale,
}

impl std::fmt::Display for Unsigned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Missing => "there is no signature",
            Self::Malformed => "the signature does not have its form",
            Self::Wrong => "the signature is not that of the body under this secret",
            Self::Stale => "the signed time is too far from now",
        })
    }
}

impl std::error::Error for Unsigned {}

/// Checks `prefix` + hexadecimal HMAC-SHA256 of `data`, as a header holds it. The comparison is the host's and takes the same time
/// whatever the tag.
///
/// # Errors
/// [`Unsigned`].
pub fn verify_hex(
    secret: &Secret,
    data: &[u8],
    header: Option<&str>,
    prefix: &str,
) -> Result<(), Unsigned> {
    let header = header
        .filter(|text| !text.is_empty())
        .ok_or(Unsigned::Missing)?;
    let digits = header.strip_prefix(prefix).ok_or(Unsigned::Malformed)?;
    let tag = hex::decode(digits)
        .filter(|tag| tag.len() == 32)
        .ok_or(Unsigned::Malformed)?;
    // Under an empty secret anybody can sign.
    if secret.verify_hmac(data, &tag) && !secret.equals(b"") {
        Ok(())
    } else {
        Err(Unsigned::Wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::{Unsigned, verify_hex, within};
    use crate::native::{Table, install};
    use crate::secret::Secret;

    #[test]
    fn times_are_taken_from_both_sides_of_now_and_no_further() {
        for (then, taken) in [
            (700, true),
            (1_300, true),
            (699, false),
            (1_301, false),
            (0, false),
            (u64::MAX, false),
        ] {
            assert_eq!(within(1_000, then, 300), taken, "{then}");
        }
    }

    #[test]
    fn only_the_whole_tag_of_these_bytes_under_this_key_is_taken() {
        install(Table::new().secret("key", b"Jefe").secret("other", b"jefe"));
        let (key, other) = (Secret::open("key").unwrap(), Secret::open("other").unwrap());
        // RFC 4231, test case 2.
        let data = b"what do ya want for nothing?";
        let tag = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(verify_hex(&key, data, Some(tag), "sha256="), Ok(()));
        assert_eq!(
            verify_hex(
                &key,
                data,
                Some(&tag.to_uppercase().replace("SHA", "sha")),
                "sha256="
            ),
            Ok(())
        );
        assert_eq!(
            verify_hex(&other, data, Some(tag), "sha256="),
            Err(Unsigned::Wrong)
        );
        assert_eq!(
            verify_hex(&key, b"what?", Some(tag), "sha256="),
            Err(Unsigned::Wrong)
        );
        for (header, fault) in [
            (None, Unsigned::Missing),
            (Some(""), Unsigned::Missing),
            (Some("sha256="), Unsigned::Malformed),
            (Some(&tag[..tag.len() - 1]), Unsigned::Malformed),
            (Some(&tag[..tag.len() - 2]), Unsigned::Malformed),
            (Some(&tag[7..]), Unsigned::Malformed),
            (Some("sha1=5bdcc146"), Unsigned::Malformed),
        ] {
            assert_eq!(
                verify_hex(&key, data, header, "sha256="),
                Err(fault),
                "{header:?}"
            );
        }
        let changed = tag.replace("5bdc", "5bdd");
        assert_eq!(
            verify_hex(&key, data, Some(&changed), "sha256="),
            Err(Unsigned::Wrong)
        );
    }

    #[test]
    fn an_empty_secret_has_signed_nothing() {
        install(Table::new().secret("key", b""));
        let key = Secret::open("key").unwrap();
        // HMAC-SHA256 of nothing under an empty key.
        let tag = "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad";
        assert_eq!(verify_hex(&key, b"", Some(tag), ""), Err(Unsigned::Wrong));
    }
}
