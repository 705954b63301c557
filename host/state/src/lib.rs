//! Key-value state for flows and nodes, scoped by the host.
