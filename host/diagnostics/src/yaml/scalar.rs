//! Types of bare scalars by the core schema (YAML 1.2.2, section 10.3.2). `yes`, `on` and `012` are not special in it.

use serde_json::Number;

use super::node::Value;

/// The value of a bare scalar; `None` for a number that is not finite.
pub(super) fn resolve(text: &str) -> Option<Value> {
    Some(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ if is_special_float(text) => return None,
        _ => match integer(text) {
            Some(number) => Value::Number(number),
            None if is_decimal(text) => Value::Number(Number::from_f64(text.parse().ok()?)?),
            None => Value::String(text.to_owned()),
        },
    })
}

fn is_special_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN")
}

fn integer(text: &str) -> Option<Number> {
    let digits = |rest: &str, radix| {
        u64::from_str_radix(rest, radix)
            .ok()
            .filter(|_| !rest.starts_with('+'))
    };
    if let Some(rest) = text.strip_prefix("0o") {
        return digits(rest, 8).map(Number::from);
    }
    if let Some(rest) = text.strip_prefix("0x") {
        return digits(rest, 16).map(Number::from);
    }
    text.parse::<u64>()
        .map(Number::from)
        .or_else(|_| text.parse::<i64>().map(Number::from))
        .ok()
}

/// `[-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
fn is_decimal(text: &str) -> bool {
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (base, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((base, exponent)) => (
            base,
            Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent)),
        ),
        None => (unsigned, None),
    };
    let base_holds = match base.split_once('.') {
        Some((whole, part)) => {
            all_digits(whole) && all_digits(part) && !(whole.is_empty() && part.is_empty())
        }
        None => !base.is_empty() && all_digits(base),
    };
    base_holds && exponent.is_none_or(|digits| !digits.is_empty() && all_digits(digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_scalars_follow_the_core_schema() {
        let number = |text: &str| serde_json::from_str::<Number>(text).unwrap();
        for (text, value) in [
            ("~", Value::Null),
            ("True", Value::Bool(true)),
            ("12", Value::Number(number("12"))),
            ("-3", Value::Number(number("-3"))),
            ("012", Value::Number(number("12"))),
            ("0o17", Value::Number(number("15"))),
            ("0xff", Value::Number(number("255"))),
            ("1.5", Value::Number(number("1.5"))),
            (".5", Value::Number(number("0.5"))),
            ("1e3", Value::Number(number("1000.0"))),
            (
                "18446744073709551615",
                Value::Number(number("18446744073709551615")),
            ),
        ] {
            assert_eq!(resolve(text), Some(value), "{text}");
        }
        for text in [
            "yes",
            "on",
            "No",
            "1_000",
            "0x",
            "0x+1",
            ".",
            "1e",
            "e1",
            "1.2.3",
            "127.0.0.1:80",
            "-",
            "+",
            "12:30",
        ] {
            assert_eq!(
                resolve(text),
                Some(Value::String(text.to_owned())),
                "{text}"
            );
        }
        for text in [".inf", "-.INF", ".nan", "1e999"] {
            assert_eq!(resolve(text), None, "{text}");
        }
    }
}
