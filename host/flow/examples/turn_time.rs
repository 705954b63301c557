//! Prints what a simple turn costs: resume, one condition, one templated reply, wait.
//!
//! `cargo run --release -p greentic-flow --example turn_time`

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::hint::black_box;
use std::time::Instant;

use greentic_diagnostics::Source;
use greentic_flow::compile::compile;
use greentic_flow::ir::{CallPolicy, LogLevel, StateScope};
use greentic_flow::{
    CallError, Conversation, Effects, Event, EventBody, Participant, Program, ToolOutcome,
    TurnInput,
};
use serde_json::{Map, Value};

const FLOW: &str = "
id: shop
type: messaging
schema_version: 2
nodes:
  hello: {emit.text: 'Hello {{entry.user.name}}', routing: [{to: wait}]}
  wait: {session.wait: {ttl: 1h}, routing: [{to: about, condition: CONDITION}, {to: hello}]}
  about: {emit.text: 'You said {{response.text}}, {{vars.name}}.', routing: [{to: keep}]}
  keep: {var.set: {name: '{{entry.user.name}}', last: '{{response.text}}'}, routing: [{to: wait}]}
";

struct Nobody;

impl Effects for Nobody {
    fn invoke_node(
        &mut self,
        _: &str,
        _: &str,
        _: &Value,
        _: CallPolicy,
    ) -> Result<Value, CallError> {
        Ok(Value::Null)
    }
    fn call_tool(
        &mut self,
        _: &str,
        _: &str,
        _: &Value,
        _: CallPolicy,
    ) -> Result<ToolOutcome, CallError> {
        Ok(ToolOutcome::default())
    }
    fn state_get(&mut self, _: StateScope, _: &str) -> Result<Option<Value>, CallError> {
        Ok(None)
    }
    fn state_set(
        &mut self,
        _: StateScope,
        _: &str,
        _: &Value,
        _: Option<u64>,
    ) -> Result<(), CallError> {
        Ok(())
    }
    fn state_delete(&mut self, _: StateScope, _: &str) -> Result<(), CallError> {
        Ok(())
    }
    fn log(&mut self, _: LogLevel, _: &str) {}
}

fn main() {
    for (name, condition) in [
        ("older condition", "'response.text == \"about\"'"),
        (
            "CEL condition",
            "'response.text.startsWith(\"ab\") && size(response.text) < 20'",
        ),
    ] {
        let text = FLOW.replace("CONDITION", condition);
        let compiled = compile(&[Source::new("shop.ygtc", text)]);
        let definition = compiled.definition.expect("the flow is sound");
        let program = Program::load(&definition.to_cbor().expect("encodes")).expect("loads");
        let mut input = TurnInput {
            event: Event {
                id: "m1".into(),
                dedupe_key: "k1".into(),
                time_ms: 1,
                conversation: Conversation {
                    id: "c1".into(),
                    thread: None,
                    kind: "direct".into(),
                },
                sender: Participant {
                    id: "u1".into(),
                    name: Some("Ada".into()),
                    ..Participant::default()
                },
                reply_to: None,
                body: EventBody::Message {
                    text: "about".into(),
                    attachments: Vec::new(),
                },
            },
            snapshot: None,
            entrypoint: None,
            parameters: Map::new(),
            now_ms: 1,
            locale: "en".into(),
            seed: 1,
        };
        for _ in 0..2 {
            input.snapshot = program
                .turn("shop", &input, &mut Nobody)
                .expect("runs")
                .snapshot;
        }
        let rounds = 200_000_u32;
        let start = Instant::now();
        for _ in 0..rounds {
            black_box(
                program
                    .turn("shop", black_box(&input), &mut Nobody)
                    .expect("runs"),
            );
        }
        let each = start.elapsed() / rounds;
        let size = input.snapshot.map_or(0, |bytes| bytes.len());
        println!("{name}: {each:?} a turn, snapshot {size} bytes");
    }
}
