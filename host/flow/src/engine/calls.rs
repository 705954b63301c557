//! What each operation does.

use serde_json::{Map, Value, json};

use super::effects::CallError;
use super::slots::extract;
use super::snapshot::Phase;
use super::turn::{SUCCESS, Step, Turn, invalid};
use super::world::{Frame, World, put};
use crate::eval::{Scope, as_text, render};
use crate::ir::{EmitKind, GotoTarget, Node, Operation, Payload, SlotType, SlotsFill};
use crate::outbound::{OutboundBody, QuickReply, outbound};

type Outcome = Result<Step, CallError>;

impl<'p> Turn<'p, '_> {
    /// Runs a node's operation.
    pub fn operate(&mut self, frame: &mut Frame, node: &'p Node) -> Outcome {
        match &node.operation {
            Operation::Emit(kind, payload) => {
                let payload = self.render(frame, payload)?;
                frame.set_output(payload.clone());
                outbound(*kind, payload, &mut self.outbound).map_err(invalid)?;
                Ok(self.finish(frame, node, SUCCESS))
            }
            Operation::Log { level, text } => {
                let text = self.render(frame, text)?;
                self.effects.log(*level, &as_text(&text));
                Ok(self.done(frame, node, text))
            }
            Operation::Wait { ttl_ms, .. } => Ok(Step::Rest(Phase::Waiting, *ttl_ms)),
            Operation::Pass(payload) => {
                let payload = self.render(frame, payload)?;
                Ok(self.done(frame, node, payload))
            }
            Operation::Call {
                flow,
                entrypoint,
                input,
            } => {
                let arguments = self.arguments(frame, node, input)?;
                self.enter(*flow, None, entrypoint.as_deref(), arguments)
                    .map(Step::Call)
            }
            Operation::Goto {
                target: GotoTarget::Foreign(flow),
                ..
            } => Ok(Step::Leave(flow.clone())),
            Operation::Goto {
                target: GotoTarget::Local { flow, node: to },
                input,
            } => {
                let arguments = self.arguments(frame, node, input)?;
                self.enter(*flow, *to, None, arguments).map(Step::Move)
            }
            Operation::VarSet(assignments) => {
                let mut output = Map::new();
                for (name, payload) in assignments {
                    let value = self.render(frame, payload)?;
                    self.world.set_var(name, value.clone());
                    output.insert(name.clone(), value);
                }
                Ok(self.done(frame, node, Value::Object(output)))
            }
            Operation::StateGet {
                scope,
                key,
                default,
            } => {
                let key = self.key(frame, key)?;
                let stored = self.effects.state_get(*scope, &key)?;
                let found = stored.is_some();
                let value = match (stored, default) {
                    (Some(value), _) => value,
                    (None, Some(default)) => self.render(frame, default)?,
                    (None, None) => Value::Null,
                };
                self.world.remember(*scope, &key, value.clone());
                Ok(self.done(
                    frame,
                    node,
                    json!({"key": key, "value": value, "found": found}),
                ))
            }
            Operation::StateSet {
                scope,
                entries,
                ttl_ms,
            } => {
                let mut output = Map::new();
                for (key, value) in entries {
                    let key = self.key(frame, key)?;
                    let value = self.render(frame, value)?;
                    self.effects.state_set(*scope, &key, &value, *ttl_ms)?;
                    self.world.remember(*scope, &key, value.clone());
                    output.insert(key, value);
                }
                Ok(self.done(frame, node, Value::Object(output)))
            }
            Operation::StateDelete { scope, key } => {
                let key = self.key(frame, key)?;
                self.effects.state_delete(*scope, &key)?;
                self.world.remember(*scope, &key, Value::Null);
                Ok(self.done(frame, node, json!({"key": key})))
            }
            Operation::SlotsFill(fill) => self.ask_slots(frame, node, fill),
            Operation::Tool {
                tool,
                server,
                arguments,
                save_as,
            } => {
                let arguments = Value::Object(self.arguments(frame, node, arguments)?);
                let server = server.as_deref().unwrap_or_default();
                let outcome = self
                    .effects
                    .call_tool(server, tool, &arguments, node.policy)?;
                if outcome.is_error {
                    return Err(CallError {
                        code: "tool-error".to_owned(),
                        message: outcome.text(),
                        retryable: false,
                    });
                }
                let output = outcome.into_output();
                if let Some(name) = save_as {
                    let structured = output.get("structured").filter(|value| !value.is_null());
                    let saved = structured
                        .or_else(|| output.get("text"))
                        .cloned()
                        .unwrap_or_default();
                    self.world.set_var(name, saved);
                }
                Ok(self.done(frame, node, output))
            }
            Operation::Component {
                component,
                operation,
                input,
            } => {
                let mut input = self.render(frame, input)?;
                self.overlay(frame, node, &mut input)?;
                let output = self
                    .effects
                    .invoke_node(component, operation, &input, node.policy)?;
                Ok(self.done(frame, node, output))
            }
        }
    }

    fn render(&self, frame: &Frame, payload: &'p Payload) -> Result<Value, CallError> {
        render(payload, &self.world.scope(frame)).map_err(|error| invalid(error.to_string()))
    }

    fn done(&mut self, frame: &mut Frame, node: &'p Node, output: Value) -> Step {
        frame.set_output(output);
        self.finish(frame, node, SUCCESS)
    }

    fn key(&self, frame: &Frame, payload: &'p Payload) -> Result<String, CallError> {
        let key = as_text(&self.render(frame, payload)?).into_owned();
        if key.is_empty() {
            Err(invalid("the state key is empty"))
        } else {
            Ok(key)
        }
    }

    /// The input of a call as an object, with `in_map` over it.
    fn arguments(
        &self,
        frame: &Frame,
        node: &'p Node,
        input: &'p Payload,
    ) -> Result<Map<String, Value>, CallError> {
        let mut input = match self.render(frame, input)? {
            Value::Null => Value::Object(Map::new()),
            other => other,
        };
        self.overlay(frame, node, &mut input)?;
        match input {
            Value::Object(fields) => Ok(fields),
            other => Err(invalid(format!("the input is {other}, not an object"))),
        }
    }

    fn overlay(&self, frame: &Frame, node: &'p Node, input: &mut Value) -> Result<(), CallError> {
        let Some(map) = &node.in_map else {
            return Ok(());
        };
        let mapped = self.render(frame, map)?;
        match (input, mapped) {
            (input @ Value::Object(_), Value::Object(fields)) => {
                for (name, value) in fields {
                    put(input, &name, value);
                }
            }
            (input, mapped) => *input = mapped,
        }
        Ok(())
    }

    fn enter(
        &self,
        flow: u32,
        node: Option<u32>,
        entrypoint: Option<&str>,
        arguments: Map<String, Value>,
    ) -> Result<Frame, CallError> {
        let index = usize::try_from(flow).unwrap_or(usize::MAX);
        let definition = self
            .world
            .program
            .definition
            .flows
            .get(index)
            .ok_or_else(|| invalid("the flow is not there"))?;
        let start = match node {
            Some(node) => usize::try_from(node).unwrap_or(usize::MAX),
            None => World::callee_start(definition, entrypoint),
        };
        Ok(Frame::new(index, start, definition, arguments))
    }

    fn ask_slots(&mut self, frame: &mut Frame, node: &'p Node, fill: &'p SlotsFill) -> Outcome {
        if fill.always {
            for (name, _) in self.slots_of(frame, fill) {
                put(&mut frame.slots, name, Value::Null);
            }
        }
        if self.missing(frame, fill).is_empty() {
            return Ok(self.filled(frame, node, fill));
        }
        self.prompt(frame, fill, &fill.prompt, &Value::Null)?;
        Ok(Step::Rest(Phase::Asking(0), fill.ttl_ms))
    }

    /// Takes an answer to `slots.fill`: fields of a form by their slot's name, a text for the first slot still open.
    pub fn answer_slots(
        &mut self,
        frame: &mut Frame,
        node: &'p Node,
        fill: &'p SlotsFill,
        attempts: u32,
    ) -> Outcome {
        let now_ms = self.world.now.as_u64().unwrap_or_default();
        let mut refused = Value::Null;
        let open = self.missing(frame, fill);
        for (name, accepts) in self.slots_of(frame, fill) {
            if !open.contains(&name) {
                continue;
            }
            let first = open.first() == Some(&name);
            let field = self
                .world
                .response
                .get("data")
                .and_then(|data| data.get(name));
            let text = self.world.response.get("text").filter(|_| first);
            let Some(answer) = field.or(text) else {
                continue;
            };
            let pattern = match accepts {
                SlotType::Text(pattern) => self.world.program.pattern(pattern),
                _ => None,
            };
            match extract(accepts, pattern, answer, now_ms) {
                Some(value) => put(&mut frame.slots, name, value),
                None if refused.is_null() => refused = answer.clone(),
                None => {}
            }
        }
        let still = self.missing(frame, fill);
        if still.is_empty() {
            return Ok(self.filled(frame, node, fill));
        }
        if still.first() != open.first() && refused.is_null() {
            self.prompt(frame, fill, &fill.prompt, &Value::Null)?;
            return Ok(Step::Rest(Phase::Asking(0), fill.ttl_ms));
        }
        let attempts = attempts.saturating_add(1);
        if fill.max_attempts > 0 && attempts >= fill.max_attempts {
            let name = still.first().copied().unwrap_or_default();
            let message = format!("no fitting answer for slot `{name}` after {attempts} attempts");
            return Err(CallError {
                code: "invalid-answer".to_owned(),
                message,
                retryable: false,
            });
        }
        self.prompt(
            frame,
            fill,
            fill.reask.as_ref().unwrap_or(&fill.prompt),
            &refused,
        )?;
        Ok(Step::Rest(Phase::Asking(attempts), fill.ttl_ms))
    }

    fn slots_of(&self, frame: &Frame, fill: &'p SlotsFill) -> Vec<(&'p str, &'p SlotType)> {
        let slots = self
            .world
            .flow(frame)
            .map(|flow| flow.slots.as_slice())
            .unwrap_or_default();
        let slot = |index: &u32| {
            let slot = slots.get(usize::try_from(*index).ok()?)?;
            Some((slot.name.as_str(), &slot.accepts))
        };
        fill.slots.iter().filter_map(slot).collect()
    }

    fn missing(&self, frame: &Frame, fill: &'p SlotsFill) -> Vec<&'p str> {
        let open = |name: &str| frame.slots.get(name).is_none_or(Value::is_null);
        self.slots_of(frame, fill)
            .into_iter()
            .map(|(name, _)| name)
            .filter(|name| open(name))
            .collect()
    }

    fn filled(&mut self, frame: &mut Frame, node: &'p Node, fill: &'p SlotsFill) -> Step {
        let mut output = Map::new();
        for (name, _) in self.slots_of(frame, fill) {
            output.insert(
                name.to_owned(),
                frame.slots.get(name).cloned().unwrap_or_default(),
            );
        }
        frame.set_output(Value::Object(output));
        self.finish(frame, node, "on_complete")
    }

    /// Sends a prompt; its templates see the open slot as `result`. A plain question for an enum brings its values along.
    fn prompt(
        &mut self,
        frame: &Frame,
        fill: &'p SlotsFill,
        prompt: &'p Payload,
        refused: &Value,
    ) -> Result<(), CallError> {
        let open = self.missing(frame, fill);
        let result = json!({"slot": open.first(), "missing": open, "answer": refused});
        let scope = Scope {
            result: &result,
            ..self.world.scope(frame)
        };
        let payload = render(prompt, &scope).map_err(|error| invalid(error.to_string()))?;
        let asked = self
            .slots_of(frame, fill)
            .into_iter()
            .find(|(name, _)| open.first() == Some(name));
        if let (Value::String(text), Some((_, SlotType::Enum(values)))) = (&payload, asked) {
            let option = |value: &String| QuickReply {
                title: value.clone(),
                value: value.clone(),
            };
            let options = values.iter().map(option).collect();
            let body = OutboundBody::QuickReplies {
                text: text.clone(),
                options,
            };
            self.outbound.push(crate::outbound::Outbound {
                reply_to: None,
                only_for: None,
                body,
            });
            return Ok(());
        }
        outbound(EmitKind::Response, payload, &mut self.outbound).map_err(invalid)
    }
}
