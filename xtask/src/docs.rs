//! `docs/limits.md`, `docs/bundle.md` and the table in `docs/channels/README.md`, written by the crates whose tables they show: their
//! tests fail when a page is not what they would write.

use crate::plugins;
use crate::project::Project;
use crate::run::{cargo, run, step};

/// Writes the pages. What channels can do is found by running them, so they are built before.
pub fn write(project: &Project) -> anyhow::Result<()> {
    plugins::build(project, &plugins::Which::WithTests)?;
    step("writing docs/limits.md, docs/bundle.md and the table in docs/channels/README.md");
    // With the features of all packages: wasmtime is not compiled once more.
    run(cargo()
        .current_dir(&project.root)
        .env("GREENTIC_WRITE_DOCS", "1")
        .args([
            "test",
            "--quiet",
            "--workspace",
            "--test",
            "repository",
            "--test",
            "table",
        ]))
}
