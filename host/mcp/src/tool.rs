//! One tool: its description, its schemas compiled, and the call.

use greentic_interfaces::imports::greentic::mcp::types::{Tool as Described, ToolResult};
use greentic_interfaces::model::Error;
use greentic_sandbox::client::Client;
use greentic_sandbox::fault::Fault;
use greentic_sandbox::scope::CallScope;
use greentic_sandbox::worlds::ToolWorld;
use jsonschema::Validator;
use serde_json::Value;

/// Why a tool gave no result.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// No tool of that name was given to the team.
    #[error("{0}")]
    Unknown(String),
    /// The arguments are no JSON object, or not as the schema has them.
    #[error("tool `{tool}`: its arguments are not as its schema says: {reason}")]
    Arguments {
        /// The tool.
        tool: String,
        /// Where and what.
        reason: String,
    },
    /// The structured result is not as the output schema has it: a fault of the tool.
    #[error("tool `{tool}`: its result is not as its own schema says: {reason}")]
    Result {
        /// The tool.
        tool: String,
        /// Where and what.
        reason: String,
    },
    /// The tool's own error.
    #[error("tool `{tool}`: {error:?}")]
    Tool {
        /// The tool.
        tool: String,
        /// What it answered.
        error: Error,
    },
    /// The plugin gave no answer.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// A tool that can be called.
pub struct Tool {
    described: Described,
    input: Validator,
    output: Option<Validator>,
}

impl Tool {
    /// Compiles a tool's schemas.
    ///
    /// # Errors
    /// What is wrong with the description, for the operator.
    pub fn new(described: Described) -> Result<Self, String> {
        let name = &described.name;
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
        if name.is_empty() || name.len() > 128 || !name.bytes().all(fits) {
            return Err(format!(
                "`{name}` is no tool name: it has 1 to 128 letters, digits, `_`, `.` and `-`"
            ));
        }
        let input = schema(&described.input_schema)
            .map_err(|reason| format!("tool `{name}`: input-schema: {reason}"))?;
        let output = described
            .output_schema
            .as_deref()
            .map(schema)
            .transpose()
            .map_err(|reason| format!("tool `{name}`: output-schema: {reason}"))?;
        Ok(Self {
            described,
            input,
            output,
        })
    }

    /// How it describes itself.
    #[must_use]
    pub fn described(&self) -> &Described {
        &self.described
    }

    /// Checks the arguments, calls, checks the result.
    ///
    /// # Errors
    /// [`ToolError`]
    pub async fn call(
        &self,
        client: &Client<ToolWorld>,
        scope: CallScope,
        arguments: String,
    ) -> Result<ToolResult, ToolError> {
        let tool = || self.described.name.clone();
        let value: Value =
            serde_json::from_str(&arguments).map_err(|error| ToolError::Arguments {
                tool: tool(),
                reason: format!("they are not JSON: {error}"),
            })?;
        check(&self.input, &value).map_err(|reason| ToolError::Arguments {
            tool: tool(),
            reason,
        })?;
        let result = client
            .call_tool(scope, self.described.name.clone(), arguments)
            .await?
            .map_err(|error| ToolError::Tool {
                tool: tool(),
                error,
            })?;
        if let (Some(output), false) = (&self.output, result.is_error) {
            let structured = result.structured.as_deref().unwrap_or("null");
            let value: Value =
                serde_json::from_str(structured).map_err(|error| ToolError::Result {
                    tool: tool(),
                    reason: format!("it is not JSON: {error}"),
                })?;
            check(output, &value).map_err(|reason| ToolError::Result {
                tool: tool(),
                reason,
            })?;
        }
        Ok(result)
    }
}

fn schema(text: &str) -> Result<Validator, String> {
    let schema: Value =
        serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))?;
    jsonschema::validator_for(&schema).map_err(|error| error.to_string())
}

fn check(validator: &Validator, value: &Value) -> Result<(), String> {
    match validator.iter_errors(value).next() {
        None => Ok(()),
        Some(error) => {
            let place = error.instance_path().to_string();
            let place = if place.is_empty() {
                "the whole".to_owned()
            } else {
                format!("`{place}`")
            };
            Err(format!("{place}: {error}").chars().take(400).collect())
        }
    }
}
