//! Files, by their bytes and by their address.

use greentic_sdk::channel::DeliveryError;
use greentic_sdk::http::{Fault, Response};
use greentic_sdk::model::{Attachment, Outbound, OutboundBody};
use greentic_sdk::native::requests;
use serde_json::json;

use super::{conversation, deliver, features, outbound};
use crate::testing::{called, install_usual, install_with, method, sent};

fn file(content: Option<&[u8]>, url: Option<&str>, content_type: &str) -> OutboundBody {
    OutboundBody::Attachment(Attachment {
        name: "a b.png".into(),
        content_type: content_type.into(),
        url: url.map(str::to_owned),
        content: content.map(<[u8]>::to_vec),
        size: None,
    })
}

fn upload_places(request: &greentic_sdk::http::Request) -> Option<Result<Response, Fault>> {
    (method(request) == "files.getUploadURLExternal").then(|| {
        Ok(Response::of_json(200, &json!({"ok": true, "upload_url": "https://files.slack.com/upload/v1/up", "file_id": "F7"})))
    })
}

#[test]
fn bytes_go_up_in_three_steps() {
    install_with(upload_places);
    let message = Outbound {
        conversation: conversation(Some("1.000100")),
        ..outbound(file(Some(b"abc"), None, "image/png"))
    };
    assert_eq!(deliver(message).unwrap().message_ids, ["F7"]);
    assert_eq!(
        called(),
        [
            "files.getUploadURLExternal",
            "up",
            "files.completeUploadExternal"
        ]
    );
    let calls = requests();
    assert_eq!(calls[0].body, b"filename=a+b.png&length=3");
    assert_eq!(
        (
            calls[1].body.as_slice(),
            calls[1].header_value("content-type"),
            calls[1].header_value("authorization")
        ),
        (b"abc".as_slice(), Some("image/png"), None)
    );
    assert_eq!(
        sent("files.completeUploadExternal"),
        [
            json!({"files": [{"id": "F7", "title": "a b.png"}], "channel_id": "C1", "thread_ts": "1.000100"})
        ]
    );
}

#[test]
fn before_the_last_step_nobody_sees_a_file_so_a_failure_there_is_tried_again() {
    for (failing, is_unknown) in [
        ("files.getUploadURLExternal", false),
        ("up", false),
        ("files.completeUploadExternal", true),
    ] {
        install_with(move |request| {
            if method(request) == failing {
                Some(Err(Fault::Unknown("broken".into())))
            } else {
                upload_places(request)
            }
        });
        let error = deliver(outbound(file(Some(b"abc"), None, "image/png"))).unwrap_err();
        assert_eq!(
            matches!(error, DeliveryError::Unknown(_)),
            is_unknown,
            "{failing}: {error:?}"
        );
        assert_eq!(
            matches!(error, DeliveryError::Retry(_)),
            !is_unknown,
            "{failing}: {error:?}"
        );
    }
}

#[test]
fn addresses_are_shown_as_picture_or_link_and_what_is_neither_is_refused() {
    install_usual();
    deliver(outbound(file(
        None,
        Some("https://x.example/a.png"),
        "image/png",
    )))
    .unwrap();
    let receipt = deliver(outbound(file(
        None,
        Some("https://x.example/a.pdf"),
        "application/pdf",
    )))
    .unwrap();
    assert_eq!(features(&receipt), ["attachments-out"]);
    let posts = sent("chat.postMessage");
    assert_eq!(
        posts[0]["blocks"][0]["image_url"],
        "https://x.example/a.png"
    );
    assert_eq!(posts[1]["text"], "a b.png: https://x.example/a.pdf");
    for body in [
        file(None, Some("data:x"), "image/png"),
        file(None, None, "image/png"),
        file(Some(b""), None, "image/png"),
    ] {
        assert!(matches!(
            deliver(outbound(body)),
            Err(DeliveryError::Rejected(_))
        ));
    }
    install_with(upload_places);
    let receipt = deliver(Outbound {
        only_for: Some("U1".into()),
        ..outbound(file(Some(b"abc"), None, "image/png"))
    })
    .unwrap();
    assert_eq!(
        (
            features(&receipt),
            &sent("files.completeUploadExternal")[0]["channel_id"]
        ),
        (vec!["ephemeral"], &json!("D9"))
    );
}
