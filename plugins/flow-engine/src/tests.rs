//! The component's own code outside the sandbox: a flow that uses every import.

use std::cell::RefCell;
use std::collections::HashMap;

use greentic_diagnostics::Source;
use greentic_flow::compile::compile;
use greentic_sdk::flow::nodes::NodeError;
use greentic_sdk::flow::state::Scope;
use greentic_sdk::flow::{CallPolicy, Flow, FlowError, TurnInput};
use greentic_sdk::model::{
    Conversation, Error, Event, EventBody, Message, OutboundBody, Participant, Postback, TenantCtx,
};
use greentic_sdk::native::{Host, install};
use greentic_sdk::tool::ToolResult;

use crate::FlowEngine;

const FLOW: &str = r#"
id: desk
type: messaging
schema_version: 2
nodes:
  ask:
    emit.card: {card: {type: AdaptiveCard, version: "1.5", body: [{type: TextBlock, text: Which?}]}}
    routing: [{to: wait}]
  wait:
    session.wait: {ttl: 1m}
    routing: [{to: find, condition: 'response.action == "go"'}, {to: ask}]
  find:
    mcp: {server: tickets, tool: lookup, arguments: {id: '{{response.id}}'}}
    retry: {max_attempts: 2, base_delay: 50ms}
    timeout: 3s
    routing: [{to: shout}]
  shout:
    shouting.up: {text: '{{node.find.title}}'}
    routing: [{to: keep}]
  keep:
    state.set: {key: last, value: {n: 1}, scope: team}
    routing: [{to: say}]
  say:
    emit.text: '{{node.shout.text}} {{state.team.last.n}} {{params.company}}'
    routing: out
parameters: {company: nobody}
"#;

#[derive(Default)]
struct Desk {
    state: RefCell<HashMap<String, String>>,
}

impl Host for Desk {
    fn invoke(
        &self,
        component: &str,
        operation: &str,
        input: &str,
        _: CallPolicy,
    ) -> Result<String, NodeError> {
        assert_eq!((component, operation), ("shouting", "up"));
        Ok(input.to_uppercase().replace("TEXT", "text"))
    }

    fn call(
        &self,
        server: &str,
        tool: &str,
        arguments: &str,
        policy: CallPolicy,
    ) -> Result<ToolResult, NodeError> {
        assert_eq!(
            (server, tool, arguments),
            ("tickets", "lookup", r#"{"id":"T-1"}"#)
        );
        assert_eq!(
            (policy.timeout_ms, policy.max_attempts, policy.backoff_ms),
            (3000, 2, 50)
        );
        Ok(ToolResult::structured(r#"{"title":"broken"}"#.to_owned()))
    }

    fn state_get(&self, scope: Scope, key: &str) -> Result<Option<String>, Error> {
        Ok(self
            .state
            .borrow()
            .get(&format!("{scope:?} {key}"))
            .cloned())
    }

    fn state_set(&self, scope: Scope, key: &str, value: &str, _: Option<u64>) -> Result<(), Error> {
        self.state
            .borrow_mut()
            .insert(format!("{scope:?} {key}"), value.to_owned());
        Ok(())
    }
}

fn turn(body: EventBody, snapshot: Option<Vec<u8>>) -> TurnInput {
    TurnInput {
        tenant: TenantCtx {
            tenant_id: "t".into(),
            env_id: "e".into(),
            team_id: None,
        },
        definition: "pack".into(),
        flow: "desk".into(),
        event: Event {
            id: "1".into(),
            dedupe_key: "1".into(),
            time_ms: 0,
            conversation: Conversation::direct("c"),
            sender: Participant::person("u"),
            reply_to: None,
            body,
        },
        snapshot,
        parameters: r#"{"company": "Example"}"#.into(),
        now_ms: 0,
        locale: "en".into(),
        seed: 0,
    }
}

#[test]
fn a_conversation_runs_through_the_contracts_types() {
    install(Desk::default());
    let definition = compile(&[Source::new("desk.ygtc", FLOW)])
        .definition
        .unwrap();
    let info = FlowEngine::load("pack".into(), definition.to_cbor().unwrap()).unwrap();
    assert_eq!(info.flows, ["desk"]);
    let first = FlowEngine::turn(turn(EventBody::Message(Message::plain("hi")), None)).unwrap();
    assert!(
        matches!(&first.outbound[0].body, OutboundBody::Card(card) if card.fallback == "Which?")
    );
    assert_eq!(first.wait.unwrap().ttl_ms, Some(60_000));
    let data = r#"{"action":"go","id":"T-1"}"#.to_owned();
    let submit = EventBody::Postback(Postback {
        data,
        text: None,
        message_id: None,
    });
    let second = FlowEngine::turn(turn(submit, first.snapshot)).unwrap();
    assert!(second.snapshot.is_none());
    assert!(
        matches!(&second.outbound[0].body, OutboundBody::Text(text) if text.text == "BROKEN 1 Example")
    );
    assert_eq!(
        second.path,
        ["desk/find", "desk/shout", "desk/keep", "desk/say"]
    );
}

#[test]
fn what_cannot_be_run_is_refused_by_name() {
    assert!(matches!(
        FlowEngine::load("x".into(), vec![1, 2, 3]),
        Err(FlowError::BadDefinition(_))
    ));
    let unknown = TurnInput {
        definition: "gone".into(),
        ..turn(EventBody::Typing, None)
    };
    assert!(matches!(
        FlowEngine::turn(unknown),
        Err(FlowError::BadDefinition(_))
    ));
    let definition = compile(&[Source::new("desk.ygtc", FLOW)])
        .definition
        .unwrap();
    FlowEngine::load("pack".into(), definition.to_cbor().unwrap()).unwrap();
    let damaged = turn(EventBody::Message(Message::plain("hi")), Some(vec![9, 9]));
    assert!(matches!(
        FlowEngine::turn(damaged),
        Err(FlowError::BadSnapshot(_))
    ));
}
