//! The `slot_schema` of a flow.

use greentic_diagnostics::{Node, Report, Table};

use crate::ir::{Slot, SlotType};

const TYPES: [&str; 5] = ["string", "enum", "number", "date", "boolean"];

/// Reads the slots; reports what is wrong.
pub fn read(list: &[Node], report: &Report) -> Vec<Slot> {
    let mut slots: Vec<Slot> = Vec::with_capacity(list.len());
    for node in list {
        let Some(slot) = read_one(node, report) else {
            continue;
        };
        if slots.iter().any(|known| known.name == slot.name) {
            let span = node.get("name").map_or(node.span, |name| name.span);
            report.error(
                span,
                "duplicate-slot",
                format!("the slot `{}` is declared twice", slot.name),
            );
            continue;
        }
        slots.push(slot);
    }
    slots
}

fn read_one(node: &Node, report: &Report) -> Option<Slot> {
    let table = Table::new(node, report)?;
    let name = table.required_str("name");
    let slot_type = match table.required("slot_type") {
        Some(slot_type) => slot_type.expect_choice(report, &TYPES),
        None => None,
    };
    let pattern = table.str("pattern");
    let values = table.strings("enum_values");
    let required = table
        .bool("required")
        .is_some_and(|required| required.value);
    let default = table.json("default_value");
    let _description = table.str("description");
    let span = table.span();
    table.finish();
    let accepts = match slot_type?.value {
        "string" => {
            let Some(pattern) = pattern else {
                report
                    .error(
                        span,
                        "bad-slot",
                        "a slot of type `string` needs a `pattern`",
                    )
                    .help("write `pattern: \".+\"` to take any text");
                return None;
            };
            if let Err(error) = regex_lite::Regex::new(&pattern.value) {
                report.error(
                    pattern.span,
                    "bad-slot",
                    format!("the pattern is wrong: {error}"),
                );
                return None;
            }
            SlotType::Text(pattern.value)
        }
        "enum" => {
            let values: Vec<String> = values
                .unwrap_or_default()
                .into_iter()
                .map(|value| value.value)
                .collect();
            if values.is_empty() {
                report.error(
                    span,
                    "bad-slot",
                    "a slot of type `enum` needs at least one of `enum_values`",
                );
                return None;
            }
            SlotType::Enum(values)
        }
        "number" => SlotType::Number,
        "date" => SlotType::Date,
        _ => SlotType::Boolean,
    };
    Some(Slot {
        name: name?.value,
        accepts,
        required,
        default: default.map(|default| default.value),
    })
}
