//! A host made of a script: answers calls, notes them, and keeps state.

#![allow(dead_code)]

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::Path;

use greentic_diagnostics::Source;
use greentic_flow::compile::compile;
use greentic_flow::ir::{CallPolicy, Definition, LogLevel, StateScope};
use greentic_flow::{
    CallError, Conversation, Effects, Event, EventBody, Outbound, OutboundBody, Participant,
    ToolOutcome, TurnInput,
};
use serde_json::{Map, Value};

/// Compiles all flows of a folder.
pub fn compile_folder(folder: &Path) -> Result<Definition, String> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "ygtc")
    });
    files.sort();
    let sources: Vec<Source> = files
        .iter()
        .map(|path| {
            Source::new(
                path.file_name().unwrap().to_string_lossy(),
                fs::read_to_string(path).unwrap(),
            )
        })
        .collect();
    let compiled = compile(&sources);
    compiled
        .definition
        .ok_or_else(|| compiled.diagnostics.render(false))
}

/// Compiles one text.
pub fn compile_text(text: &str) -> Result<Definition, String> {
    let compiled = compile(&[Source::new("test.ygtc", text)]);
    compiled
        .definition
        .ok_or_else(|| compiled.diagnostics.render(false))
}

/// The event of a line of a script.
pub fn event(turn: &Value) -> Event {
    let text = |key: &str| turn.get(key).and_then(Value::as_str).map(str::to_owned);
    let body = if let Some(text) = text("say") {
        EventBody::Message {
            text,
            attachments: Vec::new(),
        }
    } else if let Some(data) = turn.get("submit") {
        EventBody::Postback {
            data: data.clone(),
            text: None,
            message_id: None,
        }
    } else if let Some(line) = text("command") {
        let (name, arguments) = line.split_once(' ').unwrap_or((&line, ""));
        EventBody::Command {
            name: name.to_owned(),
            arguments: arguments.to_owned(),
        }
    } else if let Some(name) = text("custom") {
        EventBody::Custom {
            name,
            data: Value::Null,
        }
    } else {
        match text("event").as_deref() {
            Some("typing") => EventBody::Typing,
            Some("joined") => EventBody::Joined {
                members: vec![ada()],
            },
            other => panic!("no such event: {other:?}"),
        }
    };
    Event {
        id: "m1".into(),
        dedupe_key: "k1".into(),
        time_ms: 1_700_000_000_000,
        conversation: Conversation {
            id: "c1".into(),
            thread: None,
            kind: "direct".into(),
        },
        sender: ada(),
        reply_to: None,
        body,
    }
}

fn ada() -> Participant {
    Participant {
        id: "u1".into(),
        name: Some("Ada".into()),
        locale: Some("en-GB".into()),
        is_bot: false,
    }
}

/// A turn's input without a snapshot.
pub fn input(event: Event) -> TurnInput {
    TurnInput {
        event,
        snapshot: None,
        entrypoint: None,
        parameters: Map::new(),
        now_ms: 1_700_000_000_000,
        locale: "en".into(),
        seed: 7,
    }
}

/// A message in one line.
pub fn spoken(outbound: &Outbound) -> String {
    match &outbound.body {
        OutboundBody::Text { text, .. } => format!("text: {text}"),
        OutboundBody::Card { fallback, .. } => format!("card: {fallback}"),
        OutboundBody::Attachment {
            name,
            content_type,
            url,
        } => format!("file: {name} {content_type} {url}"),
        OutboundBody::QuickReplies { text, options } => {
            let values: Vec<&str> = options.iter().map(|option| option.value.as_str()).collect();
            format!("quick: {text} [{}]", values.join("|"))
        }
        OutboundBody::Typing => "typing".into(),
        OutboundBody::Edit { message_id, text } => format!("edit {message_id}: {text}"),
        OutboundBody::Delete { message_id } => format!("delete {message_id}"),
        OutboundBody::Reaction {
            message_id, emoji, ..
        } => format!("react {message_id}: {emoji}"),
    }
}

/// The scripted host.
#[derive(Clone, Default)]
pub struct Stage {
    /// Calls of the turn, one line each.
    pub calls: Vec<String>,
    answers: BTreeMap<String, VecDeque<Value>>,
    state: BTreeMap<String, Value>,
}

impl Stage {
    /// With answers by `tool <name>` and `node <component>.<operation>`.
    pub fn new(answers: &Value) -> Self {
        let answers = answers
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, list)| {
                let list = list
                    .as_array()
                    .cloned()
                    .unwrap_or_else(|| vec![list.clone()]);
                (name.clone(), list.into())
            });
        Self {
            answers: answers.collect(),
            ..Self::default()
        }
    }

    fn answer(&mut self, name: &str) -> Result<Value, CallError> {
        let queue = self.answers.get_mut(name);
        let answer = queue
            .and_then(VecDeque::pop_front)
            .ok_or_else(|| CallError {
                code: "not-found".into(),
                message: format!("the script has no answer for {name}"),
                retryable: false,
            })?;
        match answer.get("error") {
            None => Ok(answer),
            Some(error) => Err(CallError {
                code: error["code"].as_str().unwrap().into(),
                message: error["message"].as_str().unwrap().into(),
                retryable: true,
            }),
        }
    }
}

fn budget(policy: CallPolicy) -> String {
    format!("{}ms x{}", policy.timeout_ms, policy.max_attempts)
}

impl Effects for Stage {
    fn invoke_node(
        &mut self,
        component: &str,
        operation: &str,
        input: &Value,
        policy: CallPolicy,
    ) -> Result<Value, CallError> {
        self.calls.push(format!(
            "node {component}.{operation} {input} {}",
            budget(policy)
        ));
        self.answer(&format!("node {component}.{operation}"))
    }

    fn call_tool(
        &mut self,
        server: &str,
        tool: &str,
        arguments: &Value,
        policy: CallPolicy,
    ) -> Result<ToolOutcome, CallError> {
        self.calls.push(format!(
            "tool {server}/{tool} {arguments} {}",
            budget(policy)
        ));
        let answer = self.answer(&format!("tool {tool}"))?;
        Ok(ToolOutcome {
            content: answer["content"].as_array().cloned().unwrap_or_default(),
            structured: answer.get("structured").cloned(),
            is_error: answer["is_error"].as_bool().unwrap_or_default(),
        })
    }

    fn state_get(&mut self, scope: StateScope, key: &str) -> Result<Option<Value>, CallError> {
        self.calls.push(format!("get {} {key}", scope.name()));
        Ok(self.state.get(&format!("{}/{key}", scope.name())).cloned())
    }

    fn state_set(
        &mut self,
        scope: StateScope,
        key: &str,
        value: &Value,
        _ttl_ms: Option<u64>,
    ) -> Result<(), CallError> {
        self.calls
            .push(format!("set {} {key} {value}", scope.name()));
        self.state
            .insert(format!("{}/{key}", scope.name()), value.clone());
        Ok(())
    }

    fn state_delete(&mut self, scope: StateScope, key: &str) -> Result<(), CallError> {
        self.calls.push(format!("delete {} {key}", scope.name()));
        self.state.remove(&format!("{}/{key}", scope.name()));
        Ok(())
    }

    fn log(&mut self, _level: LogLevel, _text: &str) {}
}
