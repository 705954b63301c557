//! The header block of a message: `NATS/1.0[ status]`, then `Name: value` lines. Values of ours are percent-encoded where they hold a
//! control character or a percent sign, so that no id or key can begin a header of its own.

use std::fmt::Write as _;

const VERSION: &str = "NATS/1.0";

/// Builds a header block.
#[derive(Debug, Clone)]
pub struct Headers(String);

impl Default for Headers {
    fn default() -> Self {
        Self(format!("{VERSION}\r\n"))
    }
}

impl Headers {
    /// Adds a header; an empty value is left out.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        if value.is_empty() {
            return self;
        }
        self.0.push_str(name);
        self.0.push_str(": ");
        for character in value.chars() {
            // A blank at an end would be trimmed away.
            if character.is_control() || matches!(character, '%' | ' ') {
                let mut bytes = [0; 4];
                for byte in character.encode_utf8(&mut bytes).bytes() {
                    // Writing to a string cannot fail.
                    let _ = write!(self.0, "%{byte:02X}");
                }
            } else {
                self.0.push(character);
            }
        }
        self.0.push_str("\r\n");
        self
    }

    /// The block as it is sent.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.0.push_str("\r\n");
        self.0.into_bytes()
    }
}

/// The status in the version line, such as 404; `None` for an ordinary message.
#[must_use]
pub fn status(block: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(block).ok()?;
    let line = text.lines().next()?.strip_prefix(VERSION)?;
    line.trim().split(' ').next()?.parse().ok()
}

/// The value of a header, decoded.
#[must_use]
pub fn value(block: &[u8], name: &str) -> Option<String> {
    let text = std::str::from_utf8(block).ok()?;
    let value = text.lines().skip(1).find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })?;
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        let coded = (byte == b'%').then(|| {
            let mut ahead = rest.clone();
            let pair = [ahead.next()?, ahead.next()?];
            let byte = u8::from_str_radix(std::str::from_utf8(&pair).ok()?, 16).ok()?;
            Some((byte, ahead))
        });
        match coded.flatten() {
            Some((decoded, ahead)) => {
                bytes.push(decoded);
                rest = ahead;
            }
            None => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::{Headers, status, value};

    #[test]
    fn whatever_a_value_holds_reads_back_and_begins_no_header() {
        for text in [
            "plain",
            "a\r\nNats-Msg-Id: other",
            "100%",
            "%41",
            " ends ",
            "ä→\u{85}",
        ] {
            let block = Headers::default().with("K", text).with("L", "x").finish();
            assert_eq!(value(&block, "k").as_deref(), Some(text), "{text:?}");
            assert_eq!(value(&block, "Nats-Msg-Id"), None);
            assert_eq!(value(&block, "L").as_deref(), Some("x"));
        }
        let block = Headers::default().with("K", "").finish();
        assert_eq!(value(&block, "K"), None);
        assert_eq!(block, b"NATS/1.0\r\n\r\n");
    }

    #[test]
    fn a_status_is_read_from_the_first_line() {
        assert_eq!(status(b"NATS/1.0 404 No Messages\r\n\r\n"), Some(404));
        assert_eq!(status(b"NATS/1.0 503\r\n\r\n"), Some(503));
        for block in [&b""[..], b"NATS/1.0\r\nA: 404\r\n\r\n", b"\xff"] {
            assert_eq!(status(block), None);
        }
    }
}
