//! Numbers of JSON values: whole ones stay exact, mixed ones are compared as doubles.

use std::cmp::Ordering;

use serde_json::{Number, Value};

/// Compares two numbers by value; `None` when one of them is not a number.
#[must_use]
pub fn compare_numbers(left: &Value, right: &Value) -> Option<Ordering> {
    if let (Some(a), Some(b)) = (left.as_i64(), right.as_i64()) {
        return Some(a.cmp(&b));
    }
    left.as_f64()?.partial_cmp(&right.as_f64()?)
}

/// Equality as CEL has it: numbers by value whatever their type, lists and maps element by element.
pub fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(_), Value::Number(_)) => {
            compare_numbers(left, right) == Some(Ordering::Equal)
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => left == right,
    }
}

/// A double as a JSON number; `None` for infinities and not-a-number, which JSON cannot say.
pub fn from_f64(value: f64) -> Option<Value> {
    Number::from_f64(value).map(Value::Number)
}

/// A double as a whole number where it has no fraction and fits.
pub fn whole(value: f64) -> Option<i64> {
    // 2^63 is exactly representable; everything below it in magnitude fits.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range is checked in the same line"
    )]
    (value.is_finite() && value.abs() < 9_223_372_036_854_775_808.0).then_some(value.trunc() as i64)
}
