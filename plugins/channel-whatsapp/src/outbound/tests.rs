//! Every kind of thing to send, and every way in which sending ends.

use std::cell::RefCell;
use std::rc::Rc;

use greentic_sdk::channel::{Delivery, DeliveryError, Receipt};
use greentic_sdk::http::{Fault, Request, Response};
use greentic_sdk::model::{
    Attachment, Conversation, ConversationKind, Edit, Outbound, OutboundBody, QuickReplies,
    QuickReply, Reaction, Text, TextFormat,
};
use greentic_sdk::native::{Table, requests, set_clock};
use serde_json::{Value, json};

use crate::inbound::Peer;
use crate::limits::WINDOW_MS;
use crate::settings::Settings;
use crate::testing::{NOW_MS, table, with};
use crate::{peer, progress};

const MESSAGES: &str = "https://graph.example/v23.0/100200300/messages";

/// A platform that takes everything and counts its messages.
fn taking() -> Table {
    let mut count = 0;
    table().http(move |request| {
        Ok(if request.url.ends_with("/media") {
            Response::of_json(200, &json!({"id": "media-1"}))
        } else if is_read(request) {
            Response::of_json(200, &json!({"success": true}))
        } else {
            count += 1;
            taken(count)
        })
    })
}

fn taken(number: u32) -> Response {
    Response::of_json(
        200,
        &json!({"messaging_product": "whatsapp", "contacts": [{"input": "x", "wa_id": "x"}], "messages": [{"id": format!("wamid.{number}")}]}),
    )
}

fn error(status: u16, code: i64) -> Response {
    Response::of_json(status, &json!({"error": {"message": "m", "code": code}}))
}

fn json_of(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap_or(Value::Null)
}

fn is_read(request: &Request) -> bool {
    json_of(request)["status"] == "read"
}

/// The messages that were posted, without read receipts.
fn posted() -> Vec<Value> {
    requests()
        .iter()
        .filter(|request| request.url == MESSAGES && !is_read(request))
        .map(json_of)
        .collect()
}

/// Ada wrote a moment ago.
fn ada_wrote() {
    let person = Peer {
        wa_id: Some("41790001".into()),
        message_id: "wamid.in".into(),
        name: Some("Ada".into()),
        typed: true,
    };
    peer::heard("CH.1001", "CH.1001", &person, NOW_MS - 1000).unwrap();
}

fn ada() -> Conversation {
    Conversation::direct("CH.1001")
}

fn deliver(settings: &Settings, attempt: u32, message: Outbound) -> Result<Receipt, DeliveryError> {
    let delivery = Delivery {
        id: "d-1".into(),
        attempt,
        message,
    };
    super::deliver(settings, &delivery)
}

fn send(settings: &Settings, body: OutboundBody) -> Result<Receipt, DeliveryError> {
    deliver(settings, 1, Outbound::new(&ada(), body))
}

fn text(text: &str, format: TextFormat) -> OutboundBody {
    OutboundBody::Text(Text {
        text: text.into(),
        format,
    })
}

fn plain(content: &str) -> OutboundBody {
    text(content, TextFormat::Plain)
}

fn replies(over: &str, options: &[(&str, &str)]) -> OutboundBody {
    OutboundBody::QuickReplies(QuickReplies {
        text: over.into(),
        options: options
            .iter()
            .map(|(title, value)| QuickReply {
                title: (*title).into(),
                value: (*value).into(),
            })
            .collect(),
    })
}

fn features(receipt: &Receipt) -> Vec<&str> {
    receipt
        .downgrades
        .iter()
        .map(|downgrade| downgrade.feature.as_str())
        .collect()
}

#[test]
fn a_text_is_one_message_with_the_deliverys_id_and_marks_the_question_as_read() {
    let settings = with(taking());
    ada_wrote();
    let message = Outbound::markdown(&ada(), "**hi** https://a.example").answering("wamid.in");
    let receipt = deliver(&settings, 1, message).unwrap();
    assert_eq!(receipt, Receipt::one("wamid.1"));
    assert_eq!(
        posted(),
        [json!({
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": "41790001",
            "recipient": "CH.1001",
            "context": {"message_id": "wamid.in"},
            "type": "text",
            "text": {"preview_url": true, "body": "*hi* https://a.example"},
            "biz_opaque_callback_data": "d-1",
        })]
    );
    let all = requests();
    assert_eq!(
        json_of(&all[0]),
        json!({"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.in"})
    );
    assert!(
        all.iter()
            .all(|call| call.header_value("authorization").is_some())
    );
    send(&settings, plain("again")).unwrap();
    assert_eq!(
        requests().iter().filter(|call| is_read(call)).count(),
        1,
        "marked once"
    );
}

#[test]
fn read_receipts_can_be_switched_off_and_their_failure_keeps_nothing_back() {
    let settings = with(taking().config("read-receipts", "false"));
    ada_wrote();
    send(&settings, plain("hi")).unwrap();
    assert_eq!(requests().len(), 1);
    let settings = with(table().http(|request| {
        Ok(if is_read(request) {
            error(400, 100)
        } else {
            taken(1)
        })
    }));
    ada_wrote();
    assert_eq!(send(&settings, plain("hi")), Ok(Receipt::one("wamid.1")));
}

#[test]
fn a_long_text_is_several_messages_in_order_with_a_number_each() {
    let settings = with(taking());
    ada_wrote();
    let long = format!("{}\n\n{}", "a ".repeat(2000), "b ".repeat(2000));
    let receipt = deliver(
        &settings,
        1,
        Outbound::text(&ada(), long).answering("wamid.in"),
    )
    .unwrap();
    assert_eq!(receipt.message_ids, ["wamid.1", "wamid.2"]);
    let sent = posted();
    let data: Vec<&Value> = sent
        .iter()
        .map(|message| &message["biz_opaque_callback_data"])
        .collect();
    assert_eq!(data, ["d-1", "d-1#1"]);
    assert!(sent[0]["context"].is_object() && sent[1].get("context").is_none());
    assert!(
        sent.iter()
            .all(|message| message["text"]["body"].as_str().unwrap().chars().count() <= 4096)
    );
}

#[test]
fn a_part_that_was_sent_is_not_sent_again_when_a_later_one_failed() {
    let calls = Rc::new(RefCell::new(0));
    let count = Rc::clone(&calls);
    let settings = with(table().config("read-receipts", "false").http(move |_| {
        *count.borrow_mut() += 1;
        let number = *count.borrow();
        Ok(if number == 2 {
            error(500, 131_016)
        } else {
            taken(number)
        })
    }));
    ada_wrote();
    let long = Outbound::text(
        &ada(),
        format!("{}\n\n{}", "a".repeat(4000), "b".repeat(4000)),
    );
    assert!(matches!(
        deliver(&settings, 1, long.clone()),
        Err(DeliveryError::Retry(_))
    ));
    let receipt = deliver(&settings, 2, long).unwrap();
    assert_eq!(receipt.message_ids, ["wamid.1", "wamid.3"]);
    let starts: Vec<String> = posted()
        .iter()
        .map(|message| message["text"]["body"].as_str().unwrap()[..1].to_owned())
        .collect();
    assert_eq!(starts, ["a", "b", "b"]);
}

#[test]
fn a_message_whose_answer_never_came_is_not_repeated_once_a_status_told_of_it() {
    let settings = with(
        table()
            .config("read-receipts", "false")
            .http(|_| Err(Fault::Unknown("timeout".into()))),
    );
    ada_wrote();
    assert!(matches!(
        send(&settings, plain("hi")),
        Err(DeliveryError::Unknown(_))
    ));
    progress::confirm("d-1", "wamid.real").unwrap();
    assert_eq!(
        deliver(&settings, 2, Outbound::text(&ada(), "hi")),
        Ok(Receipt::one("wamid.real"))
    );
    assert_eq!(posted().len(), 1);
}

#[test]
fn three_short_choices_are_buttons_and_more_or_longer_ones_are_lists() {
    for (options, kind, lists, downgraded) in [
        (vec!["Yes", "No"], "button", 1, false),
        (vec!["One", "Two", "Three"], "button", 1, false),
        (vec!["One", "Two", "Three", "Four"], "list", 1, false),
        (vec!["A title of 21 letters"], "list", 1, false),
        (vec!["Same", "Same"], "list", 1, false),
        (vec!["", "x"], "list", 1, false),
        (vec!["x"; 10], "list", 1, false),
        (vec!["x"; 11], "list", 2, true),
        (
            vec!["This title is so long that even the description of its row cannot hold it all"],
            "list",
            1,
            true,
        ),
    ] {
        let settings = with(taking());
        ada_wrote();
        let pairs: Vec<(&str, &str)> = options.iter().map(|title| (*title, *title)).collect();
        let receipt = send(&settings, replies("**Which?**", &pairs)).unwrap();
        let sent = posted();
        assert_eq!(
            (sent.len(), receipt.message_ids.len()),
            (lists, lists),
            "{options:?}"
        );
        assert_eq!(!receipt.downgrades.is_empty(), downgraded, "{options:?}");
        assert_eq!(sent[0]["interactive"]["type"], kind, "{options:?}");
        assert_eq!(sent[0]["interactive"]["body"]["text"], "*Which?*");
        let mut ids = Vec::new();
        for message in &sent {
            let action = &message["interactive"]["action"];
            let entries = if kind == "button" {
                action["buttons"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|button| &button["reply"])
                    .collect::<Vec<_>>()
            } else {
                assert_eq!(action["button"], "Choose");
                action["sections"][0]["rows"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .collect()
            };
            assert!(entries.len() <= if kind == "button" { 3 } else { 10 });
            for entry in entries {
                let most = if kind == "button" { 20 } else { 24 };
                assert!((1..=most).contains(&entry["title"].as_str().unwrap().chars().count()));
                assert!(
                    entry.get("description").is_none_or(|text| text
                        .as_str()
                        .unwrap()
                        .chars()
                        .count()
                        <= 72)
                );
                ids.push(entry["id"].as_str().unwrap().to_owned());
            }
        }
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), options.len(), "identifiers are distinct");
    }
}

#[test]
fn a_text_too_long_for_buttons_goes_before_them() {
    let settings = with(taking());
    ada_wrote();
    send(&settings, replies(&"word ".repeat(1000), &[("Yes", "y")])).unwrap();
    let sent = posted();
    assert_eq!(
        sent.iter()
            .map(|message| message["type"].as_str().unwrap())
            .collect::<Vec<_>>(),
        ["text", "interactive"]
    );
    assert!(
        sent[1]["interactive"]["body"]["text"]
            .as_str()
            .unwrap()
            .chars()
            .count()
            <= 1024
    );
    send(&settings, replies("", &[("Yes", "y")])).unwrap();
    assert_eq!(posted()[2]["interactive"]["body"]["text"], "Please choose:");
    send(&settings, replies("No choice", &[])).unwrap();
    assert_eq!(posted()[3]["text"]["body"], "No choice");
    assert!(matches!(
        send(&settings, replies("", &[])),
        Err(DeliveryError::Rejected(_))
    ));
}

#[test]
fn files_go_by_address_or_are_handed_in_first() {
    let settings = with(taking());
    ada_wrote();
    let file = |content_type: &str, content: Option<Vec<u8>>| {
        OutboundBody::Attachment(Attachment {
            name: "a.bin".into(),
            content_type: content_type.into(),
            url: content.is_none().then(|| "https://h.example/a".into()),
            content,
            size: None,
        })
    };
    send(&settings, file("image/png", None)).unwrap();
    assert_eq!(posted()[0]["image"], json!({"link": "https://h.example/a"}));
    send(&settings, file("application/pdf", Some(b"%PDF".to_vec()))).unwrap();
    assert_eq!(
        posted()[1]["document"],
        json!({"filename": "a.bin", "id": "media-1"})
    );
    let upload = requests()
        .into_iter()
        .find(|call| call.url.ends_with("/100200300/media"))
        .unwrap();
    let body = String::from_utf8_lossy(&upload.body).into_owned();
    for part in [
        "name=\"messaging_product\"",
        "whatsapp",
        "name=\"type\"",
        "application/pdf",
        "filename=\"a.bin\"",
        "%PDF",
    ] {
        assert!(body.contains(part), "{part} in {body}");
    }
    let receipt = send(&settings, file("image/gif", None)).unwrap();
    assert_eq!(features(&receipt), ["attachments-out"]);
    assert!(matches!(
        send(&settings, file("image/png", Some(Vec::new()))),
        Err(DeliveryError::Rejected(_))
    ));
}

#[test]
fn an_upload_whose_answer_never_came_is_tried_again_and_the_message_is_not_unknown() {
    let settings = with(table().http(|request| {
        if request.url.ends_with("/media") {
            return Err(Fault::Unknown("timeout".into()));
        }
        Ok(taken(1))
    }));
    ada_wrote();
    let file = OutboundBody::Attachment(Attachment {
        name: "a".into(),
        content_type: "image/png".into(),
        url: None,
        content: Some(vec![1]),
        size: None,
    });
    assert!(matches!(
        send(&settings, file),
        Err(DeliveryError::Retry(_))
    ));
}

#[test]
fn typing_answers_their_last_message_and_without_one_is_said_to_be_missing() {
    let settings = with(taking());
    let receipt = send(&settings, OutboundBody::Typing).unwrap();
    assert_eq!((features(&receipt), requests().len()), (vec!["typing"], 0));
    ada_wrote();
    let receipt = send(&settings, OutboundBody::Typing).unwrap();
    assert!(receipt.downgrades.is_empty() && receipt.message_ids.is_empty());
    assert_eq!(
        json_of(&requests()[0]),
        json!({"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.in", "typing_indicator": {"type": "text"}})
    );
    send(&settings, plain("hi")).unwrap();
    assert_eq!(requests().len(), 2, "typing marked it as read");
}

#[test]
fn reactions_are_set_and_taken_away() {
    let settings = with(taking());
    ada_wrote();
    let reaction = |emoji: &str, added| {
        OutboundBody::Reaction(Reaction {
            message_id: "wamid.in".into(),
            emoji: emoji.into(),
            added,
        })
    };
    send(&settings, reaction("👍", true)).unwrap();
    send(&settings, reaction("👍", false)).unwrap();
    let sent: Vec<Value> = posted()
        .iter()
        .map(|message| message["reaction"].clone())
        .collect();
    assert_eq!(
        sent,
        [
            json!({"message_id": "wamid.in", "emoji": "👍"}),
            json!({"message_id": "wamid.in", "emoji": ""})
        ]
    );
    assert!(matches!(
        send(&settings, reaction("thumbsup", true)),
        Err(DeliveryError::Rejected(_))
    ));
}

#[test]
fn what_the_platform_lacks_is_done_otherwise_and_the_receipt_says_how() {
    let settings = with(taking());
    ada_wrote();
    let edit = OutboundBody::Edit(Edit {
        message_id: "wamid.old".into(),
        text: "better".into(),
    });
    let receipt = send(&settings, edit).unwrap();
    assert_eq!(
        (features(&receipt), receipt.message_ids.len()),
        (vec!["edit"], 1)
    );
    assert_eq!(posted()[0]["context"], json!({"message_id": "wamid.old"}));
    let receipt = send(&settings, OutboundBody::Delete("wamid.old".into())).unwrap();
    assert_eq!(
        (
            features(&receipt),
            receipt.message_ids.len(),
            posted().len()
        ),
        (vec!["delete"], 0, 1)
    );
}

#[test]
fn what_one_member_of_a_group_may_see_goes_to_their_own_chat() {
    let settings = with(taking());
    ada_wrote();
    let group = Conversation {
        kind: ConversationKind::Group,
        ..Conversation::direct("G.7")
    };
    let mut secret = Outbound::text(&group, "psst").answering("wamid.in-group");
    secret.only_for = Some("CH.1001".into());
    let receipt = deliver(&settings, 1, secret).unwrap();
    assert_eq!(features(&receipt), ["ephemeral"]);
    let sent = posted();
    assert_eq!(
        (&sent[0]["to"], sent[0].get("context")),
        (&json!("41790001"), None)
    );
    let mut alone = Outbound::text(&ada(), "hi");
    alone.only_for = Some("CH.1001".into());
    assert!(
        deliver(&settings, 1, alone).unwrap().downgrades.is_empty(),
        "nobody else is there"
    );
}

fn templated() -> Table {
    taking().config(
        "template",
        r#"{"name":"follow_up","language":"en_US","parameters":["{name|there}","{text}"]}"#,
    )
}

#[test]
fn outside_the_window_the_template_carries_the_message() {
    let settings = with(templated());
    ada_wrote();
    set_clock(NOW_MS + WINDOW_MS);
    let receipt = send(
        &settings,
        text("**Your** parcel\nis here", TextFormat::Markdown),
    )
    .unwrap();
    assert_eq!(
        (features(&receipt), receipt.message_ids.as_slice()),
        (vec!["proactive"], &["wamid.1".to_owned()][..])
    );
    let [sent] = <[Value; 1]>::try_from(posted()).unwrap();
    assert_eq!(
        (&sent["type"], &sent["to"]),
        (&json!("template"), &json!("41790001"))
    );
    assert_eq!(
        sent["template"]["components"][0]["parameters"],
        json!([{"type": "text", "text": "Ada"}, {"type": "text", "text": "*Your* parcel is here"}])
    );
    assert_eq!(requests().len(), 1, "nothing is marked as read");
    let stranger = Outbound::text(&Conversation::direct("41799999"), "hello");
    deliver(&settings, 1, stranger).unwrap();
    assert_eq!(posted()[1]["to"], "41799999");
}

#[test]
fn outside_the_window_without_a_template_it_is_rejected_with_what_to_do() {
    let settings = with(taking());
    let Err(DeliveryError::Rejected(reason)) = send(&settings, plain("hi")) else {
        panic!()
    };
    assert!(reason.contains("`template`"), "{reason}");
    let settings = with(templated());
    let reaction = OutboundBody::Reaction(Reaction {
        message_id: "m".into(),
        emoji: "👍".into(),
        added: true,
    });
    assert!(matches!(
        send(&settings, reaction),
        Err(DeliveryError::Rejected(_))
    ));
    assert!(requests().is_empty());
}

#[test]
fn when_the_platform_says_that_the_window_is_closed_the_template_goes_out_too() {
    let settings = with(
        table()
            .config("template", r#"{"name":"t","language":"en"}"#)
            .http(|request| {
                Ok(match json_of(request)["type"].as_str() {
                    Some("template") => taken(7),
                    _ => error(400, 131_047),
                })
            }),
    );
    ada_wrote();
    let receipt = send(&settings, plain("hi")).unwrap();
    assert_eq!(features(&receipt), ["proactive"]);
    assert_eq!(receipt.message_ids, ["wamid.7"]);
    send(&settings, plain("hi")).unwrap();
    let kinds: Vec<Value> = posted()
        .iter()
        .map(|message| message["type"].clone())
        .collect();
    assert_eq!(kinds, ["text", "template", "template"], "it is remembered");
}

#[test]
fn sent_not_sent_and_unknown_are_told_apart() {
    type Answer = Result<Response, Fault>;
    let kinds: [(Answer, &str); 9] = [
        (Ok(error(400, 131_026)), "rejected"),
        (Ok(error(401, 190)), "rejected"),
        (Ok(error(400, 131_056)), "retry"),
        (Ok(error(500, 131_000)), "retry"),
        (Ok(Response::of(502, "text/html", "bad gateway")), "unknown"),
        (Ok(Response::of(200, "text/html", "what?")), "unknown"),
        (Err(Fault::Refused("grant".into())), "rejected"),
        (Err(Fault::NotSent("refused".into())), "retry"),
        (Err(Fault::Unknown("timeout".into())), "unknown"),
    ];
    for (answer, meant) in kinds {
        let told = answer.clone();
        let settings = with(
            table()
                .config("read-receipts", "false")
                .http(move |_| answer.clone()),
        );
        ada_wrote();
        let kind = match send(&settings, plain("hi")) {
            Ok(_) => "sent",
            Err(DeliveryError::Rejected(_)) => "rejected",
            Err(DeliveryError::Retry(_)) => "retry",
            Err(DeliveryError::Unknown(_)) => "unknown",
        };
        assert_eq!(kind, meant, "{told:?}");
    }
}

#[test]
fn without_its_token_nothing_is_sent() {
    let settings = with(
        Table::new()
            .config("phone-number-id", "1")
            .http(|_| panic!("called")),
    );
    assert!(matches!(
        send(&settings, plain("hi")),
        Err(DeliveryError::Rejected(_))
    ));
    let settings = with(table().secret("whatsapp/access-token", b""));
    assert!(matches!(
        send(&settings, plain("hi")),
        Err(DeliveryError::Rejected(_))
    ));
}
