//! What of an update the channel reads. Every member that is not named here is skipped: the Bot API grows every month.
//!
//! Names and meaning are those of <https://core.telegram.org/bots/api#update>. Numbers of chats and people have up to 52 bits.

use serde::Deserialize;
use serde_json::Value;

/// One update: an id and at most one of the members.
#[derive(Debug, Deserialize)]
pub struct Update {
    /// Grows by one with each update of a bot.
    pub update_id: i64,
    /// What was said in a chat, and everything else that a chat shows as a message.
    pub message: Option<Box<Message>>,
    /// Its text or caption was changed.
    pub edited_message: Option<Box<Message>>,
    /// A post of a channel the bot is in.
    pub channel_post: Option<Box<Message>>,
    /// Such a post was changed.
    pub edited_channel_post: Option<Box<Message>>,
    /// The bot was connected to a business account, or disconnected.
    pub business_connection: Option<Value>,
    /// A message in a chat of a business account.
    pub business_message: Option<Box<Message>>,
    /// Such a message was changed.
    pub edited_business_message: Option<Box<Message>>,
    /// Such messages were deleted.
    pub deleted_business_messages: Option<DeletedMessages>,
    /// The bot was called in a chat it is no member of; it has one answer.
    pub guest_message: Option<Box<Message>>,
    /// Somebody changed their reactions to a message.
    pub message_reaction: Option<ReactionChange>,
    /// Anonymous reactions changed in number.
    pub message_reaction_count: Option<ReactionCounts>,
    /// A button was pressed.
    pub callback_query: Option<Box<CallbackQuery>>,
    /// Somebody asks to pay.
    pub pre_checkout_query: Option<Query>,
    /// Somebody asks what shipping costs.
    pub shipping_query: Option<Query>,
    /// Somebody bought media that cost something.
    pub purchased_paid_media: Option<Value>,
    /// Somebody voted in a poll that is not anonymous.
    pub poll_answer: Option<Value>,
    /// The bot's own place in a chat changed.
    pub my_chat_member: Option<Box<MemberChange>>,
    /// Somebody's place in a chat changed.
    pub chat_member: Option<Box<MemberChange>>,
    /// Somebody asks to be let into a chat.
    pub chat_join_request: Option<Value>,
    /// A chat got a boost.
    pub chat_boost: Option<Value>,
    /// A chat lost a boost.
    pub removed_chat_boost: Option<Value>,
}

/// Whoever writes: a person or a bot.
#[derive(Debug, Clone, Deserialize)]
pub struct User {
    pub id: i64,
    #[serde(default)]
    pub is_bot: bool,
    #[serde(default)]
    pub first_name: String,
    pub last_name: Option<String>,
    pub language_code: Option<String>,
}

/// Where it is written.
#[derive(Debug, Clone, Deserialize)]
pub struct Chat {
    pub id: i64,
    /// `private`, `group`, `supergroup` or `channel`.
    #[serde(default, rename = "type")]
    pub kind: String,
    pub title: Option<String>,
}

/// A marked piece of a text, in UTF-16 units.
#[derive(Debug, Deserialize)]
pub struct Entity {
    #[serde(rename = "type")]
    pub kind: String,
    pub offset: i64,
    pub length: i64,
}

/// A file of any kind; what a kind lacks is absent.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct File {
    pub file_id: String,
    pub file_name: Option<String>,
    pub mime_type: Option<String>,
    pub file_size: Option<i64>,
    /// Of photos.
    #[serde(default)]
    pub width: i64,
    /// Of photos.
    #[serde(default)]
    pub height: i64,
    /// Of stickers.
    pub emoji: Option<String>,
    /// Of stickers: a Lottie animation.
    #[serde(default)]
    pub is_animated: bool,
    /// Of stickers: a WebM video.
    #[serde(default)]
    pub is_video: bool,
}

#[derive(Debug, Deserialize)]
pub struct Location {
    pub latitude: f64,
    pub longitude: f64,
}

#[derive(Debug, Deserialize)]
pub struct Venue {
    pub location: Location,
    #[serde(default)]
    pub title: String,
    #[serde(default)]
    pub address: String,
}

#[derive(Debug, Deserialize)]
pub struct Contact {
    pub phone_number: String,
    #[serde(default)]
    pub first_name: String,
    pub last_name: Option<String>,
    pub vcard: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct Dice {
    pub emoji: String,
    pub value: i64,
}

#[derive(Debug, Deserialize)]
pub struct Checklist {
    #[serde(default)]
    pub title: String,
    #[serde(default)]
    pub tasks: Vec<Task>,
}

#[derive(Debug, Deserialize)]
pub struct Task {
    #[serde(default)]
    pub text: String,
    /// Set when it is done.
    pub completion_date: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub struct WebAppData {
    pub data: String,
    #[serde(default)]
    pub button_text: String,
}

/// The topic of a channel's direct messages.
#[derive(Debug, Deserialize)]
pub struct DirectTopic {
    pub topic_id: i64,
}

/// The message that is answered.
#[derive(Debug, Deserialize)]
pub struct Replied {
    pub message_id: i64,
    pub from: Option<User>,
}

/// A message, or what a chat shows as one.
#[derive(Debug, Deserialize)]
pub struct Message {
    pub message_id: i64,
    pub message_thread_id: Option<i64>,
    #[serde(default)]
    pub is_topic_message: bool,
    pub direct_messages_topic: Option<DirectTopic>,
    pub from: Option<User>,
    /// Set when it is written in the name of a chat: a channel, or an anonymous administrator's group.
    pub sender_chat: Option<Chat>,
    /// The bot that wrote it in a business account's name.
    pub sender_business_bot: Option<User>,
    #[serde(default)]
    pub date: i64,
    pub edit_date: Option<i64>,
    pub guest_query_id: Option<String>,
    pub business_connection_id: Option<String>,
    pub chat: Chat,
    pub reply_to_message: Option<Replied>,
    pub text: Option<String>,
    #[serde(default)]
    pub entities: Vec<Entity>,
    pub caption: Option<String>,
    pub rich_message: Option<Value>,
    pub animation: Option<File>,
    pub audio: Option<File>,
    pub document: Option<File>,
    pub live_photo: Option<File>,
    #[serde(default)]
    pub photo: Vec<File>,
    pub sticker: Option<File>,
    pub video: Option<File>,
    pub video_note: Option<File>,
    pub voice: Option<File>,
    pub checklist: Option<Checklist>,
    pub contact: Option<Contact>,
    pub dice: Option<Dice>,
    pub venue: Option<Venue>,
    pub location: Option<Location>,
    #[serde(default)]
    pub new_chat_members: Vec<User>,
    pub left_chat_member: Option<User>,
    pub migrate_to_chat_id: Option<i64>,
    pub migrate_from_chat_id: Option<i64>,
    pub successful_payment: Option<Value>,
    pub refunded_payment: Option<Value>,
    pub users_shared: Option<Value>,
    pub chat_shared: Option<Value>,
    pub web_app_data: Option<WebAppData>,
    pub reply_markup: Option<Markup>,
}

/// An inline keyboard under a message.
#[derive(Debug, Deserialize)]
pub struct Markup {
    #[serde(default)]
    pub inline_keyboard: Vec<Vec<Button>>,
}

#[derive(Debug, Deserialize)]
pub struct Button {
    #[serde(default)]
    pub text: String,
    pub callback_data: Option<String>,
}

/// A button that was pressed. Its message may be missing, or be known by its id alone when it is old.
#[derive(Debug, Deserialize)]
pub struct CallbackQuery {
    pub id: String,
    pub from: User,
    pub message: Option<Message>,
    /// Set for a message that was sent through the bot into a chat it is no member of.
    pub inline_message_id: Option<String>,
    pub data: Option<String>,
}

/// A query that needs an answer.
#[derive(Debug, Deserialize)]
pub struct Query {
    pub id: String,
}

#[derive(Debug, Deserialize)]
pub struct DeletedMessages {
    pub business_connection_id: String,
    pub chat: Chat,
    pub message_ids: Vec<i64>,
}

/// `emoji`, `custom_emoji` or `paid`.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct Reaction {
    #[serde(rename = "type")]
    pub kind: String,
    pub emoji: Option<String>,
    pub custom_emoji_id: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct ReactionChange {
    pub chat: Chat,
    pub message_id: i64,
    pub user: Option<User>,
    pub actor_chat: Option<Chat>,
    #[serde(default)]
    pub date: i64,
    #[serde(default)]
    pub old_reaction: Vec<Reaction>,
    #[serde(default)]
    pub new_reaction: Vec<Reaction>,
}

#[derive(Debug, Deserialize)]
pub struct ReactionCounts {
    pub chat: Chat,
    pub message_id: i64,
    #[serde(default)]
    pub date: i64,
    #[serde(default)]
    pub reactions: Vec<ReactionCount>,
}

#[derive(Debug, Deserialize)]
pub struct ReactionCount {
    #[serde(rename = "type")]
    pub kind: Reaction,
    pub total_count: i64,
}

#[derive(Debug, Deserialize)]
pub struct MemberChange {
    pub chat: Chat,
    pub from: User,
    #[serde(default)]
    pub date: i64,
    pub old_chat_member: Member,
    pub new_chat_member: Member,
}

#[derive(Debug, Deserialize)]
pub struct Member {
    /// `creator`, `administrator`, `member`, `restricted`, `left` or `kicked`.
    pub status: String,
    pub user: User,
    /// Of `restricted`.
    #[serde(default)]
    pub is_member: bool,
}

impl Member {
    /// Whether they are in the chat.
    #[must_use]
    pub fn is_in(&self) -> bool {
        match self.status.as_str() {
            "creator" | "administrator" | "member" => true,
            "restricted" => self.is_member,
            _ => false,
        }
    }
}
