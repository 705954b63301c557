//! How far our messages have come.

use super::*;

fn status(fields: Value) -> Value {
    let mut status =
        json!({"id": "wamid.s", "timestamp": "1790000000", "recipient_id": "41790001"});
    status
        .as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    notification(value(json!({"statuses": [status]})))
}

#[test]
fn a_status_tells_how_far_a_message_has_come_and_only_moves_forward() {
    use DeliveryState::{Delivered, Failed, Read, Sent};
    for (sequence, told) in [
        (
            &["sent", "delivered", "read", "played"][..],
            &[Sent, Delivered, Read, Read][..],
        ),
        (&["read", "delivered", "sent"], &[Read]),
        (
            &["delivered", "sent", "delivered", "read"],
            &[Delivered, Delivered, Read],
        ),
        (&["sent", "failed", "sent"], &[Sent, Failed]),
        (&["failed", "delivered", "failed"], &[Failed, Delivered]),
        (&["played", "read"], &[Read]),
    ] {
        let settings = with(table());
        let mut states = Vec::new();
        for name in sequence {
            let outcome = take(&settings, &status(json!({"status": name})));
            assert_eq!(
                outcome.ignored + u32::try_from(outcome.events.len()).unwrap(),
                1
            );
            for event in outcome.events {
                assert_eq!(event.dedupe_key, format!("wamid.s:{name}"));
                assert_eq!(event.conversation.id, "CH.1001");
                let EventBody::DeliveryStatus(DeliveryStatus {
                    message_id,
                    state,
                    error,
                }) = event.body
                else {
                    panic!()
                };
                assert_eq!(message_id, "wamid.s");
                assert_eq!(error.is_some(), state == Failed);
                states.push(state);
            }
        }
        assert_eq!(states, told, "{sequence:?}");
    }
}

#[test]
fn a_status_of_a_message_that_failed_says_why() {
    let settings = with(table());
    let errors = json!([{"code": 131_026, "title": "Message undeliverable", "error_data": {"details": "no WhatsApp"}}, {"code": 1, "title": "x"}]);
    let outcome = take(
        &settings,
        &status(json!({"status": "failed", "errors": errors})),
    );
    let EventBody::DeliveryStatus(told) = &outcome.events[0].body else {
        panic!()
    };
    assert_eq!(
        told.error.as_deref(),
        Some("131026 Message undeliverable: no WhatsApp; 1 x")
    );
}

#[test]
fn a_status_that_names_the_number_alone_finds_the_conversation() {
    let settings = with(table());
    let failed = || {
        let mut change = value(
            json!({"statuses": [{"id": "wamid.f", "status": "failed", "timestamp": "1790000000", "recipient_id": "41790001"}]}),
        );
        change.as_object_mut().unwrap().remove("contacts");
        let outcome = take(&settings, &notification(change));
        (
            outcome.events[0].conversation.id.clone(),
            outcome.events[0].sender.id.clone(),
        )
    };
    assert_eq!(failed(), ("41790001".into(), "41790001".into()));
    event(
        &settings,
        "wamid.1",
        json!({"type": "text", "text": {"body": "hi"}}),
    );
    assert_eq!(failed(), ("CH.1001".into(), "CH.1001".into()));
}

#[test]
fn members_of_a_group_read_a_message_each_for_themselves() {
    let settings = with(table());
    let read = |number: &str| json!({"id": "wamid.g", "status": "read", "timestamp": "1", "recipient_id": "G.7", "recipient_type": "group", "recipient_participant_id": number});
    let body = notification(value(
        json!({"statuses": [read("41790001"), read("41790002"), {"id": "wamid.g", "status": "delivered", "timestamp": "1", "recipient_id": "G.7", "recipient_type": "group"}]}),
    ));
    let mut body = body;
    body["entry"][0]["changes"][0]["value"]["contacts"]
        .as_array_mut()
        .unwrap()
        .push(json!({"wa_id": "41790002", "user_id": "CH.1002"}));
    let outcome = take(&settings, &body);
    let keys: Vec<(&str, &str)> = outcome
        .events
        .iter()
        .map(|event| (event.conversation.id.as_str(), event.dedupe_key.as_str()))
        .collect();
    assert_eq!(
        keys,
        [
            ("G.7", "wamid.g@CH.1001:read"),
            ("G.7", "wamid.g@CH.1002:read"),
            ("G.7", "wamid.g@G.7:delivered")
        ]
    );
}
