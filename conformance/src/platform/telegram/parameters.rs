//! The parameters of a method: query, form, JSON or multipart, all the same to the Bot API. In forms and parts, what is not a text
//! is JSON in a text.

use serde_json::Value;

use super::refusal::Refused;
use crate::platform::{Call, Part};

/// The parameters of a call.
#[derive(Debug, Default)]
pub struct Parameters {
    fields: Vec<(String, Value)>,
    files: Vec<Part>,
}

impl Parameters {
    /// Reads them.
    pub fn of(call: &Call) -> Result<Self, Refused> {
        let mut all = Self::default();
        let text = |(name, value): (String, String)| (name, Value::String(value));
        all.fields.extend(call.query().into_iter().map(text));
        let kind = call.header("content-type").unwrap_or_default();
        if call.body.is_empty() {
            return Ok(all);
        }
        if kind.starts_with("application/json") {
            let body = call.json().map_err(|error| {
                Refused::wrong("not-json", format!("can't parse JSON object: {error}"))
            })?;
            all.fields.extend(Self::of_json(&body)?.fields);
        } else if kind.starts_with("multipart/form-data") {
            let parts = call
                .multipart()
                .map_err(|error| Refused::wrong("not-multipart", error))?;
            for part in parts {
                if part.file_name.is_some() {
                    all.files.push(part);
                } else {
                    let value = String::from_utf8_lossy(&part.bytes).into_owned();
                    all.fields.push((part.name, Value::String(value)));
                }
            }
        } else if kind.starts_with("application/x-www-form-urlencoded") {
            all.fields.extend(call.form().into_iter().map(text));
        } else {
            return Err(Refused::wrong(
                "content-type",
                format!("unsupported content type {kind}"),
            ));
        }
        Ok(all)
    }

    /// Those of a JSON object, as they stand in a webhook's answer.
    pub fn of_json(body: &Value) -> Result<Self, Refused> {
        let fields = body
            .as_object()
            .ok_or_else(|| Refused::wrong("not-json", "object expected as parameters"))?;
        Ok(Self {
            fields: fields
                .iter()
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            files: Vec::new(),
        })
    }

    fn raw(&self, name: &str) -> Option<&Value> {
        let found = self.fields.iter().find(|(other, _)| other == name);
        found
            .map(|(_, value)| value)
            .filter(|value| !value.is_null())
    }

    /// A text; numbers and truth values are texts too.
    pub fn text(&self, name: &str) -> Option<String> {
        match self.raw(name)? {
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }

    /// A text that must be there.
    pub fn needed(&self, name: &'static str) -> Result<String, Refused> {
        self.text(name)
            .filter(|text| !text.is_empty())
            .ok_or_else(|| {
                Refused::wrong("field-missing", format!("parameter \"{name}\" is required"))
            })
    }

    /// A whole number.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.text(name)?.parse().ok()
    }

    /// Something of several parts, which in forms is JSON in a text.
    pub fn json(&self, name: &str) -> Result<Option<Value>, Refused> {
        match self.raw(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => serde_json::from_str(text)
                .map(Some)
                .map_err(|_| Refused::wrong("not-json", format!("can't parse {name} JSON object"))),
            Some(value) => Ok(Some(value.clone())),
        }
    }

    /// A file that was uploaded under a name, also by `attach://`.
    pub fn file(&self, name: &str) -> Option<&Part> {
        let text = self.text(name);
        let name = text
            .as_deref()
            .and_then(|text| text.strip_prefix("attach://"))
            .unwrap_or(name);
        self.files.iter().find(|part| part.name == name)
    }
}
