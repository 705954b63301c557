//! What this repository says about bundles elsewhere: the demo's bundle, and the pages that are written from our own tables.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use greentic_config::limits::Limits;
use greentic_config::{Bundle, schema};
use serde_json::Value;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn the_demo_bundle_loads_without_an_environment_and_without_a_warning() {
    let loaded = Bundle::load(&root().join("greentic.demo.yaml"), |_| None)
        .unwrap_or_else(|faults| panic!("{}", faults.render(false)));
    assert!(
        loaded.warnings.is_empty(),
        "{}",
        loaded.warnings.render(false)
    );
    assert!(loaded.bundle.listen.value.ip().is_loopback());
}

/// `cargo xtask docs` sets the variable and so writes the page.
fn is_current(name: &str, page: &str) {
    let path = root().join("docs").join(name);
    if std::env::var_os("GREENTIC_WRITE_DOCS").is_some() {
        fs::write(&path, page).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == page,
        "docs/{name} is not current: run `cargo xtask docs`"
    );
}

#[test]
fn the_page_of_limits_is_what_the_table_says() {
    let table = Limits::default().to_markdown();
    is_current(
        "limits.md",
        &format!(
            "# Limits\n\n\
            Every timeout, limit and queue length of the host, with the key of the bundle that changes it. No other limit exists: each\n\
            queue is bounded and each wait has a deadline. Keys under `limits.plugin` can also stand at a single plugin\n\
            (`plugins.NAME.limits`), and a tenant can lower its own; nothing can be set beyond its range.\n\n\
            `cargo xtask docs` writes this page from the host's own table.\n\n\
            {table}"
        ),
    );
}

#[test]
fn the_page_of_the_bundle_is_what_the_reader_reads() {
    let schema = schema();
    let mut page = String::from(
        "# The bundle\n\n\
        One YAML file says everything: which components are loaded, what each may touch, and who is bound to what. What it does not\n\
        say is denied, or has the default named here. An unknown key is an error with its line and column.\n\n\
        - Values may be `${NAME}` or `${NAME:-default}`, filled in from the environment. Secrets never stand in the bundle, only\n  \
        their names.\n\
        - Names are small letters, digits, `_` and `-`. Paths are relative to the bundle's folder and may not leave it by `..`.\n\
        - `greentic-host --bundle FILE --check` loads everything, says all that is wrong at once, and ends.\n\
        - `greentic-host --print-schema` prints this as JSON Schema for editors.\n\n\
        [greentic.demo.yaml](../greentic.demo.yaml) is an example with comments. `cargo xtask docs` writes this page from what the\n\
        reader itself uses.\n",
    );
    section(&mut page, &schema, &schema, "");
    is_current("bundle.md", &page);
}

/// One table of keys, and then those below it.
fn section(page: &mut String, schema: &Value, table: &Value, path: &str) {
    let title = if path.is_empty() { "the file" } else { path };
    let required: Vec<_> = table["required"].as_array().unwrap().iter().collect();
    let _ = write!(
        page,
        "\n## {title}\n\n{}\n\n| key | value | meaning |\n|---|---|---|\n",
        table["description"].as_str().unwrap()
    );
    let mut below = Vec::new();
    for (key, field) in table["properties"].as_object().unwrap() {
        let meaning = field["description"].as_str().unwrap();
        let must = if required.iter().any(|name| *name == key) {
            "**needed.** "
        } else {
            ""
        };
        let _ = writeln!(
            page,
            "| `{key}` | {} | {must}{meaning} |",
            value_of(field, path, key)
        );
        if let Some((name, place)) = lower(field, path, key) {
            below.push((schema["$defs"][name].clone(), place));
        }
    }
    for (table, place) in below {
        section(page, schema, &table, &place);
    }
}

/// What stands in a field, in a few words.
fn value_of(field: &Value, path: &str, key: &str) -> String {
    let field = field["anyOf"].get(0).unwrap_or(field);
    if is_limits(path, key) {
        return "table, see [limits](limits.md)".to_owned();
    }
    if let Some(words) = field["enum"].as_array() {
        let words: Vec<String> = words
            .iter()
            .map(|word| format!("`{}`", word.as_str().unwrap()))
            .collect();
        return words.join(", ");
    }
    if let Some(only) = field.get("const") {
        return format!("`{only}`");
    }
    match field["type"].as_str() {
        Some("array") if field["items"]["$ref"].is_string() => "list of tables".to_owned(),
        Some("array") => "list".to_owned(),
        Some("object") if field["additionalProperties"].is_object() => "table by name".to_owned(),
        Some("boolean") => "true or false".to_owned(),
        Some("string") => "text".to_owned(),
        Some("object") | None => "table".to_owned(),
        Some(other) => other.to_owned(),
    }
}

fn is_limits(path: &str, key: &str) -> bool {
    key == "limits" || key == "quota" && path.starts_with("tenants")
}

/// The definition a field leads to, and where it stands then.
fn lower(field: &Value, path: &str, key: &str) -> Option<(String, String)> {
    if is_limits(path, key) {
        return None;
    }
    let (target, tail) = [
        (&field["$ref"], ""),
        (&field["additionalProperties"]["$ref"], ".NAME"),
        (&field["items"]["$ref"], "[]"),
    ]
    .into_iter()
    .find(|(target, _)| target.is_string())?;
    let name = target.as_str()?.rsplit('/').next()?.to_owned();
    let dot = if path.is_empty() { "" } else { "." };
    Some((name, format!("{path}{dot}{key}{tail}")))
}
