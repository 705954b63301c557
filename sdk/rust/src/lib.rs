//! What a plugin written in Rust builds on: bindings and helpers.
