//! The platform by itself: what people do reaches a bot as the documentation says, and what a bot does wrong is noticed.

mod limits;

use std::time::Duration;

use serde_json::{Value, json};

use super::{KEY, NUMBER_ID, TOKEN, make, message, notify};
use crate::platform::{
    Act, Action, Author, Call, CannotDo, File, Place, Pressed, Settings, Signing, Simulation,
    Style, Webhook,
};

fn simulation() -> Simulation {
    Simulation::start(make, &Settings::default()).unwrap()
}

fn ada(action: Action) -> Act {
    Act {
        user: "ada".into(),
        place: Place::Direct,
        action,
    }
}

fn body_of(webhook: &Webhook) -> Value {
    serde_json::from_slice(&webhook.body).unwrap()
}

fn value_of(webhook: &Webhook) -> Value {
    body_of(webhook)["entry"][0]["changes"][0]["value"].clone()
}

/// Ada does something; the value of the only webhook.
fn told(simulation: &Simulation, action: Action) -> Value {
    let done = simulation.compose(&ada(action)).unwrap();
    let [webhook] = done.webhooks.as_slice() else {
        panic!("{done:?}")
    };
    value_of(webhook)
}

fn call(method: &str, path: &str, body: &Value) -> Call {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    Call {
        method: method.into(),
        path: path.into(),
        query: query.into(),
        headers: vec![("authorization".into(), format!("Bearer {TOKEN}"))],
        body: body.to_string().into_bytes(),
    }
}

/// The bot posts a message; status and body of the answer.
fn post(simulation: &Simulation, body: &Value) -> (u16, Value) {
    let path = format!("/v23.0/{NUMBER_ID}/messages");
    let answer = simulation.platform().answer(&call("POST", &path, body));
    (answer.status, serde_json::from_slice(&answer.body).unwrap())
}

/// A message to Ada of a kind.
fn to_ada(kind: &str, content: Value) -> Value {
    let mut body = json!({"messaging_product": "whatsapp", "recipient_type": "individual", "to": "41790000001", "type": kind});
    body[kind] = content;
    body
}

fn say(text: &str) -> Action {
    Action::Say(text.into())
}

fn screen(simulation: &Simulation) -> crate::platform::Screen {
    simulation.screen(&Place::Direct, "ada")
}

fn interactive(kind: &str, action: Value) -> Value {
    to_ada(
        "interactive",
        json!({"type": kind, "body": {"text": "Which?"}, "action": action}),
    )
}

fn reply(id: &str, title: &str) -> Value {
    json!({"type": "reply", "reply": {"id": id, "title": title}})
}

#[test]
fn what_people_do_is_told_in_the_platforms_words() {
    let simulation = simulation();
    let value = told(&simulation, say("hi"));
    let said = value["messages"][0].clone();
    assert_eq!(
        (&said["type"], &said["text"]["body"], &said["from"]),
        (&json!("text"), &json!("hi"), &json!("41790000001"))
    );
    assert_eq!(
        (
            &value["contacts"][0]["profile"]["name"],
            &value["contacts"][0]["wa_id"]
        ),
        (&json!("ada"), &json!("41790000001"))
    );
    let id = said["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("wamid."));
    let value = told(
        &simulation,
        Action::Reply {
            to: id.clone(),
            text: "more".into(),
        },
    );
    assert_eq!(value["messages"][0]["context"]["id"], id);
    let value = told(
        &simulation,
        Action::React {
            message: id.clone(),
            emoji: "👍".into(),
            added: true,
        },
    );
    assert_eq!(
        value["messages"][0]["reaction"],
        json!({"message_id": id, "emoji": "👍"})
    );
    let value = told(
        &simulation,
        Action::React {
            message: id.clone(),
            emoji: "👍".into(),
            added: false,
        },
    );
    assert_eq!(value["messages"][0]["reaction"], json!({"message_id": id}));
    let value = told(
        &simulation,
        Action::Edit {
            message: id.clone(),
            text: "ho".into(),
        },
    );
    assert_eq!(value["messages"][0]["edit"]["original_message_id"], id);
    let value = told(
        &simulation,
        Action::Delete {
            message: id.clone(),
        },
    );
    assert_eq!(
        value["messages"][0]["revoke"],
        json!({"original_message_id": id})
    );
    assert!(matches!(
        simulation.compose(&ada(Action::Delete { message: id })),
        Err(CannotDo::NotNow(_))
    ));
    let file = File {
        name: "a.pdf".into(),
        content_type: "application/pdf".into(),
        bytes: vec![1, 2],
    };
    let value = told(
        &simulation,
        Action::SendFile {
            file,
            text: "see".into(),
        },
    );
    assert_eq!(
        (
            &value["messages"][0]["document"]["filename"],
            &value["messages"][0]["document"]["caption"]
        ),
        (&json!("a.pdf"), &json!("see"))
    );
    let value = told(
        &simulation,
        Action::Command {
            name: "help".into(),
            arguments: String::new(),
        },
    );
    assert_eq!(value["messages"][0]["text"]["body"], "/help");
    assert_eq!(
        told(&simulation, Action::Join)["messages"][0]["type"],
        "request_welcome"
    );
    let channel = Act {
        place: Place::Channel("c".into()),
        ..ada(say("x"))
    };
    assert!(matches!(
        simulation.compose(&channel),
        Err(CannotDo::NoSuchThing)
    ));
}

#[test]
fn somebody_who_hides_their_number_is_told_by_user_id_alone() {
    let simulation = simulation();
    let act = Act {
        user: "hidden-eve".into(),
        place: Place::Group("team".into()),
        action: say("hi"),
    };
    let done = simulation.compose(&act).unwrap();
    let value = value_of(&done.webhooks[0]);
    assert_eq!(value["messages"][0].get("from"), None);
    assert_eq!(value["messages"][0]["from_user_id"], done.sender);
    assert_eq!(value["messages"][0]["group_id"], done.conversation.id);
    assert_eq!(value["contacts"][0]["profile"]["username"], "hidden-eve");
}

#[test]
fn a_webhook_is_written_as_the_platform_writes_and_signed_over_those_bytes() {
    let simulation = simulation();
    let mut webhook = simulation
        .compose(&ada(say("Grüße / 😀")))
        .unwrap()
        .webhooks
        .remove(0);
    assert!(webhook.body.is_ascii());
    let text = String::from_utf8_lossy(&webhook.body).into_owned();
    assert!(text.contains(r"Gr\u00fc\u00dfe \/ \ud83d\ude00"), "{text}");
    simulation.platform().sign(&mut webhook, Signing::Honest, 0);
    use hmac::{Hmac, KeyInit as _, Mac as _};
    let mac = Hmac::<sha2::Sha256>::new_from_slice(KEY)
        .unwrap()
        .chain_update(&webhook.body);
    let honest = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    assert_eq!(webhook.header("x-hub-signature-256"), Some(honest.as_str()));
    for forgery in simulation.platform().forgeries() {
        let mut forged = webhook.clone();
        forged.headers.clear();
        simulation.platform().sign(&mut forged, forgery, 0);
        let same = forged.header("x-hub-signature-256") == Some(honest.as_str());
        assert_eq!(same, forgery == Signing::Altered, "{forgery:?}");
    }
}

#[test]
fn a_message_is_seen_without_marks_and_its_statuses_follow() {
    let simulation = simulation();
    told(&simulation, say("hi"));
    let mut message = to_ada("text", json!({"body": "*b* plain"}));
    message["biz_opaque_callback_data"] = json!("d-1");
    let (status, answer) = post(&simulation, &message);
    assert_eq!(status, 200, "{answer}");
    assert_eq!(
        answer["contacts"],
        json!([{"input": "41790000001", "wa_id": "41790000001"}])
    );
    let seen = screen(&simulation).messages;
    let last = seen.last().unwrap();
    assert_eq!(
        (last.text.as_str(), &last.author),
        ("b plain", &Author::Bot)
    );
    assert_eq!(last.styles, [(Style::Strong, "b".to_owned())]);
    assert_eq!(answer["messages"][0]["id"], last.id.as_str());
    let read = told(
        &simulation,
        Action::Read {
            message: last.id.clone(),
        },
    );
    assert_eq!(
        (
            &read["statuses"][0]["status"],
            &read["statuses"][0]["biz_opaque_callback_data"]
        ),
        (&json!("read"), &json!("d-1"))
    );
    assert!(simulation.violations().is_empty());
}

#[test]
fn buttons_lists_and_links_can_be_pressed() {
    let simulation = simulation();
    told(&simulation, say("hi"));
    post(
        &simulation,
        &interactive(
            "button",
            json!({"buttons": [reply("0t:y", "Yes"), reply("1t:n", "No")]}),
        ),
    );
    let buttons = screen(&simulation).messages.last().unwrap().clone();
    assert_eq!(
        buttons
            .buttons
            .iter()
            .map(|button| button.title.as_str())
            .collect::<Vec<_>>(),
        ["Yes", "No"]
    );
    let value = told(
        &simulation,
        Action::Press {
            message: buttons.id.clone(),
            button: 1,
        },
    );
    assert_eq!(
        value["messages"][0]["interactive"],
        json!({"type": "button_reply", "button_reply": {"id": "1t:n", "title": "No"}})
    );
    assert_eq!(value["messages"][0]["context"]["id"], buttons.id);
    post(
        &simulation,
        &interactive(
            "list",
            json!({"button": "Choose", "sections": [{"rows": [{"id": "a", "title": "A", "description": "first"}]}]}),
        ),
    );
    let list = screen(&simulation).messages.last().unwrap().clone();
    let value = told(
        &simulation,
        Action::Press {
            message: list.id,
            button: 0,
        },
    );
    assert_eq!(
        value["messages"][0]["interactive"]["list_reply"],
        json!({"id": "a", "title": "A", "description": "first"})
    );
    post(
        &simulation,
        &interactive(
            "cta_url",
            json!({"name": "cta_url", "parameters": {"display_text": "Open", "url": "https://a.example"}}),
        ),
    );
    let link = screen(&simulation).messages.last().unwrap().clone();
    assert_eq!(
        link.buttons[0].does,
        Pressed::Opens("https://a.example".into())
    );
    assert!(
        simulation
            .compose(&ada(Action::Press {
                message: link.id,
                button: 0
            }))
            .unwrap()
            .webhooks
            .is_empty()
    );
    assert_eq!(simulation.violations(), []);
}

#[test]
fn files_are_handed_in_described_and_fetched_within_five_minutes() {
    let simulation = simulation();
    told(&simulation, say("hi"));
    let boundary = "x1";
    let part = |name: &str, value: &str| {
        format!(
            "--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        )
    };
    let mut upload = call("POST", &format!("/v23.0/{NUMBER_ID}/media"), &Value::Null);
    upload.headers.push((
        "content-type".into(),
        format!("multipart/form-data; boundary={boundary}"),
    ));
    upload.body = format!(
        "{}{}--{boundary}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.png\"\r\ncontent-type: image/png\r\n\r\nPNG\r\n--{boundary}--\r\n",
        part("messaging_product", "whatsapp"),
        part("type", "image/png")
    )
    .into_bytes();
    let answer = simulation.platform().answer(&upload);
    let id: Value = serde_json::from_slice(&answer.body).unwrap();
    let id = id["id"].as_str().unwrap();
    assert_eq!(
        post(
            &simulation,
            &to_ada("image", json!({"id": id, "caption": "c"}))
        )
        .0,
        200
    );
    assert_eq!(screen(&simulation).messages[1].files[0].bytes, b"PNG");
    assert_eq!(
        post(&simulation, &to_ada("video", json!({"id": id}))).0,
        400,
        "a picture is no film"
    );
    let answer = simulation.platform().answer(&call(
        "GET",
        &format!("/v23.0/{id}?phone_number_id={NUMBER_ID}"),
        &Value::Null,
    ));
    let described: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(
        (&described["mime_type"], &described["file_size"]),
        (&json!("image/png"), &json!(3))
    );
    let url = described["url"]
        .as_str()
        .unwrap()
        .strip_prefix(simulation.desk().origin())
        .unwrap();
    let fetch = call("GET", url, &Value::Null);
    assert_eq!(simulation.platform().answer(&fetch).body, b"PNG");
    let mut nobody = fetch.clone();
    nobody.headers.clear();
    assert_eq!(simulation.platform().answer(&nobody).status, 401);
    simulation.desk().advance(5 * 60 * 1000);
    assert_eq!(simulation.platform().answer(&fetch).status, 404);
}

#[test]
fn typing_is_shown_until_the_bot_answers() {
    let simulation = simulation();
    let id = told(&simulation, say("hi"))["messages"][0]["id"].clone();
    let typing = json!({"messaging_product": "whatsapp", "status": "read", "message_id": id, "typing_indicator": {"type": "text"}});
    assert_eq!(post(&simulation, &typing), (200, json!({"success": true})));
    assert!(screen(&simulation).typing);
    post(&simulation, &to_ada("text", json!({"body": "x"})));
    assert!(!screen(&simulation).typing);
}

#[test]
fn several_things_come_in_one_webhook_over_entries_and_changes() {
    let simulation = simulation();
    let acts: Vec<Act> = ["a", "b", "c"].map(|text| ada(say(text))).to_vec();
    let (done, webhook) = simulation.platform().batch(&acts).unwrap();
    assert_eq!(done.len(), 3);
    let body = body_of(&webhook);
    assert_eq!(body["entry"].as_array().unwrap().len(), 2);
    assert_eq!(body["entry"][0]["changes"].as_array().unwrap().len(), 2);
    assert!(notify::batch(&[])["entry"].as_array().unwrap().is_empty());
}
