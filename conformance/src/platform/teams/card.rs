//! Adaptive Cards as Teams draws them: what a person can read, press and fill in, and what is wrong with a card.

use serde_json::{Map, Value};

use super::super::{Button, Field, Input, Pressed, Shown};
use super::text;

/// Media type of an Adaptive Card.
pub const ADAPTIVE: &str = "application/vnd.microsoft.card.adaptive";
/// The offer of a file.
pub const CONSENT: &str = "application/vnd.microsoft.teams.card.file.consent";
/// A file that was uploaded.
pub const FILE_INFO: &str = "application/vnd.microsoft.teams.card.file.info";

fn string<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn items<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value
        .get(name)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// An action of a card, in the order in which [`show`] makes its buttons.
pub fn actions(card: &Value) -> Vec<&Value> {
    let mut found = Vec::new();
    gather(card, &mut found);
    found
}

fn gather<'a>(element: &'a Value, found: &mut Vec<&'a Value>) {
    for name in ["body", "items", "columns", "rows", "cells"] {
        for inner in items(element, name) {
            gather(inner, found);
        }
    }
    for action in items(element, "actions") {
        if string(action, "type") == "Action.ShowCard" {
            // Opened in place.
            gather(action.get("card").unwrap_or(&Value::Null), found);
        } else {
            found.push(action);
        }
    }
}

/// Adds a card to what is shown.
pub fn show(card: &Value, shown: &mut Shown) {
    shown.card = true;
    element(card, shown);
    for action in actions(card) {
        let does = match string(action, "type") {
            "Action.OpenUrl" => Pressed::Opens(string(action, "url").to_owned()),
            _ if client_part(action, "type") == "imBack" => Pressed::Says,
            _ => Pressed::Tells,
        };
        shown.buttons.push(Button {
            title: string(action, "title").to_owned(),
            does,
        });
    }
    for action in items(card, "actions") {
        if string(action, "type") == "Action.ShowCard" {
            element(action.get("card").unwrap_or(&Value::Null), shown);
        }
    }
}

/// A field of `data.msteams`, which the client itself reads.
pub fn client_part<'a>(action: &'a Value, name: &str) -> &'a str {
    let part = action.get("data").and_then(|data| data.get("msteams"));
    part.map_or("", |part| string(part, name))
}

fn line(text: &str, shown: &mut Shown) {
    if text.is_empty() {
        return;
    }
    let mut drawn = Shown::new("", shown.author.clone(), "");
    text::markdown(text, &mut drawn);
    if !shown.text.is_empty() {
        shown.text.push('\n');
    }
    shown.text.push_str(&drawn.text);
    shown.styles.append(&mut drawn.styles);
}

fn element(value: &Value, shown: &mut Shown) {
    match string(value, "type") {
        "TextBlock" => line(string(value, "text"), shown),
        "RichTextBlock" => {
            let runs =
                items(value, "inlines").map(|run| run.as_str().unwrap_or(string(run, "text")));
            line(&runs.collect::<String>(), shown);
        }
        "FactSet" => {
            for fact in items(value, "facts") {
                line(
                    &format!("{}: {}", string(fact, "title"), string(fact, "value")),
                    shown,
                );
            }
        }
        "Image" => line(string(value, "altText"), shown),
        kind if kind.starts_with("Input.") => field(value, kind, shown),
        "AdaptiveCard" | "Container" | "ColumnSet" | "Column" | "Table" | "TableRow"
        | "TableCell" | "ImageSet" => {
            for name in ["body", "items", "columns", "rows", "cells", "images"] {
                for inner in items(value, name) {
                    element(inner, shown);
                }
            }
        }
        // Rows and columns may leave their type out; what is unknown is not drawn.
        "" => {
            for name in ["items", "cells"] {
                for inner in items(value, name) {
                    element(inner, shown);
                }
            }
        }
        _ => {}
    }
}

fn field(value: &Value, kind: &str, shown: &mut Shown) {
    let input = match kind {
        "Input.Number" => Input::Number,
        "Input.Date" => Input::Date,
        "Input.Time" => Input::Time,
        "Input.Toggle" => Input::Toggle,
        "Input.ChoiceSet" => {
            let choice = |choice: &Value| {
                let part = |name| string(choice, name).to_owned();
                (part("value"), part("title"))
            };
            Input::Choice(items(value, "choices").map(choice).collect())
        }
        _ => Input::Text,
    };
    let label = ["label", "title", "placeholder"]
        .map(|name| string(value, name))
        .into_iter()
        .find(|label| !label.is_empty());
    shown.fields.push(Field {
        id: string(value, "id").to_owned(),
        label: label.unwrap_or_default().to_owned(),
        input,
        required: value.get("isRequired") == Some(&Value::Bool(true)),
    });
}

/// Adds the offer of a file.
pub fn offer(name: &str, shown: &mut Shown) {
    shown.text = name.to_owned();
    for title in ["Allow", "Decline"] {
        shown.buttons.push(Button {
            title: title.into(),
            does: Pressed::Tells,
        });
    }
}

/// Suggested actions, of which clients draw three.
pub fn suggestions(activity: &Value) -> Vec<&Value> {
    let suggested = activity.get("suggestedActions").unwrap_or(&Value::Null);
    items(suggested, "actions").take(3).collect()
}

/// Adds them to what is shown.
pub fn suggested(activity: &Value, shown: &mut Shown) {
    for action in suggestions(activity) {
        shown.buttons.push(Button {
            title: string(action, "title").to_owned(),
            does: Pressed::Says,
        });
    }
}

/// Members an element cannot do without (schema 1.5).
const REQUIRED: [(&str, &[&str]); 17] = [
    ("TextBlock", &["text"]),
    ("RichTextBlock", &["inlines"]),
    ("Image", &["url"]),
    ("ImageSet", &["images"]),
    ("Media", &["sources"]),
    ("FactSet", &["facts"]),
    ("Container", &["items"]),
    ("ActionSet", &["actions"]),
    ("Input.Text", &["id"]),
    ("Input.Number", &["id"]),
    ("Input.Date", &["id"]),
    ("Input.Time", &["id"]),
    ("Input.Toggle", &["id", "title"]),
    ("Input.ChoiceSet", &["id"]),
    ("Action.OpenUrl", &["url"]),
    ("Action.ShowCard", &["card"]),
    ("Action.ToggleVisibility", &["targetElements"]),
];

/// What is wrong with a card; nothing when Teams takes it.
pub fn fault(card: &Value) -> Option<String> {
    if string(card, "type") != "AdaptiveCard" {
        return Some("the content is no AdaptiveCard".into());
    }
    let version = string(card, "version").split_once('.');
    let version = version
        .and_then(|(major, minor)| Some((major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?)));
    match version {
        None => return Some("the card has no version".into()),
        Some(version) if version > (1, 5) => return Some(format!("version {version:?}")),
        Some(_) => {}
    }
    let mut found = None;
    walk(card, &mut found);
    found
}

fn walk(value: &Value, found: &mut Option<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(missing) = missing(fields) {
                found.get_or_insert(missing);
            }
            let inner = fields.iter().filter(|(name, _)| *name != "data");
            inner.for_each(|(_, value)| walk(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| walk(value, found)),
        _ => {}
    }
}

fn missing(fields: &Map<String, Value>) -> Option<String> {
    let kind = fields.get("type")?.as_str()?;
    let (_, required) = REQUIRED.iter().find(|(other, _)| *other == kind)?;
    let missing = required.iter().find(|name| !fields.contains_key(**name))?;
    Some(format!("{kind} without `{missing}`"))
}
