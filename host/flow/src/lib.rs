//! The `.ygtc` flow: schema, loader, validator, interpreter.
//!
//! [`compile`](compile::compile) reads files and reports every fault at its place; what is sound becomes an
//! [`ir::Definition`], which travels as CBOR. [`Program::load`] makes it ready, [`Program::turn`] runs one turn: a pure
//! function of event, snapshot and the answers of its [`Effects`]. Without the feature `compile` the crate is the
//! interpreter alone, with neither a YAML reader nor the grammars of CEL and Handlebars in it.
//!
//! What the format leaves open is defined here:
//!
//! - **Conditions.** A text that is one comparison of a path with a quoted text, a number, `true` or `false`
//!   (`response.action == "about"`, `amount >= 10`, `text contains help`) has the older grammar's meaning: text without
//!   case, numbers out of texts too, false when the path is absent. Everything else is CEL, where an absent path is null
//!   and case counts; brackets make CEL of a single comparison. A condition that has no value (a number compared with a
//!   text) does not hold, and the log says why.
//! - **Routes.** The first whose condition holds is taken; one without a condition always is; none at all ends the flow.
//!   When only conditions stand and none holds, the conversation rests at the node, and the next message tries them
//!   again without running the node again.
//! - **Errors.** A node whose routing names `on_error`, `on_timeout` or `on_cancel` gets its failures as
//!   `{errors: [{code, message, retryable, node}]}`; `on_error` takes those of the other two that are not named. In every
//!   other node a failure ends the turn with [`FlowError::NodeFailed`].
//! - **`when`.** A node whose `when` does not hold is skipped: it does nothing, its output is empty, its outcome is
//!   `skipped`, and it goes to `when.else`, else by its routing, else out.
//! - **`retry` and `timeout`** are asked of the host in a [`ir::CallPolicy`]; the guest never sleeps.
//! - **Waits.** Messages, button presses and forms, commands and custom events end a rest; others do so only where
//!   `session.wait` names them in `on`. A command with an entrypoint `command:<name>` in the first flow starts there from
//!   any rest and keeps the variables. A custom event `wait-timeout` takes the route for `on_timeout`.
//! - **`flow.call`** may wait; the call stack is in the snapshot. The output of the callee's last node becomes the output
//!   of the call. Variables belong to the conversation, slots and outputs to the flow.

#[cfg(feature = "compile")]
pub mod compile;
mod contract;
mod engine;
mod eval;
mod event;
#[cfg(feature = "compile")]
pub mod graph;
pub mod ir;
mod outbound;
#[cfg(feature = "compile")]
mod rule;
#[doc(hidden)]
pub use serde_json;

pub use engine::*;
pub use eval::EvalError;
pub use event::*;
pub use outbound::{Outbound, OutboundBody, QuickReply, outbound, payload_keys};
#[cfg(feature = "compile")]
pub use rule::RuleCondition;

/// Outcome ports: the success family first, then the error family, then what a skipped node has.
pub const PORTS: [&str; 7] = [
    "on_success",
    "on_complete",
    "on_submit",
    "on_error",
    "on_cancel",
    "on_timeout",
    "skipped",
];
