use greentic_sdk::http::Response;
use greentic_sdk::model::Error;
use greentic_sdk::native::requests;
use serde_json::{Value, json};

use crate::testing::{table, with};

fn accepting() -> greentic_sdk::native::Table {
    table().http(|_| Ok(Response::of_json(200, &json!({"success": true}))))
}

#[test]
fn what_is_configured_is_set_up_and_nothing_else() {
    let settings = with(accepting());
    assert_eq!(super::setup(&settings, "http://localhost"), Ok(Vec::new()));
    assert_eq!(super::teardown(&settings), Ok(()));
    assert!(requests().is_empty());

    let settings = with(
        accepting()
            .config("register-webhook", "true")
            .config(
                "commands",
                r#"[{"name":"help","description":"What I can do"}]"#,
            )
            .config("prompts", r#"["Where is my parcel?"]"#),
    );
    assert_eq!(
        super::setup(&settings, "https://h.example/hook")
            .unwrap()
            .len(),
        3
    );
    super::teardown(&settings).unwrap();
    let sent: Vec<(String, Value)> = requests()
        .iter()
        .map(|call| {
            (
                call.url.clone(),
                serde_json::from_slice(&call.body).unwrap(),
            )
        })
        .collect();
    let number = "https://graph.example/v23.0/100200300";
    assert_eq!(sent[0].0, number);
    assert_eq!(
        sent[0].1["webhook_configuration"]["override_callback_uri"],
        "https://h.example/hook"
    );
    assert_ne!(
        sent[0].1["webhook_configuration"]["verify_token"], "verify me",
        "the host places it"
    );
    assert_eq!(
        sent[1],
        (
            format!("{number}/conversational_automation"),
            json!({"commands": [{"command_name": "help", "command_description": "What I can do"}], "prompts": ["Where is my parcel?"]})
        )
    );
    assert_eq!(
        sent[2],
        (
            number.to_owned(),
            json!({"webhook_configuration": {"override_callback_uri": ""}})
        )
    );
}

#[test]
fn an_address_the_platform_cannot_reach_and_a_refusal_are_told() {
    let settings = with(accepting().config("register-webhook", "true"));
    assert!(matches!(
        super::setup(&settings, "http://h.example"),
        Err(Error::Invalid(_))
    ));
    let settings = with(table().config("prompts", r#"["x"]"#).http(|_| {
        Ok(Response::of_json(
            400,
            &json!({"error": {"code": 100, "message": "no"}}),
        ))
    }));
    let Err(Error::Invalid(reason)) = super::setup(&settings, "https://h") else {
        panic!()
    };
    assert!(reason.contains("100"), "{reason}");
}
