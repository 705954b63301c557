//! Asking a question of a form.

use greentic_sdk::channel::memory;
use greentic_sdk::log;
use greentic_sdk::text::{self, Unit};
use serde_json::{Map, Value, json};

use super::{Asked, Kind, Question, Run, Visit, asked_name};
use crate::api::{Api, ApiError, WHILE_ASKED};
use crate::keyboard::{self, Action, BUTTONS, Button, Step};
use crate::moved;
use crate::place::Place;
use crate::settings::Phrases;
use crate::words::{TEXT_UNITS, Words};

impl Visit<'_> {
    /// Asks the open question; `again` after an answer that did not fit.
    ///
    /// # Errors
    /// When it cannot be asked now and may be later. What never can be asked is logged, and the form stays as it is.
    pub(super) fn ask(&self, run: &Run, again: bool) -> Result<(), String> {
        let Some(question) = self.form.questions.get(run.at) else {
            return Ok(());
        };
        let (chat, message) = match self.send(question, run.at, again) {
            Ok(sent) => sent,
            Err(ApiError::Refused {
                code: code @ (400 | 401 | 403 | 404),
                description,
                ..
            }) => {
                log::warn!("form", "a question cannot be asked: {code}: {description}");
                return Ok(());
            }
            Err(error) => return Err(format!("a question of a form cannot be asked now: {error}")),
        };
        if chooses(question) {
            return Ok(());
        }
        let asked = Asked {
            form: self.key.to_owned(),
            question: run.at,
        };
        let bytes = serde_json::to_vec(&asked).unwrap_or_default();
        let name = asked_name(&chat.to_string(), message);
        memory::put(&name, &bytes, Some(self.context.settings.button_ms))
            .map_err(|error| format!("a question of a form cannot be kept now: {error:?}"))
    }

    fn send(&self, question: &Question, at: usize, again: bool) -> Result<(i64, i64), ApiError> {
        let settings = self.context.settings;
        let api = Api::open(settings)?.within(WHILE_ASKED);
        let place = moved::follow(Place::of(self.conversation).map_err(ApiError::NotGranted)?);
        let text = question_text(question, &settings.words, again);
        let mut parameters = Map::new();
        let piece = Words::plain(&text).pieces(TEXT_UNITS).into_iter().next();
        parameters.insert(
            "text".into(),
            piece
                .map_or_else(|| "…".to_owned(), |piece| piece.text)
                .into(),
        );
        let markup = if chooses(question) {
            let buttons = self.choices(question, at);
            // Data of these always fits into Telegram's 64 bytes: nothing is kept, nothing can fail.
            keyboard::markup(settings, self.context.signing, self.key, &buttons)
                .map_err(|error| ApiError::NotSent(format!("{error:?}")))?
        } else {
            reply_markup(question)
        };
        parameters.insert("reply_markup".into(), markup);
        place.put(&mut parameters);
        let sent = api.call("sendMessage", parameters)?;
        let id = sent.get("message_id").and_then(Value::as_i64);
        let chat = sent.pointer("/chat/id").and_then(Value::as_i64);
        id.map(|id| (chat.unwrap_or(place.chat), id))
            .ok_or_else(|| ApiError::Unknown("sendMessage answered without a message".into()))
    }

    fn choices(&self, question: &Question, at: usize) -> Vec<Button> {
        let Kind::Choice(choices) = &question.kind else {
            return Vec::new();
        };
        let step = |choice| {
            Action::Form(Step::Choose {
                form: self.key.to_owned(),
                question: at,
                choice,
            })
        };
        let mut buttons: Vec<Button> = choices
            .iter()
            .enumerate()
            .map(|(place, (title, _))| Button {
                title: title.clone(),
                action: step(Some(place)),
            })
            .collect();
        if !question.required {
            buttons.push(Button {
                title: self.context.settings.words.skip.clone(),
                action: step(None),
            });
        }
        buttons
    }
}

/// The person's client opens an answer. What stands in the empty field has at most 64 characters.
fn reply_markup(question: &Question) -> Value {
    let hint = question.hint.as_ref().or(question.value.as_ref());
    match hint.map(|hint| text::shorten(hint.trim(), 64, Unit::Chars)) {
        Some(hint) if !hint.is_empty() => {
            json!({"force_reply": true, "input_field_placeholder": hint})
        }
        _ => json!({"force_reply": true}),
    }
}

/// Whether a question is answered by a button.
fn chooses(question: &Question) -> bool {
    matches!(&question.kind, Kind::Choice(choices) if !choices.is_empty() && choices.len() < BUTTONS)
}

fn question_text(question: &Question, phrases: &Phrases, again: bool) -> String {
    let mut lines = Vec::new();
    if again {
        let error = question.error.as_ref().unwrap_or(&phrases.invalid);
        lines.push(error.clone());
    }
    lines.push(question.label.clone());
    let numbered = |choices: &[(String, String)]| -> Vec<String> {
        let numbers = 1_usize..;
        numbers
            .zip(choices)
            .map(|(number, (title, _))| format!("{number}. {title}"))
            .collect()
    };
    match &question.kind {
        Kind::Choices(choices) => {
            lines.extend(numbered(choices));
            lines.push(phrases.several.clone());
        }
        Kind::Choice(choices) if !chooses(question) => lines.extend(numbered(choices)),
        _ => {}
    }
    if !question.required && !chooses(question) {
        lines.push(phrases.optional.clone());
    }
    lines.join("\n")
}
