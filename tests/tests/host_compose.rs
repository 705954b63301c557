//! Components that call each other's own interfaces: fused where nothing stands against it, carried between cells otherwise.
// The lints know a test by its attribute; here the helpers of tests are meant too.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use greentic_tests::host::direct_line::Chat;
use greentic_tests::host::folder::Folder;
use greentic_tests::host::{Host, explain};

/// A flow that calls `greentic:component/component`, and a component that has it.
fn feedback(more: &str) -> Folder {
    Folder::of("talk")
        .but(
            "  counter: {",
            &format!(
                "  feedback: {{ from: \"${{PLUGINS}}/flow_feedback.wasm\" }}\n  shout: {{ from: \"${{PLUGINS}}/node_shout.wasm\"{more} }}\n  counter: {{"
            ),
        )
        .but("flow: hostile, config", "flow: feedback, config")
}

fn talk(host: &Host) -> String {
    let mut chat = Chat::begin(&host.origin, "harm", None);
    assert_eq!(
        chat.hear_text(),
        "How was it? From 1 (bad) to 5 (very good)."
    );
    chat.say("2");
    assert_eq!(chat.hear_text(), "What should we do better?");
    chat.say("answer faster");
    chat.hear_text()
}

const THANKS: &str = "Thank you! You gave 2 of 5 and 2 words: ANSWER FASTER";

#[test]
fn a_component_without_authority_is_fused_into_the_one_that_calls_it() {
    let folder = feedback("");
    let tree = explain(&folder, "text");
    assert!(
        tree.contains("greentic:component/component <- shout, fused"),
        "{tree}"
    );
    assert_eq!(talk(&Host::start(&folder)), THANKS);
}

#[test]
fn calls_to_a_component_in_a_cell_of_its_own_are_carried() {
    let folder = feedback(", link: true");
    let tree = explain(&folder, "text");
    assert!(
        tree.contains("greentic:component/component <- shout, linked: the bundle says so"),
        "{tree}"
    );
    let host = Host::start(&folder);
    assert_eq!(talk(&host), THANKS);
    // The cell of the other component stays, and serves the next conversation too.
    assert_eq!(talk(&host), THANKS);
    let drawing = explain(&folder, "svg");
    assert!(drawing.starts_with("<svg") && drawing.contains("line linked"));
}

#[test]
fn a_component_that_is_called_has_its_own_limits_and_ends_only_its_caller() {
    let folder = feedback(", link: true, limits: { host-call-bytes: 1KiB }");
    let host = Host::start(&folder);
    let mut chat = Chat::begin(&host.origin, "harm", None);
    assert!(chat.hear_text().starts_with("How was it?"));
    chat.say("2");
    assert_eq!(chat.hear_text(), "What should we do better?");
    chat.say(&"long ".repeat(1_000));
    assert_eq!(chat.hear_text(), "That went wrong.");
    let line = host.logs("the turn failed");
    assert!(
        line.contains("feedback") && line.contains("greentic:component/component"),
        "{line}"
    );
    // The conversation goes on from where it was.
    chat.say("answer faster");
    assert_eq!(chat.hear_text(), THANKS);
}
