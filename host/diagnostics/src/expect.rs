//! Values as the type a reader wants, or a report of what was found instead.
//!
//! A value that was filled in from outside the file reads as whatever type is asked for (`enabled: "${ON}"`).

use std::time::Duration;

use crate::{
    Mapping, Node, Report, Spanned, Value, parse_duration, parse_size, suggest, yaml::Written,
};

impl Node {
    /// Reports "expected X, found Y" at this value.
    pub fn mismatch<'r>(&self, report: &'r Report, expected: &str) -> crate::Note<'r> {
        report.error(
            self.span,
            "wrong-type",
            format!("expected {expected}, found {}", self.describe()),
        )
    }

    /// As text; numbers and booleans without quotes are refused.
    pub fn expect_string(&self, report: &Report) -> Option<Spanned<String>> {
        if let Some(text) = self.as_str() {
            return Some(Spanned::new(text.to_owned(), self.span));
        }
        let note = self.mismatch(report, "text");
        if matches!(self.value, Value::Bool(_) | Value::Number(_)) {
            let written = report
                .source()
                .slice(self.span.start.offset..self.span.end.offset);
            note.help(format!("put it in quotes: \"{written}\""));
        }
        None
    }

    /// As `true` or `false`.
    pub fn expect_bool(&self, report: &Report) -> Option<Spanned<bool>> {
        let read = match (&self.written, &self.value) {
            (Written::Filled(text), _) => match text.trim() {
                "true" | "True" | "TRUE" => Some(true),
                "false" | "False" | "FALSE" => Some(false),
                _ => None,
            },
            (_, Value::Bool(value)) => Some(*value),
            _ => None,
        };
        if read.is_none() {
            let note = self.mismatch(report, "`true` or `false`");
            let word = self
                .as_str()
                .filter(|_| self.written == Written::Plain)
                .map(str::to_lowercase);
            match word.as_deref() {
                Some("yes" | "on") => drop(note.help("write `true`")),
                Some("no" | "off") => drop(note.help("write `false`")),
                _ => {}
            }
        }
        read.map(|value| Spanned::new(value, self.span))
    }

    /// As a whole number from 0.
    pub fn expect_u64(&self, report: &Report) -> Option<Spanned<u64>> {
        let read = match (&self.written, &self.value) {
            (Written::Filled(text), _) => text.trim().parse().ok(),
            (_, Value::Number(number)) => number.as_u64(),
            _ => None,
        };
        if read.is_none() {
            self.mismatch(report, "a whole number from 0");
        }
        read.map(|value| Spanned::new(value, self.span))
    }

    /// As a number.
    pub fn expect_f64(&self, report: &Report) -> Option<Spanned<f64>> {
        let read = match (&self.written, &self.value) {
            (Written::Filled(text), _) => text
                .trim()
                .parse()
                .ok()
                .filter(|value: &f64| value.is_finite()),
            (_, Value::Number(number)) => number.as_f64(),
            _ => None,
        };
        if read.is_none() {
            self.mismatch(report, "a number");
        }
        read.map(|value| Spanned::new(value, self.span))
    }

    /// As a duration such as `500ms`, `5s`, `2m`, `1h`, `7d`.
    pub fn expect_duration(&self, report: &Report) -> Option<Spanned<Duration>> {
        let read = self.as_str().and_then(|text| parse_duration(text.trim()));
        if read.is_none() {
            let note = self.mismatch(report, "a duration");
            match &self.value {
                Value::Number(number) if number.is_u64() && self.written == Written::Plain => {
                    note.help(format!("name the unit: `{number}ms` or `{number}s`"));
                }
                _ => {
                    note.help("write a whole number and a unit: `500ms`, `5s`, `2m`, `1h` or `7d`");
                }
            }
        }
        read.map(|value| Spanned::new(value, self.span))
    }

    /// As a size in bytes such as `32MiB`, `64KiB`, `1MB`.
    pub fn expect_size(&self, report: &Report) -> Option<Spanned<u64>> {
        let read = self.as_str().and_then(|text| parse_size(text.trim()));
        if read.is_none() {
            self.mismatch(report, "a size")
                .help("write a whole number and a unit: `512B`, `64KiB`, `32MiB`, `1GiB` (or `KB`, `MB`, `GB`)");
        }
        read.map(|value| Spanned::new(value, self.span))
    }

    /// As a list.
    pub fn expect_list(&self, report: &Report) -> Option<&[Node]> {
        let list = self.as_sequence();
        if list.is_none() {
            let note = self.mismatch(report, "a list");
            if let (Written::Plain | Written::Quoted, Value::String(text)) =
                (&self.written, &self.value)
            {
                note.help(format!("a list of one is written `[{text}]`"));
            }
        }
        list
    }

    /// As a list of texts; items of another type are reported and left out.
    pub fn expect_strings(&self, report: &Report) -> Option<Vec<Spanned<String>>> {
        Some(
            self.expect_list(report)?
                .iter()
                .filter_map(|item| item.expect_string(report))
                .collect(),
        )
    }

    /// As a table of keys.
    pub fn expect_mapping(&self, report: &Report) -> Option<&Mapping> {
        let mapping = self.as_mapping();
        if mapping.is_none() {
            self.mismatch(report, "a table of keys");
        }
        mapping
    }

    /// As one of a few words.
    pub fn expect_choice(
        &self,
        report: &Report,
        choices: &[&'static str],
    ) -> Option<Spanned<&'static str>> {
        let text = self.expect_string(report)?;
        let found = choices.iter().find(|choice| **choice == text.value);
        if found.is_none() {
            let known = choices
                .iter()
                .map(|choice| format!("`{choice}`"))
                .collect::<Vec<_>>()
                .join(", ");
            let near = suggest(&text.value, choices.iter().copied());
            let message = match near {
                Some(near) => format!(
                    "expected one of {known}, found {}; did you mean `{near}`?",
                    self.describe()
                ),
                None => format!("expected one of {known}, found {}", self.describe()),
            };
            report.error(self.span, "unknown-word", message);
        }
        found.map(|value| Spanned::new(*value, self.span))
    }
}
