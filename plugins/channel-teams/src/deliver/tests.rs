mod files;
mod outcomes;
mod places;
mod token;

use greentic_sdk::channel::{Delivery, DeliveryError, Receipt, memory};
use greentic_sdk::http::{Fault, Response};
use greentic_sdk::model::{
    Attachment, Card, Conversation, ConversationKind, Edit, Outbound, OutboundBody, QuickReplies,
    QuickReply, Reaction, Text, TextFormat,
};
use greentic_sdk::native;
use serde_json::{Value, json};

use super::{TEXT, deliver};
use crate::testing::{
    APP, NOW, Platform, SECRET, TENANT, TOKEN, activity, calls, in_channel, ingress, install,
    settings,
};

fn direct() -> Conversation {
    Conversation::direct("a:ada")
}

fn thread() -> Conversation {
    Conversation {
        id: "19:general@thread.tacv2".into(),
        thread: Some("17".into()),
        kind: ConversationKind::Channel,
    }
}

fn delivery(conversation: &Conversation, body: OutboundBody) -> Delivery {
    Delivery {
        id: "d1".into(),
        attempt: 1,
        message: Outbound::new(conversation, body),
    }
}

fn send(delivery: &Delivery) -> Result<Receipt, DeliveryError> {
    deliver(&settings(), delivery)
}

fn text(text: &str) -> OutboundBody {
    OutboundBody::Text(Text {
        text: text.into(),
        format: TextFormat::Plain,
    })
}

fn downgrades(receipt: &Receipt) -> Vec<(&str, &str)> {
    receipt
        .downgrades
        .iter()
        .map(|downgrade| (downgrade.feature.as_str(), downgrade.instead.as_str()))
        .collect()
}

/// The one call after a conversation was heard from, its answer left to the platform.
fn only_call() -> (String, String, Value) {
    let mut calls = calls();
    assert_eq!(calls.len(), 1, "{calls:?}");
    calls.remove(0)
}

/// A host that has heard from Ada in a chat and in a channel's thread.
fn heard() -> crate::testing::Script {
    let (script, _) = install(Platform::default());
    ingress(&activity(json!({}))).unwrap();
    ingress(&activity(json!({"conversation": in_channel()}))).unwrap();
    script
}

#[test]
fn a_text_goes_to_the_conversations_own_connector_with_the_token() {
    heard();
    let receipt = send(&delivery(&direct(), text("hello & <b>"))).unwrap();
    assert_eq!(receipt, Receipt::one("m1"));
    let (method, path, body) = only_call();
    assert_eq!(
        (method.as_str(), path.as_str()),
        ("POST", "/v3/conversations/a%3Aada/activities")
    );
    assert_eq!(
        body,
        json!({
            "type": "message", "from": {"id": format!("28:{APP}")}, "conversation": {"id": "a:ada"},
            "recipient": {"id": "29:ada"}, "text": "hello & <b>", "textFormat": "plain"
        })
    );
    let requests = native::requests();
    let call = requests.last().unwrap();
    assert!(
        call.url
            .starts_with("https://smba.trafficmanager.net/amer/v3/"),
        "{}",
        call.url
    );
    assert_eq!(
        call.header_value("authorization"),
        Some("Bearer eyJ.access.token")
    );
}

#[test]
fn a_thread_and_an_answer_stand_in_the_path() {
    heard();
    let mut answer = delivery(&thread(), text("there"));
    answer.message.reply_to = Some("18".into());
    send(&answer).unwrap();
    let (_, path, body) = only_call();
    assert_eq!(
        path,
        "/v3/conversations/19%3Ageneral%40thread.tacv2%3Bmessageid%3D17/activities/18"
    );
    assert_eq!(body["replyToId"], "18");
    assert_eq!(
        body["conversation"]["id"],
        "19:general@thread.tacv2;messageid=17"
    );
    assert_eq!(body["recipient"], Value::Null);
}

#[test]
fn every_other_body_is_its_own_call() {
    let edit = |id: &str| Edit {
        message_id: id.into(),
        text: "**new**".into(),
    };
    let reaction = |emoji: &str, added| {
        OutboundBody::Reaction(Reaction {
            message_id: "9".into(),
            emoji: emoji.into(),
            added,
        })
    };
    for (body, method, path) in [
        (OutboundBody::Typing, "POST", "activities"),
        (OutboundBody::Edit(edit("9")), "PUT", "activities/9"),
        (OutboundBody::Delete("9".into()), "DELETE", "activities/9"),
        (reaction("👍", true), "PUT", "activities/9/reactions/like"),
        (
            reaction("❤️", false),
            "DELETE",
            "activities/9/reactions/heart",
        ),
        (
            reaction("1f440_eyes", true),
            "PUT",
            "activities/9/reactions/1f440_eyes",
        ),
    ] {
        heard();
        let receipt = send(&delivery(&direct(), body.clone())).unwrap();
        assert_eq!(downgrades(&receipt), [], "{body:?}");
        let (used, at, sent) = only_call();
        assert_eq!(used, method);
        assert_eq!(at, format!("/v3/conversations/a%3Aada/{path}"));
        match body {
            OutboundBody::Typing => assert_eq!(sent["type"], "typing"),
            OutboundBody::Edit(_) => {
                assert_eq!(
                    (&sent["id"], &sent["text"]),
                    (&json!("9"), &json!("**new**"))
                );
                assert_eq!(receipt.message_ids, ["9"]);
            }
            _ => assert_eq!(sent, Value::Null),
        }
    }
}

#[test]
fn a_reaction_teams_has_not_is_said_and_what_was_never_set_is_not_taken_away() {
    heard();
    let crab = |added| {
        OutboundBody::Reaction(Reaction {
            message_id: "9".into(),
            emoji: "🦀".into(),
            added,
        })
    };
    let receipt = send(&delivery(&direct(), crab(true))).unwrap();
    assert_eq!(downgrades(&receipt)[0].0, "reactions-out");
    let (_, path, body) = only_call();
    assert!(path.ends_with("/activities/9"), "{path}");
    assert_eq!(body["text"], "🦀");
    heard();
    let receipt = send(&delivery(&direct(), crab(false))).unwrap();
    assert_eq!(downgrades(&receipt)[0].0, "reactions-out");
    assert_eq!(calls(), []);
}

#[test]
fn a_card_is_sent_alone_with_its_fallback_as_the_notification() {
    heard();
    let card = |json: &str, fallback: &str| {
        OutboundBody::Card(Card {
            json: json.into(),
            fallback: fallback.into(),
        })
    };
    let whole =
        r#"{"type":"AdaptiveCard","version":"1.5","body":[{"type":"TextBlock","text":"t"}]}"#;
    let receipt = send(&delivery(&direct(), card(whole, "A card"))).unwrap();
    assert_eq!(downgrades(&receipt), []);
    let (_, _, body) = only_call();
    assert_eq!(
        body["attachments"][0]["contentType"],
        "application/vnd.microsoft.card.adaptive"
    );
    assert_eq!(body["attachments"][0]["content"]["version"], "1.5");
    assert_eq!(
        (&body["text"], &body["summary"]),
        (&Value::Null, &json!("A card"))
    );

    heard();
    let newer = whole.replace("1.5", "1.6");
    let receipt = send(&delivery(&direct(), card(&newer, ""))).unwrap();
    assert_eq!(downgrades(&receipt), [("cards", "shown as version 1.5")]);
    assert_eq!(only_call().2["attachments"][0]["content"]["version"], "1.5");

    let large = format!(
        r#"{{"type":"AdaptiveCard","version":"1.5","body":[{{"type":"TextBlock","text":"{}"}}]}}"#,
        "x".repeat(52_000)
    );
    for wrong in [large.as_str(), "{", r#"{"type":"HeroCard"}"#] {
        heard();
        let receipt = send(&delivery(&direct(), card(wrong, "*instead*"))).unwrap();
        assert_eq!(downgrades(&receipt)[0].0, "cards");
        assert_eq!(only_call().2["text"], "_instead_");
        heard();
        let outcome = send(&delivery(&direct(), card(wrong, " ")));
        assert!(
            matches!(outcome, Err(DeliveryError::Rejected(_))),
            "{outcome:?}"
        );
        assert_eq!(calls(), []);
    }
}

#[test]
fn replies_are_suggested_to_the_person_and_buttons_of_a_card_everywhere_else() {
    let replies = |count: usize, text: &str| {
        OutboundBody::QuickReplies(QuickReplies {
            text: text.into(),
            options: (0..count)
                .map(|at| QuickReply {
                    title: format!("T{at}"),
                    value: format!("v{at}"),
                })
                .collect(),
        })
    };
    heard();
    let receipt = send(&delivery(&direct(), replies(3, "Which?"))).unwrap();
    assert_eq!(downgrades(&receipt), []);
    let (_, _, body) = only_call();
    assert_eq!(body["text"], "Which?");
    assert_eq!(body["suggestedActions"]["to"], json!(["29:ada"]));
    assert_eq!(
        body["suggestedActions"]["actions"][2],
        json!({"type": "imBack", "title": "T2", "value": "v2"})
    );
    for (conversation, count, text) in [
        (direct(), 4, "Which?"),
        (direct(), 2, ""),
        (thread(), 2, "Which?"),
    ] {
        heard();
        let receipt = send(&delivery(&conversation, replies(count, text))).unwrap();
        assert_eq!(
            downgrades(&receipt),
            [("quick-replies", "sent as a card with buttons")]
        );
        let (_, _, body) = only_call();
        assert_eq!(body["suggestedActions"], Value::Null);
        let card = &body["attachments"][0]["content"];
        let last = card["body"].as_array().unwrap().last().unwrap();
        assert_eq!(last["actions"].as_array().unwrap().len(), count);
    }
    heard();
    send(&delivery(&direct(), replies(0, "Nothing to choose"))).unwrap();
    assert_eq!(only_call().2["text"], "Nothing to choose");
}

#[test]
fn a_long_text_is_several_messages_and_none_is_sent_twice() {
    let script = heard();
    let long = "word ".repeat(TEXT / 2);
    script
        .then(Ok(Response::of_json(201, &json!({"id": "first"}))))
        .status(429);
    let outcome = send(&delivery(&direct(), text(&long)));
    assert!(
        matches!(outcome, Err(DeliveryError::Retry(_))),
        "{outcome:?}"
    );
    let receipt = send(&delivery(&direct(), text(&long))).unwrap();
    assert_eq!(receipt.message_ids[0], "first");
    let sent: Vec<_> = calls()
        .into_iter()
        .map(|call| call.2["text"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        sent.len(),
        receipt.message_ids.len() + 1,
        "one was tried twice"
    );
    assert_eq!(sent[1], sent[2], "the one that was refused");
    for text in &sent {
        assert!(text.encode_utf16().count() <= TEXT);
    }
    let whole: String = [&sent[..1], &sent[2..]].concat().join(" ");
    assert_eq!(whole.split_whitespace().count(), TEXT / 2);
}

#[test]
fn no_text_makes_a_payload_that_the_platform_refuses() {
    for character in ["a\u{1}", "\"", "\\", "é", "👍", "a", "*", "<"] {
        heard();
        let units = character.encode_utf16().count();
        let long = character.repeat(TEXT / units);
        let markdown = OutboundBody::Text(Text {
            text: long.clone(),
            format: TextFormat::Markdown,
        });
        send(&delivery(&direct(), text(&long))).unwrap();
        send(&delivery(&direct(), markdown)).unwrap();
        assert!(calls().len() >= 2);
        for (_, _, body) in calls() {
            let bytes = body.to_string().encode_utf16().count() * 2;
            assert!(bytes <= 100 * 1024, "{character:?}: {bytes}");
        }
    }
}

#[test]
fn a_long_edit_changes_the_message_and_says_the_rest() {
    heard();
    let edit = OutboundBody::Edit(Edit {
        message_id: "9".into(),
        text: "word ".repeat(TEXT / 3),
    });
    let receipt = send(&delivery(&direct(), edit)).unwrap();
    assert_eq!(receipt.message_ids, ["9", "m2"]);
    assert_eq!(downgrades(&receipt)[0].0, "edit");
    let methods: Vec<_> = calls().into_iter().map(|call| call.0).collect();
    assert_eq!(methods, ["PUT", "POST"]);
}
