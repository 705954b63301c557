//! What flows say, as calls of the Bot API.
//!
//! A delivery is one call or several. Each is made once: how far a delivery of several has come is remembered, so a later
//! attempt goes on where the last one stopped.

mod attachment;
mod card;
mod change;
mod send;

use greentic_sdk::channel::{Delivery, DeliveryError, Downgrade, Receipt, Retry};
use greentic_sdk::delivery::Steps;
use greentic_sdk::model::{ConversationKind, OutboundBody, TextFormat};
use greentic_sdk::secret::Secret;

use crate::api::Api;
use crate::keyboard::{Action, Button};
use crate::moved;
use crate::place::{Line, Place};
use crate::settings::Settings;
use crate::words::Words;

/// A delivery under way.
pub struct Sending<'a> {
    settings: &'a Settings,
    api: Api<'a>,
    signing: Secret,
    delivery: &'a Delivery,
    place: Place,
    /// The message that is answered.
    reply_to: Option<i64>,
    /// A picture shown above the text.
    picture: Option<String>,
    downgrades: Vec<Downgrade>,
}

/// Sends one message.
///
/// # Errors
/// `rejected` for what Telegram never will take, `retry` with its own time for too much, `unknown` where no answer came.
pub fn deliver(settings: &Settings, delivery: &Delivery) -> Result<Receipt, DeliveryError> {
    let mut sending = Sending::begin(settings, delivery)?;
    let message = &delivery.message;
    let message_ids = match &message.body {
        OutboundBody::Text(text) => sending.words(&words(&text.text, text.format), &[])?,
        OutboundBody::QuickReplies(replies) => {
            let buttons: Vec<Button> = replies
                .options
                .iter()
                .map(|option| Button {
                    title: option.title.clone(),
                    action: Action::Reply(option.value.clone()),
                })
                .collect();
            sending.words(&Words::markdown(&replies.text), &buttons)?
        }
        OutboundBody::Card(card) => sending.card(card)?,
        OutboundBody::Attachment(attachment) => sending.attachment(attachment)?,
        OutboundBody::Typing => sending.typing()?,
        OutboundBody::Edit(edit) => sending.edit(&edit.message_id, &edit.text)?,
        OutboundBody::Delete(message_id) => sending.delete(message_id)?,
        OutboundBody::Reaction(reaction) => sending.reaction(reaction)?,
    };
    Ok(Receipt {
        message_ids,
        downgrades: sending.downgrades,
    })
}

/// The number of a message. What else has an identifier, such as a press of a button, has a longer one, and Telegram would refuse the
/// answer to it.
fn message_number(id: &str) -> Option<i64> {
    id.parse()
        .ok()
        .filter(|id| (1..=i64::from(i32::MAX)).contains(id))
}

fn words(text: &str, format: TextFormat) -> Words {
    match format {
        TextFormat::Plain => Words::plain(text),
        TextFormat::Markdown => Words::markdown(text),
    }
}

impl<'a> Sending<'a> {
    fn begin(settings: &'a Settings, delivery: &'a Delivery) -> Result<Self, DeliveryError> {
        let message = &delivery.message;
        let place = Place::of(&message.conversation).map_err(DeliveryError::Rejected)?;
        let signing = Secret::open(&settings.webhook_secret).map_err(|error| {
            DeliveryError::Retry(Retry {
                reason: format!("secret `{}`: {error:?}", settings.webhook_secret),
                after_ms: None,
            })
        })?;
        let mut sending = Self {
            settings,
            api: Api::open(settings)?,
            signing,
            delivery,
            place: moved::follow(place),
            reply_to: message.reply_to.as_deref().and_then(message_number),
            picture: None,
            downgrades: Vec::new(),
        };
        if let Some(person) = &message.only_for
            && message.conversation.kind != ConversationKind::Direct
        {
            // Only a chat of their own is seen by nobody else. Where they never began one this is refused, and nothing leaks.
            let chat = person.parse().map_err(|_| {
                DeliveryError::Rejected(format!(
                    "`{person}` is no person of Telegram: an id is a number"
                ))
            })?;
            sending.place = Place {
                chat,
                line: Line::Main,
            };
            sending.reply_to = None;
            sending.downgraded(
                "ephemeral",
                "sent in the person's private chat with the bot",
            );
        }
        Ok(sending)
    }

    /// Notes that something was sent otherwise than asked for.
    fn downgraded(&mut self, feature: &str, instead: &str) {
        self.downgrades.push(Downgrade {
            feature: feature.into(),
            instead: instead.into(),
        });
    }

    /// Begins calls that are each made once.
    fn steps(&self, total: usize) -> Result<Steps, DeliveryError> {
        Steps::of(self.delivery, total)
    }
}

#[cfg(test)]
mod tests;
