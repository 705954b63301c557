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
fn what_is_for_one_person_is_targeted_at_that_person_and_never_shown_to_all() {
    let only = |body: OutboundBody, who: &str| {
        let mut delivery = delivery(&thread(), body);
        delivery.message.only_for = Some(who.into());
        delivery
    };
    heard();
    send(&only(text("psst"), "e-ada")).unwrap();
    let (_, path, body) = only_call();
    assert!(
        path.ends_with("/activities?isTargetedActivity=true"),
        "{path}"
    );
    assert_eq!(body["recipient"], json!({"id": "29:ada"}));

    // Somebody never heard from: the Connector knows.
    let script = heard();
    script.then(Ok(Response::of_json(200, &json!({"id": "29:bob"}))));
    send(&only(text("psst"), "e-bob")).unwrap();
    let made = calls();
    assert_eq!(made[0].0, "GET");
    assert!(made[0].1.ends_with("/members/e-bob"), "{}", made[0].1);
    assert_eq!(made[1].2["recipient"], json!({"id": "29:bob"}));

    let script = heard();
    script.status(404);
    let outcome = send(&only(text("psst"), "e-nobody"));
    assert!(
        matches!(outcome, Err(DeliveryError::Rejected(_))),
        "{outcome:?}"
    );
    assert_eq!(calls().len(), 1, "nothing was sent");

    for (body, end) in [
        (
            OutboundBody::Edit(Edit {
                message_id: "9".into(),
                text: "x".into(),
            }),
            "/activities/9?isTargetedActivity=true",
        ),
        (
            OutboundBody::Delete("9".into()),
            "/activities/9?isTargetedActivity=true",
        ),
    ] {
        heard();
        send(&only(body, "e-ada")).unwrap();
        let (_, path, _) = only_call();
        assert!(path.ends_with(end), "{path}");
    }
    let reaction = OutboundBody::Reaction(Reaction {
        message_id: "9".into(),
        emoji: "👍".into(),
        added: true,
    });
    for body in [OutboundBody::Typing, reaction] {
        heard();
        let receipt = send(&only(body, "e-ada")).unwrap();
        assert_eq!(receipt.downgrades.len(), 1);
        assert_eq!(calls(), []);
    }
    // Alone with the bot everything is for one person.
    heard();
    let mut alone = delivery(&direct(), text("psst"));
    alone.message.only_for = Some("e-ada".into());
    send(&alone).unwrap();
    assert!(only_call().1.ends_with("/activities"));
}

#[test]
fn a_person_who_was_never_heard_from_is_written_to_in_a_conversation_that_is_begun_once() {
    install(Platform::default());
    let person = Conversation::direct("12345678-1234-1234-1234-123456789abc");
    for _ in 0..2 {
        send(&delivery(&person, text("hello"))).unwrap();
    }
    let made = calls();
    assert_eq!(made.len(), 3, "{made:?}");
    assert_eq!(made[0].1, "/v3/conversations");
    assert_eq!(
        made[0].2,
        json!({
            "bot": {"id": format!("28:{APP}")}, "isGroup": false, "tenantId": TENANT,
            "members": [{"id": person.id}], "channelData": {"tenant": {"id": TENANT}}
        })
    );
    for call in &made[1..] {
        assert_eq!(call.1, "/v3/conversations/a%3Abegun/activities");
    }
    let requests = native::requests();
    let url = &requests.last().unwrap().url;
    assert!(
        url.starts_with("https://smba.trafficmanager.net/teams/v3/"),
        "{url}"
    );
}

#[test]
fn what_is_said_in_a_channel_without_a_thread_begins_one_and_goes_on_in_it() {
    heard();
    let channel = Conversation {
        thread: None,
        ..thread()
    };
    let long = format!("{}\n\n{}", "a".repeat(TEXT - 10), "b".repeat(TEXT - 10));
    let receipt = send(&delivery(&channel, text(&long))).unwrap();
    assert_eq!(receipt.message_ids, ["m1", "m2"]);
    let made = calls();
    assert_eq!(made[0].1, "/v3/conversations");
    assert_eq!(
        made[0].2["channelData"]["channel"]["id"],
        "19:general@thread.tacv2"
    );
    assert_eq!(made[0].2["isGroup"], true);
    assert_eq!(made[0].2["activity"]["type"], "message");
    assert_eq!(
        made[1].1,
        "/v3/conversations/19%3Ageneral%40thread.tacv2%3Bmessageid%3Dm1/activities"
    );
    // An answer to a message stands in that message's thread.
    heard();
    let mut answer = delivery(&channel, text("x"));
    answer.message.reply_to = Some("17".into());
    send(&answer).unwrap();
    assert_eq!(
        only_call().1,
        "/v3/conversations/19%3Ageneral%40thread.tacv2%3Bmessageid%3D17/activities/17"
    );
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

#[test]
fn each_answer_is_sent_not_sent_or_unknown() {
    let kind = |outcome: Result<Receipt, DeliveryError>| match outcome {
        Ok(_) => "sent".to_owned(),
        Err(DeliveryError::Rejected(_)) => "rejected".into(),
        Err(DeliveryError::Retry(retry)) => format!("retry {:?}", retry.after_ms),
        Err(DeliveryError::Unknown(_)) => "unknown".into(),
    };
    let edit = || {
        OutboundBody::Edit(Edit {
            message_id: "9".into(),
            text: "x".into(),
        })
    };
    for (status, post, put) in [
        (200, "sent", "sent"),
        (202, "sent", "sent"),
        (400, "rejected", "rejected"),
        (403, "rejected", "rejected"),
        (404, "rejected", "rejected"),
        (408, "unknown", "retry None"),
        (409, "rejected", "rejected"),
        (412, "retry None", "retry None"),
        (413, "rejected", "rejected"),
        (429, "retry None", "retry None"),
        (500, "unknown", "retry None"),
        (502, "retry None", "retry None"),
        (503, "unknown", "retry None"),
        (504, "retry None", "retry None"),
    ] {
        heard().status(status);
        assert_eq!(
            kind(send(&delivery(&direct(), text("x")))),
            post,
            "POST {status}"
        );
        heard().status(status);
        assert_eq!(
            kind(send(&delivery(&direct(), edit()))),
            put,
            "PUT {status}"
        );
    }
    for status in [429, 503] {
        let answer = Response::of(status, "text/plain", "").with_header("retry-after", "7");
        heard().then(Ok(answer));
        assert_eq!(
            kind(send(&delivery(&direct(), text("x")))),
            "retry Some(7000)"
        );
    }
    for (body, post, put) in [
        ("<html>sign in</html>", "unknown", "retry None"),
        ("[1]", "unknown", "retry None"),
        ("", "sent", "sent"),
        ("{}", "sent", "sent"),
    ] {
        let page = || Ok(Response::of(200, "text/html", body));
        heard().then(page());
        assert_eq!(
            kind(send(&delivery(&direct(), text("x")))),
            post,
            "POST {body}"
        );
        heard().then(page());
        assert_eq!(kind(send(&delivery(&direct(), edit()))), put, "PUT {body}");
    }
    for (fault, post, put) in [
        (Fault::Refused("r".into()), "rejected", "rejected"),
        (Fault::NotSent("r".into()), "retry None", "retry None"),
        (Fault::Unknown("r".into()), "unknown", "retry None"),
    ] {
        heard().then(Err(fault.clone()));
        assert_eq!(
            kind(send(&delivery(&direct(), text("x")))),
            post,
            "POST {fault}"
        );
        heard().then(Err(fault.clone()));
        assert_eq!(kind(send(&delivery(&direct(), edit()))), put, "PUT {fault}");
    }
    heard();
    assert_eq!(kind(send(&delivery(&direct(), text(" \n ")))), "rejected");
}

fn token_requests() -> Vec<greentic_sdk::http::Request> {
    native::requests()
        .into_iter()
        .filter(|call| call.url.contains("/oauth2/"))
        .collect()
}

#[test]
fn the_token_is_got_with_the_secret_in_the_hosts_hand_and_kept_until_five_minutes_before_its_end() {
    heard();
    for at in [0, 1000, 54 * 60_000] {
        native::set_clock(NOW + at);
        send(&delivery(&direct(), text("x"))).unwrap();
        assert_eq!(token_requests().len(), 1, "after {at} ms");
    }
    native::set_clock(NOW + 55 * 60_000);
    send(&delivery(&direct(), text("x"))).unwrap();
    assert_eq!(token_requests().len(), 2);
    let asked = &token_requests()[0];
    assert_eq!(
        asked.url,
        format!("https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token")
    );
    assert_eq!(
        String::from_utf8_lossy(&asked.body),
        format!(
            "grant_type=client_credentials&client_id={APP}&client_secret=gtsec_teams.client-secret&scope=https%3A%2F%2Fapi.botframework.com%2F.default"
        )
    );
}

#[test]
fn a_token_that_is_refused_is_replaced_once() {
    let script = heard();
    script.status(401);
    send(&delivery(&direct(), text("x"))).unwrap();
    assert_eq!((token_requests().len(), calls().len()), (2, 2));
    script.status(401).status(401);
    let outcome = send(&delivery(&direct(), text("x")));
    assert!(
        matches!(outcome, Err(DeliveryError::Retry(_))),
        "{outcome:?}"
    );
    assert_eq!((token_requests().len(), calls().len()), (3, 4));
}

#[test]
fn without_a_token_nothing_is_sent_and_the_reason_names_no_secret() {
    for (status, body) in [
        (
            401,
            json!({"error": "invalid_client", "error_description": "AADSTS7000215: bad secret s3cret of the app", "error_codes": [7000215]}),
        ),
        (500, json!({})),
        (200, json!({"token_type": "Bearer", "access_token": TOKEN})),
        (
            200,
            json!({"token_type": "mac", "expires_in": 1, "access_token": TOKEN}),
        ),
        (
            200,
            json!({"token_type": "Bearer", "expires_in": 1, "access_token": "a\nb"}),
        ),
    ] {
        let (_, platform) = install(Platform::default());
        platform.borrow_mut().token_answer = Response::of_json(status, &body);
        let outcome = send(&delivery(&direct(), text("x")));
        let Err(DeliveryError::Retry(retry)) = outcome else {
            panic!("{outcome:?}")
        };
        assert!(
            !retry.reason.contains("s3cret") && !retry.reason.contains(TOKEN),
            "{}",
            retry.reason
        );
        if status == 401 {
            assert!(
                retry.reason.contains("invalid_client [7000215]"),
                "{}",
                retry.reason
            );
        }
        assert_eq!(calls(), []);
    }
}

#[test]
fn neither_token_nor_secret_stands_in_a_line_of_the_log_or_a_reason() {
    let script = heard();
    let echo = json!({"error": {"code": "Bad", "message": format!("header was Bearer {TOKEN}")}});
    for status in [400, 500, 429] {
        script.then(Ok(Response::of_json(status, &echo)));
        let outcome = format!("{:?}", send(&delivery(&direct(), text("x"))));
        assert!(outcome.contains("header was Bearer [token]"), "{outcome}");
        assert!(!outcome.contains(TOKEN), "{outcome}");
    }
    let secret = String::from_utf8_lossy(SECRET).into_owned();
    for line in native::lines() {
        assert!(!line.contains(TOKEN) && !line.contains(&secret), "{line}");
    }
}

#[test]
fn a_reference_whose_host_is_not_trusted_any_more_is_not_called() {
    heard();
    let mut reference: Value =
        serde_json::from_slice(&memory::get("conversation/a:ada").unwrap().unwrap()).unwrap();
    reference["service"] = json!("https://evil.example");
    memory::put("conversation/a:ada", reference.to_string().as_bytes(), None).unwrap();
    send(&delivery(&direct(), text("x"))).unwrap();
    assert!(
        native::requests()
            .iter()
            .all(|call| !call.url.contains("evil"))
    );
}

fn attachment(name: &str, kind: &str, url: Option<&str>, content: Option<&[u8]>) -> OutboundBody {
    OutboundBody::Attachment(Attachment {
        name: name.into(),
        content_type: kind.into(),
        url: url.map(str::to_owned),
        content: content.map(<[u8]>::to_vec),
        size: None,
    })
}

#[test]
fn pictures_are_shown_and_other_files_are_offered_or_linked() {
    let png = [
        &b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01"[..],
        &[0; 20],
    ]
    .concat();
    heard();
    let receipt = send(&delivery(
        &thread(),
        attachment("a.png", "image/png", None, Some(&png)),
    ))
    .unwrap();
    assert_eq!(downgrades(&receipt), []);
    let sent = &only_call().2["attachments"][0];
    assert_eq!(sent["contentType"], "image/png");
    assert!(
        sent["contentUrl"]
            .as_str()
            .unwrap()
            .starts_with("data:image/png;base64,iVBORw0KGgo")
    );

    heard();
    let url = "https://files.example/a.jpg";
    let receipt = send(&delivery(
        &thread(),
        attachment("a.jpg", "image/jpeg", Some(url), None),
    ))
    .unwrap();
    assert_eq!(downgrades(&receipt), []);
    assert_eq!(only_call().2["attachments"][0]["contentUrl"], url);

    heard();
    let url = "https://files.example/a(1).pdf";
    let receipt = send(&delivery(
        &direct(),
        attachment("a[1].pdf", "application/pdf", Some(url), None),
    ))
    .unwrap();
    assert_eq!(
        downgrades(&receipt),
        [("attachments-out", "sent as a link")]
    );
    assert_eq!(
        only_call().2["text"],
        r"[a\[1\].pdf](https://files.example/a%281%29.pdf)"
    );

    for wrong in [
        attachment("a", "b", None, None),
        attachment("a", "b", None, Some(b"")),
        attachment("a", "b", Some("javascript:alert(1)"), None),
        attachment("a", "b", None, Some(&vec![0; (4 << 20) + 1])),
    ] {
        heard();
        let outcome = send(&delivery(&direct(), wrong));
        assert!(
            matches!(outcome, Err(DeliveryError::Rejected(_))),
            "{outcome:?}"
        );
        assert_eq!(calls(), []);
    }
}

#[test]
fn a_file_to_a_group_is_a_link_that_opens_it() {
    heard();
    let bytes = vec![7; 100_000];
    let receipt = send(&delivery(
        &thread(),
        attachment("a.pdf", "application/pdf", None, Some(&bytes)),
    ))
    .unwrap();
    assert_eq!(downgrades(&receipt)[0].0, "attachments-out");
    let sent = only_call().2["text"].as_str().unwrap().to_owned();
    let url = sent
        .split_once("](")
        .unwrap()
        .1
        .trim_end_matches(')')
        .to_owned();
    assert!(
        url.starts_with(
            "https://bot.example.com/v1/messaging/teams/demo/default/teams/files/out-d1?"
        ),
        "{url}"
    );
    let served = crate::files::tests::open(&url, NOW + 1000);
    assert_eq!((served.status, served.body), (200, bytes));
    // A conversation that was never heard from does not tell where this host is.
    install(Platform::default());
    let outcome = send(&delivery(
        &thread(),
        attachment("a.pdf", "application/pdf", None, Some(b"x")),
    ));
    assert!(
        matches!(outcome, Err(DeliveryError::Rejected(_))),
        "{outcome:?}"
    );
}
