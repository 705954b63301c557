//! How a turn begins: a flow that starts, or a conversation that goes on; and how a flow is put to rest.

use serde_json::{Map, Value};

use super::snapshot::{Phase, SavedFrame, Snapshot};
use super::turn::{SUCCESS, Step, Turn};
use super::world::{Frame, World};
use super::{FlowError, TurnInput};
use crate::event::{EventBody, EventKind};
use crate::ir::{Flow, Operation};

/// Where a turn begins: a frame, and what its node already led to.
type Beginning = Option<(Frame, Option<Step>)>;

/// Name of the custom event by which a host tells that a wait's time is over.
pub const WAIT_TIMEOUT: &str = "wait-timeout";

impl<'p> Turn<'p, '_> {
    /// Starts a flow, if the event starts one.
    pub fn start(&mut self, flow: &str, input: &TurnInput) -> Result<Beginning, FlowError> {
        let index = self
            .world
            .program
            .index_of(flow)
            .ok_or_else(|| FlowError::UnknownFlow(flow.to_owned()))?;
        let definition = self.definition(index)?;
        let Some(node) = first_node(definition, input) else {
            return Ok(None);
        };
        let mut frame = Frame::new(index, node, definition, input.parameters.clone());
        frame.arguments = Map::new();
        Ok(Some((frame, None)))
    }

    /// Goes on with a conversation, if the event ends its rest.
    pub fn resume(
        &mut self,
        snapshot: Snapshot,
        input: &TurnInput,
    ) -> Result<Beginning, FlowError> {
        let mut frames = Vec::with_capacity(snapshot.frames.len());
        let mut phase = Phase::Waiting;
        for (depth, saved) in snapshot.frames.into_iter().enumerate() {
            phase = saved.phase;
            frames.push(self.restore(saved, depth == 0, input)?);
        }
        let Some(mut frame) = frames.pop() else {
            return Err(FlowError::BadSnapshot("it holds no flow".to_owned()));
        };
        if let Some(restarted) = self.interrupt(frames.first().unwrap_or(&frame), input)? {
            return Ok(Some((restarted, None)));
        }
        self.callers = frames;
        let node = self.node(&frame)?;
        let kind = input.event.kind();
        let over =
            matches!(&input.event.body, EventBody::Custom { name, .. } if name == WAIT_TIMEOUT);
        let port = match (kind, over) {
            (_, true) => "on_timeout",
            (EventKind::Postback, _) => "on_submit",
            _ => SUCCESS,
        };
        let accepted = match &node.operation {
            Operation::Wait { accepts, .. } if !accepts.is_empty() => accepts.contains(&kind),
            _ => kind.speaks(),
        };
        if over && !node.ports.iter().any(|port| port == "on_timeout") || !over && !accepted {
            return Ok(None);
        }
        self.world
            .fetch_state(&node.state_keys, self.effects)
            .map_err(|error| FlowError::NodeFailed {
                node: self.name(&frame),
                code: error.code,
                message: error.message,
                retryable: error.retryable,
            })?;
        let step = match phase {
            Phase::Waiting => {
                frame.set_output(self.world.response.clone());
                self.finish(&mut frame, node, port)
            }
            Phase::Parked => Step::Done(port.to_owned()),
            Phase::Asking(_) if over => Step::Done(port.to_owned()),
            Phase::Asking(attempts) => match &node.operation {
                Operation::SlotsFill(fill) => self
                    .answer_slots(&mut frame, node, fill, attempts)
                    .unwrap_or_else(Step::Failed),
                _ => {
                    return Err(FlowError::BadSnapshot(format!(
                        "`{}` no longer asks",
                        self.name(&frame)
                    )));
                }
            },
            Phase::Calling => {
                return Err(FlowError::BadSnapshot(
                    "the called flow is missing".to_owned(),
                ));
            }
        };
        Ok(Some((frame, Some(step))))
    }

    /// A command that the first flow has an entrypoint for leaves whatever goes on and starts there.
    fn interrupt(&self, first: &Frame, input: &TurnInput) -> Result<Option<Frame>, FlowError> {
        let EventBody::Command { name, .. } = &input.event.body else {
            return Ok(None);
        };
        let flow = self.definition(first.flow)?;
        let Some(node) = entrypoint(flow, &format!("command:{name}")) else {
            return Ok(None);
        };
        let mut frame = Frame::new(first.flow, node, flow, input.parameters.clone());
        frame.arguments = Map::new();
        Ok(Some(frame))
    }

    fn definition(&self, flow: usize) -> Result<&'p Flow, FlowError> {
        let flows = &self.world.program.definition.flows;
        flows.get(flow).ok_or_else(|| {
            FlowError::Internal("the definition names a flow that is not in it".to_owned())
        })
    }

    fn restore(
        &self,
        saved: SavedFrame,
        first: bool,
        input: &TurnInput,
    ) -> Result<Frame, FlowError> {
        let gone = |what: &str, name: &str| {
            FlowError::BadSnapshot(format!("{what} `{name}` is no longer there"))
        };
        let flow = self
            .world
            .program
            .index_of(&saved.flow)
            .ok_or_else(|| gone("flow", &saved.flow))?;
        let definition = self.definition(flow)?;
        let position = |id: &str| definition.nodes.iter().position(|node| node.id == id);
        let node = position(&saved.node)
            .ok_or_else(|| gone("node", &format!("{}/{}", saved.flow, saved.node)))?;
        let arguments = if first {
            input.parameters.clone()
        } else {
            saved.arguments
        };
        let mut frame = Frame::new(flow, node, definition, arguments);
        if first {
            frame.arguments = Map::new();
        }
        frame.slots = Value::Object(saved.slots);
        frame.prev = saved.prev.as_deref().and_then(position);
        for (id, value) in saved.outputs {
            // An output of a node that is gone can be read by nobody.
            if let Some(place) = position(&id).and_then(|index| frame.outputs.get_mut(index)) {
                *place = Some(value);
            }
        }
        Ok(frame)
    }

    /// A frame as the snapshot keeps it: only outputs that can still be read.
    pub fn save(&self, mut frame: Frame, phase: Phase) -> Result<SavedFrame, FlowError> {
        let flow = self.definition(frame.flow)?;
        let node = self.node(&frame)?;
        let mut kept: Vec<usize> = node
            .keep
            .iter()
            .filter_map(|index| usize::try_from(*index).ok())
            .collect();
        let prev = match phase {
            Phase::Asking(_) | Phase::Calling => frame.prev,
            Phase::Parked => {
                kept.push(frame.node);
                frame.prev
            }
            Phase::Waiting => None,
        };
        kept.extend(prev);
        kept.sort_unstable();
        kept.dedup();
        let mut outputs = Vec::with_capacity(kept.len());
        for index in kept {
            let value = frame.outputs.get_mut(index).and_then(Option::take);
            if let (Some(value), Some(node)) = (value, flow.nodes.get(index)) {
                outputs.push((node.id.clone(), value));
            }
        }
        let slots = match frame.slots {
            Value::Object(slots) => slots,
            _ => Map::new(),
        };
        Ok(SavedFrame {
            flow: flow.id.clone(),
            node: node.id.clone(),
            phase,
            prev: prev
                .and_then(|index| flow.nodes.get(index))
                .map(|node| node.id.clone()),
            outputs,
            slots,
            arguments: frame.arguments,
        })
    }
}

fn entrypoint(flow: &Flow, name: &str) -> Option<usize> {
    let found = flow.entrypoints.iter().find(|(known, _)| known == name)?;
    usize::try_from(found.1).ok()
}

/// The node a flow starts at for this event; `None` when the event does not start it.
fn first_node(flow: &Flow, input: &TurnInput) -> Option<usize> {
    if let Some(node) = input
        .entrypoint
        .as_deref()
        .and_then(|name| entrypoint(flow, name))
    {
        return Some(node);
    }
    if let EventBody::Command { name, .. } = &input.event.body
        && let Some(node) = entrypoint(flow, &format!("command:{name}"))
    {
        return Some(node);
    }
    let kind = input.event.kind();
    if let Some(node) = entrypoint(flow, &format!("event:{}", kind.name())) {
        return Some(node);
    }
    if !kind.speaks() {
        return None;
    }
    entrypoint(flow, "default").or_else(|| usize::try_from(flow.start).ok())
}

impl World<'_> {
    /// The node a called flow starts at.
    pub fn callee_start(flow: &Flow, name: Option<&str>) -> usize {
        let named = name
            .and_then(|name| entrypoint(flow, name))
            .or_else(|| entrypoint(flow, "default"));
        named.unwrap_or_else(|| usize::try_from(flow.start).unwrap_or_default())
    }
}
