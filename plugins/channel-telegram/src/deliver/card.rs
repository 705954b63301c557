//! Cards. Telegram has none: the text goes out with the card's buttons, its first picture is shown above, and what can be filled in
//! is asked for.

use greentic_sdk::card::{self, ActionKind, Input, InputKind};
use greentic_sdk::channel::{DeliveryError, Retry};
use greentic_sdk::downgrade::{self, Press};
use greentic_sdk::model::{Card, Error};
use serde_json::Value;

use super::Sending;
use crate::form::{self, Form, Kind, Question, Submit};
use crate::keyboard::{self, Action, Button, Step};
use crate::words::Words;

/// What stands on the buttons of a question of yes or no.
const YES: &str = "✅";
const NO: &str = "❌";

impl Sending<'_> {
    /// Sends a card.
    pub(super) fn card(&mut self, card: &Card) -> Result<Vec<String>, DeliveryError> {
        let shown = downgrade::card_to_text_and_buttons(card);
        // The first note is about the card, the others about inputs, which are asked for here.
        self.downgrades.extend(shown.downgrades.into_iter().take(1));
        self.picture = shown.images.into_iter().map(|(url, _)| url).next();
        let words = Words::markdown(&shown.text);
        let Ok(card) = card::parse(&card.json) else {
            return self.words(&words, &[]);
        };
        let questions: Vec<Question> = card::inputs(&card).into_iter().map(question).collect();
        let presses = presses(&card);
        if questions.is_empty() {
            return self.words(&words, &plain_buttons(&presses));
        }
        if !presses.iter().any(Pressable::submits) {
            self.downgraded(
                "cards",
                "inputs are named in the text, for nothing sends them",
            );
            return self.words(&words, &plain_buttons(&presses));
        }
        if let Some(buttons) = choice_buttons(&questions, &presses) {
            self.downgraded("cards", "the choices of the input are buttons");
            return self.words(&words, &buttons);
        }
        self.downgraded(
            "cards",
            "inputs are asked for one by one when the button is pressed",
        );
        self.form(&words, questions, &presses)
    }

    fn form(
        &mut self,
        words: &Words,
        questions: Vec<Question>,
        presses: &[Pressable],
    ) -> Result<Vec<String>, DeliveryError> {
        let key = keyboard::key(&self.signing, &self.delivery.id, "form");
        let mut submits = Vec::new();
        let mut buttons = Vec::new();
        for press in presses {
            let action = match &press.does {
                Press::Data(data) if press.inputs => {
                    submits.push(Submit {
                        title: press.title.clone(),
                        data: data.to_string(),
                    });
                    Action::Form(Step::Submit {
                        form: key.clone(),
                        action: submits.len() - 1,
                    })
                }
                _ => press.plain(),
            };
            buttons.push(Button {
                title: press.title.clone(),
                action,
            });
        }
        let mut form = Form {
            message: None,
            questions,
            submits,
        };
        // Kept before its button can be pressed, and again once it is known which message it is.
        form::keep(self.settings, &key, &form).map_err(kept)?;
        let ids = self.words(words, &buttons)?;
        form.message = ids.last().cloned();
        if let Err(error) = form::keep(self.settings, &key, &form) {
            greentic_sdk::log::warn!("form", "a form does not know its message: {error:?}");
        }
        Ok(ids)
    }
}

fn kept(error: Error) -> DeliveryError {
    match error {
        Error::Invalid(reason) => {
            DeliveryError::Rejected(format!("the card's form cannot be kept: {reason}"))
        }
        error => DeliveryError::Retry(Retry {
            reason: format!("the card's form cannot be kept now: {error:?}"),
            after_ms: None,
        }),
    }
}

/// A button of a card.
struct Pressable {
    title: String,
    does: Press,
    /// What was filled in goes with it.
    inputs: bool,
}

impl Pressable {
    /// Whether it sends what was filled in.
    fn submits(&self) -> bool {
        self.inputs && matches!(self.does, Press::Data(_))
    }

    /// What it does without a form.
    fn plain(&self) -> Action {
        match &self.does {
            Press::Url(url) => Action::Url(url.clone()),
            Press::Data(data) => Action::Data(data.to_string()),
        }
    }
}

fn presses(card: &card::Card) -> Vec<Pressable> {
    let does_something = |action: &&card::Action| {
        matches!(action.kind, ActionKind::OpenUrl(_))
            || downgrade::postback_data(&action.kind).is_some()
    };
    let actions = card::actions(card);
    let actions = actions.into_iter().filter(does_something);
    downgrade::buttons(card)
        .into_iter()
        .zip(actions)
        .map(|(button, action)| Pressable {
            title: button.title,
            does: button.press,
            inputs: action.inputs,
        })
        .collect()
}

fn plain_buttons(presses: &[Pressable]) -> Vec<Button> {
    presses
        .iter()
        .map(|press| Button {
            title: press.title.clone(),
            action: press.plain(),
        })
        .collect()
}

/// One choice and one submit button need no questions: each choice is a button that sends both.
fn choice_buttons(questions: &[Question], presses: &[Pressable]) -> Option<Vec<Button>> {
    let [
        Question {
            id,
            kind: Kind::Choice(choices),
            required,
            ..
        },
    ] = questions
    else {
        return None;
    };
    let mut submits = presses.iter().filter(|press| press.submits());
    let submit = submits.next()?;
    let fields = match &submit.does {
        Press::Data(Value::Object(fields)) => fields.clone(),
        Press::Data(Value::Null) => serde_json::Map::new(),
        _ => return None,
    };
    if submits.next().is_some() || choices.is_empty() {
        return None;
    }
    let mut buttons: Vec<Button> = choices
        .iter()
        .map(|(title, value)| {
            let mut fields = fields.clone();
            fields.insert(id.clone(), value.as_str().into());
            Button {
                title: title.clone(),
                action: Action::Data(Value::Object(fields).to_string()),
            }
        })
        .collect();
    let others = presses
        .iter()
        .filter(|press| !press.submits() || !required)
        .map(|press| Button {
            title: press.title.clone(),
            action: press.plain(),
        });
    buttons.extend(others);
    Some(buttons)
}

fn question(input: &Input) -> Question {
    let (min, max) = (input.min.clone(), input.max.clone());
    let kind = match &input.kind {
        InputKind::Text { max, .. } => Kind::Text(max.and_then(|max| usize::try_from(max).ok())),
        InputKind::Number { .. } => Kind::Number(min, max),
        InputKind::Date => Kind::Date(min, max),
        InputKind::Time => Kind::Time(min, max),
        InputKind::Toggle { on, off, .. } => {
            Kind::Choice(vec![(YES.into(), on.clone()), (NO.into(), off.clone())])
        }
        InputKind::Choices {
            choices,
            multi: false,
            ..
        } => Kind::Choice(choices.clone()),
        InputKind::Choices {
            choices,
            multi: true,
            ..
        } => Kind::Choices(choices.clone()),
    };
    let label = match &input.kind {
        InputKind::Toggle { title, .. } if !title.is_empty() && *title != input.label => {
            format!("{}\n{title}", input.label)
        }
        _ => input.label.clone(),
    };
    Question {
        id: input.id.clone(),
        label,
        required: input.required,
        kind,
        value: input.value.clone().filter(|value| !value.is_empty()),
        hint: input
            .placeholder
            .clone()
            .filter(|hint| *hint != input.label),
        error: input.error.clone(),
    }
}
