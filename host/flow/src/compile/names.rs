//! The names a flow may use, and what a path means.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use greentic_diagnostics::{Report, Span, suggest};

use super::file::RawFlow;
use super::operation::known_fields;
use crate::event::Event;
use crate::ir::{Path, Root, StateKey, StateScope};

/// Names all flows of a compilation share.
pub struct World {
    /// Flow ids in the order of the definition, with their node ids and entrypoints.
    pub flows: Vec<FlowNames>,
    /// Variables any flow sets.
    pub vars: BTreeSet<String>,
}

/// The names of one flow.
pub struct FlowNames {
    /// Its id.
    pub id: String,
    /// Node ids in order.
    pub nodes: Vec<String>,
    /// Fields of each node's output where the file tells them all.
    pub fields: Vec<Option<Vec<String>>>,
    /// Parameters.
    pub params: Vec<String>,
    /// Slots.
    pub slots: Vec<String>,
    /// Entrypoints.
    pub entrypoints: Vec<String>,
}

impl FlowNames {
    /// No names at all.
    pub fn empty() -> Self {
        Self {
            id: String::new(),
            nodes: Vec::new(),
            fields: Vec::new(),
            params: Vec::new(),
            slots: Vec::new(),
            entrypoints: Vec::new(),
        }
    }
}

impl World {
    /// Collects the names of all flows.
    pub fn of(raw: &[RawFlow<'_>]) -> Self {
        let mut vars = BTreeSet::new();
        let flow = |flow: &RawFlow<'_>| FlowNames {
            id: flow.id.value.clone(),
            nodes: flow
                .nodes
                .iter()
                .map(|node| node.id.value.clone())
                .collect(),
            fields: flow.nodes.iter().map(known_fields).collect(),
            params: flow.parameters.keys().cloned().collect(),
            slots: flow.slots.iter().map(|slot| slot.name.clone()).collect(),
            entrypoints: flow
                .entrypoints
                .iter()
                .map(|(name, _)| name.value.clone())
                .collect(),
        };
        for node in raw.iter().flat_map(|flow| &flow.nodes) {
            vars.extend(super::operation::variables(node));
        }
        Self {
            flows: raw.iter().map(flow).collect(),
            vars,
        }
    }

    /// The place of a flow in the definition.
    pub fn flow(&self, id: &str) -> Option<usize> {
        self.flows.iter().position(|flow| flow.id == id)
    }
}

/// What one node's texts may refer to; collects what they do.
pub struct Names<'a> {
    pub world: &'a World,
    pub flow: &'a FlowNames,
    pub report: &'a Report,
    /// The node's index.
    pub node: usize,
    /// State keys read.
    pub state_keys: RefCell<Vec<StateKey>>,
    /// Nodes whose output is read.
    pub reads: RefCell<BTreeSet<u32>>,
    /// Error ports its conditions test.
    pub ports: RefCell<BTreeSet<String>>,
    /// Whether `result` means something here.
    pub result: Cell<bool>,
    /// Whether `errors` means something here.
    pub errors: Cell<bool>,
}

/// Where a path stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In a condition after the node ran: its output's fields stand at the top.
    Routing,
    /// In a `when`, before it.
    When,
    /// In a template.
    Template,
    /// In a rule that chooses a flow: nothing has run, so there is the event and nothing else.
    Rule,
}

impl<'a> Names<'a> {
    pub fn new(world: &'a World, flow: &'a FlowNames, report: &'a Report, node: usize) -> Self {
        Self {
            world,
            flow,
            report,
            node,
            state_keys: RefCell::default(),
            reads: RefCell::default(),
            ports: RefCell::default(),
            result: Cell::new(false),
            errors: Cell::new(false),
        }
    }

    /// Looks a path up; reports at `span` and gives `None` when it cannot resolve.
    pub fn resolve(&self, steps: &[String], place: Place, span: Span) -> Option<Path> {
        let (first, rest) = steps.split_first()?;
        if place == Place::Rule {
            return self.event_path(steps, span);
        }
        let root = match first.as_str() {
            "node" => return self.node_path(rest, span),
            "state" => return self.state_path(rest, span),
            name => Root::named(name),
        };
        let Some(root) = root else {
            return self.output_path(steps, place, span);
        };
        let declared = match root {
            Root::Params => Some(("parameter", &self.flow.params)),
            Root::Slots => Some(("slot", &self.flow.slots)),
            _ => None,
        };
        if let (Some((what, names)), Some(name)) = (declared, rest.first())
            && !names.contains(name)
        {
            self.unknown(
                span,
                "unknown-path",
                what,
                name,
                names.iter().map(String::as_str),
            );
            return None;
        }
        if root == Root::Vars
            && let Some(name) = rest.first()
            && !self.world.vars.contains(name)
        {
            let message = format!("nothing sets the variable `{name}`");
            let note = self.report.warning(span, "unset-variable", message);
            if let Some(near) = suggest(name, self.world.vars.iter().map(String::as_str)) {
                note.help(format!("did you mean `vars.{near}`?"));
            }
        }
        if root == Root::Entry {
            self.check_event_field(rest, span)?;
        }
        let misplaced = match root {
            Root::Result => !self.result.get(),
            Root::Errors => !self.errors.get(),
            Root::Event => place != Place::Routing,
            _ => false,
        };
        if misplaced {
            let allowed = match root {
                Root::Result => "`out_map` and the questions of `slots.fill`",
                Root::Errors => "`err_map` and the routing of a node with an error port",
                _ => "routing",
            };
            let message = format!("`{first}` means something only in {allowed}");
            self.report.error(span, "unknown-path", message);
            return None;
        }
        Some(Path {
            root,
            steps: rest.to_vec(),
        })
    }

    /// A path of a rule: `event` and what is in it. `entry` and `in` are its names inside a flow and are understood too.
    fn event_path(&self, steps: &[String], span: Span) -> Option<Path> {
        let (first, rest) = steps.split_first()?;
        if !Self::EVENT_NAMES.contains(&first.as_str()) {
            let near = suggest(first, Self::EVENT_NAMES)
                .map(str::to_owned)
                .or_else(|| {
                    let is_field = Event::ENTRY_FIELDS.contains(&first.as_str());
                    is_field.then(|| format!("event.{first}"))
                });
            let message = match near {
                Some(near) => format!("`{first}` is not known in a rule; did you mean `{near}`?"),
                None => format!("`{first}` is not known in a rule"),
            };
            self.report.error(span, "unknown-path", message).help(
                "a rule sees the event only, as in `event.text` or `event.conversation.kind`",
            );
            return None;
        }
        self.check_event_field(rest, span)?;
        Some(Path {
            root: Root::Entry,
            steps: rest.to_vec(),
        })
    }

    /// What the event is called in a rule.
    const EVENT_NAMES: [&'static str; 3] = ["event", "entry", "in"];

    fn check_event_field(&self, steps: &[String], span: Span) -> Option<()> {
        match steps.first() {
            Some(name) if !Event::ENTRY_FIELDS.contains(&name.as_str()) => {
                self.unknown(
                    span,
                    "unknown-path",
                    "field of an event",
                    name,
                    Event::ENTRY_FIELDS,
                );
                None
            }
            _ => Some(()),
        }
    }

    fn unknown<'w>(
        &self,
        span: Span,
        code: &'static str,
        what: &str,
        name: &str,
        known: impl IntoIterator<Item = &'w str>,
    ) {
        let known: Vec<&str> = known.into_iter().collect();
        let note = match suggest(name, known.iter().copied()) {
            Some(near) => {
                self.report.error(
                    span,
                    code,
                    format!("there is no {what} `{name}`; did you mean `{near}`?"),
                );
                return;
            }
            None => self
                .report
                .error(span, code, format!("there is no {what} `{name}`")),
        };
        if known.is_empty() {
            note.help("the flow declares none");
        } else {
            note.help(format!("there are {}", known.join(", ")));
        }
    }

    fn node_path(&self, rest: &[String], span: Span) -> Option<Path> {
        let Some((id, steps)) = rest.split_first() else {
            self.report.error(
                span,
                "unknown-path",
                "`node` needs the id of a node, as in `node.lookup.text`",
            );
            return None;
        };
        let Some(index) = self.flow.nodes.iter().position(|known| known == id) else {
            self.unknown(
                span,
                "unknown-node",
                "node",
                id,
                self.flow.nodes.iter().map(String::as_str),
            );
            return None;
        };
        self.check_field(index, steps, span)?;
        let index = u32::try_from(index).ok()?;
        self.reads.borrow_mut().insert(index);
        Some(Path {
            root: Root::Node(index),
            steps: steps.to_vec(),
        })
    }

    /// Refuses a field an output cannot have.
    fn check_field(&self, index: usize, steps: &[String], span: Span) -> Option<()> {
        let (Some(Some(fields)), Some(field)) = (self.flow.fields.get(index), steps.first()) else {
            return Some(());
        };
        if fields.contains(field) || field == "errors" {
            return Some(());
        }
        let id = self.flow.nodes.get(index).map_or("?", String::as_str);
        let what = format!("field of the output of `{id}`");
        self.unknown(
            span,
            "unknown-path",
            &what,
            field,
            fields.iter().map(String::as_str),
        );
        None
    }

    fn state_path(&self, rest: &[String], span: Span) -> Option<Path> {
        let scope = rest
            .first()
            .and_then(|name| StateScope::NAMES.iter().find(|(known, _)| known == name));
        let (spelt, scope, key) = match scope {
            Some((_, scope)) => (true, *scope, rest.get(1)),
            None => (false, StateScope::User, rest.first()),
        };
        let Some(key) = key else {
            self.report.error(
                span,
                "unknown-path",
                "`state` needs a key, as in `state.tickets`",
            );
            return None;
        };
        let entry = StateKey {
            scope,
            key: key.clone(),
            spelt,
        };
        let mut keys = self.state_keys.borrow_mut();
        if !keys.contains(&entry) {
            keys.push(entry);
        }
        Some(Path {
            root: Root::State,
            steps: rest.to_vec(),
        })
    }

    /// A path without a known root: a field of the node's own output, where that is in sight.
    fn output_path(&self, steps: &[String], place: Place, span: Span) -> Option<Path> {
        let first = steps.first()?;
        if place == Place::Routing {
            let fields = self.flow.fields.get(self.node).and_then(Option::as_ref);
            if let (None, Some(near)) = (fields, suggest(first, Root::NAMES)) {
                self.report
                    .warning(
                        span,
                        "near-name",
                        format!("`{first}` is taken for a field of the node's output"),
                    )
                    .help(format!("did you mean `{near}`?"));
            }
            if fields.is_none_or(|fields| fields.contains(first)) {
                return Some(Path {
                    root: Root::Output,
                    steps: steps.to_vec(),
                });
            }
        }
        let near = suggest(first, Root::NAMES).map(str::to_owned);
        let message = match &near {
            Some(near) => format!("`{first}` is not known here; did you mean `{near}`?"),
            None => format!("`{first}` is not known here"),
        };
        let note = self.report.error(span, "unknown-path", message);
        if place == Place::Routing && near.is_none() {
            let fields: Vec<&str> = self
                .flow
                .fields
                .get(self.node)
                .and_then(Option::as_ref)
                .into_iter()
                .flatten()
                .map(String::as_str)
                .collect();
            note.help(format!(
                "this node's output has {}; other values start with {}",
                if fields.is_empty() {
                    "no fields".to_owned()
                } else {
                    fields.join(", ")
                },
                Root::NAMES.join(", ")
            ));
        } else if near.is_none() {
            note.help(format!(
                "a path starts with one of {}",
                Root::NAMES.join(", ")
            ));
        }
        None
    }

    /// Reports an unknown flow.
    pub fn unknown_flow(&self, span: Span, id: &str) {
        self.unknown(
            span,
            "unknown-flow",
            "flow",
            id,
            self.world.flows.iter().map(|flow| flow.id.as_str()),
        );
    }

    /// Reports an unknown node of this or another flow.
    pub fn unknown_node(&self, span: Span, id: &str, of: &FlowNames) {
        self.unknown(
            span,
            "unknown-node",
            "node",
            id,
            of.nodes.iter().map(String::as_str),
        );
    }

    /// Reports an unknown slot.
    pub fn unknown_slot(&self, span: Span, name: &str) {
        self.unknown(
            span,
            "unknown-slot",
            "slot",
            name,
            self.flow.slots.iter().map(String::as_str),
        );
    }
}
