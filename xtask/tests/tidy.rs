//! Rules of this repository that no compiler keeps. Each names the file, the line and what to do.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "tidy/dependencies.rs"]
mod dependencies;
#[path = "tidy/incidents.rs"]
mod incidents;
#[path = "tidy/sources.rs"]
mod sources;

use sources::{Source, sources};

/// Folders with Rust in them.
const RUST: [&str; 6] = ["conformance", "host", "sdk", "plugins", "tests", "xtask"];

/// Longest file, in lines. Beyond it a second subject has moved in.
const LONGEST: usize = 500;

fn none(faults: &[String], rule: &str) {
    assert!(faults.is_empty(), "{rule}:\n{}", faults.join("\n"));
}

#[test]
fn no_file_holds_more_than_five_hundred_lines() {
    let long: Vec<String> = sources(&RUST, "rs")
        .iter()
        .filter(|source| source.text.lines().count() > LONGEST)
        .map(|source| format!("{}: {} lines", source.path, source.text.lines().count()))
        .collect();
    none(&long, "split these: one file, one subject");
}

#[test]
fn every_module_begins_by_saying_why_it_exists() {
    let silent: Vec<String> = sources(&["conformance", "host", "sdk", "plugins", "xtask"], "rs")
        .iter()
        .filter(|source| source.path.contains("/src/"))
        .filter(|source| !source.text.starts_with("//!") && !is_test_file(&source.path))
        .map(|source| format!("{}: no `//!` at its top", source.path))
        .collect();
    none(&silent, "say in the first lines why the module exists");
}

/// The host knows no channel, store, bus, secrets backend or tool: a new plugin needs no change there. WebChat's page and API
/// have public routes of their own, and "teams" is what tenants have, so these two are not in the list.
#[test]
fn no_platform_is_named_in_the_host() {
    const PLATFORMS: [&str; 8] = [
        "slack",
        "telegram",
        "whatsapp",
        "msteams",
        "redis",
        "nats",
        "jetstream",
        "twilio",
    ];
    let mut named = Vec::new();
    for source in sources(&["host"], "rs") {
        if is_test_file(&source.path) || !source.path.contains("/src/") {
            continue;
        }
        for (number, line) in source.shipped_lines() {
            let words = words(line);
            if let Some(platform) = PLATFORMS
                .iter()
                .find(|name| words.iter().any(|word| word == *name))
            {
                named.push(format!("{}:{number}: `{platform}`", source.path));
            }
        }
    }
    none(&named, "platforms belong into plugins");
}

#[test]
fn nothing_is_left_undone_or_skipped() {
    let marks = [
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("#[", "ignore"),
        concat!("FIX", "ME"),
        concat!("XX", "X:"),
    ];
    let scripts = [".skip(", ".only(", ".todo(", "{ skip"];
    let mut found = Vec::new();
    let mut look = |source: &Source, marks: &[&str]| {
        for (number, line) in (1..).zip(source.text.lines()) {
            if let Some(mark) = marks.iter().find(|mark| line.contains(**mark)) {
                found.push(format!("{}:{number}: `{mark}`", source.path));
            }
        }
    };
    for source in sources(&RUST, "rs") {
        look(&source, &marks);
    }
    for source in sources(&["tests/browser"], "mjs") {
        look(&source, &scripts);
    }
    none(&found, "finish these, or take them out");
}

fn is_test_file(path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap();
    file == "tests.rs" || file.ends_with("_tests.rs") || path.contains("/tests/")
}

/// A line's words in small letters: `redisClient` and `REDIS_URL` hold `redis`, `alternates` holds no `nats`.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_small = false;
    for letter in line.chars() {
        if !letter.is_ascii_alphanumeric() || (letter.is_ascii_uppercase() && was_small) {
            words.push(String::new());
        }
        was_small = letter.is_ascii_lowercase();
        if letter.is_ascii_alphanumeric() {
            words.last_mut().unwrap().push(letter.to_ascii_lowercase());
        }
    }
    words
}

#[test]
fn names_are_split_into_their_words() {
    for (line, holds) in [
        ("let redisClient = 1;", true),
        ("REDIS_URL", true),
        ("\"redis://\"", true),
        ("struct RedisStore;", true),
        ("predisposed", false),
    ] {
        assert_eq!(words(line).contains(&"redis".to_owned()), holds, "{line}");
    }
    assert!(!words("alternates").contains(&"nats".to_owned()));
}
