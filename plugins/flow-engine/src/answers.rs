//! What a turn asks of the host.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use greentic_flow::ir::{CallPolicy as Policy, LogLevel, StateScope};
use greentic_flow::{CallError, Effects, ToolOutcome};
use greentic_sdk::flow::nodes::{self, NodeError};
use greentic_sdk::flow::state::{self, Scope};
use greentic_sdk::flow::{CallPolicy, tools};
use greentic_sdk::log;
use greentic_sdk::model::Error;
use greentic_sdk::tool::Content;
use serde_json::{Value, json};

/// The host, through the component's imports.
pub struct Host;

/// What the host takes when the flow says nothing: 30 seconds, one attempt, 200 ms.
const DEFAULT: CallPolicy = CallPolicy {
    timeout_ms: 30_000,
    max_attempts: 1,
    backoff_ms: 200,
};

fn policy(policy: Policy) -> CallPolicy {
    let or = |value: u32, default: u32| if value == 0 { default } else { value };
    CallPolicy {
        timeout_ms: or(policy.timeout_ms, DEFAULT.timeout_ms),
        max_attempts: or(policy.max_attempts, DEFAULT.max_attempts),
        backoff_ms: or(policy.backoff_ms, DEFAULT.backoff_ms),
    }
}

fn node_error(error: NodeError) -> CallError {
    CallError {
        code: error.code,
        message: error.message,
        retryable: error.retryable,
    }
}

fn fault(message: String) -> CallError {
    CallError {
        code: "fault".to_owned(),
        message,
        retryable: false,
    }
}

fn state_error(error: Error) -> CallError {
    let (code, message, retryable) = match error {
        Error::Invalid(text) => ("invalid", text, false),
        Error::Denied(text) => ("denied", text, false),
        Error::NotFound => ("not-found", "there is no such key".to_owned(), false),
        Error::Conflict => (
            "conflict",
            "something else changed it first".to_owned(),
            true,
        ),
        Error::RateLimited(after) => (
            "unavailable",
            format!("too much; again in {after} ms"),
            true,
        ),
        Error::Unavailable(text) => ("unavailable", text, true),
        Error::Timeout => (
            "timeout",
            "the store did not answer in time".to_owned(),
            true,
        ),
        Error::UnknownOutcome(text) => ("unavailable", text, true),
        Error::Internal(text) => ("fault", text, false),
    };
    CallError {
        code: code.to_owned(),
        message: format!("state: {message}"),
        retryable,
    }
}

fn scope(scope: StateScope) -> Scope {
    match scope {
        StateScope::User => Scope::User,
        StateScope::Conversation => Scope::Conversation,
        StateScope::Team => Scope::Team,
    }
}

/// A content block as MCP has it in JSON.
fn content(block: Content) -> Value {
    match block {
        Content::Text(text) => json!({"type": "text", "text": text}),
        Content::Image(media) => {
            json!({"type": "image", "data": STANDARD.encode(media.data), "mimeType": media.media_type})
        }
        Content::Audio(media) => {
            json!({"type": "audio", "data": STANDARD.encode(media.data), "mimeType": media.media_type})
        }
        Content::ResourceLink(link) => {
            json!({"type": "resource_link", "uri": link.uri, "name": link.name, "mimeType": link.media_type})
        }
        Content::Embedded(inner) => json!({
            "type": "resource",
            "resource": {"uri": inner.uri, "mimeType": inner.media_type, "text": inner.text}
        }),
    }
}

impl Effects for Host {
    fn invoke_node(
        &mut self,
        component: &str,
        operation: &str,
        input: &Value,
        budget: Policy,
    ) -> Result<Value, CallError> {
        let output = nodes::invoke(component, operation, &input.to_string(), policy(budget))
            .map_err(node_error)?;
        if output.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&output)
            .map_err(|error| fault(format!("the output of {component} is no JSON: {error}")))
    }

    fn call_tool(
        &mut self,
        server: &str,
        tool: &str,
        arguments: &Value,
        budget: Policy,
    ) -> Result<ToolOutcome, CallError> {
        let result = tools::call(server, tool, &arguments.to_string(), policy(budget))
            .map_err(node_error)?;
        let structured = match &result.structured {
            Some(text) => Some(serde_json::from_str(text).map_err(|error| {
                fault(format!(
                    "the structured result of {tool} is no JSON: {error}"
                ))
            })?),
            None => None,
        };
        Ok(ToolOutcome {
            content: result.content.into_iter().map(content).collect(),
            structured,
            is_error: result.is_error,
        })
    }

    fn state_get(&mut self, whose: StateScope, key: &str) -> Result<Option<Value>, CallError> {
        let Some(text) = state::get(scope(whose), key).map_err(state_error)? else {
            return Ok(None);
        };
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| fault(format!("the state `{key}` is no JSON: {error}")))
    }

    fn state_set(
        &mut self,
        whose: StateScope,
        key: &str,
        value: &Value,
        ttl_ms: Option<u64>,
    ) -> Result<(), CallError> {
        state::set(scope(whose), key, &value.to_string(), ttl_ms).map_err(state_error)
    }

    fn state_delete(&mut self, whose: StateScope, key: &str) -> Result<(), CallError> {
        state::delete(scope(whose), key).map_err(state_error)
    }

    fn log(&mut self, level: LogLevel, text: &str) {
        let level = match level {
            LogLevel::Debug => log::Level::Debug,
            LogLevel::Info => log::Level::Info,
            LogLevel::Warn => log::Level::Warn,
            LogLevel::Error => log::Level::Error,
        };
        log::line(level, "flow", text);
    }
}
