//! A flow that fails in mid-conversation: the person is told, the next message works, the operator has the dead letter.
// The lints know a test by its attribute; here the helpers of tests are meant too.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use greentic_tests::host::direct_line::Chat;
use greentic_tests::host::folder::Folder;
use greentic_tests::host::web::Web;
use greentic_tests::host::webhook::{Webhook, body, signature};
use greentic_tests::host::{Host, eventually};
use serde_json::Value;

fn letters(host: &Host) -> Vec<Value> {
    let page = host.administer("GET", "/dead-letters");
    assert_eq!(page.status, 200, "{page:?}");
    page.json()["letters"].as_array().unwrap().clone()
}

fn letter(host: &Host) -> Value {
    eventually("a dead letter", || letters(host).first().cloned())
}

#[test]
fn incident_14_a_flow_that_faults_gets_the_person_the_failure_text_and_the_next_message_works() {
    let folder = Folder::of("talk");
    let host = Host::start(&folder);
    let mut chat = Chat::begin(&host.origin, "harm", None);
    let mut bystander = Chat::begin(&host.origin, "harm", None);
    bystander.say("hi");
    assert_eq!(bystander.hear_text(), "1: hi");
    chat.say("hi");
    assert_eq!(chat.hear_text(), "1: hi");
    for (number, harm) in ["trap", "loop", "memory"].into_iter().enumerate() {
        chat.say(harm);
        assert_eq!(chat.hear_text(), "That went wrong.", "{harm}");
        // The snapshot is as it was before the fault.
        chat.say("still there?");
        assert_eq!(
            chat.hear_text(),
            format!("{}: still there?", number + 2),
            "after {harm}"
        );
    }
    bystander.say("and you?");
    assert_eq!(bystander.hear_text(), "2: and you?");
    let kept = letters(&host);
    assert_eq!(kept.len(), 3, "{kept:?}");
    for word in ["trap", "cpu", "memory"] {
        assert_eq!(
            host.metrics().sum(
                "greentic_plugin_faults_total",
                &[("plugin", "hostile"), ("fault", word)]
            ),
            1.0,
            "{word}"
        );
    }
    // A snapshot the flow itself refuses begins the conversation anew.
    chat.say("damage");
    assert_eq!(chat.hear_text(), "5: damage");
    chat.say("and now?");
    assert_eq!(chat.hear_text(), "1: and now?");
    assert!(chat.is_all_heard());
    assert_eq!(host.stop().code, Some(0));
}

#[test]
fn a_conversation_that_fails_again_and_again_begins_anew() {
    let folder = Folder::of("talk");
    let host = Host::start(&folder);
    let mut chat = Chat::begin(&host.origin, "harm", None);
    chat.say("hi");
    assert_eq!(chat.hear_text(), "1: hi");
    for _ in 0..3 {
        chat.say("trap");
        assert_eq!(chat.hear_text(), "That went wrong.");
    }
    chat.say("hi");
    assert_eq!(chat.hear_text(), "1: hi");
}

#[test]
fn incident_07_a_dead_letter_is_listed_shown_replayed_when_its_cause_is_gone_and_then_forgotten() {
    let folder = Folder::of("talk");
    folder.write("switch/broken", "");
    let host = Host::start(&folder);
    let mut chat = Chat::begin(&host.origin, "harm", None);
    chat.say("fragile");
    assert_eq!(chat.hear_text(), "That went wrong.");
    let summary = letter(&host);
    assert_eq!(
        (&summary["stage"], &summary["tenant"], &summary["channel"]),
        (&"turn".into(), &"demo".into(), &"harm".into()),
        "{summary}"
    );
    let id = summary["id"].as_str().unwrap();
    let shown = host
        .administer("GET", &format!("/dead-letters/{id}"))
        .json();
    assert!(
        shown["error"]
            .as_str()
            .is_some_and(|error| error.contains("hostile") && error.contains("trapped")),
        "{shown}"
    );
    assert!(shown["event"].to_string().contains("fragile"), "{shown}");

    // Still broken: the replay fails too, and the letter is there again.
    assert_eq!(
        host.administer("POST", &format!("/dead-letters/{id}/replay"))
            .status,
        204
    );
    let again = eventually("the letter of the replay", || {
        letters(&host)
            .first()
            .filter(|letter| letter["id"] != id)
            .cloned()
    });
    let id = again["id"].as_str().unwrap();

    std::fs::remove_file(folder.file("switch/broken")).unwrap();
    assert_eq!(
        host.administer("POST", &format!("/dead-letters/{id}/replay"))
            .status,
        204
    );
    // The answer it should have been, though the person was told of the failure under the same event.
    assert_eq!(chat.hear_text(), "1: fragile");
    assert!(
        chat.is_all_heard(),
        "of the second failure she is not told again"
    );
    assert!(letters(&host).is_empty());
    assert_eq!(
        host.administer("POST", &format!("/dead-letters/{id}/replay"))
            .problem(),
        404
    );
}

#[test]
fn incident_07_a_message_the_platform_does_not_take_is_tried_again_and_then_kept_until_it_is_dropped()
 {
    let folder = Folder::of("talk");
    let host = Host::start(&folder);
    let hook = format!("{}/v1/messaging/ingress/bad/demo/default/bad", host.origin);
    let say = |id: u32, text: &str| {
        let url = format!("{hook}/say?conversation=c{id}&id={id}&text=say:{text}");
        let answer = Web::new().call("POST", &url, &[], b"x");
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    // Not sent twice, then sent.
    say(1, "retry-until?attempt=3");
    host.reaches(
        "greentic_messages_total",
        &[("channel", "bad"), ("direction", "out")],
        1.0,
    );
    assert_eq!(
        host.metrics()
            .sum("greentic_egress_attempts_total", &[("outcome", "retry")]),
        2.0
    );
    assert!(letters(&host).is_empty());
    // Refused for good; a channel that traps may have sent it, and is asked again until nothing helps.
    say(2, "rejected");
    say(3, "trap");
    host.reaches("greentic_dead_letters_total", &[("stage", "egress")], 2.0);
    assert_eq!(
        host.metrics()
            .sum("greentic_egress_attempts_total", &[("outcome", "rejected")]),
        1.0
    );
    let kept = letters(&host);
    let attempts: Vec<_> = kept
        .iter()
        .map(|letter| {
            (
                letter["stage"].as_str().unwrap(),
                letter["attempts"].as_u64().unwrap(),
            )
        })
        .collect();
    assert!(
        attempts.contains(&("egress", 1)) && attempts.contains(&("egress", 8)),
        "{kept:?}"
    );
    for letter in kept {
        assert_eq!(
            host.administer(
                "DELETE",
                &format!("/dead-letters/{}", letter["id"].as_str().unwrap())
            )
            .status,
            204
        );
    }
    assert!(letters(&host).is_empty());
    assert_eq!(host.stop().code, Some(0));
}

#[test]
fn the_admin_api_is_closed_without_its_token() {
    let folder = Folder::of("talk");
    let host = Host::start(&folder);
    let mut chat = Chat::begin(&host.origin, "harm", None);
    chat.say("trap");
    assert_eq!(chat.hear_text(), "That went wrong.");
    let id = letter(&host)["id"].as_str().unwrap().to_owned();
    let web = Web::new();
    for (method, path) in [
        ("GET", "/dead-letters".to_owned()),
        ("GET", format!("/dead-letters/{id}")),
        ("POST", format!("/dead-letters/{id}/replay")),
        ("DELETE", format!("/dead-letters/{id}")),
        ("GET", "/status".to_owned()),
    ] {
        let url = host.admin_url(&path);
        for headers in [
            &[][..],
            &[("authorization", "Bearer wrong")],
            &[("authorization", "Basic YTpi")],
        ] {
            assert_eq!(
                web.call(method, &url, headers, b"").problem(),
                401,
                "{method} {path}"
            );
        }
        // The public endpoint has no such path.
        let public = format!("{}/admin/v1{path}", host.origin);
        assert_eq!(
            web.call(method, &public, &[], b"").problem(),
            404,
            "{method} {path}"
        );
    }
    assert_eq!(
        host.administer("DELETE", &format!("/dead-letters/{id}"))
            .status,
        204
    );
    assert!(letters(&host).is_empty());
    assert_eq!(
        host.administer("DELETE", &format!("/dead-letters/{id}"))
            .problem(),
        404
    );
    assert_eq!(
        host.administer("GET", &format!("/dead-letters/{id}"))
            .problem(),
        404
    );
}

#[test]
fn a_bus_whose_instance_was_replaced_carries_messages_again() {
    let small = "bus_memory.wasm\", limits: { memory: 1536KiB } }";
    let host = Host::start(&Folder::of("talk").but("bus_memory.wasm\" }", small));
    let delivered = |least| {
        host.reaches(
            "greentic_messages_total",
            &[("channel", "echo"), ("direction", "out")],
            least,
        );
    };
    let hook = Webhook::new(&host.origin);
    hook.say("first", "c", "hi");
    delivered(1.0);
    // More than the bus has memory for: its instance ends, and the message is not acknowledged.
    let huge = body("huge", "c", &"x".repeat(900 * 1024));
    let answer = hook.send(&huge, Some(&signature(&huge)));
    assert_eq!(answer.status, 503, "{answer:?}");
    hook.say("second", "c", "hi");
    delivered(2.0);
}
