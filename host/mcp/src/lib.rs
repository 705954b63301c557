//! Tools as the Model Context Protocol has them: which ones a team was given, and calls to them.
//!
//! The host checks arguments against a tool's input schema before each call, and the structured result against its output
//! schema after it, so that neither a flow nor a tool has to.

mod catalogue;
mod tool;

pub use catalogue::{Catalogue, Server};
pub use tool::{Tool, ToolError};
