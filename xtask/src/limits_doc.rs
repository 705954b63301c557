//! `docs/limits.md`, written by the crate that has the table. A test of that crate fails when the page is not what it would write.

use crate::project::Project;
use crate::run::{cargo, run, step};

/// Writes the page.
pub fn write(project: &Project) -> anyhow::Result<()> {
    step("writing docs/limits.md");
    run(cargo()
        .current_dir(&project.root)
        .env("GREENTIC_WRITE_DOCS", "1")
        .args([
            "test",
            "--quiet",
            "--package",
            "greentic-config",
            "--test",
            "repository",
        ]))
}
