//! World `mcp-tool`: implement [`Tools`] and export the type with `export_tools!`.

pub use crate::bindings::imports::greentic::mcp::types::{
    Annotations, Content, Embedded, Media, ResourceLink, Tool, ToolResult,
};
pub use crate::bindings::tool::exports::greentic::mcp::tools::{Descriptor, Guest as Tools};

impl ToolResult {
    /// A structured answer, with the same JSON as text beside it for clients that read only text.
    #[must_use]
    pub fn structured(json: String) -> Self {
        Self {
            content: vec![Content::Text(json.clone())],
            structured: Some(json),
            is_error: false,
        }
    }

    /// The tool ran and failed in a way the caller can read and react to.
    #[must_use]
    pub fn failure(text: impl Into<String>) -> Self {
        Self {
            content: vec![Content::Text(text.into())],
            structured: None,
            is_error: true,
        }
    }
}
