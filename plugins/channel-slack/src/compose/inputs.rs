//! Inputs of a card as input blocks (docs.slack.dev/reference/block-kit/blocks/input-block).

use std::collections::HashSet;

use greentic_sdk::card::{Input, InputKind, TextStyle};
use serde_json::{Map, Value, json};

use super::blocks::plain;
use super::shorten;
use crate::dialog::{self, Check};
use crate::inbound::state::TOGGLE;

/// Most characters of a label.
const LABEL_CHARS: usize = 2_000;
/// Most characters of a placeholder.
const PLACEHOLDER_CHARS: usize = 150;
/// Most characters of an `action_id` and a `block_id`.
const ID_CHARS: usize = 255;
/// Most characters of what can be written into one input.
const TEXT_CHARS: u64 = 3_000;
/// Most characters of an option's text.
const OPTION_CHARS: usize = 75;
/// Most characters of an option's value.
const OPTION_VALUE_CHARS: usize = 150;
/// Most options that are shown at once.
const SHOWN_OPTIONS: usize = 10;
/// Most options of a menu, or of a group in one.
const MENU_OPTIONS: usize = 100;

/// Whether only a modal can hold it: Slack has these elements for modals only, or has nobody check the value in a message.
pub fn needs_modal(input: &Input) -> bool {
    let kind = match &input.kind {
        InputKind::Number { .. } => true,
        InputKind::Text { style, .. } => matches!(style, TextStyle::Email | TextStyle::Url),
        InputKind::Choices { choices, .. } => choices.iter().any(|(_, value)| !fits(value)),
        InputKind::Date | InputKind::Time | InputKind::Toggle { .. } => false,
    };
    kind || input.pattern.is_some() || input.min.is_some() || input.max.is_some()
}

fn fits(value: &str) -> bool {
    !value.is_empty() && value.chars().count() <= OPTION_VALUE_CHARS
}

/// The name of an input's block; a toggle's says what comes back when it is off.
fn block_id(input: &Input, number: usize) -> String {
    match &input.kind {
        InputKind::Toggle { off, .. } => {
            let off = if input.required { "" } else { off };
            shorten(&format!("{TOGGLE}{number}:{off}"), ID_CHARS)
        }
        _ => format!("gt-in-{number}"),
    }
}

/// The block of an input. `modal` says whether it stands in one.
pub fn block(input: &Input, number: usize, modal: bool) -> Value {
    let mut element = element(input, modal);
    if let Some(fields) = element.as_object_mut() {
        fields.insert("action_id".to_owned(), json!(shorten(&input.id, ID_CHARS)));
        let takes = !matches!(
            fields.get("type").and_then(Value::as_str),
            Some("checkboxes" | "radio_buttons" | "timepicker")
        );
        if let Some(placeholder) = input.placeholder.as_deref().filter(|_| takes) {
            let placeholder = plain(placeholder, PLACEHOLDER_CHARS);
            fields.insert("placeholder".to_owned(), placeholder);
        }
    }
    json!({
        "type": "input",
        "block_id": block_id(input, number),
        "optional": !input.required,
        "label": plain(&input.label, LABEL_CHARS),
        "element": element,
    })
}

/// What Slack does not check by itself.
pub fn check(input: &Input, number: usize) -> Check {
    Check {
        block: block_id(input, number),
        id: shorten(&input.id, ID_CHARS),
        required: input.required,
        pattern: input.pattern.clone(),
        min: input.min.clone(),
        max: input.max.clone(),
        message: input.error.clone(),
        values: match &input.kind {
            InputKind::Choices { choices, .. } if choices.iter().any(|(_, value)| !fits(value)) => {
                choices.iter().map(|(_, value)| value.clone()).collect()
            }
            _ => Vec::new(),
        },
    }
}

fn element(input: &Input, modal: bool) -> Value {
    let value = input.value.as_deref();
    let mut fields = Map::new();
    let kind = match &input.kind {
        InputKind::Text {
            multiline,
            max,
            style,
        } => match style {
            TextStyle::Email if modal => "email_text_input",
            TextStyle::Url if modal => "url_text_input",
            _ => {
                fields.insert("multiline".to_owned(), json!(multiline));
                if let Some(max) = max.filter(|max| (1..=TEXT_CHARS).contains(max)) {
                    fields.insert("max_length".to_owned(), json!(max));
                }
                "plain_text_input"
            }
        },
        InputKind::Number { .. } if modal => {
            fields.insert("is_decimal_allowed".to_owned(), json!(true));
            for (name, bound) in [("min_value", &input.min), ("max_value", &input.max)] {
                if let Some(bound) = bound.as_deref().filter(|bound| is_number(bound)) {
                    fields.insert(name.to_owned(), json!(bound));
                }
            }
            "number_input"
        }
        InputKind::Number { .. } => "plain_text_input",
        InputKind::Date => "datepicker",
        InputKind::Time => "timepicker",
        InputKind::Toggle { title, on, .. } => {
            return toggle(title, input, on);
        }
        InputKind::Choices {
            choices,
            multi,
            expanded,
        } if !choices.is_empty() => return choice(choices, *multi, *expanded, value),
        InputKind::Choices { .. } => "plain_text_input",
    };
    let initial = match kind {
        "datepicker" => {
            Some("initial_date").filter(|_| value.is_some_and(|text| shaped(text, "dddd-dd-dd")))
        }
        "timepicker" => {
            Some("initial_time").filter(|_| value.is_some_and(|text| shaped(text, "dd:dd")))
        }
        "number_input" => Some("initial_value").filter(|_| value.is_some_and(is_number)),
        _ => Some("initial_value"),
    };
    if let (Some(name), Some(value)) = (initial, value) {
        let most = usize::try_from(TEXT_CHARS).unwrap_or(usize::MAX);
        fields.insert(name.to_owned(), json!(shorten(value, most)));
    }
    fields.insert("type".to_owned(), json!(kind));
    Value::Object(fields)
}

fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// Whether a text has digits where the shape has a `d` and its other signs elsewhere.
fn shaped(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text
            .bytes()
            .zip(shape.bytes())
            .all(|(byte, meant)| match meant {
                b'd' => byte.is_ascii_digit(),
                other => byte == other,
            })
}

fn toggle(title: &str, input: &Input, on: &str) -> Value {
    let title = if title.trim().is_empty() {
        &input.label
    } else {
        title
    };
    // What comes back for yes is a word; a longer one than Slack takes comes back as it is cut.
    let option = option(title, &shorten(on, OPTION_VALUE_CHARS));
    let mut element = json!({"type": "checkboxes", "options": [option]});
    if input.value.as_deref() == Some(on)
        && let Some(fields) = element.as_object_mut()
    {
        fields.insert("initial_options".to_owned(), json!([option]));
    }
    element
}

fn option(title: &str, value: &str) -> Value {
    let value = if value.is_empty() { "true" } else { value };
    json!({"text": plain(title, OPTION_CHARS), "value": value})
}

fn choice(choices: &[(String, String)], multi: bool, expanded: bool, value: Option<&str>) -> Value {
    let mut seen = HashSet::new();
    let chosen: Vec<&str> = match value {
        Some(value) if multi => value.split(',').map(str::trim).collect(),
        Some(value) => vec![value],
        None => Vec::new(),
    };
    let (mut options, mut initial) = (Vec::new(), Vec::new());
    for (at, (title, value)) in choices.iter().enumerate() {
        if !seen.insert(value) {
            continue;
        }
        let carried = if fits(value) {
            value.clone()
        } else {
            dialog::choice_name(at)
        };
        let option = option(title, &carried);
        if chosen.contains(&value.as_str()) && (multi || initial.is_empty()) {
            initial.push(option.clone());
        }
        options.push(option);
    }
    let shown = expanded && options.len() <= SHOWN_OPTIONS;
    let kind = match (multi, shown) {
        (true, true) => "checkboxes",
        (true, false) => "multi_static_select",
        (false, true) => "radio_buttons",
        (false, false) => "static_select",
    };
    let mut fields = Map::new();
    fields.insert("type".to_owned(), json!(kind));
    if options.len() <= MENU_OPTIONS {
        fields.insert("options".to_owned(), json!(options));
    } else {
        let mut first = 1;
        let groups: Vec<Value> = options
            .chunks(MENU_OPTIONS)
            .take(MENU_OPTIONS)
            .map(|some| {
                let label = format!("{first}–{}", first + some.len() - 1);
                first += some.len();
                json!({"label": plain(&label, OPTION_CHARS), "options": some})
            })
            .collect();
        fields.insert("option_groups".to_owned(), json!(groups));
    }
    match initial.into_iter().next() {
        Some(one) if !multi => {
            fields.insert("initial_option".to_owned(), one);
        }
        Some(_) => {
            let all: Vec<Value> = options
                .into_iter()
                .filter(|option| {
                    let value = option
                        .get("value")
                        .and_then(Value::as_str)
                        .unwrap_or_default();
                    chosen.contains(&value)
                })
                .collect();
            if !all.is_empty() {
                fields.insert("initial_options".to_owned(), json!(all));
            }
        }
        None => {}
    }
    Value::Object(fields)
}

#[cfg(test)]
mod tests {
    use greentic_sdk::card::{inputs, parse};

    use super::*;

    fn read(input: &Value) -> Input {
        let card = json!({"type": "AdaptiveCard", "body": [input]}).to_string();
        (*inputs(&parse(&card).unwrap()).first().unwrap()).clone()
    }

    fn drawn(input: &Value, modal: bool) -> Value {
        block(&read(input), 0, modal)["element"].clone()
    }

    #[test]
    fn every_kind_of_input_has_its_element() {
        let choices = json!([{"title": "Red", "value": "r"}, {"title": "Blue", "value": "b"}]);
        for (input, in_message, in_modal) in [
            (
                json!({"type": "Input.Text", "id": "a"}),
                "plain_text_input",
                "plain_text_input",
            ),
            (
                json!({"type": "Input.Text", "id": "a", "style": "Email"}),
                "plain_text_input",
                "email_text_input",
            ),
            (
                json!({"type": "Input.Text", "id": "a", "style": "url"}),
                "plain_text_input",
                "url_text_input",
            ),
            (
                json!({"type": "Input.Number", "id": "a"}),
                "plain_text_input",
                "number_input",
            ),
            (
                json!({"type": "Input.Date", "id": "a"}),
                "datepicker",
                "datepicker",
            ),
            (
                json!({"type": "Input.Time", "id": "a"}),
                "timepicker",
                "timepicker",
            ),
            (
                json!({"type": "Input.Toggle", "id": "a", "title": "t"}),
                "checkboxes",
                "checkboxes",
            ),
            (
                json!({"type": "Input.ChoiceSet", "id": "a", "choices": choices}),
                "static_select",
                "static_select",
            ),
            (
                json!({"type": "Input.ChoiceSet", "id": "a", "choices": choices, "style": "expanded"}),
                "radio_buttons",
                "radio_buttons",
            ),
            (
                json!({"type": "Input.ChoiceSet", "id": "a", "choices": choices, "isMultiSelect": true}),
                "multi_static_select",
                "multi_static_select",
            ),
            (
                json!({"type": "Input.ChoiceSet", "id": "a", "choices": choices, "isMultiSelect": true, "style": "expanded"}),
                "checkboxes",
                "checkboxes",
            ),
            (
                json!({"type": "Input.ChoiceSet", "id": "a", "choices": []}),
                "plain_text_input",
                "plain_text_input",
            ),
        ] {
            assert_eq!(drawn(&input, false)["type"], in_message, "{input}");
            assert_eq!(drawn(&input, true)["type"], in_modal, "{input}");
            assert_eq!(drawn(&input, true)["action_id"], "a");
        }
    }

    #[test]
    fn what_stands_in_an_input_at_first_is_one_of_what_it_takes() {
        let choices = json!([{"title": "Red", "value": "r"}, {"title": "Blue", "value": "b"}, {"title": "Again", "value": "r"}]);
        let one = drawn(
            &json!({"type": "Input.ChoiceSet", "id": "a", "choices": choices, "value": "b"}),
            false,
        );
        assert_eq!(one["initial_option"], one["options"][1]);
        assert_eq!(
            one["options"].as_array().unwrap().len(),
            2,
            "a value stands once"
        );
        let many = drawn(
            &json!({"type": "Input.ChoiceSet", "id": "a", "choices": choices, "value": "r,b", "isMultiSelect": true}),
            false,
        );
        assert_eq!(many["initial_options"], many["options"]);
        let none = drawn(
            &json!({"type": "Input.ChoiceSet", "id": "a", "choices": choices, "value": "g"}),
            false,
        );
        assert_eq!(none.get("initial_option"), None);
        assert_eq!(
            drawn(
                &json!({"type": "Input.Date", "id": "a", "value": "2026-11-25"}),
                false
            )["initial_date"],
            "2026-11-25"
        );
        assert_eq!(
            drawn(
                &json!({"type": "Input.Date", "id": "a", "value": "today"}),
                false
            )
            .get("initial_date"),
            None
        );
        assert_eq!(
            drawn(
                &json!({"type": "Input.Number", "id": "a", "value": 3, "min": 1}),
                true
            )["min_value"],
            "1"
        );
        let on = drawn(
            &json!({"type": "Input.Toggle", "id": "a", "title": "t", "value": "yes", "valueOn": "yes"}),
            false,
        );
        assert_eq!(on["initial_options"], on["options"]);
    }

    #[test]
    fn long_menus_have_groups_and_long_values_need_a_modal_that_remembers_them() {
        let choices: Vec<Value> = (0..250)
            .map(|n| json!({"title": format!("t{n}"), "value": format!("v{n}")}))
            .collect();
        let menu = drawn(
            &json!({"type": "Input.ChoiceSet", "id": "a", "choices": choices, "style": "expanded"}),
            false,
        );
        let counts: Vec<usize> = menu["option_groups"]
            .as_array()
            .unwrap()
            .iter()
            .map(|group| group["options"].as_array().unwrap().len())
            .collect();
        assert_eq!(counts, [100, 100, 50]);
        let long = "v".repeat(151);
        let input = read(
            &json!({"type": "Input.ChoiceSet", "id": "a", "choices": [{"title": "x", "value": long}, {"title": "y", "value": "y"}]}),
        );
        assert!(needs_modal(&input));
        assert_eq!(check(&input, 0).values, [long, "y".to_owned()]);
        assert!(
            block(&input, 0, true)["element"]["options"][0]["value"]
                .as_str()
                .unwrap()
                .len()
                <= 150
        );
    }

    #[test]
    fn only_what_slack_or_nobody_checks_in_a_message_needs_a_modal() {
        for (input, modal) in [
            (
                json!({"type": "Input.Text", "id": "a", "isRequired": true, "maxLength": 10}),
                false,
            ),
            (json!({"type": "Input.Text", "id": "a", "regex": "x"}), true),
            (
                json!({"type": "Input.Text", "id": "a", "style": "Email"}),
                true,
            ),
            (json!({"type": "Input.Number", "id": "a"}), true),
            (json!({"type": "Input.Date", "id": "a"}), false),
            (
                json!({"type": "Input.Date", "id": "a", "min": "2026-01-01"}),
                true,
            ),
            (
                json!({"type": "Input.Toggle", "id": "a", "title": "t"}),
                false,
            ),
        ] {
            assert_eq!(needs_modal(&read(&input)), modal, "{input}");
        }
    }
}
