//! Reads a mapping key by key and reports the keys nobody asked for, so that no unknown key passes.

use std::cell::RefCell;
use std::time::Duration;

use crate::{Mapping, Node, Report, Span, Spanned, suggest};

/// A reader over a mapping. Each getter takes a key; [`Table::finish`] reports what was not taken.
///
/// Getters return `None` when the key is absent or its value is wrong; the latter is reported.
#[derive(Debug)]
#[must_use = "call finish() so that unknown keys are reported"]
pub struct Table<'n, 'r> {
    mapping: &'n Mapping,
    span: Span,
    report: &'r Report,
    asked: RefCell<Vec<String>>,
}

impl<'n, 'r> Table<'n, 'r> {
    /// Reads `node`; reports and gives `None` when it is no mapping.
    pub fn new(node: &'n Node, report: &'r Report) -> Option<Self> {
        let mapping = node.expect_mapping(report)?;
        Some(Self {
            mapping,
            span: node.span,
            report,
            asked: RefCell::default(),
        })
    }

    /// The place of the table.
    #[must_use]
    pub fn span(&self) -> Span {
        self.span
    }

    /// The mapping under it.
    #[must_use]
    pub fn mapping(&self) -> &'n Mapping {
        self.mapping
    }

    /// The place of a key, when it is there.
    #[must_use]
    pub fn key_span(&self, key: &str) -> Option<Span> {
        self.mapping.get(key).map(|entry| entry.key_span)
    }

    /// Takes the value of a key as it is.
    pub fn get(&self, key: &str) -> Option<&'n Node> {
        let mut asked = self.asked.borrow_mut();
        if !asked.iter().any(|one| one == key) {
            asked.push(key.to_owned());
        }
        self.mapping.get(key).map(|entry| &entry.node)
    }

    /// Takes the value of a key that must be there; reports when it is not.
    pub fn required(&self, key: &str) -> Option<&'n Node> {
        let found = self.get(key);
        if found.is_none() {
            let at = match self.mapping.iter().next() {
                Some((_, first)) if self.span.start.line != self.span.end.line => first.key_span,
                _ => self.span,
            };
            self.report
                .error(at, "missing-key", format!("the key `{key}` is missing"))
                .label(format!("this table needs `{key}`"));
        }
        found
    }

    /// Text.
    pub fn str(&self, key: &str) -> Option<Spanned<String>> {
        self.get(key)?.expect_string(self.report)
    }

    /// Text that must be there.
    pub fn required_str(&self, key: &str) -> Option<Spanned<String>> {
        self.required(key)?.expect_string(self.report)
    }

    /// `true` or `false`.
    pub fn bool(&self, key: &str) -> Option<Spanned<bool>> {
        self.get(key)?.expect_bool(self.report)
    }

    /// A whole number from 0.
    pub fn u64(&self, key: &str) -> Option<Spanned<u64>> {
        self.get(key)?.expect_u64(self.report)
    }

    /// A number.
    pub fn f64(&self, key: &str) -> Option<Spanned<f64>> {
        self.get(key)?.expect_f64(self.report)
    }

    /// A duration such as `5s`.
    pub fn duration(&self, key: &str) -> Option<Spanned<Duration>> {
        self.get(key)?.expect_duration(self.report)
    }

    /// A size such as `32MiB`, in bytes.
    pub fn size(&self, key: &str) -> Option<Spanned<u64>> {
        self.get(key)?.expect_size(self.report)
    }

    /// One of a few words.
    pub fn choice(&self, key: &str, choices: &[&'static str]) -> Option<Spanned<&'static str>> {
        self.get(key)?.expect_choice(self.report, choices)
    }

    /// A list; the items are read by the caller.
    pub fn list(&self, key: &str) -> Option<&'n [Node]> {
        self.get(key)?.expect_list(self.report)
    }

    /// A list of texts.
    pub fn strings(&self, key: &str) -> Option<Vec<Spanned<String>>> {
        self.get(key)?.expect_strings(self.report)
    }

    /// A mapping whose keys are names the user chose.
    pub fn map(&self, key: &str) -> Option<Vec<(Spanned<String>, &'n Node)>> {
        let mapping = self.get(key)?.expect_mapping(self.report)?;
        Some(
            mapping
                .iter()
                .map(|(name, entry)| (Spanned::new(name.to_owned(), entry.key_span), &entry.node))
                .collect(),
        )
    }

    /// A nested table.
    pub fn table(&self, key: &str) -> Option<Table<'n, 'r>> {
        Table::new(self.get(key)?, self.report)
    }

    /// Any value, as JSON.
    pub fn json(&self, key: &str) -> Option<Spanned<serde_json::Value>> {
        self.get(key)
            .map(|node| Spanned::new(node.to_json(), node.span))
    }

    /// Reports every key nobody asked for, with the nearest known key or the list of all.
    pub fn finish(self) {
        let asked = self.asked.into_inner();
        for (key, entry) in self
            .mapping
            .iter()
            .filter(|(key, _)| !asked.iter().any(|one| one == key))
        {
            let known = || asked.iter().map(String::as_str);
            // A key that is already there was not meant by the unknown one, unless nothing else is near.
            let free = suggest(key, known().filter(|one| self.mapping.get(one).is_none()));
            match free.or_else(|| suggest(key, known())) {
                Some(near) => {
                    self.report.error(
                        entry.key_span,
                        "unknown-key",
                        format!("unknown key `{key}`; did you mean `{near}`?"),
                    );
                }
                None => {
                    let list = known()
                        .map(|one| format!("`{one}`"))
                        .collect::<Vec<_>>()
                        .join(", ");
                    let note = self.report.error(
                        entry.key_span,
                        "unknown-key",
                        format!("unknown key `{key}`"),
                    );
                    note.help(if list.is_empty() {
                        "this table has no keys".to_owned()
                    } else {
                        format!("the keys of this table are {list}")
                    });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Source, yaml};

    fn faults(text: &str, read: impl Fn(&Table<'_, '_>)) -> Vec<String> {
        let source = Source::new("t", text);
        let report = Report::new(&source);
        let root = yaml::read(&report).unwrap();
        if let Some(table) = Table::new(&root, &report) {
            read(&table);
            table.finish();
        }
        report
            .into_diagnostics()
            .iter()
            .map(|one| match &one.help {
                Some(help) => format!("{one} | {help}"),
                None => one.to_string(),
            })
            .collect()
    }

    #[test]
    fn a_wrong_type_says_what_was_expected_and_found() {
        type Read = fn(&Table<'_, '_>);
        let cases: [(&str, Read, &str); 13] = [
            (
                "k: 12",
                |t| {
                    let _ = t.str("k");
                },
                "expected text, found the number 12 | put it in quotes: \"12\"",
            ),
            (
                "k: 1.10",
                |t| {
                    let _ = t.str("k");
                },
                "expected text, found the number 1.1 | put it in quotes: \"1.10\"",
            ),
            (
                "k: yes",
                |t| {
                    let _ = t.bool("k");
                },
                "expected `true` or `false`, found the text `yes` | write `true`",
            ),
            (
                "k: -1",
                |t| {
                    let _ = t.u64("k");
                },
                "expected a whole number from 0, found the number -1",
            ),
            (
                "k: 1.5",
                |t| {
                    let _ = t.u64("k");
                },
                "expected a whole number from 0, found the number 1.5",
            ),
            (
                "k:",
                |t| {
                    let _ = t.f64("k");
                },
                "expected a number, found nothing",
            ),
            (
                "k: 30",
                |t| {
                    let _ = t.duration("k");
                },
                "expected a duration, found the number 30 | name the unit: `30ms` or `30s`",
            ),
            (
                "k: 5 sec",
                |t| {
                    let _ = t.duration("k");
                },
                "expected a duration, found the text `5 sec` | write a whole number and a unit: `500ms`, `5s`, `2m`, `1h` or `7d`",
            ),
            (
                "k: 32mb",
                |t| {
                    let _ = t.size("k");
                },
                "expected a size, found the text `32mb` | write a whole number and a unit: `512B`, `64KiB`, `32MiB`, `1GiB` (or `KB`, `MB`, `GB`)",
            ),
            (
                "k: one",
                |t| {
                    let _ = t.strings("k");
                },
                "expected a list, found the text `one` | a list of one is written `[one]`",
            ),
            (
                "k: [a]",
                |t| {
                    let _ = t.map("k");
                },
                "expected a table of keys, found a list",
            ),
            (
                "k: {a: 1}",
                |t| {
                    let _ = t.str("k");
                },
                "expected text, found a table of keys",
            ),
            (
                "k: shard",
                |t| {
                    let _ = t.choice("k", &["shared", "per-call"]);
                },
                "expected one of `shared`, `per-call`, found the text `shard`; did you mean `shared`?",
            ),
        ];
        for (text, read, expected) in cases {
            let found = faults(text, read);
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            let (place, message) = found[0].split_once("]: ").unwrap();
            assert!(place.starts_with("t:1:"), "{place}");
            assert_eq!(message, expected, "{text}");
        }
    }

    #[test]
    fn unknown_keys_are_reported_with_the_nearest_or_all_known_keys() {
        let read = |t: &Table<'_, '_>| {
            t.str("provider");
            t.str("flow");
        };
        assert_eq!(
            faults("provder: a\nflow: b\nzzz: 1\n", read),
            [
                "t:1:1: error[unknown-key]: unknown key `provder`; did you mean `provider`?",
                "t:3:1: error[unknown-key]: unknown key `zzz` | the keys of this table are `provider`, `flow`",
            ]
        );
    }

    #[test]
    fn a_missing_key_is_reported_at_the_table() {
        assert_eq!(
            faults("a: {}\n", |t| {
                if let Some(inner) = t.table("a") {
                    inner.required_str("from");
                    inner.finish();
                }
            }),
            ["t:1:4: error[missing-key]: the key `from` is missing"]
        );
    }

    #[test]
    fn a_filled_value_reads_as_any_type_and_is_never_shown() {
        let source = Source::new("t", "a: \"${A}\"\n");
        let report = Report::new(&source);
        let mut root = yaml::read(&report).unwrap();
        root.for_each_scalar_mut(&mut |node| node.fill("true".to_owned()));
        let table = Table::new(&root, &report).unwrap();
        assert!(table.bool("a").unwrap().value);
        assert_eq!(table.str("a").unwrap().value, "true");
        root.for_each_scalar_mut(&mut |node| node.fill("hunter2".to_owned()));
        let table = Table::new(&root, &report).unwrap();
        assert!(
            table.bool("a").is_none() && table.u64("a").is_none() && table.duration("a").is_none()
        );
        assert!(!report.into_diagnostics().render(false).contains("hunter2"));
    }

    #[test]
    fn a_value_filled_where_nothing_was_quoted_takes_the_type_of_its_look() {
        let source = Source::new("t", "bare: ${P}\nquoted: \"${P}\"\n");
        let mut root = yaml::parse(&source).unwrap();
        root.for_each_scalar_mut(&mut |node| node.fill("80".to_owned()));
        assert_eq!(
            root.to_json(),
            serde_json::json!({"bare": 80, "quoted": "80"})
        );
    }
}
