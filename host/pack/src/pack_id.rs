//! Pack ids and the patterns that say which ids a key may sign.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::limits::ID_CHARS;

/// A pack's id: segments of small letters, digits and `.`, `-`, `_`, separated by `/`, such as `demo/helpdesk`.
///
/// Each segment begins and ends with a letter or digit; 128 characters at most.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PackId(String);

/// A text that is no pack id or pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// No pack id.
    #[error(
        "`{0}` is not a pack id: segments of a-z, 0-9, `.`, `-` and `_`, separated by `/`, such as `demo/helpdesk`"
    )]
    Id(String),
    /// No pattern.
    #[error(
        "`{0}` is not a pattern of pack ids: an id in which `*` stands for any part of a segment and a last `**` for any rest, such as `demo/*`"
    )]
    Pattern(String),
}

impl PackId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PackId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        if text.len() <= ID_CHARS && text.split('/').all(is_segment) {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError::Id(text.chars().take(ID_CHARS).collect()))
        }
    }
}

impl TryFrom<String> for PackId {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<PackId> for String {
    fn from(id: PackId) -> Self {
        id.0
    }
}

impl fmt::Display for PackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_segment(segment: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    segment.starts_with(plain)
        && segment.ends_with(plain)
        && segment.chars().all(|c| plain(c) || ".-_".contains(c))
}

/// A pattern over pack ids, as in `may-sign: ["greentic/*"]`.
///
/// `*` stands for any characters inside one segment, a last segment `**` for one or more segments. So `demo/*` covers
/// `demo/helpdesk` and neither `demo` nor `demo/a/b`; `**` covers all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdPattern(String);

impl IdPattern {
    /// Whether the pattern covers the id.
    pub fn covers(&self, id: &PackId) -> bool {
        let mut ids = id.as_str().split('/');
        let mut patterns = self.0.split('/').peekable();
        loop {
            match (patterns.next(), ids.next()) {
                (None, None) => return true,
                (Some("**"), Some(_)) if patterns.peek().is_none() => return true,
                (Some(pattern), Some(segment)) if segment_covers(pattern, segment) => {}
                _ => return false,
            }
        }
    }
}

impl FromStr for IdPattern {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let mut segments = text.split('/').rev();
        let last = segments.next().unwrap_or_default();
        // A star is taken for a letter, and what is left must be a segment.
        let sound =
            |segment: &str| !segment.contains("**") && is_segment(&segment.replace('*', "a"));
        if text.len() <= ID_CHARS && (last == "**" || sound(last)) && segments.all(sound) {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError::Pattern(text.chars().take(ID_CHARS).collect()))
        }
    }
}

impl fmt::Display for IdPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Matches pieces between stars from left to right; the first and last are anchored.
fn segment_covers(pattern: &str, segment: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == segment;
    };
    let Some(mut left) = segment.strip_prefix(first) else {
        return false;
    };
    let mut pieces: Vec<&str> = rest.split('*').collect();
    let last = pieces.pop().unwrap_or_default();
    for piece in pieces {
        let Some((_, after)) = left.split_once(piece) else {
            return false;
        };
        left = after;
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_one_form() {
        for good in ["a", "demo/helpdesk", "dev.local.hello", "a/b/c-1_x"] {
            assert!(good.parse::<PackId>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "/",
            "a/",
            "/a",
            "A",
            "a b",
            "..",
            "a/../b",
            "-a",
            "a-",
            "ü",
            "a*",
            "a//b",
            &"a".repeat(129),
        ] {
            assert!(bad.parse::<PackId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_star_stays_inside_its_segment_and_two_at_the_end_do_not() {
        let table = [
            ("demo/*", "demo/helpdesk", true),
            ("demo/*", "demo", false),
            ("demo/*", "demo/a/b", false),
            ("demo/*", "demos/a", false),
            ("demo/**", "demo/a/b", true),
            ("demo/**", "demo", false),
            ("**", "demo/a/b", true),
            ("*", "demo", true),
            ("*", "demo/a", false),
            ("demo/help*", "demo/helpdesk", true),
            ("demo/*desk", "demo/helpdesk", true),
            ("demo/h*d*k", "demo/helpdesk", true),
            ("demo/h*x*k", "demo/helpdesk", false),
            ("demo/helpdesk", "demo/helpdesk", true),
            ("demo/ab*ba", "demo/aba", false),
            ("*/helpdesk", "demo/helpdesk", true),
        ];
        for (pattern, id, covered) in table {
            let found = pattern
                .parse::<IdPattern>()
                .unwrap()
                .covers(&id.parse().unwrap());
            assert_eq!(found, covered, "{pattern} over {id}");
        }
    }

    #[test]
    fn patterns_that_cannot_match_anything_are_refused() {
        for bad in ["", "demo/", "**/demo", "a**", "Demo/*", "/**", "a b"] {
            assert!(bad.parse::<IdPattern>().is_err(), "{bad}");
        }
    }
}
