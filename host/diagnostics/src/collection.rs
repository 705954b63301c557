//! All faults of one run, in the order of the text.

use std::fmt;

use serde::Serialize;

use crate::{Diagnostic, Severity};

/// A list of reports. `Display` is their one-line forms, one a line. Serialises as an array.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.list.push(diagnostic);
    }

    /// Adds all of another list.
    pub fn append(&mut self, other: Diagnostics) {
        self.list.extend(other.list);
    }

    /// Whether anything was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether the input must be refused.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|one| one.severity == Severity::Error)
    }

    /// Walks the reports.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut Diagnostic> {
        self.list.get_mut(index)
    }

    /// Orders by file, then place, then severity; equal reports at one place become one.
    pub fn sort(&mut self) {
        self.list.sort_by(|a, b| {
            let key = |d: &Diagnostic| (d.span.map(|span| span.start.offset), d.severity);
            a.source
                .name()
                .cmp(b.source.name())
                .then_with(|| key(a).cmp(&key(b)))
        });
        self.list.dedup();
    }

    /// "2 errors, 1 warning", or "no faults".
    #[must_use]
    pub fn count_line(&self) -> String {
        let errors = self
            .list
            .iter()
            .filter(|one| one.severity == Severity::Error)
            .count();
        let warnings = self.list.len() - errors;
        let named = |count: usize, word: &str| match count {
            0 => None,
            1 => Some(format!("1 {word}")),
            _ => Some(format!("{count} {word}s")),
        };
        let parts: Vec<_> = [named(errors, "error"), named(warnings, "warning")]
            .into_iter()
            .flatten()
            .collect();
        if parts.is_empty() {
            "no faults".to_owned()
        } else {
            parts.join(", ")
        }
    }

    /// Draws all of them with an empty line between, and the count line last. `colour` adds ANSI colours.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let mut out = String::new();
        for one in &self.list {
            out.push_str(&one.render(colour));
            out.push_str("\n\n");
        }
        out.push_str(&self.count_line());
        out
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, one) in self.list.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            one.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

impl From<Diagnostic> for Diagnostics {
    fn from(one: Diagnostic) -> Self {
        Self { list: vec![one] }
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, more: I) {
        self.list.extend(more);
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;
    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;
    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Source;

    #[test]
    fn counts_sorts_and_drops_repeats() {
        let source = Source::new("a.yaml", "one\ntwo\n");
        let mut list = Diagnostics::new();
        assert_eq!(list.count_line(), "no faults");
        list.push(Diagnostic::warning(&source, "w", "late").at(source.span(4..7)));
        list.push(Diagnostic::error(&source, "e", "early").at(source.span(0..3)));
        list.push(Diagnostic::error(&source, "e", "early").at(source.span(0..3)));
        assert_eq!(list.count_line(), "2 errors, 1 warning");
        list.sort();
        assert_eq!(
            list.to_string(),
            "a.yaml:1:1: error[e]: early\na.yaml:2:1: warning[w]: late"
        );
        assert!(list.has_errors());
    }

    #[test]
    fn json_has_file_place_and_help() {
        let source = Source::new("a.yaml", "one\n");
        let one = Diagnostic::error(&source, "e", "bad")
            .at(source.span(0..3))
            .help("do this");
        let json = serde_json::to_value(Diagnostics::from(one)).unwrap();
        assert_eq!(json[0]["file"], "a.yaml");
        assert_eq!(json[0]["span"]["end"]["column"], 4);
        assert_eq!(json[0]["help"], "do this");
        assert_eq!(json[0]["severity"], "error");
    }
}
