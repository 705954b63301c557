//! Cards against the blocks they become.

use greentic_sdk::native::{Table, install};
use serde_json::json;

use super::*;
use crate::compose::Post;

fn composed(card: &Value) -> Composed {
    install(Table::new());
    let card = Card {
        json: card.to_string(),
        fallback: "A card".into(),
    };
    compose(&card, "d").unwrap()
}

fn card(body: Value, actions: Value) -> Value {
    json!({"type": "AdaptiveCard", "version": "1.5", "body": body, "actions": actions})
}

fn kinds(post: &Post) -> Vec<&str> {
    post.blocks
        .iter()
        .map(|block| block["type"].as_str().unwrap())
        .collect()
}

fn only(composed: &Composed) -> &Post {
    let [post] = composed.posts.as_slice() else {
        panic!("{composed:?}")
    };
    post
}

#[test]
fn elements_become_the_blocks_that_show_them_best() {
    let body = json!([
        {"type": "TextBlock", "text": "Order", "size": "Large"},
        {"type": "TextBlock", "text": "It is **ready**."},
        {"type": "TextBlock", "text": "small print", "isSubtle": true},
        {"type": "TextBlock", "text": "loud", "weight": "Bolder"},
        {"type": "FactSet", "facts": [{"title": "Total:", "value": "3 *"}, {"title": "Where", "value": "[here](https://x.example)"}]},
        {"type": "Image", "url": "https://x.example/a.png", "altText": "A"},
        {"type": "Container", "items": [{"type": "TextBlock", "text": "inside"}]},
    ]);
    let composed = composed(&card(
        body,
        json!([{"type": "Action.OpenUrl", "title": "More", "url": "https://x.example"}]),
    ));
    let post = only(&composed);
    assert_eq!(
        kinds(post),
        [
            "header",
            "rich_text",
            "context",
            "rich_text",
            "rich_text",
            "image",
            "rich_text",
            "actions"
        ]
    );
    assert_eq!(post.text, "A card");
    let facts = &post.blocks[4]["elements"][0]["elements"];
    assert_eq!(
        facts[0],
        json!({"type": "text", "text": "Total", "style": {"bold": true}})
    );
    assert_eq!(facts[2]["text"], "3 *");
    assert_eq!(post.blocks[7]["elements"][0]["url"], "https://x.example");
    assert!(composed.downgrades.is_empty());
}

#[test]
fn inputs_stand_in_the_message_with_the_buttons_that_send_them() {
    let body = json!([{"type": "Input.Text", "id": "name", "label": "Name", "isRequired": true}, {"type": "Input.Toggle", "id": "news", "title": "News", "valueOff": "no"}]);
    let actions = json!([
        {"type": "Action.Submit", "title": "Save", "style": "positive", "data": {"do": "save"}},
        {"type": "Action.Submit", "title": "Cancel", "associatedInputs": "none", "data": {"do": "cancel"}},
        {"type": "Action.Execute", "title": "Check", "verb": "check"},
    ]);
    let composed = composed(&card(body, actions));
    let post = only(&composed);
    assert_eq!(kinds(post), ["input", "input", "actions"]);
    assert_eq!(
        (
            &post.blocks[0]["optional"],
            &post.blocks[0]["element"]["action_id"]
        ),
        (&json!(false), &json!("name"))
    );
    assert!(
        post.blocks[1]["block_id"]
            .as_str()
            .unwrap()
            .ends_with(":no")
    );
    let buttons = post.blocks[2]["elements"].as_array().unwrap();
    let presses: Vec<Option<Press>> = buttons
        .iter()
        .map(|button| Press::of(button["action_id"].as_str().unwrap()))
        .collect();
    assert_eq!(
        presses,
        [Some(Press::Send), Some(Press::Plain), Some(Press::Send)]
    );
    assert_eq!(
        (&buttons[0]["value"], &buttons[0]["style"]),
        (&json!(r#"={"do":"save"}"#), &json!("primary"))
    );
    assert_eq!(buttons[2]["value"], r#"={"verb":"check"}"#);
}

#[test]
fn a_form_that_must_be_checked_waits_behind_its_button() {
    let body = json!([
        {"type": "TextBlock", "text": "What is broken?", "size": "Medium"},
        {"type": "Input.Text", "id": "email", "label": "E-mail", "style": "Email", "isRequired": true, "errorMessage": "An address, please."},
        {"type": "Input.Number", "id": "count", "label": "How many", "min": 1},
    ]);
    let actions = json!([
        {"type": "Action.Submit", "title": "Open the ticket", "data": {"do": "open"}},
        {"type": "Action.Submit", "title": "Cancel", "associatedInputs": "none"},
    ]);
    let composed = composed(&card(body, actions));
    let post = only(&composed);
    assert_eq!(kinds(post), ["header", "actions"]);
    let buttons = post.blocks[1]["elements"].as_array().unwrap();
    assert_eq!(
        Press::of(buttons[0]["action_id"].as_str().unwrap()),
        Some(Press::Open)
    );
    assert_eq!(
        Press::of(buttons[1]["action_id"].as_str().unwrap()),
        Some(Press::Plain)
    );
    let name = press::unpack(buttons[0]["value"].as_str().unwrap()).unwrap();
    let form = Form::find(&name).unwrap();
    assert_eq!(
        (form.title.as_str(), form.submit.as_str(), &form.data),
        ("What is broken?", "Open the ticket", &json!({"do": "open"}))
    );
    let kinds: Vec<&str> = form
        .blocks
        .iter()
        .map(|block| block["element"]["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["email_text_input", "number_input"]);
    assert_eq!(
        form.checks[0].message.as_deref(),
        Some("An address, please.")
    );
    assert_eq!(form.checks[1].block, form.blocks[1]["block_id"]);
}

#[test]
fn a_card_behind_a_button_is_a_modal_of_its_own() {
    let inner = card(
        json!([{"type": "TextBlock", "text": "Why?"}, {"type": "Input.Text", "id": "why"}]),
        json!([{"type": "Action.Submit", "title": "Reject", "data": {"do": "reject"}}, {"type": "Action.OpenUrl", "title": "Rules", "url": "https://x.example"}]),
    );
    let composed = composed(&card(
        json!([{"type": "TextBlock", "text": "Leave?"}]),
        json!([{"type": "Action.ShowCard", "title": "Say why", "card": inner}]),
    ));
    let post = only(&composed);
    let button = &post.blocks[1]["elements"][0];
    assert_eq!(
        Press::of(button["action_id"].as_str().unwrap()),
        Some(Press::Open)
    );
    let form = Form::find(&press::unpack(button["value"].as_str().unwrap()).unwrap()).unwrap();
    assert_eq!(
        (form.title.as_str(), form.submit.as_str(), &form.data["do"]),
        ("Say why", "Reject", &json!("reject"))
    );
    let kinds: Vec<&str> = form
        .blocks
        .iter()
        .map(|block| block["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["rich_text", "input", "actions"]);
    assert_eq!(form.checks[0].block, form.blocks[1]["block_id"]);
}

#[test]
fn a_form_that_is_too_long_for_a_message_is_a_modal_and_none_of_its_inputs_is_lost() {
    let body: Vec<Value> = (0..60)
        .map(|n| json!({"type": "Input.Text", "id": format!("i{n}")}))
        .collect();
    let composed = composed(&card(
        json!(body),
        json!([{"type": "Action.Submit", "title": "Send"}]),
    ));
    let post = only(&composed);
    assert_eq!(kinds(post), ["actions"]);
    let name = press::unpack(post.blocks[0]["elements"][0]["value"].as_str().unwrap()).unwrap();
    assert_eq!(Form::find(&name).unwrap().blocks.len(), 60);
}

#[test]
fn what_block_kit_lacks_is_shown_otherwise_and_said_so() {
    for (element, instead) in [
        (
            json!({"type": "ColumnSet", "columns": [{"items": [{"type": "TextBlock", "text": "a"}]}, {"items": [{"type": "TextBlock", "text": "b"}]}]}),
            "columns",
        ),
        (
            json!({"type": "Table", "rows": [{"cells": [{"items": [{"type": "TextBlock", "text": "a"}]}]}]}),
            "table",
        ),
        (
            json!({"type": "Media", "sources": [{"url": "https://x.example/a.mp4"}], "altText": "film"}),
            "link",
        ),
        (
            json!({"type": "Image", "url": "data:image/png;base64,AA", "altText": "chart"}),
            "picture",
        ),
        (
            json!({"type": "ActionSet", "actions": [{"type": "Action.ToggleVisibility", "title": "t"}, {"type": "Action.OpenUrl", "title": "call", "url": "tel:1"}]}),
            "show and hide",
        ),
    ] {
        let composed = composed(&card(json!([element]), json!([])));
        assert!(
            composed
                .downgrades
                .iter()
                .any(|one| one.feature == "cards" && one.instead.contains(instead)),
            "{element}: {composed:?}"
        );
        assert!(!composed.posts.is_empty());
    }
}

#[test]
fn what_is_no_card_or_shows_nothing_is_its_text() {
    install(Table::new());
    let of = |json: &str, fallback: &str| {
        compose(
            &Card {
                json: json.into(),
                fallback: fallback.into(),
            },
            "d",
        )
    };
    for json in ["{", "[]", r#"{"type":"Other"}"#] {
        let composed = of(json, "A *text*").unwrap();
        assert_eq!(
            (
                only(&composed).text.as_str(),
                composed.downgrades[0].feature.as_str()
            ),
            ("A text", "cards")
        );
        assert!(matches!(of(json, " "), Err(DeliveryError::Rejected(_))));
    }
    assert_eq!(
        only(&of(r#"{"type":"AdaptiveCard"}"#, "Nothing").unwrap()).text,
        "Nothing"
    );
    assert!(matches!(
        of(r#"{"type":"AdaptiveCard"}"#, ""),
        Err(DeliveryError::Rejected(_))
    ));
    let spoken = of(
        r#"{"type":"AdaptiveCard","body":[{"type":"TextBlock","text":"Hello **you**"}]}"#,
        "",
    )
    .unwrap();
    assert_eq!(only(&spoken).text, "Hello you");
}

#[test]
fn a_long_text_is_divided_and_every_message_keeps_to_its_limits() {
    let body: Vec<Value> = (0..8)
        .map(|_| json!({"type": "TextBlock", "text": "word ".repeat(1_000)}))
        .collect();
    let composed = composed(&card(json!(body), json!([])));
    assert!(composed.posts.len() > 1);
    for post in &composed.posts {
        assert!(post.blocks.len() <= 50);
        assert!(Value::from(post.blocks.clone()).to_string().chars().count() <= 13_200);
    }
}
