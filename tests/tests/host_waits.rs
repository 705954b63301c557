//! A wait that ends by itself, and rules that choose a flow by what was said.
// The lints know a test by its attribute; here the helpers of tests are meant too.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::process::Command;
use std::time::Duration;

use greentic_tests::host::direct_line::Chat;
use greentic_tests::host::folder::Folder;
use greentic_tests::host::{Host, built};

const PATIENT: &str = r#"
id: patient
type: messaging
schema_version: 2
nodes:
  ask: { emit.text: "Still there?", routing: [{ to: rest }] }
  rest:
    session.wait: { ttl: 1s }
    routing:
      - { to: gone, condition: 'event == "on_timeout"' }
      - { to: here }
  here: { emit.text: "You are, {{response.text}}", routing: [{ to: ask }] }
  gone: { emit.text: "Nobody answered", routing: out }
"#;

const REFUNDS: &str = r#"
id: refunds
type: messaging
schema_version: 2
nodes:
  say: { emit.text: "Refunds: {{in.text}}", routing: out }
"#;

/// Asks twice and is told of no silence: the first question waits for its own time, the second for the host's.
const BRIEF: &str = r#"
id: brief
type: messaging
schema_version: 2
nodes:
  name: { emit.text: "Your name?", routing: [{ to: first }] }
  first: { session.wait: { ttl: 2s }, routing: [{ to: town }] }
  town: { emit.text: "Your town, {{response.text}}?", routing: [{ to: second }] }
  second: { session.wait: {}, routing: [{ to: thanks }] }
  thanks: { emit.text: "Thank you", routing: out }
"#;

/// A bundle with these flows behind two chats.
fn folder() -> Folder {
    let folder = Folder::of("talk");
    folder.write("waits/flows/patient.ygtc", PATIENT);
    folder.write("waits/flows/refunds.ygtc", REFUNDS);
    folder.write("waits/flows/brief.ygtc", BRIEF);
    folder.write(
        "waits/pack.yaml",
        "id: demo/waits\nversion: 0.1.0\nname: Waits\ndescription: Flows of a test.\nkind: application\nflows: [flows/patient.ygtc, flows/refunds.ygtc, flows/brief.ygtc]\n",
    );
    let built = Command::new(built::pack_tool())
        .args([
            "build",
            &folder.file("waits"),
            "--out",
            &folder.file("waits.gtpack"),
        ])
        .arg("--key")
        .arg(built::repository().join(".greentic/dev-key"))
        .output()
        .unwrap();
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    folder
        .but(
            "packs:\n",
            "packs:\n  waits: { from: waits.gtpack }\n",
        )
        .but(
            "limits:\n",
            "limits:\n  session: { alarms: 50ms }\n",
        )
        .but(
            "          echo: { provider: echo, flow: counter }\n",
            "          echo: { provider: echo, flow: counter }\n          brief: { provider: webchat, flow: waits/brief, config: { anonymous: true } }\n          waits:\n            provider: webchat\n            flow: waits/patient\n            rules:\n              - { when: { condition: 'event.text.contains(\"refund\")' }, flow: waits/refunds }\n            config: { anonymous: true }\n",
        )
}

#[test]
fn a_flow_is_told_when_nobody_answers_in_time_and_only_then() {
    let folder = folder();
    let host = Host::start(&folder);
    let mut silent = Chat::begin(&host.origin, "waits", None);
    let mut speaks = Chat::begin(&host.origin, "waits", None);
    silent.say("hello");
    speaks.say("hello");
    assert_eq!(silent.hear_text(), "Still there?");
    assert_eq!(speaks.hear_text(), "Still there?");
    speaks.say("Ada");
    assert_eq!(speaks.hear_text(), "You are, Ada");
    assert_eq!(speaks.hear_text(), "Still there?");
    // The first wait of the one who spoke is over and rings no more; the second ends as the other's first does.
    assert_eq!(silent.hear_text(), "Nobody answered");
    assert_eq!(speaks.hear_text(), "Nobody answered");
    std::thread::sleep(Duration::from_millis(1_500));
    assert!(silent.is_all_heard() && speaks.is_all_heard());
    // The conversation is over: the next word begins a new one.
    silent.say("again");
    assert_eq!(silent.hear_text(), "Still there?");
}

#[test]
fn incident_20_a_wait_is_over_after_its_time_though_nobody_is_told() {
    let folder = folder().but("session: { alarms", "session: { ttl: 2s, alarms");
    let host = Host::start(&folder);
    let mut chat = Chat::begin(&host.origin, "brief", None);
    let mut late = Chat::begin(&host.origin, "brief", None);
    for chat in [&mut chat, &mut late] {
        chat.say("hello");
        assert_eq!(chat.hear_text(), "Your name?");
    }
    // In its time the conversation goes on; after it the next word begins a new one.
    chat.say("Ada");
    assert_eq!(chat.hear_text(), "Your town, Ada?");
    std::thread::sleep(Duration::from_millis(2_300));
    late.say("Bob");
    assert_eq!(late.hear_text(), "Your name?");
    // The second wait names no time and has the host's.
    chat.say("London");
    assert_eq!(chat.hear_text(), "Your name?");
    chat.say("Ada");
    assert_eq!(chat.hear_text(), "Your town, Ada?");
    chat.say("London");
    assert_eq!(chat.hear_text(), "Thank you");
}

#[test]
fn a_channel_cannot_say_that_a_wait_is_over() {
    let folder = folder();
    let host = Host::start(&folder);
    let mut chat = Chat::begin(&host.origin, "waits", None);
    chat.say("hello");
    assert_eq!(chat.hear_text(), "Still there?");
    let forged = serde_json::json!({"type": "event", "name": "wait-timeout", "value": {}});
    assert_eq!(chat.post(&forged).status, 200);
    chat.say("Ada");
    assert_eq!(chat.hear_text(), "You are, Ada");
    assert!(
        host.log()
            .iter()
            .any(|line| line.contains("which only the host may")),
        "the event must have come as far as the turn"
    );
}

#[test]
fn a_rule_with_a_condition_chooses_the_flow_by_what_was_said() {
    let folder = folder();
    let host = Host::start(&folder);
    let mut chat = Chat::begin(&host.origin, "waits", None);
    chat.say("a refund, please");
    assert_eq!(chat.hear_text(), "Refunds: a refund, please");
    chat.say("hello");
    assert_eq!(chat.hear_text(), "Still there?");
}

#[test]
fn a_condition_of_a_rule_that_cannot_hold_is_refused_at_its_place() {
    let folder = folder().but("event.text.contains", "event.txt.contains");
    let checked = greentic_tests::host::check(&folder);
    assert_eq!(checked.code, Some(1), "{}", checked.stderr);
    for said in ["bundle.yaml:", "did you mean `text`"] {
        assert!(checked.stderr.contains(said), "{}", checked.stderr);
    }
}
