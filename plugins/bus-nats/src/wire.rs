//! The client protocol of NATS (<https://docs.nats.io/reference/reference-protocols/nats-protocol>): lines, and messages with headers.

/// Longest line; a server's INFO with many cluster addresses is a few KiB.
const MAX_LINE: usize = 64 * 1024;
/// Largest message with its headers, as a server may be configured at most.
const MAX_MESSAGE: usize = 64 * 1024 * 1024;

/// What a server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// About itself, as JSON.
    Info(String),
    /// A message.
    Message(Message),
    /// Are you there?
    Ping,
    /// Yes.
    Pong,
    /// Something was accepted; only with `verbose`.
    Ok,
    /// Something is wrong; the connection may be over.
    Error(String),
}

/// A message as it arrives.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    /// Where it was sent to. What a stream delivers keeps the subject it was published on.
    pub subject: String,
    /// The subscription it comes by.
    pub subscription: u64,
    /// Where an answer goes.
    pub reply: String,
    /// The header block with its version line, or empty.
    pub headers: Vec<u8>,
    /// The rest.
    pub payload: Vec<u8>,
}

/// What came is no such protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotNats(pub String);

/// The first thing said in `bytes` and its length, or `None` while it is not all there.
///
/// # Errors
/// [`NotNats`] when it can never become one.
pub fn decode(bytes: &[u8]) -> Result<Option<(Said, usize)>, NotNats> {
    let Some(length) = bytes.iter().take(MAX_LINE).position(|byte| *byte == b'\n') else {
        return if bytes.len() >= MAX_LINE || !plausible(bytes) {
            Err(strange(bytes))
        } else {
            Ok(None)
        };
    };
    let line = bytes.get(..length).unwrap_or_default();
    let line = std::str::from_utf8(line.strip_suffix(b"\r").unwrap_or(line))
        .map_err(|_| strange(bytes))?;
    let (verb, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    let next = length + 1;
    let said = match verb.to_ascii_uppercase().as_str() {
        "MSG" | "HMSG" => return message(bytes, verb.len() == 4, rest, next),
        "INFO" => Said::Info(rest.trim().to_owned()),
        "PING" => Said::Ping,
        "PONG" => Said::Pong,
        "+OK" => Said::Ok,
        "-ERR" => Said::Error(rest.trim().trim_matches('\'').to_owned()),
        _ => return Err(strange(bytes)),
    };
    Ok(Some((said, next)))
}

/// Whether what has come may be the beginning of a line: a server that speaks otherwise is found out before its first newline.
fn plausible(bytes: &[u8]) -> bool {
    let start = bytes.get(..bytes.len().min(4)).unwrap_or_default();
    ["MSG ", "HMSG", "INFO", "PING", "PONG", "+OK\r", "-ERR"]
        .iter()
        .any(|verb| verb.as_bytes().starts_with(&start.to_ascii_uppercase()))
}

fn message(
    bytes: &[u8],
    with_headers: bool,
    line: &str,
    next: usize,
) -> Result<Option<(Said, usize)>, NotNats> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let size = |text: &str| {
        let size = text.parse::<usize>().ok();
        size.filter(|size| *size <= MAX_MESSAGE)
            .ok_or_else(|| strange(bytes))
    };
    let (subject, by, reply, head, total) = match (with_headers, words.as_slice()) {
        (false, [subject, by, total]) => (subject, by, "", 0, size(total)?),
        (false, [subject, by, reply, total]) => (subject, by, *reply, 0, size(total)?),
        (true, [subject, by, head, total]) => (subject, by, "", size(head)?, size(total)?),
        (true, [subject, by, reply, head, total]) => {
            (subject, by, *reply, size(head)?, size(total)?)
        }
        _ => return Err(strange(bytes)),
    };
    let body = match bytes.get(next..next + total + 2) {
        None => return Ok(None),
        Some(body) if body.ends_with(b"\r\n") && head <= total => body,
        Some(_) => return Err(strange(bytes)),
    };
    let message = Message {
        subject: (*subject).to_owned(),
        subscription: by.parse().map_err(|_| strange(bytes))?,
        reply: reply.to_owned(),
        headers: body.get(..head).unwrap_or_default().to_vec(),
        payload: body.get(head..total).unwrap_or_default().to_vec(),
    };
    Ok(Some((Said::Message(message), next + total + 2)))
}

fn strange(bytes: &[u8]) -> NotNats {
    let seen = bytes.get(..bytes.len().min(40)).unwrap_or_default();
    NotNats(String::from_utf8_lossy(seen).escape_debug().to_string())
}

/// Appends a message to send; `reply` and `headers` may be empty.
pub fn publish(out: &mut Vec<u8>, subject: &str, reply: &str, headers: &[u8], payload: &[u8]) {
    out.extend_from_slice(if headers.is_empty() {
        b"PUB "
    } else {
        b"HPUB "
    });
    out.extend_from_slice(subject.as_bytes());
    if !reply.is_empty() {
        out.push(b' ');
        out.extend_from_slice(reply.as_bytes());
    }
    if !headers.is_empty() {
        out.push(b' ');
        out.extend_from_slice(headers.len().to_string().as_bytes());
    }
    out.push(b' ');
    out.extend_from_slice((headers.len() + payload.len()).to_string().as_bytes());
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(headers);
    out.extend_from_slice(payload);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Message, Said, decode, publish};

    #[test]
    fn everything_a_server_says_is_read_and_waited_for() {
        let message = |reply: &str, headers: &[u8], payload: &[u8]| {
            Said::Message(Message {
                subject: "a.b".into(),
                subscription: 1,
                reply: reply.into(),
                headers: headers.to_vec(),
                payload: payload.to_vec(),
            })
        };
        for (text, expected) in [
            ("INFO {\"x\":1} \r\n", Said::Info("{\"x\":1}".into())),
            ("PING\r\n", Said::Ping),
            ("PONG\r\n", Said::Pong),
            ("+OK\r\n", Said::Ok),
            ("-ERR 'Bad Thing'\r\n", Said::Error("Bad Thing".into())),
            ("MSG a.b 1 3\r\n\r\nx\r\n", message("", b"", b"\r\nx")),
            ("MSG a.b 1 r.s 0\r\n\r\n", message("r.s", b"", b"")),
            (
                "HMSG a.b 1 4 5\r\nNA\r\nx\r\n",
                message("", b"NA\r\n", b"x"),
            ),
            (
                "HMSG a.b 1 r 4 4\r\nNA\r\n\r\n",
                message("r", b"NA\r\n", b""),
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
    fn what_is_not_the_protocol_is_told() {
        for text in [
            "HTTP/1.1 400 Bad Request\r\n",
            "-NOAUTH Authentication required.\r\n",
            "MSG a 1\r\n",
            "MSG a 1 x\r\n",
            "MSG a x 0\r\n\r\n",
            "MSG a 1 1\r\nxyz",
            "HMSG a 1 5 3\r\nabc\r\n",
            "MSG a 1 99999999999\r\n",
            "ZZ",
        ] {
            assert!(decode(text.as_bytes()).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_message_is_sent_with_its_sizes() {
        let mut out = Vec::new();
        publish(&mut out, "a", "", b"", b"xy");
        publish(&mut out, "a", "r", b"NATS/1.0\r\n\r\n", b"xy");
        let text = "PUB a 2\r\nxy\r\nHPUB a r 12 14\r\nNATS/1.0\r\n\r\nxy\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), text);
    }

    proptest! {
        #[test]
        fn nothing_that_comes_makes_it_panic_or_read_beyond(
            start in prop_oneof![Just(""), Just("MSG a 1 "), Just("HMSG a 1 ")],
            bytes in proptest::collection::vec(any::<u8>(), 0..100),
        ) {
            let bytes = [start.as_bytes(), &bytes].concat();
            if let Ok(Some((_, end))) = decode(&bytes) {
                prop_assert!(end <= bytes.len());
            }
        }
    }
}
