//! What the engine is given: flows with every name resolved.
//!
//! A definition is all flows of one pack, so that they can call each other. It travels as CBOR with a version in front;
//! an engine refuses a version it does not know instead of guessing.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Condition, Payload};
use crate::event::EventKind;

/// Version of the intermediate representation written and read by this crate.
pub const IR_VERSION: u16 = 1;

/// All flows of a pack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// [`IR_VERSION`] of the writer.
    pub version: u16,
    /// The flows, in the order of the files.
    pub flows: Vec<Flow>,
}

/// One flow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Flow {
    /// Its id, unique in the definition.
    pub id: String,
    /// For people; may be empty.
    pub title: String,
    /// The `type` of the file, for example `messaging`.
    pub kind: String,
    /// Index of the first node.
    pub start: u32,
    /// Named starts: `default`, `command:<name>`, `event:<kind>` or any name the host asks for.
    pub entrypoints: Vec<(String, u32)>,
    /// Parameters with their defaults.
    pub parameters: Map<String, Value>,
    /// Slots of the flow.
    pub slots: Vec<Slot>,
    /// Nodes in file order.
    pub nodes: Vec<Node>,
}

/// A value a flow asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Slot {
    /// Its name, read as `slots.<name>`.
    pub name: String,
    /// What it accepts.
    pub accepts: SlotType,
    /// Whether `slots.fill` without a list asks for it.
    pub required: bool,
    /// Value at the start of the flow.
    pub default: Option<Value>,
}

/// What a slot accepts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum SlotType {
    /// Text in which this pattern is found; the first group, or the whole match, is the value.
    Text(String),
    /// One of these, without case.
    Enum(Vec<String>),
    /// The first number in the answer.
    Number,
    /// A calendar date; the value is `YYYY-MM-DD`.
    Date,
    /// Yes or no.
    Boolean,
}

/// One node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Its id, unique in the flow.
    pub id: String,
    /// What it does.
    pub operation: Operation,
    /// Where it goes, first match; empty means the flow ends here.
    pub routes: Vec<Route>,
    /// Runs only when this holds; otherwise it is skipped with the outcome `skipped`.
    pub when: Option<Condition>,
    /// Where a skipped node goes, when the file says so.
    pub otherwise: Option<Target>,
    /// Time and attempts the host is asked to allow for its call.
    pub policy: CallPolicy,
    /// Merged over the input of a call.
    pub in_map: Option<Payload>,
    /// Makes the node's output out of `result`.
    pub out_map: Option<Payload>,
    /// Makes the node's output out of `errors` on an error port.
    pub err_map: Option<Payload>,
    /// Error ports its routing names; with none a failure ends the flow.
    pub ports: Vec<String>,
    /// State keys its templates and conditions read.
    pub state_keys: Vec<StateKey>,
    /// Nodes whose outputs may still be read after a wait here: what a snapshot keeps.
    pub keep: Vec<u32>,
    /// Span name for telemetry.
    pub span: Option<String>,
}

/// One way out of a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Route {
    /// Taken when this holds; `None` is the default route.
    pub condition: Option<Condition>,
    /// Where to.
    pub target: Target,
    /// A label of the ending, for the host.
    pub status: Option<String>,
}

/// Where a route leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// To a node of the flow.
    Node(u32),
    /// The flow ends.
    Out,
    /// The node's output is sent as a message, then the flow ends.
    Reply,
}

/// What the host is asked to do around a call. The guest never sleeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CallPolicy {
    /// Longest time for one attempt, in milliseconds; 0 leaves it to the host.
    pub timeout_ms: u32,
    /// Attempts in all, at least 1; 0 leaves it to the host.
    pub max_attempts: u32,
    /// First pause between attempts, in milliseconds; doubles each time.
    pub backoff_ms: u32,
    /// Longest pause, in milliseconds; 0 leaves it to the host.
    pub max_backoff_ms: u32,
}

/// What a node does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Operation {
    /// Sends something to the user.
    Emit(EmitKind, Payload),
    /// Writes to the log.
    Log {
        /// `debug`, `info`, `warn` or `error`.
        level: LogLevel,
        /// What.
        text: Payload,
    },
    /// Waits for the user.
    Wait {
        /// How long the conversation may rest, in milliseconds.
        ttl_ms: Option<u64>,
        /// Kinds of events that go on.
        accepts: Vec<EventKind>,
    },
    /// Calls another flow and comes back with its last output.
    Call {
        /// Index in the definition.
        flow: u32,
        /// Named start in the callee.
        entrypoint: Option<String>,
        /// Parameters for the callee.
        input: Payload,
    },
    /// Goes to another flow and does not come back.
    Goto {
        /// Where.
        target: GotoTarget,
        /// Parameters for it.
        input: Payload,
    },
    /// Sets conversation variables.
    VarSet(Vec<(String, Payload)>),
    /// Reads a state key; the output is `{key, value, found}`.
    StateGet {
        /// Whose.
        scope: StateScope,
        /// The key.
        key: Payload,
        /// Value when there is none.
        default: Option<Payload>,
    },
    /// Writes state keys.
    StateSet {
        /// Whose.
        scope: StateScope,
        /// Key and value.
        entries: Vec<(Payload, Payload)>,
        /// How long it lives, in milliseconds.
        ttl_ms: Option<u64>,
    },
    /// Deletes a state key.
    StateDelete {
        /// Whose.
        scope: StateScope,
        /// The key.
        key: Payload,
    },
    /// Asks until slots are filled.
    SlotsFill(Box<SlotsFill>),
    /// Calls an MCP tool.
    Tool {
        /// Name as the host's catalogue has it.
        tool: String,
        /// Server the tool belongs to, when the flow says so.
        server: Option<String>,
        /// Arguments, an object.
        arguments: Payload,
        /// Variable that receives the result.
        save_as: Option<String>,
    },
    /// Calls a component.
    Component {
        /// Its name.
        component: String,
        /// Its operation.
        operation: String,
        /// Input.
        input: Payload,
    },
    /// Does nothing but route.
    Pass(Payload),
}

/// Whose a state key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StateScope {
    /// One participant on one channel; what `state.x` in a template means.
    #[default]
    User,
    /// One conversation.
    Conversation,
    /// Everybody in the team.
    Team,
}

impl StateScope {
    /// Every scope with its name in files.
    pub const NAMES: [(&'static str, Self); 3] = [
        ("user", Self::User),
        ("conversation", Self::Conversation),
        ("team", Self::Team),
    ];

    /// The name in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Conversation => "conversation",
            Self::Team => "team",
        }
    }
}

/// A state key a flow reads by path: `state.x`, or `state.team.x`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateKey {
    /// Whose.
    pub scope: StateScope,
    /// The key.
    pub key: String,
    /// Whether the path spelt the scope out, so that the value stands one level deeper.
    pub spelt: bool,
}

/// Asks for slots until they hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SlotsFill {
    /// Indices into the flow's slots.
    pub slots: Vec<u32>,
    /// Sent first; a message as `emit.response` takes it.
    pub prompt: Payload,
    /// Sent when an answer does not fit; the prompt again when absent.
    pub reask: Option<Payload>,
    /// Answers allowed before the node fails; 0 is without end.
    pub max_attempts: u32,
    /// How long the conversation may rest, in milliseconds.
    pub ttl_ms: Option<u64>,
    /// Ask even if the slots are filled.
    pub always: bool,
}

/// Where `flow.goto` leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum GotoTarget {
    /// A flow of this definition, and perhaps a node in it.
    Local {
        /// Index in the definition.
        flow: u32,
        /// Index of the node.
        node: Option<u32>,
    },
    /// `pack/flow`: the host finds it.
    Foreign(String),
}

/// What kind of message a node sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EmitKind {
    /// Text, card, quick replies and attachments in one payload.
    Response,
    /// Text.
    Text,
    /// An Adaptive Card.
    Card,
    /// Text with answers to choose from.
    QuickReplies,
    /// A file, an image, a sound.
    Attachment,
    /// "Is typing".
    Typing,
    /// Changes a message sent before.
    Edit,
    /// Takes back a message sent before.
    Delete,
    /// A reaction to a message.
    Reaction,
}

/// Importance of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// For the author.
    Debug,
    /// Worth knowing.
    Info,
    /// Should not be.
    Warn,
    /// Went wrong.
    Error,
}
