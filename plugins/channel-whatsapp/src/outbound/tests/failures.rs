//! Every way in which sending ends, and what a further attempt repeats.

use super::*;

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
    for (table, what) in [
        (taking().secret("whatsapp/access-token", b""), "is empty"),
        (
            taking().config("access-token", "another"),
            "there is no secret `another`",
        ),
    ] {
        let settings = with(table);
        ada_wrote();
        let Err(DeliveryError::Rejected(reason)) = send(&settings, plain("hi")) else {
            panic!("{what}")
        };
        assert!(reason.contains(what), "{reason}");
        assert!(requests().is_empty());
    }
}
