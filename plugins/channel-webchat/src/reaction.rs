//! `messageReaction` of the Bot Framework's Activity schema: a reaction to an activity, set or taken away. Direct Line's own clients send
//! none; a client that offers them says it this way.

use greentic_sdk::model::Reaction;
use serde::Deserialize;

use crate::answer::Refusal;
use crate::bounds;
use crate::fields::{Field, Fields};

/// The one reaction of an activity, to the activity in `replyToId`.
///
/// # Errors
/// 400 when there is none or more than one, or it does not say to what.
pub fn read(activity: &Fields<'_>, reply_to: Option<String>) -> Result<Reaction, Refusal> {
    #[derive(Deserialize)]
    struct Named {
        #[serde(rename = "type")]
        kind: String,
    }
    let named = |field| match activity.raw(field) {
        None => Ok(Vec::new()),
        Some(raw) => serde_json::from_str::<Vec<Named>>(raw).map_err(|_| {
            Refusal::bad("reactionsAdded and reactionsRemoved are lists of objects with a type")
        }),
    };
    let (set, taken_away) = (
        named(Field::ReactionsAdded)?,
        named(Field::ReactionsRemoved)?,
    );
    let mut all = set
        .into_iter()
        .map(|named| (named.kind, true))
        .chain(taken_away.into_iter().map(|named| (named.kind, false)));
    let (Some((emoji, added)), None) = (all.next(), all.next()) else {
        return Err(Refusal::bad(
            "a messageReaction has one reaction in reactionsAdded or reactionsRemoved",
        ));
    };
    if emoji.is_empty() || !bounds::is_short(&emoji) {
        return Err(Refusal::bad("a reaction has a type"));
    }
    Ok(Reaction {
        message_id: reply_to
            .ok_or_else(|| Refusal::bad("a messageReaction names the activity in replyToId"))?,
        emoji,
        added,
    })
}
