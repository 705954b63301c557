//! Who we are: the credentials a secret holds, and the answer to a server's challenge.
//!
//! A secret is one of these, told apart by its form: a credentials file (a JWT and a seed between their marks), an NKey seed
//! (`SU…`), `user:password`, or a token. The seed format is that of
//! <https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/nkey_auth>.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Map, Value};

/// Credentials.
pub enum Credentials {
    /// Nothing is asked of us.
    None,
    /// User and password.
    User(String, String),
    /// A token.
    Token(String),
    /// A key pair, and a JWT where accounts are decentralised.
    Key {
        /// The private key.
        key: Box<SigningKey>,
        /// The user's JWT.
        jwt: Option<String>,
    },
}

/// What a seed begins with once decoded: `S`, and `U` for a user.
const SEED: u8 = 18 << 3;
const USER: u8 = 20 << 3;

impl Credentials {
    /// Reads a secret's text.
    ///
    /// # Errors
    /// What is wrong with it; never the text itself.
    pub fn read(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(jwt) = section(text, "NATS USER JWT") {
            let seed = section(text, "USER NKEY SEED")
                .ok_or("it is a credentials file without a USER NKEY SEED")?;
            return Ok(Self::Key {
                key: Box::new(seed_key(seed)?),
                jwt: Some(jwt.to_owned()),
            });
        }
        if text.starts_with("SU") && text.len() == 58 {
            return Ok(Self::Key {
                key: Box::new(seed_key(text)?),
                jwt: None,
            });
        }
        if text.is_empty() || text.contains(char::is_whitespace) {
            return Err(
                "it is none of: a credentials file, an NKey seed, user:password, a token".into(),
            );
        }
        Ok(match text.split_once(':') {
            Some((user, password)) => Self::User(user.into(), password.into()),
            None => Self::Token(text.into()),
        })
    }

    /// What they add to `CONNECT`, answering the server's `nonce`.
    pub fn answer(&self, nonce: &str, connect: &mut Map<String, Value>) {
        let mut add = |key: &str, value: String| connect.insert(key.into(), value.into());
        match self {
            Self::None => {}
            Self::User(user, password) => {
                add("user", user.clone());
                add("pass", password.clone());
            }
            Self::Token(token) => {
                add("auth_token", token.clone());
            }
            Self::Key { key, jwt } => {
                let signature = key.sign(nonce.as_bytes());
                add("sig", URL_SAFE_NO_PAD.encode(signature.to_bytes()));
                match jwt {
                    Some(jwt) => add("jwt", jwt.clone()),
                    None => add("nkey", public(&key.verifying_key().to_bytes())),
                };
            }
        }
    }
}

/// What stands between `-----BEGIN name-----` and the mark after it.
fn section<'text>(text: &'text str, name: &str) -> Option<&'text str> {
    let (_, rest) = text.split_once(&format!("BEGIN {name}"))?;
    let (_, rest) = rest.split_once('\n')?;
    rest.lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with('-'))
}

fn seed_key(text: &str) -> Result<SigningKey, String> {
    let wrong = "its NKey seed is damaged";
    let bytes = base32_decode(text).ok_or(wrong)?;
    let (body, sum) = bytes.split_at_checked(34).ok_or(wrong)?;
    let [low, high] = sum else {
        return Err(wrong.into());
    };
    if crc16(body) != u16::from_le_bytes([*low, *high]) {
        return Err(wrong.into());
    }
    let (Some(first), Some(second), Some(seed)) = (body.first(), body.get(1), body.get(2..)) else {
        return Err(wrong.into());
    };
    let kind = (first & 7) << 5 | (second & 248) >> 3;
    if first & 248 != SEED || kind != USER {
        return Err("its NKey seed is not a user's: those begin with SU".into());
    }
    let seed: [u8; 32] = seed.try_into().map_err(|_| wrong)?;
    Ok(SigningKey::from_bytes(&seed))
}

fn public(key: &[u8; 32]) -> String {
    let mut bytes = vec![USER];
    bytes.extend_from_slice(key);
    let sum = crc16(&bytes).to_le_bytes();
    bytes.extend_from_slice(&sum);
    base32_encode(&bytes)
}

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn base32_encode(bytes: &[u8]) -> String {
    let (mut bits, mut count, mut text) = (0_u32, 0, String::new());
    let mut digit = |bits: u32| {
        let place = usize::try_from(bits & 31).unwrap_or(0);
        text.push(char::from(ALPHABET.get(place).copied().unwrap_or(b'A')));
    };
    for byte in bytes {
        bits = bits << 8 | u32::from(*byte);
        count += 8;
        while count >= 5 {
            count -= 5;
            digit(bits >> count);
        }
    }
    if count > 0 {
        digit(bits << (5 - count));
    }
    text
}

fn base32_decode(text: &str) -> Option<Vec<u8>> {
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for character in text.bytes() {
        let digit = ALPHABET.iter().position(|known| *known == character)?;
        bits = (bits << 5 | u32::try_from(digit).ok()?) & 0xfff;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    Some(bytes)
}

/// CRC-16/XMODEM, as NKeys end with.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0_u16, |sum, byte| {
        (0..8).fold(sum ^ u16::from(*byte) << 8, |sum, _| {
            if sum & 0x8000 == 0 {
                sum << 1
            } else {
                sum << 1 ^ 0x1021
            }
        })
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::Map;

    use super::{Credentials, SEED, USER, base32_decode, base32_encode, crc16, public};

    /// The seed and the public key of a key pair.
    pub(crate) fn pair(raw: [u8; 32]) -> (String, String) {
        let mut bytes = vec![SEED | USER >> 5, USER << 3];
        bytes.extend_from_slice(&raw);
        let sum = crc16(&bytes).to_le_bytes();
        bytes.extend_from_slice(&sum);
        let key = ed25519_dalek::SigningKey::from_bytes(&raw);
        (
            base32_encode(&bytes),
            public(&key.verifying_key().to_bytes()),
        )
    }

    #[test]
    fn each_form_of_a_secret_is_told_apart() {
        let (seed, key) = pair([7; 32]);
        assert!(
            seed.starts_with("SU") && key.starts_with('U'),
            "{seed} {key}"
        );
        let file = format!(
            "-----BEGIN NATS USER JWT-----\neyJ0.x.y\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        );
        for (secret, field, value) in [
            ("bot:pw:x", "pass", "pw:x"),
            ("s3cr3t", "auth_token", "s3cr3t"),
            (seed.as_str(), "nkey", key.as_str()),
            (file.as_str(), "jwt", "eyJ0.x.y"),
        ] {
            let mut connect = Map::new();
            Credentials::read(secret)
                .unwrap()
                .answer("nonce", &mut connect);
            assert_eq!(connect[field], value, "{connect:?}");
            assert_eq!(connect.contains_key("sig"), matches!(field, "nkey" | "jwt"));
        }
    }

    #[test]
    fn a_damaged_secret_is_told_and_not_shown() {
        let (seed, _) = pair([7; 32]);
        let damaged = seed.replace('A', "B");
        for secret in [
            "",
            "a b",
            damaged.as_str(),
            "-----BEGIN NATS USER JWT-----\neyJ0\n------END NATS USER JWT------\n",
        ] {
            let error = Credentials::read(secret).err().unwrap();
            assert!(secret.is_empty() || !error.contains(secret), "{error}");
        }
        assert_eq!(base32_decode("a"), None);
    }
}
