//! Wrong bundles: nothing starts, everything that is wrong is said at once, each with its place and a remedy.
// The lints know a test by its attribute; here the helpers of tests are meant too.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use greentic_tests::host::folder::Folder;
use greentic_tests::host::{built, check};

/// Checks a bundle that is wrong and expects all of `said` in the report.
fn refused(folder: &Folder, said: &[&str]) {
    let checked = check(folder);
    assert_eq!(
        checked.code,
        Some(1),
        "{}{}",
        checked.stdout,
        checked.stderr
    );
    for part in said {
        assert!(
            checked.stderr.contains(part),
            "`{part}` is not in\n{}",
            checked.stderr
        );
    }
    assert!(
        checked.stderr.contains("nothing was started"),
        "{}",
        checked.stderr
    );
    assert!(
        !checked.stdout.contains("granted"),
        "no table for a bundle that is refused:\n{}",
        checked.stdout
    );
}

/// `bundle.yaml:LINE:` of the only line of the bundle with this text.
fn line(folder: &Folder, text: &str) -> String {
    let bundle = std::fs::read_to_string(folder.file("bundle.yaml")).unwrap();
    let mut found = bundle
        .lines()
        .enumerate()
        .filter(|(_, line)| line.contains(text));
    let (number, _) = found
        .next()
        .unwrap_or_else(|| panic!("`{text}` is not in the bundle"));
    assert!(
        found.next().is_none(),
        "`{text}` stands in the bundle twice"
    );
    format!("bundle.yaml:{}:", number + 1)
}

#[test]
fn the_bundle_of_the_tests_is_right_until_it_is_made_wrong() {
    let checked = check(&Folder::of("talk"));
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    assert!(
        checked.stderr.contains("without a signature are accepted"),
        "said at every start: {}",
        checked.stderr
    );
}

#[test]
fn a_misspelt_key_is_found_with_its_place_and_the_right_one() {
    let folder = Folder::of("talk").but("retry-base:", "retry-bass:");
    let place = line(&folder, "retry-bass");
    refused(
        &folder,
        &[
            &format!("{place}10"),
            "retry-bass",
            "did you mean `retry-base`?",
        ],
    );
}

#[test]
fn a_reference_to_a_plugin_that_is_not_there_is_found_with_the_nearest_one() {
    let folder = Folder::of("talk").but("bus: bus, secrets", "bus: buss, secrets");
    let place = line(&folder, "buss");
    refused(&folder, &[&place, "buss", "did you mean `bus`?"]);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let folder = Folder::of("talk").but("flow_echo.wasm", "flow_ecco.wasm");
    let place = line(&folder, "flow_ecco");
    refused(&folder, &[&place, "flow_ecco.wasm", "check the path"]);
}

#[test]
fn an_altered_pack_is_refused_wherever_the_altered_byte_is() {
    let whole = std::fs::read(built::pack("helpdesk")).unwrap();
    // The first bytes, the middle of a component, the directory at the end.
    for place in [10, whole.len() / 3, whole.len() / 2, whole.len() - 100] {
        let folder = Folder::demo();
        let mut altered = whole.clone();
        altered[place] ^= 1;
        folder.write("packs/helpdesk.gtpack", altered);
        refused(&folder, &["helpdesk.gtpack", "bundle.yaml:"]);
    }
}

#[test]
fn a_pack_of_another_key_and_a_pack_beyond_the_keys_right_are_refused() {
    let folder = Folder::demo();
    let made = std::process::Command::new(built::pack_tool())
        .args(["keygen", "--out", &folder.file("other")])
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let folder = folder.but("file: .greentic/dev-key.pub", "file: other.pub");
    refused(
        &folder,
        &[
            "helpdesk.gtpack",
            "backends.gtpack",
            "channels.gtpack",
            "tools.gtpack",
        ],
    );

    let folder = Folder::demo().but("may-sign: [greentic/*, demo/*]", "may-sign: [greentic/*]");
    refused(&folder, &["helpdesk.gtpack", "demo/helpdesk"]);
}

#[test]
fn a_bare_component_is_refused_unless_unsigned_ones_are_accepted() {
    let folder = Folder::of("talk").but("  allow-unsigned: true\n", "");
    let place = line(&folder, "echo_channel.wasm");
    refused(
        &folder,
        &[&place, "nobody has signed", "allow-unsigned: true"],
    );
}

#[test]
fn a_secret_that_is_not_there_stops_the_plugin_that_was_granted_it() {
    let folder = Folder::of("talk");
    std::fs::remove_file(folder.file("secrets/signing-key")).unwrap();
    let place = line(&folder, "echo_channel.wasm");
    refused(&folder, &[&place, "`signing-key`", "`echo`", "`files`"]);
}

#[test]
fn a_grant_that_a_plugin_needs_is_named_with_the_line_to_add() {
    let folder = Folder::of("talk").but(", grants: { secrets: [signing-key] }", "");
    refused(&folder, &["`signing-key`", "plugins.echo.grants.secrets"]);
}

#[test]
fn what_is_no_component_is_refused() {
    for (name, bytes) in [
        ("text.wasm", &b"this is a text"[..]),
        // A core module, not a component.
        ("module.wasm", b"\0asm\x01\0\0\0"),
        ("empty.wasm", b""),
    ] {
        let folder = Folder::of("talk").but("\"${PLUGINS}/flow_echo.wasm\"", name);
        folder.write(name, bytes);
        let place = line(&folder, name);
        refused(&folder, &[&place, "`counter`"]);
    }
}

#[test]
fn imports_that_nobody_offers_are_named_with_the_nearest_candidate() {
    let folder = Folder::of("talk").but("hostile_channel.wasm", "needs_unknown_import.wasm");
    let place = line(&folder, "needs_unknown_import");
    refused(
        &folder,
        &[
            &place,
            "greentic:oracle/answers@0.3.0",
            "greentic:channel-log/logs@0.1.0",
            // Newer than what is offered.
            "greentic:secrets/secret-store@9.0.0",
            "greentic:secrets/secret-store@0.1.0",
        ],
    );
}

#[test]
fn a_plugin_of_another_world_cannot_serve() {
    let folder = Folder::of("talk").but("sessions: memory, state", "sessions: counter, state");
    let place = line(&folder, "sessions: counter");
    refused(
        &folder,
        &[
            &place,
            "`counter` cannot serve as a session store",
            "session-store",
        ],
    );
}

#[test]
fn a_flow_that_a_pack_does_not_have_is_named_with_the_nearest_one() {
    let folder = Folder::of("talk").but("flow: helpdesk/welcome", "flow: helpdesk/welcom");
    let place = line(&folder, "helpdesk/welcom");
    refused(&folder, &[&place, "did you mean `helpdesk/welcome`?"]);
}

#[test]
fn a_channel_without_what_its_verification_needs_does_not_load() {
    let folder = Folder::of("talk").but(
        "config: { secret: webchat/secret }",
        "config: { title: Desk }",
    );
    let place = line(&folder, "title: Desk");
    refused(&folder, &[&place, "webchat"]);
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let folder = Folder::of("talk")
        .but("retry-cap:", "retry-capp:")
        .but("env: test", "env: Test!")
        .but(
            "{ provider: echo, flow: counter }",
            "{ provider: ecko, flow: counter, colour: red }",
        );
    let places = [
        line(&folder, "retry-capp"),
        line(&folder, "Test!"),
        line(&folder, "ecko"),
    ];
    let mut said: Vec<&str> = places.iter().map(String::as_str).collect();
    said.extend(["`retry-cap`", "`echo`", "colour"]);
    refused(&folder, &said);
}
