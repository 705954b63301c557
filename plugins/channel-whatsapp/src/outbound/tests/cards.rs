//! Cards and forms.

use greentic_sdk::model::{Card, EventBody, Postback};

use super::*;
use crate::testing::{body as received, with};

fn card(json: &Value) -> OutboundBody {
    OutboundBody::Card(Card {
        json: json.to_string(),
        fallback: "the fallback".into(),
    })
}

fn adaptive(body: Value, actions: Value) -> OutboundBody {
    card(&json!({"type": "AdaptiveCard", "version": "1.5", "body": body, "actions": actions}))
}

fn submit(title: &str, data: Value) -> Value {
    json!({"type": "Action.Submit", "title": title, "data": data})
}

/// What is posted for a card, and the receipt.
fn shown(content: OutboundBody) -> (Vec<Value>, Receipt) {
    let settings = with(taking());
    ada_wrote();
    let receipt = send(&settings, content).unwrap();
    assert!(features(&receipt).contains(&"cards"), "{receipt:?}");
    (posted(), receipt)
}

fn title() -> Value {
    json!({"type": "TextBlock", "text": "Your **order**", "style": "heading"})
}

/// What comes of pressing the button with that title.
fn pressed(settings: &Settings, interactive: &Value, title: &str) -> EventBody {
    let action = &interactive["action"];
    let button = action["buttons"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|button| &button["reply"]);
    let rows = action["sections"][0]["rows"]
        .as_array()
        .into_iter()
        .flatten();
    let chosen = button
        .chain(rows)
        .find(|choice| choice["title"] == title)
        .unwrap();
    let reply =
        json!({"type": "button_reply", "button_reply": {"id": chosen["id"], "title": title}});
    received(
        settings,
        "wamid.press",
        json!({"type": "interactive", "interactive": reply}),
    )
}

#[test]
fn a_card_is_its_text_with_buttons_that_send_their_data() {
    let settings = with(taking());
    ada_wrote();
    let long = "x".repeat(500);
    let facts = json!({"type": "FactSet", "facts": [{"title": "Total", "value": "7"}]});
    let actions = json!([
        submit("Pay", json!({"do": "pay"})),
        submit("Long", json!({"note": long}))
    ]);
    send(&settings, adaptive(json!([title(), facts]), actions)).unwrap();
    let [sent] = <[Value; 1]>::try_from(posted()).unwrap();
    let interactive = &sent["interactive"];
    assert_eq!(
        (&interactive["type"], &interactive["body"]["text"]),
        (&json!("button"), &json!("Your *order*\n*Total:* 7"))
    );
    for (title, data) in [
        ("Pay", json!({"do": "pay"})),
        ("Long", json!({"note": long})),
    ] {
        let expected = EventBody::Postback(Postback {
            data: data.to_string(),
            text: Some(title.into()),
            message_id: None,
        });
        assert_eq!(pressed(&settings, interactive, title), expected);
    }
}

#[test]
fn one_link_is_a_link_button_and_links_beside_buttons_are_named_in_the_text() {
    let link = |title: &str| json!({"type": "Action.OpenUrl", "title": title, "url": "https://a.example/1"});
    let (sent, _) = shown(adaptive(
        json!([title()]),
        json!([link("Open the whole long story")]),
    ));
    let interactive = &sent[0]["interactive"];
    assert_eq!(interactive["type"], "cta_url");
    let parameters = &interactive["action"]["parameters"];
    assert_eq!(parameters["url"], "https://a.example/1");
    assert!(parameters["display_text"].as_str().unwrap().chars().count() <= 20);
    let (sent, receipt) = shown(adaptive(
        json!([title()]),
        json!([link("Open"), submit("OK", json!({}))]),
    ));
    assert_eq!(
        sent[0]["interactive"]["body"]["text"],
        "Your *order*\nOpen: https://a.example/1"
    );
    assert!(features(&receipt).contains(&"buttons"));
    let (sent, _) = shown(adaptive(json!([title()]), json!([link("A"), link("B")])));
    assert_eq!(
        sent[0]["text"]["body"],
        "Your *order*\nA: https://a.example/1\nB: https://a.example/1"
    );
}

#[test]
fn a_picture_stands_over_buttons_or_over_its_text() {
    let picture = |url: &str| json!({"type": "Image", "url": url, "altText": "a parcel"});
    let url = "https://a.example/p.PNG?x=1";
    let (sent, _) = shown(adaptive(
        json!([picture(url), title()]),
        json!([submit("OK", json!({}))]),
    ));
    assert_eq!(
        sent[0]["interactive"]["header"],
        json!({"type": "image", "image": {"link": url}})
    );
    let (sent, _) = shown(adaptive(json!([picture(url), title()]), json!([])));
    assert_eq!(
        sent[0]["image"],
        json!({"link": url, "caption": "[a parcel]\nYour *order*"})
    );
    let (sent, _) = shown(adaptive(
        json!([picture("https://a.example/p.svg")]),
        json!([]),
    ));
    assert_eq!(
        sent[0]["text"]["body"], "[a parcel]",
        "a kind that would be refused is named"
    );
}

#[test]
fn what_is_no_card_or_shows_nothing_is_its_fallback() {
    for content in [
        card(&json!("nonsense")),
        card(&json!({"type": "Other"})),
        adaptive(json!([]), json!([])),
    ] {
        let (sent, _) = shown(content);
        assert_eq!(sent[0]["text"]["body"], "the fallback");
    }
    let settings = with(taking());
    ada_wrote();
    let nothing = OutboundBody::Card(Card {
        json: "{".into(),
        fallback: " ".into(),
    });
    assert!(matches!(
        send(&settings, nothing),
        Err(DeliveryError::Rejected(_))
    ));
}

#[test]
fn a_form_with_one_choice_is_sent_by_pressing_it() {
    let choice = |title: &str| json!({"title": title, "value": title.to_lowercase()});
    let colours = json!({"type": "Input.ChoiceSet", "id": "colour", "label": "Colour?", "choices": [choice("Red"), choice("Blue")]});
    let switch = json!({"type": "Input.Toggle", "id": "news", "title": "Send me news", "valueOn": "y", "valueOff": "n"});
    for (input, over, title, data) in [
        (
            colours,
            "Colour?",
            "Blue",
            json!({"form": 1, "colour": "blue"}),
        ),
        (
            switch,
            "Send me news",
            "Yes",
            json!({"form": 1, "news": "y"}),
        ),
    ] {
        let settings = with(taking());
        ada_wrote();
        let receipt = send(
            &settings,
            adaptive(json!([input]), json!([submit("Send", json!({"form": 1}))])),
        )
        .unwrap();
        assert!(features(&receipt).iter().all(|feature| *feature == "cards"));
        let [sent] = <[Value; 1]>::try_from(posted()).unwrap();
        assert_eq!(sent["interactive"]["body"]["text"], over);
        let EventBody::Postback(postback) = pressed(&settings, &sent["interactive"], title) else {
            panic!()
        };
        assert_eq!(serde_json::from_str::<Value>(&postback.data).unwrap(), data);
    }
}

#[test]
fn a_form_with_several_questions_is_answered_by_a_text() {
    let settings = with(taking());
    ada_wrote();
    let inputs = json!([
        title(),
        {"type": "Input.Text", "id": "name", "label": "Name", "isRequired": true},
        {"type": "Input.Number", "id": "count", "label": "How many:", "min": 1, "max": 9, "isRequired": true},
        {"type": "Input.Date", "id": "day", "label": "Day", "isRequired": true},
        {"type": "Input.ChoiceSet", "id": "colour", "label": "Colour", "value": "r", "choices": [{"title": "Red", "value": "r"}, {"title": "Blue", "value": "b"}]},
        {"type": "Input.Text", "id": "note", "label": "Note"},
    ]);
    send(&settings, adaptive(inputs, json!([{"type": "Action.Submit", "title": "Cancel", "associatedInputs": "none", "data": {"no": 1}}, {"type": "Action.Submit", "title": "Order", "data": {"do": "order"}}]))).unwrap();
    let [sent] = <[Value; 1]>::try_from(posted()).unwrap();
    assert_eq!(
        sent["interactive"]["body"]["text"],
        "Your *order*\n\nPlease answer in one message, one line for each:\n1. Name\n2. How many (1–9)\n3. Day (YYYY-MM-DD)\n4. Colour: 1) Red  2) Blue [- = r]\n5. Note [-]"
    );
    assert_eq!(
        sent["interactive"]["action"]["buttons"]
            .as_array()
            .unwrap()
            .len(),
        1,
        "the other button"
    );
    let text = |id: &str, text: &str| {
        received(
            &settings,
            id,
            json!({"type": "text", "text": {"body": text}}),
        )
    };
    assert!(
        matches!(
            text("wamid.a", "Ada\n20\n2026-12-24\nred\n-"),
            EventBody::Message(_)
        ),
        "20 is too many"
    );
    let EventBody::Postback(postback) = text("wamid.b", "Ada\n2\n2026-12-24\n-\n-") else {
        panic!()
    };
    assert_eq!(
        serde_json::from_str::<Value>(&postback.data).unwrap(),
        json!({"do": "order", "name": "Ada", "count": 2, "day": "2026-12-24", "colour": "r"})
    );
    assert_eq!(postback.message_id.as_deref(), Some("wamid.1"));
}

#[test]
fn a_form_with_one_question_is_answered_by_the_whole_text() {
    let settings = with(taking());
    ada_wrote();
    let input = json!({"type": "Input.Text", "id": "why", "label": "Why?", "isMultiline": true});
    send(
        &settings,
        adaptive(json!([input]), json!([submit("Send", json!({}))])),
    )
    .unwrap();
    assert_eq!(posted()[0]["text"]["body"], "Why? [-]");
    let EventBody::Postback(postback) = received(
        &settings,
        "wamid.a",
        json!({"type": "text", "text": {"body": "two\nlines"}}),
    ) else {
        panic!()
    };
    assert_eq!(postback.data, r#"{"why":"two\nlines"}"#);
}
