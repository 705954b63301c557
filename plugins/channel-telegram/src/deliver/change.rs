//! Typing, and what becomes of a message that was sent: changed, deleted, reacted to. Each of these may be done twice without
//! harm, so where no answer came it is simply done again.

use greentic_sdk::channel::DeliveryError;
use greentic_sdk::model::Reaction;
use serde_json::{Map, Value, json};

use super::Sending;
use crate::api::ApiError;
use crate::emoji;
use crate::place::Line;
use crate::words::{CAPTION_UNITS, Piece, TEXT_UNITS, Words};

/// Begins the identifier of a message that was sent into a chat the bot is no member of.
const INLINE: &str = "inline:";

impl Sending<'_> {
    /// Shown for five seconds or until a message comes.
    pub(super) fn typing(&mut self) -> Result<Vec<String>, DeliveryError> {
        // A guest and a channel's direct messages show nothing (sendChatAction).
        if matches!(self.place.line, Line::Guest(_) | Line::Direct(_)) {
            self.downgraded("typing", "nothing is shown in a chat of this kind");
            return Ok(Vec::new());
        }
        let outcome = self.following(|sending| {
            let mut parameters = Map::new();
            parameters.insert("action".into(), "typing".into());
            sending.place.put(&mut parameters);
            sending.api.call("sendChatAction", parameters)
        });
        match outcome.map_err(ApiError::repeatable) {
            Ok(_) => {}
            // Not in a channel, and not worth a dead letter anywhere.
            Err(ApiError::Refused { code: 400, .. }) => {
                self.downgraded("typing", "nothing is shown in a chat of this kind");
            }
            Err(error) => return Err(error.into()),
        }
        Ok(Vec::new())
    }

    /// Writes which message is meant.
    fn target(
        &self,
        message_id: &str,
        parameters: &mut Map<String, Value>,
    ) -> Result<(), DeliveryError> {
        if let Some(id) = message_id.strip_prefix(INLINE) {
            parameters.insert("inline_message_id".into(), id.into());
            return Ok(());
        }
        let id: i64 = message_id.parse().map_err(|_| {
            DeliveryError::Rejected(format!(
                "`{message_id}` is no message of Telegram: an id is a number"
            ))
        })?;
        self.place.put_chat(parameters);
        parameters.insert("message_id".into(), id.into());
        Ok(())
    }

    /// The new text in place of the old one; its buttons go. What is too long for one message follows in further ones.
    pub(super) fn edit(
        &mut self,
        message_id: &str,
        text: &str,
    ) -> Result<Vec<String>, DeliveryError> {
        let words = Words::markdown(text);
        let pieces = words.pieces(TEXT_UNITS);
        let Some((first, rest)) = pieces.split_first() else {
            return Err(DeliveryError::Rejected(
                "a message cannot be made empty: delete it".into(),
            ));
        };
        self.target(message_id, &mut Map::new())?;
        let mut steps = self.steps(pieces.len())?;
        steps.step(|| {
            self.replace(message_id, first, &words)?;
            Ok(vec![message_id.to_owned()])
        })?;
        if !rest.is_empty() {
            self.downgraded("edit", "the end of the text follows in further messages");
        }
        for piece in rest {
            steps.step(|| {
                let mut parameters = Map::new();
                parameters.insert("text".into(), piece.text.as_str().into());
                parameters.insert("entities".into(), piece.entities.clone().into());
                self.send("sendMessage", parameters, false, None)
            })?;
        }
        Ok(steps.message_ids())
    }

    fn replace(
        &mut self,
        message_id: &str,
        piece: &Piece,
        words: &Words,
    ) -> Result<(), DeliveryError> {
        let call = |sending: &Self, method: &str, name: &str, piece: &Piece| {
            let mut parameters = Map::new();
            // The identifier was looked at before.
            let _ = sending.target(message_id, &mut parameters);
            parameters.insert(name.into(), piece.text.as_str().into());
            let entities = if name == "text" {
                "entities"
            } else {
                "caption_entities"
            };
            if !piece.entities.is_empty() {
                parameters.insert(entities.into(), piece.entities.clone().into());
            }
            sending
                .api
                .call(method, parameters)
                .map_err(ApiError::repeatable)
        };
        let mut outcome = self.following(|sending| call(sending, "editMessageText", "text", piece));
        if outcome
            .as_ref()
            .is_err_and(|error| error.says("there is no text in the message to edit"))
        {
            // A file with a caption; what does not fit into one is cut, the file stays.
            let mut captions = words.pieces(CAPTION_UNITS);
            if captions.len() > 1 {
                self.downgraded("edit", "the caption holds the beginning of the text");
            }
            captions.truncate(1);
            if let Some(caption) = captions.first() {
                outcome = self
                    .following(|sending| call(sending, "editMessageCaption", "caption", caption));
            }
        }
        match outcome {
            Ok(_) => Ok(()),
            Err(error) if error.says("message is not modified") => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Up to 48 hours after it was sent.
    pub(super) fn delete(&mut self, message_id: &str) -> Result<Vec<String>, DeliveryError> {
        self.target(message_id, &mut Map::new())?;
        if message_id.starts_with(INLINE) {
            self.downgraded(
                "delete",
                "the message stays in the chat the bot is no member of",
            );
            return Ok(Vec::new());
        }
        let outcome = self.following(|sending| {
            let mut parameters = Map::new();
            let _ = sending.target(message_id, &mut parameters);
            let method = if let Line::Business(_) = sending.place.line {
                parameters.remove("chat_id");
                let id = parameters.remove("message_id").unwrap_or_default();
                parameters.insert("message_ids".into(), json!([id]));
                "deleteBusinessMessages"
            } else {
                "deleteMessage"
            };
            sending
                .api
                .call(method, parameters)
                .map_err(ApiError::repeatable)
        });
        match outcome {
            Ok(_) => Ok(Vec::new()),
            Err(error) if error.says("message to delete not found") => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    /// A bot has one reaction to a message: a new one takes the place of the old one, and taking one away takes the only one.
    pub(super) fn reaction(&mut self, reaction: &Reaction) -> Result<Vec<String>, DeliveryError> {
        let kind = match reaction.emoji.strip_prefix("custom:") {
            Some(id) => Some(json!({"type": "custom_emoji", "custom_emoji_id": id})),
            None => emoji::reaction(&reaction.emoji)
                .map(|emoji| json!({"type": "emoji", "emoji": emoji})),
        };
        self.target(&reaction.message_id, &mut Map::new())?;
        let cannot = matches!(self.place.line, Line::Business(_) | Line::Guest(_))
            || reaction.message_id.starts_with(INLINE);
        if !cannot && (kind.is_some() || !reaction.added) {
            let reactions = match (&kind, reaction.added) {
                (Some(kind), true) => json!([kind]),
                _ => json!([]),
            };
            let outcome = self.following(|sending| {
                let mut parameters = Map::new();
                let _ = sending.target(&reaction.message_id, &mut parameters);
                parameters.insert("reaction".into(), reactions.clone());
                sending
                    .api
                    .call("setMessageReaction", parameters)
                    .map_err(ApiError::repeatable)
            });
            match outcome {
                Ok(_) => return Ok(Vec::new()),
                // The chat allows other emoji, or none.
                Err(error) if error.says("REACTION") => {}
                Err(error) => return Err(error.into()),
            }
        }
        if !reaction.added {
            self.downgraded("reactions-out", "there was no such reaction to take away");
            return Ok(Vec::new());
        }
        self.downgraded("reactions-out", "sent as a message that answers the other");
        self.reply_to = super::message_number(&reaction.message_id);
        let shown = if reaction.emoji.starts_with("custom:") {
            "🙂"
        } else {
            reaction.emoji.as_str()
        };
        self.words(&Words::plain(shown), &[])
    }
}
