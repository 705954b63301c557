//! Bytes as hexadecimal digits.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Lower-case digits, two a byte.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let digit = |value: u8| {
        DIGITS
            .get(usize::from(value))
            .copied()
            .map_or('0', char::from)
    };
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// The bytes that digits of either case stand for; `None` for an odd number of them or anything that is no digit.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let value = |digit: u8| {
        char::from(digit)
            .to_digit(16)
            .and_then(|value| u8::try_from(value).ok())
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs
        .iter()
        .map(|[high, low]| Some(value(*high)? << 4 | value(*low)?))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{decode, encode};

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded_in_either_case(bytes: Vec<u8>) {
            let text = encode(&bytes);
            prop_assert_eq!(decode(&text), Some(bytes.clone()));
            prop_assert_eq!(decode(&text.to_uppercase()), Some(bytes));
        }
    }

    #[test]
    fn an_odd_number_of_digits_and_other_characters_are_refused() {
        assert_eq!(encode(&[0, 0xaf, 0xff]), "00afff");
        for text in ["0", "0g", "é", "0x", " 0", "+1", "00 "] {
            assert_eq!(decode(text), None, "{text}");
        }
        assert_eq!(decode(""), Some(Vec::new()));
    }
}
