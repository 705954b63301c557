//! Reactions to messages.

use greentic_sdk::model::{EventBody, Reaction as Given};
use serde_json::json;

use super::{Context, Origin, Reading, ms, participant, speaking_chat};
use crate::bounds;
use crate::place;
use crate::update::{Reaction, ReactionChange, ReactionCounts};

/// What stands for a reaction: the emoji itself, `custom:ID` for one of a sticker set, `paid` for a star.
pub fn name(reaction: &Reaction) -> String {
    match (&reaction.emoji, &reaction.custom_emoji_id) {
        (Some(emoji), _) => bounds::cut(emoji.clone(), bounds::ID_BYTES),
        (None, Some(id)) => bounds::cut(format!("custom:{id}"), bounds::ID_BYTES),
        (None, None) => bounds::cut(reaction.kind.clone(), bounds::ID_BYTES),
    }
}

/// Telegram tells what the reactions were and are: what is missing was taken away, what is new was set.
pub fn changed(reading: &mut Reading, id: i64, change: &ReactionChange) {
    let sender = match (&change.user, &change.actor_chat) {
        (Some(user), _) => participant(user),
        (None, Some(chat)) => speaking_chat(chat),
        (None, None) => speaking_chat(&change.chat),
    };
    let conversation = place::conversation(&change.chat, None);
    let taken = change
        .old_reaction
        .iter()
        .filter(|old| !change.new_reaction.contains(old))
        .map(|old| (old, false));
    let set = change
        .new_reaction
        .iter()
        .filter(|new| !change.old_reaction.contains(new))
        .map(|new| (new, true));
    let before = reading.events.len();
    for (reaction, added) in taken.chain(set).take(bounds::ITEMS) {
        reading.event(
            id.to_string(),
            ms(change.date),
            conversation.clone(),
            sender.clone(),
            EventBody::Reaction(Given {
                message_id: change.message_id.to_string(),
                emoji: name(reaction),
                added,
            }),
        );
    }
    if reading.events.len() == before {
        reading.ignore();
    }
}

/// Anonymous reactions: how many there are of each.
pub fn counted(context: &Context<'_>, reading: &mut Reading, id: i64, counts: &ReactionCounts) {
    let reactions: Vec<_> = counts
        .reactions
        .iter()
        .map(|count| json!({"emoji": name(&count.kind), "count": count.total_count}))
        .collect();
    let data = json!({"message-id": counts.message_id.to_string(), "reactions": reactions});
    let origin = Origin {
        id: id.to_string(),
        time_ms: ms(counts.date),
        conversation: place::conversation(&counts.chat, None),
        sender: speaking_chat(&counts.chat),
    };
    reading.custom(context, "reaction-count", &data, origin);
}
