use greentic_sdk::http::Fault;
use greentic_sdk::model::Error;
use serde_json::json;

use super::*;
use crate::settings::{MenuButton, MenuCommand};
use crate::testing::{SECRET, calls, refusal, telegram};

const URL: &str = "https://host.example/v1/messaging/ingress/telegram/acme/support/main";

#[test]
fn the_webhook_is_registered_with_the_placeholder_of_its_secret() {
    telegram();
    let done = setup(&Settings::default(), URL).unwrap();
    assert_eq!(done[0], "the bot is @sample_bot (4242)");
    let (method, parameters) = calls().remove(0);
    assert_eq!(method, "setWebhook");
    assert_eq!(parameters["url"], URL);
    assert_eq!(parameters["secret_token"], "gtsec_telegram.webhook-secret");
    assert_eq!(parameters["max_connections"], 40);
    let allowed = parameters["allowed_updates"].as_array().unwrap();
    for kind in [
        "message",
        "callback_query",
        "message_reaction",
        "my_chat_member",
    ] {
        assert!(allowed.contains(&json!(kind)), "{kind}");
    }
    assert!(!done.join(" ").contains(SECRET));
    assert_eq!(calls().len(), 1);
}

#[test]
fn the_menu_is_set_as_configured() {
    telegram();
    let mut settings = Settings {
        commands: vec![MenuCommand {
            command: "help".into(),
            description: "What I can do".into(),
        }],
        register_webhook: false,
        ..Settings::default()
    };
    setup(&settings, URL).unwrap();
    let expected = json!({"commands": [{"command": "help", "description": "What I can do"}]});
    assert_eq!(calls()[0], ("setMyCommands".into(), expected));
    assert_eq!(
        calls()[1],
        (
            "setChatMenuButton".into(),
            json!({"menu_button": {"type": "commands"}})
        )
    );
    settings.menu_button = Some(MenuButton {
        text: "Shop".into(),
        url: "https://shop.example".into(),
    });
    setup(&settings, URL).unwrap();
    assert_eq!(
        calls()[3].1["menu_button"]["web_app"]["url"],
        "https://shop.example"
    );
}

#[test]
fn what_cannot_be_set_up_says_what_to_do() {
    telegram();
    let error = setup(&Settings::default(), "http://host.example/x").unwrap_err();
    assert!(matches!(error, Error::Invalid(text) if text.contains("https")));
    for (answer, expected) in [
        (
            Ok(refusal(
                400,
                "Bad Request: secret token contains unallowed characters",
                &json!(null),
            )),
            Error::Invalid(
                "setWebhook: Bad Request: secret token contains unallowed characters".into(),
            ),
        ),
        (
            Ok(refusal(
                429,
                "Too Many Requests",
                &json!({"retry_after": 2}),
            )),
            Error::RateLimited(2000),
        ),
        (
            Err(Fault::NotSent("no connection".into())),
            Error::Unavailable("no connection".into()),
        ),
        (
            Err(Fault::Unknown("broke off".into())),
            Error::UnknownOutcome("broke off".into()),
        ),
        (
            Err(Fault::Refused("not granted".into())),
            Error::Denied("not granted".into()),
        ),
    ] {
        telegram().push(answer);
        assert_eq!(setup(&Settings::default(), URL), Err(expected));
    }
    telegram().refuse(401, "Unauthorized");
    let error = setup(&Settings::default(), URL).unwrap_err();
    assert!(matches!(error, Error::Denied(text) if text.contains("token")));
}

#[test]
fn teardown_removes_what_was_registered_and_nothing_else() {
    telegram();
    teardown(&Settings::default()).unwrap();
    assert_eq!(
        calls(),
        [(
            "deleteWebhook".to_owned(),
            json!({"drop_pending_updates": false})
        )]
    );
    let settings = Settings {
        register_webhook: false,
        ..Settings::default()
    };
    teardown(&settings).unwrap();
    assert_eq!(calls().len(), 1);
}
