//! Where messages go, and who alone may see them.

use super::*;

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
