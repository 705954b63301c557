//! From JSON to the tree.

use serde_json::{Map, Value};

use super::{
    Action, ActionKind, ActionStyle, Card, Element, Image, Input, InputKind, TextBlock, TextStyle,
    Unreadable,
};

type Object = Map<String, Value>;

/// Reads a card.
///
/// # Errors
/// When it is not JSON or not an object of type `AdaptiveCard`.
pub fn parse(json: &str) -> Result<Card, Unreadable> {
    let value: Value = serde_json::from_str(json).map_err(|error| Unreadable(error.to_string()))?;
    let card = value
        .as_object()
        .ok_or_else(|| Unreadable("it is not a JSON object".to_owned()))?;
    match text(card, "type").as_deref() {
        Some("AdaptiveCard") => Ok(of(card)),
        other => Err(Unreadable(format!(
            "its `type` is `{}` and not `AdaptiveCard`",
            other.unwrap_or_default()
        ))),
    }
}

fn of(card: &Object) -> Card {
    Card {
        body: elements(card, "body"),
        actions: actions(card, "actions"),
        fallback_text: text(card, "fallbackText").filter(|text| !text.trim().is_empty()),
    }
}

fn list<'a>(of: &'a Object, key: &str) -> impl Iterator<Item = &'a Object> {
    let values = of.get(key).and_then(Value::as_array);
    values
        .map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
        .filter_map(Value::as_object)
}

/// A text, or the text of a number or truth value: cards that were made by templates have them in texts' places.
fn text(of: &Object, key: &str) -> Option<String> {
    match of.get(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

fn flag(of: &Object, key: &str) -> bool {
    match of.get(key) {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::String(text)) => text == "true",
        _ => false,
    }
}

/// Whether a word of the format is this one; they are compared without regard to case.
fn is(of: &Object, key: &str, word: &str) -> bool {
    text(of, key).is_some_and(|text| text.eq_ignore_ascii_case(word))
}

fn elements(of: &Object, key: &str) -> Vec<Element> {
    list(of, key).filter_map(element).collect()
}

fn element(of: &Object) -> Option<Element> {
    if of.get("isVisible") == Some(&Value::Bool(false)) {
        return None;
    }
    let known = match text(of, "type")?.as_str() {
        "TextBlock" => text(of, "text").map(|text| Element::Text(text_block(of, text))),
        "RichTextBlock" => Some(Element::Text(TextBlock {
            text: runs(of),
            ..TextBlock::default()
        })),
        "Image" => image(of).map(Element::Image),
        "ImageSet" => Some(Element::Images(
            list(of, "images").filter_map(image).collect(),
        )),
        "FactSet" => Some(Element::Facts(facts(of))),
        "Container" | "Carousel" | "CarouselPage" => {
            let select = select(of);
            Some(Element::Container(elements(of, "items"), select))
        }
        "ColumnSet" => {
            let columns = list(of, "columns")
                .filter(|column| column.get("isVisible") != Some(&Value::Bool(false)))
                .map(column)
                .collect();
            Some(Element::Columns(columns))
        }
        "Column" => Some(Element::Container(column(of), None)),
        "Table" => Some(Element::Table {
            rows: list(of, "rows")
                .map(|row| {
                    list(row, "cells")
                        .map(|cell| elements(cell, "items"))
                        .collect()
                })
                .collect(),
            header: of.get("firstRowAsHeader") != Some(&Value::Bool(false)),
        }),
        "Media" => list(of, "sources").find_map(|source| {
            let title = text(of, "altText").unwrap_or_default();
            Some(Element::Media(title, text(source, "url")?))
        }),
        "ActionSet" => Some(Element::Actions(actions(of, "actions"))),
        kind => kind
            .strip_prefix("Input.")
            .and_then(|kind| input(of, kind))
            .map(Element::Input),
    };
    known.or_else(|| {
        of.get("fallback")
            .and_then(Value::as_object)
            .and_then(element)
    })
}

fn text_block(of: &Object, text: String) -> TextBlock {
    TextBlock {
        text: dates(&text),
        heading: is(of, "style", "heading")
            || ["medium", "large", "extraLarge"]
                .iter()
                .any(|size| is(of, "size", size)),
        bold: is(of, "weight", "bolder"),
        subtle: flag(of, "isSubtle"),
    }
}

/// `{{DATE(2026-11-25T06:08:39Z, SHORT)}}` and `{{TIME(…)}}` are meant to be shown in the reader's own way. Without knowing that way
/// the date or the time is shown as ISO 8601 has it.
fn dates(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        shown.push_str(before);
        let call = after.split_once("}}").and_then(|(call, after)| {
            let (name, arguments) = call.trim().strip_suffix(')')?.split_once('(')?;
            let moment = arguments.split(',').next()?.trim();
            let (day, time) = moment.split_once('T')?;
            match name {
                "DATE" => Some((day, after)),
                "TIME" => Some((time.get(..5)?, after)),
                _ => None,
            }
        });
        match call {
            Some((part, after)) => {
                shown.push_str(part);
                rest = after;
            }
            None => {
                shown.push_str("{{");
                rest = after;
            }
        }
    }
    shown.push_str(rest);
    shown
}

/// The runs of a rich text as Markdown.
fn runs(of: &Object) -> String {
    let runs = of.get("inlines").and_then(Value::as_array);
    runs.map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
        .filter_map(|run| match run {
            Value::String(text) => Some(text.clone()),
            Value::Object(run) => {
                let text = text(run, "text")?;
                // Marks beside a blank are none.
                let marks = if text.trim() != text || text.is_empty() {
                    ""
                } else if is(run, "weight", "bolder") {
                    "**"
                } else if flag(run, "italic") {
                    "*"
                } else {
                    ""
                };
                Some(format!("{marks}{text}{marks}"))
            }
            _ => None,
        })
        .collect()
}

fn image(of: &Object) -> Option<Image> {
    Some(Image {
        url: text(of, "url").filter(|url| !url.is_empty())?,
        alt: text(of, "altText").unwrap_or_default(),
        select: select(of).map(Box::new),
    })
}

fn facts(of: &Object) -> Vec<(String, String)> {
    list(of, "facts")
        .map(|fact| {
            let part = |key| dates(&text(fact, key).unwrap_or_default());
            (part("title"), part("value"))
        })
        .collect()
}

fn column(of: &Object) -> Vec<Element> {
    elements(of, "items")
}

fn select(of: &Object) -> Option<Action> {
    of.get("selectAction")?.as_object().and_then(action)
}

fn input(of: &Object, kind: &str) -> Option<Input> {
    let kind = match kind {
        "Text" => InputKind::Text {
            multiline: flag(of, "isMultiline"),
            max: of.get("maxLength").and_then(Value::as_u64),
            style: text_style(of),
        },
        "Number" => InputKind::Number {
            min: of.get("min").and_then(Value::as_f64),
            max: of.get("max").and_then(Value::as_f64),
        },
        "Date" => InputKind::Date,
        "Time" => InputKind::Time,
        "Toggle" => InputKind::Toggle {
            title: text(of, "title").unwrap_or_default(),
            on: text(of, "valueOn").unwrap_or_else(|| "true".to_owned()),
            off: text(of, "valueOff").unwrap_or_else(|| "false".to_owned()),
        },
        "ChoiceSet" => InputKind::Choices {
            choices: list(of, "choices")
                .filter_map(|choice| {
                    let value = text(choice, "value")?;
                    Some((
                        text(choice, "title").unwrap_or_else(|| value.clone()),
                        value,
                    ))
                })
                .collect(),
            multi: flag(of, "isMultiSelect"),
            expanded: is(of, "style", "expanded"),
        },
        _ => return None,
    };
    let id = text(of, "id").filter(|id| !id.is_empty())?;
    let label = ["label", "placeholder", "title"]
        .iter()
        .find_map(|key| text(of, key).filter(|text| !text.trim().is_empty()));
    let said = |key| text(of, key).filter(|text| !text.trim().is_empty());
    Some(Input {
        // Where it stands as the label it is not said twice.
        placeholder: said("placeholder").filter(|_| said("label").is_some()),
        label: label.unwrap_or_else(|| id.clone()),
        id,
        value: text(of, "value").filter(|value| !value.is_empty()),
        required: flag(of, "isRequired"),
        pattern: said("regex"),
        min: said("min"),
        max: said("max"),
        error: said("errorMessage"),
        kind,
    })
}

fn text_style(of: &Object) -> TextStyle {
    [
        ("email", TextStyle::Email),
        ("url", TextStyle::Url),
        ("tel", TextStyle::Tel),
        ("password", TextStyle::Password),
    ]
    .into_iter()
    .find(|(word, _)| is(of, "style", word))
    .map_or(TextStyle::Plain, |(_, style)| style)
}

fn actions(of: &Object, key: &str) -> Vec<Action> {
    list(of, key).filter_map(action).collect()
}

fn action(of: &Object) -> Option<Action> {
    // One that cannot be pressed is no button where buttons cannot be grey.
    if of.get("isEnabled") == Some(&Value::Bool(false)) {
        return None;
    }
    let data = || of.get("data").cloned().unwrap_or(Value::Null);
    let kind = match text(of, "type")?.as_str() {
        "Action.Submit" => Some(ActionKind::Submit(data())),
        "Action.Execute" => Some(ActionKind::Execute {
            verb: text(of, "verb"),
            data: data(),
        }),
        "Action.OpenUrl" => text(of, "url").map(ActionKind::OpenUrl),
        "Action.ShowCard" => of
            .get("card")
            .and_then(Value::as_object)
            .map(|card| ActionKind::ShowCard(Box::new(self::of(card)))),
        "Action.ToggleVisibility" => Some(ActionKind::Toggle),
        _ => None,
    };
    let Some(kind) = kind else {
        return of
            .get("fallback")
            .and_then(Value::as_object)
            .and_then(action);
    };
    let style = if is(of, "style", "positive") {
        ActionStyle::Positive
    } else if is(of, "style", "destructive") {
        ActionStyle::Destructive
    } else {
        ActionStyle::Default
    };
    Some(Action {
        title: text(of, "title").unwrap_or_default(),
        kind,
        style,
        inputs: !is(of, "associatedInputs", "none"),
    })
}
