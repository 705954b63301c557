use greentic_sdk::model::EventBody;
use serde_json::{Value, json};

use crate::testing::{Platform, activity, ingress, install};

/// Status, body and what was told: the postback's data, or the custom event's name and data.
fn invoked(name: &str, value: Value) -> (u16, Value, Option<Value>) {
    let outcome = ingress(&activity(
        json!({"type": "invoke", "name": name, "value": value, "text": null, "replyToId": "16"}),
    ))
    .unwrap();
    assert_eq!(outcome.malformed, None, "{name}");
    let told = match outcome.events.as_slice() {
        [] => None,
        [event] => Some(match &event.body {
            EventBody::Postback(postback) => {
                assert_eq!(postback.message_id.as_deref(), Some("16"));
                serde_json::from_str(&postback.data).unwrap()
            }
            EventBody::Custom(custom) => {
                json!([
                    custom.name,
                    serde_json::from_str::<Value>(&custom.data).unwrap()
                ])
            }
            other => panic!("{other:?}"),
        }),
        more => panic!("{more:?}"),
    };
    assert_eq!(outcome.ignored, u32::from(told.is_none()), "{name}");
    let body = serde_json::from_slice(&outcome.response.body).unwrap();
    (outcome.response.status, body, told)
}

#[test]
fn every_invoke_has_its_own_answer_in_the_body() {
    install(Platform::default());
    let message = json!({"task": {"type": "message", "value": ""}});
    let nothing = json!({"composeExtension": {"type": "result", "attachmentLayout": "list", "attachments": []}});
    let card_answer = json!({"statusCode": 200, "type": "application/vnd.microsoft.activity.message", "value": ""});
    for (name, value, status, answer, told) in [
        (
            "adaptiveCard/action",
            json!({"action": {"type": "Action.Execute", "verb": "buy", "data": {"n": 1}}}),
            200,
            card_answer.clone(),
            Some(json!({"n": 1, "verb": "buy"})),
        ),
        (
            "adaptiveCard/action",
            json!({"action": {"verb": "buy"}}),
            200,
            card_answer,
            Some(json!({"verb": "buy"})),
        ),
        (
            "task/fetch",
            json!({"data": {"a": 1}}),
            200,
            message.clone(),
            Some(json!({"a": 1})),
        ),
        (
            "task/fetch",
            json!({"data": {"msteams": {"type": "task/fetch"}, "dialog": {"title": "T", "card": {"type": "AdaptiveCard"}}}}),
            200,
            json!({"task": {"type": "continue", "value": {
                "title": "T",
                "card": {"contentType": "application/vnd.microsoft.card.adaptive", "content": {"type": "AdaptiveCard"}}
            }}}),
            None,
        ),
        (
            "task/submit",
            json!({"data": {"name": "Ada"}}),
            200,
            json!({}),
            Some(json!({"name": "Ada"})),
        ),
        (
            "composeExtension/submitAction",
            json!({"commandId": "c"}),
            200,
            json!({}),
            Some(json!(["compose-extension-submit", {"commandId": "c"}])),
        ),
        (
            "composeExtension/query",
            json!({}),
            200,
            nothing.clone(),
            None,
        ),
        (
            "composeExtension/queryLink",
            json!({}),
            200,
            nothing.clone(),
            None,
        ),
        ("composeExtension/selectItem", json!({}), 200, nothing, None),
        ("composeExtension/fetchTask", json!({}), 200, message, None),
        (
            "application/search",
            json!({}),
            200,
            json!({"statusCode": 200, "type": "application/vnd.microsoft.search.searchResponse", "value": {"results": []}}),
            None,
        ),
        (
            "message/submitAction",
            json!({"actionName": "feedback", "actionValue": {"reaction": "like"}}),
            200,
            json!({}),
            Some(
                json!(["feedback", {"actionName": "feedback", "actionValue": {"reaction": "like"}}]),
            ),
        ),
        (
            "signin/verifyState",
            json!({"state": "123456"}),
            200,
            json!({}),
            Some(json!(["signin-verify-state", {"state": "123456"}])),
        ),
        (
            "signin/tokenExchange",
            json!({"id": "1", "connectionName": "c", "token": "secret"}),
            412,
            json!({"id": "1", "connectionName": "c", "failureDetail": "The bot does not exchange tokens."}),
            None,
        ),
        ("unheard/of", json!({"a": 1}), 200, json!({}), None),
    ] {
        assert_eq!(
            invoked(name, value.clone()),
            (status, answer, told),
            "{name} {value}"
        );
    }
}

#[test]
fn an_invoke_without_what_it_is_about_is_malformed() {
    install(Platform::default());
    for (name, value) in [
        ("adaptiveCard/action", json!({})),
        ("adaptiveCard/action", json!(null)),
        ("fileConsent/invoke", json!({"action": "accept"})),
        (
            "fileConsent/invoke",
            json!({"action": "maybe", "context": {"file": "x"}}),
        ),
    ] {
        let invoke = activity(json!({"type": "invoke", "name": name, "value": value}));
        let outcome = ingress(&invoke).unwrap();
        assert!(outcome.malformed.is_some(), "{name} {value}");
    }
}
