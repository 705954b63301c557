use greentic_sdk::channel::{Delivery, IngressError, IngressOutcome, memory};
use greentic_sdk::http::{Fault, Response};
use greentic_sdk::model::{Attachment, Conversation, EventBody, Outbound, OutboundBody};
use greentic_sdk::native;
use serde_json::{Value, json};

use crate::testing::{
    NOW, Platform, Script, activity, calls, ingress, ingress_at, install, settings,
};

const BYTES: &[u8] = b"a whole report";
const UPLOAD: &str = "https://contoso-my.sharepoint.com/personal/ada/upload?session=1";

/// Offers a file to Ada, and returns what the card carries.
fn offered() -> (Script, Value) {
    let (script, _) = install(Platform::default());
    ingress(&activity(json!({}))).unwrap();
    let file = OutboundBody::Attachment(Attachment {
        name: "report.pdf".into(),
        content_type: "application/pdf".into(),
        url: None,
        content: Some(BYTES.to_vec()),
        size: None,
    });
    let delivery = Delivery {
        id: "d1".into(),
        attempt: 1,
        message: Outbound::new(&Conversation::direct("a:ada"), file),
    };
    let receipt = crate::deliver::deliver(&settings(), &delivery).unwrap();
    assert_eq!(receipt.downgrades[0].feature, "attachments-out");
    let card = calls().remove(0).2["attachments"][0].clone();
    assert_eq!(
        card["contentType"],
        "application/vnd.microsoft.teams.card.file.consent"
    );
    assert_eq!(card["name"], "report.pdf");
    assert_eq!(card["content"]["sizeInBytes"], BYTES.len());
    (script, card["content"]["acceptContext"].clone())
}

fn pressed(action: &str, context: &Value, upload: &str, conversation: &str) -> Value {
    activity(json!({
        "type": "invoke", "name": "fileConsent/invoke", "text": null, "replyToId": "m1",
        "conversation": {"id": conversation, "conversationType": "personal"},
        "value": {
            "type": "fileUpload", "action": action, "context": context,
            "uploadInfo": {"contentUrl": "https://contoso-my.sharepoint.com/personal/ada/report.pdf", "name": "report.pdf",
                "uploadUrl": upload, "uniqueId": "u-1", "fileType": "pdf"}
        }
    }))
}

fn told(outcome: &IngressOutcome) -> Value {
    match &outcome.events[0].body {
        EventBody::Custom(custom) if custom.name == "file-consent" => {
            serde_json::from_str(&custom.data).unwrap()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_accepted_file_is_uploaded_shown_and_its_offer_taken_away() {
    let (_, context) = offered();
    let before = native::requests().len();
    let outcome = ingress(&pressed("accept", &context, UPLOAD, "a:ada")).unwrap();
    assert_eq!(outcome.response.status, 200);
    assert_eq!(
        told(&outcome),
        json!({"outcome": "accepted", "file": "report.pdf"})
    );
    let made = &native::requests()[before..];
    let (upload, shown, taken) = (&made[0], &made[1], &made[2]);
    assert_eq!(
        (upload.method.as_str(), upload.url.as_str()),
        ("PUT", UPLOAD)
    );
    assert_eq!(upload.body, BYTES);
    assert_eq!(upload.header_value("content-range"), Some("bytes 0-13/14"));
    assert_eq!(
        upload.header_value("authorization"),
        None,
        "the address opens by itself"
    );
    let body: Value = serde_json::from_slice(&shown.body).unwrap();
    assert_eq!(
        body["attachments"][0],
        json!({
            "contentType": "application/vnd.microsoft.teams.card.file.info",
            "contentUrl": "https://contoso-my.sharepoint.com/personal/ada/report.pdf",
            "name": "report.pdf", "content": {"uniqueId": "u-1", "fileType": "pdf"}
        })
    );
    assert_eq!(taken.method, "DELETE");
    assert!(taken.url.ends_with("/activities/m1"), "{}", taken.url);
    // The same press once more finds the file gone.
    let outcome = ingress_at(&pressed("accept", &context, UPLOAD, "a:ada"), NOW + 120_000).unwrap();
    assert_eq!(told(&outcome)["outcome"], "expired");
    assert_eq!(native::requests().len(), before + 3);
}

#[test]
fn a_second_press_while_the_first_is_at_work_uploads_nothing() {
    let (_, context) = offered();
    memory::add("upload/d1", b"1", Some(1000)).unwrap();
    let before = native::requests().len();
    let outcome = ingress(&pressed("accept", &context, UPLOAD, "a:ada")).unwrap();
    assert_eq!((outcome.events.len(), outcome.ignored), (0, 1));
    assert_eq!(native::requests().len(), before);
}

#[test]
fn a_declined_file_is_forgotten() {
    let (_, context) = offered();
    let outcome = ingress(&pressed("decline", &context, UPLOAD, "a:ada")).unwrap();
    assert_eq!(told(&outcome)["outcome"], "declined");
    assert_eq!(crate::kept::get("d1").unwrap(), None);
}

#[test]
fn a_failed_upload_can_be_tried_again() {
    for failure in [
        Ok(Response::of(503, "text/plain", "")),
        Err(Fault::Unknown("timeout".into())),
    ] {
        let (script, context) = offered();
        script.then(failure);
        let outcome = ingress(&pressed("accept", &context, UPLOAD, "a:ada"));
        assert!(
            matches!(outcome, Err(IngressError::Unavailable(_))),
            "{outcome:?}"
        );
        let outcome = ingress(&pressed("accept", &context, UPLOAD, "a:ada")).unwrap();
        assert_eq!(told(&outcome)["outcome"], "accepted");
    }
}

#[test]
fn a_file_goes_neither_to_another_conversation_nor_to_another_host() {
    let (_, context) = offered();
    let before = native::requests().len();
    let outcome = ingress(&pressed("accept", &context, UPLOAD, "a:eve")).unwrap();
    assert_eq!(told(&outcome), json!({"outcome": "expired", "file": null}));
    let outcome = ingress(&pressed(
        "accept",
        &context,
        "https://evil.example/up",
        "a:ada",
    ));
    assert!(
        matches!(outcome, Err(IngressError::Unavailable(_))),
        "{outcome:?}"
    );
    assert_eq!(native::requests().len(), before);
    assert!(crate::kept::get("d1").unwrap().is_some());
}
