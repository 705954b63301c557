//! Every kind of outbound message, against the calls it becomes and what their answers mean.

mod files;

use greentic_sdk::channel::{Channel, Delivery, DeliveryError, Receipt};
use greentic_sdk::http::{Fault, Response};
use greentic_sdk::model::{
    Card, Conversation, ConversationKind, Edit, Outbound, OutboundBody, QuickReplies, QuickReply,
    Reaction, Text, TextFormat,
};
use greentic_sdk::native::requests;
use serde_json::{Value, json};

use crate::testing::{called, install_usual, install_with, method, refusal, sent};
use crate::{remembered, response_url};

fn conversation(thread: Option<&str>) -> Conversation {
    Conversation {
        id: "C1".into(),
        thread: thread.map(str::to_owned),
        kind: ConversationKind::Channel,
    }
}

fn outbound(body: OutboundBody) -> Outbound {
    Outbound::new(&conversation(None), body)
}

fn deliver(message: Outbound) -> Result<Receipt, DeliveryError> {
    crate::Slack::deliver(Delivery {
        id: "d1".into(),
        attempt: 1,
        message,
    })
}

fn text(text: &str, format: TextFormat) -> OutboundBody {
    OutboundBody::Text(Text {
        text: text.into(),
        format,
    })
}

fn plain(words: &str) -> Outbound {
    outbound(text(words, TextFormat::Plain))
}

fn features(receipt: &Receipt) -> Vec<&str> {
    receipt
        .downgrades
        .iter()
        .map(|one| one.feature.as_str())
        .collect()
}

const TS: &str = "1764000001.000100";

#[test]
fn a_text_is_posted_escaped_and_its_timestamp_is_the_receipt() {
    install_usual();
    let receipt = deliver(plain("a < b & <!channel>")).unwrap();
    assert_eq!(
        (receipt.message_ids, receipt.downgrades.len()),
        (vec![TS.to_owned()], 0)
    );
    assert_eq!(
        sent("chat.postMessage"),
        [json!({"text": "a &lt; b &amp; &lt;!channel&gt;", "channel": "C1", "mrkdwn": false})]
    );
    install_usual();
    deliver(outbound(text("**hi** _you_", TextFormat::Markdown))).unwrap();
    let message = &sent("chat.postMessage")[0];
    assert_eq!(
        (&message["text"], &message["blocks"][0]["type"]),
        (&json!("hi you"), &json!("rich_text"))
    );
}

#[test]
fn an_answer_goes_to_the_threads_parent() {
    for (thread, reply_to, meant, downgraded) in [
        (None, None, Value::Null, false),
        (Some("1.000100"), None, json!("1.000100"), false),
        (Some("1.000100"), Some("2.000100"), json!("1.000100"), false),
        (None, Some("2.000100"), json!("2.000100"), false),
        (None, Some("998.trigger"), Value::Null, true),
    ] {
        install_usual();
        let message = Outbound {
            conversation: conversation(thread),
            reply_to: reply_to.map(str::to_owned),
            ..plain("x")
        };
        let receipt = deliver(message).unwrap();
        assert_eq!(
            sent("chat.postMessage")[0]["thread_ts"],
            meant,
            "{thread:?} {reply_to:?}"
        );
        assert_eq!(!features(&receipt).is_empty(), downgraded);
    }
}

#[test]
fn a_message_to_a_person_opens_the_direct_conversation() {
    install_usual();
    let mut message = plain("hello");
    message.conversation = Conversation::direct("U7");
    deliver(message.clone()).unwrap();
    deliver(message).unwrap();
    assert_eq!(
        called(),
        ["conversations.open", "chat.postMessage", "chat.postMessage"]
    );
    assert_eq!(
        (
            &sent("conversations.open")[0]["users"],
            &sent("chat.postMessage")[0]["channel"]
        ),
        (&json!("U7"), &json!("D9"))
    );
}

#[test]
fn a_long_text_whose_second_message_fails_is_not_sent_twice() {
    let words = "word ".repeat(1_500);
    let mut calls = 0;
    install_with(move |request| {
        if method(request) != "chat.postMessage" {
            return None;
        }
        calls += 1;
        (calls == 2).then(|| {
            Ok(
                Response::of_json(429, &json!({"ok": false, "error": "ratelimited"}))
                    .with_header("retry-after", "7"),
            )
        })
    });
    let Err(DeliveryError::Retry(again)) = deliver(plain(&words)) else {
        panic!()
    };
    assert_eq!(again.after_ms, Some(7_000));
    let receipt = deliver(plain(&words)).unwrap();
    assert_eq!(receipt.message_ids.len(), 2);
    let said: Vec<String> = sent("chat.postMessage")
        .iter()
        .map(|message| message["text"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        said.len(),
        3,
        "the first, the second refused, the second again"
    );
    assert_eq!(said[1], said[2]);
    assert_ne!(said[0], said[1]);
}

#[test]
fn what_became_of_a_message_is_told_apart() {
    type Outcome = fn(&DeliveryError) -> bool;
    let rejected: Outcome = |error| matches!(error, DeliveryError::Rejected(_));
    let retry: Outcome = |error| matches!(error, DeliveryError::Retry(_));
    let unknown: Outcome = |error| matches!(error, DeliveryError::Unknown(_));
    let json = |status, body: Value| Ok(Response::of_json(status, &body));
    let code = |code: &str| Ok(Response::of_json(200, &json!({"ok": false, "error": code})));
    for (answer, meant) in [
        (code("is_archived"), rejected),
        (code("invalid_auth"), rejected),
        (code("service_unavailable"), retry),
        (code("fatal_error"), unknown),
        (
            json(429, json!({"ok": false, "error": "ratelimited"})),
            retry,
        ),
        (json(500, json!({})), unknown),
        (json(200, json!("what")), unknown),
        (Err(Fault::Refused("not granted".into())), rejected),
        (Err(Fault::NotSent("no connection".into())), retry),
        (Err(Fault::Unknown("timeout".into())), unknown),
    ] {
        let given = answer.clone();
        install_with(move |request| (method(request) == "chat.postMessage").then(|| given.clone()));
        let error = deliver(plain("x")).unwrap_err();
        assert!(meant(&error), "{answer:?}: {error:?}");
    }
}

#[test]
fn only_one_person_sees_what_is_for_them() {
    install_usual();
    let message = || Outbound {
        conversation: conversation(Some("1.000100")),
        only_for: Some("U1".into()),
        ..plain("psst")
    };
    assert_eq!(
        deliver(message()).unwrap().message_ids,
        ["1764000002.000100"]
    );
    assert_eq!(
        sent("chat.postEphemeral"),
        [json!({"text": "psst", "channel": "C1", "user": "U1", "thread_ts": "1.000100"})]
    );
    // What they did last is answered where it can be.
    response_url::remember("C1", "U1", "https://hooks.slack.com/commands/9");
    deliver(message()).unwrap();
    assert_eq!(
        sent("9"),
        [
            json!({"text": "psst", "response_type": "ephemeral", "replace_original": false, "thread_ts": "1.000100"})
        ]
    );
    assert_eq!(sent("chat.postEphemeral").len(), 1);
    assert_eq!(sent("chat.postMessage").len(), 0);
}

#[test]
fn an_address_that_is_used_up_is_forgotten_and_the_message_goes_another_way() {
    install_with(|request| {
        (method(request) == "9").then(|| {
            Ok(Response::of_json(
                404,
                &json!({"ok": false, "error": "used_url"}),
            ))
        })
    });
    response_url::remember("C1", "U1", "https://hooks.slack.com/commands/9");
    let message = || Outbound {
        only_for: Some("U1".into()),
        ..plain("psst")
    };
    deliver(message()).unwrap();
    deliver(message()).unwrap();
    assert_eq!(called(), ["9", "chat.postEphemeral", "chat.postEphemeral"]);
}

#[test]
fn a_channel_the_bot_is_not_in_is_answered_through_the_interaction() {
    install_with(|request| {
        (method(request) == "chat.postMessage")
            .then(|| refusal("not_in_channel"))
            .flatten()
    });
    let error = deliver(plain("x")).unwrap_err();
    assert!(matches!(error, DeliveryError::Rejected(reason) if reason.contains("not_in_channel")));
    response_url::remember("C1", "U1", "https://hooks.slack.com/commands/9");
    assert!(deliver(plain("x")).unwrap().message_ids.is_empty());
    assert_eq!(sent("9")[0]["response_type"], "in_channel");
}

#[test]
fn blocks_slack_does_not_take_are_replaced_by_their_text() {
    for code in ["invalid_blocks", "msg_blocks_too_long"] {
        install_with(move |request| {
            let with_blocks = String::from_utf8_lossy(&request.body).contains("\"blocks\"");
            (method(request) == "chat.postMessage" && with_blocks)
                .then(|| refusal(code))
                .flatten()
        });
        let receipt = deliver(outbound(text("**bold**", TextFormat::Markdown))).unwrap();
        assert_eq!(
            (receipt.message_ids.len(), features(&receipt)),
            (1, vec!["cards"])
        );
        let last = sent("chat.postMessage").pop().unwrap();
        assert_eq!((&last["text"], last.get("blocks")), (&json!("bold"), None));
    }
}

#[test]
fn quick_replies_and_cards_are_blocks() {
    install_usual();
    let option = |title: &str| QuickReply {
        title: title.into(),
        value: title.into(),
    };
    let replies = QuickReplies {
        text: "Which?".into(),
        options: vec![option("A"), option("B")],
    };
    deliver(outbound(OutboundBody::QuickReplies(replies))).unwrap();
    let card =
        json!({"type": "AdaptiveCard", "body": [{"type": "TextBlock", "text": "Hi"}]}).to_string();
    deliver(outbound(OutboundBody::Card(Card {
        json: card,
        fallback: "Hi".into(),
    })))
    .unwrap();
    let kinds: Vec<Vec<String>> = sent("chat.postMessage")
        .iter()
        .map(|message| {
            message["blocks"]
                .as_array()
                .unwrap()
                .iter()
                .map(|block| block["type"].as_str().unwrap().to_owned())
                .collect()
        })
        .collect();
    assert_eq!(kinds, [vec!["rich_text", "actions"], vec!["rich_text"]]);
}

#[test]
fn typing_is_shown_in_threads_of_the_assistant_and_nowhere_else() {
    install_usual();
    let message = || Outbound {
        conversation: conversation(Some("1.000100")),
        ..outbound(OutboundBody::Typing)
    };
    let receipt = deliver(message()).unwrap();
    assert_eq!((features(&receipt), called().len()), (vec!["typing"], 0));
    remembered::put(&["assistant", "C1", "1.000100"], &json!(true), 1_000);
    assert!(deliver(message()).unwrap().downgrades.is_empty());
    let status = &sent("assistant.threads.setStatus")[0];
    assert_eq!(
        (&status["channel_id"], &status["thread_ts"]),
        (&json!("C1"), &json!("1.000100"))
    );
}

#[test]
fn an_edit_replaces_text_and_blocks() {
    install_usual();
    let edit = |words: &str| {
        outbound(OutboundBody::Edit(Edit {
            message_id: TS.into(),
            text: words.into(),
        }))
    };
    assert_eq!(deliver(edit("new")).unwrap().message_ids, [TS]);
    deliver(edit("**new**")).unwrap();
    let changes = sent("chat.update");
    assert_eq!(
        changes[0],
        json!({"text": "new", "channel": "C1", "ts": TS, "blocks": []})
    );
    assert_eq!(changes[1]["blocks"][0]["type"], "rich_text");
    install_usual();
    let receipt = deliver(edit(&"word ".repeat(1_500))).unwrap();
    assert_eq!(
        (features(&receipt), called()),
        (
            vec!["edit"],
            vec!["chat.update".to_owned(), "chat.postMessage".to_owned()]
        )
    );
    assert!(matches!(
        deliver(edit(" ")),
        Err(DeliveryError::Rejected(_))
    ));
    let other = outbound(OutboundBody::Edit(Edit {
        message_id: "F1".into(),
        text: "x".into(),
    }));
    assert!(matches!(deliver(other), Err(DeliveryError::Rejected(_))));
    install_with(|request| {
        (method(request) == "chat.update").then_some(Err(Fault::Unknown("timeout".into())))
    });
    assert!(
        matches!(deliver(edit("new")), Err(DeliveryError::Retry(_))),
        "changing twice is harmless"
    );
}

#[test]
fn what_is_deleted_is_gone_also_when_it_was_gone_before() {
    install_usual();
    let delete = |id: &str| deliver(outbound(OutboundBody::Delete(id.into())));
    delete(TS).unwrap();
    delete("F7").unwrap();
    assert_eq!(
        (sent("chat.delete"), sent("files.delete")),
        (
            vec![json!({"channel": "C1", "ts": TS})],
            vec![json!({"file": "F7"})]
        )
    );
    assert!(matches!(
        delete("no message"),
        Err(DeliveryError::Rejected(_))
    ));
    install_with(|_| refusal("message_not_found"));
    delete(TS).unwrap();
    install_with(|_| refusal("cant_delete_message"));
    assert!(matches!(delete(TS), Err(DeliveryError::Rejected(_))));
}

#[test]
fn reactions_are_named_as_slack_names_them() {
    let react = |emoji: &str, added: bool| {
        deliver(outbound(OutboundBody::Reaction(Reaction {
            message_id: TS.into(),
            emoji: emoji.into(),
            added,
        })))
    };
    install_usual();
    react("👍", true).unwrap();
    react(":tada:", false).unwrap();
    assert_eq!(
        sent("reactions.add"),
        [json!({"channel": "C1", "timestamp": TS, "name": "+1"})]
    );
    assert_eq!(sent("reactions.remove")[0]["name"], "tada");
    let receipt = react("🦩", true).unwrap();
    assert_eq!(features(&receipt), ["reactions-out"]);
    let message = &sent("chat.postMessage")[0];
    assert_eq!(
        (&message["text"], &message["thread_ts"]),
        (&json!("🦩"), &json!(TS))
    );
    assert_eq!(features(&react("🦩", false).unwrap()), ["reactions-out"]);
    install_with(|request| match method(request) {
        "reactions.add" => refusal("already_reacted"),
        "reactions.remove" => refusal("no_reaction"),
        _ => None,
    });
    assert!(
        react("👍", true).unwrap().downgrades.is_empty()
            && react("👍", false).unwrap().downgrades.is_empty()
    );
    install_with(|request| {
        (method(request) == "reactions.add")
            .then(|| refusal("message_not_found"))
            .flatten()
    });
    assert!(matches!(react("👍", true), Err(DeliveryError::Rejected(_))));
}

#[test]
fn nothing_is_sent_without_a_token_and_nothing_is_lost() {
    use greentic_sdk::native::{Table, install};
    install(Table::new().secret("slack/signing-secret", b"s"));
    assert!(matches!(deliver(plain("x")), Err(DeliveryError::Retry(_))));
    assert!(requests().is_empty());
}
