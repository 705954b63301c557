//! The licences of everything we depend on, against those we accept. `cargo metadata` has them all; no tool has to be installed.

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::project::Project;
use crate::run::{capture, cargo, step};

/// Licences that let us ship under Apache-2.0, and that let users of the binary do what Apache-2.0 lets them do.
const ACCEPTED: [&str; 15] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    // Data only: the list of certificate authorities.
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Checks every package that cargo may compile for us, on any platform, for tests too.
pub fn check(project: &Project) -> anyhow::Result<()> {
    step("checking licences");
    let text = capture(cargo().current_dir(&project.root).args([
        "metadata",
        "--format-version=1",
        "--locked",
    ]))
    .context("if Cargo.lock is not current, run `cargo check` and commit it")?;
    let metadata: Value = serde_json::from_str(&text).context("cargo metadata")?;
    let packages = metadata
        .get("packages")
        .and_then(Value::as_array)
        .context("cargo metadata names no packages")?;
    let refused: Vec<String> = packages.iter().filter_map(refusal).collect();
    if !refused.is_empty() {
        bail!(
            "licences that are not accepted:\n{}\naccepted are {}",
            refused.join("\n"),
            ACCEPTED.join(", ")
        );
    }
    println!("{} packages, all with accepted licences", packages.len());
    Ok(())
}

fn refusal(package: &Value) -> Option<String> {
    let text = |key: &str| package.get(key).and_then(Value::as_str);
    let name = format!("  {} {}", text("name")?, text("version")?);
    match text("license") {
        None => Some(format!("{name}: says none")),
        Some(license) => match accepted(license) {
            Some(true) => None,
            Some(false) => Some(format!("{name}: {license}")),
            None => Some(format!("{name}: `{license}` is not understood")),
        },
    }
}

/// Whether an SPDX expression leaves us an accepted choice; `None` when it is none. An older `/` means OR.
fn accepted(expression: &str) -> Option<bool> {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let (holds, rest) = any(&words)?;
    rest.is_empty().then_some(holds)
}

type Parsed<'w> = Option<(bool, &'w [&'w str])>;

fn any<'w>(words: &'w [&'w str]) -> Parsed<'w> {
    let (mut holds, mut rest) = all(words)?;
    while let ["OR", more @ ..] = rest {
        let (next, after) = all(more)?;
        holds |= next;
        rest = after;
    }
    Some((holds, rest))
}

fn all<'w>(words: &'w [&'w str]) -> Parsed<'w> {
    let (mut holds, mut rest) = one(words)?;
    while let ["AND", more @ ..] = rest {
        let (next, after) = one(more)?;
        holds &= next;
        rest = after;
    }
    Some((holds, rest))
}

fn one<'w>(words: &'w [&'w str]) -> Parsed<'w> {
    match words {
        ["(", inner @ ..] => match any(inner)? {
            (holds, [")", rest @ ..]) => Some((holds, rest)),
            _ => None,
        },
        ["OR" | "AND" | "WITH" | ")", ..] => None,
        [id, "WITH", exception, rest @ ..] => {
            let whole = format!("{id} WITH {exception}");
            Some((ACCEPTED.contains(&whole.as_str()), rest))
        }
        [id, rest @ ..] => Some((ACCEPTED.contains(id), rest)),
        [] => None,
    }
}

#[cfg(test)]
mod tests {
    use super::accepted;

    #[test]
    fn an_expression_is_accepted_when_some_choice_in_it_is() {
        for (expression, expected) in [
            ("MIT", Some(true)),
            ("GPL-3.0-only", Some(false)),
            ("MIT OR GPL-3.0-only", Some(true)),
            ("MIT AND GPL-3.0-only", Some(false)),
            ("MIT/Apache-2.0", Some(true)),
            ("(MIT OR GPL-2.0-only) AND Unicode-3.0", Some(true)),
            ("GPL-2.0-only OR MIT AND AGPL-3.0-only", Some(false)),
            (
                "Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT",
                Some(true),
            ),
            ("GPL-2.0-only WITH Classpath-exception-2.0", Some(false)),
            ("MIT OR", None),
            ("(MIT", None),
            ("MIT MIT", None),
            ("", None),
        ] {
            assert_eq!(accepted(expression), expected, "{expression}");
        }
    }
}
