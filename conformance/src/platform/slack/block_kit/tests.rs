//! Blocks within Slack's limits and beyond them.

use serde_json::json;

use super::*;

#[test]
fn blocks_within_the_limits_pass_and_each_breach_is_named_with_its_place() {
    let plain = |text: &str| json!({"type": "plain_text", "text": text});
    let long = |n: usize| "x".repeat(n);
    let button = |title: &str, value: &str| json!({"type": "button", "action_id": "a", "text": plain(title), "value": value});
    let input = |element: Value| json!({"type": "input", "label": plain("l"), "element": element});
    let option = |value: &str| json!({"text": plain("o"), "value": value});
    for (block, fault) in [
        (json!({"type": "section", "text": plain("a")}), None),
        (
            json!({"type": "section", "text": plain(&long(3001))}),
            Some("less than 3001"),
        ),
        (
            json!({"type": "section", "text": plain("")}),
            Some("more than 0"),
        ),
        (
            json!({"type": "section"}),
            Some("missing required field: text"),
        ),
        (
            json!({"type": "header", "text": {"type": "mrkdwn", "text": "a"}}),
            Some("text object"),
        ),
        (
            json!({"type": "actions", "elements": [button("t", "v")]}),
            None,
        ),
        (
            json!({"type": "actions", "elements": [button(&long(76), "v")]}),
            Some("less than 76"),
        ),
        (
            json!({"type": "actions", "elements": [button("t", &long(2001))]}),
            Some("less than 2001"),
        ),
        (json!({"type": "actions", "elements": []}), Some("1 to 25")),
        (
            json!({"type": "actions", "elements": [button("t", "v"), button("u", "v")]}),
            Some("unique"),
        ),
        (
            input(json!({"type": "plain_text_input", "action_id": "a"})),
            None,
        ),
        (
            input(json!({"type": "number_input", "is_decimal_allowed": true})),
            Some("not supported in messages"),
        ),
        (
            input(json!({"type": "checkboxes", "options": [option("a"), option("a")]})),
            Some("unique"),
        ),
        (
            input(
                json!({"type": "radio_buttons", "options": [option("a")], "initial_option": option("b")}),
            ),
            Some("not among"),
        ),
        (
            input(json!({"type": "datepicker", "initial_date": "tomorrow"})),
            Some("dddd-dd-dd"),
        ),
        (
            json!({"type": "image", "image_url": "data:x", "alt_text": "a"}),
            Some("invalid image_url"),
        ),
        (
            json!({"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "a", "style": {"bold": true}}]}]}),
            None,
        ),
        (
            json!({"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": ""}]}]}),
            Some("more than 0"),
        ),
        (
            json!({"type": "hologram"}),
            Some("unsupported type: hologram"),
        ),
    ] {
        let faults = faults(&json!([block]), Surface::Message);
        match fault {
            None => assert!(faults.is_empty(), "{faults:?}"),
            Some(fault) => assert!(
                faults
                    .iter()
                    .any(|one| one.contains(fault) && one.contains("/blocks/0")),
                "{block}: {faults:?}"
            ),
        }
    }
    let many: Vec<Value> = (0..51).map(|_| json!({"type": "divider"})).collect();
    assert!(faults(&json!(many), Surface::Message)[0].contains("no more than 50"));
    assert!(faults(&json!(many), Surface::Modal).is_empty());
    let twice = json!([{"type": "divider", "block_id": "b"}, {"type": "divider", "block_id": "b"}]);
    assert!(faults(&twice, Surface::Message)[0].contains("unique"));
}
