//! What flows say, as messages of the platform.

mod buttons;
mod card;
mod deliver;
mod file;
mod form;
mod marks;
mod recipient;
mod render;
mod template;
mod text;

pub use deliver::deliver;

use greentic_sdk::channel::Downgrade;
use greentic_sdk::model::Attachment;
use serde_json::Value;

use crate::form::Form;

/// One message of the platform.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The message's `type`.
    pub kind: &'static str,
    /// The field of that name.
    pub body: Value,
    /// A file that has to be handed in first; its identifier goes into the body.
    pub file: Option<Attachment>,
}

impl Part {
    /// A message without a file of its own.
    pub fn new(kind: &'static str, body: Value) -> Self {
        Self {
            kind,
            body,
            file: None,
        }
    }
}

/// What becomes of one thing to send.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rendered {
    /// In the order in which they are sent.
    pub parts: Vec<Part>,
    /// What is sent otherwise than asked for.
    pub downgrades: Vec<Downgrade>,
    /// What buttons mean that say it not themselves: name and content for the memory.
    pub keep: Vec<(String, String)>,
    /// The form the last part asks.
    pub form: Option<Form>,
    /// The whole as one text, for a template.
    pub plain: String,
}

impl Rendered {
    /// Notes that something is sent otherwise than asked for.
    pub fn downgrade(&mut self, feature: &str, instead: impl Into<String>) {
        let downgrade = Downgrade {
            feature: feature.to_owned(),
            instead: instead.into(),
        };
        if !self.downgrades.contains(&downgrade) {
            self.downgrades.push(downgrade);
        }
    }
}

#[cfg(test)]
mod tests;
