//! What packs need of each other: it is there in a version of the range, or the host says what is missing.
// The lints know a test by its attribute; here the helpers of tests are meant too.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::process::Command;

use greentic_tests::host::folder::Folder;
use greentic_tests::host::{built, check};

/// The demo with two more packs of ours.
fn folder() -> Folder {
    Folder::demo()
        .but(
            "packs:\n  helpdesk:",
            "packs:\n  own: { from: packs/own.gtpack }\n  base: { from: packs/base.gtpack }\n  helpdesk:",
        )
        .but(
            "may-sign: [greentic/*, demo/*]",
            "may-sign: [greentic/*, demo/*, own/*]",
        )
}

/// Builds a pack that needs others.
fn pack(folder: &Folder, name: &str, version: &str, needs: &str) {
    folder.write(
        &format!("{name}/pack.yaml"),
        format!("id: own/{name}\nversion: {version}\nname: Own\nkind: application\n{needs}"),
    );
    folder.write(
        &format!("{name}/flows/welcome.ygtc"),
        "id: welcome\ntype: messaging\ntitle: T\nschema_version: 2\nstart: a\nnodes:\n  a: { emit.response: hi, routing: out }\n",
    );
    let key = built::repository().join(".greentic/dev-key");
    let out = format!("packs/{name}.gtpack");
    let done = Command::new(built::pack_tool())
        .args(["build", name, "-o", &out, "--key"])
        .arg(key)
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{said}");
}

#[track_caller]
fn refused(folder: &Folder, parts: &[&str]) {
    let checked = check(folder);
    assert_eq!(checked.code, Some(1), "{}", checked.stderr);
    for part in parts {
        let said = &checked.stderr;
        assert!(said.contains(part), "`{part}` is not in:\n{said}");
    }
}

#[track_caller]
fn accepted(folder: &Folder) {
    let checked = check(folder);
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
}

#[test]
fn a_pack_is_refused_without_what_it_needs_and_with_another_version_of_it() {
    let folder = folder();
    pack(&folder, "base", "1.4.0", "");
    pack(
        &folder,
        "own",
        "1.0.0",
        "dependencies: { own/base: \"^1.2\", demo/helpdesk: \">=0.1\" }\n",
    );
    accepted(&folder);
    pack(&folder, "base", "2.0.0", "");
    refused(
        &folder,
        &[
            "`own/own` 1.0.0 needs `own/base` ^1.2, and the bundle has 2.0.0",
            "2.0.0 is here",
            "bundle.yaml:",
            "take a version of that range",
        ],
    );
    pack(
        &folder,
        "own",
        "1.0.0",
        "dependencies: { own/gone: \"1\" }\n",
    );
    refused(
        &folder,
        &[
            "needs `own/gone` ^1, and no pack of the bundle is that",
            "name a pack `own/gone`",
        ],
    );
}

#[test]
fn packs_that_need_each_other_in_a_circle_are_refused_with_it() {
    let folder = folder();
    pack(
        &folder,
        "base",
        "1.0.0",
        "dependencies: { own/own: \"1\" }\n",
    );
    pack(
        &folder,
        "own",
        "1.0.0",
        "dependencies: { own/base: \"1\" }\n",
    );
    refused(
        &folder,
        &["in a circle: `own/base` needs `own/own` needs `own/base`"],
    );
}
