//! What the platform is sent: texts. Everything else becomes one, or is left out, and the receipt says so.

use greentic_sdk::channel::{Delivery, DeliveryError, Downgrade, Receipt};
use greentic_sdk::delivery::{Steps, answered};
use greentic_sdk::http::{Request, Response};
use greentic_sdk::model::{OutboundBody, TextFormat};
use greentic_sdk::{config, secret::Secret};
use serde_json::{Value, json};

use crate::MAX_TEXT;
use crate::fault::{self, Fault};

/// Delivers one message.
pub fn deliver(delivery: &Delivery) -> Result<Receipt, DeliveryError> {
    let message = &delivery.message;
    if message.only_for.is_some() {
        return Err(DeliveryError::Rejected(
            "the platform has nothing that only one person sees".into(),
        ));
    }
    let (text, mut downgrades) = as_text(&message.body);
    if message.reply_to.is_some() && is_said(&message.body) {
        downgrades.push(downgrade("threads", "sent beside the others"));
    }
    let claims = fault::is(Fault::ClaimsTyping) && matches!(message.body, OutboundBody::Typing);
    if claims || fault::is(Fault::SilentDowngrade) {
        downgrades.clear();
    }
    let mut message_ids = Vec::new();
    if let Some(text) = text {
        let parts = parts(&text);
        let token = crate::secret("token").map_err(DeliveryError::Rejected)?;
        let mut steps = Steps::of(delivery, parts.len())?;
        for part in parts {
            let send =
                || send(&token, &message.conversation.id, &delivery.id, part).map(|id| vec![id]);
            let ids = if fault::is(Fault::RepeatsParts) {
                send()?
            } else {
                steps.step(send)?
            };
            message_ids.extend(ids);
        }
    }
    Ok(Receipt {
        message_ids,
        downgrades,
    })
}

/// Whether something is said that could stand in a thread.
fn is_said(body: &OutboundBody) -> bool {
    matches!(
        body,
        OutboundBody::Text(_)
            | OutboundBody::Card(_)
            | OutboundBody::Attachment(_)
            | OutboundBody::QuickReplies(_)
    )
}

fn downgrade(feature: &str, instead: &str) -> Downgrade {
    Downgrade {
        feature: feature.into(),
        instead: instead.into(),
    }
}

/// What is written for a body, and in which way it is less.
fn as_text(body: &OutboundBody) -> (Option<String>, Vec<Downgrade>) {
    let less = |text: Option<String>, feature, instead| (text, vec![downgrade(feature, instead)]);
    match body {
        OutboundBody::Text(text) if text.format == TextFormat::Plain => {
            (Some(text.text.clone()), Vec::new())
        }
        OutboundBody::Text(text) => {
            less(Some(text.text.clone()), "markdown", "sent with its marks")
        }
        OutboundBody::Card(card) => {
            let mut text = card.fallback.clone();
            for title in titles(&card.json) {
                text.push_str("\n- ");
                text.push_str(&title);
            }
            less(
                Some(text),
                "cards",
                "its fallback and the titles of its buttons as text",
            )
        }
        OutboundBody::Attachment(file) => less(
            Some(format!("[file {}]", file.name)),
            "attachments-out",
            "its name as text",
        ),
        OutboundBody::QuickReplies(replies) => {
            let mut text = replies.text.clone();
            for option in &replies.options {
                text.push_str("\n- ");
                text.push_str(&option.title);
            }
            less(Some(text), "quick-replies", "listed in the text")
        }
        OutboundBody::Typing => less(None, "typing", "not shown"),
        OutboundBody::Edit(edit) => less(Some(edit.text.clone()), "edit", "sent as a new message"),
        OutboundBody::Delete(_) => less(None, "delete", "left as it is"),
        OutboundBody::Reaction(_) => less(None, "reactions-out", "left out"),
    }
}

/// The titles of a card's buttons, with the addresses they open.
fn titles(card: &str) -> Vec<String> {
    let card: Value = serde_json::from_str(card).unwrap_or_default();
    let actions = card.get("actions").and_then(Value::as_array);
    let title = |action: &Value| {
        let title = action.get("title")?.as_str()?;
        let url = action.get("url").and_then(Value::as_str);
        Some(url.map_or_else(|| title.to_owned(), |url| format!("{title}: {url}")))
    };
    actions.into_iter().flatten().filter_map(title).collect()
}

/// A text in parts of at most the platform's limit, at white space where there is some.
fn parts(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((limit, _)) = rest.char_indices().nth(MAX_TEXT) {
        let (head, _) = rest.split_at(limit);
        let at = head
            .rfind(char::is_whitespace)
            .filter(|at| *at > 0)
            .unwrap_or(limit);
        let (part, next) = rest.split_at(at);
        parts.push(part);
        rest = next.trim_start();
        if fault::is(Fault::CutsLongText) {
            return parts;
        }
    }
    parts.push(rest);
    parts
}

/// Sends one text, and gives the platform's identifier of it. The platform makes no use of the delivery's id; who reads its journal
/// tells by it a call that is made again from one too many.
fn send(
    token: &Secret,
    conversation: &str,
    delivery: &str,
    text: &str,
) -> Result<String, DeliveryError> {
    let api = config::get("api-url")
        .ok()
        .flatten()
        .ok_or_else(|| DeliveryError::Rejected("config `api-url` is not set".into()))?;
    let outcome = Request::post(format!("{api}/messages"))
        .bearer(token)
        .header("x-delivery", delivery)
        .json(&json!({"conversation": conversation, "text": text}))
        .send();
    if fault::is(Fault::BelievesAnything) {
        return Ok(outcome
            .ok()
            .and_then(|response| id(&response))
            .unwrap_or_default());
    }
    let response = answered(outcome).map_err(wrongly)?;
    id(&response).ok_or_else(|| DeliveryError::Unknown("the answer has no `id`".into()))
}

fn id(response: &Response) -> Option<String> {
    let body: Value = response.json().ok()?;
    Some(body.get("id")?.as_str()?.to_owned())
}

/// The same error, or a wrong one where this channel is wrong in that.
fn wrongly(error: DeliveryError) -> DeliveryError {
    match error {
        DeliveryError::Retry(mut retry) if fault::is(Fault::SwallowsRetryAfter) => {
            retry.after_ms = None;
            DeliveryError::Retry(retry)
        }
        DeliveryError::Unknown(reason) if fault::is(Fault::BrokenIsRetry) => {
            greentic_sdk::delivery::retry(reason, None)
        }
        other => other,
    }
}
