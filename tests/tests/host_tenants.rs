//! Many tenants in files of their own, each with what is its own: secrets, keys, and an edit that concerns nobody else.
// The lints know a test by its attribute; here the helpers of tests are meant too.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::process::Command;

use greentic_tests::host::folder::Folder;
use greentic_tests::host::web::Web;
use greentic_tests::host::{Host, built, check, webhook};

/// The file of a tenant with one channel.
fn tenant(name: &str, more: &str) -> String {
    format!(
        "tenants:\n  {name}:\n{more}    teams: {{ x: {{ channels: {{ hook: {{ provider: echo, flow: counter }} }} }} }}\n"
    )
}

/// What a tenant's hook answers to a message signed with a key.
fn hook(host: &Host, tenant: &str, body: &str, signature: &str) -> u16 {
    let url = format!("{}/v1/messaging/ingress/echo/{tenant}/x/hook", host.origin);
    let headers = [("x-signature", signature)];
    Web::new()
        .call("POST", &url, &headers, body.as_bytes())
        .status
}

#[test]
fn tenants_in_files_of_their_own_are_served_and_an_edit_of_one_binds_that_one_anew() {
    let folder = Folder::of("talk").but("tenants:\n", "include: [tenants/*.yaml]\ntenants:\n");
    for number in 0..200 {
        folder.write(
            &format!("tenants/t{number}.yaml"),
            tenant(&format!("t{number}"), ""),
        );
    }
    let host = Host::start(&folder);
    let send = |tenant: &str, id: &str| {
        let body = webhook::body(id, "c", "hello");
        hook(&host, tenant, &body, &webhook::signature(&body))
    };
    assert_eq!((send("t0", "1"), send("t199", "1")), (200, 200));
    assert_eq!(send("t200", "1"), 404);
    folder.write(
        "tenants/t7.yaml",
        tenant("t7", "    defaults: { locale: fr }\n"),
    );
    host.serves(2);
    let line = host.logs("generation 2 serves");
    assert!(
        line.contains("channels bound anew: `test/t7/x/hook`\""),
        "only that one: {line}"
    );
    // A new file is a new tenant, and one that is gone is gone.
    folder.write("tenants/t200.yaml", tenant("t200", ""));
    host.serves(3);
    assert_eq!(send("t200", "1"), 200);
    std::fs::remove_file(folder.file("tenants/t0.yaml")).unwrap();
    host.serves(4);
    assert_eq!(send("t0", "2"), 404);
    // A fault is found in its file, and everybody goes on.
    folder.write("tenants/t5.yaml", tenant("t5", "    defalts: {}\n"));
    let line = host.logs("was refused");
    assert!(line.contains("tenants/t5.yaml:3:5"), "{line}");
    assert!(line.contains("did you mean `defaults`?"), "{line}");
    assert_eq!(send("t5", "1"), 200);
}

#[test]
fn a_tenant_with_a_secrets_backend_of_its_own_has_its_secrets_and_not_the_hosts() {
    let folder = Folder::of("talk")
        .but(
            "  engine: {",
            "  own-files: { from: \"${PLUGINS}/secrets_file.wasm\", grants: { read: [own/secrets] } }\n  engine: {",
        )
        .but("tenants:\n", "include: [own.yaml]\ntenants:\n");
    folder.write(
        "own.yaml",
        tenant("own", "    use: { secrets: own-files }\n"),
    );
    folder.write("own/secrets/other", "x");
    let refused = check(&folder);
    assert_eq!(refused.code, Some(1));
    assert!(
        refused
            .stderr
            .contains("`signing-key` of plugin `echo` cannot be had from `own-files`"),
        "the host's secret is not the tenant's: {}",
        refused.stderr
    );
    folder.write("own/secrets/signing-key", "the tenant's own key");
    let host = Host::start(&folder);
    let body = webhook::body("1", "c", "hello");
    let theirs = webhook::signature_by("the tenant's own key", &body);
    assert_eq!(hook(&host, "own", &body, &theirs), 200);
    assert_eq!(
        hook(&host, "own", &body, &webhook::signature(&body)),
        401,
        "the host's key opens nothing there"
    );
}

#[test]
fn a_pack_signed_by_a_tenants_key_serves_that_tenant_only() {
    let folder = Folder::demo().but(
        "packs:\n  helpdesk:",
        "include: [theirs.yaml]\npacks:\n  theirs: { from: theirs.gtpack }\n  helpdesk:",
    );
    let tool = |arguments: &[&str]| {
        let done = Command::new(built::pack_tool())
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
    };
    tool(&["new", "theirs", "--id", "theirs/pack"]);
    tool(&["keygen", "--out", "their-key"]);
    tool(&[
        "build",
        "theirs",
        "-o",
        "theirs.gtpack",
        "--key",
        "their-key",
    ]);
    let file = |keys: &str| {
        format!(
            "tenants:\n  theirs:\n{keys}    teams: {{ x: {{ channels: {{ chat: {{ provider: webchat, flow: theirs/welcome, config: {{ anonymous: true }} }} }} }} }}\n"
        )
    };
    folder.write("theirs.yaml", file(""));
    let stranger = check(&folder);
    assert_eq!(stranger.code, Some(1));
    let key = "    trust: { keys: { own: { file: their-key.pub, may-sign: [theirs/*] } } }\n";
    folder.write("theirs.yaml", file(key));
    let own = check(&folder);
    assert_eq!(own.code, Some(0), "{}", own.stderr);
    let other = folder.but(
        "flow: feedback                # a plugin",
        "flow: theirs/welcome # a plugin",
    );
    let other = check(&other);
    assert_eq!(other.code, Some(1));
    assert!(
        other.stderr.contains(
            "tenant `demo` cannot use `theirs`: its pack is signed by a key of `theirs` only"
        ),
        "{}",
        other.stderr
    );
}
