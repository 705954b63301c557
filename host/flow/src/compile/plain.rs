//! The older condition grammar: one comparison of a path with a value.
//!
//! A condition belongs to it exactly when the whole text has the form `path operator value`, where the value is a quoted
//! text, a number, `true` or `false`, or, after ` contains `, also bare words. Everything else is CEL. So each condition
//! of older flows keeps its meaning (text without case, numbers also out of texts, an absent path is false), and a
//! comparison is taken out of it by brackets: `(a == "B")` is CEL and minds the case.

use crate::ir::PlainOperator;

/// A condition of the older grammar, not yet resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Plain {
    pub path: Vec<String>,
    pub operator: PlainOperator,
    pub value: String,
}

const OPERATORS: [(&str, PlainOperator); 6] = [
    ("==", PlainOperator::Equal),
    ("!=", PlainOperator::NotEqual),
    (">=", PlainOperator::AtLeast),
    ("<=", PlainOperator::AtMost),
    (">", PlainOperator::More),
    ("<", PlainOperator::Less),
];

/// Reads a condition of the older grammar; `None` when it is not one.
pub fn parse(text: &str) -> Option<Plain> {
    let text = text.trim();
    let is_path = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let end = text.find(|c| !is_path(c)).unwrap_or(text.len());
    let (path, rest) = text.split_at_checked(end)?;
    if !path.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        return None;
    }
    let path: Vec<String> = path.split('.').map(str::to_owned).collect();
    if path.iter().any(String::is_empty) {
        return None;
    }
    if let Some(value) = rest
        .trim_start()
        .strip_prefix("contains ")
        .filter(|_| rest.starts_with(' '))
    {
        let value = quoted(value.trim()).or_else(|| bare(value.trim()))?;
        return Some(Plain {
            path,
            operator: PlainOperator::Contains,
            value,
        });
    }
    let rest = rest.trim_start();
    let (operator, value) = OPERATORS
        .iter()
        .find_map(|(sign, operator)| Some((*operator, rest.strip_prefix(sign)?.trim())))?;
    let value = quoted(value)
        .or_else(|| number(value))
        .or_else(|| truth(value))?;
    let ordering = !matches!(operator, PlainOperator::Equal | PlainOperator::NotEqual);
    if ordering && value.trim().parse::<f64>().is_err() {
        return None;
    }
    Some(Plain {
        path,
        operator,
        value,
    })
}

fn quoted(text: &str) -> Option<String> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
    (!inner.contains([quote, '\\'])).then(|| inner.to_owned())
}

fn bare(text: &str) -> Option<String> {
    let signs = ["&&", "||", "==", "!=", "\"", "'", "(", ")"];
    (!text.is_empty() && !signs.iter().any(|sign| text.contains(sign))).then(|| text.to_owned())
}

fn number(text: &str) -> Option<String> {
    let looks = text.starts_with(|c: char| c.is_ascii_digit() || c == '-');
    (looks && text.parse::<f64>().is_ok()).then(|| text.to_owned())
}

fn truth(text: &str) -> Option<String> {
    matches!(text, "true" | "false").then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_single_comparisons_with_a_plain_value_are_of_the_older_grammar() {
        let yes = [
            (r#"response.action == "about""#, "about"),
            ("response.action=='x == y'", "x == y"),
            ("count >= 10", "10"),
            ("count < -1.5", "-1.5"),
            ("text contains please help", "please help"),
            ("node.look-up.ok == true", "true"),
        ];
        for (text, value) in yes {
            assert_eq!(
                parse(text).map(|plain| plain.value).as_deref(),
                Some(value),
                "{text}"
            );
        }
        let no = [
            r#"a == "x" && b == "y""#,
            r#"(a == "x")"#,
            "!done",
            "size(a) > 3",
            "a == b",
            "a == null",
            "5 == 5",
            "a..b == 1",
            r#"a > "x""#,
            r#"a == "x" + "y""#,
            "",
        ];
        for text in no {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
