//! What a turn may ask of the outside world. Everything else in a turn is computed.

use serde_json::Value;

use crate::ir::{CallPolicy, LogLevel, StateScope};

/// Calls out of a turn, answered by the host (or by a test, or by a recording).
pub trait Effects {
    /// Calls a component's operation.
    ///
    /// # Errors
    /// The component's or the host's error, after all attempts of the policy.
    fn invoke_node(
        &mut self,
        component: &str,
        operation: &str,
        input: &Value,
        policy: CallPolicy,
    ) -> Result<Value, CallError>;

    /// Calls an MCP tool; `server` is empty when the flow names none.
    ///
    /// # Errors
    /// The tool's or the host's error, after all attempts of the policy.
    fn call_tool(
        &mut self,
        server: &str,
        tool: &str,
        arguments: &Value,
        policy: CallPolicy,
    ) -> Result<ToolOutcome, CallError>;

    /// Reads a state key.
    ///
    /// # Errors
    /// When the store cannot answer.
    fn state_get(&mut self, scope: StateScope, key: &str) -> Result<Option<Value>, CallError>;

    /// Writes a state key that lives for `ttl_ms`, or without end.
    ///
    /// # Errors
    /// When the store cannot answer.
    fn state_set(
        &mut self,
        scope: StateScope,
        key: &str,
        value: &Value,
        ttl_ms: Option<u64>,
    ) -> Result<(), CallError>;

    /// Deletes a state key; one that is not there is deleted already.
    ///
    /// # Errors
    /// When the store cannot answer.
    fn state_delete(&mut self, scope: StateScope, key: &str) -> Result<(), CallError>;

    /// Writes a line to the log.
    fn log(&mut self, level: LogLevel, text: &str);
}

/// A call that failed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct CallError {
    /// Stable, for routing: `not-found`, `invalid`, `denied`, `timeout`, `unavailable`, `fault`, or the callee's own.
    pub code: String,
    /// For people.
    pub message: String,
    /// The cause may pass.
    pub retryable: bool,
}

/// What a tool answered.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ToolOutcome {
    /// Content blocks as MCP has them in JSON.
    pub content: Vec<Value>,
    /// The structured result.
    pub structured: Option<Value>,
    /// The tool reports a failure of its own.
    pub is_error: bool,
}

impl ToolOutcome {
    /// All text blocks, one a line.
    #[must_use]
    pub fn text(&self) -> String {
        let texts: Vec<&str> = self
            .content
            .iter()
            .filter_map(|block| block.get("text").and_then(Value::as_str))
            .collect();
        texts.join("\n")
    }

    /// The output of an `mcp` node: the structured object's fields, then `text`, `content` and `structured`.
    #[must_use]
    pub fn into_output(self) -> Value {
        let text = self.text();
        let mut output = match &self.structured {
            Some(Value::Object(fields)) => fields.clone(),
            _ => serde_json::Map::new(),
        };
        output.insert("text".to_owned(), text.into());
        output.insert("content".to_owned(), self.content.into());
        output.insert("structured".to_owned(), self.structured.unwrap_or_default());
        Value::Object(output)
    }
}
