//! A whole form: the card goes out, the questions are asked and answered, the flow gets one postback.

use greentic_sdk::model::{Card, EventBody, OutboundBody};
use greentic_sdk::native;
use serde_json::{Value, json};

use crate::deliver::deliver;
use crate::settings::Settings;
use crate::testing::{NOW, ada, calls, delivery, events, merge, message, receive, telegram};

fn card() -> Value {
    json!({"type": "AdaptiveCard", "version": "1.5", "body": [
        {"type": "TextBlock", "text": "Order"},
        {"type": "Input.Text", "id": "name", "label": "Your name", "isRequired": true},
        {"type": "Input.ChoiceSet", "id": "size", "label": "Size", "choices": [{"title": "Small", "value": "s"}, {"title": "Large", "value": "l"}]},
        {"type": "Input.Number", "id": "count", "label": "How many", "min": 1, "max": 9},
        {"type": "Input.Toggle", "id": "gift", "title": "A gift?", "valueOn": "yes", "valueOff": "no", "isRequired": true},
    ], "actions": [
        {"type": "Action.Submit", "title": "Order", "data": {"do": "order"}},
        {"type": "Action.OpenUrl", "title": "Prices", "url": "https://shop.example/prices"},
    ]})
}

fn send(card: &Value) -> Vec<String> {
    let body = OutboundBody::Card(Card {
        json: card.to_string(),
        fallback: "Order".into(),
    });
    deliver(&Settings::default(), &delivery("d1", body))
        .unwrap()
        .message_ids
}

/// The data of the buttons of the last message that was sent.
fn buttons() -> Vec<String> {
    let (_, parameters) = calls().pop().unwrap();
    let rows = parameters["reply_markup"]["inline_keyboard"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let all = rows.iter().flat_map(|row| row.as_array().unwrap().clone());
    all.filter_map(|button| button["callback_data"].as_str().map(str::to_owned))
        .collect()
}

fn press(id: &str, data: &str) -> Value {
    let on =
        message(&json!({"text": "x", "from": {"id": 4242, "is_bot": true}}))["message"].clone();
    json!({"update_id": 9100, "callback_query": {"id": id, "from": ada(), "message": on, "chat_instance": "1", "data": data}})
}

/// A text that answers the bot's message of this id.
fn answer(id: i64, question: i64, text: &str) -> Value {
    message(
        &json!({"message_id": id, "text": text, "reply_to_message": {"message_id": question, "from": {"id": 4242, "is_bot": true}}}),
    )
}

fn asked() -> (String, bool) {
    let (method, parameters) = calls().pop().unwrap();
    assert_eq!(method, "sendMessage");
    let text = parameters["text"].as_str().unwrap().to_owned();
    (
        text,
        parameters["reply_markup"]["force_reply"] == json!(true),
    )
}

fn ignored(update: &Value) {
    let outcome = receive(update).unwrap();
    assert_eq!((outcome.events, outcome.ignored), (vec![], 1));
}

#[test]
fn what_is_asked_and_answered_comes_as_one_postback() {
    telegram();
    assert_eq!(send(&card()), ["1001"]);
    let submit = buttons().remove(0);
    ignored(&press("q1", &submit));
    assert_eq!(asked(), ("Your name".into(), true));
    ignored(&answer(60, 1002, " Ada "));
    assert_eq!(asked(), ("Size".into(), false));
    let choices = buttons();
    assert_eq!(choices.len(), 3, "two choices and one to skip");
    ignored(&press("q2", &choices[1]));
    assert_eq!(asked(), ("How many\nSend - to skip.".into(), true));
    ignored(&answer(61, 1004, "twelve"));
    assert_eq!(
        asked(),
        (
            "That does not fit, please try again.\nHow many\nSend - to skip.".into(),
            true
        )
    );
    ignored(&answer(62, 1005, "3"));
    assert_eq!(asked(), ("A gift?".into(), false));
    let last = buttons();
    assert_eq!(last.len(), 2);
    let finish = press("q3", &last[0]);
    let told = events(&finish);
    let EventBody::Postback(postback) = &told[0].body else {
        panic!("{told:?}")
    };
    let data: Value = serde_json::from_str(&postback.data).unwrap();
    assert_eq!(
        data,
        json!({"do": "order", "name": "Ada", "size": "l", "count": "3", "gift": "yes"})
    );
    assert_eq!(
        (postback.text.as_deref(), postback.message_id.as_deref()),
        (Some("Order"), Some("1001"))
    );
    // The same press again, because its event could not be published: the same again.
    assert_eq!(events(&finish)[0].body, told[0].body);
}

#[test]
fn what_is_skipped_is_left_out() {
    telegram();
    send(&card());
    let submit = buttons().remove(0);
    ignored(&press("q1", &submit));
    // A required question is not skipped by a sign.
    ignored(&answer(60, 1002, "-"));
    assert_eq!(asked().0, "Size");
    let skip = buttons().pop().unwrap();
    ignored(&press("q2", &skip));
    ignored(&answer(61, 1004, "-"));
    let yes = buttons().remove(0);
    let told = events(&press("q3", &yes));
    let EventBody::Postback(postback) = &told[0].body else {
        panic!("{told:?}")
    };
    let data: Value = serde_json::from_str(&postback.data).unwrap();
    assert_eq!(data, json!({"do": "order", "name": "-", "gift": "yes"}));
}

#[test]
fn an_answer_that_comes_again_asks_nothing_again() {
    telegram();
    send(&card());
    let submit = buttons().remove(0);
    ignored(&press("q1", &submit));
    let first = answer(60, 1002, "Ada");
    ignored(&first);
    let before = calls().len();
    ignored(&first);
    assert_eq!(calls().len(), before);
}

#[test]
fn two_people_fill_in_the_same_form_side_by_side() {
    telegram();
    send(&card());
    let submit = buttons().remove(0);
    ignored(&press("q1", &submit));
    let mut other = press("q2", &submit);
    other["callback_query"]["from"] = json!({"id": 6, "first_name": "Eve"});
    ignored(&other);
    let mut eves = answer(61, 1003, "Eve");
    merge(
        &mut eves["message"]["from"],
        &json!({"id": 6, "first_name": "Eve"}),
    );
    ignored(&eves);
    assert_eq!(asked().0, "Size");
    ignored(&answer(60, 1002, "Ada"));
    assert_eq!(asked().0, "Size");
}

#[test]
fn an_answer_to_anything_else_is_a_message() {
    telegram();
    let event = events(&answer(60, 900, "hello")).remove(0);
    assert!(matches!(event.body, EventBody::Message(said) if said.text == "hello"));
    assert_eq!(event.reply_to.as_deref(), Some("900"));
}

#[test]
fn a_form_that_is_gone_says_so() {
    telegram();
    send(&card());
    let submit = buttons().remove(0);
    native::set_clock(NOW + Settings::default().button_ms);
    let outcome = receive(&press("q1", &submit)).unwrap();
    let shown: Value = serde_json::from_slice(&outcome.response.body).unwrap();
    assert_eq!(shown["text"], "This button no longer works.");
    assert_eq!((outcome.events.len(), outcome.ignored), (0, 1));
}

#[test]
fn a_question_that_cannot_be_asked_now_is_asked_when_the_press_comes_again() {
    let answers = telegram();
    send(&card());
    let submit = buttons().remove(0);
    answers.refuse(500, "Internal Server Error");
    assert!(receive(&press("q1", &submit)).is_err());
    ignored(&press("q1", &submit));
    assert_eq!(asked().0, "Your name");
    // What never can be asked must not come again for a day.
    answers.refuse(403, "Forbidden: bot was blocked by the user");
    ignored(&press("q2", &submit));
}

#[test]
fn a_question_shows_its_hint_its_own_error_and_sends_its_value_when_it_is_skipped() {
    telegram();
    let card = json!({"type": "AdaptiveCard", "body": [
        {"type": "Input.Date", "id": "day", "label": "Day", "min": "2026-01-01", "value": "2026-05-01", "errorMessage": "From 2026 on."},
        {"type": "Input.Text", "id": "note", "label": "Note", "placeholder": "Ring twice"},
    ], "actions": [
        {"type": "Action.Submit", "title": "Send"},
        {"type": "Action.Submit", "title": "Cancel", "data": {"cancel": true}, "associatedInputs": "none"},
    ]});
    send(&card);
    let both = buttons();
    assert_eq!(
        both[1], r#"~d{"cancel":true}"#,
        "what takes no inputs asks nothing"
    );
    ignored(&press("q1", &both[0]));
    assert_eq!(
        calls().pop().unwrap().1["reply_markup"]["input_field_placeholder"],
        "2026-05-01"
    );
    ignored(&answer(60, 1002, "1.1.2020"));
    assert!(asked().0.starts_with("From 2026 on.\nDay"), "{}", asked().0);
    ignored(&answer(61, 1003, "-"));
    assert_eq!(
        calls().pop().unwrap().1["reply_markup"]["input_field_placeholder"],
        "Ring twice"
    );
    let told = events(&answer(62, 1004, "-"));
    let EventBody::Postback(postback) = &told[0].body else {
        panic!("{told:?}")
    };
    let data: Value = serde_json::from_str(&postback.data).unwrap();
    assert_eq!(data, json!({"day": "2026-05-01"}));
}

#[test]
fn a_card_with_one_choice_has_its_choices_as_buttons() {
    telegram();
    let card = json!({"type": "AdaptiveCard", "body": [
        {"type": "Input.ChoiceSet", "id": "size", "label": "Size", "isRequired": true, "choices": [{"title": "Small", "value": "s"}, {"title": "Large", "value": "l"}]},
    ], "actions": [{"type": "Action.Submit", "title": "OK", "data": {"do": "order"}}]});
    send(&card);
    assert_eq!(
        buttons(),
        [
            r#"~d{"do":"order","size":"s"}"#,
            r#"~d{"do":"order","size":"l"}"#
        ]
    );
}
