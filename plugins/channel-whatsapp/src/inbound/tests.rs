//! Every kind of message and status, through the whole of `ingress`: signed, read, remembered.

mod statuses;

use greentic_sdk::model::{
    Command, ConversationKind, Custom, DeliveryState, DeliveryStatus, Edit, EventBody, Message,
    Participant, Postback, Reaction,
};
use serde_json::{Value, json};

use crate::testing::{NOW_MS, body, event, message, notification, one, table, take, value, with};

fn custom(name: &str, data: &Value) -> EventBody {
    EventBody::Custom(Custom {
        name: name.into(),
        data: data.to_string(),
    })
}

fn postback(data: &str, text: &str, message_id: Option<&str>) -> EventBody {
    EventBody::Postback(Postback {
        data: data.into(),
        text: Some(text.into()),
        message_id: message_id.map(str::to_owned),
    })
}

#[test]
fn each_kind_of_message_becomes_its_event() {
    let settings = with(table());
    let context = json!({"from": "15550001", "id": "wamid.ours"});
    let location =
        json!({"latitude": 47.3, "longitude": 8.5, "name": "Bar", "address": "Street 1"});
    let contacts = json!([{"name": {"formatted_name": "Bob"}, "phones": [{"phone": "+41 1", "wa_id": "411"}]}]);
    let order = json!({"catalog_id": "c", "text": "", "product_items": [{"product_retailer_id": "p", "quantity": 2, "item_price": 3, "currency": "CHF"}]});
    let errors = json!([{"code": 131_051, "title": "Message type unknown"}]);
    for (fields, expected) in [
        (
            json!({"type": "text", "text": {"body": "hi *you*"}}),
            EventBody::Message(Message::plain("hi *you*")),
        ),
        (
            json!({"type": "text", "text": {"body": "/Help  me "}}),
            EventBody::Command(Command {
                name: "help".into(),
                arguments: "me".into(),
            }),
        ),
        (
            json!({"type": "text", "text": {"body": "/etc/hosts"}}),
            EventBody::Message(Message::plain("/etc/hosts")),
        ),
        (
            json!({"type": "location", "location": location}),
            custom("location", &location),
        ),
        (
            json!({"type": "contacts", "contacts": contacts}),
            custom("contacts", &contacts),
        ),
        (
            json!({"type": "order", "order": order}),
            custom("order", &order),
        ),
        (
            json!({"type": "reaction", "reaction": {"message_id": "wamid.r", "emoji": "👍"}}),
            EventBody::Reaction(Reaction {
                message_id: "wamid.r".into(),
                emoji: "👍".into(),
                added: true,
            }),
        ),
        (
            json!({"type": "reaction", "reaction": {"message_id": "wamid.q", "emoji": ""}}),
            EventBody::Reaction(Reaction {
                message_id: "wamid.q".into(),
                emoji: String::new(),
                added: false,
            }),
        ),
        (
            json!({"type": "reaction", "reaction": {"message_id": "wamid.q"}}),
            EventBody::Reaction(Reaction {
                message_id: "wamid.q".into(),
                emoji: String::new(),
                added: false,
            }),
        ),
        (
            json!({"type": "button", "context": context, "button": {"payload": "stop", "text": "Stop it"}}),
            postback(r#""stop""#, "Stop it", Some("wamid.ours")),
        ),
        (
            json!({"type": "button", "button": {"text": "Stop it"}}),
            postback(r#""Stop it""#, "Stop it", None),
        ),
        (
            json!({"type": "interactive", "context": context, "interactive": {"type": "button_reply", "button_reply": {"id": "0d:{\"a\":1}", "title": "One"}}}),
            postback(r#"{"a":1}"#, "One", Some("wamid.ours")),
        ),
        (
            json!({"type": "interactive", "interactive": {"type": "list_reply", "list_reply": {"id": "4t:the second", "title": "Two", "description": "2"}}}),
            EventBody::Message(Message::plain("the second")),
        ),
        (
            json!({"type": "interactive", "interactive": {"type": "list_reply", "list_reply": {"id": "theirs", "title": "Two"}}}),
            postback(r#""theirs""#, "Two", None),
        ),
        (
            json!({"type": "interactive", "context": context, "interactive": {"type": "nfm_reply", "nfm_reply": {"response_json": "{\"rating\":\"4\"}", "body": "Sent", "name": "flow"}}}),
            postback(r#"{"rating":"4"}"#, "Sent", Some("wamid.ours")),
        ),
        (
            json!({"type": "interactive", "interactive": {"type": "nfm_reply", "nfm_reply": {"response_json": {"rating": 4}, "body": "Sent"}}}),
            postback(r#"{"rating":4}"#, "Sent", None),
        ),
        (
            json!({"type": "interactive", "interactive": {"type": "nfm_reply", "nfm_reply": {"response_json": "no json", "body": "Sent"}}}),
            postback(r#""no json""#, "Sent", None),
        ),
        (
            json!({"type": "interactive", "interactive": {"type": "call_permission_reply", "call_permission_reply": {"response": "accept"}}}),
            custom("call_permission_reply", &json!({"response": "accept"})),
        ),
        (
            json!({"type": "interactive"}),
            custom(
                "unsupported",
                &json!({"kind": "interactive", "type": null, "errors": null}),
            ),
        ),
        (
            json!({"type": "edit", "edit": {"original_message_id": "wamid.old", "message": {"type": "text", "text": {"body": "better"}}}}),
            EventBody::Edited(Edit {
                message_id: "wamid.old".into(),
                text: "better".into(),
            }),
        ),
        (
            json!({"type": "edit", "edit": {"original_message_id": "wamid.old", "message": {"type": "image", "image": {"id": "1", "caption": "sea"}}}}),
            EventBody::Edited(Edit {
                message_id: "wamid.old".into(),
                text: "sea".into(),
            }),
        ),
        (
            json!({"type": "revoke", "revoke": {"original_message_id": "wamid.old"}}),
            EventBody::Deleted("wamid.old".into()),
        ),
        (
            json!({"type": "request_welcome"}),
            EventBody::Joined(vec![Participant {
                name: Some("Ada".into()),
                ..Participant::person("CH.1001")
            }]),
        ),
        (
            json!({"type": "unsupported", "errors": errors, "unsupported": {"type": "poll"}}),
            custom(
                "unsupported",
                &json!({"kind": "unsupported", "type": "poll", "errors": errors}),
            ),
        ),
    ] {
        assert_eq!(
            body(&settings, "wamid.1", fields.clone()),
            expected,
            "{fields}"
        );
    }
}

#[test]
fn each_kind_of_file_is_an_attachment_with_a_signed_link() {
    let settings = with(table());
    for (kind, media, text, name, content_type) in [
        (
            "image",
            json!({"id": "11", "mime_type": "image/jpeg", "sha256": "x", "caption": "the sea"}),
            "the sea",
            "image.jpg",
            "image/jpeg",
        ),
        (
            "video",
            json!({"id": "12", "mime_type": "video/mp4"}),
            "",
            "video.mp4",
            "video/mp4",
        ),
        (
            "audio",
            json!({"id": "13", "mime_type": "audio/ogg; codecs=opus", "voice": true}),
            "",
            "voice.ogg",
            "audio/ogg; codecs=opus",
        ),
        (
            "document",
            json!({"id": "14", "mime_type": "application/pdf", "filename": "Bill 1.pdf", "caption": "see"}),
            "see",
            "Bill 1.pdf",
            "application/pdf",
        ),
        (
            "sticker",
            json!({"id": "15", "mime_type": "image/webp", "animated": true}),
            "",
            "sticker.webp",
            "image/webp",
        ),
    ] {
        let EventBody::Message(said) =
            body(&settings, "wamid.1", json!({"type": kind, kind: media}))
        else {
            panic!("{kind}")
        };
        assert_eq!(said.text, text);
        let [file] = said.attachments.as_slice() else {
            panic!("{kind}")
        };
        assert_eq!(
            (file.name.as_str(), file.content_type.as_str()),
            (name, content_type)
        );
        let url = file.url.as_deref().unwrap();
        let id = media["id"].as_str().unwrap();
        assert!(
            url.starts_with(&format!(
                "https://h.example/v1/messaging/whatsapp/demo/default/wa/files/{id}%2F"
            )),
            "{url}"
        );
    }
}

#[test]
fn an_event_has_the_platforms_identifiers_time_and_places() {
    let settings = with(table());
    let said = json!({"type": "text", "text": {"body": "hi"}, "context": {"from": "1", "id": "wamid.0", "forwarded": true}});
    let direct = event(&settings, "wamid.1", said);
    assert_eq!(
        (
            direct.id.as_str(),
            direct.dedupe_key.as_str(),
            direct.time_ms
        ),
        ("wamid.1", "wamid.1", NOW_MS)
    );
    assert_eq!(
        (direct.conversation.id.as_str(), direct.conversation.kind),
        ("CH.1001", ConversationKind::Direct)
    );
    assert_eq!(
        (direct.sender.id.as_str(), direct.sender.name.as_deref()),
        ("CH.1001", Some("Ada"))
    );
    assert_eq!(direct.reply_to.as_deref(), Some("wamid.0"));
    let group = event(
        &settings,
        "wamid.2",
        json!({"type": "text", "text": {"body": "hi"}, "group_id": "G.7", "timestamp": 1_790_000_001}),
    );
    assert_eq!(
        (group.conversation.id.as_str(), group.conversation.kind),
        ("G.7", ConversationKind::Group)
    );
    assert_eq!(
        (group.sender.id.as_str(), group.time_ms),
        ("CH.1001", NOW_MS + 1000)
    );
}

#[test]
fn somebody_without_a_phone_number_is_known_by_their_user_id() {
    let settings = with(table());
    let mut change = value(
        json!({"messages": [{"from_user_id": "CH.7", "id": "w", "timestamp": "x", "type": "text", "text": {"body": "hi"}}]}),
    );
    change["contacts"] = json!([{"profile": {"name": "", "username": "eve"}, "user_id": "CH.7", "parent_user_id": "CH.ENT.7"}]);
    let outcome = take(&settings, &notification(change));
    let event = &outcome.events[0];
    assert_eq!(
        (event.conversation.id.as_str(), event.sender.name.as_deref()),
        ("CH.7", Some("eve"))
    );
    assert_eq!(event.time_ms, NOW_MS, "a time that is none is now");
}

#[test]
fn incident_12_every_entry_change_message_and_status_of_a_request_is_read() {
    let settings = with(table());
    let text = |id: &str| message(id, json!({"type": "text", "text": {"body": id}}));
    let change = |fields| json!({"field": "messages", "value": value(fields)});
    let status =
        json!({"id": "wamid.s", "status": "sent", "timestamp": "1", "recipient_id": "41790001"});
    let body = json!({"object": "whatsapp_business_account", "entry": [
        {"id": "1", "changes": [change(json!({"messages": [text("a"), text("b")]})), change(json!({"messages": [text("c")], "statuses": [status]}))]},
        {"id": "2", "changes": [{"field": "account_update", "value": {"event": "X"}}, change(json!({"messages": [text("d")]}))]},
    ]});
    let outcome = take(&settings, &body);
    let keys: Vec<&str> = outcome
        .events
        .iter()
        .map(|event| event.dedupe_key.as_str())
        .collect();
    assert_eq!(keys, ["a", "b", "c", "wamid.s:sent", "d"]);
    assert_eq!((outcome.ignored, outcome.malformed), (1, None));
}

#[test]
fn one_message_that_cannot_be_read_takes_no_other_along() {
    let settings = with(table());
    let good = |id: &str| message(id, json!({"type": "text", "text": {"body": "hi"}}));
    for bad in [
        json!(7),
        json!({}),
        message("x", json!({"type": "text"})),
        message("x", json!({"type": "text", "text": {"body": 7}})),
        message(
            "x",
            json!({"type": "text", "text": {"body": "x".repeat(70_000)}}),
        ),
        message("", json!({"type": "text", "text": {"body": "hi"}})),
        message(
            &"x".repeat(600),
            json!({"type": "text", "text": {"body": "hi"}}),
        ),
        message("x", json!({"type": "image", "image": {"id": "../me"}})),
        message(
            "x",
            json!({"type": "interactive", "interactive": {"type": "button_reply"}}),
        ),
        message(
            "x",
            json!({"type": "reaction", "reaction": {"message_id": ""}}),
        ),
        message(
            "x",
            json!({"type": "contacts", "contacts": ["y".repeat(300_000)]}),
        ),
        json!({"id": "x", "type": "text", "text": {"body": "hi"}, "from": "4100", "group_id": "g".repeat(600)}),
    ] {
        let body = notification(value(json!({"messages": [good("a"), bad, good("b")]})));
        let outcome = take(&settings, &body);
        assert_eq!(outcome.events.len(), 2, "{bad:.100}");
        assert!(outcome.malformed.is_some(), "{bad:.100}");
    }
}

#[test]
fn what_is_no_notification_is_acknowledged_and_kept() {
    let settings = with(table());
    for body in [
        "",
        "{",
        "[]",
        "null",
        r#"{"object":"whatsapp_business_account"}"#,
        "\u{0}",
        r#"{"entry":7}"#,
    ] {
        let outcome =
            crate::testing::serve(&settings, &crate::testing::signed(body.as_bytes())).unwrap();
        assert_eq!(outcome.response.status, 200, "{body}");
        assert!(
            outcome.malformed.is_some() && outcome.events.is_empty(),
            "{body}"
        );
    }
    let broken = json!({"object": "whatsapp_business_account", "entry": [{"changes": [{"field": "messages", "value": {"metadata": {}}}]}]});
    assert!(take(&settings, &broken).malformed.is_some());
}

#[test]
fn what_is_of_no_interest_is_acknowledged_and_counted() {
    let settings = with(table());
    let text = message("a", json!({"type": "text", "text": {"body": "hi"}}));
    let mut other_number =
        value(json!({"messages": [text.clone(), text.clone()], "statuses": [{"id": "s"}]}));
    other_number["metadata"]["phone_number_id"] = json!("999");
    let change = |field: &str| json!({"object": "whatsapp_business_account", "entry": [{"changes": [{"field": field, "value": {"x": 1}}]}]});
    for (body, ignored) in [
        (notification(other_number), 3),
        (change("account_update"), 1),
        (change("smb_message_echoes"), 1),
        (change("calls"), 1),
        (change("a_field_of_next_year"), 1),
        (json!({"object": "page", "entry": []}), 1),
        (
            one("a", json!({"type": "hologram", "hologram": {"x": 1}})),
            1,
        ),
        (
            one(
                "a",
                json!({"type": "system", "system": {"body": "changed", "type": "user_changed_number", "wa_id": "2"}}),
            ),
            1,
        ),
        (
            notification(value(
                json!({"statuses": [{"id": "s", "status": "warning", "recipient_id": "1"}]}),
            )),
            1,
        ),
        (
            notification(value(
                json!({"errors": [{"code": 131_000, "title": "Something went wrong", "error_data": {"details": "d"}}]}),
            )),
            1,
        ),
        (notification(value(json!({}))), 0),
    ] {
        let outcome = take(&settings, &body);
        assert_eq!(
            (outcome.events.len(), outcome.ignored, outcome.malformed),
            (0, ignored, None),
            "{body}"
        );
    }
}

#[test]
fn referrals_and_system_messages_come_where_they_are_asked_for() {
    let settings = with(table().config("extra-events", r#"["referral","system"]"#));
    let referral = json!({"source_url": "https://fb.me/1", "source_type": "ad", "source_id": "7", "headline": "Sale"});
    let outcome = take(
        &settings,
        &one(
            "a",
            json!({"type": "text", "text": {"body": "hi"}, "referral": referral}),
        ),
    );
    let keys: Vec<&str> = outcome
        .events
        .iter()
        .map(|event| event.dedupe_key.as_str())
        .collect();
    assert_eq!(keys, ["a:referral", "a"]);
    assert_eq!(outcome.events[0].body, custom("referral", &referral));
    let system = json!({"body": "User A changed", "wa_id": "2", "type": "user_changed_number"});
    assert_eq!(
        body(&settings, "b", json!({"type": "system", "system": system})),
        custom("system", &system)
    );

    let settings = with(table());
    let outcome = take(
        &settings,
        &one(
            "a",
            json!({"type": "text", "text": {"body": "hi"}, "referral": referral}),
        ),
    );
    assert_eq!((outcome.events.len(), outcome.ignored), (1, 1));
}

#[test]
fn more_than_a_request_may_bring_drops_statuses_first_and_says_what_is_lost() {
    let settings = with(table());
    let texts = |count: usize| -> Vec<Value> {
        (0..count)
            .map(|at| {
                message(
                    &format!("m{at}"),
                    json!({"type": "text", "text": {"body": "hi"}}),
                )
            })
            .collect()
    };
    let statuses: Vec<Value> = (0..100)
        .map(|at| json!({"id": format!("s{at}"), "status": "sent", "recipient_id": "41790001"}))
        .collect();
    let outcome = take(
        &settings,
        &notification(value(json!({"messages": texts(200), "statuses": statuses}))),
    );
    assert_eq!(
        (outcome.events.len(), outcome.ignored, outcome.malformed),
        (256, 44, None)
    );
    let outcome = take(
        &settings,
        &notification(value(json!({"messages": texts(300), "statuses": statuses}))),
    );
    assert_eq!((outcome.events.len(), outcome.ignored), (256, 100));
    assert!(outcome.malformed.unwrap().contains("44 messages"));
}
