use greentic_sdk::channel::memory;
use greentic_sdk::model::{
    Command, Conversation, ConversationKind, Custom, DeliveryState, DeliveryStatus, Edit,
    EventBody, Message, Participant, Postback, Reaction, TextFormat,
};
use serde_json::{Value, json};

use crate::testing::{APP, NOW, Platform, activity, in_channel, ingress, ingress_at, install};

fn bodies(changes: Value) -> Vec<EventBody> {
    let outcome = ingress(&activity(changes)).unwrap();
    assert_eq!(outcome.malformed, None);
    assert_eq!(outcome.response.status, 200);
    let bodies: Vec<_> = outcome.events.into_iter().map(|event| event.body).collect();
    assert_eq!(outcome.ignored, u32::from(bodies.is_empty()));
    bodies
}

fn text(text: &str) -> EventBody {
    EventBody::Message(Message {
        text: text.into(),
        format: TextFormat::Plain,
        attachments: Vec::new(),
    })
}

fn custom(name: &str, data: Value) -> EventBody {
    EventBody::Custom(Custom {
        name: name.into(),
        data: data.to_string(),
    })
}

fn postback(data: Value, text: Option<&str>, message: Option<&str>) -> EventBody {
    EventBody::Postback(Postback {
        data: data.to_string(),
        text: text.map(str::to_owned),
        message_id: message.map(str::to_owned),
    })
}

#[test]
fn a_message_carries_who_where_and_when() {
    install(Platform::default());
    let outcome = ingress(&activity(json!({
        "conversation": in_channel(), "replyToId": "16",
        "text": "<at>Help Desk</at> where is my parcel?",
        "entities": [{"type": "mention", "mentioned": {"id": format!("28:{APP}"), "name": "Help Desk"}, "text": "<at>Help Desk</at>"}],
        "attachments": [{"contentType": "text/html", "content": "<p>where is my parcel?</p>"}]
    })))
    .unwrap();
    let [event] = &outcome.events[..] else {
        panic!("{outcome:?}")
    };
    assert_eq!(event.id, "1767224924615");
    assert_eq!(
        event.dedupe_key,
        "19:general@thread.tacv2;messageid=17|1767224924615"
    );
    assert_eq!(event.time_ms, 1_767_406_652_309);
    assert_eq!(
        event.conversation,
        Conversation {
            id: "19:general@thread.tacv2".into(),
            thread: Some("17".into()),
            kind: ConversationKind::Channel
        }
    );
    assert_eq!(
        event.sender,
        Participant {
            id: "e-ada".into(),
            name: Some("Ada".into()),
            locale: Some("en-US".into()),
            is_bot: false
        }
    );
    assert_eq!(event.reply_to.as_deref(), Some("16"));
    assert_eq!(event.body, text("where is my parcel?"));
}

#[test]
fn every_kind_of_activity_is_an_event_or_knowingly_none() {
    install(Platform::default());
    let person = |id: &str, is_bot| Participant {
        id: id.into(),
        name: None,
        locale: None,
        is_bot,
    };
    let bot = format!("28:{APP}");
    let reaction = |emoji: &str, added| {
        EventBody::Reaction(Reaction {
            message_id: "16".into(),
            emoji: emoji.into(),
            added,
        })
    };
    for (changes, bodies_meant) in [
        (json!({}), vec![text("hello")]),
        (json!({"text": null}), vec![text("")]),
        (
            json!({"text": "/start  now ", "textFormat": "markdown"}),
            vec![EventBody::Command(Command {
                name: "start".into(),
                arguments: "now".into(),
            })],
        ),
        (json!({"text": "/ no command"}), vec![text("/ no command")]),
        (
            json!({"text": "**b**", "textFormat": "markdown"}),
            vec![EventBody::Message(Message {
                text: "**b**".into(),
                format: TextFormat::Markdown,
                attachments: vec![],
            })],
        ),
        (
            json!({"text": null, "value": {"a": 1, "msteams": {"type": "x"}}, "replyToId": "16"}),
            vec![postback(json!({"a": 1}), None, Some("16"))],
        ),
        (
            json!({"text": "Yes", "value": "yes"}),
            vec![postback(json!("yes"), Some("Yes"), None)],
        ),
        (
            json!({"text": "Yes", "value": {"msteams": {}}}),
            vec![text("Yes")],
        ),
        (
            json!({"text": null, "value": {}}),
            vec![postback(json!({}), None, None)],
        ),
        (
            json!({"type": "messageUpdate", "text": "hello!", "channelData": {"eventType": "editMessage"}}),
            vec![EventBody::Edited(Edit {
                message_id: "1767224924615".into(),
                text: "hello!".into(),
            })],
        ),
        (
            json!({"type": "messageDelete", "text": null, "channelData": {"eventType": "softDeleteMessage"}}),
            vec![EventBody::Deleted("1767224924615".into())],
        ),
        (
            json!({"type": "messageReaction", "id": "f:1", "replyToId": "16", "reactionsAdded": [{"type": "like"}, {"type": "1f440_eyes"}], "reactionsRemoved": [{"type": "heart"}]}),
            vec![
                reaction("👍", true),
                reaction("1f440_eyes", true),
                reaction("❤️", false),
            ],
        ),
        (
            json!({"type": "messageReaction", "replyToId": "16"}),
            vec![],
        ),
        (
            json!({"type": "conversationUpdate", "membersAdded": [{"id": "29:ada", "aadObjectId": "e-ada"}, {"id": bot}]}),
            vec![EventBody::Joined(vec![
                person("e-ada", false),
                person(&bot, true),
            ])],
        ),
        (
            json!({"type": "conversationUpdate", "membersRemoved": [{"id": "29:ada"}]}),
            vec![EventBody::Left(vec![person("29:ada", false)])],
        ),
        (
            json!({"type": "conversationUpdate", "channelData": {"eventType": "teamRenamed", "team": {"name": "T"}}}),
            vec![custom(
                "team-renamed",
                json!({"eventType": "teamRenamed", "team": {"name": "T"}}),
            )],
        ),
        (
            json!({"type": "conversationUpdate", "channelData": {"eventType": "channelCreated"}}),
            vec![custom(
                "channel-created",
                json!({"eventType": "channelCreated"}),
            )],
        ),
        (
            json!({"type": "conversationUpdate", "channelData": {"eventType": "unheardOf"}}),
            vec![],
        ),
        (json!({"type": "conversationUpdate"}), vec![]),
        (
            json!({"type": "installationUpdate", "action": "add", "channelData": {"a": 1}}),
            vec![custom("installed", json!({"a": 1}))],
        ),
        (
            json!({"type": "installationUpdate", "action": "remove", "channelData": {}}),
            vec![custom("uninstalled", json!({}))],
        ),
        (json!({"type": "installationUpdate", "action": "x"}), vec![]),
        (
            json!({"type": "typing", "id": null}),
            vec![EventBody::Typing],
        ),
        (
            json!({"type": "event", "name": "application/vnd.microsoft.readReceipt", "value": {"lastReadMessageId": "16"}}),
            vec![EventBody::DeliveryStatus(DeliveryStatus {
                message_id: "16".into(),
                state: DeliveryState::Read,
                error: None,
            })],
        ),
        (
            json!({"type": "event", "name": "application/vnd.microsoft.meetingStart", "value": {"Id": "x"}}),
            vec![custom("meeting-start", json!({"Id": "x"}))],
        ),
        (
            json!({"type": "event", "name": "tokens/response", "value": {"token": "t"}}),
            vec![],
        ),
        (json!({"type": "event", "name": "unheard/of"}), vec![]),
        (
            json!({"type": "endOfConversation", "value": 1}),
            vec![custom("end-of-conversation", json!({"value": 1}))],
        ),
        (
            json!({"type": "handoff", "name": "handoff.initiate", "value": 1}),
            vec![custom(
                "handoff",
                json!({"name": "handoff.initiate", "value": 1}),
            )],
        ),
        (
            json!({"type": "contactRelationUpdate", "action": "add"}),
            vec![],
        ),
        (json!({"type": "deleteUserData"}), vec![]),
        (json!({"type": "suggestion"}), vec![]),
        (json!({"type": "trace"}), vec![]),
        (json!({"type": "somethingNew", "value": {"a": 1}}), vec![]),
    ] {
        assert_eq!(bodies(changes.clone()), bodies_meant, "{changes}");
    }
}

#[test]
fn what_the_bot_said_itself_is_not_told_to_it() {
    install(Platform::default());
    let me = json!({"id": format!("28:{APP}")});
    for kind in [
        "message",
        "messageUpdate",
        "messageDelete",
        "typing",
        "messageReaction",
    ] {
        let changes = json!({"type": kind, "from": me, "replyToId": "16", "reactionsAdded": [{"type": "like"}]});
        assert_eq!(bodies(changes), [], "{kind}");
    }
}

#[test]
fn incident_13_the_same_activity_has_the_same_key_and_every_other_one_another() {
    install(Platform::default());
    let mut keys = std::collections::HashSet::new();
    let later = "2026-01-03T02:17:33Z";
    for changes in [
        json!({}),
        json!({"id": "2"}),
        json!({"conversation": {"id": "a:bob", "conversationType": "personal"}}),
        json!({"type": "messageUpdate"}),
        json!({"type": "messageUpdate", "timestamp": later}),
        json!({"type": "messageDelete"}),
        json!({"type": "messageReaction", "replyToId": "1", "reactionsAdded": [{"type": "like"}], "reactionsRemoved": [{"type": "like"}]}),
        json!({"type": "messageReaction", "replyToId": "1", "timestamp": later, "reactionsAdded": [{"type": "like"}]}),
        json!({"type": "conversationUpdate", "membersAdded": [{"id": "a"}], "membersRemoved": [{"id": "b"}]}),
    ] {
        let once = ingress(&activity(changes.clone())).unwrap().events;
        // Whatever differs between two deliveries, it is not the activity.
        let again = ingress_at(&activity(changes.clone()), NOW + 1000)
            .unwrap()
            .events;
        let keys_of = |events: &[greentic_sdk::model::Event]| -> Vec<_> {
            events
                .iter()
                .map(|event| event.dedupe_key.clone())
                .collect()
        };
        assert_eq!(keys_of(&once), keys_of(&again), "{changes}");
        for key in keys_of(&once) {
            assert!(key.len() <= 512);
            assert!(keys.insert(key.clone()), "{changes}: {key}");
        }
    }
    let long = json!({"conversation": {"id": "c".repeat(500)}, "id": "i".repeat(500)});
    let key = &ingress(&activity(long)).unwrap().events[0].dedupe_key;
    assert_eq!(key.len(), 32);
}

#[test]
fn a_malformed_activity_says_what_is_wrong_and_makes_no_event() {
    install(Platform::default());
    for changes in [
        json!({"type": "messageReaction", "replyToId": null, "reactionsAdded": [{"type": "like"}]}),
        json!({"type": "messageUpdate", "id": null}),
        json!({"type": "messageDelete", "id": null}),
        json!({"type": "event", "name": "application/vnd.microsoft.readReceipt", "value": {}}),
        json!({"type": "typing", "id": null, "timestamp": null}),
        json!({"text": null, "value": {"x": "y".repeat(300_000)}}),
    ] {
        let outcome = ingress(&activity(changes.clone())).unwrap();
        assert!(outcome.malformed.is_some(), "{changes:.80}");
        assert_eq!((outcome.events.len(), outcome.response.status), (0, 200));
    }
}

#[test]
fn many_people_come_in_events_that_fit() {
    install(Platform::default());
    let people: Vec<_> = (0..600)
        .map(|at| json!({"id": format!("29:{at}")}))
        .collect();
    let bodies = bodies(json!({"type": "conversationUpdate", "membersAdded": people}));
    let sizes: Vec<_> = bodies
        .iter()
        .map(|body| match body {
            EventBody::Joined(people) => people.len(),
            _ => 0,
        })
        .collect();
    assert_eq!(sizes, [256, 256, 88]);
}

#[test]
fn a_conversation_and_its_person_are_remembered_and_written_only_when_they_change() {
    install(Platform::default());
    bodies(json!({}));
    let kept = memory::get("conversation/a:ada").unwrap().unwrap();
    let reference: Value = serde_json::from_slice(&kept).unwrap();
    assert_eq!(reference["service"], "https://smba.trafficmanager.net/amer");
    assert_eq!(reference["person"], "29:ada");
    assert_eq!(
        memory::get("member/e-ada").unwrap().as_deref(),
        Some(&b"29:ada"[..])
    );
    ingress_at(&activity(json!({})), NOW + 1000).unwrap();
    assert_eq!(
        memory::get("conversation/a:ada").unwrap(),
        Some(kept.clone()),
        "nothing new"
    );
    ingress_at(&activity(json!({})), NOW + 25 * 3_600_000).unwrap();
    assert_ne!(
        memory::get("conversation/a:ada").unwrap(),
        Some(kept),
        "kept alive"
    );
    // Something the bot's own account sends does not make it the person.
    ingress(&activity(
        json!({"type": "conversationUpdate", "from": {"id": format!("28:{APP}")}}),
    ))
    .unwrap();
    let kept = memory::get("conversation/a:ada").unwrap().unwrap();
    assert_eq!(
        serde_json::from_slice::<Value>(&kept).unwrap()["person"],
        "29:ada"
    );
}
