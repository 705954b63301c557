//! What flows say, as calls of the Connector.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use greentic_sdk::channel::{Delivery, DeliveryError, Receipt};
use greentic_sdk::delivery::{Steps, retry};
use greentic_sdk::model::{Attachment, Card, OutboundBody, QuickReplies, Reaction, TextFormat};
use greentic_sdk::text::{self, Unit};
use greentic_sdk::time;
use serde_json::{Map, Value, json};

use crate::kept::{self, Head};
use crate::settings::Settings;
use crate::target::Target;
use crate::{card, connector, consent, files, markdown, picture, reactions};

/// Longest text of one message, in UTF-16 units. A message has at most 100 KB, counted as UTF-16 over the whole payload; every
/// character may be escaped in it and the payload has other fields.
pub const TEXT: usize = 20_000;

/// Most bytes of a payload, counted as the platform does.
const PAYLOAD: usize = 100 * 1024;

/// Suggested actions that clients show.
const SUGGESTED: usize = 3;

/// Longest text beside a card, for notifications, in characters.
const SUMMARY: usize = 500;

/// What is to be sent, message by message, and how that differs from what was asked for.
#[derive(Default)]
struct Plan {
    messages: Vec<Map<String, Value>>,
    downgrades: Vec<(&'static str, &'static str)>,
}

impl Plan {
    fn of(fields: Value) -> Self {
        Self::default().with(fields)
    }

    fn with(mut self, fields: Value) -> Self {
        if let Value::Object(fields) = fields {
            self.messages.push(fields);
        }
        self
    }

    fn but(mut self, feature: &'static str, instead: &'static str) -> Self {
        self.downgrades.push((feature, instead));
        self
    }
}

fn receipt(ids: Vec<String>, downgrades: Vec<(&str, &str)>) -> Receipt {
    let receipt = Receipt {
        message_ids: ids,
        downgrades: Vec::new(),
    };
    downgrades
        .into_iter()
        .fold(receipt, |receipt, (feature, instead)| {
            receipt.downgraded(feature, instead)
        })
}

fn rejected<T>(reason: impl Into<String>) -> Result<T, DeliveryError> {
    Err(DeliveryError::Rejected(reason.into()))
}

/// Sends one message.
///
/// # Errors
/// Sent, not sent and unknown are told apart: see [`connector`].
pub fn deliver(settings: &Settings, delivery: &Delivery) -> Result<Receipt, DeliveryError> {
    let message = &delivery.message;
    let mut target = Target::of(settings, message)?;
    let hidden = target.only_for.is_some();
    let plan = match &message.body {
        OutboundBody::Typing if hidden => {
            return Ok(receipt(
                vec![],
                vec![("typing", "not shown, everyone would see it")],
            ));
        }
        OutboundBody::Typing => {
            target.send(target.activity("typing"), None)?;
            return Ok(receipt(vec![], vec![]));
        }
        OutboundBody::Delete(id) => {
            let path = connector::activity(&target.conversation, id) + target.targeting();
            target.connector().call("DELETE", &path, None)?;
            return Ok(receipt(vec![], vec![]));
        }
        OutboundBody::Reaction(_) if hidden => {
            return Ok(receipt(
                vec![],
                vec![("ephemeral", "not set, everyone would see it")],
            ));
        }
        OutboundBody::Reaction(reaction) => match react(&target, reaction)? {
            Some(receipt) => return Ok(receipt),
            None => text_plan(&reaction.emoji, TextFormat::Plain)?.but(
                "reactions-out",
                "sent as a message, Teams has no such reaction",
            ),
        },
        OutboundBody::Edit(edit) => return change(&target, delivery, &edit.message_id, &edit.text),
        OutboundBody::Text(text) => text_plan(&text.text, text.format)?,
        OutboundBody::Card(card) => card_plan(card)?,
        OutboundBody::QuickReplies(replies) => replies_plan(&target, replies)?,
        OutboundBody::Attachment(attachment) => {
            attachment_plan(settings, &target, &delivery.id, attachment)?
        }
    };
    let reply_to = match &message.body {
        OutboundBody::Reaction(reaction) => Some(reaction.message_id.clone()),
        _ => message.reply_to.clone(),
    };
    let mut steps = Steps::of(delivery, plan.messages.len())?;
    for (at, fields) in plan.messages.into_iter().enumerate() {
        let mut activity = target.activity("message");
        activity.extend(fields);
        let ids = steps.step(|| {
            if target.begins_thread && !hidden {
                target.begin_thread(activity)
            } else {
                target.send(activity, reply_to.as_deref().filter(|_| at == 0))
            }
        })?;
        if let Some(first) = ids.first().filter(|_| !hidden) {
            target.enter_thread(first);
        }
    }
    Ok(receipt(steps.message_ids(), plan.downgrades))
}

/// One message's text.
fn text_fields(text: &str, format: TextFormat) -> Value {
    let format = match format {
        TextFormat::Plain => "plain",
        TextFormat::Markdown => "markdown",
    };
    json!({"text": text, "textFormat": format})
}

/// A text in pieces that fit, each as it is written for Teams.
fn pieces(text: &str, format: TextFormat) -> Result<Vec<String>, DeliveryError> {
    // Control characters are nothing to show, and would be six units long each in the payload.
    let text: String = text
        .chars()
        .filter(|char| !char.is_control() || matches!(char, '\n' | '\r' | '\t'))
        .collect();
    let render = |piece: &str| match format {
        TextFormat::Plain => piece.to_owned(),
        TextFormat::Markdown => markdown::render(piece),
    };
    let pieces = text::split_rendered(&text, TEXT, Unit::Utf16, render);
    if pieces.is_empty() {
        return rejected("the text is empty");
    }
    Ok(pieces)
}

fn text_plan(text: &str, format: TextFormat) -> Result<Plan, DeliveryError> {
    Ok(pieces(text, format)?
        .iter()
        .fold(Plan::default(), |plan, piece| {
            plan.with(text_fields(piece, format))
        }))
}

/// Whether a payload is one the platform takes.
fn fits(fields: &Value) -> bool {
    // Addresses and identifiers of the activity around it.
    const AROUND: usize = 4 * 1024;
    let units = fields.to_string().encode_utf16().count();
    units.saturating_mul(2).saturating_add(AROUND) <= PAYLOAD
}

/// The card alone: Teams divides a message of text and card in two and then names neither.
fn card_plan(asked: &Card) -> Result<Plan, DeliveryError> {
    let instead = |why: &'static str| {
        if asked.fallback.trim().is_empty() {
            return rejected(why);
        }
        Ok(text_plan(&asked.fallback, TextFormat::Markdown)?.but("cards", why))
    };
    let prepared = match card::prepare(&asked.json) {
        Ok(prepared) => prepared,
        Err(why) => return instead(why),
    };
    let mut fields = json!({"attachments": [card::attachment(&prepared.card)]});
    if let Some(fields) = fields
        .as_object_mut()
        .filter(|_| !asked.fallback.is_empty())
    {
        let summary = text::shorten(&asked.fallback, SUMMARY, Unit::Chars);
        fields.insert("summary".into(), summary.into());
    }
    if !fits(&fields) {
        return instead("the text was sent, the card is larger than 100 KB");
    }
    let plan = Plan::of(fields);
    Ok(if prepared.lowered {
        plan.but("cards", "shown as version 1.5")
    } else {
        plan
    })
}

/// Suggested actions where clients show them all, otherwise a card with buttons.
fn replies_plan(target: &Target<'_>, asked: &QuickReplies) -> Result<Plan, DeliveryError> {
    if asked.options.is_empty() {
        return text_plan(&asked.text, TextFormat::Markdown);
    }
    let blank = asked.text.trim().is_empty();
    let person = target.person().filter(|_| target.direct && !blank);
    if let Some(person) = person.filter(|_| asked.options.len() <= SUGGESTED) {
        let mut plan = text_plan(&asked.text, TextFormat::Markdown)?;
        let actions: Vec<_> = asked
            .options
            .iter()
            .map(|option| json!({"type": "imBack", "title": option.title, "value": option.value}))
            .collect();
        if let Some(last) = plan.messages.last_mut() {
            last.insert(
                "suggestedActions".into(),
                json!({"to": [person], "actions": actions}),
            );
        }
        return Ok(plan);
    }
    let within = card::of_replies(&asked.text, &asked.options);
    let fields = json!({"attachments": [card::attachment(&within)]});
    let plan = if fits(&fields) {
        Plan::of(fields)
    } else {
        let alone = card::of_replies("", &asked.options);
        let fields = json!({"attachments": [card::attachment(&alone)]});
        if !fits(&fields) {
            return rejected("the replies are larger than 100 KB");
        }
        text_plan(&asked.text, TextFormat::Markdown)?.with(fields)
    };
    Ok(plan.but("quick-replies", "sent as a card with buttons"))
}

/// A picture inside the message, a file that a person accepts first, or a link.
fn attachment_plan(
    settings: &Settings,
    target: &Target<'_>,
    delivery: &str,
    asked: &Attachment,
) -> Result<Plan, DeliveryError> {
    if let Some(url) = &asked.url {
        let is_picture =
            ["image/png", "image/jpeg", "image/gif"].contains(&asked.content_type.as_str());
        if !url.starts_with("https://") && !url.starts_with("http://") {
            return rejected("the attachment's address is neither https nor http");
        }
        if is_picture && url.starts_with("https://") {
            return Ok(Plan::of(json!({"attachments": [{
                "contentType": asked.content_type, "contentUrl": url, "name": asked.name
            }]})));
        }
        let plan = Plan::of(text_fields(
            &markdown::link(&asked.name, url),
            TextFormat::Markdown,
        ));
        return Ok(plan.but("attachments-out", "sent as a link"));
    }
    let Some(bytes) = &asked.content else {
        return rejected("the attachment has neither an address nor content");
    };
    if bytes.is_empty() || bytes.len() > kept::MAX_BYTES {
        return rejected(format!(
            "the attachment has {} bytes; a file has 1 to {}",
            bytes.len(),
            kept::MAX_BYTES
        ));
    }
    if let Some(kind) = picture::is_shown(bytes) {
        let url = format!("data:{kind};base64,{}", STANDARD.encode(bytes));
        return Ok(Plan::of(json!({"attachments": [{
            "contentType": kind, "contentUrl": url, "name": asked.name
        }]})));
    }
    let head = Head {
        name: asked.name.clone(),
        content_type: asked.content_type.clone(),
        size: bytes.len(),
        conversation: target.conversation.clone(),
    };
    let keep = || {
        kept::put(delivery, &head, bytes)
            .map_err(|error| retry(format!("the channel's memory: {error:?}"), None))
    };
    if target.direct {
        keep()?;
        let plan = Plan::of(json!({"attachments": [consent::offer(delivery, &head)]}));
        return Ok(plan.but(
            "attachments-out",
            "offered, the person accepts the file first",
        ));
    }
    let Some(reached) = target.reached() else {
        return rejected(
            "Teams takes files in a chat with one person only, and this host's own address is not known yet",
        );
    };
    keep()?;
    let url = files::link_to_kept(settings, reached, delivery, time::now_ms())
        .map_err(|reason| retry(reason, None))?;
    let plan = Plan::of(text_fields(
        &markdown::link(&asked.name, &url),
        TextFormat::Markdown,
    ));
    Ok(plan.but("attachments-out", "sent as a link that opens for a day"))
}

/// Sets or takes away a reaction; `None` when a message has to do.
fn react(target: &Target<'_>, asked: &Reaction) -> Result<Option<Receipt>, DeliveryError> {
    let Some(name) = reactions::name(&asked.emoji) else {
        return Ok((!asked.added).then(|| {
            receipt(
                vec![],
                vec![("reactions-out", "Teams has no such reaction")],
            )
        }));
    };
    let path = format!(
        "{}/reactions/{name}",
        connector::activity(&target.conversation, &asked.message_id)
    );
    let method = if asked.added { "PUT" } else { "DELETE" };
    target.connector().call(method, &path, None)?;
    Ok(Some(receipt(vec![], vec![])))
}

/// Changes a message's text. What does not fit follows as messages of its own.
fn change(
    target: &Target<'_>,
    delivery: &Delivery,
    id: &str,
    text: &str,
) -> Result<Receipt, DeliveryError> {
    let pieces = pieces(text, TextFormat::Markdown)?;
    let mut steps = Steps::of(delivery, pieces.len())?;
    let more = pieces.len() > 1;
    for (at, piece) in pieces.iter().enumerate() {
        let mut activity = target.activity("message");
        if let Value::Object(fields) = text_fields(piece, TextFormat::Markdown) {
            activity.extend(fields);
        }
        steps.step(|| {
            if at > 0 {
                return target.send(activity, None);
            }
            activity.insert("id".into(), id.into());
            let path = connector::activity(&target.conversation, id) + target.targeting();
            target
                .connector()
                .call("PUT", &path, Some(&Value::Object(activity)))?;
            Ok(vec![id.to_owned()])
        })?;
    }
    let downgrades = if more {
        vec![("edit", "what did not fit follows as a new message")]
    } else {
        vec![]
    };
    Ok(receipt(steps.message_ids(), downgrades))
}

#[cfg(test)]
mod tests;
