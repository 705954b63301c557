//! The wire protocol of Redis, version 2 (<https://redis.io/docs/latest/develop/reference/protocol-spec/>): commands out, replies in.

use std::ops::Range;

/// Longest line of a reply that is not a bulk string; what is longer is no Redis.
const MAX_LINE: usize = 64 * 1024;
/// Largest bulk string, as the server has it by default (`proto-max-bulk-len`).
const MAX_BULK: usize = 512 * 1024 * 1024;
/// Deepest nesting of a reply; our own replies have two levels.
const MAX_DEPTH: u32 = 8;

/// A reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A status such as `OK`.
    Status(String),
    /// An error; its first word is its kind.
    Error(String),
    /// A number.
    Number(i64),
    /// Bytes.
    Bytes(Vec<u8>),
    /// No bytes or no array.
    Nothing,
    /// Several.
    Array(Vec<Reply>),
}

/// What came is no reply: the other end speaks something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotRedis(pub String);

/// Appends a command.
pub fn encode(out: &mut Vec<u8>, arguments: &[&[u8]]) {
    line(out, b'*', arguments.len());
    for argument in arguments {
        line(out, b'$', argument.len());
        out.extend_from_slice(argument);
        out.extend_from_slice(b"\r\n");
    }
}

fn line(out: &mut Vec<u8>, kind: u8, number: usize) {
    out.push(kind);
    out.extend_from_slice(number.to_string().as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// The first reply in `bytes` and how many bytes it takes, or `None` while it is not all there.
///
/// # Errors
/// [`NotRedis`] when this can never become a reply.
pub fn decode(bytes: &[u8]) -> Result<Option<(Reply, usize)>, NotRedis> {
    // Measured first, without keeping anything: a large reply comes in many pieces.
    let Some(end) = measure(bytes, 0, 0)? else {
        return Ok(None);
    };
    let mut at = 0;
    Ok(Some((read(bytes, &mut at), end)))
}

/// Where the reply that begins at `at` ends.
fn measure(bytes: &[u8], at: usize, depth: u32) -> Result<Option<usize>, NotRedis> {
    let Some((kind, text, next)) = head(bytes, at)? else {
        return Ok(None);
    };
    match kind {
        b'+' | b'-' => Ok(Some(next)),
        b':' => number(bytes, &text).map(|_| Some(next)),
        b'$' => {
            let length = number(bytes, &text)?;
            let Ok(length) = usize::try_from(length) else {
                return Ok(Some(next));
            };
            if length > MAX_BULK {
                return Err(strange(bytes, at));
            }
            let end = next + length + 2;
            match bytes.get(next + length..end) {
                Some(b"\r\n") => Ok(Some(end)),
                Some(_) => Err(strange(bytes, at)),
                None => Ok(None),
            }
        }
        b'*' if depth < MAX_DEPTH => {
            let mut next = next;
            for _ in 0..number(bytes, &text)?.max(0) {
                match measure(bytes, next, depth + 1)? {
                    Some(end) => next = end,
                    None => return Ok(None),
                }
            }
            Ok(Some(next))
        }
        _ => Err(strange(bytes, at)),
    }
}

/// The kind of the reply at `at`, the rest of its first line, and where the next one begins.
fn head(bytes: &[u8], at: usize) -> Result<Option<(u8, Range<usize>, usize)>, NotRedis> {
    let Some((kind, rest)) = bytes.get(at..).and_then(<[u8]>::split_first) else {
        return Ok(None);
    };
    if !matches!(kind, b'+' | b'-' | b':' | b'$' | b'*') {
        return Err(strange(bytes, at));
    }
    match rest.iter().take(MAX_LINE).position(|byte| *byte == b'\r') {
        Some(length) => match rest.get(length + 1) {
            Some(b'\n') => Ok(Some((*kind, at + 1..at + 1 + length, at + length + 3))),
            Some(_) => Err(strange(bytes, at)),
            None => Ok(None),
        },
        None if rest.len() >= MAX_LINE => Err(strange(bytes, at)),
        None => Ok(None),
    }
}

fn number(bytes: &[u8], text: &Range<usize>) -> Result<i64, NotRedis> {
    bytes
        .get(text.clone())
        .and_then(|text| std::str::from_utf8(text).ok()?.parse().ok())
        .ok_or_else(|| strange(bytes, text.start))
}

fn strange(bytes: &[u8], at: usize) -> NotRedis {
    let seen = bytes.get(at..).unwrap_or_default();
    let seen = seen.get(..seen.len().min(40)).unwrap_or_default();
    NotRedis(String::from_utf8_lossy(seen).escape_debug().to_string())
}

/// Reads a reply that was measured.
fn read(bytes: &[u8], at: &mut usize) -> Reply {
    let Ok(Some((kind, text, next))) = head(bytes, *at) else {
        return Reply::Nothing;
    };
    *at = next;
    let line = || String::from_utf8_lossy(bytes.get(text.clone()).unwrap_or_default()).into_owned();
    let count = number(bytes, &text).unwrap_or(-1);
    match kind {
        b'+' => Reply::Status(line()),
        b'-' => Reply::Error(line()),
        b':' => Reply::Number(count),
        b'$' => match usize::try_from(count) {
            Ok(length) => {
                *at = next + length + 2;
                Reply::Bytes(bytes.get(next..next + length).unwrap_or_default().to_vec())
            }
            Err(_) => Reply::Nothing,
        },
        _ if count < 0 => Reply::Nothing,
        _ => Reply::Array((0..count).map(|_| read(bytes, at)).collect()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Reply, decode, encode};

    #[test]
    fn a_command_is_an_array_of_bulk_strings() {
        let mut out = Vec::new();
        encode(&mut out, &[b"SET", b"k", b""]);
        assert_eq!(out, b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n");
    }

    #[test]
    fn every_kind_of_reply_is_read() {
        for (text, expected) in [
            ("+OK\r\n", Reply::Status("OK".into())),
            ("-ERR no\r\n", Reply::Error("ERR no".into())),
            (":-12\r\n", Reply::Number(-12)),
            ("$3\r\na\r\n\r\n", Reply::Bytes(b"a\r\n".to_vec())),
            ("$-1\r\n", Reply::Nothing),
            ("*-1\r\n", Reply::Nothing),
            ("*0\r\n", Reply::Array(Vec::new())),
            (
                "*2\r\n:1\r\n*1\r\n$-1\r\n",
                Reply::Array(vec![Reply::Number(1), Reply::Array(vec![Reply::Nothing])]),
            ),
        ] {
            let bytes = text.as_bytes();
            assert_eq!(decode(bytes), Ok(Some((expected, bytes.len()))), "{text:?}");
            for cut in 0..bytes.len() {
                assert_eq!(decode(&bytes[..cut]), Ok(None), "{text:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn what_is_no_reply_is_told_and_shown() {
        for text in [
            "HTTP/1.1 400 Bad Request\r\n",
            "INFO {\"server_id\":1}\r\n",
            ":x\r\n",
            "$x\r\n",
            "$1\r\nab\r\n",
            "$99999999999\r\n",
            "+a\rb",
            "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
        ] {
            assert!(decode(text.as_bytes()).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_comes_makes_it_panic_or_read_beyond(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(Some((_, end))) = decode(&bytes) {
                prop_assert!(end <= bytes.len());
            }
        }
    }
}
