//! Forms and buttons, pressed and filled in as people do it.

use greentic_conformance::platform::{Action, Input, Place};
use greentic_sdk::model::{Outbound, OutboundBody, QuickReplies, QuickReply};
use serde_json::json;

use crate::bench::{ada, adaptive, bench, button, postback, values};

#[test]
fn a_form_in_a_message_is_filled_in_where_it_stands() {
    let bench = bench();
    let event = bench.open();
    let card = adaptive(
        json!([
            {"type": "TextBlock", "text": "Order", "style": "heading"},
            {"type": "Input.Text", "id": "what", "label": "What?", "isRequired": true},
            {"type": "Input.Toggle", "id": "gift", "title": "A gift", "valueOn": "yes", "valueOff": "no"},
            {"type": "Input.Date", "id": "when", "label": "When?"},
            {"type": "Input.ChoiceSet", "id": "size", "label": "Size", "isMultiSelect": true, "style": "expanded", "choices": [{"title": "S", "value": "s"}, {"title": "L", "value": "l"}]},
        ]),
        json!([{"type": "Action.Submit", "title": "Order", "data": {"do": "order"}}, {"type": "Action.Submit", "title": "Cancel", "associatedInputs": "none", "data": {"do": "cancel"}}]),
    );
    bench.card(&event.conversation, &card);
    let shown = bench.last();
    assert!(shown.card && shown.fields.len() == 4);
    assert_eq!(shown.fields[1].input, Input::Toggle);
    let submit = |title: &str, filled: &[(&str, &str)]| {
        bench.told(&ada(Action::Submit {
            message: shown.id.clone(),
            values: values(filled),
            button: button(&shown, title),
        }))
    };
    let (_, events) = submit("Order", &[("gift", "true")]);
    assert!(events.is_empty());
    let told = bench.last();
    assert_eq!(
        (told.text.as_str(), told.only_for.as_deref()),
        ("Please fill in: What?", Some("ada"))
    );
    let (_, events) = submit(
        "Order",
        &[("what", "tea"), ("when", "2026-12-01"), ("size", "s,l")],
    );
    assert_eq!(
        postback(&events[0]).0,
        json!({"do": "order", "what": "tea", "gift": "no", "when": "2026-12-01", "size": "s,l"})
    );
    let (_, events) = submit("Cancel", &[]);
    assert_eq!(postback(&events[0]).0, json!({"do": "cancel"}));
    bench.clean();
}

#[test]
fn a_form_that_must_be_checked_opens_as_a_modal_and_stays_open_until_it_is_right() {
    let bench = bench();
    let event = bench.open();
    let card = adaptive(
        json!([
            {"type": "TextBlock", "text": "What is broken?", "size": "Medium"},
            {"type": "Input.Text", "id": "title", "label": "Title", "isRequired": true},
            {"type": "Input.Text", "id": "email", "label": "E-mail", "style": "Email", "isRequired": true, "regex": "^[^@\\s]+@[^@\\s]+$", "errorMessage": "Please give an e-mail address."},
            {"type": "Input.Number", "id": "count", "label": "How many?", "min": 1, "max": 9, "value": 1},
            {"type": "Input.ChoiceSet", "id": "priority", "label": "Urgent?", "style": "expanded", "value": "normal", "choices": [{"title": "It can wait", "value": "normal"}, {"title": "Urgent", "value": "urgent"}]},
        ]),
        json!([{"type": "Action.Submit", "title": "Open the ticket", "data": {"action": "submit"}}, {"type": "Action.Submit", "title": "Cancel", "associatedInputs": "none", "data": {"action": "cancel"}}]),
    );
    bench.card(&event.conversation, &card);
    let shown = bench.last();
    assert!(shown.fields.is_empty());
    let press = |title: &str| {
        bench
            .told(&ada(Action::Press {
                message: shown.id.clone(),
                button: button(&shown, title),
            }))
            .1
    };
    assert_eq!(postback(&press("Cancel")[0]).0, json!({"action": "cancel"}));
    assert!(press("Open the ticket").is_empty());
    let screen = || bench.simulation.screen(&Place::Direct, "ada");
    let dialogue = screen().dialogue.unwrap();
    let send = |email: &str, count: &str| {
        let filled = values(&[
            ("title", "Printer"),
            ("email", email),
            ("count", count),
            ("priority", "urgent"),
        ]);
        bench
            .told(&ada(Action::Submit {
                message: dialogue.id.clone(),
                values: filled,
                button: 0,
            }))
            .1
    };
    assert!(send("nobody", "3").is_empty());
    assert!(send("a@b", "12").is_empty());
    assert!(screen().dialogue.is_some());
    assert_eq!(
        screen().notices,
        ["Please give an e-mail address.", "This must be at most 9."]
    );
    let events = send("a@b", "3");
    let (data, postback) = postback(&events[0]);
    assert_eq!(
        data,
        json!({"action": "submit", "title": "Printer", "email": "a@b", "count": "3", "priority": "urgent"})
    );
    assert_eq!(
        (
            postback.message_id.as_deref(),
            events[0].conversation.id.as_str()
        ),
        (Some(shown.id.as_str()), event.conversation.id.as_str())
    );
    assert_eq!(screen().dialogue, None);
    bench.clean();
}

#[test]
fn a_card_behind_a_button_opens_as_a_modal() {
    let bench = bench();
    let event = bench.open();
    let inner = adaptive(
        json!([{"type": "TextBlock", "text": "Tell us why"}, {"type": "Input.Text", "id": "why", "isMultiline": true}]),
        json!([{"type": "Action.Submit", "title": "Reject", "data": {"do": "reject"}}]),
    );
    let card = adaptive(
        json!([{"type": "Input.Text", "id": "name", "label": "Name"}]),
        json!([{"type": "Action.ShowCard", "title": "Say why", "card": inner}]),
    );
    bench.card(&event.conversation, &card);
    let shown = bench.last();
    bench.told(&ada(Action::Submit {
        message: shown.id.clone(),
        values: values(&[("name", "Ada")]),
        button: 0,
    }));
    let dialogue = bench
        .simulation
        .screen(&Place::Direct, "ada")
        .dialogue
        .unwrap();
    assert!(dialogue.text.contains("Tell us why"));
    let (_, sent) = bench.one(&ada(Action::Submit {
        message: dialogue.id,
        values: values(&[("why", "Too dear")]),
        button: 0,
    }));
    assert_eq!(
        postback(&sent).0,
        json!({"do": "reject", "name": "Ada", "why": "Too dear"})
    );
    bench.clean();
}

#[test]
fn suggested_answers_are_said_by_pressing_them() {
    let bench = bench();
    let event = bench.open();
    let option = |title: &str, value: &str| QuickReply {
        title: title.into(),
        value: value.into(),
    };
    let replies = QuickReplies {
        text: "Did it *help*?".into(),
        options: vec![option("Yes", "helped"), option("No", "not helped")],
    };
    bench.deliver(Outbound::new(
        &event.conversation,
        OutboundBody::QuickReplies(replies),
    ));
    let shown = bench.last();
    assert_eq!(shown.text, "Did it help?");
    let (_, pressed) = bench.one(&ada(Action::Press {
        message: shown.id.clone(),
        button: button(&shown, "No"),
    }));
    assert_eq!(
        (pressed.said(), pressed.reply_to.as_deref()),
        (Some("not helped"), Some(shown.id.as_str()))
    );
    bench.clean();
}
