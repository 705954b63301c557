//! What somebody said, and what became of it.

use greentic_sdk::model::{ConversationKind, EventBody};
use serde_json::{Value, json};

use super::{ignored, one, said, square, update};
use crate::testing::{calls, direct, events, group, in_group, merge, message, telegram};

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
