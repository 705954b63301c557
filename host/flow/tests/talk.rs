//! Conversations, a folder each in `cases/talks`: flows, a script of what is said, and what must come back.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod stage;

use std::fs;
use std::path::Path;

use greentic_diagnostics::{Report, Source, yaml};
use greentic_flow::{Program, TurnInput, TurnOutput};
use serde_json::Value;
use stage::{Stage, compile_folder, event, input, spoken};

fn folders(of: &str) -> Vec<std::path::PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/cases")
        .join(of);
    let mut folders: Vec<_> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    folders.sort();
    folders
}

fn script(folder: &Path) -> Value {
    let path = folder.join("talk.yaml");
    let source = Source::new(
        path.display().to_string(),
        fs::read_to_string(&path).unwrap(),
    );
    let report = Report::new(&source);
    let root = yaml::read(&report);
    let found = report.into_diagnostics();
    assert!(found.is_empty(), "{}", found.render(false));
    root.unwrap().to_json()
}

#[test]
fn every_conversation_goes_as_its_script_says_and_again_when_replayed() {
    let folders = folders("talks");
    assert!(folders.len() >= 5, "the cases are gone");
    for folder in folders {
        let definition = compile_folder(&folder).unwrap();
        let program = Program::load(&definition.to_cbor().unwrap()).unwrap();
        let script = script(&folder);
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        run(&name, &program, &script);
    }
}

#[test]
fn the_demo_s_conversation_goes_as_its_script_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs/helpdesk");
    let definition = compile_folder(&folder.join("flows")).unwrap();
    let program = Program::load(&definition.to_cbor().unwrap()).unwrap();
    run("packs/helpdesk", &program, &script(&folder));
}

fn run(name: &str, program: &Program, script: &Value) {
    let flow = script["flow"].as_str().unwrap();
    let mut stage = Stage::new(&script["answers"]);
    let mut snapshot = None;
    for (number, turn) in script["turns"].as_array().unwrap().iter().enumerate() {
        let place = format!("{name}, turn {}", number + 1);
        let input = TurnInput {
            snapshot: snapshot.clone(),
            ..input(event(turn))
        };
        stage.calls.clear();
        let before = stage.clone();
        let outcome = program.turn(flow, &input, &mut stage);
        let mut again = before;
        assert_eq!(
            program.turn(flow, &input, &mut again),
            outcome,
            "{place}: a replay differs"
        );
        if let Some(expected) = turn.get("fails") {
            let error = outcome.expect_err(&place).to_string();
            assert!(
                error.contains(expected.as_str().unwrap()),
                "{place}: {error}"
            );
            snapshot = None;
            continue;
        }
        let output = outcome.unwrap_or_else(|error| panic!("{place}: {error}"));
        check(&place, turn, &output, &stage);
        snapshot = output.snapshot;
    }
}

fn check(place: &str, turn: &Value, output: &TurnOutput, stage: &Stage) {
    let said: Vec<String> = output.outbound.iter().map(spoken).collect();
    let texts = |key: &str| -> Option<Vec<String>> {
        let list = turn
            .get(key)?
            .as_array()
            .unwrap_or_else(|| panic!("{place}: {key}"));
        Some(
            list.iter()
                .map(|item| item.as_str().unwrap().to_owned())
                .collect(),
        )
    };
    assert_eq!(said, texts("expect").unwrap_or_default(), "{place}");
    if let Some(path) = texts("path") {
        let nodes: Vec<&str> = output
            .path
            .iter()
            .map(|node| node.split_once('/').unwrap().1)
            .collect();
        assert_eq!(nodes, path, "{place}");
    }
    if let Some(calls) = texts("calls") {
        assert_eq!(stage.calls, calls, "{place}");
    }
    let goto = turn.get("goto").and_then(Value::as_str);
    assert_eq!(output.goto.as_deref(), goto, "{place}");
    let ended = turn.get("ended").is_some() || goto.is_some();
    assert_eq!(output.snapshot.is_none(), ended, "{place}: ended");
    assert_eq!(output.wait.is_none(), ended, "{place}: wait");
    if let Some(ttl) = turn.get("ttl_ms") {
        assert_eq!(output.wait.unwrap().ttl_ms, ttl.as_u64(), "{place}");
    }
    if let Some(status) = turn.get("status") {
        assert_eq!(output.status.as_deref(), status.as_str(), "{place}");
    }
}
