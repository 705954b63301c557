//! Every kind of update, and what it is in the common model.

use greentic_sdk::model::{ConversationKind, Event, EventBody, Message as Said};
use serde_json::{Value, json};

use crate::settings::Settings;
use crate::testing::{
    ada, calls, direct, events, group, in_group, merge, message, receive, receive_with, telegram,
};

fn one(update: &Value) -> Event {
    let mut events = events(update);
    assert_eq!(events.len(), 1, "{events:?}");
    events.remove(0)
}

fn said(update: &Value) -> Said {
    match one(update).body {
        EventBody::Message(said) => said,
        other => panic!("{other:?}"),
    }
}

fn ignored(update: &Value) {
    let outcome = receive(update).unwrap();
    assert_eq!(
        (outcome.response.status, outcome.ignored),
        (200, 1),
        "{update}"
    );
    assert_eq!(
        (outcome.events, outcome.malformed),
        (vec![], None),
        "{update}"
    );
}

fn update(kind: &str, value: Value) -> Value {
    json!({"update_id": 9001, kind: value})
}

fn square() -> Value {
    json!({"id": -1_001_234_567_890_i64, "type": "supergroup", "title": "Square"})
}

#[test]
fn a_message_has_its_persons_name_and_language_and_its_own_id_and_time() {
    telegram();
    let event = one(&message(&json!({"text": "hello"})));
    assert_eq!(
        (event.id.as_str(), event.time_ms),
        ("55", 1_700_000_000_000)
    );
    assert_eq!(event.conversation, direct());
    assert_eq!(
        (event.sender.id.as_str(), event.sender.is_bot),
        ("5200000001", false)
    );
    assert_eq!(event.sender.name.as_deref(), Some("Ada L"));
    assert_eq!(event.sender.locale.as_deref(), Some("de"));
    assert!(matches!(event.body, EventBody::Message(said) if said.text == "hello"));
}

#[test]
fn topics_direct_messages_business_chats_and_guests_are_lines_of_talk_of_their_own() {
    telegram();
    for (more, thread) in [
        (json!({}), None),
        (
            json!({"message_thread_id": 33, "is_topic_message": true}),
            Some("33"),
        ),
        // A chain of replies in a group without topics.
        (json!({"message_thread_id": 33}), None),
        (
            json!({"direct_messages_topic": {"topic_id": 8}}),
            Some("direct:8"),
        ),
    ] {
        let mut fields = json!({"text": "x"});
        merge(&mut fields, &more);
        let event = one(&in_group(&fields));
        assert_eq!(event.conversation, group(thread), "{more}");
    }
    let guest = in_group(&json!({"text": "x", "guest_query_id": "q1"}))["message"].clone();
    assert_eq!(
        one(&update("guest_message", guest)).conversation,
        group(Some("guest:q1"))
    );
    let business =
        message(&json!({"text": "x", "business_connection_id": "b1"}))["message"].clone();
    let event = one(&update("business_message", business));
    assert_eq!(event.conversation.thread.as_deref(), Some("business:b1"));
}

#[test]
fn what_is_answered_is_told_but_for_the_message_a_topic_begins_with() {
    telegram();
    let event = one(&message(
        &json!({"text": "x", "reply_to_message": {"message_id": 33}}),
    ));
    assert_eq!(event.reply_to.as_deref(), Some("33"));
    let in_topic = |answered: i64| {
        let more = json!({"text": "x", "message_thread_id": 33, "is_topic_message": true, "reply_to_message": {"message_id": answered}});
        one(&in_group(&more)).reply_to
    };
    assert_eq!(in_topic(33), None);
    assert_eq!(in_topic(34).as_deref(), Some("34"));
}

#[test]
fn a_command_is_a_command_and_another_bots_is_ignored() {
    telegram();
    let entity = |length: usize| json!([{"type": "bot_command", "offset": 0, "length": length}]);
    let event = one(&in_group(
        &json!({"text": "/help@sample_bot me", "entities": entity(16)}),
    ));
    assert!(
        matches!(event.body, EventBody::Command(command) if command.name == "help" && command.arguments == "me")
    );
    ignored(&in_group(
        &json!({"text": "/help@other_bot", "entities": entity(15)}),
    ));
}

#[test]
fn the_mention_that_calls_the_bot_is_taken_off_in_groups_alone() {
    telegram();
    assert_eq!(
        said(&in_group(&json!({"text": "@sample_bot hello"}))).text,
        "hello"
    );
    assert_eq!(said(&in_group(&json!({"text": "@sample_bot"}))).text, "");
    assert_eq!(
        said(&message(&json!({"text": "@sample_bot hello"}))).text,
        "@sample_bot hello"
    );
}

#[test]
fn every_kind_of_file_is_an_attachment_with_an_address_of_this_host() {
    telegram();
    let file = json!({"file_id": "F", "file_unique_id": "U", "file_size": 12});
    let with = |more: Value| {
        let mut file = file.clone();
        merge(&mut file, &more);
        file
    };
    for (content, name, kind) in [
        (
            json!({"document": with(json!({"file_name": "a.pdf", "mime_type": "application/pdf"}))}),
            "a.pdf",
            "application/pdf",
        ),
        (
            json!({"document": file}),
            "document",
            "application/octet-stream",
        ),
        (
            json!({"photo": [with(json!({"width": 9, "height": 9, "file_id": "small"})), with(json!({"width": 90, "height": 90}))]}),
            "photo.jpg",
            "image/jpeg",
        ),
        (
            json!({"voice": with(json!({"mime_type": "audio/ogg"}))}),
            "voice.ogg",
            "audio/ogg",
        ),
        (
            json!({"audio": with(json!({"mime_type": "audio/mpeg", "file_name": "s.mp3"}))}),
            "s.mp3",
            "audio/mpeg",
        ),
        (json!({"video": file}), "video.mp4", "video/mp4"),
        (json!({"video_note": file}), "video-note.mp4", "video/mp4"),
        (json!({"live_photo": file}), "live-photo.mp4", "video/mp4"),
        (
            json!({"animation": file, "document": file}),
            "animation.mp4",
            "video/mp4",
        ),
        (json!({"sticker": file}), "sticker.webp", "image/webp"),
        (
            json!({"sticker": with(json!({"is_animated": true}))}),
            "sticker.tgs",
            "application/x-tgsticker",
        ),
        (
            json!({"sticker": with(json!({"is_video": true}))}),
            "sticker.webm",
            "video/webm",
        ),
        (
            json!({"document": with(json!({"file_name": "../a/b\n.txt", "mime_type": "no type"}))}),
            "b.txt",
            "application/octet-stream",
        ),
    ] {
        let mut content = content;
        merge(&mut content, &json!({"caption": "look"}));
        let said = said(&message(&content));
        assert_eq!(
            (said.text.as_str(), said.attachments.len()),
            ("look", 1),
            "{content}"
        );
        let attachment = &said.attachments[0];
        assert_eq!(
            (
                attachment.name.as_str(),
                attachment.content_type.as_str(),
                attachment.size
            ),
            (name, kind, Some(12)),
            "{content}"
        );
        let url = attachment.url.as_deref().unwrap();
        assert!(
            url.starts_with(
                "https://host.example/v1/messaging/telegram/acme/support/main/files/F%0A"
            ),
            "{url}"
        );
    }
    assert!(calls().is_empty());
}

#[test]
fn places_contacts_and_the_rest_say_in_words_what_they_are() {
    telegram();
    let located = said(&message(
        &json!({"location": {"latitude": 48.25, "longitude": 16.5}}),
    ));
    assert_eq!(located.text, "geo:48.25,16.5");
    assert_eq!(located.attachments[0].content_type, "application/geo+json");
    let point: Value =
        serde_json::from_slice(located.attachments[0].content.as_ref().unwrap()).unwrap();
    assert_eq!(
        point,
        json!({"type": "Point", "coordinates": [16.5, 48.25]})
    );
    let venue = said(&message(
        &json!({"location": {"latitude": 1.0, "longitude": 2.0}, "venue": {"location": {"latitude": 1.0, "longitude": 2.0}, "title": "Café", "address": "Ring 1"}}),
    ));
    assert_eq!(
        (venue.text.as_str(), venue.attachments.len()),
        ("Café, Ring 1", 1)
    );
    let contact = said(&message(
        &json!({"contact": {"phone_number": "+431", "first_name": "A,B", "last_name": "C"}}),
    ));
    assert_eq!(contact.text, "+431");
    let card = String::from_utf8(contact.attachments[0].content.clone().unwrap()).unwrap();
    assert!(card.contains("FN:A\\,B C\r\nTEL:+431\r\n"), "{card}");
    for (content, text) in [
        (json!({"dice": {"emoji": "🎲", "value": 4}}), "🎲 4"),
        (json!({"sticker": {"file_id": "F", "emoji": "👍"}}), "👍"),
        (
            json!({"checklist": {"title": "To do", "tasks": [{"id": 1, "text": "a", "completion_date": 5}, {"id": 2, "text": "b"}]}}),
            "To do\n[x] a\n[ ] b",
        ),
        (
            json!({"rich_message": {"blocks": [{"type": "paragraph", "text": "a"}]}}),
            "a",
        ),
    ] {
        assert_eq!(said(&message(&content)).text, text);
    }
}

#[test]
fn every_item_of_an_album_is_a_message_of_its_own() {
    telegram();
    let item = |id: i64, caption: Value| {
        let mut item = message(
            &json!({"message_id": id, "media_group_id": "13", "photo": [{"file_id": format!("F{id}"), "width": 1, "height": 1}], "caption": caption}),
        );
        item["update_id"] = json!(id);
        one(&item)
    };
    let (first, second) = (item(60, json!("our trip")), item(61, Value::Null));
    assert_ne!(first.dedupe_key, second.dedupe_key);
    assert!(
        matches!(second.body, EventBody::Message(said) if said.text.is_empty() && said.attachments.len() == 1)
    );
}

#[test]
fn edits_are_edits_and_a_live_location_that_moves_is_ignored() {
    telegram();
    let edited = |kind: &str, more: Value| update(kind, message(&more)["message"].clone());
    for kind in [
        "edited_message",
        "edited_channel_post",
        "edited_business_message",
    ] {
        let event = one(&edited(
            kind,
            json!({"text": "new", "edit_date": 1_700_000_009}),
        ));
        assert_eq!(
            (event.id.as_str(), event.time_ms),
            ("55", 1_700_000_009_000)
        );
        assert!(
            matches!(event.body, EventBody::Edited(edit) if edit.message_id == "55" && edit.text == "new")
        );
    }
    assert!(matches!(
        one(&edited(
            "edited_message",
            json!({"caption": "c", "photo": [{"file_id": "F"}]})
        ))
        .body,
        EventBody::Edited(_)
    ));
    ignored(&edited(
        "edited_message",
        json!({"location": {"latitude": 1.0, "longitude": 2.0}}),
    ));
    ignored(&edited(
        "edited_message",
        json!({"text": "x", "from": {"id": 4242, "is_bot": true}}),
    ));
}

#[test]
fn a_channels_post_is_said_by_the_channel() {
    telegram();
    let post = json!({"message_id": 5, "date": 1, "sender_chat": {"id": -1_003, "type": "channel", "title": "News"}, "chat": {"id": -1_003, "type": "channel", "title": "News"}, "text": "x"});
    let event = one(&update("channel_post", post));
    assert_eq!(event.conversation.kind, ConversationKind::Channel);
    assert_eq!(
        (
            event.sender.id.as_str(),
            event.sender.name.as_deref(),
            event.sender.is_bot
        ),
        ("-1003", Some("News"), false)
    );
    // An anonymous administrator: the person is a stand-in of Telegram's.
    let anonymous = in_group(
        &json!({"text": "x", "sender_chat": square(), "from": {"id": 1_087_968_824, "is_bot": true, "first_name": "Group"}}),
    );
    assert_eq!(one(&anonymous).sender.id, "-1001234567890");
}

#[test]
fn what_the_bot_or_its_business_said_is_no_event() {
    telegram();
    ignored(&message(
        &json!({"text": "x", "from": {"id": 4242, "is_bot": true, "first_name": "B"}}),
    ));
    let business = |more: Value| {
        let mut fields = json!({"text": "x", "business_connection_id": "b1"});
        merge(&mut fields, &more);
        update("business_message", message(&fields)["message"].clone())
    };
    ignored(&business(
        json!({"sender_business_bot": {"id": 4242, "is_bot": true}}),
    ));
    ignored(&business(
        json!({"from": {"id": 77, "first_name": "Owner"}}),
    ));
    assert_eq!(one(&business(json!({}))).sender.id, "5200000001");
}

#[test]
fn deleted_messages_of_a_business_are_an_event_each() {
    telegram();
    let chat = json!({"id": 5_200_000_001_i64, "type": "private"});
    let events = events(&update(
        "deleted_business_messages",
        json!({"business_connection_id": "b1", "chat": chat, "message_ids": [3, 4]}),
    ));
    assert_eq!(events.len(), 2);
    assert!(matches!(&events[1].body, EventBody::Deleted(id) if id == "4"));
    assert_eq!(
        (events[0].dedupe_key.as_str(), events[1].dedupe_key.as_str()),
        ("4242:9001", "4242:9001:1")
    );
    assert_eq!(
        events[0].conversation.thread.as_deref(),
        Some("business:b1")
    );
}

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
