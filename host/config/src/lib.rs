//! The bundle: schema, loader, diagnostics with line and column.
