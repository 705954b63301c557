//! Reading fields of JSON whose shape nobody guarantees.
//!
//! Slack adds fields and event kinds without notice and its samples differ from its schemas, so payloads are read field by field: what
//! is there in the expected type is used, anything else counts as absent and never fails the whole request.

use serde_json::Value;

/// The text at a JSON pointer; an empty one counts as absent.
pub fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value
        .pointer(pointer)?
        .as_str()
        .filter(|text| !text.is_empty())
}

/// The first text there is among several pointers.
pub fn first<'a>(value: &'a Value, pointers: &[&str]) -> Option<&'a str> {
    pointers.iter().find_map(|pointer| text(value, pointer))
}

/// The items of the list at a JSON pointer; none when it is no list.
pub fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Whether the value at a JSON pointer is `true`.
pub fn flag(value: &Value, pointer: &str) -> bool {
    value.pointer(pointer).and_then(Value::as_bool) == Some(true)
}

/// Milliseconds of a Slack timestamp such as `1595926230.009600`: seconds, a dot, microseconds. `None` when it is no number.
pub fn millis(ts: &str) -> Option<u64> {
    let (seconds, fraction) = ts.split_once('.').unwrap_or((ts, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if seconds.is_empty() || !digits(seconds) || !digits(fraction) {
        return None;
    }
    let part: String = fraction.chars().chain("000".chars()).take(3).collect();
    seconds
        .parse::<u64>()
        .ok()?
        .checked_mul(1000)?
        .checked_add(part.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{first, flag, list, millis, text};

    #[test]
    fn a_field_of_another_type_counts_as_absent() {
        let value = json!({"a": {"b": "x", "n": 1, "e": "", "l": [1], "t": true}});
        assert_eq!(text(&value, "/a/b"), Some("x"));
        for pointer in ["/a/n", "/a/e", "/a/l", "/a/none", "/none/b"] {
            assert_eq!(text(&value, pointer), None, "{pointer}");
        }
        assert_eq!(first(&value, &["/a/e", "/a/b"]), Some("x"));
        assert_eq!(
            (list(&value, "/a/l").len(), list(&value, "/a/b").len()),
            (1, 0)
        );
        assert!(flag(&value, "/a/t") && !flag(&value, "/a/n"));
    }

    #[test]
    fn timestamps_are_seconds_and_microseconds() {
        for (ts, ms) in [
            ("1595926230.009600", Some(1_595_926_230_009)),
            ("1595926230", Some(1_595_926_230_000)),
            ("1.5", Some(1_500)),
            ("", None),
            (".5", None),
            ("a.b", None),
            ("-1.0", None),
            ("1.x", None),
            ("99999999999999999999.0", None),
            ("18446744073709551615.0", None),
        ] {
            assert_eq!(millis(ts), ms, "{ts}");
        }
    }
}
