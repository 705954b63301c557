//! Adaptive Cards for Teams, which shows versions up to 1.5.

use greentic_sdk::model::QuickReply;
use serde_json::{Value, json};

/// Media type of an Adaptive Card.
pub const CONTENT_TYPE: &str = "application/vnd.microsoft.card.adaptive";

/// Buttons of one row of actions; clients put more of them into a menu.
pub const ROW: usize = 6;

/// The newest version Teams shows.
const NEWEST: (u32, u32) = (1, 5);

/// A card that can be sent.
#[derive(Debug, PartialEq)]
pub struct Prepared {
    /// Its JSON.
    pub card: Value,
    /// Its version was beyond what Teams shows.
    pub lowered: bool,
}

/// Elements and actions of version 1.5 and before. Clients leave out what they do not know.
const KNOWN: [&str; 22] = [
    "TextBlock",
    "RichTextBlock",
    "Image",
    "ImageSet",
    "Media",
    "FactSet",
    "Container",
    "ColumnSet",
    "Table",
    "ActionSet",
    "Input.Text",
    "Input.Number",
    "Input.Date",
    "Input.Time",
    "Input.Toggle",
    "Input.ChoiceSet",
    "Action.Submit",
    "Action.OpenUrl",
    "Action.Execute",
    "Action.ShowCard",
    "Action.ToggleVisibility",
    "CodeBlock",
];

/// Whether a person would see anything of a card.
fn shows_something(card: &Value) -> bool {
    let known = |element: &Value| {
        let kind = element.get("type").and_then(Value::as_str);
        kind.is_some_and(|kind| KNOWN.contains(&kind))
            || element.get("fallback").is_some_and(Value::is_object)
    };
    ["body", "actions"].iter().any(|part| {
        let elements = card.get(part).and_then(Value::as_array);
        elements.is_some_and(|elements| elements.iter().any(known))
    })
}

/// Reads a card and brings its version into Teams' range: a card of a newer version is shown there as its fallback text, one that
/// says 1.5 with all its elements that are known.
///
/// # Errors
/// When it is no Adaptive Card, or Teams would show nothing of it.
pub fn prepare(text: &str) -> Result<Prepared, &'static str> {
    let mut card: Value = serde_json::from_str(text).map_err(|_| "the card is not JSON")?;
    if card.get("type").and_then(Value::as_str) != Some("AdaptiveCard") {
        return Err("the JSON is not an Adaptive Card");
    }
    if !shows_something(&card) {
        return Err("Teams would show nothing of the card");
    }
    let version = card
        .get("version")
        .and_then(Value::as_str)
        .and_then(version);
    let lowered = version.is_some_and(|version| version > NEWEST);
    if let Some(fields) = card
        .as_object_mut()
        .filter(|_| lowered || version.is_none())
    {
        fields.insert("version".into(), "1.5".into());
    }
    Ok(Prepared { card, lowered })
}

fn version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// A text with buttons that say something when pressed.
#[must_use]
pub fn of_replies(text: &str, options: &[QuickReply]) -> Value {
    let mut body = Vec::new();
    if !text.is_empty() {
        body.push(json!({"type": "TextBlock", "text": text, "wrap": true}));
    }
    for row in options.chunks(ROW) {
        let actions: Vec<_> = row
            .iter()
            .map(|option| {
                json!({
                    "type": "Action.Submit",
                    "title": option.title,
                    "data": {"msteams": {"type": "imBack", "value": option.value}}
                })
            })
            .collect();
        body.push(json!({"type": "ActionSet", "actions": actions}));
    }
    json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body
    })
}

/// A card as an activity's attachment.
#[must_use]
pub fn attachment(card: &Value) -> Value {
    json!({"contentType": CONTENT_TYPE, "content": card})
}

#[cfg(test)]
mod tests {
    use greentic_sdk::model::QuickReply;
    use serde_json::json;

    use super::{of_replies, prepare};

    #[test]
    fn a_card_keeps_its_version_up_to_1_5_and_a_newer_one_is_lowered() {
        for (version, becomes, lowered) in [
            (json!("1.0"), "1.0", false),
            (json!("1.5"), "1.5", false),
            (json!("1.6"), "1.5", true),
            (json!("2.0"), "1.5", true),
            (json!("1.10"), "1.5", true),
            (json!("new"), "1.5", false),
            (json!(null), "1.5", false),
        ] {
            let card = json!({"type": "AdaptiveCard", "version": version, "body": [{"type": "X"}, {"type": "TextBlock", "text": "t"}]});
            let prepared = prepare(&card.to_string()).unwrap();
            assert_eq!(prepared.card["version"], becomes, "{version}");
            assert_eq!(prepared.lowered, lowered, "{version}");
            assert_eq!(prepared.card["body"], card["body"]);
        }
        for wrong in [
            "",
            "{",
            "[]",
            "{}",
            r#"{"type":"HeroCard"}"#,
            r#"{"type":"AdaptiveCard"}"#,
            r#"{"type":"AdaptiveCard","body":[{"type":"Chart.Pie"}],"actions":[]}"#,
        ] {
            assert!(prepare(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn replies_are_rows_of_buttons_that_say_their_value() {
        let options: Vec<_> = (0..7)
            .map(|at| QuickReply {
                title: format!("T{at}"),
                value: format!("v{at}"),
            })
            .collect();
        let card = of_replies("Which?", &options);
        assert_eq!(card["body"][0]["text"], "Which?");
        assert_eq!(card["body"][1]["actions"].as_array().unwrap().len(), 6);
        let last = &card["body"][2]["actions"][0];
        assert_eq!(last["title"], "T6");
        assert_eq!(
            last["data"]["msteams"],
            json!({"type": "imBack", "value": "v6"})
        );
        assert_eq!(
            of_replies("", &options)["body"].as_array().unwrap().len(),
            2
        );
    }
}
