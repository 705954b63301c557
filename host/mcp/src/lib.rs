//! The tool catalogue and the MCP server endpoint.
