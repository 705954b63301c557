//! The Graph API, as far as a bot uses it.

use serde_json::{Value, json};

use super::account::Account;
use super::{NUMBER_ID, TOKEN, errors, media, message};
use crate::platform::{Answer, Author, Call, Desk};

/// Answers a call.
pub fn answer(desk: &Desk, account: &mut Account, call: &Call) -> Answer {
    if call.bearer() != Some(TOKEN) {
        return errors::token();
    }
    let segments = call.segments();
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    let unknown = || {
        desk.violation("unknown-method", format!("{} {}", call.method, call.path));
        errors::no_such_object(parts.get(1).copied().unwrap_or_default())
    };
    match (call.method.as_str(), parts.as_slice()) {
        ("GET", ["whatsapp_business", "attachments", ..]) => media::download(desk, account, call),
        (_, [version, ..]) if !is_version(version) => {
            desk.violation("version", (*version).to_owned());
            errors::parameter("Unknown path components")
        }
        ("POST", [_, NUMBER_ID, "messages"]) => messages(desk, account, call),
        ("POST", [_, NUMBER_ID, "media"]) => media::upload(desk, account, call),
        ("POST", [_, NUMBER_ID, "conversational_automation"]) => menu(desk, account, call),
        ("POST", [_, NUMBER_ID]) => webhook(desk, call),
        ("GET", [_, id]) => media::describe(desk, account, call, id),
        ("DELETE", [_, id]) => match account.media.remove(*id) {
            Some(_) => success(),
            None => errors::no_such_object(id),
        },
        _ => unknown(),
    }
}

fn is_version(segment: &str) -> bool {
    segment
        .strip_prefix('v')
        .and_then(|version| version.split_once('.'))
        .is_some_and(|(major, minor)| {
            major.parse::<u32>().is_ok_and(|major| major >= 21) && minor.parse::<u32>().is_ok()
        })
}

fn success() -> Answer {
    Answer::json(200, &json!({ "success": true }))
}

fn messages(desk: &Desk, account: &mut Account, call: &Call) -> Answer {
    let body = match call.json() {
        Ok(body) => body,
        Err(detail) => {
            desk.violation("not-json", detail.clone());
            return errors::parameter(&detail);
        }
    };
    match body.get("status") {
        Some(_) => read(desk, account, &body),
        None => message::take(desk, account, &body).unwrap_or_else(|answer| answer),
    }
}

/// A read receipt, with or without a typing indicator.
fn read(desk: &Desk, account: &mut Account, body: &Value) -> Answer {
    let refuse = |detail: &str| {
        desk.violation("read-receipt", detail);
        errors::parameter(detail)
    };
    if body.get("messaging_product") != Some(&json!("whatsapp"))
        || body.get("status") != Some(&json!("read"))
    {
        return refuse("messaging_product is whatsapp and status is read");
    }
    let id = body
        .get("message_id")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let conversation = account
        .message(id)
        .filter(|kept| kept.shown.author != Author::Bot)
        .map(|kept| kept.conversation.clone());
    let typing = match body.get("typing_indicator") {
        None => false,
        Some(indicator) if indicator.get("type") == Some(&json!("text")) => true,
        Some(_) => return refuse("typing_indicator.type is text"),
    };
    let Some(conversation) = conversation else {
        // A reaction or a deletion has an identifier too, and nothing that could be read.
        return errors::parameter(&format!("message_id {id} is not a message of a person"));
    };
    if typing {
        account.typing.insert(conversation);
    }
    success()
}

/// Commands and prompts of the chat.
fn menu(desk: &Desk, account: &mut Account, call: &Call) -> Answer {
    let body = call.json().unwrap_or_default();
    let refuse = |detail: String| {
        desk.violation("menu", detail.clone());
        errors::parameter(&detail)
    };
    let text = |value: &Value, name: &str| {
        value
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    if let Some(commands) = body.get("commands").and_then(Value::as_array) {
        let commands: Vec<(String, String)> = commands
            .iter()
            .map(|command| {
                (
                    text(command, "command_name"),
                    text(command, "command_description"),
                )
            })
            .collect();
        let length = |text: &str, most: usize| (1..=most).contains(&text.chars().count());
        if commands.len() > 30
            || !commands
                .iter()
                .all(|(name, what)| length(name, 32) && length(what, 256))
        {
            return refuse(
                "at most 30 commands with a name of 32 and a description of 256 characters"
                    .to_owned(),
            );
        }
        account.commands = commands;
    }
    if let Some(prompts) = body.get("prompts").and_then(Value::as_array) {
        let prompts: Vec<String> = prompts
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        if prompts.len() > 4 || prompts.iter().any(|prompt| prompt.chars().count() > 80) {
            return refuse("at most 4 prompts of 80 characters".to_owned());
        }
        account.prompts = prompts;
    }
    success()
}

/// The number's own webhook address, in place of the app's.
fn webhook(desk: &Desk, call: &Call) -> Answer {
    let body = call.json().unwrap_or_default();
    let configuration = body.get("webhook_configuration").unwrap_or(&Value::Null);
    let text = |name: &str| configuration.get(name).and_then(Value::as_str);
    match (text("override_callback_uri"), text("verify_token")) {
        (Some(""), _) => {
            desk.set_target(None);
            success()
        }
        (Some(url), Some(super::VERIFY_TOKEN)) if url.len() <= 200 => {
            desk.set_target(Some(url.to_owned()));
            success()
        }
        _ => {
            desk.violation(
                "webhook-configuration",
                "address of at most 200 characters, and token",
            );
            errors::parameter("webhook_configuration needs override_callback_uri and verify_token")
        }
    }
}
