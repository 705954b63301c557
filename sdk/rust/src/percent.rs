//! Percent-encoding (RFC 3986).

/// Everything but the unreserved characters `A-Z a-z 0-9 - . _ ~` encoded: fits into a path's segment, a query and a header's
/// extended parameter alike.
#[must_use]
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        push(&mut encoded, byte);
    }
    encoded
}

pub(crate) fn push(encoded: &mut String, byte: u8) {
    if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
        encoded.push(char::from(byte));
    } else {
        encoded.push('%');
        encoded.push_str(&crate::hex::encode(&[byte]).to_ascii_uppercase());
    }
}

/// The bytes an encoded text stands for. A `%` that is not followed by two digits stands for itself, as browsers have it.
#[must_use]
pub fn decode_bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'%')
            .then(|| after.split_at_checked(2))
            .flatten()
            .and_then(|(digits, after)| {
                let byte = crate::hex::decode(std::str::from_utf8(digits).ok()?)?;
                Some((*byte.first()?, after))
            });
        let (byte, after) = escaped.unwrap_or((*first, after));
        bytes.push(byte);
        rest = after;
    }
    bytes
}

/// The text an encoded text stands for; `None` when that is not UTF-8.
#[must_use]
pub fn decode(text: &str) -> Option<String> {
    String::from_utf8(decode_bytes(text)).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{decode, encode};

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(text: String) {
            let encoded = encode(&text);
            prop_assert!(encoded.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte)));
            prop_assert_eq!(decode(&encoded), Some(text));
        }

        #[test]
        fn any_text_is_decoded_without_a_panic(text in "[%0-9a-fA-F€]{0,12}") {
            let _ = decode(&text);
        }
    }

    #[test]
    fn a_lone_percent_sign_stands_for_itself() {
        for (text, meant) in [
            ("100%", "100%"),
            ("%zz", "%zz"),
            ("%4", "%4"),
            ("a%20b+c", "a b+c"),
            ("%e2%82%AC", "€"),
        ] {
            assert_eq!(decode(text).as_deref(), Some(meant), "{text}");
        }
        assert_eq!(decode("%ff"), None);
        assert_eq!(encode("a b/ä~"), "a%20b%2F%C3%A4~");
    }
}
