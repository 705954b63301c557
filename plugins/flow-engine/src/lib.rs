//! Runs `.ygtc` flows.
//!
//! All of the meaning is in `greentic-flow`; this component maps the contract's types to that crate's and keeps the
//! definitions it was given. It holds nothing of a conversation: two turns may run on two instances.

mod answers;
mod inbound;
mod outgoing;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use greentic_flow::{FlowError as Fault, Program, TurnInput as Turn, Wake as Rest};
use greentic_sdk::flow::{
    Descriptor, Flow, FlowError, FlowInfo, NodeFailure, TurnInput, TurnOutput, Wait, Wake,
};
use greentic_sdk::model::About;
use serde_json::{Map, Value};

use answers::Host;

/// Most nodes a turn reports in its path; the contract's limit.
const MAX_PATH: usize = 1024;

/// The component.
pub struct FlowEngine;

thread_local! {
    static PROGRAMS: RefCell<HashMap<String, Rc<Program>>> = RefCell::default();
}

impl Flow for FlowEngine {
    fn describe() -> Descriptor {
        Descriptor {
            about: About::new("flow-engine", env!("CARGO_PKG_VERSION"), "runs .ygtc flows"),
        }
    }

    fn load(name: String, definition: Vec<u8>) -> Result<FlowInfo, FlowError> {
        let program = Program::load(&definition)
            .map_err(|error| FlowError::BadDefinition(error.to_string()))?;
        let flows = program.flows().map(str::to_owned).collect();
        PROGRAMS.with_borrow_mut(|programs| programs.insert(name, Rc::new(program)));
        Ok(FlowInfo { flows })
    }

    fn turn(input: TurnInput) -> Result<TurnOutput, FlowError> {
        let program = PROGRAMS.with_borrow(|programs| programs.get(&input.definition).cloned());
        let Some(program) = program else {
            return Err(FlowError::BadDefinition(format!(
                "`{}` was not loaded",
                input.definition
            )));
        };
        let conversation = input.event.conversation.clone();
        let turn = Turn {
            event: inbound::event(input.event).map_err(FlowError::Internal)?,
            snapshot: input.snapshot,
            entrypoint: None,
            parameters: parameters(&input.parameters)?,
            now_ms: input.now_ms,
            locale: input.locale,
            seed: input.seed,
        };
        let output = program.turn(&input.flow, &turn, &mut Host).map_err(fault)?;
        let mut path = output.path;
        path.truncate(MAX_PATH);
        Ok(TurnOutput {
            snapshot: output.snapshot,
            outbound: output
                .outbound
                .into_iter()
                .map(|one| outgoing::outbound(one, &conversation))
                .collect(),
            wait: output.wait.map(|wait| Wait {
                ttl_ms: wait.ttl_ms,
                wake: match wait.wake {
                    Rest::Unchanged => Wake::Unchanged,
                    Rest::Never => Wake::Never,
                    Rest::AtEnd => Wake::AtEnd,
                },
            }),
            goto: output.goto,
            path,
        })
    }
}

fn parameters(json: &str) -> Result<Map<String, Value>, FlowError> {
    if json.is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_str(json).map_err(|error| {
        FlowError::Internal(format!(
            "the binding's parameters are no JSON object: {error}"
        ))
    })
}

fn fault(fault: Fault) -> FlowError {
    let text = fault.to_string();
    match fault {
        Fault::UnknownFlow(_) => FlowError::BadDefinition(text),
        Fault::BadSnapshot(_) => FlowError::BadSnapshot(text),
        Fault::NodeFailed {
            node,
            code,
            message,
            retryable,
        } => FlowError::NodeFailed(NodeFailure {
            node,
            message: format!("{code}: {message}"),
            retryable,
        }),
        Fault::Runaway { .. } | Fault::TooDeep { .. } => FlowError::Runaway(text),
        Fault::TooLarge { .. } | Fault::Internal(_) => FlowError::Internal(text),
    }
}

greentic_sdk::export_flow!(FlowEngine);
