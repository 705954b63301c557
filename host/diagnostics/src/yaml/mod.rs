//! YAML 1.2 (and so JSON) as a tree in which every key and value knows its place.
//!
//! Stricter than YAML: one document, keys are scalars and unique, no merge keys, no application tags, no infinite
//! numbers. Bounded: [`MAX_BYTES`] of text, [`MAX_DEPTH`] levels, [`MAX_NODES`] nodes after aliases are expanded, so a
//! small text cannot unfold into a large tree.

mod build;
mod node;
mod scalar;
#[cfg(test)]
mod tests;

pub use build::{MAX_BYTES, MAX_DEPTH, MAX_NODES, parse, read};
pub use node::{Entry, Mapping, Node, Value, Written};
