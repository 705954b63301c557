//! Cards with inputs. Telegram has no forms in a chat, so the questions are asked one after another.
//!
//! The card's text goes out with its submit buttons. Who presses one is asked for each input in turn: choices as buttons, everything
//! else as a question the person's client opens an answer to. When the last one is answered the flow gets what it would have got from
//! the card itself: one postback of the button's data and the values by the inputs' identifiers. Several people can fill in the same
//! form at once. What is kept of it lasts as long as a button does.

mod ask;
mod check;

use std::collections::BTreeMap;

use greentic_sdk::channel::memory;
use greentic_sdk::model::{Conversation, EventBody, Postback};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::bounds;
use crate::inbound::{Context, Reading, participant};
use crate::keyboard::Step;
use crate::settings::Settings;
use crate::update::User;

/// A form as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    /// The message that shows it.
    pub message: Option<String>,
    /// What is asked, in order.
    pub questions: Vec<Question>,
    /// What the submit buttons carry, in order.
    pub submits: Vec<Submit>,
}

/// A submit button.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submit {
    /// What stands on it.
    pub title: String,
    /// Its data, as JSON.
    pub data: String,
}

/// An input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Under which the value is sent.
    pub id: String,
    /// What is asked.
    pub label: String,
    /// Whether it must be answered.
    pub required: bool,
    /// What an answer looks like.
    pub kind: Kind,
    /// What is sent when the question is skipped.
    pub value: Option<String>,
    /// Stands in the empty field.
    pub hint: Option<String>,
    /// What is said when an answer does not fit.
    pub error: Option<String>,
}

/// What an answer looks like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Text of at most so many characters.
    Text(Option<usize>),
    /// A number between two others, each as text.
    Number(Option<String>, Option<String>),
    /// A day between two others, as `2026-11-25`.
    Date(Option<String>, Option<String>),
    /// A time of day between two others, as `09:05`.
    Time(Option<String>, Option<String>),
    /// One of these: what stands on the button and the value.
    Choice(Vec<(String, String)>),
    /// Any of these.
    Choices(Vec<(String, String)>),
}

/// One person's way through a form.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Run {
    /// Which submit button began it.
    submit: usize,
    /// The question that is open.
    at: usize,
    /// Values by identifiers.
    values: BTreeMap<String, String>,
    /// The message or press that finished it. When the same comes again, it is told again.
    finished: Option<String>,
}

/// A question that is open in a chat.
#[derive(Debug, Serialize, Deserialize)]
struct Asked {
    form: String,
    question: usize,
}

/// A message that answers one of the bot's.
pub struct Answer<'a> {
    /// Where.
    pub conversation: &'a Conversation,
    /// The bot's message.
    pub question: i64,
    /// The answer's own identifier.
    pub message: i64,
    /// Who.
    pub from: &'a User,
    /// What.
    pub text: &'a str,
}

/// A button of a form that was pressed.
pub struct Press<'a> {
    /// Where.
    pub conversation: &'a Conversation,
    /// Who.
    pub from: &'a User,
    /// The press's own identifier.
    pub id: &'a str,
    /// Which.
    pub step: Step,
}

/// Somebody at a form.
struct Visit<'a> {
    context: &'a Context<'a>,
    conversation: &'a Conversation,
    from: &'a User,
    /// Of the message or press that is read.
    event: String,
    time_ms: u64,
    key: &'a str,
    form: Form,
}

/// Keeps a form under its key.
///
/// # Errors
/// When the memory cannot take it.
pub fn keep(settings: &Settings, key: &str, form: &Form) -> Result<(), greentic_sdk::model::Error> {
    let bytes = serde_json::to_vec(form).unwrap_or_default();
    memory::put(&format!("form/{key}"), &bytes, Some(settings.button_ms))
}

fn load<T: serde::de::DeserializeOwned>(name: &str) -> Result<Option<T>, String> {
    let bytes =
        memory::get(name).map_err(|error| format!("a form cannot be read now: {error:?}"))?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

/// Takes the answer to an open question. False when the message answers none, and is a message like any other.
///
/// # Errors
/// When the form cannot be read or the next question cannot be asked now.
pub fn answered(
    context: &Context<'_>,
    reading: &mut Reading,
    answer: &Answer<'_>,
    time_ms: u64,
) -> Result<bool, String> {
    let name = asked_name(&answer.conversation.id, answer.question);
    let Some(asked) = load::<Asked>(&name)? else {
        return Ok(false);
    };
    let Some(form) = load::<Form>(&format!("form/{}", asked.form))? else {
        return Ok(false);
    };
    let visit = Visit {
        context,
        conversation: answer.conversation,
        from: answer.from,
        event: answer.message.to_string(),
        time_ms,
        key: &asked.form,
        form,
    };
    let Some(run) = load::<Run>(&visit.run_name())? else {
        return Ok(false);
    };
    if run.finished.as_ref() == Some(&visit.event) {
        visit.finish(reading, run)?;
        return Ok(true);
    }
    if run.finished.is_some() {
        return Ok(false);
    }
    let Some(question) = visit
        .form
        .questions
        .get(asked.question)
        .filter(|_| run.at == asked.question)
    else {
        // An answer to a question that is answered, or that comes again: what came of it came of it then.
        reading.ignore();
        return Ok(true);
    };
    match check::value(question, answer.text) {
        Some(value) => visit.answer(reading, run, value)?,
        None => {
            reading.ignore();
            visit.ask(&run, true)?;
        }
    }
    Ok(true)
}

/// Takes a press of a form's button. Returns what the person is shown in passing.
///
/// # Errors
/// As [`answered`].
pub fn pressed(
    context: &Context<'_>,
    reading: &mut Reading,
    press: &Press<'_>,
) -> Result<Option<String>, String> {
    let (Step::Submit { form: key, .. } | Step::Choose { form: key, .. }) = &press.step;
    let gone = |reading: &mut Reading| {
        reading.ignore();
        Ok(Some(context.settings.words.expired.clone()))
    };
    let Some(form) = load::<Form>(&format!("form/{key}"))? else {
        return gone(reading);
    };
    let visit = Visit {
        context,
        conversation: press.conversation,
        from: press.from,
        event: press.id.to_owned(),
        time_ms: context.now_ms,
        key,
        form,
    };
    match &press.step {
        Step::Submit { action, .. } => {
            if visit.form.submits.get(*action).is_none() {
                return gone(reading);
            }
            let run = Run {
                submit: *action,
                ..Run::default()
            };
            visit.go_on(reading, run)?;
        }
        Step::Choose {
            question, choice, ..
        } => {
            let Some(run) = load::<Run>(&visit.run_name())? else {
                return gone(reading);
            };
            if run.finished.as_ref() == Some(&visit.event) {
                visit.finish(reading, run)?;
                return Ok(None);
            }
            let asked = visit.form.questions.get(*question);
            let Some(asked) = asked.filter(|_| run.at == *question && run.finished.is_none())
            else {
                reading.ignore();
                return Ok(None);
            };
            let value = match (choice, &asked.kind) {
                (Some(choice), Kind::Choice(choices)) => {
                    choices.get(*choice).map(|(_, value)| value.clone())
                }
                _ => None,
            };
            if value.is_none() && asked.required {
                return gone(reading);
            }
            visit.answer(reading, run, value.unwrap_or_default())?;
        }
    }
    Ok(None)
}

impl Visit<'_> {
    fn run_name(&self) -> String {
        format!("run/{}/{}", self.key, self.from.id)
    }

    fn keep_run(&self, run: &Run) -> Result<(), String> {
        let bytes = serde_json::to_vec(run).unwrap_or_default();
        memory::put(
            &self.run_name(),
            &bytes,
            Some(self.context.settings.button_ms),
        )
        .map_err(|error| format!("an answer to a form cannot be kept now: {error:?}"))
    }

    /// Notes the open question's value. An empty one leaves it as the card has it, or out.
    fn answer(&self, reading: &mut Reading, mut run: Run, value: String) -> Result<(), String> {
        if let Some(question) = self.form.questions.get(run.at) {
            let value = Some(value).filter(|value| !value.is_empty());
            if let Some(value) = value.or_else(|| question.value.clone()) {
                run.values.insert(question.id.clone(), value);
            }
        }
        run.at += 1;
        self.go_on(reading, run)
    }

    /// Asks the open question, or is through.
    fn go_on(&self, reading: &mut Reading, mut run: Run) -> Result<(), String> {
        if run.at >= self.form.questions.len() {
            run.finished = Some(self.event.clone());
            self.keep_run(&run)?;
            return self.finish(reading, run);
        }
        // Asked first: when that fails the update comes again, and finds things as they were.
        self.ask(&run, false)?;
        self.keep_run(&run)?;
        reading.ignore();
        Ok(())
    }

    /// Tells the flow.
    fn finish(&self, reading: &mut Reading, run: Run) -> Result<(), String> {
        let submit = self.form.submits.get(run.submit);
        let data = submit.map_or("{}", |submit| submit.data.as_str());
        let mut fields = match serde_json::from_str(data) {
            Ok(Value::Object(fields)) => fields,
            Ok(Value::Null) | Err(_) => Map::new(),
            Ok(other) => Map::from_iter([("data".to_owned(), other)]),
        };
        for (id, value) in run.values {
            fields.insert(id, value.into());
        }
        reading.event(
            self.event.clone(),
            self.time_ms,
            self.conversation.clone(),
            participant(self.from),
            EventBody::Postback(Postback {
                data: bounds::cut(Value::Object(fields).to_string(), bounds::JSON_BYTES),
                text: submit
                    .map(|submit| submit.title.clone())
                    .filter(|title| !title.is_empty()),
                message_id: self.form.message.clone(),
            }),
        );
        Ok(())
    }
}

fn asked_name(chat: &str, message: i64) -> String {
    format!("asked/{chat}/{message}")
}

#[cfg(test)]
mod tests;
