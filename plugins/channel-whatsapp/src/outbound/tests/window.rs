//! The 24 hours after somebody wrote, and what is sent when they are over.

use super::*;

fn templated() -> Table {
    taking()
        .config("template.name", "follow_up")
        .config("template.language", "en_US")
        .config("template.parameters", r#"["{name|there}","{text}"]"#)
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
            .config("template.name", "t")
            .config("template.language", "en")
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
