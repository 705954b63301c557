//! Subjects and the filters consumers select them with.

/// Why a text cannot be a subject, or `None` when it can: tokens with dots between them, at most 255 bytes, no wildcards.
#[must_use]
pub fn subject_fault(subject: &str) -> Option<&'static str> {
    if subject.is_empty() || subject.len() > 255 {
        return Some("a subject has 1 to 255 bytes");
    }
    if subject.split('.').any(str::is_empty) {
        return Some("a subject has no empty token");
    }
    if subject
        .bytes()
        .any(|byte| byte <= b' ' || matches!(byte, b'*' | b'>'))
    {
        return Some("a subject has no wildcard, blank or control character");
    }
    None
}

/// Why a text cannot be a filter, or `None` when it can: as a subject, where a token may be `*` and the last one `>`.
#[must_use]
pub fn filter_fault(filter: &str) -> Option<&'static str> {
    if filter.is_empty() || filter.len() > 255 {
        return Some("a filter has 1 to 255 bytes");
    }
    let mut tokens = filter.split('.').peekable();
    while let Some(token) = tokens.next() {
        match token {
            "" => return Some("a filter has no empty token"),
            "*" => {}
            ">" if tokens.peek().is_none() => {}
            ">" => return Some("`>` stands only at the end of a filter"),
            _ if token
                .bytes()
                .any(|byte| byte <= b' ' || matches!(byte, b'*' | b'>')) =>
            {
                return Some(
                    "a wildcard is a token of its own, and a token has no blank or control character",
                );
            }
            _ => {}
        }
    }
    None
}

/// Whether a filter selects a subject: `*` is any one token, a final `>` one or more.
#[must_use]
pub fn selects(filter: &str, subject: &str) -> bool {
    let mut tokens = subject.split('.');
    for part in filter.split('.') {
        let token = tokens.next();
        match (part, token) {
            (">", Some(_)) => return true,
            (_, None) => return false,
            ("*", Some(_)) => {}
            (part, Some(token)) if part == token => {}
            _ => return false,
        }
    }
    tokens.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::{filter_fault, selects, subject_fault};

    #[test]
    fn filters_select_by_tokens() {
        for (filter, subject, expected) in [
            ("a.b", "a.b", true),
            ("a.b", "a.b.c", false),
            ("a.b.c", "a.b", false),
            ("a.*", "a.b", true),
            ("a.*", "a", false),
            ("a.*", "a.b.c", false),
            ("*.b", "a.b", true),
            ("a.*.c", "a.b.c", true),
            ("a.>", "a.b", true),
            ("a.>", "a.b.c", true),
            ("a.>", "a", false),
            ("a.>", "ab.c", false),
            (">", "a", true),
            ("*.>", "a", false),
            ("*.>", "a.b", true),
        ] {
            assert_eq!(selects(filter, subject), expected, "{filter} {subject}");
        }
    }

    #[test]
    fn what_is_no_subject_or_filter_is_refused() {
        let long = "a".repeat(256);
        for subject in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "a b",
            "a.*",
            "a.>",
            "a\n",
            long.as_str(),
        ] {
            assert!(subject_fault(subject).is_some(), "{subject:?}");
        }
        for filter in [
            "",
            "a.",
            "a..b",
            "a.>.b",
            "a*",
            "a.b>",
            "a b",
            long.as_str(),
        ] {
            assert!(filter_fault(filter).is_some(), "{filter:?}");
        }
        for good in ["a", "dev.acme.support.webchat", "ä.b-c_d"] {
            assert_eq!(
                (subject_fault(good), filter_fault(good)),
                (None, None),
                "{good}"
            );
        }
        for good in ["*", ">", "a.*.b", "a.>", "*.>"] {
            assert_eq!(filter_fault(good), None, "{good}");
        }
    }
}
