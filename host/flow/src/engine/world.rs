//! The values of a turn, and the flow in progress.

use serde_json::{Map, Value};

use super::effects::{CallError, Effects};
use super::program::Program;
use crate::eval::{NULL, Scope};
use crate::ir::{Flow, Node, StateKey, StateScope};

/// What all flows of a turn share.
pub struct World<'p> {
    pub program: &'p Program,
    pub entry: Value,
    pub response: Value,
    /// An object.
    pub vars: Value,
    /// State keys read so far, by scope spelt out; keys of the user's scope also stand at the top. An object.
    pub state: Value,
    pub now: Value,
    pub locale: Value,
    pub seed: u64,
}

/// A flow in progress.
pub struct Frame {
    pub flow: usize,
    pub node: usize,
    /// By node index; empty until a node has run.
    pub outputs: Vec<Option<Value>>,
    pub prev: Option<usize>,
    /// An object.
    pub slots: Value,
    /// An object: defaults, overlaid by arguments (and by the binding's parameters in the first flow).
    pub params: Value,
    /// What the caller passed.
    pub arguments: Map<String, Value>,
}

impl Frame {
    pub fn new(flow: usize, node: usize, definition: &Flow, arguments: Map<String, Value>) -> Self {
        let mut params = definition.parameters.clone();
        for (name, value) in &arguments {
            params.insert(name.clone(), value.clone());
        }
        let mut slots = Map::new();
        for slot in &definition.slots {
            if let Some(default) = &slot.default {
                slots.insert(slot.name.clone(), default.clone());
            }
        }
        Self {
            flow,
            node,
            outputs: vec![None; definition.nodes.len()],
            prev: None,
            slots: Value::Object(slots),
            params: Value::Object(params),
            arguments,
        }
    }

    pub fn set_output(&mut self, value: Value) {
        if let Some(place) = self.outputs.get_mut(self.node) {
            *place = Some(value);
        }
    }

    pub fn output(&self) -> &Value {
        self.outputs
            .get(self.node)
            .and_then(Option::as_ref)
            .unwrap_or(&NULL)
    }
}

impl<'p> World<'p> {
    /// What a template of this frame's node sees.
    pub fn scope<'a>(&'a self, frame: &'a Frame) -> Scope<'a> {
        Scope {
            output: &NULL,
            entry: &self.entry,
            prev: frame
                .prev
                .and_then(|prev| frame.outputs.get(prev)?.as_ref())
                .unwrap_or(&NULL),
            nodes: &frame.outputs,
            vars: &self.vars,
            state: &self.state,
            params: &frame.params,
            slots: &frame.slots,
            response: &self.response,
            event: &NULL,
            now: &self.now,
            locale: &self.locale,
            result: &NULL,
            errors: &NULL,
            seed: self.seed,
            patterns: Some(self.program.patterns()),
        }
    }

    pub fn flow(&self, frame: &Frame) -> Option<&'p Flow> {
        self.program.definition.flows.get(frame.flow)
    }

    pub fn node(&self, frame: &Frame) -> Option<&'p Node> {
        self.flow(frame)?.nodes.get(frame.node)
    }

    /// Reads the state keys a node names and that were not read yet.
    pub fn fetch_state(
        &mut self,
        keys: &[StateKey],
        effects: &mut dyn Effects,
    ) -> Result<(), CallError> {
        for key in keys {
            let known = self
                .state
                .get(key.scope.name())
                .and_then(|keys| keys.get(&key.key))
                .is_some();
            if !known {
                let value = effects.state_get(key.scope, &key.key)?.unwrap_or_default();
                self.remember(key.scope, &key.key, value);
            }
        }
        Ok(())
    }

    /// Keeps a state value for templates and conditions of this turn.
    pub fn remember(&mut self, scope: StateScope, key: &str, value: Value) {
        if scope == StateScope::User && !StateScope::NAMES.iter().any(|(name, _)| *name == key) {
            put(&mut self.state, key, value.clone());
        }
        if self.state.get(scope.name()).is_none() {
            put(&mut self.state, scope.name(), Value::Object(Map::new()));
        }
        if let Some(keys) = self.state.get_mut(scope.name()) {
            put(keys, key, value);
        }
    }

    /// Sets a conversation variable.
    pub fn set_var(&mut self, name: &str, value: Value) {
        put(&mut self.vars, name, value);
    }
}

/// Sets a field of an object.
pub fn put(object: &mut Value, name: &str, value: Value) {
    if let Value::Object(fields) = object {
        fields.insert(name.to_owned(), value);
    }
}
