//! Presses, forms, commands, and what answers them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{act, answered, call, payload, request, say, workspace};
use crate::platform::{Action, CannotDo, Place, Response};

#[test]
fn a_pressed_button_opens_a_form_within_three_seconds_and_the_form_tells_what_was_filled_in() {
    let simulation = workspace();
    let (channel, _) = say(&simulation, "form");
    let plain = |text: &str| json!({"type": "plain_text", "text": text});
    let blocks = json!([
        {"type": "input", "block_id": "b1", "optional": true, "label": plain("Colour"), "element": {"type": "static_select", "action_id": "colour", "options": [{"text": plain("Red"), "value": "r"}]}},
        {"type": "actions", "block_id": "b2", "elements": [{"type": "button", "action_id": "go", "text": plain("Go"), "value": "v"}]},
    ]);
    let ts = call(
        &simulation,
        "chat.postMessage",
        &json!({"channel": channel, "text": "t", "blocks": blocks}),
    )["ts"]
        .as_str()
        .unwrap()
        .to_owned();
    let values = |id: &str, value: &str| BTreeMap::from([(id.to_owned(), value.to_owned())]);
    let submit = |message: &str, values| {
        act(
            Place::Direct,
            Action::Submit {
                message: message.into(),
                values,
                button: 0,
            },
        )
    };
    let done = simulation
        .compose(&submit(&ts, values("colour", "r")))
        .unwrap();
    let pressed = payload(&done.webhooks[0]);
    assert_eq!(
        pressed["state"]["values"]["b1"]["colour"]["selected_option"]["value"],
        "r"
    );
    assert_eq!(
        (
            &pressed["actions"][0]["value"],
            &pressed["actions"][0]["block_id"]
        ),
        (&json!("v"), &json!("b2"))
    );

    let view = json!({"type": "modal", "title": plain("Report"), "submit": plain("Send"), "blocks": [
        {"type": "input", "block_id": "n", "label": plain("Name"), "element": {"type": "plain_text_input", "action_id": "name"}},
    ]});
    let open = |trigger: &Value, view: &Value| {
        call(
            &simulation,
            "views.open",
            &json!({"trigger_id": trigger, "view": view}),
        )
    };
    let mut nameless = view.clone();
    nameless["submit"] = Value::Null;
    assert_eq!(
        open(&pressed["trigger_id"], &nameless)["error"],
        "invalid_arguments"
    );
    assert_eq!(open(&pressed["trigger_id"], &view)["ok"], true);
    assert_eq!(
        open(&pressed["trigger_id"], &view)["error"],
        "exchanged_trigger_id"
    );
    assert_eq!(open(&json!("1.2.3"), &view)["error"], "invalid_trigger_id");
    let dialogue = simulation.screen(&Place::Direct, "ada").dialogue.unwrap();
    assert_eq!(
        (dialogue.text.as_str(), dialogue.buttons[0].title.as_str()),
        ("Report", "Send")
    );
    let empty = simulation.compose(&submit(&dialogue.id, BTreeMap::new()));
    assert!(matches!(empty, Err(CannotDo::NotNow(_))));
    let done = simulation
        .compose(&submit(&dialogue.id, values("name", "Ada")))
        .unwrap();
    let sent = payload(&done.webhooks[0]);
    assert_eq!(sent["view"]["state"]["values"]["n"]["name"]["value"], "Ada");

    let late = simulation
        .compose(&act(
            Place::Direct,
            Action::Press {
                message: ts,
                button: 0,
            },
        ))
        .unwrap();
    simulation.desk().advance(3_001);
    assert_eq!(
        open(&payload(&late.webhooks[0])["trigger_id"], &view)["error"],
        "expired_trigger_id"
    );
}

#[test]
fn a_form_stays_open_with_its_errors_and_closes_when_it_is_taken() {
    let simulation = workspace();
    say(&simulation, "x");
    let done = simulation
        .compose(&act(
            Place::Direct,
            Action::Command {
                name: "new".into(),
                arguments: String::new(),
            },
        ))
        .unwrap();
    let pairs: BTreeMap<String, String> = form_urlencoded::parse(&done.webhooks[0].body)
        .into_owned()
        .collect();
    assert_eq!(
        (pairs["command"].as_str(), pairs["channel_name"].as_str()),
        ("/new", "directmessage")
    );
    let text = json!({"type": "plain_text", "text": "T"});
    let view = json!({"type": "modal", "title": text, "blocks": [{"type": "divider"}]});
    call(
        &simulation,
        "views.open",
        &json!({"trigger_id": pairs["trigger_id"], "view": view}),
    );
    let id = simulation
        .screen(&Place::Direct, "ada")
        .dialogue
        .unwrap()
        .id;
    let done = simulation
        .compose(&act(
            Place::Direct,
            Action::Submit {
                message: id,
                values: BTreeMap::new(),
                button: 0,
            },
        ))
        .unwrap();
    let answer = |body: &str| Response {
        status: 200,
        headers: Vec::new(),
        body: body.into(),
        failure: None,
    };
    let errors = r#"{"response_action":"errors","errors":{"b":"Too short."}}"#;
    simulation
        .platform()
        .answered(&done.webhooks[0], &answer(errors));
    let screen = simulation.screen(&Place::Direct, "ada");
    assert!(screen.dialogue.is_some());
    assert_eq!(screen.notices, ["Too short."]);
    simulation
        .platform()
        .answered(&done.webhooks[0], &answer(""));
    assert_eq!(simulation.screen(&Place::Direct, "ada").dialogue, None);
}

#[test]
fn an_interaction_is_answered_five_times_within_half_an_hour() {
    let simulation = workspace();
    let command = || {
        let done = simulation
            .compose(&act(
                Place::Group("team".into()),
                Action::Command {
                    name: "x".into(),
                    arguments: "a<b".into(),
                },
            ))
            .unwrap();
        let pairs: BTreeMap<String, String> = form_urlencoded::parse(&done.webhooks[0].body)
            .into_owned()
            .collect();
        assert_eq!(pairs["text"], "a&lt;b");
        pairs["response_url"]
            .strip_prefix(simulation.desk().origin())
            .unwrap()
            .to_owned()
    };
    let answer = |path: &str| {
        let body = json!({"text": "only you"}).to_string().into_bytes();
        simulation
            .platform()
            .answer(&request(path, "application/json", None, body))
    };
    let path = command();
    for _ in 0..5 {
        assert_eq!(answer(&path).body, b"ok");
    }
    assert_eq!(answered(&answer(&path))["error"], "used_url");
    let seen = |user: &str| {
        simulation
            .screen(&Place::Group("team".into()), user)
            .messages
            .len()
    };
    assert_eq!((seen("ada"), seen("bob")), (5, 0));
    let path = command();
    simulation.desk().advance(30 * 60 * 1_000 + 1);
    assert_eq!(answered(&answer(&path))["error"], "expired_url");
}
