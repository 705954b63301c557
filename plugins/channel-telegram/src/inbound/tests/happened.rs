//! What happened without being said: buttons, reactions, people who come and go, and the rest.

use greentic_sdk::model::{ConversationKind, EventBody};
use serde_json::{Value, json};

use super::{ignored, one, said, square, update};
use crate::settings::Settings;
use crate::testing::{
    ada, calls, direct, events, group, in_group, merge, message, receive, receive_with, telegram,
};

#[test]
fn reactions_are_told_one_by_one_as_what_changed() {
    telegram();
    let emoji = |emoji: &str| json!({"type": "emoji", "emoji": emoji});
    let change = |old: Value, new: Value| {
        update(
            "message_reaction",
            json!({"chat": square(), "message_id": 7, "user": ada(), "date": 2, "old_reaction": old, "new_reaction": new}),
        )
    };
    let told = |update: &Value| -> Vec<(String, bool)> {
        let bodies = events(update).into_iter().map(|event| event.body);
        bodies
            .map(|body| match body {
                EventBody::Reaction(reaction) if reaction.message_id == "7" => {
                    (reaction.emoji, reaction.added)
                }
                other => panic!("{other:?}"),
            })
            .collect()
    };
    let pair = |emoji: &str, added| (emoji.to_owned(), added);
    assert_eq!(
        told(&change(json!([]), json!([emoji("👍")]))),
        [pair("👍", true)]
    );
    assert_eq!(
        told(&change(json!([emoji("👍")]), json!([emoji("❤")]))),
        [pair("👍", false), pair("❤", true)]
    );
    assert_eq!(
        told(&change(
            json!([]),
            json!([{"type": "custom_emoji", "custom_emoji_id": "55"}, {"type": "paid"}])
        )),
        [pair("custom:55", true), pair("paid", true)]
    );
    ignored(&change(json!([emoji("👍")]), json!([emoji("👍")])));
    let anonymous = update(
        "message_reaction",
        json!({"chat": square(), "message_id": 7, "actor_chat": square(), "date": 2, "old_reaction": [], "new_reaction": [emoji("👍")]}),
    );
    assert_eq!(one(&anonymous).sender.id, "-1001234567890");
}

#[test]
fn people_who_come_and_go_are_told_once() {
    telegram();
    let bot = json!({"id": 4242, "is_bot": true, "first_name": "B"});
    let eve = json!({"id": 6, "first_name": "Eve"});
    let came = one(&in_group(&json!({"new_chat_members": [bot, eve]})));
    assert!(
        matches!(came.body, EventBody::Joined(people) if people.len() == 1 && people[0].id == "6")
    );
    let left = in_group(&json!({"left_chat_member": eve}));
    assert!(matches!(one(&left).body, EventBody::Left(people) if people[0].id == "6"));
    ignored(&in_group(&json!({"new_chat_members": [bot]})));
    ignored(&in_group(&json!({"left_chat_member": bot})));
    // Where they come as updates of their own, the group's lines are not told.
    let settings = Settings {
        allowed_updates: vec!["message".into(), "chat_member".into()],
        ..Settings::default()
    };
    assert_eq!(receive_with(&settings, &left).unwrap().ignored, 1);
}

#[test]
fn a_place_in_a_chat_that_changes_is_coming_or_going() {
    telegram();
    let bot = json!({"id": 4242, "is_bot": true, "first_name": "B"});
    let change = |kind: &str, chat: Value, user: &Value, old: Value, new: Value| {
        let member = |mut status: Value| {
            status["user"] = user.clone();
            status
        };
        update(
            kind,
            json!({"chat": chat, "from": ada(), "date": 3, "old_chat_member": member(old), "new_chat_member": member(new)}),
        )
    };
    let status = |status: &str| json!({"status": status});
    let private = || json!({"id": 5_200_000_001_i64, "type": "private"});
    let blocked = one(&change(
        "my_chat_member",
        private(),
        &bot,
        status("member"),
        status("kicked"),
    ));
    assert!(matches!(blocked.body, EventBody::Left(people) if people[0].id == "5200000001"));
    let back = one(&change(
        "my_chat_member",
        private(),
        &bot,
        status("kicked"),
        status("member"),
    ));
    assert!(matches!(back.body, EventBody::Joined(people) if people[0].id == "5200000001"));
    let added = one(&change(
        "my_chat_member",
        square(),
        &bot,
        status("left"),
        status("administrator"),
    ));
    assert!(
        matches!(added.body, EventBody::Joined(people) if people[0].id == "4242" && people[0].is_bot)
    );
    let eve = json!({"id": 6, "first_name": "Eve"});
    let restricted = |is_member: bool| json!({"status": "restricted", "is_member": is_member});
    let out = one(&change(
        "chat_member",
        square(),
        &eve,
        restricted(true),
        restricted(false),
    ));
    assert!(matches!(out.body, EventBody::Left(people) if people[0].id == "6"));
    ignored(&change(
        "chat_member",
        square(),
        &eve,
        status("member"),
        status("administrator"),
    ));
}

#[test]
fn a_pressed_button_comes_with_its_title_and_is_answered_at_once() {
    telegram();
    let pressed = |data: &str| {
        let on = message(&json!({"text": "choose", "from": {"id": 4242, "is_bot": true}, "reply_markup": {"inline_keyboard": [[{"text": "Yes, please", "callback_data": data}]]}}))["message"].clone();
        update(
            "callback_query",
            json!({"id": "Q1", "from": ada(), "message": on, "chat_instance": "1", "data": data}),
        )
    };
    let answered = |update: &Value| -> Value {
        let outcome = receive(update).unwrap();
        assert_eq!(outcome.response.status, 200);
        serde_json::from_slice(&outcome.response.body).unwrap()
    };
    let reply = pressed("~ryes");
    assert_eq!(said(&reply).text, "yes");
    assert_eq!(one(&reply).sender.id, "5200000001");
    assert_eq!(
        answered(&reply),
        json!({"method": "answerCallbackQuery", "callback_query_id": "Q1"})
    );
    let data = one(&pressed("~d{\"a\":1}"));
    assert_eq!(data.id, "Q1");
    assert!(
        matches!(data.body, EventBody::Postback(postback) if postback.data == "{\"a\":1}" && postback.text.as_deref() == Some("Yes, please") && postback.message_id.as_deref() == Some("55"))
    );
    let foreign = one(&pressed("of another program"));
    assert!(
        matches!(foreign.body, EventBody::Postback(postback) if postback.data == "\"of another program\"")
    );
    let gone = pressed("~k00000000000000000000000000000000");
    ignored(&gone);
    assert_eq!(answered(&gone)["text"], "This button no longer works.");
    assert!(calls().is_empty(), "nothing is called");
}

#[test]
fn a_button_of_a_message_that_is_not_there_is_pressed_all_the_same() {
    telegram();
    let query = |more: Value| {
        let mut query = json!({"id": "Q1", "from": ada(), "chat_instance": "1", "data": "~d1"});
        merge(&mut query, &more);
        update("callback_query", query)
    };
    // Too old: id, chat and no content.
    let inaccessible = one(&query(
        json!({"message": {"message_id": 3, "date": 0, "chat": square()}}),
    ));
    assert_eq!(inaccessible.conversation, group(None));
    let without = one(&query(json!({"message": null})));
    assert_eq!(without.conversation, direct());
    let inline = one(&query(json!({"inline_message_id": "im"})));
    assert!(
        matches!(inline.body, EventBody::Postback(postback) if postback.message_id.as_deref() == Some("inline:im"))
    );
    ignored(&query(json!({"data": null, "game_short_name": "chess"})));
}

#[test]
fn payments_are_declined_in_the_answer() {
    telegram();
    for (kind, method) in [
        ("pre_checkout_query", "answerPreCheckoutQuery"),
        ("shipping_query", "answerShippingQuery"),
    ] {
        let outcome = receive(&update(kind, json!({"id": "P1", "from": ada()}))).unwrap();
        let answer: Value = serde_json::from_slice(&outcome.response.body).unwrap();
        assert_eq!(
            (answer["method"].as_str(), answer["ok"].as_bool()),
            (Some(method), Some(false))
        );
        assert_eq!((outcome.ignored, outcome.events.len()), (1, 0));
    }
}

#[test]
fn what_has_no_case_of_its_own_is_handed_on_where_it_is_asked_for() {
    telegram();
    let everything = Settings {
        events: [
            "payment",
            "refund",
            "users-shared",
            "chat-shared",
            "chat-join-request",
            "poll-answer",
            "reaction-count",
            "chat-boost",
            "business-connection",
            "paid-media",
        ]
        .map(str::to_owned)
        .to_vec(),
        ..Settings::default()
    };
    let nothing = Settings {
        events: Vec::new(),
        ..Settings::default()
    };
    for (update, name, conversation) in [
        (
            message(&json!({"successful_payment": {"currency": "EUR"}})),
            "payment",
            "5200000001",
        ),
        (
            message(&json!({"refunded_payment": {"currency": "EUR"}})),
            "refund",
            "5200000001",
        ),
        (
            message(&json!({"users_shared": {"request_id": 1}})),
            "users-shared",
            "5200000001",
        ),
        (
            message(&json!({"chat_shared": {"request_id": 1}})),
            "chat-shared",
            "5200000001",
        ),
        (
            update(
                "chat_join_request",
                json!({"chat": square(), "from": ada(), "user_chat_id": 88, "date": 4}),
            ),
            "chat-join-request",
            "88",
        ),
        (
            update(
                "poll_answer",
                json!({"poll_id": "1", "user": ada(), "option_ids": [1]}),
            ),
            "poll-answer",
            "5200000001",
        ),
        (
            update(
                "poll_answer",
                json!({"poll_id": "1", "voter_chat": square(), "option_ids": [1]}),
            ),
            "poll-answer",
            "-1001234567890",
        ),
        (
            update(
                "message_reaction_count",
                json!({"chat": square(), "message_id": 7, "date": 2, "reactions": [{"type": {"type": "emoji", "emoji": "👍"}, "total_count": 3}]}),
            ),
            "reaction-count",
            "-1001234567890",
        ),
        (
            update(
                "chat_boost",
                json!({"chat": square(), "boost": {"boost_id": "b"}}),
            ),
            "chat-boost",
            "-1001234567890",
        ),
        (
            update(
                "removed_chat_boost",
                json!({"chat": square(), "boost_id": "b", "remove_date": 4}),
            ),
            "chat-boost",
            "-1001234567890",
        ),
        (
            update(
                "business_connection",
                json!({"id": "b1", "user": ada(), "user_chat_id": 88, "date": 4, "is_enabled": true}),
            ),
            "business-connection",
            "88",
        ),
        (
            update(
                "purchased_paid_media",
                json!({"from": ada(), "paid_media_payload": "p"}),
            ),
            "paid-media",
            "5200000001",
        ),
    ] {
        let outcome = receive_with(&everything, &update).unwrap();
        let event = &outcome.events[0];
        assert!(
            matches!(&event.body, EventBody::Custom(custom) if custom.name == name && custom.data.starts_with('{')),
            "{update}"
        );
        assert_eq!(event.conversation.id, conversation, "{update}");
        let outcome = receive_with(&nothing, &update).unwrap();
        assert_eq!((outcome.ignored, outcome.events.len()), (1, 0), "{update}");
    }
}

#[test]
fn data_of_a_web_app_is_a_postback() {
    telegram();
    for (given, data) in [
        ("{\"size\":\"M\"}", "{\"size\":\"M\"}"),
        ("just text", "\"just text\""),
    ] {
        let event = one(&message(
            &json!({"web_app_data": {"data": given, "button_text": "Shop"}}),
        ));
        assert!(
            matches!(event.body, EventBody::Postback(postback) if postback.data == data && postback.text.as_deref() == Some("Shop"))
        );
    }
}

#[test]
fn what_nobody_said_and_what_is_newer_than_this_is_ignored() {
    telegram();
    for content in [
        json!({"new_chat_title": "T"}),
        json!({"pinned_message": {"message_id": 1}}),
        json!({"forum_topic_created": {"name": "T", "icon_color": 1}}),
        json!({"video_chat_started": {}}),
        json!({"story": {"id": 1}}),
        json!({"game": {"title": "chess"}}),
        json!({"hologram": {"file_id": "F"}}),
        json!({"poll": {"id": "1", "question": "?"}}),
    ] {
        ignored(&message(&content));
    }
    for kind in [
        "inline_query",
        "chosen_inline_result",
        "poll",
        "managed_bot",
        "telepathy",
    ] {
        ignored(&update(kind, json!({"id": "1", "from": ada()})));
    }
    ignored(&json!({"update_id": 1}));
}

#[test]
fn a_group_that_moves_is_remembered_from_both_ends() {
    telegram();
    let moved = |chat: i64| {
        let conversation = greentic_sdk::model::Conversation {
            id: chat.to_string(),
            thread: None,
            kind: ConversationKind::Group,
        };
        crate::moved::follow(crate::place::Place::of(&conversation).unwrap()).chat
    };
    ignored(&message(
        &json!({"chat": {"id": -77, "type": "group"}, "migrate_to_chat_id": -1_000_000_000_077_i64}),
    ));
    assert_eq!(moved(-77), -1_000_000_000_077);
    ignored(&message(
        &json!({"chat": {"id": -1_000_000_000_078_i64, "type": "supergroup"}, "migrate_from_chat_id": -78}),
    ));
    assert_eq!(moved(-78), -1_000_000_000_078);
    assert_eq!(moved(-79), -79);
}
