//! The shapes of a webhook notification, as far as this channel reads them. What is not named here is passed over: the platform
//! adds fields and kinds every month.
//!
//! Messages and statuses stay raw until each is read by itself, so that one that cannot be read takes no other along.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// The body of one request.
#[derive(Deserialize)]
pub struct Notification<'a> {
    /// `whatsapp_business_account`.
    #[serde(default)]
    pub object: String,
    /// One for each business account.
    #[serde(borrow)]
    pub entry: Vec<Entry<'a>>,
}

/// What happened in one business account.
#[derive(Deserialize)]
pub struct Entry<'a> {
    /// One for each thing that happened.
    #[serde(borrow, default)]
    pub changes: Vec<Change<'a>>,
}

/// One thing that happened.
#[derive(Deserialize)]
pub struct Change<'a> {
    /// `messages` for what this channel reads.
    #[serde(default)]
    pub field: String,
    /// Its shape depends on the field.
    #[serde(borrow)]
    pub value: Option<&'a RawValue>,
}

/// The value of a change of field `messages`.
#[derive(Deserialize)]
pub struct Messages<'a> {
    /// Which number it is about.
    pub metadata: Metadata,
    /// The people it is about.
    #[serde(default)]
    pub contacts: Vec<Contact>,
    /// What people wrote.
    #[serde(borrow, default)]
    pub messages: Vec<&'a RawValue>,
    /// How far our messages have come.
    #[serde(borrow, default)]
    pub statuses: Vec<&'a RawValue>,
    /// What went wrong at the platform.
    #[serde(default)]
    pub errors: Vec<PlatformError>,
}

/// Which number a change is about.
#[derive(Deserialize)]
pub struct Metadata {
    /// The identifier under which the number sends.
    pub phone_number_id: String,
}

/// A person.
#[derive(Default, Deserialize)]
pub struct Contact {
    /// The phone number as the platform normalises it. Missing where a person hides it behind a username.
    pub wa_id: Option<String>,
    /// The business-scoped user id.
    pub user_id: Option<String>,
    /// The same across the businesses of one enterprise, where that is switched on.
    pub parent_user_id: Option<String>,
    /// What they call themselves.
    #[serde(default)]
    pub profile: Profile,
}

/// What a person calls themselves.
#[derive(Default, Deserialize)]
pub struct Profile {
    /// The display name.
    pub name: Option<String>,
    /// The username, where they have one.
    pub username: Option<String>,
}

/// An error inside a notification.
#[derive(Deserialize)]
pub struct PlatformError {
    /// What counts; titles change.
    #[serde(default)]
    pub code: i64,
    /// For people.
    #[serde(default)]
    pub title: String,
    /// For people, longer.
    #[serde(default)]
    pub error_data: Option<ErrorData>,
}

/// More about an error.
#[derive(Default, Deserialize)]
pub struct ErrorData {
    /// For people.
    pub details: Option<String>,
}

impl PlatformError {
    /// In one line.
    pub fn line(&self) -> String {
        let details = self
            .error_data
            .as_ref()
            .and_then(|data| data.details.as_deref())
            .filter(|details| *details != self.title)
            .map(|details| format!(": {details}"))
            .unwrap_or_default();
        format!("{} {}{details}", self.code, self.title)
    }
}

/// One message of a person.
#[derive(Deserialize)]
pub struct Message<'a> {
    /// The message's identifier.
    pub id: String,
    /// The sender's phone number; missing where they hide it.
    pub from: Option<String>,
    /// The sender's business-scoped user id.
    pub from_user_id: Option<String>,
    /// Seconds since 1970, as text.
    #[serde(default)]
    pub timestamp: Value,
    /// The kind, which names the field that holds the rest.
    #[serde(rename = "type")]
    pub kind: String,
    /// The group it was written in.
    pub group_id: Option<String>,
    /// The message it answers, and where it came from.
    pub context: Option<Context>,
    /// The advertisement the person came from.
    #[serde(borrow)]
    pub referral: Option<&'a RawValue>,
    /// Why it cannot be shown.
    #[serde(borrow)]
    pub errors: Option<&'a RawValue>,
    /// Kind `text`.
    pub text: Option<TextBody>,
    /// Kind `image`.
    pub image: Option<Media>,
    /// Kind `video`.
    pub video: Option<Media>,
    /// Kind `audio`, also for what was spoken.
    pub audio: Option<Media>,
    /// Older name for what was spoken.
    pub voice: Option<Media>,
    /// Kind `document`.
    pub document: Option<Media>,
    /// Kind `sticker`.
    pub sticker: Option<Media>,
    /// Kind `location`.
    #[serde(borrow)]
    pub location: Option<&'a RawValue>,
    /// Kind `contacts`.
    #[serde(borrow)]
    pub contacts: Option<&'a RawValue>,
    /// Kind `order`.
    #[serde(borrow)]
    pub order: Option<&'a RawValue>,
    /// Kind `system`.
    #[serde(borrow)]
    pub system: Option<&'a RawValue>,
    /// Kind `unsupported`, newer payloads.
    #[serde(borrow)]
    pub unsupported: Option<&'a RawValue>,
    /// Kind `reaction`.
    pub reaction: Option<Reaction>,
    /// Kind `button`: a quick reply of a template.
    pub button: Option<Button>,
    /// Kind `interactive`.
    #[serde(borrow)]
    pub interactive: Option<&'a RawValue>,
    /// Kind `edit`.
    pub edit: Option<Edit>,
    /// Kind `revoke`.
    pub revoke: Option<Revoke>,
}

/// Where a message belongs.
#[derive(Deserialize)]
pub struct Context {
    /// The message it answers.
    pub id: Option<String>,
}

/// A text.
#[derive(Deserialize)]
pub struct TextBody {
    /// The text itself.
    pub body: String,
}

/// A file.
#[derive(Deserialize)]
pub struct Media {
    /// Under which the bytes can be fetched.
    pub id: String,
    /// The media type.
    #[serde(default)]
    pub mime_type: String,
    /// The text under it.
    pub caption: Option<String>,
    /// The name of a document.
    pub filename: Option<String>,
    /// Whether it was spoken into the telephone.
    #[serde(default)]
    pub voice: bool,
}

/// A reaction.
#[derive(Deserialize)]
pub struct Reaction {
    /// To which message.
    pub message_id: String,
    /// Missing or empty: taken away.
    pub emoji: Option<String>,
}

/// A quick reply of a template.
#[derive(Deserialize)]
pub struct Button {
    /// What the template's button carries.
    pub payload: Option<String>,
    /// What it shows.
    pub text: Option<String>,
}

/// A message that was changed.
#[derive(Deserialize)]
pub struct Edit {
    /// Which message.
    pub original_message_id: String,
    /// As it is now.
    pub message: Edited,
}

/// A message as it is now.
#[derive(Deserialize)]
pub struct Edited {
    /// Its text.
    pub text: Option<TextBody>,
    /// An image, whose caption may be what was changed.
    pub image: Option<Caption>,
    /// The same of a video.
    pub video: Option<Caption>,
    /// The same of a document.
    pub document: Option<Caption>,
}

/// The text under a file.
#[derive(Deserialize)]
pub struct Caption {
    /// The text itself.
    pub caption: Option<String>,
}

/// A message that was taken back.
#[derive(Deserialize)]
pub struct Revoke {
    /// Which message.
    pub original_message_id: String,
}

/// A choice made in an interactive message.
#[derive(Deserialize)]
pub struct Interactive<'a> {
    /// Which of the replies it is.
    #[serde(rename = "type")]
    pub kind: String,
    /// A button.
    pub button_reply: Option<Choice>,
    /// A row of a list.
    pub list_reply: Option<Choice>,
    /// A flow that was filled in.
    #[serde(borrow)]
    pub nfm_reply: Option<FlowReply<'a>>,
}

/// A button or a row.
#[derive(Deserialize)]
pub struct Choice {
    /// As we sent it.
    pub id: String,
    /// What the person saw.
    #[serde(default)]
    pub title: String,
}

/// A flow that was filled in.
#[derive(Deserialize)]
pub struct FlowReply<'a> {
    /// The fields: JSON inside a text; some versions send the object itself.
    #[serde(borrow)]
    pub response_json: Option<&'a RawValue>,
    /// What the person sees for it.
    pub body: Option<String>,
}

/// How far one of our messages has come.
#[derive(Deserialize)]
pub struct Status {
    /// Our message.
    pub id: String,
    /// `sent`, `delivered`, `read`, `played`, `failed`.
    pub status: String,
    /// Seconds since 1970, as text.
    #[serde(default)]
    pub timestamp: Value,
    /// The phone number or group it was sent to.
    pub recipient_id: Option<String>,
    /// The business-scoped user id it was sent to.
    pub recipient_user_id: Option<String>,
    /// `individual` or `group`.
    pub recipient_type: Option<String>,
    /// Which member of the group.
    pub recipient_participant_id: Option<String>,
    /// The same by business-scoped user id.
    pub recipient_participant_user_id: Option<String>,
    /// What we gave the message along.
    pub biz_opaque_callback_data: Option<String>,
    /// Why it failed.
    #[serde(default)]
    pub errors: Vec<PlatformError>,
}

/// Milliseconds since 1970 of a time the platform gives in seconds, as text or as a number.
pub fn milliseconds(timestamp: &Value) -> Option<u64> {
    let seconds = match timestamp {
        Value::String(text) => text.trim().parse::<u64>().ok()?,
        Value::Number(number) => number.as_u64()?,
        _ => return None,
    };
    seconds.checked_mul(1000)
}
