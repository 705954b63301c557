//! Evaluation of conditions and templates over a turn's values, which are read in place.

mod condition;
mod number;
mod template;

pub use condition::{EvalError, holds};
pub use template::{as_text, render};

use std::collections::HashMap;

use regex_lite::Regex;
use serde_json::Value;

use crate::ir::{Path, Root, follow};

/// An absent value.
pub static NULL: Value = Value::Null;

/// Everything a condition or a template can see.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// [`Root::Output`].
    pub output: &'a Value,
    /// [`Root::Entry`].
    pub entry: &'a Value,
    /// [`Root::Prev`].
    pub prev: &'a Value,
    /// [`Root::Node`], by index; `None` where the node has not run or its output is no longer kept.
    pub nodes: &'a [Option<Value>],
    /// [`Root::Vars`], an object.
    pub vars: &'a Value,
    /// [`Root::State`], an object of the keys read so far.
    pub state: &'a Value,
    /// [`Root::Params`], an object.
    pub params: &'a Value,
    /// [`Root::Slots`], an object.
    pub slots: &'a Value,
    /// [`Root::Response`].
    pub response: &'a Value,
    /// [`Root::Event`], a text.
    pub event: &'a Value,
    /// [`Root::Now`], a number.
    pub now: &'a Value,
    /// [`Root::Locale`], a text.
    pub locale: &'a Value,
    /// [`Root::Result`].
    pub result: &'a Value,
    /// [`Root::Errors`], a list.
    pub errors: &'a Value,
    /// For `pick`.
    pub seed: u64,
    /// Regular expressions compiled at load, by their text.
    pub patterns: Option<&'a HashMap<String, Regex>>,
}

impl<'a> Scope<'a> {
    /// The value a path names.
    #[must_use]
    pub fn find(&self, path: &Path) -> Option<&'a Value> {
        let start = match path.root {
            Root::Output => self.output,
            Root::Entry => self.entry,
            Root::Prev => self.prev,
            Root::Node(index) => self.nodes.get(usize::try_from(index).ok()?)?.as_ref()?,
            Root::Vars => self.vars,
            Root::State => self.state,
            Root::Params => self.params,
            Root::Slots => self.slots,
            Root::Response => self.response,
            Root::Event => self.event,
            Root::Now => self.now,
            Root::Locale => self.locale,
            Root::Result => self.result,
            Root::Errors => self.errors,
        };
        follow(start, &path.steps)
    }
}

impl Default for Scope<'_> {
    fn default() -> Self {
        Self {
            output: &NULL,
            entry: &NULL,
            prev: &NULL,
            nodes: &[],
            vars: &NULL,
            state: &NULL,
            params: &NULL,
            slots: &NULL,
            response: &NULL,
            event: &NULL,
            now: &NULL,
            locale: &NULL,
            result: &NULL,
            errors: &NULL,
            seed: 0,
            patterns: None,
        }
    }
}
