//! What a person filled in: `state.values` of a message or a view, by block and by action
//! (docs.slack.dev/reference/interaction-payloads).
//!
//! Answers have the form an Adaptive Card's inputs have: texts, several choices joined by commas, nothing for what was left empty.

use serde_json::{Map, Value};

use crate::fields;

/// Begins the `block_id` of a toggle; what it says when it is off follows.
pub const TOGGLE: &str = "gt-toggle-";

/// The answers by the inputs' ids.
pub fn answers(values: &Value) -> Map<String, Value> {
    let mut answers = Map::new();
    for (block, elements) in values.as_object().into_iter().flatten() {
        for (id, element) in elements.as_object().into_iter().flatten() {
            let answer = answer(element).or_else(|| off(block));
            if let Some(answer) = answer {
                answers.insert(id.clone(), Value::from(answer));
            }
        }
    }
    answers
}

/// What a toggle says when it is off, which Slack does not send. A required one must be on and has no such value.
fn off(block: &str) -> Option<String> {
    let (_, value) = block.strip_prefix(TOGGLE)?.split_once(':')?;
    (!value.is_empty()).then(|| value.to_owned())
}

/// The answer of one element; `None` where nothing was chosen or written.
pub fn answer(element: &Value) -> Option<String> {
    let one = [
        "/value",
        "/selected_date",
        "/selected_time",
        "/selected_option/value",
        "/selected_user",
        "/selected_channel",
        "/selected_conversation",
    ];
    if let Some(text) = fields::first(element, &one) {
        return Some(text.to_owned());
    }
    if let Some(number) = element.get("selected_date_time").and_then(Value::as_i64) {
        return Some(number.to_string());
    }
    let many = [
        ("/selected_options", "/value"),
        ("/selected_users", ""),
        ("/selected_channels", ""),
        ("/selected_conversations", ""),
        ("/files", "/id"),
    ];
    many.iter().find_map(|(list, item)| {
        let chosen: Vec<&str> = fields::list(element, list)
            .iter()
            .filter_map(|one| fields::text(one, item))
            .collect();
        (!chosen.is_empty()).then(|| chosen.join(","))
    })
}

/// The labels of a message's required inputs that were left empty. A message does not insist on them as a modal does.
pub fn missing<'a>(blocks: &'a [Value], values: &Value) -> Vec<&'a str> {
    let empty = |block: &Value| {
        let place = fields::text(block, "/block_id")
            .and_then(|id| values.get(id))
            .and_then(|elements| elements.get(fields::text(block, "/element/action_id")?));
        place.and_then(answer).is_none()
    };
    blocks
        .iter()
        .filter(|block| {
            fields::text(block, "/type") == Some("input") && !fields::flag(block, "/optional")
        })
        .filter(|block| empty(block))
        .map(|block| fields::text(block, "/label/text").unwrap_or("?"))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_of_input_gives_its_text() {
        for (element, meant) in [
            (json!({"type": "plain_text_input", "value": "x"}), Some("x")),
            (json!({"type": "plain_text_input", "value": null}), None),
            (json!({"type": "number_input", "value": "3.5"}), Some("3.5")),
            (
                json!({"type": "datepicker", "selected_date": "2026-11-25"}),
                Some("2026-11-25"),
            ),
            (
                json!({"type": "timepicker", "selected_time": "09:30"}),
                Some("09:30"),
            ),
            (
                json!({"type": "datetimepicker", "selected_date_time": 1_700_000_000}),
                Some("1700000000"),
            ),
            (
                json!({"type": "static_select", "selected_option": {"value": "a"}}),
                Some("a"),
            ),
            (
                json!({"type": "static_select", "selected_option": null}),
                None,
            ),
            (
                json!({"type": "checkboxes", "selected_options": [{"value": "a"}, {"value": "b"}]}),
                Some("a,b"),
            ),
            (json!({"type": "checkboxes", "selected_options": []}), None),
            (
                json!({"type": "multi_users_select", "selected_users": ["U1", "U2"]}),
                Some("U1,U2"),
            ),
            (
                json!({"type": "users_select", "selected_user": "U1"}),
                Some("U1"),
            ),
            (
                json!({"type": "file_input", "files": [{"id": "F1"}]}),
                Some("F1"),
            ),
            (json!("nonsense"), None),
        ] {
            assert_eq!(answer(&element).as_deref(), meant, "{element}");
        }
    }

    #[test]
    fn a_toggle_that_is_off_says_so_and_a_required_one_says_nothing() {
        let off = json!({"type": "checkboxes", "selected_options": []});
        let values = json!({
            "gt-toggle-0:no": {"news": off}, "gt-toggle-1:": {"terms": off}, "b": {"t": {"value": "x"}, "u": {"value": ""}},
        });
        assert_eq!(
            Value::from(answers(&values)),
            json!({"news": "no", "t": "x"})
        );
        for values in [json!(null), json!([]), json!({"b": 1})] {
            assert!(answers(&values).is_empty());
        }
    }

    #[test]
    fn required_inputs_left_empty_are_named() {
        let input = |block: &str, optional: bool| json!({"type": "input", "block_id": block, "optional": optional, "label": {"text": block}, "element": {"action_id": "a"}});
        let blocks = [
            input("one", false),
            input("two", true),
            input("three", false),
            json!({"type": "section"}),
            input("four", false),
        ];
        let values =
            json!({"one": {"a": {"value": "x"}}, "two": {"a": {}}, "three": {"a": {"value": ""}}});
        assert_eq!(missing(&blocks, &values), ["three", "four"]);
    }
}
