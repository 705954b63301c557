use greentic_sdk::channel::DeliveryError;
use greentic_sdk::http::{Fault, Response};
use greentic_sdk::native::{self, Table};
use serde_json::{Map, Value, json};

use super::{Api, ApiError};
use crate::settings::Settings;
use crate::testing::{TOKEN, refusal, telegram};

fn call(answer: Result<Response, Fault>) -> Result<Value, ApiError> {
    telegram().push(answer);
    Api::open(&Settings::default())
        .unwrap()
        .call("sendMessage", Map::new())
}

/// What an answer means for a delivery.
fn meant(answer: Result<Response, Fault>) -> String {
    match DeliveryError::from(call(answer).unwrap_err()) {
        DeliveryError::Rejected(reason) => format!("rejected {reason}"),
        DeliveryError::Retry(retry) => format!("retry {:?} {}", retry.after_ms, retry.reason),
        DeliveryError::Unknown(reason) => format!("unknown {reason}"),
    }
}

#[test]
fn the_token_is_a_placeholder_in_the_path_and_stands_nowhere_else() {
    let outcome = call(Ok(Response::of_json(
        200,
        &json!({"ok": true, "result": {"message_id": 1}}),
    )));
    assert_eq!(outcome.unwrap()["message_id"], 1);
    let sent = native::requests().remove(0);
    assert_eq!(
        sent.url,
        "https://api.telegram.org/botgtsec_telegram.bot-token/sendMessage"
    );
    assert_eq!(sent.method, "POST");
    assert!(!format!("{sent:?}").contains(TOKEN));
    assert!(!String::from_utf8(sent.body).unwrap().contains("gtsec_"));
}

#[test]
fn every_answer_says_whether_to_try_again() {
    let refused = |code, text: &str| Ok(refusal(code, text, &json!(null)));
    for (answer, meaning) in [
        (
            refused(403, "Forbidden: bot was blocked by the user"),
            "rejected 403: Forbidden: bot was blocked by the user",
        ),
        (
            refused(400, "Bad Request: chat not found"),
            "rejected 400: Bad Request: chat not found",
        ),
        (
            Ok(refusal(
                429,
                "Too Many Requests: retry after 14",
                &json!({"retry_after": 14}),
            )),
            "retry Some(14000) 429: Too Many Requests: retry after 14",
        ),
        (refused(409, "Conflict"), "retry None 409: Conflict"),
        (
            refused(500, "Internal Server Error"),
            "unknown Internal Server Error",
        ),
        (refused(502, "Bad Gateway"), "unknown Bad Gateway"),
        (
            Ok(Response::of(502, "text/html", "<html>")),
            "unknown HTTP 502",
        ),
        (
            Ok(Response::of(429, "text/html", "").with_header("retry-after", "3")),
            "retry Some(3000) 429: HTTP 429",
        ),
        (
            Ok(Response::of(413, "text/html", "<html>")),
            "rejected 413: HTTP 413",
        ),
        (
            Ok(Response::of(200, "text/html", "<html>")),
            "unknown HTTP 200 with a body that is no answer",
        ),
        (
            Err(Fault::NotSent("no connection".into())),
            "retry None no connection",
        ),
        (Err(Fault::Unknown("broke off".into())), "unknown broke off"),
        (
            Err(Fault::Refused("not granted".into())),
            "rejected not granted",
        ),
    ] {
        assert_eq!(meant(answer), meaning);
    }
    assert!(meant(refused(401, "Unauthorized")).contains("check the bot's token"));
    assert!(meant(refused(404, "Not Found")).contains("check the bot's token"));
}

#[test]
fn a_group_that_moved_is_told_apart() {
    let answer = refusal(
        400,
        "Bad Request: group chat was upgraded to a supergroup chat",
        &json!({"migrate_to_chat_id": -100}),
    );
    assert!(matches!(
        call(Ok(answer)),
        Err(ApiError::Refused {
            moved_to: Some(-100),
            ..
        })
    ));
}

#[test]
fn without_a_token_nothing_is_called() {
    native::install(Table::new());
    let error = Api::open(&Settings::default()).err().unwrap();
    assert!(error.to_string().contains("telegram/bot-token"), "{error}");
}
