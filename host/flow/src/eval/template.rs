//! Renders payloads.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::number::{compare_numbers, same};
use super::{NULL, Scope};
use crate::ir::{BlockPart, Helper, Part, Payload, Term, follow};

/// Longest text one payload may render to, in bytes.
pub const MAX_RENDERED: usize = 256 * 1024;

/// Why a payload has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The text grew past [`MAX_RENDERED`].
    #[error("the rendered payload is larger than {MAX_RENDERED} bytes")]
    TooLarge,
}

/// Fills in a payload.
///
/// # Errors
/// When the result is too large.
pub fn render(payload: &Payload, scope: &Scope<'_>) -> Result<Value, TemplateError> {
    let mut run = Run {
        scope,
        blocks: Vec::new(),
        written: 0,
    };
    run.payload(payload)
}

/// A value as text: nothing for null, JSON for lists and objects.
#[must_use]
pub fn as_text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::Null => Cow::Borrowed(""),
        Value::Bool(true) => Cow::Borrowed("true"),
        Value::Bool(false) => Cow::Borrowed("false"),
        other => Cow::Owned(other.to_string()),
    }
}

/// Truthiness as Handlebars has it: null, false, 0, "", an empty list and an empty object are not.
#[must_use]
pub fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64().is_some_and(|number| number != 0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

struct Block<'a> {
    item: Cow<'a, Value>,
    key: Option<&'a str>,
    index: usize,
    last: bool,
}

struct Run<'s, 'a> {
    scope: &'s Scope<'a>,
    blocks: Vec<Block<'a>>,
    written: usize,
}

impl<'a> Run<'_, 'a> {
    fn payload(&mut self, payload: &'a Payload) -> Result<Value, TemplateError> {
        Ok(match payload {
            Payload::Literal(value) => value.clone(),
            Payload::Value(term) => match self.term(term).into_owned() {
                Value::Null => Value::String(String::new()),
                value => value,
            },
            Payload::Text(parts) => {
                let mut text = String::new();
                self.parts(parts, &mut text)?;
                Value::String(text)
            }
            Payload::List(items) => Value::Array(
                items
                    .iter()
                    .map(|item| self.payload(item))
                    .collect::<Result<_, _>>()?,
            ),
            Payload::Object(fields) => {
                let mut map = Map::with_capacity(fields.len());
                for (name, value) in fields {
                    map.insert(name.clone(), self.payload(value)?);
                }
                Value::Object(map)
            }
        })
    }

    fn parts(&mut self, parts: &'a [Part], text: &mut String) -> Result<(), TemplateError> {
        for part in parts {
            match part {
                Part::Text(piece) => self.write(text, piece)?,
                Part::Show(term) => {
                    let value = self.term(term);
                    self.write(text, &as_text(&value))?;
                }
                Part::If {
                    test,
                    then,
                    otherwise,
                } => {
                    let branch = if truthy(&self.term(test)) {
                        then
                    } else {
                        otherwise
                    };
                    self.parts(branch, text)?;
                }
                Part::With {
                    value,
                    body,
                    otherwise,
                } => {
                    let item = self.term(value);
                    if truthy(&item) {
                        self.block(
                            Block {
                                item,
                                key: None,
                                index: 0,
                                last: true,
                            },
                            body,
                            text,
                        )?;
                    } else {
                        self.parts(otherwise, text)?;
                    }
                }
                Part::Each {
                    over,
                    body,
                    otherwise,
                } => self.each(over, body, otherwise, text)?,
            }
        }
        Ok(())
    }

    fn each(
        &mut self,
        over: &'a Term,
        body: &'a [Part],
        otherwise: &'a [Part],
        text: &mut String,
    ) -> Result<(), TemplateError> {
        let over = self.term(over);
        match over {
            Cow::Borrowed(Value::Array(list)) if !list.is_empty() => {
                for (index, item) in list.iter().enumerate() {
                    let last = index + 1 == list.len();
                    self.block(
                        Block {
                            item: Cow::Borrowed(item),
                            key: None,
                            index,
                            last,
                        },
                        body,
                        text,
                    )?;
                }
            }
            Cow::Owned(Value::Array(list)) if !list.is_empty() => {
                let count = list.len();
                for (index, item) in list.into_iter().enumerate() {
                    let last = index + 1 == count;
                    self.block(
                        Block {
                            item: Cow::Owned(item),
                            key: None,
                            index,
                            last,
                        },
                        body,
                        text,
                    )?;
                }
            }
            Cow::Borrowed(Value::Object(map)) if !map.is_empty() => {
                for (index, (key, item)) in map.iter().enumerate() {
                    let last = index + 1 == map.len();
                    self.block(
                        Block {
                            item: Cow::Borrowed(item),
                            key: Some(key),
                            index,
                            last,
                        },
                        body,
                        text,
                    )?;
                }
            }
            _ => self.parts(otherwise, text)?,
        }
        Ok(())
    }

    fn block(
        &mut self,
        block: Block<'a>,
        body: &'a [Part],
        text: &mut String,
    ) -> Result<(), TemplateError> {
        self.blocks.push(block);
        let outcome = self.parts(body, text);
        self.blocks.pop();
        outcome
    }

    fn write(&mut self, text: &mut String, piece: &str) -> Result<(), TemplateError> {
        self.written = self.written.saturating_add(piece.len());
        if self.written > MAX_RENDERED {
            return Err(TemplateError::TooLarge);
        }
        text.push_str(piece);
        Ok(())
    }

    fn term(&self, term: &'a Term) -> Cow<'a, Value> {
        match term {
            Term::Literal(value) => Cow::Borrowed(value),
            Term::Path(path) => Cow::Borrowed(self.scope.find(path).unwrap_or(&NULL)),
            Term::Block {
                block,
                part,
                steps,
                fallback,
            } => {
                let fallback = || {
                    fallback
                        .as_ref()
                        .and_then(|path| self.scope.find(path))
                        .unwrap_or(&NULL)
                };
                let Some(block) = usize::try_from(*block)
                    .ok()
                    .and_then(|block| self.blocks.get(block))
                else {
                    return Cow::Borrowed(fallback());
                };
                match part {
                    BlockPart::Item => match &block.item {
                        Cow::Borrowed(item) => {
                            Cow::Borrowed(follow(item, steps).unwrap_or_else(fallback))
                        }
                        Cow::Owned(item) => follow(item, steps)
                            .map_or_else(|| Cow::Borrowed(fallback()), |v| Cow::Owned(v.clone())),
                    },
                    BlockPart::Index => Cow::Owned(block.index.into()),
                    BlockPart::Key => Cow::Owned(block.key.map_or(Value::Null, Value::from)),
                    BlockPart::First => Cow::Owned((block.index == 0).into()),
                    BlockPart::Last => Cow::Owned(block.last.into()),
                }
            }
            Term::Call(helper, arguments) => self.call(*helper, arguments),
        }
    }

    fn call(&self, helper: Helper, arguments: &'a [Term]) -> Cow<'a, Value> {
        let argument = |at: usize| {
            arguments
                .get(at)
                .map_or(Cow::Borrowed(&NULL), |term| self.term(term))
        };
        let compare = |accept: fn(std::cmp::Ordering) -> bool| {
            let (left, right) = (argument(0), argument(1));
            let ordering = compare_numbers(&left, &right)
                .or_else(|| Some(left.as_str()?.cmp(right.as_str()?)));
            Cow::Owned(Value::Bool(ordering.is_some_and(accept)))
        };
        let flag = |value: bool| Cow::Owned(Value::Bool(value));
        match helper {
            Helper::Json => Cow::Owned(Value::String(argument(0).to_string())),
            Helper::Default => arguments
                .iter()
                .map(|term| self.term(term))
                .find(|value| !value.is_null() && value.as_str() != Some(""))
                .unwrap_or(Cow::Borrowed(&NULL)),
            Helper::Equal => flag(same(&argument(0), &argument(1))),
            Helper::NotEqual => flag(!same(&argument(0), &argument(1))),
            Helper::Less => compare(std::cmp::Ordering::is_lt),
            Helper::AtMost => compare(std::cmp::Ordering::is_le),
            Helper::More => compare(std::cmp::Ordering::is_gt),
            Helper::AtLeast => compare(std::cmp::Ordering::is_ge),
            Helper::And => flag(arguments.iter().all(|term| truthy(&self.term(term)))),
            Helper::Or => flag(arguments.iter().any(|term| truthy(&self.term(term)))),
            Helper::Not => flag(!truthy(&argument(0))),
            Helper::Length => Cow::Owned(match argument(0).as_ref() {
                Value::Array(list) => list.len().into(),
                Value::Object(map) => map.len().into(),
                Value::String(text) => text.chars().count().into(),
                _ => 0.into(),
            }),
            Helper::Lookup => {
                let key = as_text(&argument(1)).into_owned();
                let steps = [key];
                match argument(0) {
                    Cow::Borrowed(of) => Cow::Borrowed(follow(of, &steps).unwrap_or(&NULL)),
                    Cow::Owned(of) => Cow::Owned(follow(&of, &steps).cloned().unwrap_or_default()),
                }
            }
            Helper::Upper => Cow::Owned(Value::String(as_text(&argument(0)).to_uppercase())),
            Helper::Lower => Cow::Owned(Value::String(as_text(&argument(0)).to_lowercase())),
            Helper::Pick => {
                let count = u64::try_from(arguments.len()).unwrap_or(1).max(1);
                argument(usize::try_from(self.scope.seed % count).unwrap_or(0))
            }
        }
    }
}
