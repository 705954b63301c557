//! What is wrong with flows, a folder each in `cases/findings`: files, and the findings that must come, each with its
//! place and in this order.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::fs;
use std::path::Path;

use greentic_diagnostics::Source;
use greentic_flow::compile::compile;

#[test]
fn every_fault_of_the_cases_is_found_at_its_place_and_nothing_else() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/findings");
    let mut folders: Vec<_> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    folders.sort();
    assert!(folders.len() >= 9, "the cases are gone");
    for folder in folders {
        let mut files: Vec<_> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.retain(|path| {
            path.extension()
                .is_some_and(|extension| extension == "ygtc")
        });
        files.sort();
        let sources: Vec<Source> = files
            .iter()
            .map(|path| {
                Source::new(
                    path.file_name().unwrap().to_string_lossy(),
                    fs::read_to_string(path).unwrap(),
                )
            })
            .collect();
        let compiled = compile(&sources);
        let found: Vec<String> = compiled
            .diagnostics
            .to_string()
            .lines()
            .map(str::to_owned)
            .collect();
        let expected = fs::read_to_string(folder.join("expected.txt")).unwrap_or_default();
        let expected: Vec<String> = expected.lines().map(str::to_owned).collect();
        assert_eq!(found, expected, "{}", folder.display());
        assert!(compiled.definition.is_none() || !found.iter().any(|line| line.contains("error[")));
    }
}
