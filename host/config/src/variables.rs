//! `${NAME}` and `${NAME:-default}` in the bundle's values. `$${` stands for a plain `${`.
//!
//! Names are those of environment variables; the default holds when the variable is unset or empty, as in a shell.
//! Keys are never substituted, and what a variable holds is not looked at again.

use std::collections::BTreeSet;
use std::ops::Range;

use greentic_diagnostics::{Node, Report, Span, Value};

/// Fills in every scalar of the tree. Gives the places that have no value, which were reported.
pub(crate) fn fill(
    root: &mut Node,
    report: &Report,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> BTreeSet<Span> {
    let mut unresolved = BTreeSet::new();
    root.for_each_scalar_mut(&mut |node| {
        let Value::String(text) = &node.value else {
            return;
        };
        if !text.contains("${") {
            return;
        }
        match substitute(text, lookup) {
            Ok(Filled {
                text,
                foreign: true,
            }) => node.fill(text),
            Ok(Filled {
                text,
                foreign: false,
            }) => node.value = Value::String(text),
            Err(faults) => {
                unresolved.insert(node.span);
                for fault in faults {
                    let span = report.source().span_within(node.span, text, fault.at);
                    report
                        .error(span, fault.code, fault.message)
                        .help(fault.help);
                }
            }
        }
    });
    unresolved
}

#[derive(Debug, PartialEq)]
struct Filled {
    text: String,
    /// Whether anything came from outside the file or from a default.
    foreign: bool,
}

#[derive(Debug, PartialEq)]
struct Fault {
    at: Range<usize>,
    code: &'static str,
    message: String,
    help: String,
}

fn substitute(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Filled, Vec<Fault>> {
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut at, mut foreign, mut faults) = (text, 0, false, Vec::new());
    while let Some(start) = rest.find("${") {
        let (before, after) = (
            rest.get(..start).unwrap_or_default(),
            rest.get(start + 2..).unwrap_or_default(),
        );
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            (rest, at) = (after, at + start + 2);
            continue;
        }
        out.push_str(before);
        let Some(end) = after.find('}') else {
            faults.push(Fault {
                at: at + start..text.len(),
                code: "bad-variable",
                message: "this `${` is never closed".to_owned(),
                help: "write `${NAME}`, or `$${` for a plain `${`".to_owned(),
            });
            break;
        };
        let inner = after.get(..end).unwrap_or_default();
        let place = at + start..at + start + 2 + end + 1;
        let (name, default) = match inner.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inner, None),
        };
        foreign = true;
        if is_name(name) {
            match (lookup(name), default) {
                (Some(value), None) => out.push_str(&value),
                (Some(value), Some(_)) if !value.is_empty() => out.push_str(&value),
                (_, Some(default)) => out.push_str(default),
                (None, None) => faults.push(Fault {
                    at: place,
                    code: "unset-variable",
                    message: format!("the environment variable `{name}` is not set"),
                    help: format!("set it, or give a default: `${{{name}:-…}}`"),
                }),
            }
        } else {
            faults.push(Fault {
                at: place,
                code: "bad-variable",
                message: format!("`{name}` is not the name of a variable"),
                help: "write `${NAME}` or `${NAME:-default}` with letters, digits and `_`, or `$${` for a plain `${`"
                    .to_owned(),
            });
        }
        (rest, at) = (
            after.get(end + 1..).unwrap_or_default(),
            at + start + 2 + end + 1,
        );
    }
    out.push_str(if faults.is_empty() { rest } else { "" });
    if faults.is_empty() {
        Ok(Filled { text: out, foreign })
    } else {
        Err(faults)
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lookup(name: &str) -> Option<String> {
        match name {
            "A" => Some("one".to_owned()),
            "EMPTY" => Some(String::new()),
            "NESTED" => Some("${A}".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn variables_defaults_and_escapes() {
        for (text, expected) in [
            ("${A}", "one"),
            ("x-${A}-${A}!", "x-one-one!"),
            ("${B:-two}", "two"),
            ("${EMPTY:-two}", "two"),
            ("${EMPTY}", ""),
            ("${B:-}", ""),
            ("${B:-a:-b}", "a:-b"),
            ("$${A}", "${A}"),
            ("$$${A}", "$${A}"),
            ("é${A}é", "éoneé"),
            ("${NESTED}", "${A}"),
            ("$A {A} $", "$A {A} $"),
        ] {
            assert_eq!(substitute(text, &lookup).unwrap().text, expected, "{text}");
        }
    }

    #[test]
    fn faults_name_the_part_of_the_text() {
        let faults = substitute("é${B}${9}${", &lookup).unwrap_err();
        let seen: Vec<_> = faults
            .iter()
            .map(|one| (one.at.clone(), one.message.as_str()))
            .collect();
        assert_eq!(
            seen,
            [
                (2..6, "the environment variable `B` is not set"),
                (6..10, "`9` is not the name of a variable"),
                (10..12, "this `${` is never closed"),
            ]
        );
    }

    proptest! {
        #[test]
        fn no_text_panics_and_text_without_variables_stays(text in "[$A{}:é-]{0,20}") {
            let result = substitute(&text, &lookup);
            if !text.contains("${") {
                prop_assert_eq!(result.unwrap().text, text);
            }
        }
    }
}
