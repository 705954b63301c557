//! Commands, presses, forms and shortcuts.

use greentic_sdk::channel::IngressOutcome;
use greentic_sdk::model::{Event, EventBody, Postback};
use serde_json::{Value, json};

use super::{is_ignored, one};
use crate::dialog::{Check, Form};
use crate::press;
use crate::testing::{
    self, ingress_form, ingress_payload, install_usual, install_with, refusal, sent,
};

#[test]
fn a_command_is_answered_empty_at_once_and_its_answers_address_is_remembered() {
    install_usual();
    let outcome = ingress_form(&[
        ("command", "/ticket"),
        ("text", " T-1 &lt;now&gt; "),
        ("team_id", "T1"),
        ("channel_id", "C1"),
        ("channel_name", "general"),
        ("user_id", "U1"),
        ("user_name", "ada"),
        ("response_url", "https://hooks.slack.com/commands/1"),
        ("trigger_id", "1.2.abc"),
    ]);
    assert!(outcome.response.body.is_empty());
    let event = one(outcome);
    let EventBody::Command(command) = &event.body else {
        panic!("{event:?}")
    };
    assert_eq!(
        (command.name.as_str(), command.arguments.as_str()),
        ("ticket", "T-1 <now>")
    );
    assert_eq!(
        (event.id.as_str(), event.dedupe_key.as_str()),
        ("1.2.abc", "trigger/1.2.abc")
    );
    assert_eq!(event.sender.name.as_deref(), Some("Ada"));
    assert_eq!(
        crate::response_url::find("C1", Some("U1")).as_deref(),
        Some("https://hooks.slack.com/commands/1")
    );
}

fn pressed(action: &Value, more: &Value) -> Value {
    let mut payload = json!({
        "type": "block_actions", "user": {"id": "U1", "name": "ada"}, "trigger_id": "9.9.trigger", "team": {"id": "T1"},
        "container": {"type": "message", "message_ts": "5.000100", "channel_id": "C1"}, "channel": {"id": "C1", "name": "general"},
        "message": {"ts": "5.000100", "blocks": []}, "response_url": "https://hooks.slack.com/actions/1", "actions": [action],
    });
    payload
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    payload
}

fn action(id: &str, value: &str) -> Value {
    json!({"type": "button", "action_id": id, "block_id": "b", "value": value, "text": {"type": "plain_text", "text": "Go"}, "action_ts": "1764000003.500000"})
}

fn postback(outcome: IngressOutcome) -> (Value, Postback) {
    let EventBody::Postback(postback) = one(outcome).body else {
        panic!()
    };
    (serde_json::from_str(&postback.data).unwrap(), postback)
}

#[test]
fn a_pressed_button_brings_its_data_and_what_was_filled_in() {
    install_usual();
    let state = json!({"state": {"values": {"b1": {"name": {"type": "plain_text_input", "value": "Ada"}}}}});
    let (data, postback_) = postback(ingress_payload(&pressed(
        &action("gt-send-0", r#"={"do":"save"}"#),
        &state,
    )));
    assert_eq!(data, json!({"do": "save", "name": "Ada"}));
    assert_eq!(
        (postback_.text.as_deref(), postback_.message_id.as_deref()),
        (Some("Go"), Some("5.000100"))
    );
    let (data, _) = postback(ingress_payload(&pressed(
        &action("gt-plain-0", r#"={"do":"cancel"}"#),
        &state,
    )));
    assert_eq!(
        data,
        json!({"do": "cancel"}),
        "a button without inputs brings none"
    );
    let event = one(ingress_payload(&pressed(
        &action("gt-reply-0", "=yes please"),
        &state,
    )));
    assert_eq!(
        (event.said(), event.reply_to.as_deref(), event.time_ms),
        (Some("yes please"), Some("5.000100"), 1_764_000_003_500)
    );
    assert_eq!(
        event.dedupe_key,
        "action/C1/5.000100/U1/gt-reply-0/1764000003.500000"
    );
    let thread = json!({"container": {"message_ts": "5.000100", "channel_id": "C1", "thread_ts": "4.000100"}});
    let event = one(ingress_payload(&pressed(
        &action("gt-reply-0", "=a"),
        &thread,
    )));
    assert_eq!(event.conversation.thread.as_deref(), Some("4.000100"));
    is_ignored(&ingress_payload(&pressed(
        &action("gt-link-0", ""),
        &json!({}),
    )));
    let (data, _) = postback(ingress_payload(&pressed(
        &action("theirs", "v"),
        &json!({}),
    )));
    assert_eq!(
        data,
        json!({"action_id": "theirs", "block_id": "b", "value": "v"})
    );
}

#[test]
fn several_actions_of_one_request_are_several_events() {
    install_usual();
    let both = json!({"actions": [action("gt-reply-0", "=a"), action("gt-reply-1", "=b"), {"action_id": "x"}]});
    let outcome = ingress_payload(&pressed(&json!({}), &both));
    let said: Vec<_> = outcome.events.iter().filter_map(Event::said).collect();
    assert_eq!(said, ["a", "b"]);
    assert!(outcome.malformed.is_some());
}

#[test]
fn a_form_in_a_message_with_a_required_field_left_empty_is_told_to_the_person() {
    install_usual();
    let blocks = json!([{"type": "input", "block_id": "b1", "optional": false, "label": {"text": "Name"}, "element": {"action_id": "name"}}]);
    let more = |value: &str| json!({"message": {"ts": "5.000100", "blocks": blocks}, "state": {"values": {"b1": {"name": {"value": value}}}}});
    is_ignored(&ingress_payload(&pressed(
        &action("gt-send-0", "={}"),
        &more(""),
    )));
    let said = sent("1");
    assert_eq!(
        (&said[0]["text"], &said[0]["response_type"]),
        (&json!("Please fill in: Name"), &json!("ephemeral"))
    );
    let (data, _) = postback(ingress_payload(&pressed(
        &action("gt-send-0", "={}"),
        &more("Ada"),
    )));
    assert_eq!(data, json!({"name": "Ada"}));
}

#[test]
fn a_button_whose_content_is_gone_says_so_to_the_person() {
    install_usual();
    is_ignored(&ingress_payload(&pressed(
        &action("gt-plain-0", "#d.0"),
        &json!({}),
    )));
    assert_eq!(sent("1")[0]["text"], "This button does not work any more.");
    let long = "x".repeat(3_000);
    let value = press::pack(&long, "d.0").unwrap();
    assert_eq!(
        one(ingress_payload(&pressed(
            &action("gt-reply-0", &value),
            &json!({})
        )))
        .said(),
        Some(long.as_str())
    );
}

fn form() -> Form {
    Form {
        title: "Report".into(),
        submit: "Send".into(),
        data: json!({"do": "report"}),
        checks: vec![Check {
            block: "b1".into(),
            id: "email".into(),
            required: true,
            pattern: Some("^.+@.+$".into()),
            ..Check::default()
        }],
        ..Form::default()
    }
}

#[test]
fn a_form_is_opened_while_the_press_is_answered_and_sent_with_its_place() {
    install_usual();
    form().keep("d.0").unwrap();
    let before = json!({"state": {"values": {"b0": {"colour": {"selected_option": {"value": "red"}}}}}, "container": {"message_ts": "5.000100", "channel_id": "C1", "thread_ts": "4.000100"}});
    is_ignored(&ingress_payload(&pressed(
        &action("gt-open-0", "=d.0"),
        &before,
    )));
    let opened = sent("views.open");
    assert_eq!(opened[0]["trigger_id"], "9.9.trigger");
    let metadata = opened[0]["view"]["private_metadata"].clone();

    let submission = |email: &str| {
        json!({
            "type": "view_submission", "user": {"id": "U1", "name": "ada"}, "trigger_id": "8.8.x", "view": {
                "id": "V1", "callback_id": "gt-form", "private_metadata": metadata, "submit": {"text": "Send"}, "hash": "h",
                "state": {"values": {"b1": {"email": {"type": "email_text_input", "value": email}}}},
            },
        })
    };
    for email in ["nobody", ""] {
        let outcome = ingress_payload(&submission(email));
        let answer: Value = serde_json::from_slice(&outcome.response.body).unwrap();
        assert_eq!(answer["response_action"], "errors");
        assert!(answer["errors"]["b1"].is_string(), "{answer}");
        is_ignored(&outcome);
    }
    let outcome = ingress_payload(&submission("a@b"));
    assert_eq!(outcome.response.body, br#"{"response_action":"clear"}"#);
    let event = one(outcome.clone());
    assert_eq!(
        (
            event.conversation.id.as_str(),
            event.conversation.thread.as_deref()
        ),
        ("C1", Some("4.000100"))
    );
    assert_eq!(event.dedupe_key, "view/V1/8.8.x");
    let (data, postback) = postback(outcome);
    assert_eq!(
        data,
        json!({"do": "report", "colour": "red", "email": "a@b"})
    );
    assert_eq!(
        (postback.text.as_deref(), postback.message_id.as_deref()),
        (Some("Send"), Some("5.000100"))
    );
}

#[test]
fn a_form_that_cannot_be_opened_is_told_to_the_person() {
    install_with(|request| {
        (testing::method(request) == "views.open")
            .then(|| refusal("expired_trigger_id"))
            .flatten()
    });
    form().keep("d.0").unwrap();
    is_ignored(&ingress_payload(&pressed(
        &action("gt-open-0", "=d.0"),
        &json!({}),
    )));
    assert!(
        sent("1")[0]["text"]
            .as_str()
            .unwrap()
            .contains("press the button again")
    );
    is_ignored(&ingress_payload(&pressed(
        &action("gt-open-1", "=d.1"),
        &json!({"response_url": null}),
    )));
    let told = sent("chat.postEphemeral");
    assert_eq!(
        (&told[0]["user"], &told[0]["text"]),
        (&json!("U1"), &json!("This form is not available any more."))
    );
}

#[test]
fn somebody_elses_view_is_an_event_of_its_own_in_the_direct_conversation() {
    install_usual();
    let event = one(ingress_payload(&json!({
        "type": "view_submission", "user": {"id": "U1"}, "trigger_id": "1.1", "view": {"id": "V2", "callback_id": "theirs", "private_metadata": "for you",
        "state": {"values": {"b": {"a": {"value": "x"}}}}},
    })));
    let EventBody::Custom(custom) = &event.body else {
        panic!("{event:?}")
    };
    let data: Value = serde_json::from_str(&custom.data).unwrap();
    assert_eq!(
        (
            custom.name.as_str(),
            &data["values"]["a"],
            &data["callback_id"]
        ),
        ("view-submission", &json!("x"), &json!("theirs"))
    );
    assert_eq!(event.conversation.id, "D9");
}

#[test]
fn shortcuts_are_commands() {
    install_usual();
    let event = one(ingress_payload(
        &json!({"type": "shortcut", "callback_id": "new_ticket", "trigger_id": "1.1.a", "action_ts": "7.5", "user": {"id": "U1", "username": "ada"}}),
    ));
    let EventBody::Command(command) = &event.body else {
        panic!("{event:?}")
    };
    assert_eq!(
        (
            command.name.as_str(),
            command.arguments.as_str(),
            event.conversation.id.as_str()
        ),
        ("new_ticket", "", "D9")
    );
    let event = one(ingress_payload(&json!({
        "type": "message_action", "callback_id": "report_it", "trigger_id": "1.1.b", "user": {"id": "U1"}, "channel": {"id": "C1", "name": "general"},
        "message": {"ts": "5.000100", "text": "it &lt;broke&gt;", "thread_ts": "4.000100"}, "response_url": "https://hooks.slack.com/app/1",
    })));
    let EventBody::Command(command) = &event.body else {
        panic!("{event:?}")
    };
    assert_eq!(
        (command.name.as_str(), command.arguments.as_str()),
        ("report_it", "it <broke>")
    );
    assert_eq!(
        (
            event.reply_to.as_deref(),
            event.conversation.thread.as_deref()
        ),
        (Some("5.000100"), Some("4.000100"))
    );
}
