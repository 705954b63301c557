//! What the platform demands of the fields of a message. Each breach is a violation and the platform's own error.

use serde_json::Value;

use super::errors;
use crate::platform::{Answer, Desk};

/// Looks at fields and complains at a desk.
#[derive(Clone, Copy)]
pub struct Shape<'a> {
    /// Where breaches are written down.
    pub desk: &'a Desk,
}

impl Shape<'_> {
    /// A field that has to be there and is not.
    pub fn missing(self, field: &str) -> Answer {
        self.desk.violation("field-missing", field);
        errors::missing(field)
    }

    /// A value that cannot be.
    pub fn invalid(self, name: &str, detail: impl Into<String>) -> Answer {
        let detail = detail.into();
        self.desk.violation(name, detail.clone());
        errors::invalid(&detail)
    }

    /// A member that has to be there.
    pub fn member<'v>(self, value: &'v Value, name: &str) -> Result<&'v Value, Answer> {
        value
            .get(name)
            .filter(|member| !member.is_null())
            .ok_or_else(|| self.missing(name))
    }

    /// A text of 1 to `most` characters that has to be there.
    pub fn text<'v>(self, value: &'v Value, name: &str, most: usize) -> Result<&'v str, Answer> {
        let text = self
            .member(value, name)?
            .as_str()
            .ok_or_else(|| self.invalid("field-type", format!("{name} is a string")))?;
        let length = text.chars().count();
        if length == 0 || length > most {
            let detail = format!("{name} has {length} characters; 1 to {most} are possible");
            return Err(self.invalid("text-length", detail));
        }
        Ok(text)
    }

    /// The same where it may be left out.
    pub fn optional<'v>(
        self,
        value: &'v Value,
        name: &str,
        most: usize,
    ) -> Result<Option<&'v str>, Answer> {
        match value.get(name) {
            None => Ok(None),
            Some(_) => self.text(value, name, most).map(Some),
        }
    }

    /// A list of 1 to `most` that has to be there.
    pub fn list<'v>(
        self,
        value: &'v Value,
        name: &str,
        most: usize,
    ) -> Result<&'v Vec<Value>, Answer> {
        let list = self
            .member(value, name)?
            .as_array()
            .ok_or_else(|| self.invalid("field-type", format!("{name} is a list")))?;
        if list.is_empty() || list.len() > most {
            let detail = format!("{name} has {} items; 1 to {most} are possible", list.len());
            return Err(self.invalid("list-length", detail));
        }
        Ok(list)
    }

    /// Nothing may be there but these.
    pub fn only(self, value: &Value, names: &[&str]) -> Result<(), Answer> {
        let stranger = value
            .as_object()
            .and_then(|fields| fields.keys().find(|name| !names.contains(&name.as_str())));
        match stranger {
            None => Ok(()),
            Some(name) => Err(self.invalid("unknown-field", name.clone())),
        }
    }

    /// No two are the same.
    pub fn distinct(self, what: &str, texts: &[&str]) -> Result<(), Answer> {
        for (at, text) in texts.iter().enumerate() {
            if texts.iter().take(at).any(|other| other == text) {
                return Err(self.invalid("duplicate", format!("two {what} are `{text}`")));
            }
        }
        Ok(())
    }
}
