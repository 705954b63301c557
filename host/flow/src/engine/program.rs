//! A definition made ready to run.

use std::collections::HashMap;

use regex_lite::Regex;

use crate::ir::{Condition, Definition, Flow, IR_VERSION, SlotType};

/// Why a definition cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// The bytes are not a definition.
    #[error("the definition cannot be read: {0}")]
    Malformed(String),
    /// It was made by another version of the loader.
    #[error(
        "the definition has version {found}, this engine runs {IR_VERSION}: build the pack again"
    )]
    Version {
        /// The version found.
        found: u16,
    },
    /// A regular expression in it does not compile.
    #[error("flow `{flow}`: the pattern `{pattern}` is wrong: {reason}")]
    Pattern {
        /// Where.
        flow: String,
        /// The pattern.
        pattern: String,
        /// Why.
        reason: String,
    },
}

/// Flows ready to run. Holds nothing of a conversation, so one serves all.
#[derive(Debug)]
pub struct Program {
    pub(super) definition: Definition,
    by_id: HashMap<String, usize>,
    patterns: HashMap<String, Regex>,
}

impl Program {
    /// Makes a definition ready, from CBOR.
    ///
    /// # Errors
    /// [`LoadError`] says why it cannot be run.
    pub fn load(cbor: &[u8]) -> Result<Self, LoadError> {
        let definition: Definition =
            ciborium::from_reader(cbor).map_err(|error| LoadError::Malformed(error.to_string()))?;
        Self::new(definition)
    }

    /// Makes a definition ready.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn new(definition: Definition) -> Result<Self, LoadError> {
        if definition.version != IR_VERSION {
            return Err(LoadError::Version {
                found: definition.version,
            });
        }
        let by_id = definition
            .flows
            .iter()
            .enumerate()
            .map(|(index, flow)| (flow.id.clone(), index))
            .collect();
        let mut patterns = HashMap::new();
        for flow in &definition.flows {
            for pattern in patterns_of(flow) {
                let regex = Regex::new(pattern).map_err(|error| LoadError::Pattern {
                    flow: flow.id.clone(),
                    pattern: pattern.to_owned(),
                    reason: error.to_string(),
                })?;
                patterns.insert(pattern.to_owned(), regex);
            }
        }
        Ok(Self {
            definition,
            by_id,
            patterns,
        })
    }

    /// Ids of the flows in it.
    pub fn flows(&self) -> impl Iterator<Item = &str> {
        self.definition.flows.iter().map(|flow| flow.id.as_str())
    }

    pub(super) fn index_of(&self, flow: &str) -> Option<usize> {
        self.by_id.get(flow).copied()
    }

    pub(super) fn pattern(&self, pattern: &str) -> Option<&Regex> {
        self.patterns.get(pattern)
    }

    pub(super) fn patterns(&self) -> &HashMap<String, Regex> {
        &self.patterns
    }
}

fn patterns_of(flow: &Flow) -> Vec<&str> {
    let mut patterns = Vec::new();
    for slot in &flow.slots {
        if let SlotType::Text(pattern) = &slot.accepts {
            patterns.push(pattern.as_str());
        }
    }
    for node in &flow.nodes {
        let conditions = node
            .routes
            .iter()
            .filter_map(|route| route.condition.as_ref())
            .chain(node.when.as_ref());
        patterns.extend(conditions.flat_map(Condition::patterns));
    }
    patterns
}
