//! What an update says, in the common model.
//!
//! Nothing here calls Telegram or the store but the buttons and forms that must: what an update says is read from the update.

mod callback;
mod chat;
mod command;
mod content;
mod media;
mod reaction;
mod rich;

use greentic_sdk::channel::Request;
use greentic_sdk::model::{
    Conversation, Custom, Event, EventBody, Message as Said, Participant, TextFormat,
};
use greentic_sdk::secret::Secret;
use serde_json::{Value, json};

use crate::bot::Bot;
use crate::bounds;
use crate::settings::Settings;
use crate::update::{Chat, Message, Update, User};

/// What reading an update needs from outside.
pub struct Context<'a> {
    /// The channel's configuration.
    pub settings: &'a Settings,
    /// Who the bot is.
    pub bot: &'a Bot,
    /// The request that brought the update: files are linked under its origin.
    pub request: &'a Request,
    /// Signs the links of files.
    pub signing: &'a Secret,
    /// The time, for what carries none.
    pub now_ms: u64,
}

/// What came of an update.
#[derive(Debug, Default)]
pub struct Reading {
    /// In order; without dedupe keys until [`read`] is through.
    pub events: Vec<Event>,
    /// Things that were understood and are of no interest.
    pub ignored: u32,
    /// A method Telegram is to carry out, given in the webhook's answer.
    pub answer: Option<Value>,
}

impl Reading {
    /// Of no interest.
    pub fn ignore(&mut self) {
        self.ignored += 1;
    }

    /// Something happened.
    pub fn event(
        &mut self,
        id: impl Into<String>,
        time_ms: u64,
        conversation: Conversation,
        sender: Participant,
        body: EventBody,
    ) {
        self.events.push(Event {
            id: bounds::cut(id.into(), bounds::ID_BYTES),
            dedupe_key: String::new(),
            time_ms,
            conversation,
            sender,
            reply_to: None,
            body,
        });
    }

    /// A custom event, where the configuration asks for it and it fits.
    fn custom(&mut self, context: &Context<'_>, name: &str, data: &Value, origin: Origin) {
        let data = data.to_string();
        if !context.settings.reports(name) || data.len() > bounds::JSON_BYTES {
            return self.ignore();
        }
        let name = name.to_owned();
        self.event(
            origin.id,
            origin.time_ms,
            origin.conversation,
            origin.sender,
            EventBody::Custom(Custom { name, data }),
        );
    }
}

/// Where a custom event comes from.
struct Origin {
    id: String,
    time_ms: u64,
    conversation: Conversation,
    sender: Participant,
}

/// Reads a whole update. Members Telegram may add later are not seen; an update without a known one is ignored.
///
/// # Errors
/// A reason of the store's when a pressed button cannot be looked up now.
pub fn read(context: &Context<'_>, update: Update) -> Result<Reading, String> {
    let mut reading = Reading::default();
    let id = update.update_id;
    let before = |reading: &Reading| (reading.events.len(), reading.ignored);
    let nothing = before(&reading);
    for said in [
        update.message,
        update.business_message,
        update.guest_message,
        update.channel_post,
    ]
    .into_iter()
    .flatten()
    {
        message(context, &mut reading, *said)?;
    }
    for edited in [
        update.edited_message,
        update.edited_business_message,
        update.edited_channel_post,
    ]
    .into_iter()
    .flatten()
    {
        content::edited(context, &mut reading, *edited);
    }
    if let Some(deleted) = update.deleted_business_messages {
        content::deleted(context, &mut reading, &deleted);
    }
    if let Some(change) = update.message_reaction {
        reaction::changed(&mut reading, id, &change);
    }
    if let Some(counts) = update.message_reaction_count {
        reaction::counted(context, &mut reading, id, &counts);
    }
    if let Some(query) = update.callback_query {
        callback::pressed(context, &mut reading, *query)?;
    }
    for change in [update.my_chat_member, update.chat_member]
        .into_iter()
        .flatten()
    {
        chat::member(context, &mut reading, id, &change);
    }
    if let Some(query) = update.pre_checkout_query {
        // Without an answer in ten seconds the person waits and the payment fails without a word.
        reading.ignore();
        reading.answer = Some(json!({
            "method": "answerPreCheckoutQuery",
            "pre_checkout_query_id": query.id,
            "ok": false,
            "error_message": "Payments are not taken here.",
        }));
    }
    if let Some(query) = update.shipping_query {
        reading.ignore();
        reading.answer = Some(json!({
            "method": "answerShippingQuery",
            "shipping_query_id": query.id,
            "ok": false,
            "error_message": "Payments are not taken here.",
        }));
    }
    for (name, value) in [
        ("business-connection", update.business_connection),
        ("paid-media", update.purchased_paid_media),
        ("poll-answer", update.poll_answer),
        ("chat-join-request", update.chat_join_request),
        ("chat-boost", update.chat_boost),
        ("chat-boost", update.removed_chat_boost),
    ] {
        if let Some(value) = value {
            chat::reported(context, &mut reading, id, name, &value);
        }
    }
    if before(&reading) == nothing && reading.answer.is_none() {
        // inline_query, chosen_inline_result, poll and managed_bot are for bots of another kind; the rest is newer than this.
        reading.ignore();
    }
    for (place, event) in reading.events.iter_mut().enumerate() {
        if event.id.is_empty() {
            event.id = id.to_string();
        }
        // A key of the update alone would silence a bot whose ids begin below those of the one before it.
        event.dedupe_key = match place {
            0 => format!("{}:{id}", context.bot.id),
            more => format!("{}:{id}:{more}", context.bot.id),
        };
    }
    Ok(reading)
}

/// A message, a command, an answer to a form, or what a chat shows as a message.
fn message(context: &Context<'_>, reading: &mut Reading, message: Message) -> Result<(), String> {
    if is_own(context, &message) {
        reading.ignore();
        return Ok(());
    }
    if chat::service(context, reading, &message) {
        return Ok(());
    }
    content::said(context, reading, &message)
}

/// Whether the bot wrote it, or the business whose messages it answers.
fn is_own(context: &Context<'_>, message: &Message) -> bool {
    let is_bot = |user: &Option<User>| user.as_ref().is_some_and(|user| user.id == context.bot.id);
    let of_business = message.business_connection_id.is_some()
        && message
            .from
            .as_ref()
            .is_some_and(|from| from.id != message.chat.id);
    is_bot(&message.from) || is_bot(&message.sender_business_bot) || of_business
}

/// A person or a bot.
pub fn participant(user: &User) -> Participant {
    let mut name = user.first_name.clone();
    if let Some(last) = &user.last_name {
        if !name.is_empty() {
            name.push(' ');
        }
        name.push_str(last);
    }
    Participant {
        id: user.id.to_string(),
        name: Some(bounds::cut(name, bounds::ID_BYTES)).filter(|name| !name.is_empty()),
        locale: user
            .language_code
            .clone()
            .filter(|tag| !tag.is_empty() && tag.len() <= 35),
        is_bot: user.is_bot,
    }
}

/// A chat that speaks: a channel, or a group whose administrator is anonymous.
fn speaking_chat(chat: &Chat) -> Participant {
    Participant {
        id: chat.id.to_string(),
        name: chat
            .title
            .clone()
            .map(|title| bounds::cut(title, bounds::ID_BYTES)),
        locale: None,
        is_bot: false,
    }
}

/// Who wrote a message. A message in the name of a chat carries a stand-in as its person.
fn sender(message: &Message) -> Participant {
    match (&message.sender_chat, &message.from) {
        (Some(chat), _) => speaking_chat(chat),
        (None, Some(user)) => participant(user),
        (None, None) => speaking_chat(&message.chat),
    }
}

/// A plain text without files.
fn plain(text: String) -> Said {
    Said {
        text: bounds::cut(text, bounds::TEXT_BYTES),
        format: TextFormat::Plain,
        attachments: Vec::new(),
    }
}

/// Telegram's seconds.
fn ms(seconds: i64) -> u64 {
    u64::try_from(seconds).unwrap_or(0).saturating_mul(1000)
}

#[cfg(test)]
mod tests;
