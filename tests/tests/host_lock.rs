//! The lock file: what was loaded is what is loaded, byte for byte, and nothing older.
// The lints know a test by its attribute; here the helpers of tests are meant too.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::process::Command;

use greentic_tests::host::folder::Folder;
use greentic_tests::host::{built, check, run};

/// The demo with one more pack, in a version.
fn with_own(version: &str) -> Folder {
    let folder = Folder::demo().but(
        "packs:\n  helpdesk:",
        "packs:\n  own: { from: packs/own.gtpack }\n  helpdesk:",
    );
    let folder = folder.but(
        "may-sign: [greentic/*, demo/*]",
        "may-sign: [greentic/*, demo/*, own/*]",
    );
    own(&folder, version);
    folder
}

fn own(folder: &Folder, version: &str) {
    folder.write(
        "own/pack.yaml",
        format!("id: own/pack\nversion: {version}\nname: Own\nkind: application\n"),
    );
    folder.write(
        "own/flows/welcome.ygtc",
        "id: welcome\ntype: messaging\ntitle: T\nschema_version: 2\nstart: a\nnodes:\n  a: { emit.response: hi, routing: out }\n",
    );
    let key = built::repository().join(".greentic/dev-key");
    let done = Command::new(built::pack_tool())
        .args(["build", "own", "-o", "packs/own.gtpack", "--key"])
        .arg(key)
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

#[test]
fn a_host_that_requires_the_lock_file_loads_what_is_in_it_and_nothing_else() {
    let folder = with_own("1.0.0");
    let without = run(&folder, &["--check", "--locked"]);
    assert_eq!(without.code, Some(1));
    assert!(
        without.stderr.contains("there is no lock file"),
        "{}",
        without.stderr
    );
    let written = run(&folder, &["--lock"]);
    assert_eq!(written.code, Some(0), "{}", written.stderr);
    let lock = std::fs::read_to_string(folder.file("greentic.lock")).unwrap();
    assert!(
        lock.contains("\"packs/own.gtpack\"") && lock.contains("\"own/pack\""),
        "{lock}"
    );
    let same = run(&folder, &["--check", "--locked"]);
    assert_eq!(same.code, Some(0), "{}", same.stderr);
    // A newer one is taken where the lock file is only heeded, and refused where it is required.
    own(&folder, "1.1.0");
    assert_eq!(check(&folder).code, Some(0));
    let newer = run(&folder, &["--check", "--locked"]);
    assert_eq!(newer.code, Some(1));
    assert!(
        newer
            .stderr
            .contains("`packs/own.gtpack` is not what the lock file says"),
        "{}",
        newer.stderr
    );
    // An older one is refused either way, until the operator pins it.
    own(&folder, "0.9.0");
    let older = check(&folder);
    assert_eq!(older.code, Some(1));
    assert!(
        older
            .stderr
            .contains("own/pack 0.9.0, and 1.0.0 was seen before"),
        "{}",
        older.stderr
    );
    assert_eq!(run(&folder, &["--lock"]).code, Some(0));
    assert_eq!(check(&folder).code, Some(0));
}

#[test]
fn a_damaged_lock_file_is_refused_and_the_pack_tool_writes_the_same_one() {
    let folder = with_own("1.0.0");
    folder.write("greentic.lock", "{");
    let damaged = check(&folder);
    assert_eq!(damaged.code, Some(1));
    assert!(
        damaged.stderr.contains("the lock file is damaged"),
        "{}",
        damaged.stderr
    );
    assert_eq!(run(&folder, &["--lock"]).code, Some(0));
    let lock = std::fs::read_to_string(folder.file("greentic.lock")).unwrap();
    let done = Command::new(built::pack_tool())
        .args(["lock", "-o", "again.lock"])
        .args(
            ["backends", "channels", "helpdesk", "own", "tools"]
                .map(|name| format!("packs/{name}.gtpack")),
        )
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    assert_eq!(
        std::fs::read_to_string(folder.file("again.lock")).unwrap(),
        lock
    );
}
