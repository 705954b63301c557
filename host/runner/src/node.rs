//! Calls to node components, of the contract's world and of the ecosystem's smallest one.

use std::time::Duration;

use greentic_interfaces::imports::greentic::flow::nodes::NodeError;
use greentic_interfaces::imports::greentic::flow::types::CallPolicy;
use greentic_sandbox::client::Client;
use greentic_sandbox::fault::Fault;
use greentic_sandbox::scope::CallScope;
use greentic_sandbox::worlds::{MinimalWorld, NodeWorld, minimal_types, node_types};
use serde_json::Value;

use crate::clock::now_ms;

/// Longest wait between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A node.
pub enum NodeClient {
    /// World `node-provider`.
    Node(Client<NodeWorld>),
    /// The smallest world.
    Minimal(Client<MinimalWorld>),
}

impl NodeClient {
    /// One call. Input and output are JSON.
    async fn once(
        &self,
        scope: CallScope,
        operation: &str,
        input: &str,
    ) -> Result<String, NodeError> {
        match self {
            Self::Node(client) => {
                let value = node_types::Value::Json(input.to_owned());
                match client.invoke(scope, operation.to_owned(), value).await {
                    Ok(Ok(node_types::Value::Json(json))) => Ok(json),
                    Ok(Ok(node_types::Value::Cbor(_))) => Err(failed(
                        "invalid",
                        "the node answered in CBOR to a call in JSON",
                        false,
                    )),
                    Ok(Err(error)) => Err(NodeError {
                        code: error.code,
                        message: error.message,
                        retryable: error.retryable,
                    }),
                    Err(fault) => Err(of_fault(&fault)),
                }
            }
            Self::Minimal(client) => {
                let message = smallest_message(input)?;
                match client.execute(scope, message).await {
                    Ok(outcome) => smallest_outcome(outcome),
                    Err(fault) => Err(of_fault(&fault)),
                }
            }
        }
    }

    /// Drops instances that were idle for too long.
    pub(crate) fn shrink(&self) {
        match self {
            Self::Node(client) => client.shrink(),
            Self::Minimal(client) => client.shrink(),
        };
    }

    /// Calls under a policy: each attempt within its time, what may be repeated is repeated with growing pauses.
    ///
    /// # Errors
    /// The last attempt's error.
    pub async fn invoke(
        &self,
        scope: CallScope,
        operation: &str,
        input: &str,
        policy: CallPolicy,
    ) -> Result<String, NodeError> {
        attempts(policy, || self.once(scope.clone(), operation, input)).await
    }
}

/// Repeats a call as its policy says.
pub(crate) async fn attempts<T, F>(
    policy: CallPolicy,
    mut call: impl FnMut() -> F,
) -> Result<T, NodeError>
where
    F: Future<Output = Result<T, NodeError>>,
{
    let timeout = Duration::from_millis(policy.timeout_ms.max(1).into());
    let mut pause = Duration::from_millis(policy.backoff_ms.into());
    let mut left = policy.max_attempts.max(1);
    loop {
        left -= 1;
        let error = match tokio::time::timeout(timeout, call()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => error,
            Err(_) => failed("timeout", &format!("no answer within {timeout:?}"), true),
        };
        if left == 0 || !error.retryable {
            return Err(error);
        }
        tokio::time::sleep(pause.min(LONGEST_PAUSE)).await;
        pause = pause.saturating_mul(2);
    }
}

/// A node's input as the smallest component's message: fields of these names where it has them, the whole of it as content
/// otherwise.
fn smallest_message(input: &str) -> Result<minimal_types::Message, NodeError> {
    let value: Value = serde_json::from_str(input)
        .map_err(|error| failed("invalid", &format!("the input is not JSON: {error}"), false))?;
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let content = match (&value, text("content").or_else(|| text("text"))) {
        (_, Some(content)) => content,
        (Value::String(content), None) => content.clone(),
        (_, None) => input.to_owned(),
    };
    Ok(minimal_types::Message {
        id: text("id").unwrap_or_default(),
        content,
        sender: text("sender").unwrap_or_default(),
        timestamp: value
            .get("timestamp")
            .and_then(Value::as_u64)
            .unwrap_or_else(now_ms),
    })
}

/// JSON in `data` is handed on as what it is; other text as `{"text": …}`.
fn smallest_outcome(outcome: minimal_types::Outcome) -> Result<String, NodeError> {
    if !outcome.success {
        return Err(failed(
            "failed",
            &outcome
                .error
                .unwrap_or_else(|| "the component reports a failure and no reason".into()),
            false,
        ));
    }
    let data = outcome.data.unwrap_or_default();
    Ok(match serde_json::from_str::<Value>(&data) {
        Ok(Value::Object(_)) => data,
        Ok(other) => serde_json::json!({ "value": other }).to_string(),
        Err(_) => serde_json::json!({ "text": data }).to_string(),
    })
}

pub(crate) fn failed(code: &str, message: &str, retryable: bool) -> NodeError {
    NodeError {
        code: code.to_owned(),
        message: message.to_owned(),
        retryable,
    }
}

pub(crate) fn of_fault(fault: &Fault) -> NodeError {
    failed("fault", &fault.to_string(), fault.kind.may_pass())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_input_becomes_a_smallest_message_and_its_data_comes_back_as_json() {
        let message = smallest_message(r#"{"id":"1","content":"hi","sender":"u","timestamp":7}"#)
            .expect("a message");
        assert_eq!(
            (
                message.id.as_str(),
                message.content.as_str(),
                message.timestamp
            ),
            ("1", "hi", 7)
        );
        assert_eq!(
            smallest_message("\"plain\"").expect("a message").content,
            "plain"
        );
        assert_eq!(
            smallest_message(r#"{"a":1}"#).expect("a message").content,
            r#"{"a":1}"#
        );
        assert!(smallest_message("{").is_err());
        let outcome = |data: &str| {
            smallest_outcome(minimal_types::Outcome {
                success: true,
                data: Some(data.into()),
                error: None,
            })
        };
        assert_eq!(outcome(r#"{"a":1}"#).expect("json"), r#"{"a":1}"#);
        assert_eq!(outcome("text").expect("json"), r#"{"text":"text"}"#);
        assert_eq!(outcome("3").expect("json"), r#"{"value":3}"#);
    }

    #[tokio::test]
    async fn incident_15_the_one_call_is_repeated_and_only_where_that_may_help() {
        let policy = CallPolicy {
            timeout_ms: 20,
            max_attempts: 3,
            backoff_ms: 1,
        };
        // What each call answers in turn, and what comes of it after how many calls.
        let (good, passing, lasting) = (
            Some(Ok(7)),
            failed("busy", "", true),
            failed("no", "", false),
        );
        let again = || Some(Err(passing.clone()));
        for (answers, outcome, calls) in [
            (vec![good.clone()], Ok(7), 1),
            (vec![again(), again(), good.clone()], Ok(7), 3),
            (
                vec![again(), again(), again(), good.clone()],
                Err("busy"),
                3,
            ),
            (vec![Some(Err(lasting)), good.clone()], Err("no"), 1),
            (vec![None, good], Ok(7), 2),
            (vec![None, None, None], Err("timeout"), 3),
        ] {
            let mut made = 0;
            let came = attempts(policy, || {
                let answer = answers.get(made).cloned().flatten();
                made += 1;
                async move {
                    match answer {
                        Some(answer) => answer,
                        None => std::future::pending().await,
                    }
                }
            });
            let came = came.await.map_err(|error| error.code);
            assert_eq!((came, made), (outcome.map_err(str::to_owned), calls));
        }
    }
}
