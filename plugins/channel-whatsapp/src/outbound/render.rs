//! What flows say, case by case.

use greentic_sdk::model::{OutboundBody, TextFormat};
use serde_json::json;

use super::buttons::{self, Offer};
use super::{Part, Rendered, card, file, marks, text};
use crate::choice::Meant;
use crate::settings::Settings;

/// What becomes of a body. Nothing is sent where the platform has no way to do it and no other would mean the same.
///
/// # Errors
/// When it can never be sent.
pub fn render(settings: &Settings, body: &OutboundBody) -> Result<Rendered, String> {
    let mut rendered = Rendered::default();
    match body {
        OutboundBody::Text(said) => {
            let marked = match said.format {
                TextFormat::Plain => marks::literal(&said.text),
                TextFormat::Markdown => marks::of_markdown(&said.text),
            };
            text::push(&mut rendered, &marked);
            if rendered.parts.is_empty() {
                return Err("the text is empty".to_owned());
            }
            rendered.plain = marked;
        }
        OutboundBody::Card(shown) => card::render(&mut rendered, settings, shown)?,
        OutboundBody::Attachment(attachment) => {
            file::push(&mut rendered, attachment)?;
            rendered.plain.clone_from(&attachment.name);
        }
        OutboundBody::QuickReplies(replies) => {
            let offers: Vec<Offer> = replies
                .options
                .iter()
                .map(|option| Offer {
                    title: option.title.clone(),
                    meant: Meant::Text(option.value.clone()),
                })
                .collect();
            let over = marks::of_markdown(&replies.text);
            buttons::choices(&mut rendered, settings, &over, &offers);
            if rendered.parts.is_empty() {
                return Err("there is neither a text nor a reply".to_owned());
            }
            rendered.plain = over;
        }
        OutboundBody::Edit(edit) => {
            let marked = marks::of_markdown(&edit.text);
            text::push(&mut rendered, &marked);
            if rendered.parts.is_empty() {
                return Err("the text is empty".to_owned());
            }
            rendered.plain = marked;
            rendered.downgrade("edit", "sent as a new message that quotes the old one");
        }
        OutboundBody::Delete(_) => rendered.downgrade("delete", "the message stays"),
        OutboundBody::Reaction(reaction) => {
            let emoji = if reaction.added {
                reaction.emoji.as_str()
            } else {
                ""
            };
            if reaction.added && (emoji.is_empty() || emoji.is_ascii()) {
                return Err(format!("a reaction is one emoji, not `{emoji:.40}`"));
            }
            let body = json!({ "message_id": reaction.message_id, "emoji": emoji });
            rendered.parts.push(Part::new("reaction", body));
        }
        // Typing is no message.
        OutboundBody::Typing => {}
    }
    Ok(rendered)
}
