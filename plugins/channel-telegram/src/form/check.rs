//! Whether an answer is what was asked for.

use super::{Kind, Question};

/// Leaves a question unanswered.
const SKIP: &str = "-";

/// The value of an answer, as an Adaptive Card sends it; empty for a question that is skipped; `None` for an answer that does not fit.
#[must_use]
pub fn value(question: &Question, text: &str) -> Option<String> {
    let text = text.trim();
    if text == SKIP && !question.required {
        return Some(String::new());
    }
    if text.is_empty() {
        return None;
    }
    match &question.kind {
        Kind::Text(limit) => {
            let fits = limit.is_none_or(|limit| text.chars().count() <= limit);
            fits.then(|| text.to_owned())
        }
        Kind::Number(least, most) => number(text, least.as_deref(), most.as_deref()),
        Kind::Date(first, last) => date(text).filter(|day| lies(day, first, last)),
        Kind::Time(first, last) => time(text).filter(|time| lies(time, first, last)),
        Kind::Choice(choices) => one(choices, text),
        Kind::Choices(choices) => {
            let chosen: Option<Vec<String>> = text
                .split([',', ';', ' '])
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(|part| one(choices, part))
                .collect();
            // One choice's title may have blanks and commas in it.
            chosen
                .map(|values| values.join(","))
                .or_else(|| one(choices, text))
        }
    }
}

fn number(text: &str, least: Option<&str>, most: Option<&str>) -> Option<String> {
    let text = text.replace(',', ".");
    let number: f64 = text
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite())?;
    let bound = |bound: Option<&str>| bound.and_then(|bound| bound.parse::<f64>().ok());
    let fits = bound(least).is_none_or(|least| number >= least)
        && bound(most).is_none_or(|most| number <= most);
    fits.then_some(text)
}

/// Days and times are written so that their order is that of their text.
fn lies(value: &str, first: &Option<String>, last: &Option<String>) -> bool {
    first.as_deref().is_none_or(|first| value >= first)
        && last.as_deref().is_none_or(|last| value <= last)
}

/// `2026-11-25`, `25.11.2026` or `25/11/2026`; always sent as the first.
fn date(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split(['-', '.', '/']).map(str::trim).collect();
    let [first, month, last] = parts.as_slice() else {
        return None;
    };
    let (year, day) = if first.len() == 4 {
        (first, last)
    } else {
        (last, first)
    };
    let (year, month, day): (u32, u32, u32) =
        (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return None,
    };
    ((1000..=9999).contains(&year) && (1..=days).contains(&day))
        .then(|| format!("{year}-{month:02}-{day:02}"))
}

/// `9:05`, `09.05`; always sent as `09:05`.
fn time(text: &str) -> Option<String> {
    let (hour, minute) = text.split_once([':', '.'])?;
    let (hour, minute): (u32, u32) = (hour.trim().parse().ok()?, minute.trim().parse().ok()?);
    (hour < 24 && minute < 60).then(|| format!("{hour:02}:{minute:02}"))
}

/// By number, by title, by value.
fn one(choices: &[(String, String)], text: &str) -> Option<String> {
    let by_number = text
        .trim_end_matches('.')
        .parse::<usize>()
        .ok()
        .and_then(|number| choices.get(number.checked_sub(1)?));
    choices
        .iter()
        .find(|(title, value)| title.eq_ignore_ascii_case(text) || value == text)
        .or(by_number)
        .map(|(_, value)| value.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(kind: Kind, required: bool) -> Question {
        Question {
            id: "q".into(),
            label: "Q".into(),
            required,
            kind,
            value: None,
            hint: None,
            error: None,
        }
    }

    fn check(kind: Kind, text: &str) -> Option<String> {
        value(&asked(kind, true), text)
    }

    #[test]
    fn each_kind_takes_what_people_write_and_sends_what_a_card_sends() {
        let sizes = || {
            vec![
                ("Small".into(), "s".into()),
                ("Very large".into(), "xl".into()),
            ]
        };
        let number = || Kind::Number(Some("1".into()), Some("10".into()));
        let any = || Kind::Date(None, None);
        let noon = || Kind::Time(None, Some("12:00".into()));
        let next_year = || Kind::Date(Some("2027-01-01".into()), Some("2027-12-31".into()));
        for (kind, text, sent) in [
            (next_year(), "31.12.2026", None),
            (next_year(), "1.1.2027", Some("2027-01-01")),
            (next_year(), "2028-01-01", None),
            (noon(), "12:01", None),
            (noon(), "8.30", Some("08:30")),
            (Kind::Text(None), " hello ", Some("hello")),
            (Kind::Text(Some(3)), "four", None),
            (number(), "2,5", Some("2.5")),
            (number(), "11", None),
            (number(), "0", None),
            (number(), "two", None),
            (number(), "NaN", None),
            (Kind::Number(None, None), "-3", Some("-3")),
            (any(), "2026-11-05", Some("2026-11-05")),
            (any(), "5.11.2026", Some("2026-11-05")),
            (any(), "29/2/2024", Some("2024-02-29")),
            (any(), "29/2/2026", None),
            (any(), "tomorrow", None),
            (any(), "1.13.2026", None),
            (Kind::Time(None, None), "9:05", Some("09:05")),
            (Kind::Time(None, None), "24:00", None),
            (Kind::Choice(sizes()), "small", Some("s")),
            (Kind::Choice(sizes()), "2", Some("xl")),
            (Kind::Choice(sizes()), "3", None),
            (Kind::Choice(sizes()), "0", None),
            (Kind::Choices(sizes()), "1, 2", Some("s,xl")),
            (Kind::Choices(sizes()), "very large", Some("xl")),
            (Kind::Choices(sizes()), "1, 7", None),
        ] {
            assert_eq!(
                check(kind.clone(), text).as_deref(),
                sent,
                "{kind:?} {text}"
            );
        }
    }

    #[test]
    fn only_a_question_that_needs_no_answer_is_skipped() {
        assert_eq!(
            value(&asked(Kind::Date(None, None), false), "-").as_deref(),
            Some("")
        );
        assert_eq!(value(&asked(Kind::Date(None, None), true), "-"), None);
        assert_eq!(
            value(&asked(Kind::Text(None), true), "-").as_deref(),
            Some("-")
        );
        assert_eq!(value(&asked(Kind::Text(None), true), " "), None);
    }
}
