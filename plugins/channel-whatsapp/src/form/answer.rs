//! What a person wrote, read as the answers to the questions of a form.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

/// One question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// Under which the answer is sent.
    pub id: String,
    /// What is asked.
    pub label: String,
    /// Whether a dash is no answer.
    pub required: bool,
    /// What a dash means, where it is taken.
    #[serde(default)]
    pub default: Option<String>,
    /// What an answer looks like.
    pub kind: Kind,
}

/// What an answer looks like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Kind {
    /// Anything.
    Text {
        /// At most so many characters.
        max: Option<u64>,
    },
    /// A number.
    Number {
        /// The smallest.
        min: Option<f64>,
        /// The largest.
        max: Option<f64>,
    },
    /// `2026-11-25`.
    Date,
    /// `14:30`.
    Time,
    /// One of these, by its number, title or value.
    One(Vec<Choice>),
    /// Any of these, with commas between them.
    Several(Vec<Choice>),
}

/// One of several possible answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What the person sees.
    pub title: String,
    /// What is sent.
    pub value: String,
}

/// The answers, or `None` when the text does not answer every question.
pub fn read(questions: &[Question], text: &str) -> Option<Map<String, Value>> {
    let lines: Vec<&str> = match questions {
        [] => return None,
        [_] => vec![text.trim()],
        _ => text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect(),
    };
    if lines.len() != questions.len() {
        return None;
    }
    let mut fields = Map::new();
    for (number, (question, line)) in (1_usize..).zip(questions.iter().zip(lines)) {
        let line = if questions.len() > 1 {
            without_number(line, number)
        } else {
            line
        };
        if matches!(line, "-" | "–" | "") {
            if let Some(default) = &question.default {
                let default =
                    answer(&question.kind, default).unwrap_or_else(|| default.as_str().into());
                fields.insert(question.id.clone(), default);
            } else if question.required {
                return None;
            }
            continue;
        }
        fields.insert(question.id.clone(), answer(&question.kind, line)?);
    }
    Some(fields)
}

/// People write the numbers of the questions along: `2. blue`, `2) blue`.
fn without_number(line: &str, number: usize) -> &str {
    line.strip_prefix(&number.to_string())
        .and_then(|rest| rest.strip_prefix(['.', ')', ':']))
        .map_or(line, str::trim)
}

fn answer(kind: &Kind, line: &str) -> Option<Value> {
    match kind {
        Kind::Text { max } => {
            let length = u64::try_from(line.chars().count()).unwrap_or(u64::MAX);
            max.is_none_or(|max| length <= max).then(|| line.into())
        }
        Kind::Number { min, max } => number(line).filter(|number| {
            let number = number.as_f64().unwrap_or(f64::NAN);
            min.is_none_or(|min| number >= min) && max.is_none_or(|max| number <= max)
        }),
        Kind::Date => is_date(line).then(|| line.into()),
        Kind::Time => is_time(line).then(|| line.into()),
        Kind::One(choices) => chosen(choices, line).map(Into::into),
        Kind::Several(choices) => {
            let values: Option<Vec<&str>> = line
                .split(',')
                .map(|part| chosen(choices, part.trim()))
                .collect();
            Some(values?.join(",").into())
        }
    }
}

fn number(line: &str) -> Option<Value> {
    if let Ok(whole) = line.parse::<i64>() {
        return Some(whole.into());
    }
    // Half of the world writes a comma.
    let number: f64 = line.replacen(',', ".", 1).parse().ok()?;
    Number::from_f64(number).map(Value::Number)
}

fn chosen<'a>(choices: &'a [Choice], answer: &str) -> Option<&'a str> {
    let same = |text: &str| text.trim().to_lowercase() == answer.to_lowercase();
    choices
        .iter()
        .find(|choice| same(&choice.title))
        .or_else(|| choices.iter().find(|choice| same(&choice.value)))
        .or_else(|| {
            let number: usize = answer.trim_end_matches(['.', ')']).parse().ok()?;
            choices.get(number.checked_sub(1)?)
        })
        .map(|choice| choice.value.as_str())
}

/// Digits with these separators between them, in groups of these lengths, each between these bounds.
fn digits(text: &str, separator: char, groups: &[(usize, u32, u32)]) -> bool {
    let parts: Vec<&str> = text.split(separator).collect();
    parts.len() == groups.len()
        && parts
            .iter()
            .zip(groups)
            .all(|(part, (length, least, most))| {
                part.len() == *length
                    && part.bytes().all(|byte| byte.is_ascii_digit())
                    && part
                        .parse()
                        .is_ok_and(|number: u32| (*least..=*most).contains(&number))
            })
}

fn is_date(text: &str) -> bool {
    digits(text, '-', &[(4, 1, 9999), (2, 1, 12), (2, 1, 31)])
}

fn is_time(text: &str) -> bool {
    digits(text, ':', &[(2, 0, 23), (2, 0, 59)])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const TEXT: Kind = Kind::Text { max: None };
    const NUMBER: Kind = Kind::Number {
        min: None,
        max: None,
    };

    fn colours() -> Vec<Choice> {
        let choice = |title: &str, value: &str| Choice {
            title: title.into(),
            value: value.into(),
        };
        vec![
            choice("Red", "r"),
            choice("Dark blue", "b"),
            choice("3", "three"),
        ]
    }

    fn one(kind: Kind, required: bool, text: &str) -> Option<Value> {
        let question = Question {
            id: "q".into(),
            label: "Q".into(),
            required,
            default: None,
            kind,
        };
        read(&[question], text).map(|fields| fields.get("q").cloned().unwrap_or(Value::Null))
    }

    #[test]
    fn each_kind_of_question_takes_its_answers_and_no_others() {
        for (kind, text, answer) in [
            (TEXT, " two\nlines ", Some(json!("two\nlines"))),
            (TEXT, "", None),
            (NUMBER, "12", Some(json!(12))),
            (NUMBER, "1,5", Some(json!(1.5))),
            (NUMBER, "-3", Some(json!(-3))),
            (NUMBER, "inf", None),
            (NUMBER, "twelve", None),
            (Kind::Text { max: Some(2) }, "ab", Some(json!("ab"))),
            (Kind::Text { max: Some(2) }, "abc", None),
            (
                Kind::Number {
                    min: Some(1.0),
                    max: Some(2.0),
                },
                "2",
                Some(json!(2)),
            ),
            (
                Kind::Number {
                    min: Some(1.0),
                    max: Some(2.0),
                },
                "3",
                None,
            ),
            (
                Kind::Number {
                    min: Some(1.0),
                    max: Some(2.0),
                },
                "0",
                None,
            ),
            (Kind::Date, "2026-11-25", Some(json!("2026-11-25"))),
            (Kind::Date, "25.11.2026", None),
            (Kind::Date, "2026-13-01", None),
            (Kind::Date, "2026-1-1", None),
            (Kind::Time, "14:30", Some(json!("14:30"))),
            (Kind::Time, "24:00", None),
            (Kind::One(colours()), "red", Some(json!("r"))),
            (Kind::One(colours()), "B", Some(json!("b"))),
            (Kind::One(colours()), "2.", Some(json!("b"))),
            (Kind::One(colours()), "3", Some(json!("three"))),
            (Kind::One(colours()), "4", None),
            (Kind::One(colours()), "0", None),
            (Kind::Several(colours()), "red, 2", Some(json!("r,b"))),
            (Kind::Several(colours()), "red, green", None),
        ] {
            assert_eq!(one(kind.clone(), true, text), answer, "{kind:?} {text}");
        }
        assert_eq!(
            one(NUMBER, false, "-"),
            Some(Value::Null),
            "may be left out"
        );
    }

    #[test]
    fn lines_are_matched_to_questions_with_or_without_their_numbers() {
        let question = |id: &str, kind, required| Question {
            id: id.into(),
            label: id.into(),
            required,
            default: None,
            kind,
        };
        let questions = [
            question("n", NUMBER, true),
            question("c", Kind::One(colours()), false),
        ];
        let both = json!({"n": 2, "c": "b"});
        for text in [
            "2\nDark blue",
            "1. 2\n2. b",
            "1) 2\n\n2) 2",
            "1: 2\r\n 2:dark blue ",
        ] {
            assert_eq!(
                read(&questions, text).map(Value::Object),
                Some(both.clone()),
                "{text}"
            );
        }
        assert_eq!(
            read(&questions, "2\n-").map(Value::Object),
            Some(json!({"n": 2}))
        );
        for text in ["2", "2\nred\nmore", "-\nred", ""] {
            assert_eq!(read(&questions, text), None, "{text}");
        }
        assert_eq!(read(&[], "x"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "(?s).{0,60}") {
            for kind in [TEXT, NUMBER, Kind::Date, Kind::Time, Kind::One(colours()), Kind::Several(colours())] {
                let _ = one(kind, true, &text);
            }
        }
    }
}
