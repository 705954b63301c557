//! Incidents of others and the tests that carry their numbers: `docs/incidents.md` names them, and they are there.

use std::collections::BTreeSet;

use crate::none;
use crate::sources::{Source, root, sources};

const TABLE: &str = "docs/incidents.md";

/// The rows of the table: an incident's number, and what it names as `file::name`.
fn rows(text: &str) -> Vec<(u32, Vec<(String, String)>)> {
    let row = |line: &str| {
        let number = line.split('|').nth(1)?.trim().parse().ok()?;
        let named = line.split('`').skip(1).step_by(2);
        let tests = named.filter_map(|name| name.split_once("::"));
        let tests = tests.map(|(file, name)| (file.to_owned(), name.to_owned()));
        Some((number, tests.collect()))
    };
    text.lines().filter_map(row).collect()
}

/// The number in a test's name.
fn number_of(name: &str) -> Option<u32> {
    name.strip_prefix("incident_")?
        .split('_')
        .next()?
        .parse()
        .ok()
}

/// A function of this name, or a case with this identifier.
fn holds(source: &Source, name: &str) -> bool {
    source.text.contains(&format!("fn {name}(")) || source.text.contains(&format!("\"{name}\", \""))
}

/// The tests of a file whose names carry a number.
fn numbered(source: &Source) -> impl Iterator<Item = (u32, &str)> {
    source.text.lines().filter_map(|line| {
        let name = line.split("fn ").nth(1)?.split('(').next()?;
        Some((number_of(name)?, name))
    })
}

#[test]
fn every_incident_names_tests_that_are_there_and_no_test_with_its_number_is_left_out() {
    let text = std::fs::read_to_string(root().join(TABLE)).unwrap();
    let rows = rows(&text);
    let sources = sources(&["conformance", "host", "sdk", "plugins", "tests"], "rs");
    let mut faults = Vec::new();
    let numbers: Vec<u32> = rows.iter().map(|(number, _)| *number).collect();
    if numbers != (1..=20).collect::<Vec<_>>() {
        faults.push(format!("{TABLE}: its rows are {numbers:?}"));
    }
    let mut named = BTreeSet::new();
    for (number, tests) in &rows {
        if tests.is_empty() {
            faults.push(format!("{TABLE}: incident {number} names no test"));
        }
        for (file, name) in tests {
            let source = sources.iter().find(|source| source.path == *file);
            if !source.is_some_and(|source| holds(source, name)) {
                faults.push(format!(
                    "{TABLE}: incident {number}: {file} has no `{name}`"
                ));
            }
            if number_of(name).is_some_and(|own| own != *number) {
                faults.push(format!("{TABLE}: incident {number} names `{name}`"));
            }
            named.insert((*number, file.as_str(), name.as_str()));
        }
    }
    for source in &sources {
        for (number, name) in numbered(source) {
            if numbers.contains(&number) && !named.contains(&(number, &source.path, name)) {
                faults.push(format!("{}: `{name}` is not in {TABLE}", source.path));
            }
        }
    }
    none(&faults, "incidents and the tests that carry their numbers");
}

#[test]
fn a_row_is_a_number_and_its_tests() {
    let text =
        "| | what | shows |\n|---|---|---|\n| 7 | A `word`. | `a/b.rs::c`<br>`d.rs::e.f` |\n";
    let pair = |file: &str, name: &str| (file.to_owned(), name.to_owned());
    assert_eq!(
        rows(text),
        [(7, vec![pair("a/b.rs", "c"), pair("d.rs", "e.f")])]
    );
    assert_eq!(number_of("incident_04_a_lease"), Some(4));
    assert_eq!(number_of("an_incident_04"), None);
}
