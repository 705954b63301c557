//! What this repository says about bundles elsewhere: the demo's bundle, and the page of limits.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::PathBuf;

use greentic_config::Bundle;
use greentic_config::limits::Limits;

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

/// `cargo xtask limits-doc` sets the variable and so writes the page.
#[test]
fn the_page_of_limits_is_what_the_table_says() {
    let path = root().join("docs/limits.md");
    let table = Limits::default().to_markdown();
    let page = format!(
        "# Limits\n\n\
        Every timeout, limit and queue length of the host, with the key of the bundle that changes it. No other limit exists: each\n\
        queue is bounded and each wait has a deadline. Keys under `limits.plugin` can also stand at a single plugin (`plugins.NAME.limits`),\n\
        and a tenant can lower its own; nothing can be set beyond its range.\n\n\
        `cargo xtask limits-doc` writes this page from the host's table.\n\n\
        {table}"
    );
    if std::env::var_os("GREENTIC_WRITE_DOCS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == page,
        "docs/limits.md is not current: run `cargo xtask limits-doc`"
    );
}
