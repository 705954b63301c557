//! Files and pictures.

use super::*;

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
