use greentic_sdk::channel::{IngressError, Request, Surface};
use greentic_sdk::http::Fault;
use greentic_sdk::model::Header;
use greentic_sdk::native::{self, Table};
use serde_json::json;

use super::{SECRET_HEADER, serve};
use crate::settings::Settings;
use crate::testing::{SECRET, TOKEN, calls, message, receive, request, telegram};

fn refused(request: &Request) -> String {
    match serve(&Settings::default(), request) {
        Err(IngressError::Unverified(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn only_a_request_with_the_secret_is_read() {
    telegram();
    let body = message(&json!({"text": "hello"})).to_string();
    let with = |secret| request(body.as_bytes(), secret);
    assert_eq!(
        serve(&Settings::default(), &with(Some(SECRET)))
            .unwrap()
            .events
            .len(),
        1
    );
    assert!(refused(&with(None)).contains("missing"));
    let longer = format!("{SECRET}x");
    for wrong in [
        "",
        "x",
        &SECRET[..SECRET.len() - 1],
        &longer,
        "Webhook-secret_1",
        TOKEN,
    ] {
        let reason = refused(&with(Some(wrong)));
        assert!(
            !reason.contains(SECRET) && (wrong.len() < 2 || !reason.contains(wrong)),
            "{reason}"
        );
    }
    let mut twice = with(Some("x"));
    twice.headers.push(Header::new(SECRET_HEADER, SECRET));
    refused(&twice);
    twice.headers.reverse();
    refused(&twice);
}

#[test]
fn nothing_is_read_before_the_secret_was_checked() {
    telegram();
    refused(&request(b"{", Some("x")));
    assert_eq!(native::requests().len(), 0);
}

#[test]
fn incident_09_an_empty_or_missing_secret_opens_nothing() {
    let body = message(&json!({"text": "hello"})).to_string();
    native::install(Table::new().secret("telegram/webhook-secret", b""));
    for given in [None, Some(""), Some("x")] {
        refused(&request(body.as_bytes(), given));
    }
    native::install(Table::new());
    let outcome = serve(&Settings::default(), &request(body.as_bytes(), Some("")));
    assert!(
        matches!(outcome, Err(IngressError::Unavailable(reason)) if reason.contains("telegram/webhook-secret"))
    );
}

#[test]
fn incident_09_what_cannot_be_read_is_acknowledged_and_kept() {
    telegram();
    for body in [
        "",
        "{",
        "null",
        "[]",
        "7",
        r#"{"message":{}}"#,
        r#"{"update_id":"1"}"#,
        r#"{"update_id":1,"message":7}"#,
        r#"{"update_id":1,"message":{"message_id":1}}"#,
        "\u{0}",
    ] {
        let outcome = serve(
            &Settings::default(),
            &request(body.as_bytes(), Some(SECRET)),
        )
        .unwrap();
        assert_eq!(outcome.response.status, 200, "{body}");
        assert!(outcome.malformed.is_some(), "{body}");
        assert!(outcome.events.is_empty());
    }
    let outcome = serve(&Settings::default(), &request(&[0xff, 0xfe], Some(SECRET))).unwrap();
    assert!(outcome.malformed.is_some());
}

#[test]
fn the_dedupe_key_is_of_the_bot_and_the_update() {
    telegram();
    let key = |update| receive(update).unwrap().events.remove(0).dedupe_key;
    let update = message(&json!({"text": "hello"}));
    assert_eq!(key(&update), "4242:9001");
    assert_eq!(key(&update), key(&update));
}

#[test]
fn incident_09_another_bot_behind_the_same_channel_is_not_silenced() {
    // The instance that knew the first bot lives on: the token's version decides.
    telegram();
    assert_eq!(
        receive(&message(&json!({"text": "x"}))).unwrap().events[0].dedupe_key,
        "4242:9001"
    );
    let bot = json!({"ok": true, "result": {"id": 5151, "is_bot": true, "username": "other_bot"}});
    let table = Table::new()
        .secret("telegram/bot-token", b"5151:x")
        .secret("telegram/webhook-secret", SECRET.as_bytes())
        .http(move |_| Ok(greentic_sdk::http::Response::of_json(200, &bot)));
    native::install(table);
    assert_eq!(
        receive(&message(&json!({"text": "x"}))).unwrap().events[0].dedupe_key,
        "5151:9001"
    );
}

#[test]
fn while_it_is_not_known_which_bot_this_is_updates_wait() {
    native::install(
        Table::new()
            .secret("telegram/bot-token", b"9999:x")
            .secret("telegram/webhook-secret", SECRET.as_bytes())
            .http(|_| Err(Fault::NotSent("no connection".into()))),
    );
    let outcome = receive(&message(&json!({"text": "x"})));
    assert!(matches!(outcome, Err(IngressError::Unavailable(reason)) if reason.contains("getMe")));
}

#[test]
fn who_the_bot_is_is_asked_once() {
    telegram();
    for _ in 0..3 {
        receive(&message(&json!({"text": "x"}))).unwrap();
    }
    let asked = native::requests()
        .iter()
        .filter(|request| request.url.ends_with("/getMe"))
        .count();
    assert!(asked <= 1, "{asked}");
    assert!(calls().is_empty());
}

#[test]
fn other_methods_and_other_surfaces_are_not_the_webhook() {
    telegram();
    let mut get = request(b"", Some(SECRET));
    get.method = "GET".into();
    assert_eq!(
        serve(&Settings::default(), &get).unwrap().response.status,
        405
    );
    for surface in [Surface::Api, Surface::Page] {
        let mut request = request(b"{}", Some(SECRET));
        request.surface = surface;
        assert_eq!(
            serve(&Settings::default(), &request)
                .unwrap()
                .response
                .status,
            404
        );
    }
}
