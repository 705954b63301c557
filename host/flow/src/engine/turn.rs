//! The loop of a turn: run a node, choose its route, until the conversation rests or ends.

use serde_json::{Map, Value, json};

use super::effects::{CallError, Effects};
use super::program::Program;
use super::snapshot::{Phase, Snapshot};
use super::world::{Frame, World};
use super::{
    FlowError, MAX_CALL_DEPTH, MAX_OUTBOUND, MAX_STEPS, TurnInput, TurnOutput, Wait, Wake,
};
use crate::eval::{Scope, holds, render};
use crate::ir::{Condition, LogLevel, Node, Target};
use crate::outbound::{Outbound, reply};

/// Outcome of a node that did what it should.
pub const SUCCESS: &str = "on_success";
/// Outcome of a node whose `when` did not hold.
pub const SKIPPED: &str = "skipped";

/// What a node leads to.
pub enum Step {
    /// It is done, with this outcome port; its output stands in the frame.
    Done(String),
    /// It failed.
    Failed(CallError),
    /// The conversation rests here.
    Rest(Phase, Option<u64>),
    /// Another flow runs first.
    Call(Frame),
    /// Another flow of this definition takes over.
    Move(Frame),
    /// Another pack takes over.
    Leave(String),
}

/// Where a route leads.
enum Way {
    To(usize),
    Out { reply: bool, status: Option<String> },
    Park,
}

/// A turn in progress.
pub struct Turn<'p, 'e> {
    pub world: World<'p>,
    pub effects: &'e mut dyn Effects,
    /// Flows that wait for the one that runs.
    pub callers: Vec<Frame>,
    pub outbound: Vec<Outbound>,
    path: Vec<String>,
}

impl Program {
    /// Runs one turn.
    ///
    /// An event that neither starts a flow nor ends its wait (typing, delivery status, …) changes nothing: the same
    /// snapshot comes back and nothing is sent.
    ///
    /// # Errors
    /// [`FlowError`]; nothing of the turn may be kept then.
    pub fn turn(
        &self,
        flow: &str,
        input: &TurnInput,
        effects: &mut dyn Effects,
    ) -> Result<TurnOutput, FlowError> {
        let snapshot = input
            .snapshot
            .as_deref()
            .map(Snapshot::decode)
            .transpose()?;
        let vars = Value::Object(
            snapshot
                .as_ref()
                .map(|snapshot| snapshot.vars.clone())
                .unwrap_or_default(),
        );
        let world = World {
            program: self,
            entry: input.event.entry(),
            response: input.event.response(),
            vars,
            state: Value::Object(Map::new()),
            now: input.now_ms.into(),
            locale: input.locale.as_str().into(),
            seed: input.seed,
        };
        let mut turn = Turn {
            world,
            effects,
            callers: Vec::new(),
            outbound: Vec::new(),
            path: Vec::new(),
        };
        let started = match snapshot {
            Some(snapshot) => turn.resume(snapshot, input)?,
            None => turn.start(flow, input)?,
        };
        match started {
            Some((frame, step)) => turn.run(frame, step),
            None => Ok(TurnOutput {
                snapshot: input.snapshot.clone(),
                wait: input.snapshot.is_some().then(Wait::default),
                ..TurnOutput::default()
            }),
        }
    }
}

impl<'p> Turn<'p, '_> {
    /// Goes on from `first` (or, when absent, by running the frame's node) until the conversation rests or ends.
    fn run(mut self, mut frame: Frame, first: Option<Step>) -> Result<TurnOutput, FlowError> {
        let mut pending = first;
        loop {
            let node = self.node(&frame)?;
            let step = match pending.take() {
                Some(step) => step,
                None => {
                    let name = self.name(&frame);
                    if self.path.len() >= MAX_STEPS {
                        return Err(FlowError::Runaway { node: name });
                    }
                    self.path.push(name);
                    self.execute(&mut frame, node)
                }
            };
            if self.outbound.len() > MAX_OUTBOUND {
                return Err(FlowError::TooLarge {
                    what: "list of messages",
                    limit: MAX_OUTBOUND,
                });
            }
            let port = match step {
                Step::Done(port) => port,
                Step::Failed(error) => self.fail(&mut frame, node, error)?,
                Step::Rest(phase, ttl_ms) => return self.rest(frame, phase, ttl_ms),
                Step::Call(callee) => {
                    if self.callers.len() >= MAX_CALL_DEPTH {
                        return Err(FlowError::TooDeep {
                            node: self.name(&frame),
                        });
                    }
                    self.callers.push(std::mem::replace(&mut frame, callee));
                    continue;
                }
                Step::Move(other) => {
                    frame = other;
                    continue;
                }
                Step::Leave(flow) => {
                    return Ok(TurnOutput {
                        outbound: self.outbound,
                        goto: Some(flow),
                        path: self.path,
                        ..TurnOutput::default()
                    });
                }
            };
            match self.route(&frame, node, &port)? {
                Way::To(next) => {
                    frame.prev = Some(frame.node);
                    frame.node = next;
                }
                Way::Park => return self.rest(frame, Phase::Parked, None),
                Way::Out {
                    reply: as_reply,
                    status,
                } => {
                    if as_reply && let Err(reason) = reply(frame.output(), &mut self.outbound) {
                        return Err(self.failed(&frame, invalid(reason)));
                    }
                    let Some(mut caller) = self.callers.pop() else {
                        return Ok(TurnOutput {
                            outbound: self.outbound,
                            path: self.path,
                            status,
                            ..TurnOutput::default()
                        });
                    };
                    let called = self.node(&caller)?;
                    caller.set_output(frame.output().clone());
                    frame = caller;
                    pending = Some(self.finish(&mut frame, called, SUCCESS));
                }
            }
        }
    }

    pub fn node(&self, frame: &Frame) -> Result<&'p Node, FlowError> {
        self.world.node(frame).ok_or_else(|| {
            FlowError::Internal("the definition names a node that is not in it".to_owned())
        })
    }

    pub fn name(&self, frame: &Frame) -> String {
        let flow = self.world.flow(frame).map_or("?", |flow| flow.id.as_str());
        let node = self.world.node(frame).map_or("?", |node| node.id.as_str());
        format!("{flow}/{node}")
    }

    /// Runs a node, unless its `when` does not hold.
    fn execute(&mut self, frame: &mut Frame, node: &'p Node) -> Step {
        if let Err(error) = self.world.fetch_state(&node.state_keys, self.effects) {
            return Step::Failed(error);
        }
        if let Some(condition) = &node.when {
            let scope = self.world.scope(frame);
            if !check(condition, &scope, node, self.effects) {
                frame.set_output(Value::Object(Map::new()));
                return Step::Done(SKIPPED.to_owned());
            }
        }
        match self.operate(frame, node) {
            Ok(step) => step,
            Err(error) => Step::Failed(error),
        }
    }

    /// Applies `out_map` to the output that stands in the frame, and tells the outcome port.
    pub fn finish(&mut self, frame: &mut Frame, node: &'p Node, port: &str) -> Step {
        let port = outcome(frame.output()).unwrap_or(port).to_owned();
        if let Some(map) = &node.out_map {
            let result = frame.output().clone();
            let scope = Scope {
                result: &result,
                output: &result,
                ..self.world.scope(frame)
            };
            match render(map, &scope) {
                Ok(mapped) => frame.set_output(mapped),
                Err(error) => return Step::Failed(invalid(error.to_string())),
            }
        }
        Step::Done(port)
    }

    /// Takes a failure to the node's error port, or ends the turn with it.
    fn fail(
        &mut self,
        frame: &mut Frame,
        node: &'p Node,
        error: CallError,
    ) -> Result<String, FlowError> {
        let own = match error.code.as_str() {
            "timeout" => "on_timeout",
            "cancelled" => "on_cancel",
            _ => "on_error",
        };
        let Some(port) = [own, "on_error"]
            .into_iter()
            .find(|port| node.ports.iter().any(|known| known == port))
        else {
            return Err(self.failed(frame, error));
        };
        let text = format!("node {}: {error}", node.id);
        self.effects.log(LogLevel::Warn, &text);
        let errors = json!([{
            "code": error.code, "message": error.message, "retryable": error.retryable, "node": node.id
        }]);
        let output = match &node.err_map {
            Some(map) => {
                let scope = Scope {
                    errors: &errors,
                    ..self.world.scope(frame)
                };
                render(map, &scope)
                    .map_err(|error| self.failed(frame, invalid(error.to_string())))?
            }
            None => json!({ "errors": errors }),
        };
        frame.set_output(output);
        Ok(port.to_owned())
    }

    fn failed(&self, frame: &Frame, error: CallError) -> FlowError {
        FlowError::NodeFailed {
            node: self.name(frame),
            code: error.code,
            message: error.message,
            retryable: error.retryable,
        }
    }

    /// The first route whose condition holds; then the default; then the end, or a rest when only conditions stand.
    fn route(&mut self, frame: &Frame, node: &'p Node, port: &str) -> Result<Way, FlowError> {
        if port == SKIPPED
            && let Some(target) = node.otherwise
        {
            return Ok(way(target, None));
        }
        let event = Value::from(port);
        let mut conditional = false;
        for route in &node.routes {
            let taken = match &route.condition {
                None => true,
                Some(condition) => {
                    conditional = true;
                    let output = frame.output();
                    let errors = output.get("errors").unwrap_or(&crate::eval::NULL);
                    let scope = Scope {
                        output,
                        event: &event,
                        errors,
                        ..self.world.scope(frame)
                    };
                    check(condition, &scope, node, self.effects)
                }
            };
            if taken {
                return Ok(way(route.target, route.status.clone()));
            }
        }
        if !conditional || port == SKIPPED {
            return Ok(Way::Out {
                reply: false,
                status: None,
            });
        }
        if matches!(port, "on_error" | "on_cancel" | "on_timeout") {
            let message = format!("no route of the node takes `{port}`: {}", frame.output());
            return Err(self.failed(
                frame,
                CallError {
                    code: "unrouted".to_owned(),
                    message,
                    retryable: false,
                },
            ));
        }
        Ok(Way::Park)
    }

    fn rest(
        mut self,
        frame: Frame,
        phase: Phase,
        ttl_ms: Option<u64>,
    ) -> Result<TurnOutput, FlowError> {
        let mut frames = Vec::with_capacity(self.callers.len() + 1);
        for caller in std::mem::take(&mut self.callers) {
            frames.push(self.save(caller, Phase::Calling)?);
        }
        let wake = if self
            .node(&frame)?
            .ports
            .iter()
            .any(|port| port == "on_timeout")
        {
            Wake::AtEnd
        } else {
            Wake::Never
        };
        frames.push(self.save(frame, phase)?);
        let vars = match self.world.vars {
            Value::Object(vars) => vars,
            _ => Map::new(),
        };
        let snapshot = Snapshot { frames, vars }.encode()?;
        Ok(TurnOutput {
            snapshot: Some(snapshot),
            outbound: self.outbound,
            wait: Some(Wait { ttl_ms, wake }),
            path: self.path,
            ..TurnOutput::default()
        })
    }
}

fn way(target: Target, status: Option<String>) -> Way {
    match target {
        Target::Node(index) => Way::To(usize::try_from(index).unwrap_or(usize::MAX)),
        Target::Out => Way::Out {
            reply: false,
            status,
        },
        Target::Reply => Way::Out {
            reply: true,
            status,
        },
    }
}

/// Whether a condition holds; one that has no value does not, and the log says why.
fn check(condition: &Condition, scope: &Scope<'_>, node: &Node, effects: &mut dyn Effects) -> bool {
    holds(condition, scope).unwrap_or_else(|error| {
        effects.log(
            LogLevel::Warn,
            &format!(
                "node {}: a condition does not hold because {error}",
                node.id
            ),
        );
        false
    })
}

/// The outcome port a component names in its output.
fn outcome(output: &Value) -> Option<&str> {
    let named = output
        .get("outcome")
        .or_else(|| output.get("metadata")?.get("outcome"))?
        .as_str()?;
    crate::PORTS.iter().copied().find(|port| *port == named)
}

/// A failure caused by what the flow says.
pub fn invalid(message: impl Into<String>) -> CallError {
    CallError {
        code: "invalid".to_owned(),
        message: message.into(),
        retryable: false,
    }
}
