//! What holds for every input.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod stage;

use greentic_flow::compile::compile;
use greentic_flow::ir::Definition;
use greentic_flow::{FlowError, Program, TurnInput};
use proptest::prelude::*;
use serde_json::json;
use stage::{Stage, compile_text, event, input};

const FLOW: &str = include_str!("cases/talks/helpdesk/welcome.ygtc");

fn stage() -> Stage {
    Stage::new(&json!({"tool lookup": [
        {"structured": {"id": "T-1", "status": "open", "title": "x"}},
        {"error": {"code": "timeout", "message": "slow"}},
    ]}))
}

fn program() -> Program {
    Program::new(compile_text(FLOW).unwrap()).unwrap()
}

/// Words that reach many branches of the flow, and any text.
fn said() -> impl Strategy<Value = serde_json::Value> {
    prop_oneof![
        Just(json!({"say": "lookup"})),
        Just(json!({"say": "report"})),
        Just(json!({"say": "T-1"})),
        Just(json!({"submit": {"action": "submit", "title": "x"}})),
        Just(json!({"command": "start"})),
        Just(json!({"event": "typing"})),
        Just(json!({"custom": "wait-timeout"})),
        any::<String>().prop_map(|text| json!({ "say": text })),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn a_conversation_replayed_says_the_same(talk in proptest::collection::vec(said(), 1..12)) {
        let program = program();
        let run = || {
            let (mut stage, mut snapshot, mut outputs) = (stage(), None, Vec::new());
            for line in &talk {
                let input = TurnInput { snapshot: snapshot.take(), ..input(event(line)) };
                let output = program.turn("welcome", &input, &mut stage);
                snapshot = output.as_ref().ok().and_then(|output| output.snapshot.clone());
                outputs.push((output, stage.calls.clone()));
            }
            outputs
        };
        prop_assert_eq!(run(), run());
    }

    #[test]
    fn a_damaged_snapshot_is_refused_or_read_but_never_a_panic(
        at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>(),
    ) {
        let program = program();
        let first = program.turn("welcome", &input(event(&json!({"say": "hi"}))), &mut stage()).unwrap();
        let mut bytes = first.snapshot.unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes.truncate(cut.index(bytes.len()) + 1);
        let _ = program.turn("welcome", &TurnInput { snapshot: Some(bytes), ..input(event(&json!({"say": "hi"}))) }, &mut stage());
    }

    #[test]
    fn random_bytes_are_no_snapshot_and_no_definition(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let program = program();
        let input = TurnInput { snapshot: Some(bytes.clone()), ..input(event(&json!({"say": "hi"}))) };
        let outcome = program.turn("welcome", &input, &mut stage());
        prop_assert!(matches!(outcome, Err(FlowError::BadSnapshot(_))), "{:?}", outcome);
        prop_assert!(Program::load(&bytes).is_err());
    }

    #[test]
    fn any_text_as_a_file_is_answered_with_findings(text in any::<String>()) {
        let compiled = compile(&[greentic_diagnostics::Source::new("x", text)]);
        prop_assert!(compiled.definition.is_none());
        prop_assert!(!compiled.diagnostics.is_empty());
    }

    #[test]
    fn a_file_with_a_piece_cut_out_or_doubled_does_not_panic_and_what_loads_runs(
        from in any::<prop::sample::Index>(), length in 1..40_usize, doubled in any::<bool>(),
    ) {
        let chars: Vec<char> = FLOW.chars().collect();
        let from = from.index(chars.len());
        let to = (from + length).min(chars.len());
        let text: String = if doubled {
            chars[..to].iter().chain(&chars[from..]).collect()
        } else {
            chars[..from].iter().chain(&chars[to..]).collect()
        };
        if let Ok(definition) = compile_text(&text) {
            let program = Program::load(&definition.to_cbor().unwrap()).unwrap();
            let flow = definition.flows[0].id.clone();
            let _ = program.turn(&flow, &input(event(&json!({"say": "lookup"}))), &mut stage());
        }
    }

    #[test]
    fn any_condition_and_any_template_is_judged_without_a_panic(
        condition in "[ a-z.()&|!=<>\"'0-9\\[\\]{}?:+*/%-]{0,40}", template in "[ a-z.{}#/@^&>!~()\"-]{0,40}",
    ) {
        let quote = |text: &str| text.replace('\'', "''");
        let text = format!(
            "{{id: x, type: messaging, schema_version: 2, nodes: {{a: {{emit.text: 'x{}', routing: [{{to: b, condition: '{}'}}, \
             {{to: b}}]}}, b: {{emit.text: y, routing: out}}}}}}",
            quote(&template),
            quote(&condition)
        );
        if let Ok(definition) = compile_text(&text) {
            let _ = Program::new(definition).unwrap().turn("x", &input(event(&json!({"say": "hi"}))), &mut stage());
        }
    }
}

#[test]
fn a_definition_survives_its_bytes() {
    let definition = compile_text(FLOW).unwrap();
    let bytes = definition.to_cbor().unwrap();
    let back: Definition = ciborium::from_reader(bytes.as_slice()).unwrap();
    assert_eq!(back, definition);
}

#[test]
fn a_definition_of_another_version_is_refused_by_name() {
    let mut definition = compile_text(FLOW).unwrap();
    definition.version = 99;
    let error = Program::load(&definition.to_cbor().unwrap())
        .unwrap_err()
        .to_string();
    assert!(error.contains("version 99"), "{error}");
}

#[test]
fn a_snapshot_whose_node_is_gone_is_a_bad_snapshot_and_one_whose_flow_grew_goes_on() {
    let first = program()
        .turn(
            "welcome",
            &input(event(&json!({"say": "hi"}))),
            &mut stage(),
        )
        .unwrap();
    let answer = TurnInput {
        snapshot: first.snapshot,
        ..input(event(&json!({"say": "bye"})))
    };
    let renamed = FLOW.replace("choice", "chosen");
    let program = Program::new(compile_text(&renamed).unwrap()).unwrap();
    let error = program.turn("welcome", &answer, &mut stage()).unwrap_err();
    assert_eq!(
        error,
        FlowError::BadSnapshot("node `welcome/choice` is no longer there".into())
    );
    let grown = FLOW.replace(
        "nodes:\n",
        "nodes:\n  fresh: {emit.text: new, routing: [{to: known}]}\n",
    );
    let program = Program::new(compile_text(&grown).unwrap()).unwrap();
    assert_eq!(
        program.turn("welcome", &answer, &mut stage()).unwrap().path,
        ["welcome/choice", "welcome/bye"][1..]
    );
}

#[test]
fn a_snapshot_keeps_only_outputs_that_can_still_be_read() {
    let flow = |last: &str| {
        format!(
            "{{id: x, type: messaging, schema_version: 2, nodes: {{a: {{flow.pass: {{big: '{}'}}, routing: [{{to: w}}]}}, \
             w: {{session.wait: , routing: [{{to: e}}]}}, e: {{emit.text: 'x{last}', routing: out}}}}}}",
            "y".repeat(1000)
        )
    };
    let size = |last| {
        let program = Program::new(compile_text(&flow(last)).unwrap()).unwrap();
        let output = program
            .turn("x", &input(event(&json!({"say": "hi"}))), &mut stage())
            .unwrap();
        output.snapshot.unwrap().len()
    };
    assert!(size("") < 50);
    assert!(size("{{node.a.big}}") > 1000);
}

#[test]
fn flows_that_call_each_other_without_end_are_stopped_by_name() {
    let text =
        "{id: x, type: messaging, schema_version: 2, nodes: {a: {flow.call: x, routing: out}}}";
    let program = Program::new(compile_text(text).unwrap()).unwrap();
    let error = program
        .turn("x", &input(event(&json!({"say": "hi"}))), &mut stage())
        .unwrap_err();
    assert_eq!(error, FlowError::TooDeep { node: "x/a".into() });
}
