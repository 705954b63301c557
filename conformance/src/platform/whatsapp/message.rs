//! `POST /{number}/messages`: what the bot sends, checked and shown.

mod interactive;

use serde_json::{Value, json};

use super::account::{Account, Kept};
use super::shape::Shape;
use super::{errors, marks, media, notify, rates, status};
use crate::platform::{Answer, Author, Desk, File, Shown};

/// The approved template of the account: its body is one parameter. (The platform's review would want words around it.)
pub const TEMPLATE: &str = "follow_up";
/// Its language.
pub const TEMPLATE_LANGUAGE: &str = "en_US";
/// How long after a person wrote anything may be sent.
const WINDOW_MS: u64 = 24 * 60 * 60 * 1_000;

/// What is seen of a message, and what its buttons send.
pub struct Seen {
    /// Without identifier.
    pub shown: Shown,
    /// See [`Kept::replies`].
    pub replies: Vec<Value>,
}

impl Seen {
    fn text(text: &str) -> Self {
        let (plain, styles) = marks::read(text);
        let mut shown = Shown::new("", Author::Bot, plain);
        shown.styles = styles;
        Self {
            shown,
            replies: Vec::new(),
        }
    }
}

/// Takes a message.
///
/// # Errors
/// The platform's answer to one it does not take.
pub fn take(desk: &Desk, account: &mut Account, body: &Value) -> Result<Answer, Answer> {
    let shape = Shape { desk };
    let kind = shape.text(body, "type", 20)?;
    let known = [
        "messaging_product",
        "recipient_type",
        "to",
        "recipient",
        "type",
        "context",
        "biz_opaque_callback_data",
        kind,
    ];
    shape.only(body, &known)?;
    if body.get("messaging_product") != Some(&json!("whatsapp")) {
        return Err(shape.missing("messaging_product"));
    }
    let (input, conversation) = recipient(shape, account, body)?;
    let callback = shape
        .optional(body, "biz_opaque_callback_data", 512)?
        .map(str::to_owned);
    let quoted = match body.get("context") {
        None => None,
        Some(context) => Some(shape.text(context, "message_id", 512)?.to_owned()),
    };
    let content = shape.member(body, kind)?;
    let seen = match kind {
        "reaction" => {
            reaction(shape, account, content)?;
            None
        }
        _ => Some(seen(shape, account, kind, content)?),
    };
    rates::take(desk, account, &conversation)?;
    let id = account.message_id();
    let now_ms = desk.now_ms();
    let sent = status::Sent {
        id: &id,
        conversation: &conversation,
        callback: callback.clone(),
    };
    let heard_ms = account.heard_ms.get(&conversation).copied();
    let open = heard_ms.is_some_and(|heard_ms| now_ms < heard_ms + WINDOW_MS);
    let mut steps = Vec::new();
    if kind != "template" && !open {
        // It is taken, and only then is it found that it may not be sent.
        let error = json!({
            "code": 131_047,
            "title": "Re-engagement message",
            "message": "Re-engagement message",
            "error_data": { "details": "Message failed to send because more than 24 hours have passed since the customer last replied to this number." },
        });
        steps.push(status::of(account, &sent, "failed", now_ms, Some(error)));
    } else {
        if let Some(mut seen) = seen {
            seen.shown.id.clone_from(&id);
            seen.shown.reply_to = quoted;
            account.messages.push(Kept {
                conversation: conversation.clone(),
                shown: seen.shown,
                replies: seen.replies,
                callback,
            });
            account.typing.remove(&conversation);
        }
        steps.push(status::of(account, &sent, "sent", now_ms, None));
        if kind != "reaction" {
            steps.push(status::of(account, &sent, "delivered", now_ms, None));
        }
    }
    for told in &steps {
        desk.send(notify::webhook(&told.key, &notify::one(told)));
    }
    let mut contact = json!({ "input": input });
    let person = account.person_of(&conversation);
    match person
        .and_then(|person| person.wa_id.clone())
        .filter(|number| *number == input)
    {
        Some(number) => super::put(&mut contact, "wa_id", json!(number)),
        None if person.is_some() => super::put(&mut contact, "user_id", json!(conversation)),
        None => {}
    }
    Ok(Answer::json(
        200,
        &json!({ "messaging_product": "whatsapp", "contacts": [contact], "messages": [{ "id": id }] }),
    ))
}

/// What the bot wrote as the recipient, and the conversation it means.
fn recipient(
    shape: Shape<'_>,
    account: &Account,
    body: &Value,
) -> Result<(String, String), Answer> {
    let named = match (body.get("to"), body.get("recipient")) {
        (Some(_), _) => shape.text(body, "to", 128)?,
        (None, Some(_)) => shape.text(body, "recipient", 128)?,
        (None, None) => return Err(shape.missing("to")),
    };
    if body.get("to").is_some() && named.contains('.') {
        return Err(shape.invalid(
            "recipient",
            "`to` is a phone number; a user id goes into `recipient`",
        ));
    }
    let group = match body.get("recipient_type").and_then(Value::as_str) {
        None | Some("individual") => false,
        Some("group") => true,
        Some(other) => return Err(shape.invalid("recipient-type", other)),
    };
    let conversation = account
        .addressed(named)
        .filter(|conversation| group == account.person_of(conversation).is_none());
    match conversation {
        Some(conversation) => Ok((named.trim_start_matches('+').to_owned(), conversation)),
        None => Err(errors::undeliverable()),
    }
}

fn seen(shape: Shape<'_>, account: &Account, kind: &str, content: &Value) -> Result<Seen, Answer> {
    match kind {
        "text" => {
            shape.only(content, &["body", "preview_url"])?;
            Ok(Seen::text(shape.text(content, "body", 4096)?))
        }
        "interactive" => interactive::seen(shape, content),
        "image" | "video" | "audio" | "document" | "sticker" => file(shape, account, kind, content),
        "template" => template(shape, content),
        "location" => {
            for coordinate in ["latitude", "longitude"] {
                shape.member(content, coordinate)?;
            }
            Ok(Seen::text(
                content
                    .get("name")
                    .and_then(Value::as_str)
                    .unwrap_or("a place"),
            ))
        }
        "contacts" => Ok(Seen::text("a contact")),
        other => Err(shape.invalid("type", format!("there is no type {other}"))),
    }
}

fn file(shape: Shape<'_>, account: &Account, kind: &str, content: &Value) -> Result<Seen, Answer> {
    shape.only(content, &["id", "link", "caption", "filename"])?;
    let caption = shape.optional(content, "caption", 1024)?;
    if caption.is_some() && matches!(kind, "audio" | "sticker") {
        return Err(shape.invalid("caption", format!("{kind} has no caption")));
    }
    let filename = shape.optional(content, "filename", 240)?;
    if filename.is_some() && kind != "document" {
        return Err(shape.invalid("filename", "only a document has a name"));
    }
    let file = match (content.get("id"), content.get("link")) {
        (Some(_), None) => {
            let id = shape.text(content, "id", 128)?;
            let Some(stored) = account.media.get(id) else {
                return Err(shape.invalid("media", format!("there is no file {id}")));
            };
            let fits = media::taken_as(&stored.content_type)
                .iter()
                .any(|(taken, most)| *taken == kind && stored.bytes.len() <= *most);
            if !fits {
                let detail = format!(
                    "{} of {} bytes is no {kind}",
                    stored.content_type,
                    stored.bytes.len()
                );
                return Err(shape.invalid("media-type", detail));
            }
            File {
                name: filename.unwrap_or(&stored.name).to_owned(),
                content_type: stored.content_type.clone(),
                bytes: stored.bytes.clone(),
            }
        }
        (None, Some(_)) => {
            let link = shape.text(content, "link", 2048)?;
            if !link.starts_with("https://") && !link.starts_with("http://") {
                return Err(shape.invalid("link", link));
            }
            // It is fetched later, and not in a simulation.
            let last = link.rsplit('/').next().unwrap_or_default();
            File {
                name: filename.unwrap_or(last).to_owned(),
                content_type: kind.to_owned(),
                bytes: Vec::new(),
            }
        }
        _ => return Err(shape.invalid("media", "either id or link")),
    };
    let mut seen = Seen::text(caption.unwrap_or_default());
    seen.shown.files.push(file);
    Ok(seen)
}

fn template(shape: Shape<'_>, content: &Value) -> Result<Seen, Answer> {
    shape.only(content, &["name", "language", "components"])?;
    let name = shape.text(content, "name", 512)?;
    let language = shape.text(shape.member(content, "language")?, "code", 15)?;
    if (name, language) != (TEMPLATE, TEMPLATE_LANGUAGE) {
        shape
            .desk
            .violation("template-unknown", format!("{name} in {language}"));
        return Err(errors::error(
            404,
            132_001,
            "Template name does not exist in the translation",
            &format!("template name ({name}) does not exist in {language}"),
        ));
    }
    let empty = Vec::new();
    let parameters = content
        .pointer("/components/0/parameters")
        .and_then(Value::as_array)
        .unwrap_or(&empty);
    if parameters.len() != 1 {
        shape
            .desk
            .violation("template-parameters", parameters.len().to_string());
        return Err(errors::error(
            400,
            132_000,
            "Number of parameters does not match the expected number of params",
            "body: number of localizable_params does not match the expected number of params (1)",
        ));
    }
    let mut text = String::new();
    for parameter in parameters {
        let filled = shape.text(parameter, "text", 1024)?;
        if filled.contains(['\n', '\t']) || filled.contains("     ") {
            return Err(shape.invalid(
                "template-parameter",
                "no new-line, tab or more than 4 consecutive spaces",
            ));
        }
        text.push_str(filled);
    }
    Ok(Seen::text(&text))
}

fn reaction(shape: Shape<'_>, account: &mut Account, content: &Value) -> Result<(), Answer> {
    shape.only(content, &["message_id", "emoji"])?;
    let id = shape.text(content, "message_id", 512)?;
    let emoji = shape
        .member(content, "emoji")?
        .as_str()
        .ok_or_else(|| shape.invalid("field-type", "emoji is a string"))?;
    if emoji.is_ascii() && !emoji.is_empty() || emoji.chars().count() > 10 {
        return Err(shape.invalid("emoji", emoji));
    }
    let Some(kept) = account.message_mut(id) else {
        return Err(shape.invalid("message", format!("there is no message {id}")));
    };
    kept.shown.reactions.retain(|(_, who)| *who != Author::Bot);
    if !emoji.is_empty() {
        kept.shown.reactions.push((emoji.to_owned(), Author::Bot));
    }
    Ok(())
}
