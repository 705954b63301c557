//! Where a condition or a template reads a value from.
//!
//! Paths are resolved as far as the flow's text allows: the root is known at load, node ids are indices, and only the
//! last steps are looked up while a turn runs. A step that is not there yields null, never an error.

use serde::{Deserialize, Serialize};

/// The named places a flow can read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Root {
    /// The output of the node whose routing is evaluated; its fields stand at the top level of a condition.
    Output,
    /// The inbound event, also written `in`.
    Entry,
    /// The output of the node that ran before this one.
    Prev,
    /// The output of the node with this index in the same flow.
    Node(u32),
    /// Conversation variables, set by `var.set`, shared by all flows of a conversation.
    Vars,
    /// Key-value state kept by the host; every key named in the flow is read before its node runs.
    State,
    /// The flow's parameters: defaults, overlaid by what the caller passed.
    Params,
    /// Slots filled so far.
    Slots,
    /// What the user answered: text, action, data and the data's own fields.
    Response,
    /// The outcome port of the node: `on_success`, `on_error`, `skipped`, …
    Event,
    /// Milliseconds since the Unix epoch, as the host gave it for this turn.
    Now,
    /// The user's locale, a BCP 47 tag.
    Locale,
    /// In `out_map`: what the operation returned.
    Result,
    /// In `err_map` and on an error port: the list of errors.
    Errors,
}

impl Root {
    /// The root for a name as authors write it; `node` is not among them because it needs an id.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "entry" | "in" => Self::Entry,
            "prev" => Self::Prev,
            "vars" => Self::Vars,
            "state" => Self::State,
            "params" => Self::Params,
            "slots" => Self::Slots,
            "response" => Self::Response,
            "event" => Self::Event,
            "now" => Self::Now,
            "locale" => Self::Locale,
            "result" => Self::Result,
            "errors" => Self::Errors,
            _ => return None,
        })
    }

    /// Names an author may write at the start of a path.
    pub const NAMES: [&'static str; 14] = [
        "entry", "in", "prev", "node", "vars", "state", "params", "slots", "response", "event",
        "now", "locale", "result", "errors",
    ];
}

/// A path from a root: `node.lookup.ticket.id` is root `Node(lookup)` and the steps `ticket`, `id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Path {
    /// Where it starts.
    pub root: Root,
    /// Field names; a step of digits also indexes a list.
    pub steps: Vec<String>,
}

/// Follows `steps` from `value`; `None` when a step is absent.
#[must_use]
pub fn follow<'a>(
    mut value: &'a serde_json::Value,
    steps: &[String],
) -> Option<&'a serde_json::Value> {
    for step in steps {
        value = match value {
            serde_json::Value::Object(map) => map.get(step)?,
            serde_json::Value::Array(list) => list.get(step.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(value)
}
