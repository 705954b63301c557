//! `reply_markup`: inline keyboards under a message, and keyboards in place of the person's own.

use serde_json::Value;

use super::refusal::Refused;
use crate::platform::{Button, Pressed};

/// A keyboard as it is kept: what is shown, and the data of those that tell the bot.
pub type Keys = Vec<(Button, Option<String>)>;

/// Most buttons of a keyboard.
const BUTTONS: usize = 100;

/// What a `reply_markup` does.
#[derive(Debug, Clone, Default)]
pub struct Markup {
    /// Its buttons.
    pub keys: Keys,
    /// The person's client opens an answer to the message.
    pub forces_reply: bool,
}

/// Reads and checks one.
pub fn read(markup: Option<Value>) -> Result<Markup, Refused> {
    let Some(markup) = markup else {
        return Ok(Markup::default());
    };
    let rows = |name: &str| {
        let rows = markup.get(name)?.as_array()?;
        Some(
            rows.iter()
                .map(|row| row.as_array().cloned())
                .collect::<Option<Vec<_>>>(),
        )
    };
    let wrong = |text: &str| Refused::wrong("reply-markup", text.to_owned());
    let mut keys = Keys::new();
    if let Some(rows) = rows("inline_keyboard") {
        let rows = rows.ok_or_else(|| wrong("object expected as reply markup"))?;
        if rows.iter().any(|row| row.len() > 8) {
            return Err(wrong("too many buttons in a row"));
        }
        for button in rows.iter().flatten() {
            keys.push(inline(button)?);
        }
    } else if let Some(rows) = rows("keyboard") {
        let rows = rows.ok_or_else(|| wrong("object expected as reply markup"))?;
        for button in rows.iter().flatten() {
            let text = button
                .as_str()
                .or_else(|| button.get("text").and_then(Value::as_str));
            let title = text
                .filter(|text| !text.is_empty())
                .ok_or_else(|| wrong("button text is empty"))?;
            keys.push((
                Button {
                    title: title.into(),
                    does: Pressed::Says,
                },
                None,
            ));
        }
    } else if markup.get("remove_keyboard").is_none() && markup.get("force_reply").is_none() {
        return Err(wrong("object expected as reply markup"));
    }
    if keys.len() > BUTTONS {
        return Err(wrong("REPLY_MARKUP_TOO_LONG"));
    }
    let forces_reply = markup.get("force_reply").and_then(Value::as_bool) == Some(true);
    Ok(Markup { keys, forces_reply })
}

fn inline(button: &Value) -> Result<(Button, Option<String>), Refused> {
    let text = |name: &str| button.get(name).and_then(Value::as_str);
    let title = text("text")
        .filter(|title| !title.trim().is_empty())
        .ok_or_else(|| {
            Refused::wrong(
                "button-text",
                "can't parse inline keyboard button: field \"text\" must be non-empty",
            )
        })?
        .to_owned();
    let kinds = [
        "callback_data",
        "url",
        "web_app",
        "switch_inline_query",
        "copy_text",
    ];
    let given: Vec<_> = kinds
        .iter()
        .filter(|kind| button.get(**kind).is_some())
        .collect();
    if given.len() != 1 {
        return Err(Refused::wrong(
            "button-kind",
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
        ));
    }
    if let Some(data) = text("callback_data") {
        if data.is_empty() || data.len() > 64 {
            return Err(Refused::wrong("button-data", "BUTTON_DATA_INVALID"));
        }
        return Ok((
            Button {
                title,
                does: Pressed::Tells,
            },
            Some(data.to_owned()),
        ));
    }
    let url = text("url").unwrap_or_default();
    let host = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))
        .and_then(|rest| rest.split(['/', '?', '#', ':']).next());
    if button.get("url").is_some()
        && !url.starts_with("tg://")
        && host.is_none_or(|host| !host.contains('.'))
    {
        return Err(Refused::wrong(
            "button-url",
            format!("inline keyboard button URL '{url}' is invalid: Wrong HTTP URL"),
        ));
    }
    Ok((
        Button {
            title,
            does: Pressed::Opens(url.to_owned()),
        },
        None,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn one(button: Value) -> Result<Markup, Refused> {
        read(Some(json!({"inline_keyboard": [[button]]})))
    }

    #[test]
    fn a_button_has_a_text_and_does_one_thing() {
        assert_eq!(
            one(json!({"text": "a", "callback_data": "x"}))
                .unwrap()
                .keys[0]
                .1
                .as_deref(),
            Some("x")
        );
        assert!(one(json!({"text": "a", "url": "https://a.example/x"})).is_ok());
        for (button, violation) in [
            (json!({"text": "a"}), "button-kind"),
            (
                json!({"text": "a", "callback_data": "x", "url": "https://a.example"}),
                "button-kind",
            ),
            (json!({"text": " ", "callback_data": "x"}), "button-text"),
            (json!({"text": "a", "callback_data": ""}), "button-data"),
            (
                json!({"text": "a", "callback_data": "é".repeat(33)}),
                "button-data",
            ),
            (
                json!({"text": "a", "url": "https://localhost/"}),
                "button-url",
            ),
            (
                json!({"text": "a", "url": "mailto:a@b.example"}),
                "button-url",
            ),
        ] {
            assert_eq!(
                one(button.clone()).unwrap_err().violation,
                Some(violation),
                "{button}"
            );
        }
    }

    #[test]
    fn a_keyboard_has_at_most_a_hundred_buttons() {
        let button = json!({"text": "a", "callback_data": "x"});
        let keyboard = |count| {
            read(Some(
                json!({"inline_keyboard": vec![json!([button]); count]}),
            ))
        };
        assert!(keyboard(100).is_ok());
        assert!(keyboard(101).is_err());
    }
}
