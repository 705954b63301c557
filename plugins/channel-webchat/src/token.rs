//! Tokens: JSON Web Tokens (RFC 7519) signed with HS256, bound to one channel, conversation and user.
//!
//! They are real JWTs because Direct Line clients look inside: botframework-webchat takes the user's id from a `user` claim.
//! Only HS256 is ever accepted, whatever the header of a presented token says.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::host::{Host, HostError};
use crate::limits::TOKEN_BYTES;

/// `{"alg":"HS256","typ":"JWT"}`, the only header there is.
const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Use {
    /// The REST calls.
    Calls,
    /// Opening the stream.
    Stream,
}

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The path of the channel's API: a token of one channel is worth nothing at another, also under the same key.
    pub aud: String,
    /// What it is good for.
    #[serde(rename = "use")]
    pub purpose: Use,
    /// The conversation.
    pub conv: String,
    /// The user's id.
    pub user: String,
    /// The user's name, as whoever asked for the token gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The only origins it may be used from; empty: those the channel trusts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origin: Vec<String>,
    /// Seconds since 1970 when it was made.
    pub iat: u64,
    /// Seconds since 1970 from which on it is refused.
    pub exp: u64,
}

/// Why a token is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a token of ours, or meant for something else.
    #[error("the token is not valid here")]
    Invalid,
    /// It was ours and its time is over.
    #[error("the token has expired")]
    Expired,
    /// The key cannot be used now.
    #[error(transparent)]
    Host(#[from] HostError),
}

/// Signs the claims.
///
/// # Errors
/// When the key cannot be used.
pub fn issue(host: &impl Host, claims: &Claims) -> Result<String, HostError> {
    let claims =
        serde_json::to_vec(claims).map_err(|fault| HostError::Refused(fault.to_string()))?;
    let signed = format!("{HEADER}.{}", URL_SAFE_NO_PAD.encode(claims));
    let tag = host.sign(signed.as_bytes())?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag)))
}

/// Checks the signature first and then everything else.
///
/// # Errors
/// [`TokenError`].
pub fn check(
    host: &impl Host,
    token: &str,
    audience: &str,
    purpose: Use,
) -> Result<Claims, TokenError> {
    if token.len() > TOKEN_BYTES {
        return Err(TokenError::Invalid);
    }
    let (signed, tag) = token.rsplit_once('.').ok_or(TokenError::Invalid)?;
    let claims = signed
        .strip_prefix(HEADER)
        .and_then(|rest| rest.strip_prefix('.'))
        .ok_or(TokenError::Invalid)?;
    let tag = URL_SAFE_NO_PAD
        .decode(tag)
        .map_err(|_| TokenError::Invalid)?;
    if !host.verify(signed.as_bytes(), &tag)? {
        return Err(TokenError::Invalid);
    }
    let claims = URL_SAFE_NO_PAD
        .decode(claims)
        .map_err(|_| TokenError::Invalid)?;
    let claims: Claims = serde_json::from_slice(&claims).map_err(|_| TokenError::Invalid)?;
    if claims.aud != audience || claims.purpose != purpose {
        return Err(TokenError::Invalid);
    }
    if claims.exp <= host.now_ms() / 1000 {
        return Err(TokenError::Expired);
    }
    Ok(claims)
}

/// The unguessable part of a file's address. It does not expire: the file does, with the log.
///
/// # Errors
/// When the key cannot be used.
pub fn file_tag(
    host: &impl Host,
    audience: &str,
    conversation: &str,
    file: &str,
) -> Result<String, HostError> {
    Ok(URL_SAFE_NO_PAD.encode(host.sign(file_text(audience, conversation, file).as_bytes())?))
}

/// Whether `tag` is that of the file.
///
/// # Errors
/// When the key cannot be used.
pub fn is_file_tag(
    host: &impl Host,
    audience: &str,
    conversation: &str,
    file: &str,
    tag: &str,
) -> Result<bool, HostError> {
    let Ok(tag) = URL_SAFE_NO_PAD.decode(tag) else {
        return Ok(false);
    };
    host.verify(file_text(audience, conversation, file).as_bytes(), &tag)
}

/// Begins with a byte that no token begins with, so a file's tag never passes for a token's.
fn file_text(audience: &str, conversation: &str, file: &str) -> String {
    format!("\nfile\n{audience}\n{conversation}\n{file}")
}

/// A random identifier: 22 characters of base64url.
pub fn random_id(host: &impl Host) -> String {
    URL_SAFE_NO_PAD.encode(host.random())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::MemoryHost;

    fn claims() -> Claims {
        Claims {
            aud: "/a".into(),
            purpose: Use::Calls,
            conv: "c".into(),
            user: "dl_1".into(),
            name: None,
            origin: vec![],
            iat: 1_000,
            exp: 2_800,
        }
    }

    #[test]
    fn a_token_gives_back_its_claims_and_is_a_jwt_with_a_user_claim() {
        let host = MemoryHost::at(1_000_000);
        let token = issue(&host, &claims()).unwrap();
        assert_eq!(check(&host, &token, "/a", Use::Calls), Ok(claims()));
        let part = |n: usize| {
            serde_json::from_slice::<serde_json::Value>(
                &URL_SAFE_NO_PAD
                    .decode(token.split('.').nth(n).unwrap())
                    .unwrap(),
            )
            .unwrap()
        };
        assert_eq!(part(0), serde_json::json!({"alg": "HS256", "typ": "JWT"}));
        assert_eq!(part(1)["user"], "dl_1");
    }

    #[test]
    fn changing_any_byte_makes_a_token_invalid() {
        let host = MemoryHost::at(1_000_000);
        let token = issue(&host, &claims()).unwrap();
        for at in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(
                matches!(
                    check(&host, &changed, "/a", Use::Calls),
                    Err(TokenError::Invalid)
                ),
                "byte {at} of {token}"
            );
        }
    }

    #[test]
    fn a_token_of_another_channel_purpose_time_or_key_is_refused() {
        let host = MemoryHost::at(1_000_000);
        let token = issue(&host, &claims()).unwrap();
        assert_eq!(
            check(&host, &token, "/b", Use::Calls),
            Err(TokenError::Invalid)
        );
        assert_eq!(
            check(&host, &token, "/a", Use::Stream),
            Err(TokenError::Invalid)
        );
        assert_eq!(
            check(
                &MemoryHost::with_key(1_000_000, b"other"),
                &token,
                "/a",
                Use::Calls
            ),
            Err(TokenError::Invalid)
        );
        assert!(check(&MemoryHost::at(2_799_999), &token, "/a", Use::Calls).is_ok());
        assert_eq!(
            check(&MemoryHost::at(2_800_000), &token, "/a", Use::Calls),
            Err(TokenError::Expired)
        );
    }

    #[test]
    fn a_token_that_names_no_algorithm_is_refused_even_with_the_right_tag() {
        let host = MemoryHost::at(1_000_000);
        let header = URL_SAFE_NO_PAD.encode(br#"{"alg":"none"}"#);
        let signed = format!(
            "{header}.{}",
            URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims()).unwrap())
        );
        let tag = URL_SAFE_NO_PAD.encode(host.sign(signed.as_bytes()).unwrap());
        for token in [
            format!("{signed}.{tag}"),
            format!("{signed}."),
            signed,
            String::new(),
            "..".into(),
            "a.b.c".into(),
        ] {
            assert_eq!(
                check(&host, &token, "/a", Use::Calls),
                Err(TokenError::Invalid),
                "{token}"
            );
        }
    }

    #[test]
    fn the_tag_of_a_file_opens_that_file_only() {
        let host = MemoryHost::at(0);
        let tag = file_tag(&host, "/a", "c", "f").unwrap();
        assert_eq!(is_file_tag(&host, "/a", "c", "f", &tag), Ok(true));
        for (audience, conversation, file) in [("/b", "c", "f"), ("/a", "d", "f"), ("/a", "c", "g")]
        {
            assert_eq!(
                is_file_tag(&host, audience, conversation, file, &tag),
                Ok(false)
            );
        }
        assert_eq!(is_file_tag(&host, "/a", "c", "f", "not base64!"), Ok(false));
    }
}
