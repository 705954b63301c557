use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Action, ActionKind, InputKind, TextStyle, actions, images, inputs, lines, parse};

fn card(body: &Value) -> super::Card {
    parse(&json!({"type": "AdaptiveCard", "version": "1.5", "body": body}).to_string()).unwrap()
}

#[test]
fn every_element_is_drawn_in_its_order() {
    for (element, drawn) in [
        (
            json!({"type": "TextBlock", "text": "a **b**"}),
            &["a **b**"][..],
        ),
        (
            json!({"type": "TextBlock", "text": "Title", "size": "Large"}),
            &["**Title**"],
        ),
        (
            json!({"type": "TextBlock", "text": "bold", "weight": "Bolder"}),
            &["**bold**"],
        ),
        (json!({"type": "TextBlock", "text": " "}), &[]),
        (json!({"type": "TextBlock", "text": 12}), &["12"]),
        (
            json!({"type": "TextBlock", "text": "{{DATE(2026-11-25T06:08:39Z, SHORT)}} {{TIME(2026-11-25T06:08:39Z)}} {{name}}"}),
            &["2026-11-25 06:08 {{name}}"],
        ),
        (
            json!({"type": "RichTextBlock", "inlines": ["a ", {"type": "TextRun", "text": "b", "weight": "bolder"}, {"type": "TextRun", "text": " c", "italic": true}]}),
            &["a **b** c"],
        ),
        (
            json!({"type": "Image", "url": "https://a.example/p.png", "altText": "a cat"}),
            &["[a cat]"],
        ),
        (
            json!({"type": "Image", "url": "https://a.example/p.png"}),
            &[],
        ),
        (
            json!({"type": "FactSet", "facts": [{"title": "Due:", "value": "today"}, {"title": "", "value": "x"}]}),
            &["**Due:** today", "x"],
        ),
        (
            json!({"type": "Container", "items": [{"type": "TextBlock", "text": "in"}]}),
            &["in"],
        ),
        (
            json!({"type": "ColumnSet", "columns": [
                {"items": [{"type": "TextBlock", "text": "a"}, {"type": "TextBlock", "text": "b"}]},
                {"items": [{"type": "TextBlock", "text": "1"}, {"type": "TextBlock", "text": "2"}]},
            ]}),
            &["a  1", "b  2"],
        ),
        (
            json!({"type": "ColumnSet", "columns": [
                {"items": [{"type": "TextBlock", "text": "a"}]},
                {"items": [{"type": "TextBlock", "text": "1"}, {"type": "TextBlock", "text": "2"}]},
            ]}),
            &["a", "1", "2"],
        ),
        (
            json!({"type": "Table", "rows": [
                {"cells": [{"items": [{"type": "TextBlock", "text": "Name"}]}, {"items": [{"type": "TextBlock", "text": "Age"}]}]},
                {"cells": [{"items": [{"type": "TextBlock", "text": "Ann"}]}, {"items": []}]},
            ]}),
            &["**Name | Age**", "Ann | "],
        ),
        (
            json!({"type": "Media", "altText": "Film", "sources": [{"url": "https://a.example/f.mp4"}]}),
            &["[Film](https://a.example/f.mp4)"],
        ),
        (
            json!({"type": "Input.Text", "id": "n", "label": "Your name:"}),
            &["Your name: …"],
        ),
        (
            json!({"type": "Input.ChoiceSet", "id": "n", "label": "Size", "choices": [{"title": "Small", "value": "s"}, {"value": "l"}]}),
            &["Size: Small, l"],
        ),
        (
            json!({"type": "TextBlock", "text": "hidden", "isVisible": false}),
            &[],
        ),
        (
            json!({"type": "Unknown", "fallback": {"type": "TextBlock", "text": "instead"}}),
            &["instead"],
        ),
        (json!({"type": "Unknown", "fallback": "drop"}), &[]),
        (json!({"text": "no type"}), &[]),
        (json!("nonsense"), &[]),
    ] {
        assert_eq!(lines(&card(&json!([element]))), drawn, "{element}");
    }
}

fn titles<'a>(actions: &[&'a Action]) -> Vec<&'a str> {
    actions.iter().map(|action| action.title.as_str()).collect()
}

#[test]
fn what_can_be_pressed_is_found_wherever_it_lies() {
    let read = parse(
        &json!({
            "type": "AdaptiveCard",
            "body": [
                {"type": "ActionSet", "actions": [{"type": "Action.Submit", "title": "one", "data": {"x": 1}}]},
                {"type": "Container", "selectAction": {"type": "Action.OpenUrl", "title": "two", "url": "https://a.example"},
                 "items": [{"type": "Image", "url": "https://a.example/p.png", "selectAction": {"type": "Action.Submit"}}]},
            ],
            "actions": [
                {"type": "Action.Execute", "title": "three", "verb": "v", "data": "d", "style": "positive"},
                {"type": "Action.ShowCard", "title": "more", "card": {"type": "AdaptiveCard", "actions": [{"type": "Action.Submit", "title": "four"}]}},
                {"type": "Action.ToggleVisibility", "title": "toggle"},
                {"type": "Action.Submit", "title": "grey", "isEnabled": false},
                {"type": "Action.Future", "title": "f", "fallback": {"type": "Action.Submit", "title": "five"}},
                {"type": "Action.OpenUrl", "title": "no address"},
            ],
        })
        .to_string(),
    )
    .unwrap();
    let found = actions(&read);
    assert_eq!(titles(&found), ["one", "two", "three", "four", "five"]);
    assert_eq!(found[0].kind, ActionKind::Submit(json!({"x": 1})));
    assert_eq!(
        found[1].kind,
        ActionKind::OpenUrl("https://a.example".into())
    );
    assert_eq!(
        found[2].kind,
        ActionKind::Execute {
            verb: Some("v".into()),
            data: json!("d")
        }
    );
    assert_eq!(found[3].kind, ActionKind::Submit(Value::Null));
    assert_eq!(images(&read).len(), 1);
}

#[test]
fn what_can_be_filled_in_has_its_kind_and_its_question() {
    let read = card(&json!([
        {"type": "Input.Text", "id": "a", "placeholder": "Name", "isMultiline": true, "maxLength": 20, "isRequired": true},
        {"type": "ColumnSet", "columns": [{"items": [{"type": "Input.Number", "id": "b", "min": 1, "value": 3}]}]},
        {"type": "Input.Toggle", "id": "c", "title": "Agree", "valueOn": "yes"},
        {"type": "Input.ChoiceSet", "id": "d", "isMultiSelect": true, "choices": [{"title": "X", "value": "x"}]},
        {"type": "Input.Date", "id": "e"},
        {"type": "Input.Time", "id": "f"},
        {"type": "Input.Text"},
    ]));
    let found = inputs(&read);
    let label: Vec<_> = found
        .iter()
        .map(|input| (input.id.as_str(), input.label.as_str()))
        .collect();
    assert_eq!(
        label,
        [
            ("a", "Name"),
            ("b", "b"),
            ("c", "Agree"),
            ("d", "d"),
            ("e", "e"),
            ("f", "f")
        ]
    );
    assert!(found[0].required && !found[1].required);
    assert_eq!(
        found[0].kind,
        InputKind::Text {
            multiline: true,
            max: Some(20),
            style: TextStyle::Plain
        }
    );
    assert_eq!(
        found[1].kind,
        InputKind::Number {
            min: Some(1.0),
            max: None
        }
    );
    assert_eq!(found[1].value.as_deref(), Some("3"));
    assert_eq!(
        found[2].kind,
        InputKind::Toggle {
            title: "Agree".into(),
            on: "yes".into(),
            off: "false".into()
        }
    );
    assert_eq!(
        found[3].kind,
        InputKind::Choices {
            choices: vec![("X".into(), "x".into())],
            multi: true,
            expanded: false
        }
    );
}

#[test]
fn what_an_input_must_be_like_and_which_buttons_send_it_are_read() {
    let card = parse(
        r#"{"type":"AdaptiveCard","body":[
            {"type":"Input.Text","id":"a","label":"Mail","placeholder":"ada@x","style":"Email","regex":".+@.+","errorMessage":"An address."},
            {"type":"Input.Text","id":"b","placeholder":"Only this"},
            {"type":"Input.Date","id":"c","min":"2026-01-01","max":"2026-12-31"},
            {"type":"Input.Number","id":"d","min":1},
            {"type":"Input.ChoiceSet","id":"e","style":"expanded","choices":[]}
        ],"actions":[{"type":"Action.Submit","title":"Send"},{"type":"Action.Submit","title":"Cancel","associatedInputs":"none"}]}"#,
    )
    .unwrap();
    let found = inputs(&card);
    assert!(matches!(
        found[0].kind,
        InputKind::Text {
            style: TextStyle::Email,
            ..
        }
    ));
    assert_eq!(found[0].pattern.as_deref(), Some(".+@.+"));
    assert_eq!(found[0].error.as_deref(), Some("An address."));
    assert_eq!(found[0].placeholder.as_deref(), Some("ada@x"));
    assert_eq!(
        (found[1].label.as_str(), &found[1].placeholder),
        ("Only this", &None)
    );
    assert_eq!(
        (found[2].min.as_deref(), found[2].max.as_deref()),
        (Some("2026-01-01"), Some("2026-12-31"))
    );
    assert_eq!(found[3].min.as_deref(), Some("1"));
    assert!(matches!(
        found[4].kind,
        InputKind::Choices { expanded: true, .. }
    ));
    let sends: Vec<_> = actions(&card).iter().map(|action| action.inputs).collect();
    assert_eq!(sends, [true, false]);
}

#[test]
fn what_is_no_card_is_refused_with_the_reason() {
    for (json, reason) in [
        ("", "EOF"),
        ("[]", "JSON object"),
        ("{}", "`type`"),
        (r#"{"type":"message"}"#, "`message`"),
    ] {
        let error = parse(json).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
    // Deeper than any card: refused by the reader of JSON instead of ending the stack.
    let deep = format!(
        "{}{}",
        r#"{"type":"AdaptiveCard","body":["#.repeat(10_000),
        "]}".repeat(10_000)
    );
    assert!(parse(&deep).is_err());
}

fn any_json() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just("TextBlock"),
        Just("Container"),
        Just("ColumnSet"),
        Just("Table"),
        Just("Input.ChoiceSet"),
        Just("Action.Submit"),
        Just("Action.ShowCard"),
        Just("FactSet"),
        Just("drop"),
        Just("AdaptiveCard"),
    ];
    let key = prop_oneof![
        Just("type"),
        Just("body"),
        Just("items"),
        Just("columns"),
        Just("rows"),
        Just("cells"),
        Just("facts"),
        Just("actions"),
        Just("card"),
        Just("choices"),
        Just("id"),
        Just("text"),
        Just("fallback"),
        Just("selectAction"),
        Just("isVisible"),
        Just("title"),
        Just("value"),
    ];
    let leaf = prop_oneof![
        word.prop_map(|word| json!(word)),
        any::<bool>().prop_map(|flag| json!(flag)),
        any::<f64>().prop_map(|number| json!(number)),
        Just(Value::Null),
    ];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::vec((key.clone(), inner), 0..5).prop_map(|pairs| Value::Object(
                pairs
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value))
                    .collect()
            )),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_is_read_and_drawn_without_a_panic(body in any_json(), more in any_json()) {
        let text = json!({"type": "AdaptiveCard", "body": [body], "actions": [more]}).to_string();
        let read = parse(&text).unwrap();
        let _ = (lines(&read), actions(&read).len(), inputs(&read).len(), images(&read).len());
    }
}
