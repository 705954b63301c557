//! Invokes: activities whose sender waits for an answer in the body of the response.
//!
//! A flow answers later, by messages. So an invoke is answered at once with what its schema calls success and becomes an event where
//! a person meant something by it; what clients ask at every keystroke (searches) is answered with nothing found.

use greentic_sdk::channel::Response;
use serde_json::{Value, json};

use crate::activity::Activity;
use crate::inbound::{Fault, Read, custom, event, postback};
use crate::settings::Settings;

/// The answer and what became of it.
#[derive(Debug, PartialEq)]
pub struct Answered {
    /// What the client gets.
    pub response: Response,
    /// What the bus gets.
    pub read: Read,
}

/// Name of the invoke that a person's answer to the offer of a file is.
pub const FILE_CONSENT: &str = "fileConsent/invoke";

fn ok(body: &Value) -> Response {
    Response::json(200, body.to_string())
}

/// Answers an invoke, except [`FILE_CONSENT`].
///
/// # Errors
/// When it cannot be understood.
pub fn answer(settings: &Settings, activity: &Activity, now_ms: u64) -> Result<Answered, Fault> {
    let value = activity.value.clone().unwrap_or_default();
    let name = activity.name.as_deref().unwrap_or_default();
    let told = |response, body| {
        event(activity, "", body, now_ms).map(|event| Answered {
            response,
            read: Read {
                events: vec![event],
                ignored: 0,
            },
        })
    };
    let unheard = |response| Answered {
        response,
        read: Read::ignored(),
    };
    let nothing_found = || {
        ok(
            &json!({"composeExtension": {"type": "result", "attachmentLayout": "list", "attachments": []}}),
        )
    };
    match name {
        "adaptiveCard/action" => {
            let Some(action) = value.get("action").filter(|action| action.is_object()) else {
                return Err(Fault::Malformed("the invoke has no action".into()));
            };
            let mut data = action.get("data").cloned().unwrap_or_default();
            if let (Some(fields), Some(verb)) = (data.as_object_mut(), action.get("verb")) {
                fields.entry("verb").or_insert_with(|| verb.clone());
            } else if data.is_null() {
                data = json!({"verb": action.get("verb")});
            }
            told(
                ok(&json!({
                    "statusCode": 200,
                    "type": "application/vnd.microsoft.activity.message",
                    "value": settings.action_reply
                })),
                postback(activity, &data, None)?,
            )
        }
        "task/fetch" => {
            let data = value.get("data").cloned().unwrap_or_default();
            match dialogue(&data) {
                // The button carries the dialogue it opens: nobody has to be asked.
                Some(task) => Ok(unheard(ok(
                    &json!({"task": {"type": "continue", "value": task}}),
                ))),
                None => told(
                    ok(&json!({"task": {"type": "message", "value": settings.action_reply}})),
                    postback(activity, &data, None)?,
                ),
            }
        }
        "task/submit" => {
            let data = value.get("data").cloned().unwrap_or_default();
            // An empty answer closes the dialogue.
            told(ok(&json!({})), postback(activity, &data, None)?)
        }
        "composeExtension/submitAction" => {
            told(ok(&json!({})), custom("compose-extension-submit", &value)?)
        }
        "composeExtension/query"
        | "composeExtension/queryLink"
        | "composeExtension/anonymousQueryLink"
        | "composeExtension/selectItem" => Ok(unheard(nothing_found())),
        "composeExtension/fetchTask" => Ok(unheard(ok(
            &json!({"task": {"type": "message", "value": settings.action_reply}}),
        ))),
        "application/search" => Ok(unheard(ok(&json!({
            "statusCode": 200,
            "type": "application/vnd.microsoft.search.searchResponse",
            "value": {"results": []}
        })))),
        "message/submitAction" => told(ok(&json!({})), custom("feedback", &value)?),
        "message/fetchTask" => Ok(unheard(ok(
            &json!({"task": {"type": "message", "value": settings.action_reply}}),
        ))),
        // The code a person gets at the end of a sign-in page.
        "signin/verifyState" => told(ok(&json!({})), custom("signin-verify-state", &value)?),
        // The value is a token of the person's: it goes nowhere. 412 makes the client show the sign-in card (OAuth prompt, "token
        // exchange": the bot could not exchange it).
        "signin/tokenExchange" => Ok(unheard(Response::json(
            412,
            json!({
                "id": value.get("id"),
                "connectionName": value.get("connectionName"),
                "failureDetail": "The bot does not exchange tokens."
            })
            .to_string(),
        ))),
        _ => Ok(unheard(ok(&json!({})))),
    }
}

/// The dialogue that a `task/fetch` button carries as `dialog`: `{"title", "card", "width", "height"}`.
fn dialogue(data: &Value) -> Option<Value> {
    let dialogue = data.get("dialog")?;
    let card = dialogue.get("card").filter(|card| card.is_object())?;
    let mut task = json!({
        "card": {"contentType": crate::card::CONTENT_TYPE, "content": card}
    });
    for name in ["title", "width", "height"] {
        if let (Some(value), Some(fields)) = (dialogue.get(name), task.as_object_mut()) {
            fields.insert(name.to_owned(), value.clone());
        }
    }
    Some(task)
}

#[cfg(test)]
mod tests;
