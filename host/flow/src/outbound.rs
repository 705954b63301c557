//! What goes out, and how a node's payload becomes it.
//!
//! The shapes mirror `greentic:types` of the contract. A payload is plain JSON after its templates are filled in; what
//! cannot be sent is an error with the reason, never dropped.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::eval::as_text;
use crate::ir::EmitKind;

/// One thing to send to the conversation of the turn's event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outbound {
    /// The message it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// The one participant who may see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_for: Option<String>,
    /// What.
    #[serde(flatten)]
    pub body: OutboundBody,
}

/// What to send.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutboundBody {
    /// A text.
    Text {
        /// The text.
        text: String,
        /// True for the small common Markdown, false for text as it stands.
        markdown: bool,
    },
    /// An Adaptive Card.
    Card {
        /// The card.
        card: Value,
        /// Text for channels without cards.
        fallback: String,
    },
    /// A file.
    Attachment {
        /// File name without a path.
        name: String,
        /// Media type.
        content_type: String,
        /// Where its bytes are.
        url: String,
    },
    /// A text with answers to choose from.
    QuickReplies {
        /// The text; may be empty.
        text: String,
        /// The answers.
        options: Vec<QuickReply>,
    },
    /// "Is typing".
    Typing,
    /// Changes a message.
    Edit {
        /// Which.
        message_id: String,
        /// The new text.
        text: String,
    },
    /// Takes a message back.
    Delete {
        /// Which.
        message_id: String,
    },
    /// Reacts to a message.
    Reaction {
        /// To which.
        message_id: String,
        /// Emoji or its name.
        emoji: String,
        /// True to set it, false to take it away.
        added: bool,
    },
}

/// One suggested answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuickReply {
    /// What is shown.
    pub title: String,
    /// What comes back as the message's text.
    pub value: String,
}

/// Keys a payload of this kind may have, for checks at load.
#[must_use]
pub fn payload_keys(kind: EmitKind) -> &'static [&'static str] {
    match kind {
        EmitKind::Response => &[
            "text",
            "markdown",
            "card",
            "quick_replies",
            "attachment",
            "attachments",
            "reply_to",
            "only_for",
        ],
        EmitKind::Text => &["text", "markdown", "reply_to", "only_for"],
        EmitKind::Card => &["card", "text", "reply_to", "only_for"],
        EmitKind::QuickReplies => &[
            "text",
            "replies",
            "options",
            "quick_replies",
            "reply_to",
            "only_for",
        ],
        EmitKind::Attachment => &[
            "name",
            "content_type",
            "url",
            "text",
            "reply_to",
            "only_for",
        ],
        EmitKind::Typing => &["only_for"],
        EmitKind::Edit => &["message_id", "text"],
        EmitKind::Delete => &["message_id"],
        EmitKind::Reaction => &["message_id", "emoji", "added"],
    }
}

/// Turns a payload into messages and appends them to `out`.
///
/// # Errors
/// The reason, when the payload lacks something or has the wrong type.
pub fn outbound(kind: EmitKind, payload: Value, out: &mut Vec<Outbound>) -> Result<(), String> {
    let mut fields = match payload {
        Value::Object(fields) => fields,
        Value::Null => Map::new(),
        Value::String(text) if kind == EmitKind::Delete => {
            Map::from_iter([("message_id".to_owned(), text.into())])
        }
        Value::Array(list) if kind == EmitKind::QuickReplies => {
            Map::from_iter([("options".to_owned(), Value::Array(list))])
        }
        other => Map::from_iter([("text".to_owned(), other)]),
    };
    let only_for = optional(&mut fields, "only_for");
    let is_message = !matches!(
        kind,
        EmitKind::Edit | EmitKind::Delete | EmitKind::Reaction | EmitKind::Typing
    );
    let reply_to = if is_message {
        optional(&mut fields, "reply_to")
    } else {
        None
    };
    let mut send = |body: OutboundBody| {
        out.push(Outbound {
            reply_to: reply_to.clone(),
            only_for: only_for.clone(),
            body,
        });
    };
    match kind {
        EmitKind::Response => response(fields, &mut send),
        EmitKind::Text => {
            send(text(&mut fields)?);
            Ok(())
        }
        EmitKind::Card => {
            send(card(fields)?);
            Ok(())
        }
        EmitKind::QuickReplies => {
            let options = ["options", "replies", "quick_replies"]
                .iter()
                .find_map(|name| fields.remove(*name));
            let options = quick_replies(options.unwrap_or_default())?;
            send(OutboundBody::QuickReplies {
                text: optional(&mut fields, "text").unwrap_or_default(),
                options,
            });
            Ok(())
        }
        EmitKind::Attachment => {
            if let Some(text) = optional(&mut fields, "text") {
                send(OutboundBody::Text {
                    text,
                    markdown: true,
                });
            }
            send(attachment(Value::Object(fields))?);
            Ok(())
        }
        EmitKind::Typing => {
            send(OutboundBody::Typing);
            Ok(())
        }
        EmitKind::Edit => {
            let message_id = required(&mut fields, "message_id")?;
            send(OutboundBody::Edit {
                message_id,
                text: required(&mut fields, "text")?,
            });
            Ok(())
        }
        EmitKind::Delete => {
            send(OutboundBody::Delete {
                message_id: required(&mut fields, "message_id")?,
            });
            Ok(())
        }
        EmitKind::Reaction => {
            let added = fields.get("added").and_then(Value::as_bool).unwrap_or(true);
            let message_id = required(&mut fields, "message_id")?;
            send(OutboundBody::Reaction {
                message_id,
                emoji: required(&mut fields, "emoji")?,
                added,
            });
            Ok(())
        }
    }
}

/// A node's output as a message for `reply` routing: its text or card, or nothing when it has neither.
pub fn reply(output: &Value, out: &mut Vec<Outbound>) -> Result<(), String> {
    match output {
        Value::String(text) if !text.is_empty() => {
            outbound(EmitKind::Response, Value::String(text.clone()), out)
        }
        Value::Object(fields) => {
            let kept: Map<String, Value> = fields
                .iter()
                .filter(|(name, value)| {
                    payload_keys(EmitKind::Response).contains(&name.as_str()) && !value.is_null()
                })
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            if kept.is_empty() {
                Ok(())
            } else {
                outbound(EmitKind::Response, Value::Object(kept), out)
            }
        }
        _ => Ok(()),
    }
}

fn response(
    mut fields: Map<String, Value>,
    send: &mut impl FnMut(OutboundBody),
) -> Result<(), String> {
    let mut sent = false;
    let mut files = match fields.remove("attachments") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(files)) => files,
        Some(_) => return Err("`attachments` is not a list".to_owned()),
    };
    files.extend(fields.remove("attachment"));
    let replies = fields
        .remove("quick_replies")
        .filter(|value| !value.is_null());
    if fields.get("card").is_some_and(|card| !card.is_null()) {
        send(card(std::mem::take(&mut fields))?);
        sent = true;
    }
    for file in files {
        send(attachment(file)?);
        sent = true;
    }
    if let Some(replies) = replies {
        let text = optional(&mut fields, "text").unwrap_or_default();
        send(OutboundBody::QuickReplies {
            text,
            options: quick_replies(replies)?,
        });
        sent = true;
    } else if fields.contains_key("text") {
        send(text(&mut fields)?);
        sent = true;
    }
    if sent {
        Ok(())
    } else {
        Err("there is neither text, card, quick_replies nor attachment".to_owned())
    }
}

fn text(fields: &mut Map<String, Value>) -> Result<OutboundBody, String> {
    let markdown = fields
        .get("markdown")
        .and_then(Value::as_bool)
        .unwrap_or(true);
    let text = required(fields, "text")?;
    if text.trim().is_empty() {
        return Err("the text is empty, and channels refuse empty texts".to_owned());
    }
    Ok(OutboundBody::Text { text, markdown })
}

fn card(mut fields: Map<String, Value>) -> Result<OutboundBody, String> {
    let given = optional(&mut fields, "text");
    let card = match fields.remove("card") {
        Some(card @ Value::Object(_)) => card,
        Some(_) => return Err("`card` is not an object".to_owned()),
        // The payload may be the card itself.
        None if fields.get("type").and_then(Value::as_str) == Some("AdaptiveCard") => {
            Value::Object(fields)
        }
        None => return Err("there is no `card`".to_owned()),
    };
    let fallback = given.unwrap_or_else(|| card_text(&card));
    Ok(OutboundBody::Card { card, fallback })
}

/// What a card says, for channels that cannot show it: `fallbackText`, else its texts line by line.
fn card_text(card: &Value) -> String {
    if let Some(text) = card.get("fallbackText").and_then(Value::as_str) {
        return text.to_owned();
    }
    fn collect(value: &Value, lines: &mut Vec<String>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| collect(item, lines)),
            Value::Object(fields) => {
                for name in ["text", "label", "title"] {
                    match fields.get(name) {
                        Some(Value::String(text)) if !text.trim().is_empty() => {
                            lines.push(text.clone())
                        }
                        _ => {}
                    }
                }
                for name in ["body", "items", "columns", "facts"] {
                    fields
                        .get(name)
                        .into_iter()
                        .for_each(|inner| collect(inner, lines));
                }
            }
            _ => {}
        }
    }
    let mut lines = Vec::new();
    collect(card.get("body").unwrap_or(&Value::Null), &mut lines);
    lines.join("\n")
}

fn attachment(value: Value) -> Result<OutboundBody, String> {
    let Value::Object(mut fields) = value else {
        return Err("an attachment is not an object".to_owned());
    };
    let url = required(&mut fields, "url")?;
    let name = optional(&mut fields, "name").unwrap_or_else(|| {
        let path = url.split(['?', '#']).next().unwrap_or_default();
        path.rsplit('/')
            .next()
            .filter(|name| !name.is_empty())
            .unwrap_or("file")
            .to_owned()
    });
    let content_type = optional(&mut fields, "content_type")
        .unwrap_or_else(|| "application/octet-stream".to_owned());
    Ok(OutboundBody::Attachment {
        name,
        content_type,
        url,
    })
}

fn quick_replies(value: Value) -> Result<Vec<QuickReply>, String> {
    let Value::Array(items) = value else {
        return Err("quick replies are not a list".to_owned());
    };
    if items.is_empty() {
        return Err("there are no quick replies".to_owned());
    }
    let option = |item: Value| match item {
        Value::Object(mut fields) => {
            let title = required(&mut fields, "title")?;
            let value = optional(&mut fields, "value").unwrap_or_else(|| title.clone());
            Ok(QuickReply { title, value })
        }
        Value::Null | Value::Array(_) => {
            Err("a quick reply is neither a text nor {title, value}".to_owned())
        }
        other => {
            let title = as_text(&other).into_owned();
            Ok(QuickReply {
                value: title.clone(),
                title,
            })
        }
    };
    items.into_iter().map(option).collect()
}

fn optional(fields: &mut Map<String, Value>, name: &str) -> Option<String> {
    match fields.remove(name)? {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(as_text(&other).into_owned()),
    }
}

fn required(fields: &mut Map<String, Value>, name: &str) -> Result<String, String> {
    optional(fields, name).ok_or_else(|| format!("there is no `{name}`"))
}
