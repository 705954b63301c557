//! Mutated updates of every kind: whatever comes, reading it ends, is acknowledged, and keeps the contract's bounds.

use greentic_conformance::fuzz::{self, Dice};
use greentic_sdk::model::{Event, EventBody};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::serve;
use crate::bounds;
use crate::settings::Settings;
use crate::testing::{SECRET, ada, request, telegram};

/// An update of each kind and each shape of message.
fn shapes() -> Vec<Value> {
    let user = ada();
    let chat = json!({"id": 5_200_000_001_i64, "type": "private", "first_name": "Ada"});
    let group = json!({"id": -1_001_234_567_890_i64, "type": "supergroup", "title": "Square", "is_forum": true});
    let file = json!({"file_id": "F1", "file_unique_id": "U1", "file_size": 20, "file_name": "a.bin", "mime_type": "application/zip", "width": 2, "height": 3, "duration": 1, "emoji": "🙂", "is_animated": true, "is_video": false});
    let message = |more: Value| {
        let mut message =
            json!({"message_id": 7, "from": user, "chat": chat, "date": 1_700_000_000});
        crate::testing::merge(&mut message, &more);
        message
    };
    let contents = [
        json!({"text": "hello 😀", "entities": [{"type": "bold", "offset": 0, "length": 5}]}),
        json!({"text": "/start@sample_bot a b", "entities": [{"type": "bot_command", "offset": 0, "length": 17}]}),
        json!({"text": "x", "chat": group, "message_thread_id": 3, "is_topic_message": true, "reply_to_message": {"message_id": 3, "from": {"id": 4242, "is_bot": true}}}),
        json!({"photo": [file, file], "caption": "c", "media_group_id": "1"}),
        json!({"document": file, "animation": file}),
        json!({"audio": file, "voice": file, "video": file, "video_note": file, "live_photo": file}),
        json!({"sticker": file}),
        json!({"contact": {"phone_number": "+43 1", "first_name": "A", "last_name": "B", "user_id": 1}}),
        json!({"venue": {"location": {"latitude": 48.2, "longitude": 16.3}, "title": "T", "address": "A"}, "location": {"latitude": 48.2, "longitude": 16.3}}),
        json!({"dice": {"emoji": "🎲", "value": 4}}),
        json!({"checklist": {"title": "T", "tasks": [{"id": 1, "text": "one", "completion_date": 1}, {"id": 2, "text": "two"}]}}),
        json!({"rich_message": {"blocks": [{"type": "paragraph", "text": ["a", {"type": "bold", "text": "b"}]}, {"type": "table", "cells": [[{"text": "c"}]]}]}}),
        json!({"new_chat_members": [user, user]}),
        json!({"left_chat_member": user}),
        json!({"migrate_to_chat_id": -1_009, "chat": {"id": -9, "type": "group"}}),
        json!({"migrate_from_chat_id": -9}),
        json!({"successful_payment": {"currency": "EUR", "total_amount": 100, "invoice_payload": "p"}}),
        json!({"users_shared": {"request_id": 1, "users": [{"user_id": 2}]}}),
        json!({"web_app_data": {"data": "{\"a\":1}", "button_text": "B"}}),
        json!({"sender_chat": group, "author_signature": "s", "sender_business_bot": user}),
        json!({"business_connection_id": "b1", "text": "x", "direct_messages_topic": {"topic_id": 3}, "guest_query_id": "g"}),
    ];
    let member = |status: &str| json!({"status": status, "user": user, "is_member": true});
    let change = json!({"chat": group, "from": user, "date": 1, "old_chat_member": member("left"), "new_chat_member": member("restricted")});
    let mut all: Vec<(&str, Value)> = Vec::new();
    for content in contents {
        all.push(("message", message(content)));
    }
    let said = || {
        message(
            json!({"text": "said", "edit_date": 1_700_000_001, "business_connection_id": "b1", "guest_query_id": "g1", "sender_chat": group}),
        )
    };
    for kind in [
        "edited_message",
        "channel_post",
        "edited_channel_post",
        "business_message",
        "edited_business_message",
        "guest_message",
    ] {
        all.push((kind, said()));
    }
    all.extend([
        ("business_connection", json!({"id": "b1", "user": user, "user_chat_id": 5_200_000_001_i64, "date": 1, "is_enabled": true})),
        ("deleted_business_messages", json!({"business_connection_id": "b1", "chat": chat, "message_ids": [1, 2]})),
        ("message_reaction", json!({"chat": group, "message_id": 7, "user": user, "date": 1, "old_reaction": [{"type": "emoji", "emoji": "👍"}], "new_reaction": [{"type": "custom_emoji", "custom_emoji_id": "5"}, {"type": "paid"}]})),
        ("message_reaction_count", json!({"chat": group, "message_id": 7, "date": 1, "reactions": [{"type": {"type": "emoji", "emoji": "👍"}, "total_count": 3}]})),
        ("inline_query", json!({"id": "1", "from": user, "query": "q", "offset": ""})),
        ("chosen_inline_result", json!({"result_id": "1", "from": user, "query": "q"})),
        ("callback_query", json!({"id": "77", "from": user, "message": message(json!({"reply_markup": {"inline_keyboard": [[{"text": "T", "callback_data": "~ryes"}]]}})), "chat_instance": "1", "data": "~ryes"})),
        ("callback_query", json!({"id": "78", "from": user, "inline_message_id": "i", "chat_instance": "1", "data": "~d{\"a\":1}"})),
        ("callback_query", json!({"id": "79", "from": user, "chat_instance": "1", "data": "~c00000000000000000000000000000000.1.2"})),
        ("shipping_query", json!({"id": "1", "from": user, "invoice_payload": "p"})),
        ("pre_checkout_query", json!({"id": "1", "from": user, "currency": "EUR", "total_amount": 1, "invoice_payload": "p"})),
        ("purchased_paid_media", json!({"from": user, "paid_media_payload": "p"})),
        ("poll", json!({"id": "1", "question": "?", "options": []})),
        ("poll_answer", json!({"poll_id": "1", "user": user, "option_ids": [0]})),
        ("my_chat_member", change.clone()),
        ("chat_member", change),
        ("chat_join_request", json!({"chat": group, "from": user, "user_chat_id": 5_200_000_001_i64, "date": 1})),
        ("chat_boost", json!({"chat": group, "boost": {"boost_id": "1"}})),
        ("removed_chat_boost", json!({"chat": group, "boost_id": "1", "remove_date": 1})),
        ("managed_bot", json!({"user": user, "bot": user})),
        ("of_tomorrow", json!({"a": [1, 2, {"b": null}]})),
    ]);
    all.into_iter()
        .enumerate()
        .map(|(id, (kind, value))| json!({"update_id": id, kind: value}))
        .collect()
}

/// Texts that mean something to the channel.
const WORDS: [&str; 6] = [
    "/",
    "~k0123456789abcdef0123456789abcdef",
    "message",
    "text",
    "~ryes",
    "supergroup",
];

fn within_bounds(event: &Event) {
    let id = |text: &str| assert!(text.len() <= bounds::ID_BYTES, "{text}");
    let text = |text: &str| assert!(text.len() <= bounds::TEXT_BYTES);
    for value in [
        &event.id,
        &event.dedupe_key,
        &event.conversation.id,
        &event.sender.id,
    ] {
        id(value);
        assert!(!value.is_empty());
    }
    for value in [
        &event.conversation.thread,
        &event.reply_to,
        &event.sender.name,
        &event.sender.locale,
    ]
    .into_iter()
    .flatten()
    {
        id(value);
    }
    match &event.body {
        EventBody::Message(message) => {
            text(&message.text);
            assert!(message.attachments.len() <= bounds::ITEMS);
            for file in &message.attachments {
                assert!(file.url.is_some() != file.content.is_some());
                assert!(!file.name.contains('/') && file.name.len() <= 255);
            }
        }
        EventBody::Postback(postback) => {
            assert!(postback.data.len() <= bounds::JSON_BYTES);
            serde_json::from_str::<Value>(&postback.data).unwrap();
            postback.text.iter().for_each(|value| text(value));
            postback.message_id.iter().for_each(|value| id(value));
        }
        EventBody::Command(command) => {
            assert!(command.name.len() <= 32 && !command.name.is_empty());
            text(&command.arguments);
        }
        EventBody::Edited(edit) => text(&edit.text),
        EventBody::Reaction(reaction) => id(&reaction.emoji),
        EventBody::Joined(people) | EventBody::Left(people) => {
            assert!((1..=bounds::ITEMS).contains(&people.len()));
        }
        EventBody::Custom(custom) => {
            assert!(custom.data.len() <= bounds::JSON_BYTES);
            serde_json::from_str::<Value>(&custom.data).unwrap();
        }
        EventBody::Deleted(_) | EventBody::Typing | EventBody::DeliveryStatus(_) => {}
    }
}

fn every_event() -> Settings {
    Settings {
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
    }
}

fn check(settings: &Settings, bytes: &[u8]) {
    let outcome = serve(settings, &request(bytes, Some(SECRET)));
    let outcome =
        outcome.unwrap_or_else(|error| panic!("{error:?}: {}", String::from_utf8_lossy(bytes)));
    assert_eq!(outcome.response.status, 200);
    assert!(outcome.events.len() <= bounds::ITEMS + 8);
    let read = !outcome.events.is_empty() || outcome.ignored > 0;
    assert_ne!(
        read,
        outcome.malformed.is_some(),
        "{}",
        String::from_utf8_lossy(bytes)
    );
    let mut keys: Vec<&str> = outcome
        .events
        .iter()
        .map(|event| event.dedupe_key.as_str())
        .collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), outcome.events.len(), "keys differ");
    outcome.events.iter().for_each(within_bounds);
}

#[test]
fn every_shape_is_read() {
    telegram();
    for shape in shapes() {
        let outcome = serve(
            &every_event(),
            &request(shape.to_string().as_bytes(), Some(SECRET)),
        )
        .unwrap();
        assert_eq!(outcome.malformed, None, "{shape}");
        check(&every_event(), shape.to_string().as_bytes());
    }
}

#[test]
fn fuzz_ingress() {
    telegram();
    let (settings, shapes) = (every_event(), shapes());
    for case in 0..fuzz::cases() {
        let mut dice = Dice::of_case(case);
        let shape = &shapes[dice.below(shapes.len())];
        check(&settings, &fuzz::body(shape, &mut dice, &WORDS, 4));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_acknowledged(bytes: Vec<u8>) {
        telegram();
        check(&Settings::default(), &bytes);
    }

    #[test]
    fn any_text_arrives_as_it_was_written(text in "[^/@]{1,400}") {
        telegram();
        let update = crate::testing::message(&json!({"text": text}));
        let events = crate::testing::events(&update);
        prop_assert!(matches!(&events[0].body, EventBody::Message(said) if said.text == text));
    }
}
