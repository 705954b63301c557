//! The bundle an operator reads first, as a person meets it: the help desk's conversation, by polling and by the websocket.
// The lints know a test by its attribute; here the helpers of tests are meant too.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use greentic_tests::host::direct_line::Chat;
use greentic_tests::host::folder::Folder;
use greentic_tests::host::{Host, check};
use serde_json::{Value, json};

fn demo() -> (Folder, Host) {
    let folder = Folder::demo();
    let host = Host::start_with(&folder, |command| {
        command.env("GREENTIC_LISTEN", "127.0.0.1:0");
    });
    (folder, host)
}

fn titles(message: &Value) -> Vec<&str> {
    let actions = message["suggestedActions"]["actions"].as_array().unwrap();
    actions
        .iter()
        .map(|action| action["title"].as_str().unwrap())
        .collect()
}

const MENU: [&str; 3] = ["Look up a ticket", "Report a fault", "That is all"];

#[test]
fn the_demo_bundle_passes_the_check_which_shows_what_is_loaded() {
    let folder = Folder::demo();
    let checked = check(&folder);
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    for part in [
        "webchat",
        "channel-provider",
        "signed by `development`",
        "secrets: webchat/signing-key",
        // The flow written by hand and the node it calls are one component.
        "feedback + helpdesk/node-shout",
        "lost when the process ends",
        "helpdesk/welcome",
        "/v1/web/webchat/demo/default/web",
    ] {
        assert!(
            checked.stdout.contains(part),
            "`{part}` is not in\n{}",
            checked.stdout
        );
    }
}

#[test]
fn a_person_has_the_whole_conversation_with_the_help_desk() {
    let (_folder, host) = demo();
    let mut chat = Chat::begin(&host.origin, "web", None);
    assert_eq!(
        chat.hear_text(),
        "Hello! This is the help desk of **Example Ltd**. What is your name?"
    );
    chat.say("I am Ada");
    assert_eq!(chat.hear_text(), "Nice to meet you, **Ada**.");
    let menu = chat.hear();
    assert_eq!(
        (menu["text"].as_str(), titles(&menu)),
        (Some("What can I do for you?"), MENU.to_vec())
    );

    // A tool is called, and the flow branches on its answer.
    chat.say("look up a ticket");
    assert_eq!(titles(&chat.hear()), ["T-1001", "T-1002", "T-1003"]);
    chat.say("the red one");
    assert_eq!(
        chat.hear_text(),
        "A ticket looks like T-1001, not like \"the red one\"."
    );
    chat.say("t-1003");
    assert_eq!(
        chat.hear_text(),
        "Ticket **T-1003** was solved on 2026-02-27: New badge for the Basel office."
    );
    assert_eq!(titles(&chat.hear()), MENU);

    // A form is shown, waited for and submitted; an urgent one goes through the node `node-shout`.
    chat.say("report a fault");
    let form = chat.hear();
    assert_eq!(
        form["attachments"][0]["contentType"], "application/vnd.microsoft.card.adaptive",
        "{form}"
    );
    assert_eq!(
        form["attachments"][0]["content"]["body"][1]["text"],
        "Tell us, Ada, and somebody looks at it today."
    );
    chat.say("what?");
    assert_eq!(
        chat.hear_text(),
        "Please fill in the form above, or write *cancel*."
    );
    chat.submit(&json!({
        "action": "submit", "title": "It burns", "description": "All of it", "email": "ada@example.com", "priority": "urgent",
    }));
    let done = chat.hear_text();
    let ticket = done
        .strip_prefix("**IT BURNS**: we look at it right now. It is ticket **")
        .and_then(|rest| rest.strip_suffix("**."))
        .unwrap_or_else(|| panic!("{done}"))
        .to_owned();
    assert_eq!(titles(&chat.hear()), MENU);

    // What was opened is found again by the tool, in the same team's instance or another.
    chat.say("ticket");
    assert_eq!(titles(&chat.hear()), ["T-1001", "T-1002", "T-1003"]);
    chat.say("T-9");
    assert_eq!(chat.hear_text(), "There is no ticket T-9.");
    assert_eq!(titles(&chat.hear()), MENU);
    chat.say("bye");
    assert_eq!(
        chat.hear_text(),
        "Good bye, Ada. Write again whenever you need us."
    );
    // The conversation ended; state is what outlives it.
    chat.say("hi");
    assert_eq!(
        chat.hear_text(),
        format!("Welcome back, **Ada**. Last time it was about ticket {ticket}.")
    );
    assert_eq!(titles(&chat.hear()), MENU);
    assert!(chat.is_all_heard(), "nothing was said twice");
    let ended = host.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.log.join("\n"));
}

#[test]
fn the_websocket_carries_the_conversation_and_replays_it_from_a_watermark() {
    let (_folder, host) = demo();
    let mut chat = Chat::begin(&host.origin, "web", Some("Grace"));
    let mut stream = chat.follow();
    assert_eq!(stream.hear_text(), "Nice to meet you, **Grace**.");
    assert_eq!(stream.hear_text(), "What can I do for you?");
    chat.say("ticket");
    assert_eq!(
        stream.hear_text(),
        "Which ticket? Its number looks like T-1001."
    );
    let seen = stream.watermark.clone();
    chat.say("T-1001");
    // What she said comes first, with the id her client gave it; typing is shown while the tool works.
    let echo = stream.activity();
    assert_eq!(
        (&echo["text"], &echo["from"]["role"]),
        (&json!("T-1001"), &json!("user"))
    );
    assert_eq!(echo["channelData"]["clientActivityID"], "T-1001-2");
    assert_eq!(stream.activity()["type"], "typing");
    let found = "Ticket **T-1001** is open: Laptop does not start after the update. Mira Keller works on it since 2026-03-14.";
    assert_eq!(stream.hear_text(), found);
    assert_eq!(stream.hear_text(), "What can I do for you?");

    // The connection breaks; a new one begins after what was seen and says nothing twice.
    drop(stream);
    let mut again = chat.follow_after(&seen);
    assert_eq!(again.activity()["text"], "T-1001");
    assert_eq!(again.hear_text(), found);
    assert_eq!(again.hear_text(), "What can I do for you?");
    chat.say("bye");
    assert_eq!(again.activity()["text"], "bye");
    assert_eq!(
        again.hear_text(),
        "Good bye, Grace. Write again whenever you need us."
    );
    assert_eq!(
        chat.history()
            .iter()
            .filter(|activity| activity["text"] == found)
            .count(),
        1
    );

    host.terminate();
    assert_eq!(
        again.closed(),
        Some(1001),
        "a client is told that the host goes away"
    );
    assert_eq!(host.ended().code, Some(0));
}

#[test]
fn a_flow_written_by_hand_runs_with_its_node_fused_into_it() {
    let (_folder, host) = demo();
    let mut chat = Chat::begin(&host.origin, "feedback", None);
    let question = chat.hear();
    assert_eq!(
        question["text"],
        "How was it? From 1 (bad) to 5 (very good)."
    );
    assert_eq!(titles(&question).len(), 5);
    chat.say("6");
    assert_eq!(chat.hear_text(), "Please choose a number from 1 to 5.");
    chat.say("2");
    assert_eq!(chat.hear_text(), "What should we do better?");
    chat.say("answer faster");
    assert_eq!(
        chat.hear_text(),
        "Thank you! You gave 2 of 5 and 2 words: ANSWER FASTER"
    );
    assert!(chat.is_all_heard());
}

#[test]
fn the_chat_page_is_served_with_the_address_the_table_shows() {
    let (_folder, host) = demo();
    let channels = host.shown["channels"].as_array().unwrap();
    let page = channels
        .iter()
        .find(|row| row["channel"] == "demo/default/web")
        .unwrap()["page"]
        .as_str()
        .unwrap();
    let answer = host.get(page);
    assert_eq!(answer.status, 200);
    assert!(
        answer.header("content-type").starts_with("text/html"),
        "{answer:?}"
    );
    assert!(answer.text().contains("Help desk"));
}
