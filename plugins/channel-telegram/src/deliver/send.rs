//! Sending texts: split where they are too long, with buttons under the last piece.

use greentic_sdk::channel::DeliveryError;
use serde_json::{Map, Value, json};

use super::Sending;
use crate::api::{ApiError, Upload};
use crate::keyboard::{self, Action, Button};
use crate::moved;
use crate::pace;
use crate::place::Line;
use crate::words::{Piece, TEXT_UNITS, Words};

/// Shown above buttons that have no text: a message cannot be without one.
const NO_TEXT: &str = "👇";

impl Sending<'_> {
    /// Sends a text, and buttons under its last piece. Returns the identifiers of the messages.
    pub(super) fn words(
        &mut self,
        words: &Words,
        buttons: &[Button],
    ) -> Result<Vec<String>, DeliveryError> {
        let (buttons, words) = self.openable(words, buttons);
        let mut pieces = words.pieces(TEXT_UNITS);
        if pieces.is_empty() {
            if buttons.is_empty() {
                return Err(DeliveryError::Rejected("there is no text to send".into()));
            }
            pieces.push(Piece::plain(NO_TEXT));
        }
        // More buttons than one message takes go under messages of their own.
        let mut keyboards = buttons.chunks(keyboard::BUTTONS);
        let first = keyboards.next().unwrap_or_default();
        let rest: Vec<&[Button]> = keyboards.collect();
        if let Line::Guest(query) = &self.place.line {
            let query = query.clone();
            return self.guest(&query, &words, first);
        }
        let mut steps = self.steps(pieces.len() + rest.len())?;
        let last = pieces.len() - 1;
        for (index, piece) in pieces.iter().enumerate() {
            steps.step(|| {
                let under = if index == last { first } else { &[] };
                self.message(piece, under, index == 0)
            })?;
        }
        for under in rest {
            steps.step(|| self.message(&Piece::plain(NO_TEXT), under, false))?;
        }
        Ok(steps.message_ids())
    }

    /// Buttons Telegram would refuse the whole message for become lines of the text.
    fn openable(&mut self, words: &Words, buttons: &[Button]) -> (Vec<Button>, Words) {
        let mut words = words.clone();
        let mut left = Vec::new();
        for button in buttons {
            match &button.action {
                Action::Url(url) if !keyboard::is_button_url(url) => {
                    words.line(&format!("{}: {url}", button.title));
                    self.downgraded(
                        "buttons",
                        "an address Telegram takes for no button stands in the text",
                    );
                }
                _ => left.push(button.clone()),
            }
        }
        (left, words)
    }

    fn message(
        &mut self,
        piece: &Piece,
        buttons: &[Button],
        answers: bool,
    ) -> Result<Vec<String>, DeliveryError> {
        match self.try_message(piece, buttons, answers)? {
            Ok(ids) => Ok(ids),
            // Addresses are looked at before; where Telegram is stricter the message goes without what it refuses.
            Err(error) if error.says("button URL") || error.says("BUTTON_URL") => {
                let mut words = Words::plain(&piece.text);
                let mut left = Vec::new();
                for button in buttons {
                    match &button.action {
                        Action::Url(url) => words.line(&format!("{}: {url}", button.title)),
                        _ => left.push(button.clone()),
                    }
                }
                self.downgraded(
                    "buttons",
                    "an address Telegram takes for no button stands in the text",
                );
                let piece = words.pieces(TEXT_UNITS).into_iter().next();
                let piece = piece.unwrap_or_else(|| Piece::plain(NO_TEXT));
                Ok(self.try_message(&piece, &left, answers)??)
            }
            Err(error) if error.says("entit") && !piece.entities.is_empty() => {
                self.downgraded("markdown", "sent without styles, which Telegram refused");
                Ok(self.try_message(&Piece::plain(&piece.text), buttons, answers)??)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn try_message(
        &mut self,
        piece: &Piece,
        buttons: &[Button],
        answers: bool,
    ) -> Result<Result<Vec<String>, ApiError>, DeliveryError> {
        let mut parameters = Map::new();
        parameters.insert("text".into(), piece.text.as_str().into());
        if !piece.entities.is_empty() {
            parameters.insert("entities".into(), piece.entities.clone().into());
        }
        if !self.settings.link_previews {
            parameters.insert("link_preview_options".into(), json!({"is_disabled": true}));
        } else if let Some(url) = self
            .picture
            .as_ref()
            .filter(|url| keyboard::is_button_url(url))
            && answers
        {
            let shown = json!({"url": url, "prefer_large_media": true, "show_above_text": true});
            parameters.insert("link_preview_options".into(), shown);
        }
        self.keyboard(&mut parameters, buttons)?;
        Ok(self.try_send("sendMessage", parameters, answers, None))
    }

    /// Adds an inline keyboard.
    pub(super) fn keyboard(
        &self,
        parameters: &mut Map<String, Value>,
        buttons: &[Button],
    ) -> Result<(), DeliveryError> {
        if !buttons.is_empty() {
            let markup =
                keyboard::markup(self.settings, &self.signing, &self.delivery.id, buttons)?;
            parameters.insert("reply_markup".into(), markup);
        }
        Ok(())
    }

    /// Calls a method that sends a message and returns the identifiers of what came to be.
    pub(super) fn send(
        &mut self,
        method: &str,
        parameters: Map<String, Value>,
        answers: bool,
        upload: Option<&Upload<'_>>,
    ) -> Result<Vec<String>, DeliveryError> {
        Ok(self.try_send(method, parameters, answers, upload)?)
    }

    /// The same, with the error as Telegram tells it.
    pub(super) fn try_send(
        &mut self,
        method: &str,
        mut parameters: Map<String, Value>,
        answers: bool,
        upload: Option<&Upload<'_>>,
    ) -> Result<Vec<String>, ApiError> {
        if let Err(after_ms) = pace::take(&self.place) {
            return Err(ApiError::Refused {
                code: 429,
                description: "a group takes 20 messages a minute".into(),
                retry_after_ms: Some(after_ms),
                moved_to: None,
            });
        }
        if let Some(id) = self.reply_to.filter(|_| answers) {
            // What is answered may be deleted meanwhile; the answer is worth sending all the same.
            parameters.insert(
                "reply_parameters".into(),
                json!({"message_id": id, "allow_sending_without_reply": true}),
            );
        }
        let sent = self.following(|sending| {
            let mut parameters = parameters.clone();
            sending.place.put(&mut parameters);
            match upload {
                Some(upload) => sending.api.upload(method, &parameters, upload),
                None => sending.api.call(method, parameters),
            }
        })?;
        Ok(ids(&sent))
    }

    /// Makes a call, and once more where the group has another id by now.
    pub(super) fn following<T>(
        &mut self,
        call: impl Fn(&Self) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        match call(self) {
            Err(ApiError::Refused {
                moved_to: Some(new),
                ..
            }) if new != self.place.chat => {
                moved::remember(self.place.chat, new);
                self.place.chat = new;
                call(self)
            }
            outcome => outcome,
        }
    }

    /// The one answer to a call from a chat the bot is no member of.
    fn guest(
        &mut self,
        query: &str,
        words: &Words,
        buttons: &[Button],
    ) -> Result<Vec<String>, DeliveryError> {
        let pieces = words.pieces(TEXT_UNITS);
        if pieces.len() > 1 {
            self.downgraded(
                "threads",
                "the one answer a guest has holds the beginning of the text",
            );
        }
        let piece = pieces
            .into_iter()
            .next()
            .unwrap_or_else(|| Piece::plain(NO_TEXT));
        let mut content = json!({"message_text": piece.text});
        if let (Some(fields), false) = (content.as_object_mut(), piece.entities.is_empty()) {
            fields.insert("entities".into(), piece.entities.into());
        }
        let mut result = Map::new();
        result.insert("type".into(), "article".into());
        result.insert("id".into(), "answer".into());
        result.insert("title".into(), "Answer".into());
        result.insert("input_message_content".into(), content);
        self.keyboard(&mut result, buttons)?;
        let mut parameters = Map::new();
        parameters.insert("guest_query_id".into(), query.into());
        parameters.insert("result".into(), result.into());
        let sent = self.api.call("answerGuestQuery", parameters)?;
        let id = sent.get("inline_message_id").and_then(Value::as_str);
        Ok(id
            .map(|id| vec![format!("inline:{id}")])
            .unwrap_or_default())
    }
}

/// The identifiers of a message, or of each of several.
fn ids(sent: &Value) -> Vec<String> {
    let id = |message: &Value| {
        message
            .get("message_id")
            .and_then(Value::as_i64)
            .map(|id| id.to_string())
    };
    match sent {
        Value::Array(messages) => messages.iter().filter_map(id).collect(),
        message => id(message).into_iter().collect(),
    }
}
