//! Reading a query string, for the admin API only; a channel gets its query as it came.

/// The pairs of a query, decoded as forms are (`+` is a space); `None` when a percent sign or the resulting text is wrong.
pub(crate) fn pairs(query: &str) -> Option<Vec<(String, String)>> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decoded(name)?, decoded(value)?))
        })
        .collect()
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let value = digit()? * 16 + digit()?;
                u8::try_from(value).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_decoded_or_refused() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(pairs(""), Some(vec![]));
        assert_eq!(
            pairs("a=1&b=%2Fx+y&c"),
            Some(vec![pair("a", "1"), pair("b", "/x y"), pair("c", "")])
        );
        for wrong in ["a=%", "a=%4", "a=%zz", "a=%FF"] {
            assert_eq!(pairs(wrong), None, "{wrong}");
        }
    }
}
