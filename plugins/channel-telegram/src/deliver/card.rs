//! Cards. Telegram has none: the text goes out with the card's buttons, its first picture is shown above, and what can be filled in
//! is asked for.

use greentic_sdk::card::{self, Input, InputKind};
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
        let questions: Vec<Question> = card::parse(&card.json)
            .map(|card| card::inputs(&card).into_iter().map(question).collect())
            .unwrap_or_default();
        // The first note is about the card, the others about inputs, which are asked for here.
        self.downgrades.extend(shown.downgrades.into_iter().take(1));
        self.picture = shown.images.into_iter().map(|(url, _)| url).next();
        let words = Words::markdown(&shown.text);
        let presses: Vec<(String, Press)> = shown
            .buttons
            .into_iter()
            .map(|button| (button.title, button.press))
            .collect();
        let submits = presses
            .iter()
            .filter(|(_, press)| matches!(press, Press::Data(_)))
            .count();
        if questions.is_empty() || submits == 0 {
            if !questions.is_empty() {
                self.downgraded(
                    "cards",
                    "inputs are named in the text, for nothing sends them",
                );
            }
            return self.words(&words, &plain_buttons(presses));
        }
        if let Some(buttons) = choice_buttons(&questions, &presses) {
            self.downgraded("cards", "the choices of the input are buttons");
            return self.words(&words, &buttons);
        }
        self.downgraded(
            "cards",
            "inputs are asked for one by one when the button is pressed",
        );
        self.form(&words, questions, presses)
    }

    fn form(
        &mut self,
        words: &Words,
        questions: Vec<Question>,
        presses: Vec<(String, Press)>,
    ) -> Result<Vec<String>, DeliveryError> {
        let key = keyboard::key(&self.signing, &self.delivery.id, "form");
        let mut submits = Vec::new();
        let mut buttons = Vec::new();
        for (title, press) in presses {
            let action = match press {
                Press::Url(url) => Action::Url(url),
                Press::Data(data) => {
                    submits.push(Submit {
                        title: title.clone(),
                        data: data.to_string(),
                    });
                    Action::Form(Step::Submit {
                        form: key.clone(),
                        action: submits.len() - 1,
                    })
                }
            };
            buttons.push(Button { title, action });
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

fn plain_buttons(presses: Vec<(String, Press)>) -> Vec<Button> {
    presses
        .into_iter()
        .map(|(title, press)| Button {
            title,
            action: match press {
                Press::Url(url) => Action::Url(url),
                Press::Data(data) => Action::Data(data.to_string()),
            },
        })
        .collect()
}

/// One choice and one submit button need no questions: each choice is a button that sends both.
fn choice_buttons(questions: &[Question], presses: &[(String, Press)]) -> Option<Vec<Button>> {
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
    let mut datas = presses.iter().filter_map(|(title, press)| match press {
        Press::Data(data) => Some((title, data)),
        Press::Url(_) => None,
    });
    let (title, data) = datas.next()?;
    let fields = match data {
        Value::Object(fields) => fields.clone(),
        Value::Null => serde_json::Map::new(),
        _ => return None,
    };
    if datas.next().is_some() || choices.is_empty() {
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
    if !required {
        buttons.push(Button {
            title: title.clone(),
            action: Action::Data(data.to_string()),
        });
    }
    let urls = presses
        .iter()
        .filter(|(_, press)| matches!(press, Press::Url(_)));
    buttons.extend(plain_buttons(urls.cloned().collect()));
    Some(buttons)
}

fn question(input: &Input) -> Question {
    let kind = match &input.kind {
        InputKind::Text { max, .. } => Kind::Text(max.and_then(|max| usize::try_from(max).ok())),
        InputKind::Number { min, max } => {
            let text = |bound: &Option<f64>| bound.map(|bound| bound.to_string());
            Kind::Number(text(min), text(max))
        }
        InputKind::Date => Kind::Date,
        InputKind::Time => Kind::Time,
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
    }
}
