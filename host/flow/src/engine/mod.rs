//! The interpreter: a turn is a function of definition, event, snapshot and the answers of its calls.
//!
//! Nothing here waits, reads a clock or draws a random number. The same input with the same answers gives the same
//! output, byte for byte, which is what lets the host run a turn again.

mod calls;
mod effects;
mod packed;
mod program;
mod resume;
mod slots;
mod snapshot;
mod turn;
mod world;

pub use effects::{CallError, Effects, ToolOutcome};
pub use program::{LoadError, Program};
pub use resume::WAIT_TIMEOUT;
pub use snapshot::{MAX_SNAPSHOT, Phase, SavedFrame, Snapshot};

use serde_json::{Map, Value};

use crate::event::Event;
use crate::outbound::Outbound;

/// Most nodes that may run in one turn; a flow that needs more loops without a wait.
pub const MAX_STEPS: usize = 512;
/// Most messages a turn may send; the contract's limit.
pub const MAX_OUTBOUND: usize = 64;
/// Most flows that may be in progress through `flow.call` at once.
pub const MAX_CALL_DEPTH: usize = 16;

/// Everything a turn depends on.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnInput {
    /// What happened.
    pub event: Event,
    /// What the last turn returned; `None` at the start of a conversation.
    pub snapshot: Option<Vec<u8>>,
    /// Named start; `None` lets the flow choose by command, kind of event, `default` and `start`.
    pub entrypoint: Option<String>,
    /// The binding's parameters, over the flow's defaults.
    pub parameters: Map<String, Value>,
    /// Time of the turn, milliseconds since the Unix epoch.
    pub now_ms: u64,
    /// BCP 47 tag of the user's language.
    pub locale: String,
    /// Equal on every replay of the turn.
    pub seed: u64,
}

/// What a turn results in.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TurnOutput {
    /// To hand to the next turn; `None` when the conversation is over.
    pub snapshot: Option<Vec<u8>>,
    /// What to send, in order.
    pub outbound: Vec<Outbound>,
    /// Set when the conversation rests.
    pub wait: Option<Wait>,
    /// Go on with this flow of another pack (`pack/flow`), for the same event.
    pub goto: Option<String>,
    /// `flow/node` of the nodes that ran, in order.
    pub path: Vec<String>,
    /// The `status` of the route that ended the conversation.
    pub status: Option<String>,
}

/// How long a conversation may rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wait {
    /// Milliseconds; the host's default when absent.
    pub ttl_ms: Option<u64>,
    /// What the host does then.
    pub wake: Wake,
}

/// What the host does when a rest is over and nobody answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wake {
    /// The turn changed nothing: what was said before holds.
    #[default]
    Unchanged,
    /// Nothing.
    Never,
    /// Give the flow the custom event [`WAIT_TIMEOUT`].
    AtEnd,
}

/// Why a turn has no result.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FlowError {
    /// The definition has no such flow.
    #[error("there is no flow `{0}` in the definition")]
    UnknownFlow(String),
    /// The snapshot cannot be continued: it is damaged, or its flow or node is gone. The host starts anew.
    #[error("the snapshot cannot be continued: {0}")]
    BadSnapshot(String),
    /// A node failed and the flow has no error port for it.
    #[error("node `{node}` failed with {code}: {message}")]
    NodeFailed {
        /// `flow/node`.
        node: String,
        /// As in [`CallError`].
        code: String,
        /// For people.
        message: String,
        /// The cause may pass: run the turn again later.
        retryable: bool,
    },
    /// The flow loops without a wait.
    #[error(
        "more than {MAX_STEPS} nodes ran in one turn, last `{node}`: the flow loops without a wait"
    )]
    Runaway {
        /// `flow/node` that would have been next.
        node: String,
    },
    /// Too many flows call each other.
    #[error("more than {MAX_CALL_DEPTH} flows call each other, at `{node}`")]
    TooDeep {
        /// `flow/node` of the call.
        node: String,
    },
    /// A result is larger than the contract allows.
    #[error("the {what} is larger than {limit}")]
    TooLarge {
        /// What.
        what: &'static str,
        /// The limit: bytes, or messages.
        limit: usize,
    },
    /// A fault of the engine or of whoever made the definition.
    #[error("{0}")]
    Internal(String),
}
