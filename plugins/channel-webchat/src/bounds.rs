//! What is taken from a client only within bounds: JSON of limited size and depth, names and identifiers of limited length.

use serde_json::{Map, Value};

use crate::answer::Refusal;
use crate::limits::{ACTIVITY_BYTES, JSON_DEPTH, NAME_BYTES};

/// A JSON object of bounded size and depth.
///
/// # Errors
/// 400 or 413.
pub fn object(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    check(body)?;
    serde_json::from_slice(body).map_err(no_object)
}

/// Size and depth of JSON that is not read yet.
///
/// # Errors
/// 400 or 413.
pub fn check(body: &[u8]) -> Result<(), Refusal> {
    if body.len() > ACTIVITY_BYTES {
        return Err(Refusal::too_large("the activity", ACTIVITY_BYTES));
    }
    if depth(body) > JSON_DEPTH {
        return Err(Refusal::bad(format!(
            "JSON is nested at most {JSON_DEPTH} deep"
        )));
    }
    Ok(())
}

/// 400 for what does not parse.
pub fn no_object(fault: serde_json::Error) -> Refusal {
    Refusal::bad(format!("the body is not a JSON object: {fault}"))
}

/// The last part of a path, without control characters, of bounded length.
pub fn file_name(given: &str) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let name = name(last);
    if name.is_empty() {
        "file".to_owned()
    } else {
        name
    }
}

/// A name for display: one line, trimmed, of bounded length.
pub fn name(given: &str) -> String {
    let mut name: String = given
        .chars()
        .filter(|letter| !letter.is_control())
        .collect::<String>()
        .trim()
        .to_owned();
    while name.len() > NAME_BYTES {
        name.pop();
    }
    name
}

/// A text of bounded length that is not empty.
pub fn short(value: Option<&Value>) -> Option<String> {
    value
        .and_then(Value::as_str)
        .filter(|text| is_short(text))
        .map(str::to_owned)
}

/// Whether a text may be an identifier or a name.
pub fn is_short(text: &str) -> bool {
    (1..=NAME_BYTES).contains(&text.len())
}

/// How deep brackets nest outside strings, without parsing.
fn depth(json: &[u8]) -> usize {
    let (mut deepest, mut now, mut quoted, mut escaped) = (0_usize, 0_usize, false, false);
    for byte in json {
        match (byte, quoted, escaped) {
            (_, true, true) => escaped = false,
            (b'\\', true, _) => escaped = true,
            (b'"', _, _) => quoted = !quoted,
            (b'{' | b'[', false, _) => {
                now += 1;
                deepest = deepest.max(now);
            }
            (b'}' | b']', false, _) => now = now.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// A language tag (BCP 47) as far as its letters go.
pub fn locale(value: Option<&Value>) -> Option<String> {
    short(value).filter(|tag| is_locale(tag))
}

/// Whether a text may be a language tag.
pub fn is_locale(tag: &str) -> bool {
    tag.len() <= 35
        && tag
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_paths_and_control_characters_and_stay_short() {
        for (given, name) in [
            ("C:\\a\\b.txt", "b.txt"),
            ("../../etc/passwd", "passwd"),
            ("a\r\nb", "ab"),
            ("", "file"),
            ("x/", "file"),
            ("ä.png", "ä.png"),
        ] {
            assert_eq!(file_name(given), name, "{given}");
        }
        assert!(file_name(&"ä".repeat(200)).len() <= NAME_BYTES);
    }
}
