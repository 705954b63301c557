//! The compiled form of flows: what the loader writes and the interpreter runs.

mod expr;
mod flow;
mod path;
mod template;

pub use expr::{Comparison, Condition, Expr, Fold, Function, Operator, PlainOperator};
pub use flow::{
    CallPolicy, Definition, EmitKind, Flow, GotoTarget, IR_VERSION, LogLevel, Node, Operation,
    Route, Slot, SlotType, SlotsFill, StateKey, StateScope, Target,
};
pub use path::{Path, Root, follow};
pub use template::{BlockPart, Helper, Part, Payload, Term};

impl Definition {
    /// The definition as CBOR, as [`crate::Program::load`] reads it.
    ///
    /// # Errors
    /// When the encoder fails, which a definition made by the loader does not cause.
    pub fn to_cbor(&self) -> Result<Vec<u8>, crate::LoadError> {
        let mut bytes = Vec::new();
        ciborium::into_writer(self, &mut bytes)
            .map_err(|error| crate::LoadError::Malformed(error.to_string()))?;
        Ok(bytes)
    }
}
