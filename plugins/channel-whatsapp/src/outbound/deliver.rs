//! One delivery: what is sent, in which order, and what came of it.

use greentic_sdk::channel::{Delivery, DeliveryError, Receipt, Retry};
use greentic_sdk::delivery::Steps;
use greentic_sdk::model::{Conversation, Error, Outbound, OutboundBody};
use greentic_sdk::{log, time};
use serde_json::{Value, json};

use super::{Part, Rendered, recipient, render, template};
use crate::graph::{Failure, Graph};
use crate::peer::{self, Heard};
use crate::settings::Settings;
use crate::{form, progress};

/// Sends one message.
///
/// # Errors
/// `rejected` for what never will be taken, `retry` for what surely was not, `unknown` where the answer did not come.
pub fn deliver(settings: &Settings, delivery: &Delivery) -> Result<Receipt, DeliveryError> {
    let graph = Graph::open(settings)?;
    let message = &delivery.message;
    let (conversation, alone) = addressed(message);
    let heard = peer::last(&conversation.id).map_err(later)?;
    let mut rendered = match &message.body {
        OutboundBody::Typing => return typing(&graph, &conversation, heard.as_ref()),
        body => render::render(settings, body).map_err(DeliveryError::Rejected)?,
    };
    if alone {
        rendered.downgrade("ephemeral", "sent to the person alone, outside the group");
    }
    if rendered.parts.is_empty() {
        return Ok(receipt(Vec::new(), rendered));
    }
    let send = Send {
        settings,
        graph: &graph,
        delivery,
        conversation: &conversation,
        heard: heard.as_ref(),
        // A message in another chat cannot be quoted.
        reply_to: quoted(message).filter(|_| !alone),
    };
    let now = time::now_ms();
    if !peer::window_is_open(&conversation.id, heard.as_ref(), now).map_err(later)? {
        let reason = "the person wrote nothing in the last 24 hours";
        return send.template(rendered, reason);
    }
    if delivery.attempt == 1 {
        send.mark_read();
    }
    send.parts(rendered)
}

/// The conversation it goes to. What only one member of a group may see goes to them in their own chat.
fn addressed(message: &Outbound) -> (Conversation, bool) {
    match &message.only_for {
        Some(person) if *person != message.conversation.id => {
            (Conversation::direct(person.clone()), true)
        }
        _ => (message.conversation.clone(), false),
    }
}

/// The message that is quoted above it.
fn quoted(message: &Outbound) -> Option<&str> {
    match &message.body {
        OutboundBody::Edit(edit) => Some(edit.message_id.as_str()),
        OutboundBody::Reaction(_) => None,
        _ => message.reply_to.as_deref(),
    }
    .filter(|id| !id.is_empty())
}

fn receipt(message_ids: Vec<String>, rendered: Rendered) -> Receipt {
    Receipt {
        message_ids,
        downgrades: rendered.downgrades,
    }
}

/// Without the memory a part could be sent twice, or outside the window.
fn later(error: Error) -> DeliveryError {
    DeliveryError::Retry(Retry {
        reason: format!("the channel's memory: {error:?}"),
        after_ms: None,
    })
}

/// The platform shows typing as the answer to a message, which it marks as read.
fn typing(
    graph: &Graph<'_>,
    conversation: &Conversation,
    heard: Option<&Heard>,
) -> Result<Receipt, DeliveryError> {
    let nothing = Receipt {
        message_ids: Vec::new(),
        downgrades: Vec::new(),
    };
    let Some(heard) = heard else {
        return Ok(nothing.downgraded(
            "typing",
            "not shown: there is no message of theirs to answer",
        ));
    };
    graph.read(&heard.message_id, true)?;
    remember_mark(conversation, &heard.message_id);
    Ok(nothing)
}

fn remember_mark(conversation: &Conversation, message_id: &str) {
    if let Err(error) = peer::mark(&conversation.id, message_id) {
        log::warn!(
            "deliver",
            "what was marked as read is not remembered: {error:?}"
        );
    }
}

/// Everything the parts of one delivery have in common.
struct Send<'a> {
    settings: &'a Settings,
    graph: &'a Graph<'a>,
    delivery: &'a Delivery,
    conversation: &'a Conversation,
    heard: Option<&'a Heard>,
    reply_to: Option<&'a str>,
}

impl Send<'_> {
    /// Marks what is answered as read. It is a courtesy: that it fails keeps no message back.
    fn mark_read(&self) {
        let Some(heard) = self.heard.filter(|_| self.settings.read_receipts) else {
            return;
        };
        if peer::marked(&self.conversation.id)
            .is_ok_and(|marked| marked.as_deref() == Some(heard.message_id.as_str()))
        {
            return;
        }
        match self.graph.read(&heard.message_id, false) {
            Ok(()) => remember_mark(self.conversation, &heard.message_id),
            Err(failure) => {
                log::warn!(
                    "deliver",
                    "a message was not marked as read: {:?}",
                    DeliveryError::from(failure)
                );
            }
        }
    }

    fn parts(&self, rendered: Rendered) -> Result<Receipt, DeliveryError> {
        for (key, content) in &rendered.keep {
            form::keep_choice(key, content).map_err(later)?;
        }
        if let Some(form) = &rendered.form {
            form::ask(&self.conversation.id, form).map_err(later)?;
        }
        let mut steps = Steps::of(self.delivery, rendered.parts.len())?;
        for (number, part) in rendered.parts.iter().enumerate() {
            let mut closed = None;
            let sent = steps.step(|| {
                self.part(number, part)
                    .map(|id| vec![id])
                    .map_err(|failure| {
                        if let Failure::WindowClosed(reason) = &failure {
                            closed = Some(reason.clone());
                        }
                        failure.into()
                    })
            });
            match (sent, closed) {
                (Ok(_), _) => {}
                (Err(_), Some(reason)) if number == 0 => {
                    peer::window_closed(&self.conversation.id, time::now_ms()).map_err(later)?;
                    return self.template(rendered, &reason);
                }
                (Err(error), _) => return Err(error),
            }
        }
        let ids = steps.message_ids();
        if let Some(form) = &rendered.form {
            let mut form = form.clone();
            form.message_id = ids.last().cloned();
            if let Err(error) = form::ask(&self.conversation.id, &form) {
                log::warn!(
                    "deliver",
                    "the message of a form is not remembered: {error:?}"
                );
            }
        }
        Ok(receipt(ids, rendered))
    }

    /// Sends the configured template in place of what cannot be sent now.
    fn template(&self, mut rendered: Rendered, reason: &str) -> Result<Receipt, DeliveryError> {
        if matches!(self.delivery.message.body, OutboundBody::Reaction(_)) {
            return Err(DeliveryError::Rejected(format!(
                "{reason}: a reaction cannot be sent until they write again"
            )));
        }
        let Some(template) = &self.settings.template else {
            return Err(DeliveryError::Rejected(format!(
                "{reason}, so only an approved template can be sent, and none is configured: make one in WhatsApp Manager and write its name and language as `template` in the channel's config"
            )));
        };
        let name = self.heard.and_then(|heard| heard.name.as_deref());
        let (part, cut) = template::part(template, &rendered.plain, name);
        let cut = if cut {
            ", cut to what a parameter takes"
        } else {
            ""
        };
        rendered.downgrade(
            "proactive",
            format!("sent as template {}{cut}: {reason}", template.name),
        );
        let id = self.part(0, &part)?;
        Ok(receipt(vec![id], rendered))
    }

    /// Sends one message and returns its identifier.
    fn part(&self, number: usize, part: &Part) -> Result<String, Failure> {
        let callback = progress::callback_data(&self.delivery.id, number);
        if self.delivery.attempt > 1
            && let Some(id) = progress::taken(&callback).map_err(later)?
        {
            return Ok(id);
        }
        let mut body = part.body.clone();
        if let (Some(file), Some(fields)) = (&part.file, body.as_object_mut()) {
            let bytes = file.content.as_deref().unwrap_or_default();
            let id = self.graph.upload(&file.name, &file.content_type, bytes)?;
            fields.insert("id".to_owned(), id.into());
        }
        let number_known = self.heard.and_then(|heard| heard.wa_id.as_deref());
        let mut message = json!({ "messaging_product": "whatsapp" });
        if let Some(fields) = message.as_object_mut() {
            fields.extend(recipient::fields(self.conversation, number_known));
            if let Some(id) = self
                .reply_to
                .filter(|_| number == 0 && part.kind != "template")
            {
                fields.insert("context".to_owned(), json!({ "message_id": id }));
            }
            fields.insert("type".to_owned(), part.kind.into());
            fields.insert(part.kind.to_owned(), body);
            fields.insert("biz_opaque_callback_data".to_owned(), Value::from(callback));
        }
        self.graph.message(&message)
    }
}
