//! Components that were built before the tests. What is missing names the command that makes it.

use std::path::{Path, PathBuf};

use greentic_conformance::sandbox::{Loaded, Stage};

fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target")
}

/// A stage; compiled code is kept between runs.
pub fn stage() -> Stage {
    Stage::new(&target().join("tmp/conformance-code")).unwrap()
}

/// A component, by its package's name.
pub fn component(stage: &Stage, name: &str) -> Loaded {
    let path = target()
        .join("wasm32-wasip2/plugin")
        .join(name.replace('-', "_"))
        .with_extension("wasm");
    assert!(
        path.is_file(),
        "{} is missing: `cargo xtask build-plugins --tests` makes it",
        path.display()
    );
    stage.load(&path).unwrap()
}
