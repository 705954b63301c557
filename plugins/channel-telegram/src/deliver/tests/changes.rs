//! Typing, edits, deletions, reactions, and what an answer means.

use greentic_sdk::channel::DeliveryError;
use greentic_sdk::http::Fault;
use greentic_sdk::model::{Conversation, ConversationKind, Edit, OutboundBody, Reaction};
use serde_json::json;

use super::{call, features, plain, send};
use crate::testing::{calls, delivery, group, refusal, telegram, to};

#[test]
fn typing_is_shown_where_it_can_be() {
    let (method, parameters) = call(OutboundBody::Typing);
    assert_eq!(
        (method.as_str(), &parameters["action"]),
        ("sendChatAction", &json!("typing"))
    );
    telegram();
    let receipt = send(&to("d", &group(Some("guest:q")), OutboundBody::Typing)).unwrap();
    assert_eq!(features(&receipt), ["typing"]);
    assert!(calls().is_empty());
    telegram().refuse(400, "Bad Request: CHAT_ADMIN_REQUIRED");
    assert_eq!(
        features(&send(&delivery("d", OutboundBody::Typing)).unwrap()),
        ["typing"]
    );
}

fn edit(text: &str) -> OutboundBody {
    OutboundBody::Edit(Edit {
        message_id: "55".into(),
        text: text.into(),
    })
}

#[test]
fn an_edit_puts_the_new_text_in_place_of_the_old() {
    let (method, parameters) = call(edit("**new**"));
    assert_eq!(method, "editMessageText");
    assert_eq!(
        parameters,
        json!({"chat_id": 5_200_000_001_i64, "message_id": 55, "text": "new", "entities": [{"type": "bold", "offset": 0, "length": 3}]})
    );
    let answers = telegram();
    answers.refuse(400, "Bad Request: message is not modified: specified new message content and reply markup are exactly the same");
    assert_eq!(
        send(&delivery("d", edit("same"))).unwrap().message_ids,
        ["55"]
    );
    let answers = telegram();
    answers.refuse(400, "Bad Request: there is no text in the message to edit");
    send(&delivery("d", edit("caption"))).unwrap();
    assert_eq!(calls()[1].0, "editMessageCaption");
    assert_eq!(calls()[1].1["caption"], "caption");
    telegram();
    let receipt = send(&delivery("d", edit(&"word ".repeat(1000)))).unwrap();
    assert_eq!(
        (receipt.message_ids, calls()[1].0.as_str()),
        (vec!["55".to_owned(), "1001".into()], "sendMessage")
    );
    let answers = telegram();
    answers.refuse(400, "Bad Request: message to edit not found");
    assert!(matches!(
        send(&delivery("d", edit("x"))),
        Err(DeliveryError::Rejected(_))
    ));
    telegram();
    let inline = OutboundBody::Edit(Edit {
        message_id: "inline:im".into(),
        text: "x".into(),
    });
    send(&delivery("d", inline)).unwrap();
    assert_eq!(
        calls().remove(0).1,
        json!({"inline_message_id": "im", "text": "x"})
    );
}

#[test]
fn a_message_is_deleted_and_one_that_is_gone_is_deleted_already() {
    let delete = || OutboundBody::Delete("55".into());
    let (method, parameters) = call(delete());
    assert_eq!(
        (method.as_str(), parameters),
        (
            "deleteMessage",
            json!({"chat_id": 5_200_000_001_i64, "message_id": 55})
        )
    );
    telegram().refuse(400, "Bad Request: message to delete not found");
    assert!(send(&delivery("d", delete())).is_ok());
    telegram().refuse(400, "Bad Request: message can't be deleted");
    assert!(matches!(
        send(&delivery("d", delete())),
        Err(DeliveryError::Rejected(_))
    ));
    telegram();
    send(&to("d", &group(Some("business:b1")), delete())).unwrap();
    assert_eq!(
        calls().remove(0),
        (
            "deleteBusinessMessages".into(),
            json!({"business_connection_id": "b1", "message_ids": [55]})
        )
    );
    telegram();
    assert!(matches!(
        send(&delivery("d", OutboundBody::Delete("ts.1".into()))),
        Err(DeliveryError::Rejected(_))
    ));
}

fn reaction(emoji: &str, added: bool) -> OutboundBody {
    OutboundBody::Reaction(Reaction {
        message_id: "55".into(),
        emoji: emoji.into(),
        added,
    })
}

#[test]
fn a_reaction_telegram_has_is_set_and_another_is_said() {
    let (method, parameters) = call(reaction("❤️", true));
    assert_eq!(method, "setMessageReaction");
    assert_eq!(
        parameters["reaction"],
        json!([{"type": "emoji", "emoji": "❤"}])
    );
    assert_eq!(call(reaction("👍", false)).1["reaction"], json!([]));
    assert_eq!(
        call(reaction("custom:5", true)).1["reaction"],
        json!([{"type": "custom_emoji", "custom_emoji_id": "5"}])
    );
    telegram();
    let receipt = send(&delivery("d", reaction("🍕", true))).unwrap();
    assert_eq!(features(&receipt), ["reactions-out"]);
    let (method, parameters) = calls().remove(0);
    assert_eq!(
        (
            method.as_str(),
            &parameters["text"],
            &parameters["reply_parameters"]["message_id"]
        ),
        ("sendMessage", &json!("🍕"), &json!(55))
    );
    telegram().refuse(400, "Bad Request: REACTION_INVALID");
    assert_eq!(
        features(&send(&delivery("d", reaction("👍", true))).unwrap()),
        ["reactions-out"]
    );
    assert_eq!(calls()[1].1["text"], "👍");
}

#[test]
fn a_group_that_moved_gets_it_under_its_new_id_now_and_later() {
    let answers = telegram();
    let old = Conversation {
        id: "-4021".into(),
        thread: None,
        kind: ConversationKind::Group,
    };
    let moved = json!({"migrate_to_chat_id": -1_001_000_000_021_i64});
    answers.push(Ok(refusal(
        400,
        "Bad Request: group chat was upgraded to a supergroup chat",
        &moved,
    )));
    send(&to("d1", &old, plain("x"))).unwrap();
    send(&to("d2", &old, plain("y"))).unwrap();
    let chats: Vec<i64> = calls()
        .iter()
        .map(|(_, parameters)| parameters["chat_id"].as_i64().unwrap())
        .collect();
    assert_eq!(chats, [-4021, -1_001_000_000_021, -1_001_000_000_021]);
}

#[test]
fn errors_say_whether_it_was_sent() {
    let meant = |answer| {
        telegram().push(answer);
        match send(&delivery("d", plain("x"))).unwrap_err() {
            DeliveryError::Rejected(_) => "rejected",
            DeliveryError::Retry(_) => "retry",
            DeliveryError::Unknown(_) => "unknown",
        }
    };
    let refused = |code, text: &str| Ok(refusal(code, text, &json!(null)));
    assert_eq!(
        meant(refused(403, "Forbidden: bot was blocked by the user")),
        "rejected"
    );
    assert_eq!(
        meant(refused(429, "Too Many Requests: retry after 1")),
        "retry"
    );
    assert_eq!(meant(refused(500, "Internal Server Error")), "unknown");
    assert_eq!(meant(Err(Fault::Unknown("broke off".into()))), "unknown");
    assert_eq!(meant(Err(Fault::NotSent("no connection".into()))), "retry");
    // Done twice without harm: what may have been done is done again.
    for body in [
        OutboundBody::Typing,
        edit("x"),
        OutboundBody::Delete("5".into()),
        reaction("👍", true),
    ] {
        telegram().push(Err(Fault::Unknown("broke off".into())));
        assert!(matches!(
            send(&delivery("d", body)),
            Err(DeliveryError::Retry(_))
        ));
    }
}
