//! The JSON Schema of the bundle, for editors: made from the shapes the reader uses.

use serde_json::{Map, Value, json};

use crate::limits::Unit;
use crate::read::BUNDLE;
use crate::shape::{Field, Kind, Shape};

/// The JSON Schema (2020-12) of a bundle, with a description for every key.
#[must_use]
pub fn schema() -> Value {
    let mut defs = Map::new();
    let root = table(BUNDLE, &mut defs);
    let mut out = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "greentic-host bundle",
    });
    if let (Value::Object(out), Value::Object(root)) = (&mut out, root) {
        out.extend(root);
        out.insert("$defs".to_owned(), Value::Object(defs));
    }
    out
}

fn table(shape: &'static Shape, defs: &mut Map<String, Value>) -> Value {
    let properties: Map<_, _> = shape
        .fields
        .iter()
        .map(|one| (one.key.to_owned(), property(one, defs)))
        .collect();
    let required: Vec<_> = shape
        .fields
        .iter()
        .filter(|one| one.required)
        .map(|one| one.key)
        .collect();
    json!({
        "description": shape.doc,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn reference(shape: &'static Shape, defs: &mut Map<String, Value>) -> Value {
    if !defs.contains_key(shape.name) {
        // Set first, so that a shape that holds itself would end.
        defs.insert(shape.name.to_owned(), Value::Null);
        let made = table(shape, defs);
        defs.insert(shape.name.to_owned(), made);
    }
    json!({ "$ref": format!("#/$defs/{}", shape.name) })
}

fn property(field: &Field, defs: &mut Map<String, Value>) -> Value {
    let mut made = match field.kind {
        Kind::Text => json!({ "type": "string" }),
        Kind::Texts => {
            json!({ "type": "array", "items": { "type": "string" }, "uniqueItems": true })
        }
        Kind::Id => id(),
        Kind::Ids => json!({ "type": "array", "items": id(), "uniqueItems": true }),
        Kind::Flag => or_variable(json!({ "type": "boolean" })),
        Kind::Number => or_variable(json!({ "type": "number" })),
        Kind::Time => or_variable(json!({ "type": "string", "pattern": TIME })),
        Kind::Limit(limit) => {
            let mut made = or_variable(match limit.unit {
                Unit::Time => json!({ "type": "string", "pattern": TIME }),
                Unit::Size => json!({ "type": "string", "pattern": "^[0-9]+ *(B|[KMG]i?B)$" }),
                Unit::Count => {
                    json!({ "type": "integer", "minimum": limit.min, "maximum": limit.max })
                }
            });
            set(
                &mut made,
                "default",
                match limit.unit {
                    Unit::Count => json!(limit.default),
                    unit => json!(unit.show(limit.default)),
                },
            );
            made
        }
        Kind::Socket => json!({ "type": "string", "examples": ["127.0.0.1:8080"] }),
        Kind::Word(words) => or_variable(json!({ "enum": words })),
        Kind::Exactly(number) => json!({ "const": number }),
        Kind::Any => json!({ "type": "object" }),
        Kind::Table(shape) => reference(shape, defs),
        Kind::Named(shape) => {
            let entry = reference(shape, defs);
            json!({ "type": "object", "propertyNames": { "pattern": ID }, "additionalProperties": entry })
        }
        Kind::Tables(shape) => json!({ "type": "array", "items": reference(shape, defs) }),
    };
    set(&mut made, "description", json!(field.doc));
    made
}

const TIME: &str = "^[0-9]+ *(ms|s|m|h|d)$";
const ID: &str = "^[a-z0-9][a-z0-9_-]{0,63}$";

fn id() -> Value {
    or_variable(json!({ "type": "string", "pattern": ID }))
}

/// A value, or a text with a variable in it.
fn or_variable(value: Value) -> Value {
    json!({ "anyOf": [value, { "type": "string", "pattern": "\\$\\{" }] })
}

fn set(object: &mut Value, key: &str, value: Value) {
    if let Value::Object(object) = object {
        object.insert(key.to_owned(), value);
    }
}
