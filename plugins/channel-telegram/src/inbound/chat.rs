//! What happens to a chat: people come and go, it moves, something is paid or shared.

use greentic_sdk::model::{Conversation, ConversationKind, EventBody, Participant, Postback};
use serde_json::Value;

use super::{Context, Origin, Reading, ms, participant, sender, speaking_chat};
use crate::bounds;
use crate::moved;
use crate::place;
use crate::update::{Chat, MemberChange, Message, User};

/// Reads what a chat shows as a message and nobody said. False when somebody said it.
pub fn service(context: &Context<'_>, reading: &mut Reading, message: &Message) -> bool {
    if !message.new_chat_members.is_empty() {
        members(
            context,
            reading,
            message,
            &message.new_chat_members,
            EventBody::Joined,
        );
    } else if let Some(user) = &message.left_chat_member {
        members(
            context,
            reading,
            message,
            std::slice::from_ref(user),
            EventBody::Left,
        );
    } else if let Some(new) = message.migrate_to_chat_id {
        moved::remember(message.chat.id, new);
        reading.ignore();
    } else if let Some(old) = message.migrate_from_chat_id {
        moved::remember(old, message.chat.id);
        reading.ignore();
    } else if let Some(data) = &message.web_app_data {
        reading.event(
            message.message_id.to_string(),
            ms(message.date),
            place::of_message(message),
            sender(message),
            EventBody::Postback(Postback {
                data: bounds::cut(json_of(&data.data), bounds::JSON_BYTES),
                text: Some(bounds::cut(data.button_text.clone(), bounds::TEXT_BYTES))
                    .filter(|text| !text.is_empty()),
                message_id: None,
            }),
        );
    } else if let Some((name, value)) = [
        ("payment", &message.successful_payment),
        ("refund", &message.refunded_payment),
        ("users-shared", &message.users_shared),
        ("chat-shared", &message.chat_shared),
    ]
    .into_iter()
    .find_map(|(name, value)| value.as_ref().map(|value| (name, value)))
    {
        let origin = Origin {
            id: message.message_id.to_string(),
            time_ms: ms(message.date),
            conversation: place::of_message(message),
            sender: sender(message),
        };
        reading.custom(context, name, value, origin);
    } else {
        return false;
    }
    true
}

/// The text where it is JSON, or else a JSON string of it.
pub fn json_of(text: &str) -> String {
    if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() {
        text.to_owned()
    } else {
        Value::from(text).to_string()
    }
}

/// People a group's service message names. The bot's own coming and going is told by `my_chat_member`, and everybody's by
/// `chat_member` where that is asked for: the same is not told twice.
fn members(
    context: &Context<'_>,
    reading: &mut Reading,
    message: &Message,
    users: &[User],
    body: fn(Vec<Participant>) -> EventBody,
) {
    let people: Vec<Participant> = users
        .iter()
        .filter(|user| user.id != context.bot.id)
        .take(bounds::ITEMS)
        .map(participant)
        .collect();
    if people.is_empty() || context.settings.member_updates() {
        return reading.ignore();
    }
    reading.event(
        message.message_id.to_string(),
        ms(message.date),
        place::of_message(message),
        sender(message),
        body(people),
    );
}

/// Somebody's place in a chat changed. In a private chat the bot is blocked or let in again, which is the person's coming and
/// going; changes of rights are ignored.
pub fn member(context: &Context<'_>, reading: &mut Reading, id: i64, change: &MemberChange) {
    let was = change.old_chat_member.is_in();
    let is = change.new_chat_member.is_in();
    let user = &change.new_chat_member.user;
    let person = if user.id == context.bot.id && change.chat.kind == "private" {
        &change.from
    } else {
        user
    };
    let people = vec![participant(person)];
    let body = match (was, is) {
        (false, true) => EventBody::Joined(people),
        (true, false) => EventBody::Left(people),
        _ => return reading.ignore(),
    };
    reading.event(
        id.to_string(),
        ms(change.date),
        place::conversation(&change.chat, None),
        participant(&change.from),
        body,
    );
}

/// Something without a case of its own, handed on as Telegram tells it. Where it names a chat with the person, as a request to
/// join does, it stands there; otherwise in the chat it happened in, or with the person it names.
pub fn reported(context: &Context<'_>, reading: &mut Reading, id: i64, name: &str, value: &Value) {
    let user: Option<User> = ["user", "from"]
        .into_iter()
        .find_map(|member| serde_json::from_value(value.get(member)?.clone()).ok());
    let chat: Option<Chat> = ["chat", "voter_chat"]
        .into_iter()
        .find_map(|member| serde_json::from_value(value.get(member)?.clone()).ok());
    let with_person = value
        .get("user_chat_id")
        .and_then(Value::as_i64)
        .or(user.as_ref().map(|user| user.id));
    let (conversation, sender) = match (with_person, user, chat) {
        (Some(direct), Some(user), _) => (
            Conversation {
                id: direct.to_string(),
                thread: None,
                kind: ConversationKind::Direct,
            },
            participant(&user),
        ),
        (_, _, Some(chat)) => (place::conversation(&chat, None), speaking_chat(&chat)),
        _ => return reading.ignore(),
    };
    let time = value
        .get("date")
        .or_else(|| value.get("remove_date"))
        .and_then(Value::as_i64)
        .map_or(context.now_ms, ms);
    let origin = Origin {
        id: id.to_string(),
        time_ms: time,
        conversation,
        sender,
    };
    reading.custom(context, name, value, origin);
}
