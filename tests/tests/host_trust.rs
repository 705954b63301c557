//! Whose packs a host loads: how many keys must have signed, and which of them count today.
// The lints know a test by its attribute; here the helpers of tests are meant too.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::process::Command;

use greentic_tests::host::folder::Folder;
use greentic_tests::host::{built, check};

/// The demo, whose help desk needs the signatures of two of three keys.
fn two_of_three() -> Folder {
    let folder = Folder::demo().but(
        "      may-sign: [greentic/*, demo/*]\n",
        "      may-sign: [greentic/*, demo/*]\n    second: { file: second.pub, may-sign: [demo/*] }\n    third: { file: third.pub, may-sign: [demo/*] }\n  require: [{ packs: demo/helpdesk, signatures: 2 }]\n",
    );
    for name in ["second", "third"] {
        tool(&folder, &["keygen", "--out", name]);
    }
    folder
}

fn tool(folder: &Folder, arguments: &[&str]) {
    let done = Command::new(built::pack_tool())
        .args(arguments)
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{arguments:?}: {said}");
}

fn sign(folder: &Folder, key: &str) {
    tool(folder, &["sign", "packs/helpdesk.gtpack", "--key", key]);
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
fn accepted(folder: &Folder, signers: &[&str]) {
    let checked = check(folder);
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    for signer in signers {
        let shown = &checked.stdout;
        assert!(shown.contains(signer), "`{signer}` is not in:\n{shown}");
    }
}

#[test]
fn two_of_three_keys_must_have_signed_and_a_revoked_one_does_not_count() {
    let folder = two_of_three();
    refused(
        &folder,
        &[
            "helpdesk.gtpack",
            "bundle.yaml:",
            "needs 2 trusted signatures and has 1",
        ],
    );
    sign(&folder, "second");
    accepted(&folder, &["`development`", "`second`"]);
    folder.edit(
        "second: { file: second.pub,",
        "second: { file: second.pub, revoked: \"its laptop was stolen\",",
    );
    refused(&folder, &["helpdesk.gtpack", "its laptop was stolen"]);
    sign(&folder, "third");
    accepted(&folder, &["`development`", "`third`"]);
}

#[test]
fn a_key_counts_from_its_first_day_to_its_last_and_for_its_packs() {
    for (more, said) in [
        ("not-after: \"2020-01-31\",", "whose validity has ended"),
        (
            "not-before: \"2999-01-31\",",
            "whose validity has not begun",
        ),
    ] {
        let folder = two_of_three();
        sign(&folder, "second");
        accepted(&folder, &["`second`"]);
        folder.edit(
            "second: { file: second.pub,",
            &format!("second: {{ file: second.pub, {more}"),
        );
        refused(&folder, &["helpdesk.gtpack", "`second`", said]);
    }
    let folder = two_of_three();
    sign(&folder, "second");
    folder.edit(
        "second: { file: second.pub, may-sign: [demo/*] }",
        "second: { file: second.pub, may-sign: [acme/*] }",
    );
    refused(&folder, &["helpdesk.gtpack", "`second`", "demo/helpdesk"]);
}
