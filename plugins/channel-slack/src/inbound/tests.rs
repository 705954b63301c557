//! Every kind of event Slack sends, against what becomes of it; interaction and commands are in `interaction`.

mod interaction;

use greentic_sdk::channel::{Channel, IngressError, IngressOutcome};
use greentic_sdk::http::Response;
use greentic_sdk::model::{ConversationKind, Event, EventBody, Header};
use greentic_sdk::native::{install, set_clock};
use serde_json::{Value, json};

use crate::identity::Identity;
use crate::testing::{
    self, NOW_S, called, envelope, ingress_form, ingress_json, ingress_payload, install_usual,
    install_with, message, stand_in,
};

fn told(event: &Value) -> IngressOutcome {
    install_usual();
    ingress_json(&envelope(event)).unwrap()
}

fn one(outcome: IngressOutcome) -> Event {
    assert_eq!(
        (outcome.response.status, outcome.ignored, &outcome.malformed),
        (200, 0, &None)
    );
    let [event] = outcome.events.as_slice() else {
        panic!("{outcome:?}")
    };
    event.clone()
}

#[track_caller]
fn is_ignored(outcome: &IngressOutcome) {
    assert_eq!(
        (
            outcome.response.status,
            outcome.ignored,
            outcome.events.len(),
            &outcome.malformed
        ),
        (200, 1, 0, &None)
    );
}

#[test]
fn the_challenge_comes_back_as_text_once_it_is_verified() {
    install_usual();
    let body = json!({"token": "t", "challenge": "abc123", "type": "url_verification"});
    let outcome = ingress_json(&body).unwrap();
    assert_eq!(
        (outcome.response.status, outcome.response.body.as_slice()),
        (200, b"abc123".as_slice())
    );
    assert_eq!((outcome.events.len(), outcome.ignored), (0, 0));
    let body = body.to_string();
    let forged = testing::signed(b"another", body.as_bytes(), "application/json", NOW_S);
    assert!(matches!(
        crate::Slack::ingress(forged),
        Err(IngressError::Unverified(_))
    ));
    assert!(called().is_empty());
}

#[test]
fn a_message_carries_who_said_what_where_and_when() {
    let event = one(told(&message(
        &json!({"text": "<@UBOT> a &amp; b <https://x.example|docs>"}),
    )));
    assert_eq!(event.said(), Some("a & b docs (https://x.example)"));
    assert_eq!(
        (event.id.as_str(), event.dedupe_key.as_str()),
        ("1764000000.000100", "message/T1/C1/1764000000.000100")
    );
    assert_eq!(event.time_ms, 1_764_000_000_000);
    assert_eq!(
        (
            event.conversation.id.as_str(),
            event.conversation.thread.as_deref(),
            event.conversation.kind
        ),
        ("C1", None, ConversationKind::Channel)
    );
    assert_eq!(
        (
            event.sender.id.as_str(),
            event.sender.name.as_deref(),
            event.sender.locale.as_deref()
        ),
        ("U1", Some("Ada"), Some("de-CH"))
    );
    assert_eq!((event.sender.is_bot, event.reply_to), (false, None));
}

#[test]
fn incident_01_one_message_under_several_events_has_one_key() {
    let keys: Vec<String> = [
        json!({}),
        json!({"type": "app_mention"}),
        json!({"event_ts": "1764000009.000000"}),
        json!({"subtype": "file_share", "files": [{"id": "F1"}]}),
    ]
    .iter()
    .map(|more| {
        let mut body = envelope(&message(more));
        body["event_id"] = json!(format!("Ev{more}"));
        install_usual();
        one(ingress_json(&body).unwrap()).dedupe_key
    })
    .collect();
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    let other = one(told(&message(&json!({"ts": "1764000000.000200"})))).dedupe_key;
    assert_ne!(other, keys[0]);
}

#[test]
fn the_kind_of_a_place_and_the_thread_are_told() {
    for (more, kind, thread) in [
        (
            json!({"channel": "D1", "channel_type": "im"}),
            ConversationKind::Direct,
            None,
        ),
        (
            json!({"channel": "G1", "channel_type": "mpim"}),
            ConversationKind::Group,
            None,
        ),
        (
            json!({"channel": "C2", "channel_type": "group"}),
            ConversationKind::Group,
            None,
        ),
        (
            json!({"channel": "D1", "channel_type": null}),
            ConversationKind::Direct,
            None,
        ),
        (
            json!({"thread_ts": "1763000000.000100"}),
            ConversationKind::Channel,
            Some("1763000000.000100"),
        ),
        (
            json!({"thread_ts": "1764000000.000100"}),
            ConversationKind::Channel,
            None,
        ),
        (
            json!({"thread_ts": "1763000000.000100", "subtype": "thread_broadcast"}),
            ConversationKind::Channel,
            Some("1763000000.000100"),
        ),
    ] {
        let event = one(told(&message(&more)));
        assert_eq!(
            (
                event.conversation.kind,
                event.conversation.thread.as_deref()
            ),
            (kind, thread),
            "{more}"
        );
        assert_eq!(event.reply_to.as_deref(), thread);
    }
}

#[test]
fn with_threads_wanted_a_message_in_a_channel_opens_its_own() {
    for (more, thread) in [
        (json!({}), Some("1764000000.000100")),
        (json!({"channel": "D1", "channel_type": "im"}), None),
        (
            json!({"thread_ts": "1763000000.000100"}),
            Some("1763000000.000100"),
        ),
    ] {
        install(stand_in(|_| None).config("reply-in-thread", "true"));
        set_clock(NOW_S * 1000);
        let event = one(ingress_json(&envelope(&message(&more))).unwrap());
        assert_eq!(event.conversation.thread.as_deref(), thread, "{more}");
    }
}

#[test]
fn files_come_as_signed_addresses_of_this_host() {
    let event = one(told(&message(&json!({
        "subtype": "file_share", "text": "",
        "files": [
            {"id": "F1", "name": "a.png", "mimetype": "image/png", "size": 12, "url_private": "https://files.slack.com/files-pri/T1-F1/a.png"},
            {"id": "F2", "is_external": true, "name": "doc", "url_private": "https://docs.example/d"},
            {"id": "F3", "mode": "tombstone"},
            {"name": "without an id"},
        ],
    }))));
    let EventBody::Message(message) = event.body else {
        panic!()
    };
    assert_eq!(message.text, "");
    let [own, external] = message.attachments.as_slice() else {
        panic!("{message:?}")
    };
    assert_eq!(
        (own.name.as_str(), own.content_type.as_str(), own.size),
        ("a.png", "image/png", Some(12))
    );
    let url = own.url.as_deref().unwrap();
    assert!(
        url.starts_with(
            "https://bot.example.com/v1/messaging/slack/demo/default/slack/files/F1?exp="
        ),
        "{url}"
    );
    assert!(!url.contains("files.slack.com"));
    assert_eq!(external.url.as_deref(), Some("https://docs.example/d"));
}

#[test]
fn our_own_events_are_ignored_and_those_of_other_bots_are_not() {
    for more in [
        json!({"user": "UBOT"}),
        json!({"user": "UBOT", "bot_id": "BBOT"}),
        json!({"user": null, "bot_id": "BBOT", "subtype": "bot_message"}),
    ] {
        is_ignored(&told(&message(&more)));
    }
    let event = one(told(&message(
        &json!({"user": null, "bot_id": "B2", "subtype": "bot_message", "username": "deploy"}),
    )));
    assert_eq!(
        (
            event.sender.id.as_str(),
            event.sender.name.as_deref(),
            event.sender.is_bot
        ),
        ("B2", Some("deploy"), true)
    );
    install(stand_in(|_| None).config("ignore-bots", "true"));
    set_clock(NOW_S * 1000);
    is_ignored(&ingress_json(&envelope(&message(&json!({"bot_id": "B2"})))).unwrap());
}

#[test]
fn where_the_identity_cannot_be_asked_a_persons_message_passes_and_a_bots_is_sent_again() {
    let down = || {
        install_with(|request| match testing::method(request) {
            "auth.test" => Some(Ok(Response::of(500, "text/plain", ""))),
            _ => None,
        });
    };
    down();
    assert_eq!(
        one(ingress_json(&envelope(&message(&json!({})))).unwrap()).said(),
        Some("hello")
    );
    down();
    is_ignored(&ingress_json(&envelope(&message(&json!({"user": "UBOT"})))).unwrap());
    down();
    let bots = ingress_json(&envelope(&message(&json!({"bot_id": "B2"}))));
    assert!(
        matches!(bots, Err(IngressError::Unavailable(_))),
        "{bots:?}"
    );
    Identity::forget();
}

#[test]
fn incident_01_a_retry_is_read_like_any_other_request() {
    install_usual();
    let body = envelope(&message(&json!({}))).to_string();
    let first = one(testing::ingress(body.as_bytes(), "application/json").unwrap());
    let mut again = testing::signed(testing::SECRET, body.as_bytes(), "application/json", NOW_S);
    again.headers.push(Header::new("x-slack-retry-num", "2"));
    again
        .headers
        .push(Header::new("x-slack-retry-reason", "http_timeout"));
    assert_eq!(one(crate::Slack::ingress(again).unwrap()), first);
}

#[test]
fn changes_and_deletions_name_the_message_they_are_about() {
    let inner = |text: &str| json!({"type": "message", "user": "U1", "text": text, "ts": "1763000000.000100", "thread_ts": "1762000000.000100"});
    let changed = |more: Value| {
        let mut event = message(
            &json!({"subtype": "message_changed", "user": null, "message": inner("new"), "previous_message": inner("old")}),
        );
        event
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        event
    };
    let event = one(told(&changed(json!({}))));
    let EventBody::Edited(edit) = &event.body else {
        panic!("{event:?}")
    };
    assert_eq!(
        (edit.message_id.as_str(), edit.text.as_str()),
        ("1763000000.000100", "new")
    );
    assert_eq!(
        (event.id.as_str(), event.dedupe_key.as_str()),
        ("Ev1", "event/Ev1")
    );
    assert_eq!(
        event.conversation.thread.as_deref(),
        Some("1762000000.000100")
    );
    // A link was unfurled.
    is_ignored(&told(&changed(json!({"previous_message": inner("new")}))));
    // Our own.
    is_ignored(&told(&changed(
        json!({"message": {"user": "UBOT", "text": "x", "ts": "1.1"}}),
    )));
    let tombstone = json!({"subtype": "tombstone", "user": "USLACKBOT", "text": "This message was deleted.", "ts": "1763000000.000100"});
    let event = one(told(&changed(json!({"message": tombstone}))));
    assert_eq!(event.body, EventBody::Deleted("1763000000.000100".into()));

    let deleted = message(
        &json!({"subtype": "message_deleted", "user": null, "deleted_ts": "1763000000.000100", "previous_message": inner("old")}),
    );
    let event = one(told(&deleted));
    assert_eq!(
        (event.body, event.sender.id.as_str()),
        (EventBody::Deleted("1763000000.000100".into()), "U1")
    );
}

#[test]
fn reactions_memberships_and_the_assistant_are_told() {
    for (kind, added) in [("reaction_added", true), ("reaction_removed", false)] {
        let event = one(told(
            &json!({"type": kind, "user": "U1", "reaction": "+1", "item_user": "UBOT", "item": {"type": "message", "channel": "C1", "ts": "1.000100"}, "event_ts": "2.5"}),
        ));
        let EventBody::Reaction(reaction) = &event.body else {
            panic!("{event:?}")
        };
        assert_eq!(
            (
                reaction.message_id.as_str(),
                reaction.emoji.as_str(),
                reaction.added
            ),
            ("1.000100", "👍", added)
        );
        assert_eq!(
            (event.time_ms, event.conversation.id.as_str()),
            (2_500, "C1")
        );
    }
    is_ignored(&told(
        &json!({"type": "reaction_added", "user": "U1", "reaction": "x", "item": {"type": "file", "file": "F1"}}),
    ));
    is_ignored(&told(
        &json!({"type": "reaction_added", "user": "UBOT", "reaction": "x", "item": {"type": "message", "channel": "C1", "ts": "1.1"}}),
    ));

    let member = |kind: &str, user: &str| {
        one(told(
            &json!({"type": kind, "user": user, "channel": "C1", "channel_type": "C", "event_ts": "2.5"}),
        ))
    };
    let EventBody::Joined(people) = member("member_joined_channel", "UBOT").body else {
        panic!()
    };
    assert!(people[0].is_bot, "the bot hears of its own joining");
    let EventBody::Left(people) = member("member_left_channel", "U1").body else {
        panic!()
    };
    assert_eq!((people[0].id.as_str(), people[0].is_bot), ("U1", false));

    let event = one(told(
        &json!({"type": "assistant_thread_started", "event_ts": "3.5", "assistant_thread": {"user_id": "U1", "channel_id": "D1", "thread_ts": "3.000100"}}),
    ));
    assert!(matches!(event.body, EventBody::Joined(_)));
    assert_eq!(
        (
            event.conversation.thread.as_deref(),
            event.conversation.kind
        ),
        (Some("3.000100"), ConversationKind::Direct)
    );
}

#[test]
fn what_is_of_no_interest_is_acknowledged_and_counted() {
    for kind in [
        "app_home_opened",
        "app_uninstalled",
        "channel_archive",
        "channel_created",
        "channel_rename",
        "channel_shared",
        "dnd_updated",
        "emoji_changed",
        "file_created",
        "file_shared",
        "im_open",
        "link_shared",
        "pin_added",
        "star_added",
        "subteam_updated",
        "team_join",
        "tokens_revoked",
        "user_change",
        "user_huddle_changed",
        "workflow_deleted",
        "assistant_thread_context_changed",
        "something_new",
    ] {
        is_ignored(&told(
            &json!({"type": kind, "user": {"id": "U1"}, "event_ts": "1.1"}),
        ));
    }
    for subtype in [
        "channel_join",
        "channel_topic",
        "message_replied",
        "reminder_add",
        "ekm_access_denied",
        "new_subtype",
    ] {
        is_ignored(&told(&message(&json!({"subtype": subtype}))));
    }
    is_ignored(&told(&message(&json!({"text": "", "blocks": []}))));
    is_ignored(&told(
        &json!({"type": "app_rate_limited", "minute_rate_limited": 1}),
    ));
    install_usual();
    for body in [
        json!({"type": "app_rate_limited", "team_id": "T1", "minute_rate_limited": 1}),
        json!({"type": "something_new"}),
    ] {
        is_ignored(&ingress_json(&body).unwrap());
    }
    for kind in [
        "view_closed",
        "interactive_message",
        "dialog_submission",
        "dialog_cancellation",
        "workflow_step_edit",
        "something_new",
    ] {
        is_ignored(&ingress_payload(&json!({ "type": kind })));
    }
    let outcome = ingress_payload(&json!({"type": "block_suggestion", "user": {"id": "U1"}}));
    assert_eq!(outcome.response.body, br#"{"options":[]}"#);
    is_ignored(&outcome);
    is_ignored(&ingress_form(&[("ssl_check", "1")]));
}

#[test]
fn what_cannot_be_understood_is_acknowledged_and_kept() {
    install_usual();
    for body in [
        "",
        "{",
        "[]",
        "null",
        "\"x\"",
        "{}",
        r#"{"type":7}"#,
        r#"{"type":"event_callback"}"#,
        r#"{"type":"event_callback","event":[]}"#,
        r#"{"type":"url_verification"}"#,
        r#"{"type":"event_callback","event":{}}"#,
    ] {
        let outcome = testing::ingress(body.as_bytes(), "application/json").unwrap();
        assert_eq!(outcome.response.status, 200, "{body}");
        assert!(
            outcome.malformed.is_some() && outcome.events.is_empty(),
            "{body}: {outcome:?}"
        );
    }
    for event in [
        message(&json!({"channel": null})),
        message(&json!({"ts": 5})),
        message(&json!({"user": null})),
        json!({"type": "reaction_added", "item": {"type": "message"}}),
        json!({"type": "member_joined_channel"}),
    ] {
        assert!(told(&event).malformed.is_some(), "{event}");
    }
    let mut nameless =
        envelope(&json!({"type": "member_joined_channel", "user": "U1", "channel": "C1"}));
    nameless["event_id"] = Value::Null;
    install_usual();
    assert!(ingress_json(&nameless).unwrap().malformed.is_some());
    for pairs in [
        [("payload", "{"), ("x", "")],
        [("payload", "{\"type\":\"block_actions\"}"), ("x", "")],
        [("command", "/a"), ("team_id", "T1")],
        [("neither", "1"), ("nor", "2")],
    ] {
        assert!(ingress_form(&pairs).malformed.is_some(), "{pairs:?}");
    }
}
