//! `application/x-www-form-urlencoded`, the form of queries and of HTML forms (WHATWG URL, section 5).

use crate::percent;

/// The media type.
pub const CONTENT_TYPE: &str = "application/x-www-form-urlencoded";

/// The pairs in their order, decoded; a name may come more than once. Bytes that are not UTF-8 become U+FFFD.
#[must_use]
pub fn parse(body: &[u8]) -> Vec<(String, String)> {
    String::from_utf8_lossy(body)
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect()
}

/// The first value of a name among parsed pairs.
#[must_use]
pub fn value<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
}

/// Pairs as a body or a query. A secret's placeholder stays as it is: it has only unreserved characters.
#[must_use]
pub fn encode(pairs: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        if !text.is_empty() {
            text.push('&');
        }
        push(&mut text, name);
        text.push('=');
        push(&mut text, value);
    }
    text
}

fn push(encoded: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b' ' => encoded.push('+'),
            _ => percent::push(encoded, byte),
        }
    }
}

/// One name or value: `+` is a blank, `%XX` a byte.
#[must_use]
pub fn decode(text: &str) -> String {
    let bytes = percent::decode_bytes(&text.replace('+', " "));
    String::from_utf8(bytes)
        .unwrap_or_else(|fault| String::from_utf8_lossy(fault.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{encode, parse, value};

    proptest! {
        #[test]
        fn what_was_encoded_is_parsed(pairs: Vec<(String, String)>) {
            // A pair of two empty texts is written `=` and read again as such.
            let given: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            prop_assert_eq!(parse(encode(&given).as_bytes()), pairs);
        }

        #[test]
        fn any_bytes_are_parsed_without_a_panic(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }
    }

    #[test]
    fn pairs_are_read_as_browsers_write_them() {
        let pairs = parse(b"token=a%2Bb&text=hello+world&empty=&flag&&x=1&x=2");
        for (name, meant) in [
            ("token", "a+b"),
            ("text", "hello world"),
            ("empty", ""),
            ("flag", ""),
            ("x", "1"),
        ] {
            assert_eq!(value(&pairs, name), Some(meant), "{name}");
        }
        assert_eq!(value(&pairs, "absent"), None);
        assert_eq!(pairs.len(), 6);
        assert_eq!(encode(&[("a b", "c&d"), ("e", "ü")]), "a+b=c%26d&e=%C3%BC");
    }
}
