//! `docs/limits.md` and `docs/bundle.md`, written by the crate whose tables they show. Its tests fail when a page is not what they
//! would write.

use crate::project::Project;
use crate::run::{cargo, run, step};

/// Writes the pages.
pub fn write(project: &Project) -> anyhow::Result<()> {
    step("writing docs/limits.md and docs/bundle.md");
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
