//! Reading and checking a signed token (RFC 7515, RFC 7519), as far as the Bot Connector signs with them.
//!
//! Only RSA signatures with PKCS#1 v1.5 padding exist here: the algorithm is taken from a list of three, so `none` and the
//! HMAC family, with which a public key could be passed off as a shared secret, are unknown words like any other. The token is
//! split once and what was signed is what is read. Nothing of a token stands in an error text.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::pkcs1v15::{Signature, VerifyingKey};
use rsa::signature::Verifier;
use rsa::{BoxedUint, PublicKey};
use serde::Deserialize;
use serde::de::IgnoredAny;
use sha2::{Sha256, Sha384, Sha512};

/// Longest token that is looked at, in bytes. The Connector's have about 1,000.
const LONGEST: usize = 8 * 1024;

/// Sizes of RSA keys that are taken, in bits: no shorter one is safe, and a longer one only costs time.
const KEY_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

/// Why a token was not taken, for the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No `Authorization: Bearer …`, or more than one.
    #[error("no bearer token")]
    Missing,
    /// Not three parts of base64url with the JSON they should have.
    #[error("the token is not a JSON Web Token")]
    Malformed,
    /// Signed with something else than RSA PKCS#1 v1.5.
    #[error("the token's algorithm is not one of RS256, RS384, RS512")]
    Algorithm,
    /// The key's numbers make no RSA key of an acceptable size.
    #[error("the signing key cannot be used")]
    Key,
    /// Not signed by the key it names.
    #[error("the token's signature is wrong")]
    Signature,
    /// `iss` is not who the configuration expects.
    #[error("the token's issuer is another")]
    Issuer,
    /// `aud` is not this bot.
    #[error("the token is for another audience")]
    Audience,
    /// After `exp`.
    #[error("the token has expired")]
    Expired,
    /// Before `nbf`.
    #[error("the token is not valid yet")]
    Early,
}

/// How a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum Algorithm {
    #[serde(rename = "RS256")]
    Rs256,
    #[serde(rename = "RS384")]
    Rs384,
    #[serde(rename = "RS512")]
    Rs512,
    /// Everything else.
    #[serde(other)]
    Unknown,
}

#[derive(Deserialize)]
struct Header {
    alg: Algorithm,
    kid: String,
    /// Extensions that must be understood; none is.
    crit: Option<IgnoredAny>,
}

/// What a token claims. Times are seconds since 1970.
#[derive(Debug, Deserialize)]
pub struct Claims {
    iss: String,
    aud: String,
    exp: u64,
    nbf: Option<u64>,
    /// Where activities of this sender are answered.
    pub serviceurl: Option<String>,
}

/// A token whose parts were read. Nothing in it is to be believed before [`Token::verify`].
pub struct Token<'a> {
    algorithm: Algorithm,
    kid: String,
    signed: &'a str,
    signature: Vec<u8>,
    claims: Claims,
}

/// What the claims are compared with.
pub struct Expected<'a> {
    /// Who must have issued it.
    pub issuer: &'a str,
    /// For whom: the bot's app id.
    pub audience: &'a str,
    /// Now, in milliseconds since 1970.
    pub now_ms: u64,
    /// How far the two clocks may be apart, in milliseconds.
    pub skew_ms: u64,
}

fn part<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, Refused> {
    let bytes = URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| Refused::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| Refused::Malformed)
}

impl<'a> Token<'a> {
    /// Splits what follows `Bearer ` in an `Authorization` header.
    ///
    /// # Errors
    /// [`Refused::Missing`] for another scheme, [`Refused::Algorithm`] for a signature of another kind, otherwise [`Refused::Malformed`].
    pub fn parse(authorization: &'a str) -> Result<Self, Refused> {
        let (scheme, token) = authorization.split_once(' ').ok_or(Refused::Missing)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Refused::Missing);
        }
        if token.len() > LONGEST {
            return Err(Refused::Malformed);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Refused::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(Refused::Malformed)?;
        let header: Header = part(header)?;
        if header.alg == Algorithm::Unknown || header.crit.is_some() {
            return Err(Refused::Algorithm);
        }
        Ok(Self {
            algorithm: header.alg,
            kid: header.kid,
            signed,
            signature: URL_SAFE_NO_PAD
                .decode(signature)
                .map_err(|_| Refused::Malformed)?,
            claims: part(claims)?,
        })
    }

    /// The name of the key that is said to have signed it.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Checks signature, issuer, audience and times, in that order, and hands the claims out.
    ///
    /// `modulus` and `exponent` are the `n` and `e` of a JSON Web Key (RFC 7518, section 6.3.1): base64url, big-endian.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn verify(
        self,
        modulus: &str,
        exponent: &str,
        expected: &Expected<'_>,
    ) -> Result<Claims, Refused> {
        check(
            self.algorithm,
            key(modulus, exponent)?,
            self.signed.as_bytes(),
            &self.signature,
        )?;
        let claims = self.claims;
        if claims.iss != expected.issuer {
            return Err(Refused::Issuer);
        }
        if claims.aud != expected.audience {
            return Err(Refused::Audience);
        }
        if expected.now_ms
            >= claims
                .exp
                .saturating_mul(1000)
                .saturating_add(expected.skew_ms)
        {
            return Err(Refused::Expired);
        }
        let begins_ms = claims.nbf.unwrap_or_default().saturating_mul(1000);
        if expected.now_ms.saturating_add(expected.skew_ms) < begins_ms {
            return Err(Refused::Early);
        }
        Ok(claims)
    }
}

/// Whether `signature` is that of `signed`.
fn check(
    algorithm: Algorithm,
    key: PublicKey,
    signed: &[u8],
    signature: &[u8],
) -> Result<(), Refused> {
    let signature = Signature::try_from(signature).map_err(|_| Refused::Signature)?;
    match algorithm {
        Algorithm::Rs256 => VerifyingKey::<Sha256>::new(key).verify(signed, &signature),
        Algorithm::Rs384 => VerifyingKey::<Sha384>::new(key).verify(signed, &signature),
        Algorithm::Rs512 => VerifyingKey::<Sha512>::new(key).verify(signed, &signature),
        Algorithm::Unknown => return Err(Refused::Algorithm),
    }
    .map_err(|_| Refused::Signature)
}

fn key(modulus: &str, exponent: &str) -> Result<PublicKey, Refused> {
    let number = |text| {
        URL_SAFE_NO_PAD
            .decode(text)
            .map(|bytes| BoxedUint::from_be_slice_vartime(&bytes))
            .map_err(|_| Refused::Key)
    };
    PublicKey::new_with_size_limits(number(modulus)?, number(exponent)?, KEY_BITS)
        .map_err(|_| Refused::Key)
}

#[cfg(test)]
mod tests;
