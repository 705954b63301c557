//! Payloads with templates, lowered from Handlebars text to a tree.
//!
//! The `handlebars` crate parses, so blocks, whitespace control and comments have its meaning; the tree reads the
//! turn's values in place instead of copying them into a rendering context. Text without braces is a literal and costs
//! a copy; a text that is exactly one path keeps the JSON type of what it names.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::path::Path;

/// A JSON payload in which texts may be templates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Payload {
    /// Nothing to fill in, at any depth.
    Literal(Value),
    /// Exactly one `{{path}}` or helper call: keeps the type of the value. An absent path yields "".
    Value(Term),
    /// Text with something to fill in.
    Text(Vec<Part>),
    /// A list with something to fill in.
    List(Vec<Payload>),
    /// An object with something to fill in; keys are never templates.
    Object(Vec<(String, Payload)>),
}

impl Default for Payload {
    fn default() -> Self {
        Self::Literal(Value::Null)
    }
}

/// A piece of a text template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Part {
    /// Copied as it is.
    Text(String),
    /// Rendered as text: nothing for null, JSON for lists and objects.
    Show(Term),
    /// `if`, `unless`, `ifEq`.
    If {
        /// What is tested for being truthy.
        test: Term,
        /// When it is.
        then: Vec<Part>,
        /// When it is not.
        otherwise: Vec<Part>,
    },
    /// `each` over a list or over an object's values.
    Each {
        /// What is visited.
        over: Term,
        /// Rendered for each element, with the element as context.
        body: Vec<Part>,
        /// When there is none.
        otherwise: Vec<Part>,
    },
    /// `with`: another context.
    With {
        /// The new context.
        value: Term,
        /// When it is truthy.
        body: Vec<Part>,
        /// When it is not.
        otherwise: Vec<Part>,
    },
}

/// Something that has a value in a template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Term {
    /// A constant.
    Literal(Value),
    /// A value of the flow.
    Path(Path),
    /// A value of a surrounding `each` or `with`.
    Block {
        /// Index of the block counted from the outermost.
        block: u32,
        /// Which of its values.
        part: BlockPart,
        /// Fields below it.
        steps: Vec<String>,
        /// Read instead when the element has no such field.
        fallback: Option<Path>,
    },
    /// A helper.
    Call(Helper, Vec<Term>),
}

/// Values a block brings along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BlockPart {
    /// The element, `this`.
    Item,
    /// `@index`, counted from 0.
    Index,
    /// `@key` of an object's field.
    Key,
    /// `@first`.
    First,
    /// `@last`.
    Last,
}

/// Helpers offered in templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Helper {
    /// `json x`: compact JSON text.
    Json,
    /// `default x y …`: the first that is neither absent nor empty.
    Default,
    /// `eq a b`, also `ifEq a b` as a block.
    Equal,
    /// `ne a b`.
    NotEqual,
    /// `lt a b`.
    Less,
    /// `lte a b`.
    AtMost,
    /// `gt a b`.
    More,
    /// `gte a b`.
    AtLeast,
    /// `and a b …`: all truthy.
    And,
    /// `or a b …`: one truthy.
    Or,
    /// `not a`.
    Not,
    /// `len x`: elements, keys or characters.
    Length,
    /// `lookup x key`.
    Lookup,
    /// `upper x`.
    Upper,
    /// `lower x`.
    Lower,
    /// `pick a b …`: one of them, by the turn's random seed.
    Pick,
}

impl Helper {
    /// The helper of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::TABLE
            .iter()
            .find(|(known, ..)| *known == name)
            .map(|(_, helper, ..)| *helper)
    }

    /// Name, helper, and fewest and most arguments.
    pub const TABLE: [(&'static str, Self, usize, usize); 16] = [
        ("json", Self::Json, 1, 1),
        ("default", Self::Default, 1, 16),
        ("eq", Self::Equal, 2, 2),
        ("ne", Self::NotEqual, 2, 2),
        ("lt", Self::Less, 2, 2),
        ("lte", Self::AtMost, 2, 2),
        ("gt", Self::More, 2, 2),
        ("gte", Self::AtLeast, 2, 2),
        ("and", Self::And, 1, 16),
        ("or", Self::Or, 1, 16),
        ("not", Self::Not, 1, 1),
        ("len", Self::Length, 1, 1),
        ("lookup", Self::Lookup, 2, 2),
        ("upper", Self::Upper, 1, 1),
        ("lower", Self::Lower, 1, 1),
        ("pick", Self::Pick, 1, 16),
    ];
}
