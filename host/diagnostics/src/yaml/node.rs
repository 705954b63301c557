//! The tree.

use indexmap::IndexMap;
use serde_json::Number;

use super::scalar;
use crate::Span;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Its place. Of a block mapping or sequence: from the first key or dash to the end of the last value. Of a value
    /// that was left out (`key:`): the key. Of an aliased value: the place where it was written out.
    pub span: Span,
    /// What it is.
    pub value: Value,
    /// How it was written; only scalars differ from `Plain`.
    pub written: Written,
}

/// How a scalar was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// Bare: its type follows from its look.
    Plain,
    /// In quotes or as a block: always text.
    Quoted,
    /// Its text came from outside the file ([`Node::fill`]). It reads as whatever type is asked for, and no message
    /// shows it, because it may be a secret.
    Filled(String),
}

/// A YAML value by the core schema.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`, `~`, or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A finite number.
    Number(Number),
    /// Text.
    String(String),
    /// A list.
    Sequence(Vec<Node>),
    /// A mapping.
    Mapping(Mapping),
}

/// A mapping in the order it was written.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Mapping(pub(super) IndexMap<String, Entry>);

/// One key and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The place of the key.
    pub key_span: Span,
    /// The value.
    pub node: Node,
}

impl Mapping {
    /// The entry of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.0.get(key)
    }

    /// Keys and entries in the order they were written.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &Entry)> {
        self.0.iter().map(|(key, entry)| (key.as_str(), entry))
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Node {
    /// A null at the start of the text: what an empty document is.
    #[must_use]
    pub fn null() -> Self {
        Self {
            span: Span::default(),
            value: Value::Null,
            written: Written::Plain,
        }
    }

    /// The mapping, when it is one.
    #[must_use]
    pub fn as_mapping(&self) -> Option<&Mapping> {
        match &self.value {
            Value::Mapping(mapping) => Some(mapping),
            _ => None,
        }
    }

    /// The list, when it is one.
    #[must_use]
    pub fn as_sequence(&self) -> Option<&[Node]> {
        match &self.value {
            Value::Sequence(list) => Some(list),
            _ => None,
        }
    }

    /// The text, when it is text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match (&self.written, &self.value) {
            (Written::Filled(text), _) | (_, Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// The value of a key, when this is a mapping that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_mapping()?.get(key).map(|entry| &entry.node)
    }

    /// The same value as JSON, key order kept.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Number(value) => Json::Number(value.clone()),
            Value::String(value) => Json::String(value.clone()),
            Value::Sequence(list) => Json::Array(list.iter().map(Node::to_json).collect()),
            Value::Mapping(mapping) => Json::Object(
                mapping
                    .iter()
                    .map(|(key, entry)| (key.to_owned(), entry.node.to_json()))
                    .collect(),
            ),
        }
    }

    /// Replaces a scalar's text by one from outside the file, such as an environment variable. What was written bare
    /// is typed anew by its look; what was quoted stays text.
    pub fn fill(&mut self, text: String) {
        self.value = match self.written {
            Written::Plain => scalar::resolve(&text).unwrap_or_else(|| Value::String(text.clone())),
            _ => Value::String(text.clone()),
        };
        self.written = Written::Filled(text);
    }

    /// Calls `change` with every scalar value (not key) in this tree.
    pub fn for_each_scalar_mut(&mut self, change: &mut impl FnMut(&mut Node)) {
        match &mut self.value {
            Value::Sequence(list) => list
                .iter_mut()
                .for_each(|node| node.for_each_scalar_mut(change)),
            Value::Mapping(mapping) => {
                mapping
                    .0
                    .values_mut()
                    .for_each(|entry| entry.node.for_each_scalar_mut(change));
            }
            _ => change(self),
        }
    }

    /// What a reader found here, for "expected X, found …". Values from outside the file are not shown.
    #[must_use]
    pub fn describe(&self) -> String {
        if matches!(self.written, Written::Filled(_)) {
            return "something else in the variable's value".to_owned();
        }
        match &self.value {
            Value::Null => "nothing".to_owned(),
            Value::Bool(value) => format!("`{value}`"),
            Value::Number(value) => format!("the number {value}"),
            Value::String(text) if text.chars().count() <= 40 && !text.contains('\n') => {
                format!("the text `{text}`")
            }
            Value::String(_) => "a long text".to_owned(),
            Value::Sequence(_) => "a list".to_owned(),
            Value::Mapping(_) => "a table of keys".to_owned(),
        }
    }
}
