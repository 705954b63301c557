//! The inputs of a card as what can be asked in a chat.
//!
//! One choice, or one switch, is asked with buttons: pressing one sends the form. Everything else is asked as lines, numbered where there
//! are several, and answered by a text with as many lines.

use greentic_sdk::card::{Input, InputKind};
use serde_json::{Map, Value};

use super::buttons::{self, Offer};
use super::{Rendered, marks};
use crate::choice::Meant;
use crate::form::{Choice, Form, Kind, Question};
use crate::limits::ROWS;
use crate::settings::Settings;

/// Most choices that are shown as rows; more are lines of a text.
const MOST_ROWS: usize = 3 * ROWS;

/// Asks for the inputs under the lines of the card. `data` is what the submit action carries; `others` are the card's other buttons,
/// which send no inputs.
pub fn ask(
    rendered: &mut Rendered,
    settings: &Settings,
    mut lines: Vec<String>,
    inputs: &[&Input],
    data: &Value,
    others: Vec<Offer>,
) {
    let data = match data {
        Value::Object(fields) => fields.clone(),
        Value::Null => Map::new(),
        other => Map::from_iter([("data".to_owned(), other.clone())]),
    };
    let questions: Vec<Question> = inputs
        .iter()
        .map(|input| question(settings, input))
        .collect();
    if let ([question], [input]) = (questions.as_slice(), inputs)
        && let Kind::One(choices) = &question.kind
        && choices.len() <= MOST_ROWS
    {
        lines.push(marks::of_markdown(label(input)));
        let over = lines.join("\n");
        let mut offers: Vec<Offer> = choices
            .iter()
            .map(|choice| {
                let mut data = data.clone();
                data.insert(question.id.clone(), choice.value.as_str().into());
                Offer {
                    title: choice.title.clone(),
                    meant: Meant::Data(Value::Object(data).to_string()),
                }
            })
            .collect();
        offers.extend(others);
        buttons::choices(rendered, settings, &over, &offers);
        rendered.downgrade("cards", "the form is asked with a button for each choice");
        rendered.plain = over;
        return;
    }
    match questions.as_slice() {
        [question] => lines.push(line(question)),
        several => {
            lines.push(String::new());
            lines.push(settings.form_text.clone());
            lines.extend(
                several
                    .iter()
                    .zip(1_usize..)
                    .map(|(question, number)| format!("{number}. {}", line(question))),
            );
        }
    }
    let over = lines.join("\n");
    buttons::choices(rendered, settings, &over, &others);
    rendered.downgrade(
        "cards",
        "the form is asked as questions, answered by a text",
    );
    rendered.plain = over;
    rendered.form = Some(Form {
        data,
        questions,
        message_id: None,
        answered_by: None,
    });
}

fn label(input: &Input) -> &str {
    match &input.kind {
        InputKind::Toggle { title, .. } if !title.trim().is_empty() => title,
        _ => &input.label,
    }
}

fn question(settings: &Settings, input: &Input) -> Question {
    let choice = |title: &str, value: &str| Choice {
        title: title.to_owned(),
        value: value.to_owned(),
    };
    let kind = match &input.kind {
        InputKind::Text { max, .. } => Kind::Text { max: *max },
        InputKind::Number { min, max } => Kind::Number {
            min: *min,
            max: *max,
        },
        InputKind::Date => Kind::Date,
        InputKind::Time => Kind::Time,
        InputKind::Toggle { on, off, .. } => Kind::One(vec![
            choice(&settings.yes_text, on),
            choice(&settings.no_text, off),
        ]),
        InputKind::Choices { choices, multi, .. } => {
            let choices = choices
                .iter()
                .map(|(title, value)| choice(title, value))
                .collect();
            if *multi {
                Kind::Several(choices)
            } else {
                Kind::One(choices)
            }
        }
    };
    Question {
        id: input.id.clone(),
        label: label(input).trim_end_matches([':', ' ']).to_owned(),
        required: input.required,
        default: input.value.clone().filter(|value| !value.is_empty()),
        kind,
    }
}

/// A question, with an example of its answer that needs no language, and a dash where it may be left out.
fn line(question: &Question) -> String {
    let listed = |choices: &[Choice]| {
        let numbered = choices.iter().zip(1_usize..);
        let choices: Vec<String> = numbered
            .map(|(choice, number)| format!("{number}) {}", choice.title))
            .collect();
        choices.join("  ")
    };
    let mut line = question.label.clone();
    match &question.kind {
        Kind::Text { .. } => {}
        Kind::Number {
            min: Some(min),
            max: Some(max),
        } => line.push_str(&format!(" ({min}–{max})")),
        Kind::Number { .. } => line.push_str(" (123)"),
        Kind::Date => line.push_str(" (YYYY-MM-DD)"),
        Kind::Time => line.push_str(" (HH:MM)"),
        Kind::One(choices) => line.push_str(&format!(": {}", listed(choices))),
        Kind::Several(choices) => line.push_str(&format!(": {} (1, 2)", listed(choices))),
    }
    match &question.default {
        Some(default) => line.push_str(&format!(" [- = {default}]")),
        None if !question.required => line.push_str(" [-]"),
        None => {}
    }
    line
}
