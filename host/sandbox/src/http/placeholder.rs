//! The text that stands for a secret in a request, and putting the value in its place.
//!
//! A placeholder is `gtsec_` and 32 lower-case hex digits. It is found in header values, path, query, and form, JSON or text
//! bodies, and its value is written as that place needs it, so that a value with a quote or an ampersand stays one value.
//! A text that looks like one and stands for nothing is left as it is. Buffers that held a value are wiped.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

const PREFIX: &[u8] = b"gtsec_";
const TOKEN_LEN: usize = 38;

/// The placeholders one plugin was given. Only they mean something in its requests.
pub trait Placeholders: Send + Sync {
    /// Whether it was given none, so that there is nothing to look for.
    fn is_empty(&self) -> bool;
    /// The value of the secret `token` stands for.
    fn resolve(&self, token: &str) -> Option<Zeroizing<Vec<u8>>>;
}

/// No placeholders: for plugins without a secret.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoPlaceholders;

impl Placeholders for NoPlaceholders {
    fn is_empty(&self) -> bool {
        true
    }

    fn resolve(&self, _token: &str) -> Option<Zeroizing<Vec<u8>>> {
        None
    }
}

/// Where in a request a text stands, which decides how a value is written there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// A header's value, or a text body: as it is.
    Plain,
    /// The path: percent-encoded but for what RFC 3986 allows in a segment, so `123:abc` stays so and `/` does not.
    Path,
    /// The query or a form: percent-encoded but for unreserved characters.
    Query,
    /// Inside a JSON string.
    Json,
}

/// A value that cannot stand where its placeholder does. Says nothing about the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unfit;

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the secret's value cannot stand there")
    }
}

/// Whether `text` holds a placeholder, known or not.
pub(crate) fn looks_like_one(text: &[u8]) -> bool {
    next_token(text).is_some()
}

/// Whether `text` holds a placeholder that stands for a secret.
pub(crate) fn holds_known(text: &[u8], table: &dyn Placeholders) -> bool {
    let mut rest = text;
    while let Some((_, token, after)) = next_token(rest) {
        if table.resolve(token).is_some() {
            return true;
        }
        rest = after;
    }
    false
}

/// `text` with every known placeholder replaced, or `None` when there is none.
pub(crate) fn replace(
    text: &[u8],
    place: Place,
    table: &dyn Placeholders,
) -> Result<Option<Zeroizing<Vec<u8>>>, Unfit> {
    let mut pieces: Vec<(&[u8], Zeroizing<Vec<u8>>)> = Vec::new();
    // What is not in a piece yet starts at `kept`; where to look next is `rest`.
    let (mut kept, mut rest) = (text, text);
    while let Some((_, token, after)) = next_token(rest) {
        if let Some(value) = table.resolve(token) {
            let length = kept.len() - after.len() - TOKEN_LEN;
            pieces.push((
                kept.get(..length).unwrap_or_default(),
                written(&value, place)?,
            ));
            kept = after;
        }
        rest = after;
    }
    if pieces.is_empty() {
        return Ok(None);
    }
    // Sized up front: a vector that grows leaves a copy of what it held behind.
    let length = pieces
        .iter()
        .map(|(before, value)| before.len() + value.len())
        .sum::<usize>()
        + kept.len();
    let mut out = Zeroizing::new(Vec::with_capacity(length));
    for (before, value) in &pieces {
        out.extend_from_slice(before);
        out.extend_from_slice(value);
    }
    out.extend_from_slice(kept);
    Ok(Some(out))
}

/// The value of an `authorization` header with its placeholders replaced. `Basic` credentials are encoded as a whole (RFC
/// 7617), so a placeholder in them is found by decoding and its value goes in before encoding again.
pub(crate) fn replace_in_credentials(
    text: &[u8],
    table: &dyn Placeholders,
) -> Result<Option<Zeroizing<Vec<u8>>>, Unfit> {
    let Some(decoded) = basic_credentials(text) else {
        return replace(text, Place::Plain, table);
    };
    let Some(plain) = replace(&decoded, Place::Plain, table)? else {
        return Ok(None);
    };
    let mut out = Zeroizing::new(vec![
        0;
        BASIC.len()
            + base64::encoded_len(plain.len(), true)
                .ok_or(Unfit)?
    ]);
    let (scheme, encoded) = out.split_at_mut(BASIC.len());
    scheme.copy_from_slice(BASIC);
    STANDARD
        .encode_slice(plain.as_slice(), encoded)
        .map_err(|_| Unfit)?;
    Ok(Some(out))
}

/// Whether an `authorization` header's value holds a placeholder that stands for a secret, also inside `Basic`.
pub(crate) fn credentials_hold_known(text: &[u8], table: &dyn Placeholders) -> bool {
    match basic_credentials(text) {
        Some(decoded) => holds_known(&decoded, table),
        None => holds_known(text, table),
    }
}

const BASIC: &[u8] = b"Basic ";

fn basic_credentials(text: &[u8]) -> Option<Vec<u8>> {
    let (scheme, encoded) = text.split_at_checked(BASIC.len())?;
    if !scheme.eq_ignore_ascii_case(BASIC) {
        return None;
    }
    STANDARD.decode(encoded.trim_ascii()).ok()
}

/// The first text of a placeholder's form: what is before it, itself, what is after it.
fn next_token(text: &[u8]) -> Option<(&[u8], &str, &[u8])> {
    let mut from = 0;
    loop {
        let found = from
            + text
                .get(from..)?
                .windows(PREFIX.len())
                .position(|window| window == PREFIX)?;
        let token = text.get(found..found + TOKEN_LEN)?;
        let digits = token.get(PREFIX.len()..)?;
        if digits
            .iter()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        {
            return Some((
                text.get(..found)?,
                str::from_utf8(token).ok()?,
                text.get(found + TOKEN_LEN..)?,
            ));
        }
        from = found + 1;
    }
}

/// `value` as `place` needs it.
fn written(value: &[u8], place: Place) -> Result<Zeroizing<Vec<u8>>, Unfit> {
    // Six bytes for one is the most that any of these makes (`\u0001`).
    let mut out = Zeroizing::new(Vec::with_capacity(value.len() * 6));
    match place {
        Place::Plain => out.extend_from_slice(value),
        Place::Path => percent_encode(value, b"-._~!$&'()*+,;=:@", &mut out),
        Place::Query => percent_encode(value, b"-._~", &mut out),
        // Written out here because serde_json's own buffer would keep the value after it is freed.
        Place::Json => {
            for byte in str::from_utf8(value).map_err(|_| Unfit)?.bytes() {
                match byte {
                    b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
                    0..0x20 => {
                        out.extend_from_slice(b"\\u00");
                        out.extend_from_slice(&[hex_digit(byte >> 4), hex_digit(byte & 15)]);
                    }
                    _ => out.push(byte),
                }
            }
        }
    }
    Ok(out)
}

fn percent_encode(value: &[u8], kept: &[u8], out: &mut Vec<u8>) {
    for byte in value {
        if byte.is_ascii_alphanumeric() || kept.contains(byte) {
            out.push(*byte);
        } else {
            out.extend_from_slice(&[b'%', hex_digit(byte >> 4), hex_digit(byte & 15)]);
        }
    }
}

/// The upper-case digit of a value below 16.
fn hex_digit(value: u8) -> u8 {
    match value {
        0..=9 => b'0' + value,
        _ => b'A' + (value - 10),
    }
}

#[cfg(test)]
#[path = "placeholder_tests.rs"]
mod tests;
