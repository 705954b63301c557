//! Every kind of thing to send.

mod cards;
mod choices;
mod failures;
mod window;

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
