//! Where things are that were built before the tests. What is missing names the command that makes it.

use std::path::{Path, PathBuf};

/// The repository's folder.
#[must_use]
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// The folder cargo builds into: a test's executable lies in `target/{profile}/deps`.
fn target() -> PathBuf {
    let executable = std::env::current_exe().unwrap();
    executable.ancestors().nth(3).unwrap().to_owned()
}

/// A binary beside this test, or where `variable` says.
fn binary(name: &str, variable: &str) -> PathBuf {
    let beside = || {
        let executable = std::env::current_exe().unwrap();
        let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        executable.ancestors().nth(2).unwrap().join(file)
    };
    let path = std::env::var_os(variable).map_or_else(beside, PathBuf::from);
    assert!(
        path.is_file(),
        "{} is missing: `cargo build -p {name}` makes it, or {variable} says where it is",
        path.display()
    );
    path
}

/// `greentic-host`.
#[must_use]
pub fn host() -> PathBuf {
    binary("greentic-host", "GREENTIC_HOST_BIN")
}

/// `greentic-pack`.
#[must_use]
pub fn pack_tool() -> PathBuf {
    binary("greentic-pack", "GREENTIC_PACK_BIN")
}

/// The folder of the plugins, as `.wasm`.
#[must_use]
pub fn plugins() -> PathBuf {
    let folder = target().join("wasm32-wasip2/plugin");
    for needed in [
        "store_memory",
        "echo_channel",
        "flow_echo",
        "hostile_channel",
        "hostile_flow",
        "probe_channel",
        "needs_unknown_import",
    ] {
        let file = folder.join(format!("{needed}.wasm"));
        assert!(
            file.is_file(),
            "{} is missing: `cargo xtask build-plugins --tests` makes it",
            file.display()
        );
    }
    folder
}

/// A pack of the demo, and the key it is signed with.
#[must_use]
pub fn pack(name: &str) -> PathBuf {
    let file = repository().join(format!("packs/{name}.gtpack"));
    for path in [&file, &repository().join(".greentic/dev-key.pub")] {
        assert!(
            path.is_file(),
            "{} is missing: `cargo xtask packs` makes it",
            path.display()
        );
    }
    file
}

/// Compiled components of all tests: the first that needs one compiles it.
#[must_use]
pub fn cache() -> PathBuf {
    target().join("tmp/compiled-components")
}
