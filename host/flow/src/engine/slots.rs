//! Finds a slot's value in an answer.

use regex_lite::Regex;
use serde_json::{Number, Value};

use crate::eval::as_text;
use crate::ir::SlotType;

/// Milliseconds in a day.
const DAY_MS: u64 = 86_400_000;

/// The slot's value in `answer`, or `None` when it does not fit. `pattern` is the compiled pattern of a text slot.
#[must_use]
pub fn extract(
    accepts: &SlotType,
    pattern: Option<&Regex>,
    answer: &Value,
    now_ms: u64,
) -> Option<Value> {
    let text = as_text(answer);
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    match accepts {
        SlotType::Text(_) => {
            let found = pattern?.captures(text)?;
            let value = found.get(1).or_else(|| found.get(0))?.as_str();
            (!value.is_empty()).then(|| value.into())
        }
        SlotType::Enum(values) => {
            let exact = values.iter().find(|value| value.eq_ignore_ascii_case(text));
            let lower = text.to_lowercase();
            let words = lower.split(|c: char| !c.is_alphanumeric() && c != '-' && c != '_');
            let named = || {
                let mut named = values
                    .iter()
                    .filter(|value| words.clone().any(|word| word == value.to_lowercase()));
                // Two of the values in one answer are no answer.
                named.next().filter(|_| named.next().is_none())
            };
            exact.or_else(named).map(|value| value.as_str().into())
        }
        SlotType::Number => match answer {
            Value::Number(number) => Some(Value::Number(number.clone())),
            _ => number(text),
        },
        SlotType::Date => date(text, now_ms).map(Value::from),
        SlotType::Boolean => match answer {
            Value::Bool(value) => Some((*value).into()),
            _ => boolean(text).map(Value::from),
        },
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text.to_lowercase().trim_end_matches(['.', '!']) {
        "true" | "yes" | "y" | "ok" | "okay" | "sure" | "1" | "on" => Some(true),
        "false" | "no" | "n" | "nope" | "0" | "off" => Some(false),
        _ => None,
    }
}

/// The first number in a text: `about 12.5 kg` is 12.5.
fn number(text: &str) -> Option<Value> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let (before, from) = text.split_at(start);
    let end = from
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(from.len());
    let digits = from.get(..end)?.trim_end_matches('.');
    let sign = if before.ends_with('-') { "-" } else { "" };
    let digits = format!("{sign}{digits}");
    match digits.parse::<i64>() {
        Ok(whole) => Some(whole.into()),
        Err(_) => Number::from_f64(digits.parse().ok()?).map(Value::Number),
    }
}

/// `YYYY-MM-DD`, `D.M.YYYY`, `today` and `tomorrow`, as `YYYY-MM-DD`. Forms with slashes are refused: nobody can tell
/// the day from the month.
fn date(text: &str, now_ms: u64) -> Option<String> {
    match text.to_lowercase().as_str() {
        "today" => return Some(from_days(now_ms / DAY_MS)),
        "tomorrow" => return Some(from_days(now_ms / DAY_MS + 1)),
        _ => {}
    }
    let parts: Vec<&str> = text.split(['-', '.']).map(str::trim).collect();
    let [first, month, last] = parts.as_slice() else {
        return None;
    };
    let (year, day) = if text.contains('-') {
        (first, last)
    } else {
        (last, first)
    };
    if year.len() != 4 {
        return None;
    }
    let (year, month, day): (u32, u32, u32) =
        (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
    let leap = (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400);
    let longest = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    (1..=longest)
        .contains(&day)
        .then(|| format!("{year:04}-{month:02}-{day:02}"))
}

/// Days since 1970-01-01 as a date of the Gregorian calendar (Howard Hinnant's `civil_from_days`).
fn from_days(days: u64) -> String {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn answers_are_read_as_their_slot_says() {
        let colours = SlotType::Enum(vec!["red".into(), "blue".into()]);
        let day = 20_000 * DAY_MS;
        let table = [
            (SlotType::Number, json!("about 12.5 kg"), Some(json!(12.5))),
            (SlotType::Number, json!("-3"), Some(json!(-3))),
            (SlotType::Number, json!("many"), None),
            (SlotType::Boolean, json!("Yes!"), Some(json!(true))),
            (SlotType::Boolean, json!("perhaps"), None),
            (SlotType::Date, json!("2026-02-29"), None),
            (SlotType::Date, json!("1.3.2026"), Some(json!("2026-03-01"))),
            (SlotType::Date, json!("3/4/2026"), None),
            (SlotType::Date, json!("tomorrow"), Some(json!("2024-10-05"))),
            (colours.clone(), json!("RED"), Some(json!("red"))),
            (
                colours.clone(),
                json!("the blue one, please"),
                Some(json!("blue")),
            ),
            (colours, json!("red or blue"), None),
        ];
        for (accepts, answer, expected) in table {
            assert_eq!(
                extract(&accepts, None, &answer, day),
                expected,
                "{accepts:?} {answer}"
            );
        }
    }

    #[test]
    fn a_text_slot_takes_the_group_of_its_pattern() {
        let accepts = SlotType::Text(r"(T-\d+)".into());
        let pattern = Regex::new(r"(T-\d+)").unwrap();
        assert_eq!(
            extract(&accepts, Some(&pattern), &json!("it is T-17."), 0),
            Some(json!("T-17"))
        );
        assert_eq!(
            extract(&accepts, Some(&pattern), &json!("no idea"), 0),
            None
        );
    }
}
