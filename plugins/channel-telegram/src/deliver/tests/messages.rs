//! Texts, buttons, cards, files.

use greentic_sdk::channel::DeliveryError;
use greentic_sdk::http::Fault;
use greentic_sdk::model::{Card, Conversation, OutboundBody, QuickReplies, QuickReply, TextFormat};
use greentic_sdk::native;
use serde_json::{Value, json};

use super::{call, features, file, plain, send, text};
use crate::settings::Settings;
use crate::testing::{TOKEN, calls, delivery, direct, group, refusal, telegram, to};

#[test]
fn a_text_is_sent_with_its_styles_to_its_chat() {
    let (method, parameters) = call(text("a **b** <i>", TextFormat::Markdown));
    assert_eq!(method, "sendMessage");
    assert_eq!(
        parameters,
        json!({"chat_id": 5_200_000_001_i64, "text": "a b <i>", "entities": [{"type": "bold", "offset": 2, "length": 1}]})
    );
    assert_eq!(call(plain("a **b**")).1["text"], "a **b**");
}

#[test]
fn each_line_of_talk_is_answered_in_its_own_way() {
    for (thread, name, value) in [
        ("33", "message_thread_id", json!(33)),
        ("direct:8", "direct_messages_topic_id", json!(8)),
        ("business:b1", "business_connection_id", json!("b1")),
    ] {
        telegram();
        let mut delivery = to("d", &group(Some(thread)), plain("x"));
        delivery.message.reply_to = Some("77".into());
        assert_eq!(send(&delivery).unwrap().message_ids, ["1001"]);
        let parameters = calls().remove(0).1;
        assert_eq!(parameters[name], value);
        assert_eq!(
            parameters["reply_parameters"],
            json!({"message_id": 77, "allow_sending_without_reply": true})
        );
    }
    let answers = telegram();
    answers.result(&json!({"inline_message_id": "im1"}));
    let receipt = send(&to("d", &group(Some("guest:q1")), plain("x"))).unwrap();
    assert_eq!(receipt.message_ids, ["inline:im1"]);
    let (method, parameters) = calls().remove(0);
    assert_eq!(method, "answerGuestQuery");
    assert_eq!(parameters["guest_query_id"], "q1");
    assert_eq!(
        parameters["result"]["input_message_content"]["message_text"],
        "x"
    );
}

#[test]
fn what_is_answered_is_a_message_or_nothing() {
    for (id, answers) in [
        ("77", true),
        ("666728699048485871", false),
        ("0", false),
        ("ts.1", false),
    ] {
        telegram();
        let mut delivery = delivery("d", plain("x"));
        delivery.message.reply_to = Some(id.into());
        send(&delivery).unwrap();
        assert_eq!(
            calls()[0].1.get("reply_parameters").is_some(),
            answers,
            "{id}"
        );
    }
}

#[test]
fn a_conversation_of_another_channel_is_rejected() {
    telegram();
    for conversation in [Conversation::direct("C123"), group(Some("thread"))] {
        assert!(matches!(
            send(&to("d", &conversation, plain("x"))),
            Err(DeliveryError::Rejected(_))
        ));
    }
    assert!(calls().is_empty());
}

#[test]
fn a_long_text_is_split_and_no_part_is_sent_twice() {
    let answers = telegram();
    let long: String = (0..2000).map(|number| format!("{number:04} ")).collect();
    let mut delivery = delivery("d", plain(&long));
    delivery.message.reply_to = Some("7".into());
    let sent = |id: i64| json!({"message_id": id, "chat": {"id": 1}});
    answers.result(&sent(1)).push(Ok(refusal(
        429,
        "Too Many Requests: retry after 3",
        &json!({"retry_after": 3}),
    )));
    let Err(DeliveryError::Retry(retry)) = send(&delivery) else {
        panic!()
    };
    assert_eq!(retry.after_ms, Some(3000));
    answers.push(Err(Fault::Unknown("broke off".into())));
    delivery.attempt = 2;
    assert!(matches!(send(&delivery), Err(DeliveryError::Unknown(_))));
    answers.result(&sent(2)).result(&sent(3));
    delivery.attempt = 3;
    assert_eq!(send(&delivery).unwrap().message_ids, ["1", "2", "3"]);
    let calls = calls();
    let texts: Vec<&str> = calls
        .iter()
        .map(|(_, parameters)| parameters["text"].as_str().unwrap())
        .collect();
    assert_eq!(calls.len(), 5);
    assert_eq!((texts[1], texts[2]), (texts[3], texts[3]));
    assert_ne!(texts[0], texts[1]);
    assert!(calls[0].1.get("reply_parameters").is_some());
    assert!(
        calls[4].1.get("reply_parameters").is_none(),
        "only the first piece answers"
    );
}

#[test]
fn an_empty_text_is_rejected_without_a_call() {
    telegram();
    assert!(matches!(
        send(&delivery("d", plain(" \n"))),
        Err(DeliveryError::Rejected(_))
    ));
    assert!(calls().is_empty());
}

fn replies(text: &str, options: &[(&str, &str)]) -> OutboundBody {
    OutboundBody::QuickReplies(QuickReplies {
        text: text.into(),
        options: options
            .iter()
            .map(|(title, value)| QuickReply {
                title: (*title).into(),
                value: (*value).into(),
            })
            .collect(),
    })
}

#[test]
fn suggested_answers_are_buttons_under_the_text() {
    let (_, parameters) = call(replies("Which?", &[("Yes", "y"), ("No", "n")]));
    assert_eq!(parameters["text"], "Which?");
    assert_eq!(
        parameters["reply_markup"],
        json!({"inline_keyboard": [[{"text": "Yes", "callback_data": "~ry"}, {"text": "No", "callback_data": "~rn"}]]})
    );
    assert_eq!(call(replies("", &[("Yes", "y")])).1["text"], "👇");
}

#[test]
fn more_buttons_than_a_message_takes_go_under_further_messages() {
    telegram();
    let titles: Vec<String> = (0..230).map(|number| format!("Option {number}")).collect();
    let options: Vec<(&str, &str)> = titles
        .iter()
        .map(|title| (title.as_str(), title.as_str()))
        .collect();
    let receipt = send(&delivery("d", replies("Which?", &options))).unwrap();
    assert_eq!(receipt.message_ids.len(), 3);
    let count = |parameters: &Value| {
        let rows = parameters["reply_markup"]["inline_keyboard"]
            .as_array()
            .unwrap()
            .clone();
        rows.iter()
            .map(|row| row.as_array().unwrap().len())
            .sum::<usize>()
    };
    let counts: Vec<usize> = calls()
        .iter()
        .map(|(_, parameters)| count(parameters))
        .collect();
    assert_eq!(counts, [100, 100, 30]);
}

fn card(body: &Value) -> OutboundBody {
    OutboundBody::Card(Card {
        json: body.to_string(),
        fallback: "fallback".into(),
    })
}

#[test]
fn a_card_is_its_text_its_buttons_and_its_first_picture() {
    telegram();
    let body = json!({"type": "AdaptiveCard", "body": [
        {"type": "TextBlock", "text": "Title", "style": "heading"},
        {"type": "Image", "url": "https://a.example/p.png"},
        {"type": "TextBlock", "text": "*more*"},
    ], "actions": [
        {"type": "Action.Submit", "title": "Yes", "data": {"a": 1}},
        {"type": "Action.OpenUrl", "title": "Site", "url": "https://a.example"},
        {"type": "Action.OpenUrl", "title": "Mail", "url": "mailto:a@b.example"},
    ]});
    let receipt = send(&delivery("d", card(&body))).unwrap();
    assert_eq!(features(&receipt), ["cards", "buttons"]);
    let (_, parameters) = calls().remove(0);
    assert_eq!(
        parameters["text"],
        "Title\n\nmore\nMail: mailto:a@b.example"
    );
    assert_eq!(
        parameters["reply_markup"]["inline_keyboard"][0],
        json!([{"text": "Yes", "callback_data": "~d{\"a\":1}"}, {"text": "Site", "url": "https://a.example"}])
    );
    assert_eq!(
        parameters["link_preview_options"]["url"],
        "https://a.example/p.png"
    );
    let (_, parameters) = call(card(&json!("no card")));
    assert_eq!(parameters["text"], "fallback");
}

#[test]
fn a_button_or_style_telegram_refuses_does_not_stop_the_message() {
    let answers = telegram();
    answers.refuse(
        400,
        "Bad Request: inline keyboard button URL 'https://a.b' is invalid: Wrong HTTP URL",
    );
    let body = json!({"type": "AdaptiveCard", "body": [{"type": "TextBlock", "text": "T"}], "actions": [
        {"type": "Action.OpenUrl", "title": "Site", "url": "https://a.b"},
        {"type": "Action.Submit", "title": "Yes", "data": 1},
    ]});
    assert_eq!(
        features(&send(&delivery("d", card(&body))).unwrap()),
        ["cards", "buttons"]
    );
    let (_, parameters) = calls().pop().unwrap();
    assert_eq!(parameters["text"], "T\nSite: https://a.b");
    assert_eq!(
        parameters["reply_markup"]["inline_keyboard"][0][0]["text"],
        "Yes"
    );
    let answers = telegram();
    answers.refuse(400, "Bad Request: can't parse entities: something new");
    let receipt = send(&delivery("d", text("**b**", TextFormat::Markdown))).unwrap();
    assert_eq!(features(&receipt), ["markdown"]);
    assert_eq!(calls().pop().unwrap().1.get("entities"), None);
}

#[test]
fn each_kind_of_file_is_sent_in_its_own_way() {
    for (content_type, method, field) in [
        ("image/png", "sendPhoto", "photo"),
        ("image/jpeg", "sendPhoto", "photo"),
        ("image/gif", "sendAnimation", "animation"),
        ("image/svg+xml", "sendDocument", "document"),
        ("video/mp4", "sendVideo", "video"),
        ("audio/mpeg", "sendAudio", "audio"),
        ("audio/ogg; codecs=opus", "sendVoice", "voice"),
        ("application/pdf", "sendDocument", "document"),
        ("", "sendDocument", "document"),
    ] {
        let (called, parameters) = call(file(content_type, None, Some(b"bytes")));
        assert_eq!(called, method, "{content_type}");
        assert_eq!(parameters[field]["file"], "a \"b\".bin");
        assert_eq!(parameters[field]["bytes"], 5);
        assert_eq!(parameters["chat_id"], 5_200_000_001_i64);
        let (called, parameters) = call(file(content_type, Some("https://a.example/f"), None));
        assert_eq!(
            (called.as_str(), &parameters[field]),
            (method, &json!("https://a.example/f"))
        );
    }
    assert_eq!(
        call(file("image/png", Some("file-id:AgAC"), None)).1["photo"],
        "AgAC"
    );
}

#[test]
fn a_picture_telegram_does_not_show_goes_as_a_document_and_an_address_it_cannot_fetch_as_a_link() {
    let answers = telegram();
    answers.refuse(400, "Bad Request: PHOTO_INVALID_DIMENSIONS");
    let receipt = send(&delivery("d", file("image/png", None, Some(b"bytes")))).unwrap();
    assert_eq!(features(&receipt), ["attachments-out"]);
    assert_eq!(calls()[1].0, "sendDocument");
    let answers = telegram();
    answers.refuse(400, "Bad Request: failed to get HTTP URL content");
    let receipt = send(&delivery(
        "d",
        file("text/plain", Some("https://a.example/f"), None),
    ))
    .unwrap();
    assert_eq!(
        (features(&receipt), receipt.message_ids.len()),
        (vec!["attachments-out"], 1)
    );
    let (method, parameters) = calls().pop().unwrap();
    assert_eq!(
        (method.as_str(), &parameters["entities"][0]["url"]),
        ("sendMessage", &json!("https://a.example/f"))
    );
    telegram();
    for body in [
        file("text/plain", None, None),
        file("text/plain", None, Some(b"")),
    ] {
        assert!(matches!(
            send(&delivery("d", body)),
            Err(DeliveryError::Rejected(_))
        ));
    }
}

#[test]
fn what_only_one_may_see_goes_to_their_own_chat_and_nowhere_else() {
    telegram();
    let mut delivery = to("d", &group(Some("33")), plain("secret"));
    delivery.message.only_for = Some("5200000001".into());
    // It is a message of the group.
    delivery.message.reply_to = Some("77".into());
    assert_eq!(features(&send(&delivery).unwrap()), ["ephemeral"]);
    assert_eq!(
        calls().remove(0).1,
        json!({"chat_id": 5_200_000_001_i64, "text": "secret"})
    );
    telegram().refuse(
        403,
        "Forbidden: bot can't initiate conversation with a user",
    );
    assert!(matches!(send(&delivery), Err(DeliveryError::Rejected(_))));
    assert_eq!(calls().len(), 1);
}

#[test]
fn a_group_that_had_its_messages_of_the_minute_waits_without_a_call() {
    telegram();
    for number in 0..20 {
        send(&to(&format!("d{number}"), &group(None), plain("x"))).unwrap();
    }
    let Err(DeliveryError::Retry(retry)) = send(&to("d20", &group(None), plain("x"))) else {
        panic!()
    };
    assert_eq!(retry.after_ms, Some(60_000));
    assert_eq!(calls().len(), 20);
    send(&delivery("d21", plain("x"))).unwrap();
}

#[test]
fn previews_are_off_where_the_configuration_says_so() {
    telegram();
    let settings = Settings {
        link_previews: false,
        ..Settings::default()
    };
    crate::deliver::deliver(&settings, &to("d", &direct(), plain("https://a.example"))).unwrap();
    assert_eq!(
        calls().remove(0).1["link_preview_options"],
        json!({"is_disabled": true})
    );
}

#[test]
fn neither_secret_is_in_anything_that_is_sent_or_logged() {
    telegram().refuse(400, "Bad Request: chat not found");
    let error = send(&delivery("d", plain("x"))).unwrap_err();
    let everything = format!("{error:?} {:?} {:?}", native::requests(), native::lines());
    assert!(!everything.contains(TOKEN) && !everything.contains(crate::testing::SECRET));
}
